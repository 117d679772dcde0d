// Damage as it is typed: WHAT@STEP.
#ifndef NCA_CLI_DAMAGE_H
#define NCA_CLI_DAMAGE_H

#include "eval/movie.h"

// upper, lower, left, right or center; circle:Y,X,RADIUS; box:TOP,LEFT,BOTTOM,RIGHT (in cells, the
// last two one past the end); then @STEP, 0..steps.
nca_status nca_damage_parse(const char *text, int height, int width, int steps,
                            nca_film_damage *out, nca_error *error);

#endif
