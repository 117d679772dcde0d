// The damage settings, and how they change as training goes on.
#ifndef NCA_CONFIG_DAMAGE_STAGES_H
#define NCA_CONFIG_DAMAGE_STAGES_H

#include "nca/plan.h"

// The stages that the damage settings and `damage_changes` ask for. NCA_ARGUMENT names the option
// that cannot be: a text that is not understood, a value out of its setting's range, radii out of
// order, or more samples damaged and reseeded than a batch has.
nca_status nca_damage_stages_make(const nca_config *config, nca_damage_stages *out,
                                  nca_error *error);

#endif
