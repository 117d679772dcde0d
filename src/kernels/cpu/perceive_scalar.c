// Perception and its transpose: the state and its Sobel gradients, rotated; the definition.
// Source: Mordvintsev et al. 2020, with the filters divided by 8.
#include "ops.h"

// The nine cells around one, as offsets in floats, and the weight each has in the x-gradient; the
// y-gradient has the transpose.
typedef struct neighbour {
    ptrdiff_t offset;
    float x, y;
} neighbour;

enum { NEIGHBOURS = 8 };

static void list_neighbours(ptrdiff_t row, ptrdiff_t cell, neighbour list[NEIGHBOURS])
{
    static const float sobel[3][3] = {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}};
    int n = 0;
    for (int dy = 0; dy < 3; dy++)
        for (int dx = 0; dx < 3; dx++)
            if (dy != 1 || dx != 1)
                list[n++] = (neighbour){(dy - 1) * row + (dx - 1) * cell, sobel[dy][dx] / 8,
                                        sobel[dx][dy] / 8};
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
