// The target that a run folder keeps, as pixels.
//
//   target.safetensors   "target" [H,W,4] F32, prepared as the settings say, without the padding
//
// So a run needs neither the picture's file nor a font again, and its target is the same
// everywhere. Version 0.1.0 kept a copy of the file as target.EXTENSION, and nothing of an emoji.
#ifndef NCA_TASK_KEPT_TARGET_H
#define NCA_TASK_KEPT_TARGET_H

#include "base/files.h"
#include "nca/image.h"

nca_status nca_kept_target_write(const char *folder, const nca_image *target, nca_error *error);
bool nca_kept_target_is_there(const char *folder);
// The caller frees `out`. NCA_FORMAT where it is damaged, with the way out.
nca_status nca_kept_target_read(const char *folder, nca_image *out, nca_error *error);

// Where to make the target of a folder anew from: the copy of an older one, where there is one
// (another file of that name may lie where the program runs now), else `target` itself. The result
// is `path` or `target`.
const char *nca_kept_target_find(const char *folder, const char *target, char path[NCA_PATH_BYTES]);

#endif
