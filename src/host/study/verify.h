// Checks a device against the outside oracle, and against itself.
#ifndef NCA_STUDY_VERIFY_H
#define NCA_STUDY_VERIFY_H

#include <stdio.h>

#include "nca/backend.h"

// One oracle file (rollout or adam_*), as the oracle's README describes. Prints a line for each
// tensor: relative error and allowance. *passed is false where any is above. NCA_FORMAT for a file
// that is no oracle case.
nca_status nca_verify_file(const char *path, const nca_compute *compute, FILE *to, bool *passed,
                           nca_error *error);

// Without files: gradients against finite differences in f64 (the reference backend), the device
// against the reference on built-in cases, and every CPU variant against the scalar one.
nca_status nca_verify_built_in(const nca_compute *compute, const nca_device_options *options,
                               FILE *to, bool *passed, nca_error *error);

#endif
