// The target that a rule is judged by: the run folder's own, or another.
#ifndef NCA_RUN_RUN_TARGET_H
#define NCA_RUN_RUN_TARGET_H

#include "nca/config.h"
#include "nca/image.h"
#include "nca/model.h"

typedef struct nca_target_arguments {
    const char *target, *background, *font, *grid;
    int64_t target_size, padding;   // negative: not given
    int trim;                       // negative: not given
} nca_target_arguments;

#define NCA_TARGET_NOT_GIVEN                         \
    {                                                \
        .target_size = -1, .padding = -1, .trim = -1 \
    }

// The target padded to its grid. `path` is the model: a run folder says itself what it was trained
// on. The caller frees `out`.
nca_status nca_target_arguments_load(const nca_target_arguments *arguments, const char *path,
                                     const nca_model *model, nca_image *out, nca_error *error);

// Makes the path of a font whole, so that it is found from any folder; one that is not there stays as
// it is, for the message.
void nca_target_keep_font(nca_config *config);

// How a target is prepared by these settings, from `source`. Points into the config.
nca_target_options nca_target_options_of(const nca_config *config, const char *source);

#endif
