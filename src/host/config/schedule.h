// The optimizer's settings that are texts: transforms of the gradient, schedule of the rate.
#ifndef NCA_CONFIG_SCHEDULE_H
#define NCA_CONFIG_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "nca/plan.h"

// "none", or "normalize", "clip:X" and "global:X" separated by commas, applied in this order.
nca_status nca_transforms_parse(const char *text, nca_optimizer_step *out, nca_error *error);

// "constant", "cosine", or "steps:UxF[,...]": after U updates the rate is multiplied by F. Leaves
// rate and updates as they are.
nca_status nca_schedule_parse(const char *text, nca_schedule *out, nca_error *error);

// Whether the rate of an update depends on how many there are in all.
bool nca_schedule_needs_updates(const char *text);

#endif
