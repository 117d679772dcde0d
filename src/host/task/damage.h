// Damage as training does it, and as those who judge a rule repeat it.
#ifndef NCA_TASK_DAMAGE_H
#define NCA_TASK_DAMAGE_H

#include "nca/backend.h"

// What damage may be, by the names in nca/config.h; radii are in units of half the grid.
typedef struct nca_damage {
    double radius_min, radius_max;
    double halves;   // probability that it is half of the grid, and no circle
} nca_damage;

// The same key and number give the same damage. Source of the circles: Mordvintsev et al. 2020, the
// notebook's make_circle_masks.
nca_region nca_damage_draw(nca_key key, uint32_t number, const nca_damage *what, int height,
                           int width);

#endif
