// What a file of a rule's tensors says of its spec.
#ifndef NCA_MODEL_SPEC_READ_H
#define NCA_MODEL_SPEC_READ_H

#include "model/safetensors.h"
#include "nca/spec.h"

// A number of the metadata, and what it is where the file has none.
typedef struct nca_saved_number {
    const char *key;
    double min, max, otherwise;
} nca_saved_number;

// NCA_FORMAT where it is no number, or out of its range.
nca_status nca_saved_number_read(const nca_tensors *tensors, const nca_saved_number *setting,
                                 double *out, nca_error *error);

// Kinds from the metadata "perception", "alive", "frozen", "alive_channel" and "noise", those of
// `usual` where there are none (NULL: the article's); sizes from the shapes of the tensors.
// NCA_ARGUMENT where these are of another kind of rule.
nca_status nca_spec_read(const nca_tensors *tensors, const nca_spec *usual, nca_spec *out,
                         nca_error *error);

#endif
