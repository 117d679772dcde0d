// Perturbations by their names: "none", or "state-noise:0.1".
#ifndef NCA_CONFIG_PERTURBATION_H
#define NCA_CONFIG_PERTURBATION_H

#include "nca/plan.h"

// By their kinds: "none", "input-gradient", ...
extern const char *const nca_perturbation_words[NCA_PERTURBATIONS];

// The largest strength of a kind: 1 where it is a share of the cells.
double nca_perturbation_strength_max(nca_perturbation_kind kind);

// "none", or a kind with its strength, above 0 and up to its largest: "salt:0.05". NCA_ARGUMENT
// for another text, with the kinds there are.
nca_status nca_perturbation_read(const char *text, nca_perturbation *out, nca_error *error);

#endif
