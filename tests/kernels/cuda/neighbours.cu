// Perception and gathering of all cells of a small grid, as the kernels do it and by the
// definition: for test_neighbours.c, on the emulated device and on a GPU.
#include "launch.cuh"

#include "neighbours.h"
#include "perceive.cuh"

namespace
{
enum { CHANNELS = 16, THREADS = 128 };

// What a neighbour adds, where there is one; where there is none, nothing is added.
__device__ void add_neighbour(int dy, int dx, const float *state, const float *sent, float seen[4])
{
    const float x = nca_sobel_x(dy, dx), y = nca_sobel_x(dx, dy);
    if (dy == 0 && dx == 0) {
        seen[0] = *state;
        seen[3] = fmaf(1, *sent, seen[3]);
    }
    if (dx != 0) {
        seen[1] = fmaf(x, *state, seen[1]);
        seen[3] = fmaf(-x, sent[CHANNELS], seen[3]);
    }
    if (dy != 0) {
        seen[2] = fmaf(y, *state, seen[2]);
        seen[3] = fmaf(-y, sent[2 * CHANNELS], seen[3]);
    }
}

__device__ void look_by_branches(const nca_cuda_grid &grid, const nca_bits &plane, int cell,
                                 const float *state, const float *dp, const float *g, float *to)
{
    const int y = cell / grid.width, x = cell % grid.width;
    for (int c = 0; c < CHANNELS; c++) {
        float seen[4] = {0, 0, 0, g[cell * CHANNELS + c]};
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                const int there = cell + dy * grid.width + dx;
                if (y + dy >= 0 && y + dy < grid.height && x + dx >= 0 && x + dx < grid.width &&
                    plane.has(y + dy, x + dx))
                    add_neighbour(dy, dx, state + there * CHANNELS + c,
                                  dp + there * 3 * CHANNELS + c, seen);
            }
        to[c] = seen[0];   // turned by no angle, as nca_perceive4() turns by any
        to[CHANNELS + c] = fmaf(-0.0f, seen[2], seen[1]);
        to[2 * CHANNELS + c] = fmaf(1, seen[2], 0 * seen[1]);
        to[3 * CHANNELS + c] = seen[3];
    }
}

__device__ void look(const nca_cuda_grid &grid, const nca_region_rows &at, const nca_bits &plane,
                     int cell, const float *state, const float *dp, const float *g, float *to)
{
    const int row = cell / grid.width, x = cell % grid.width;
    nca_cuda_rollout upright = {};
    upright.cosine = 1;
    for (int c = 0; c < CHANNELS; c += 4) {
        const nca_perceived4 p = nca_perceive4(grid, at, upright, state, plane, row, x, c);
        nca_store4(to + c, p.x);
        nca_store4(to + CHANNELS + c, p.gx);
        nca_store4(to + 2 * CHANNELS + c, p.gy);
        nca_store4(to + 3 * CHANNELS + c,
                   nca_gather4(grid, at, dp, plane, row, x, c, nca_load4(g + cell * CHANNELS + c)));
    }
}

// launch  1 x 128;  shared: a plane
__global__ void look_at_all(nca_cuda_grid grid, bool by_branches, const uint32_t *plane,
                            const float *state, const float *dp, const float *g, float *seen)
{
    NCA_SHARED_DYNAMIC(uint32_t, shared);
    uint32_t *memory = shared;
    const nca_region_rows at = nca_region_of(grid, 0);
    const nca_bits bits = nca_bits_take(grid, memory);
    nca_bits_load(grid, at, plane, 1, bits);
    __syncthreads();
    for (int cell = threadIdx.x; cell < grid.height * grid.width; cell += THREADS)
        if (by_branches)
            look_by_branches(grid, bits, cell, state, dp, g, seen + cell * SEEN);
        else
            look(grid, at, bits, cell, state, dp, g, seen + cell * SEEN);
}
}   // namespace

cudaError_t look_around(int height, int width, bool by_branches, const uint32_t *plane,
                        const float *state, const float *dp, const float *g, float *seen)
{
    nca_cuda_grid grid = {};
    grid.batch = grid.regions = 1;
    grid.height = grid.region_rows = height;
    grid.width = width;
    grid.channels = CHANNELS;
    grid.words = (width + 31) / 32;
    return NCA_LAUNCH(look_at_all, 1, THREADS, nca_bits_words(grid) * sizeof(uint32_t), 0, grid,
                      by_branches, plane, state, dp, g, seen);
}
