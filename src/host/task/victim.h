// What the tasks of adversaries share: the victim, and the cells that the adversary moves.
#ifndef NCA_TASK_VICTIM_H
#define NCA_TASK_VICTIM_H

#include "nca/model.h"
#include "nca/task.h"

// The rule of the setting `victim`, or the one that the run's folder keeps. `usual` says what the
// file does not. The caller frees it.
nca_status nca_victim_load(const nca_content_source *source, const nca_spec *usual, nca_model *out,
                           nca_error *error);
// Keeps it in a run folder, as victim.safetensors, where it is not there yet.
nca_status nca_victim_keep(const nca_content_source *source, const nca_spec *usual,
                           const char *folder, nca_error *error);
// Refuses a victim whose cells are not those of the session: both rules move the same ones.
nca_status nca_victim_check(const nca_model *victim, const nca_shape *shape, nca_error *error);

enum { NCA_OWNER_ADVERSARY, NCA_OWNER_VICTIM };

// How many masks there are; each says by its number alone which cells the adversary moves.
#define NCA_MASKS ((int64_t)1 << 32)
// Whether a mask gives a cell to the adversary, each with the probability `share`.
bool nca_mask_has(int64_t mask, size_t cell, double share);

#endif
