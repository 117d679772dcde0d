// Perception and its transpose by Sobel's filters and of the raw neighbourhood. Of 16 channels a
// cell is one or two vectors, which the compiler knows; of others the last vector may be a part of
// one.
#ifndef NCA_CPU_PERCEIVE_SIMD_H
#define NCA_CPU_PERCEIVE_SIMD_H

#include "mlp_simd.h"

INLINE void perceive_cells(const float *state, size_t row, const size_t channels,
                           const uint32_t *cells, int count, nca_cpu_rotation rotation, float *p)
{
    const vector two = vector_all(2), eighth = vector_all(0.125f);
    const vector cosine = vector_all(rotation.cosine), sine = vector_all(rotation.sine);
    for (int i = 0; i < count; i++, p += 3 * channels)
        for (size_t lane = 0; lane < channels; lane += LANES) {
            const float *x = state + (size_t)cells[i] * channels + lane, *above = x - row,
                        *below = x + row;
            const int tail = tail_of(channels, lane);
            const vector a = load(above - channels, tail), b = load(above, tail),
                         c = load(above + channels, tail), d = load(x - channels, tail),
                         e = load(x + channels, tail), f = load(below - channels, tail),
                         g = load(below, tail), h = load(below + channels, tail);
            // Along the diagonals the two gradients share their differences.
            const vector falling = vector_sub(h, a), rising = vector_sub(c, f);
            const vector gx =
                vector_mul(eighth, vector_fma(two, vector_sub(e, d), vector_add(falling, rising)));
            const vector gy =
                vector_mul(eighth, vector_fma(two, vector_sub(g, b), vector_sub(falling, rising)));
            store(p + lane, load(x, tail), tail);
            store(p + channels + lane, vector_sub(vector_mul(cosine, gx), vector_mul(sine, gy)),
                  tail);
            store(p + 2 * channels + lane, vector_add(vector_mul(sine, gx), vector_mul(cosine, gy)),
                  tail);
        }
}

static void perceive(const float *state, size_t row, int channels, const uint32_t *cells, int count,
                     nca_cpu_rotation rotation, float *p)
{
    if (channels == CHANNELS)
        perceive_cells(state, row, CHANNELS, cells, count, rotation, p);
    else
        perceive_cells(state, row, (size_t)channels, cells, count, rotation, p);
}

INLINE void add_to(float *to, vector x, int tail)
{
    store(to, vector_add(load(to, tail), x), tail);
}

INLINE void perceive_cells_backward(const float *dp, size_t row, const size_t channels,
                                    const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                    float *gradient)
{
    const vector cosine = vector_all(rotation.cosine / 8), sine = vector_all(rotation.sine / 8);
    for (int i = 0; i < count; i++, dp += 3 * channels)
        for (size_t lane = 0; lane < channels; lane += LANES) {
            float *at = gradient + (size_t)cells[i] * channels + lane, *above = at - row,
                  *below = at + row;
            const int tail = tail_of(channels, lane);
            const vector px = load(dp + channels + lane, tail),
                         py = load(dp + 2 * channels + lane, tail);
            const vector x = vector_add(vector_mul(cosine, px), vector_mul(sine, py));
            const vector y = vector_sub(vector_mul(cosine, py), vector_mul(sine, px));
            const vector x2 = vector_add(x, x), y2 = vector_add(y, y), zero = vector_zero();
            const vector falling = vector_add(x, y), rising = vector_sub(x, y);
            add_to(above - channels, vector_sub(zero, falling), tail);
            add_to(above, vector_sub(zero, y2), tail);
            add_to(above + channels, rising, tail);
            add_to(at - channels, vector_sub(zero, x2), tail);
            add_to(at, load(dp + lane, tail), tail);
            add_to(at + channels, x2, tail);
            add_to(below - channels, vector_sub(zero, rising), tail);
            add_to(below, y2, tail);
            add_to(below + channels, falling, tail);
        }
}

static void perceive_backward(const float *dp, size_t row, int channels, const uint32_t *cells,
                              int count, nca_cpu_rotation rotation, float *gradient)
{
    if (channels == CHANNELS)
        perceive_cells_backward(dp, row, CHANNELS, cells, count, rotation, gradient);
    else
        perceive_cells_backward(dp, row, (size_t)channels, cells, count, rotation, gradient);
}

// -- The raw neighbourhood: three cells of a row lie side by side ---------------------------------

static void perceive_moore(const float *state, size_t row, int channels, const uint32_t *cells,
                           int count, nca_cpu_rotation rotation, float *p)
{
    const size_t c = (size_t)channels, three = 3 * c;
    (void)rotation;
    for (int i = 0; i < count; i++)
        for (int y = 0; y < 3; y++, p += three) {
            const float *from = state + cells[i] * c + (size_t)y * row - row - c;
            for (size_t lane = 0; lane < three; lane += LANES)
                store(p + lane, load(from + lane, tail_of(three, lane)), tail_of(three, lane));
        }
}

static void perceive_moore_backward(const float *dp, size_t row, int channels,
                                    const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                    float *gradient)
{
    const size_t c = (size_t)channels, three = 3 * c;
    (void)rotation;
    for (int i = 0; i < count; i++)
        for (int y = 0; y < 3; y++, dp += three) {
            float *to = gradient + cells[i] * c + (size_t)y * row - row - c;
            for (size_t lane = 0; lane < three; lane += LANES)
                add_to(to + lane, load(dp + lane, tail_of(three, lane)), tail_of(three, lane));
        }
}

#endif
