// The seed: a grid of zeros but for one cell, whose channels from alpha on are one.
// Source: Mordvintsev et al. 2020.
#ifndef NCA_TASK_SEED_H
#define NCA_TASK_SEED_H

#include "nca/tensor.h"

// Puts a seed into a state [H,W,C] at row y, column x; the other cells stay.
static inline void nca_seed_put(float *state, int width, int channels, int y, int x)
{
    float *cell = state + ((size_t)y * (size_t)width + (size_t)x) * (size_t)channels;
    for (int k = NCA_ALPHA; k < channels; k++)
        cell[k] = 1;
}

#endif
