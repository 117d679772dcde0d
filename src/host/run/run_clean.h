// What a finished run no longer needs.
#ifndef NCA_RUN_RUN_CLEAN_H
#define NCA_RUN_RUN_CLEAN_H

#include <stdbool.h>
#include <stdint.h>

#include "nca/status.h"

typedef struct nca_cleaned {
    int checkpoints;            // removed
    int64_t checkpoint_bytes;   // of these
    int64_t leftover_bytes;     // of what a killed process had left half written
    int64_t kept_bytes;         // of the latest checkpoint, where it stays
} nca_cleaned;

// Removes the checkpoints before the latest one, and what is half written; with `all` the latest
// one too, so that the run can no longer be trained on. What can be looked at, judged and run
// stays. Refuses, before anything is removed, a folder in which a process trains, and a run that is
// not finished or whose rule cannot be read; and without `all` one whose latest checkpoint is
// damaged or missing while there is one before it.
nca_status nca_run_clean(const char *folder, bool all, nca_cleaned *out, nca_error *error);

#endif
