// What an observation keeps of the states that pass by; private to eval/observe*.c.
#ifndef NCA_EVAL_OBSERVE_KEEP_H
#define NCA_EVAL_OBSERVE_KEEP_H

#include "eval/observe.h"

// How many rollouts are watched: the cuts by which the task judges, or its exchange, and one that
// is left as it is.
int nca_observed_rollouts(const nca_task *task);

// Chooses how much is kept, so that a page about it stays small, and allocates it.
nca_status nca_observation_create(const nca_shape *shape, const nca_task *task,
                                  const nca_observe_options *options, nca_observation *out,
                                  nca_error *error);

// A state [H,W,C] of the traced rollout after `step` steps: traces, samples and ranges.
void nca_observation_follow(nca_observation *observation, int step, const float *state);

// Whether a frame of this step is kept, and the frame itself, of a state [H,W,C].
bool nca_observed_frame_is_due(const nca_observed_frames *frames, int step);
void nca_observed_frame_add(const nca_observation *observation, nca_observed_frames *frames,
                            int step, const float *state, uint8_t *scratch);

#endif
