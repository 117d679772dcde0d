// Damage drawn at random: circles, holes in the middle, and halves of the grid.
#include "task/damage.h"

#include <math.h>

// A circle with its centre uniform in (-1/2, 1/2)^2 and a uniform radius, where -1 and 1 are the
// first and last cell of an axis.
static nca_region draw_circle(const nca_damage *what, const double draw[3], double half_y,
                              double half_x)
{
    const double radius = what->radius_min + draw[2] * (what->radius_max - what->radius_min);
    return (nca_region){.kind = NCA_REGION_CIRCLE,
                        .center_y = (draw[0] + 0.5) * half_y,
                        .center_x = (draw[1] + 0.5) * half_x,
                        .radius_y = radius * half_y,
                        .radius_x = radius * half_x};
}

// What such circles seldom are: in the middle within a tenth of half an axis, and of the size of
// the hole that a rule is judged by.
static nca_region draw_hole(const double draw[3], double half_y, double half_x)
{
    const double radius = 0.15 + 0.2 * draw[2];
    return (nca_region){.kind = NCA_REGION_CIRCLE,
                        .center_y = (0.9 + 0.2 * draw[0]) * half_y,
                        .center_x = (0.9 + 0.2 * draw[1]) * half_x,
                        .radius_y = radius * half_y,
                        .radius_x = radius * half_x};
}

nca_region nca_damage_half(double angle, double offset, int height, int width)
{
    const double half_y = (height - 1) / 2.0, half_x = (width - 1) / 2.0;
    const double radius = 1e4, distance = radius + offset;
    return (nca_region){.kind = NCA_REGION_CIRCLE,
                        .center_y = (1 + distance * sin(angle)) * half_y,
                        .center_x = (1 + distance * cos(angle)) * half_x,
                        .radius_y = radius * half_y,
                        .radius_x = radius * half_x};
}

nca_region nca_damage_draw(nca_key key, uint32_t number, const nca_damage *what, int height,
                           int width)
{
    const double half_y = (height - 1) / 2.0, half_x = (width - 1) / 2.0;
    double draw[6];
    for (uint32_t i = 0; i < 6; i++)
        draw[i] = nca_random_uniform(key, NCA_RANDOM_DAMAGE, number, 0, i);
    // At any angle, past the middle within a tenth of half an axis.
    if (draw[3] < what->halves)
        return nca_damage_half(2 * 3.14159265358979323846 * draw[4], 0.2 * draw[5] - 0.1, height,
                               width);
    return draw[4] < what->centred ? draw_hole(draw, half_y, half_x)
                                   : draw_circle(what, draw, half_y, half_x);
}
