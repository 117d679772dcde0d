// Perception and its transpose, by each kind: the definition.
// Source: Mordvintsev et al. 2020, with the filters divided by 8.
#include "ops.h"

#include <string.h>

// The nine cells around one, as offsets in floats, and the weight each has in the x-gradient; the
// y-gradient has the transpose.
typedef struct neighbour {
    ptrdiff_t offset;
    float x, y;
} neighbour;

enum { NEIGHBOURS = 8 };

static void list_neighbours(ptrdiff_t row, ptrdiff_t cell, neighbour list[NEIGHBOURS])
{
    int n = 0;
    for (int dy = -1; dy <= 1; dy++)
        for (int dx = -1; dx <= 1; dx++)
            if (dy != 0 || dx != 0)
                list[n++] = (neighbour){dy * row + dx * cell, NCA_SOBEL_X(dy, dx) / 8.0f,
                                        NCA_SOBEL_X(dx, dy) / 8.0f};
}

void nca_cpu_perceive_scalar(const float *state, size_t row, int channels, const uint32_t *cells,
                             int count, nca_cpu_rotation rotation, float *p)
{
    const size_t c = (size_t)channels;
    neighbour around[NEIGHBOURS];
    list_neighbours((ptrdiff_t)row, channels, around);
    for (int i = 0; i < count; i++, p += 3 * c) {
        const float *x = state + cells[i] * c;
        for (size_t k = 0; k < c; k++) {
            float gx = 0, gy = 0;
            for (int n = 0; n < NEIGHBOURS; n++) {
                gx += around[n].x * x[(ptrdiff_t)k + around[n].offset];
                gy += around[n].y * x[(ptrdiff_t)k + around[n].offset];
            }
            p[k] = x[k];
            p[c + k] = rotation.cosine * gx - rotation.sine * gy;
            p[2 * c + k] = rotation.sine * gx + rotation.cosine * gy;
        }
    }
}

void nca_cpu_perceive_backward_scalar(const float *dp, size_t row, int channels,
                                      const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                      float *gradient)
{
    const size_t c = (size_t)channels;
    neighbour around[NEIGHBOURS];
    list_neighbours((ptrdiff_t)row, channels, around);
    for (int i = 0; i < count; i++, dp += 3 * c) {
        float *g = gradient + cells[i] * c;
        for (size_t k = 0; k < c; k++) {
            const float gx = rotation.cosine * dp[c + k] + rotation.sine * dp[2 * c + k];
            const float gy = rotation.cosine * dp[2 * c + k] - rotation.sine * dp[c + k];
            g[k] += dp[k];
            for (int n = 0; n < NEIGHBOURS; n++)
                g[(ptrdiff_t)k + around[n].offset] += around[n].x * gx + around[n].y * gy;
        }
    }
}

// -- The raw neighbourhood ------------------------------------------------------------------------

void nca_cpu_perceive_moore(const float *state, size_t row, int channels, const uint32_t *cells,
                            int count, nca_cpu_rotation rotation, float *p)
{
    const size_t c = (size_t)channels;
    (void)rotation;
    for (int i = 0; i < count; i++)
        for (int n = 0; n < 9; n++, p += c)
            memcpy(p,
                   state + cells[i] * c + (n / 3 - 1) * (ptrdiff_t)row + (n % 3 - 1) * (ptrdiff_t)c,
                   c * sizeof *p);
}

void nca_cpu_perceive_moore_backward(const float *dp, size_t row, int channels,
                                     const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                     float *gradient)
{
    const size_t c = (size_t)channels;
    (void)rotation;
    for (int i = 0; i < count; i++)
        for (int n = 0; n < 9; n++, dp += c) {
            float *g =
                gradient + cells[i] * c + (n / 3 - 1) * (ptrdiff_t)row + (n % 3 - 1) * (ptrdiff_t)c;
            for (size_t k = 0; k < c; k++)
                g[k] += dp[k];
        }
}

// -- Gradients of the sum over channels -----------------------------------------------------------

void nca_cpu_perceive_summed(const float *state, size_t row, int channels, const uint32_t *cells,
                             int count, nca_cpu_rotation rotation, float *p)
{
    const size_t c = (size_t)channels;
    neighbour around[NEIGHBOURS];
    list_neighbours((ptrdiff_t)row, channels, around);
    for (int i = 0; i < count; i++, p += 3 * c) {
        const float *x = state + cells[i] * c;
        float gx = 0, gy = 0;
        for (int n = 0; n < NEIGHBOURS; n++) {
            float sum = 0;
            for (size_t k = 0; k < c; k++)
                sum += x[(ptrdiff_t)k + around[n].offset];
            gx += around[n].x * sum;
            gy += around[n].y * sum;
        }
        for (size_t k = 0; k < c; k++) {
            p[k] = x[k];
            p[c + k] = rotation.cosine * gx - rotation.sine * gy;
            p[2 * c + k] = rotation.sine * gx + rotation.cosine * gy;
        }
    }
}

void nca_cpu_perceive_summed_backward(const float *dp, size_t row, int channels,
                                      const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                      float *gradient)
{
    const size_t c = (size_t)channels;
    neighbour around[NEIGHBOURS];
    list_neighbours((ptrdiff_t)row, channels, around);
    for (int i = 0; i < count; i++, dp += 3 * c) {
        float *g = gradient + cells[i] * c;
        float first = 0, second = 0;
        for (size_t k = 0; k < c; k++) {
            first += dp[c + k];
            second += dp[2 * c + k];
            g[k] += dp[k];
        }
        const float gx = rotation.cosine * first + rotation.sine * second;
        const float gy = rotation.cosine * second - rotation.sine * first;
        for (int n = 0; n < NEIGHBOURS; n++)
            for (size_t k = 0; k < c; k++)
                g[(ptrdiff_t)k + around[n].offset] += around[n].x * gx + around[n].y * gy;
    }
}
