// Damage as training does it, and as those who judge a rule repeat it.
#ifndef NCA_TASK_DAMAGE_H
#define NCA_TASK_DAMAGE_H

#include "nca/plan.h"

// The same key and number give the same damage. Source of the circles: Mordvintsev et al. 2020, the
// notebook's make_circle_masks. `samples` is not looked at.
nca_region nca_damage_draw(nca_key key, uint32_t number, const nca_damage *what, int height,
                           int width);

#endif
