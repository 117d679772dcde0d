// The latest checkpoints of a run: checkpoint.safetensors, and checkpoint-2.safetensors before it,
// and so on.
#ifndef NCA_RUN_RUN_CHECKPOINTS_H
#define NCA_RUN_RUN_CHECKPOINTS_H

#include "base/files.h"
#include "nca/train.h"

enum { NCA_CHECKPOINTS_MAX = 100 };

// Where a checkpoint lies; place 1 is the latest one.
nca_status nca_checkpoints_name(const char *folder, int place, char path[NCA_PATH_BYTES],
                                nca_error *error);

// Saves the latest one. Where it does not fail, what was the latest is then the one before it, and
// no more than `keep` are left; where it fails, all of them are as they were.
//   is_again   of the same update as the latest: only takes its place
nca_status nca_checkpoints_save(nca_trainer *trainer, const char *folder, int keep, bool is_again,
                                nca_error *error);

// Restores the latest checkpoint that is whole.
//   place    out: of that one; 0 where the folder has none at all, and the trainer is as it was
//   damage   out: what is wrong with the ones after it; its message is empty where there is none
// NCA_FORMAT where every one is damaged, NCA_ARGUMENT where one is of another run.
nca_status nca_checkpoints_restore(nca_trainer *trainer, const char *folder, int *place,
                                   nca_error *damage, nca_error *error);

// What an arithmetic (nca/backend.h) rounds the network's factors to, as --precision calls it.
const char *nca_precision_of(const char *arithmetic);
// In which precision the latest checkpoint that can be read was trained; NULL where there is none.
const char *nca_checkpoints_precision(const char *folder);

// Removes those after `place`, which becomes the latest one.
nca_status nca_checkpoints_go_back(const char *folder, int place, nca_error *error);

// Removes those from `place` on; returns their bytes, and how many in *count.
int64_t nca_checkpoints_remove(const char *folder, int place, int *count);

#endif
