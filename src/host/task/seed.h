// The seed: a grid of zeros but for one cell, whose channels from alpha on are one.
// Source: Mordvintsev et al. 2020.
#ifndef NCA_TASK_SEED_H
#define NCA_TASK_SEED_H

#include <stdbool.h>

#include "nca/image.h"
#include "nca/plan.h"
#include "nca/tensor.h"

// Puts a seed into a state [H,W,C] at row y, column x; the other cells stay.
static inline void nca_seed_put(float *state, int width, int channels, int y, int x)
{
    float *cell = state + ((size_t)y * (size_t)width + (size_t)x) * (size_t)channels;
    for (int k = NCA_ALPHA; k < channels; k++)
        cell[k] = 1;
}

// Whether a seed at row y, column x may live in the end: whether a cell of the target in its 3x3
// neighbourhood is above the threshold of life.
bool nca_seed_can_live(const nca_image *target, int y, int x);

// The visible cell of the target that is nearest to the middle; of equals the first, row by row.
// False where no cell is above the threshold of life; `place` then stays.
bool nca_seed_find(const nca_image *target, int place[2]);

// The cell of the grid on which a seed stands; the middle for NCA_SEED_AUTO. NCA_ARGUMENT where it
// is none of the grid's.
nca_status nca_seed_cell(const nca_seed_at *seed, const nca_grid *grid, int place[2],
                         nca_error *error);

#endif
