// How long a run will take and how large its folder will be, before it begins.
#ifndef NCA_RUN_RUN_ESTIMATE_H
#define NCA_RUN_RUN_ESTIMATE_H

#include "nca/backend.h"
#include "nca/config.h"
#include "nca/image.h"
#include "nca/plan.h"

typedef struct nca_run_estimate {
    double update_seconds;   // of one update
    double bytes;            // of the folder when all is done
} nca_run_estimate;

// Times a short rollout and its backward pass on a grid that is as full as the target is, with a
// session of its own: for a moment, and before the training has one.
//   target   padded to the grid; NULL: all of the grid is full
// NCA_ARGUMENT where so little lives that there is nothing to time.
nca_status nca_run_estimate_make(const nca_config *config, const nca_plan *plan,
                                 const nca_image *target, const nca_compute *compute,
                                 nca_run_estimate *out, nca_error *error);

#endif
