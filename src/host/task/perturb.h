// Perturbations of a state: what an attack does to it, and a training against that attack.
#ifndef NCA_TASK_PERTURB_H
#define NCA_TASK_PERTURB_H

#include "nca/image.h"
#include "nca/plan.h"

// Whether it changes the picture that a sample is of; otherwise it changes the state that the cells
// have reached.
bool nca_perturbs_input(nca_perturbation_kind kind);
// Whether it needs the gradient of the loss.
bool nca_perturbs_by_gradient(nca_perturbation_kind kind);

// Perturbs a state, by any kind but cells. Only salt and killed change which cells live.
//   limit      above which the first frozen channel lets a cell live
//   sample     number of the sample in the draws
//   gradient   [H,W,C] of the loss by the state; read where it is needed
//   state      [H,W,C] in, out
// Source of the gradient's sign: Goodfellow, Shlens, Szegedy 2014, Explaining and Harnessing
// Adversarial Examples.
void nca_perturb(const nca_perturbation *perturbation, const nca_shape *shape, double limit,
                 nca_key key, uint32_t sample, const float *gradient, float *state);

// Draws the cells that the adversary moves in one sample: each cell that it may move, with the
// probability perturbation->strength. The rule that learns moves all others.
//   picture   that the sample should come to look like, of the grid's size: the adversary may move
//             only its visible cells; NULL: every cell
//   owners    [H,W] out, 1 for the adversary's cells and 0 for the others
void nca_perturb_owners(const nca_perturbation *perturbation, const nca_shape *shape,
                        const nca_image *picture, nca_key key, uint32_t sample, float *owners);

#endif
