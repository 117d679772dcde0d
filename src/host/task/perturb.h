// Perturbations of a state: what an attack does to it, and a training against that attack.
#ifndef NCA_TASK_PERTURB_H
#define NCA_TASK_PERTURB_H

#include "nca/plan.h"

// Whether it changes the picture that a sample is of; otherwise it changes the state that the cells
// have reached.
bool nca_perturbs_input(nca_perturbation_kind kind);
// Whether it needs the gradient of the loss.
bool nca_perturbs_by_gradient(nca_perturbation_kind kind);

// Perturbs a state. No perturbation but salt and killed changes which cells live.
//   limit      above which the first frozen channel lets a cell live
//   sample     number of the sample in the draws
//   gradient   [H,W,C] of the loss by the state; read where it is needed
//   state      [H,W,C] in, out
// Source of the gradient's sign: Goodfellow, Shlens, Szegedy 2014, Explaining and Harnessing
// Adversarial Examples.
void nca_perturb(const nca_perturbation *perturbation, const nca_shape *shape, double limit,
                 nca_key key, uint32_t sample, const float *gradient, float *state);

#endif
