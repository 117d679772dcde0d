// The copy of a target in its run folder.
#ifndef NCA_TASK_KEPT_TARGET_H
#define NCA_TASK_KEPT_TARGET_H

#include "base/files.h"

// Keeps a copy of a target that is a file, as FOLDER/target.EXTENSION; of an emoji nothing.
nca_status nca_kept_target_write(const char *folder, const char *target, nca_error *error);
// What to read a run's target from: the copy, where there is one (another file of that name may lie
// where the program runs now), else `target` itself. The result is `path` or `target`.
const char *nca_kept_target_find(const char *folder, const char *target, char path[NCA_PATH_BYTES]);

#endif
