// Perception and its transpose for 16 channels: a cell is one or two vectors.
#ifndef NCA_CPU_PERCEIVE_SIMD_H
#define NCA_CPU_PERCEIVE_SIMD_H

#include "mlp_simd.h"

static void perceive(const float *state, size_t row, int channels, const uint32_t *cells, int count,
                     nca_cpu_rotation rotation, float *p)
{
    (void)channels;
    const vector two = vector_all(2), eighth = vector_all(0.125f);
    const vector cosine = vector_all(rotation.cosine), sine = vector_all(rotation.sine);
    for (int i = 0; i < count; i++, p += INPUTS)
        UNROLL for (int lane = 0; lane < CHANNELS; lane += LANES)
        {
            const float *x = state + (size_t)cells[i] * CHANNELS + lane, *above = x - row,
                        *below = x + row;
            const vector a = vector_load(above - CHANNELS), b = vector_load(above),
                         c = vector_load(above + CHANNELS), d = vector_load(x - CHANNELS),
                         e = vector_load(x + CHANNELS), f = vector_load(below - CHANNELS),
                         g = vector_load(below), h = vector_load(below + CHANNELS);
            // Along the diagonals the two gradients share their differences.
            const vector falling = vector_sub(h, a), rising = vector_sub(c, f);
            const vector gx =
                vector_mul(eighth, vector_fma(two, vector_sub(e, d), vector_add(falling, rising)));
            const vector gy =
                vector_mul(eighth, vector_fma(two, vector_sub(g, b), vector_sub(falling, rising)));
            vector_store(p + lane, vector_load(x));
            vector_store(p + CHANNELS + lane,
                         vector_sub(vector_mul(cosine, gx), vector_mul(sine, gy)));
            vector_store(p + 2 * CHANNELS + lane,
                         vector_add(vector_mul(sine, gx), vector_mul(cosine, gy)));
        }
}

INLINE void add_to(float *to, vector x)
{
    vector_store(to, vector_add(vector_load(to), x));
}

static void perceive_backward(const float *dp, size_t row, int channels, const uint32_t *cells,
                              int count, nca_cpu_rotation rotation, float *gradient)
{
    (void)channels;
    const vector cosine = vector_all(rotation.cosine / 8), sine = vector_all(rotation.sine / 8);
    for (int i = 0; i < count; i++, dp += INPUTS)
        UNROLL for (int lane = 0; lane < CHANNELS; lane += LANES)
        {
            float *at = gradient + (size_t)cells[i] * CHANNELS + lane, *above = at - row,
                  *below = at + row;
            const vector px = vector_load(dp + CHANNELS + lane),
                         py = vector_load(dp + 2 * CHANNELS + lane);
            const vector x = vector_add(vector_mul(cosine, px), vector_mul(sine, py));
            const vector y = vector_sub(vector_mul(cosine, py), vector_mul(sine, px));
            const vector x2 = vector_add(x, x), y2 = vector_add(y, y), zero = vector_zero();
            const vector falling = vector_add(x, y), rising = vector_sub(x, y);
            add_to(above - CHANNELS, vector_sub(zero, falling));
            add_to(above, vector_sub(zero, y2));
            add_to(above + CHANNELS, rising);
            add_to(at - CHANNELS, vector_sub(zero, x2));
            add_to(at, vector_load(dp + lane));
            add_to(at + CHANNELS, x2);
            add_to(below - CHANNELS, vector_sub(zero, rising));
            add_to(below, y2);
            add_to(below + CHANNELS, falling);
        }
}

#endif
