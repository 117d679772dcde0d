// How far a device that computes the network in less than f32 is from itself in f32.
#ifndef NCA_VERIFY_PRECISION_H
#define NCA_VERIFY_PRECISION_H

#include "verify/verify.h"

// A difference, relative: its L2 norm to that of what is expected, and its largest element to the
// largest there.
typedef struct nca_precision_error {
    double norm, largest;
} nca_precision_error;

typedef struct nca_precision_errors {
    int tensors;                  // of the rule
    nca_precision_error states;   // after the rollout
    nca_precision_error gradient[NCA_TENSORS];
    nca_precision_error first_state;   // its gradient
} nca_precision_errors;

enum { NCA_PRECISION_BYTES = 768 };   // of the words

// One rollout of 12 steps on three grids of 24x24 and its gradients, of the same drawn rule and
// states in both precisions.
//   device, options   as nca_compute_open() took them; it is opened once more, in f32
//   reduced           the device that they gave
//   spec              of the rule: it decides by which path it is computed
nca_status nca_precision_measure(const char *device, const nca_device_options *options,
                                 const nca_compute *reduced, const nca_spec *spec,
                                 nca_precision_errors *out, nca_error *error);
// The same of two results that are there already.
void nca_precision_compare(const nca_shape *shape, const nca_verify_result *got,
                           const nca_verify_result *expected, nca_precision_errors *out);
//   precision         that it took, as nca_device_info has it
// In one line: "tf32 against f32, ...". Where the device computed in f32 all the same, as cuBLAS
// does with products that it finds too small, the line says so.
const char *nca_precision_words(const char *precision, const nca_precision_errors *errors,
                                char text[NCA_PRECISION_BYTES]);

#endif
