// What trainings of adversaries, and against them, share: the rule that stays as it is beside the
// one that learns, and the cells that the adversary moves.
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
// Refuses a rule whose cells are not those of the session: both rules move the same ones.
//   option   that names it: "victim"
nca_status nca_frozen_rule_check(const char *option, const nca_model *rule, const nca_shape *shape,
                                 nca_error *error);

// What it grows from its seed in so many steps, each with its own fire bits; on the CPU.
//   states   [count,H,W,C] out; the caller frees it
nca_status nca_victim_grow(const nca_model *victim, const nca_grid *grid, int count, int steps,
                           float **states, nca_error *error);

// Where an adversary is trained, the rules that share a session by their numbers there: the one
// that learns is the first. (With --perturb cells the victim learns: nca_perturb_owners.)
enum { NCA_OWNER_ADVERSARY, NCA_OWNER_VICTIM };

// How many masks there are; each says by its number alone which cells the adversary moves.
#define NCA_MASKS ((int64_t)1 << 32)
// Whether a mask gives a cell to the adversary, each with the probability `share`.
bool nca_mask_has(int64_t mask, size_t cell, double share);
// Whether an adversary may move a cell: where there is a picture, only what is visible in it.
//   picture   of the grid's size, or NULL
bool nca_adversary_may_move(const nca_image *picture, size_t cell);

#endif
