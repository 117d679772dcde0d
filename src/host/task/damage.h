// Damage as training does it, and as those who judge a rule repeat it.
#ifndef NCA_TASK_DAMAGE_H
#define NCA_TASK_DAMAGE_H

#include "nca/plan.h"

// The same key and number give the same damage. Source of the circles: Mordvintsev et al. 2020, the
// notebook's make_circle_masks. `samples` is not looked at.
nca_region nca_damage_draw(nca_key key, uint32_t number, const nca_damage *what, int height,
                           int width);

// All on one side of a line, as near as a circle can come to it: one so large that its edge strays
// from the line by less than a cell.
//   angle    in RADIANS, where the middle of the side lies: 0 is right, a quarter turn is down
//   offset   from the middle of the grid towards that side, where the line lies, in half axes
nca_region nca_damage_half(double angle, double offset, int height, int width);

#endif
