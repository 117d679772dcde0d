// What the fused kernels share, whatever multiplies their matrices: the sizes of a chunk of cells,
// where its cells' numbers come from and where they go. For kernels only.
#ifndef NCA_CUDA_FUSED_CUH
#define NCA_CUDA_FUSED_CUH

#include "perceive.cuh"

enum { CHUNK = 32 };   // cells that a block does at once
enum { CHANNELS = 16, INPUTS = 3 * CHANNELS };
enum { FORWARD_THREADS = 128, BACKWARD_THREADS = 256 };

static __device__ inline float nca_relu(float x)
{
    return x < 0 ? 0 : x;   // a NaN passes, so that it is noticed
}

// Of a cell as it is listed, row << 16 | x: its number in the batch.
static __device__ inline size_t nca_listed_cell(const nca_cuda_grid &grid,
                                                const nca_region_rows &at, uint32_t listed)
{
    return nca_cell_of(grid, at.sample, at.y0 + (int)(listed >> 16), (int)(listed & 0xffff));
}

// Four channels of what a listed cell became. A dead cell that was asked only says whether it is
// mature now.
static __device__ inline void nca_listed_become(const nca_cuda_step &step,
                                                const nca_region_rows &at, const nca_masks &m,
                                                uint32_t listed, int channel, float4 after)
{
    const int row = (int)(listed >> 16), x = (int)(listed & 0xffff);
    if (m.active.has(row, x))
        nca_store4(step.after + nca_listed_cell(step.grid, at, listed) * CHANNELS + channel, after);
    static_assert(NCA_ALPHA == 3, "alpha is the last of the first four channels");
    if (channel == 0 && after.w > step.rollout->alive_threshold)
        nca_plane_mark(step.grid, step.mature_next, at.sample, at.y0 + row, x);
}

// Gradient of state 1 of four channels of a listed cell; it is kept for the step before.
static __device__ inline float4 nca_listed_gradient(const nca_cuda_step_backward &step,
                                                    const nca_region_rows &at,
                                                    const nca_back_masks &m, uint32_t listed,
                                                    int channel)
{
    const float4 g =
        nca_gradient4(step, at, m, (int)(listed >> 16), (int)(listed & 0xffff), channel);
    nca_store4(step.gradient + nca_listed_cell(step.grid, at, listed) * CHANNELS + channel, g);
    return g;
}

// The same of four channels of a chunk's cell, step_size times: the gradient of the network's
// output. Zero beyond the `count` cells that the chunk has.
static __device__ inline float4 nca_chunk_output_gradient(const nca_cuda_step_backward &step,
                                                          const nca_region_rows &at,
                                                          const nca_back_masks &m,
                                                          const uint32_t *list, int count, int cell,
                                                          int channel)
{
    float4 g = make_float4(0, 0, 0, 0);
    if (cell < count)
        g = nca_listed_gradient(step, at, m, list[cell], channel);
    return nca_scaled(step.rollout->step_size, g);
}

// What a listed cell sends to those around it, of four channels.
static __device__ inline void nca_listed_send(const nca_cuda_step_backward &step,
                                              const nca_region_rows &at, uint32_t listed,
                                              int channel, const nca_perceived4 &dp)
{
    const nca_perceived4 sent = nca_unrotate4(*step.rollout, dp);
    float *to = step.dp + nca_listed_cell(step.grid, at, listed) * INPUTS + channel;
    nca_store4(to, sent.x);
    nca_store4(to + CHANNELS, sent.gx);
    nca_store4(to + 2 * CHANNELS, sent.gy);
}

// Cells that are settled after the step but whose network is not asked pass their gradient on;
// words are shared out among the blocks of the region.
static __device__ inline void nca_pass_gradient_on(const nca_cuda_step_backward &step,
                                                   const nca_region_rows &at,
                                                   const nca_back_masks &m, int member, int members)
{
    const nca_cuda_grid &grid = step.grid;
    const int items = at.rows * grid.words * 32 * 4, stride = (int)blockDim.x * members;
    for (int i = member * (int)blockDim.x + (int)threadIdx.x; i < items; i += stride) {
        const int word = i / 128, bit = i / 4 % 32, channel = 4 * (i % 4);
        if (!((m.settled1.at(0, word) & ~m.learning.at(0, word)) >> bit & 1))
            continue;
        const int row = word / grid.words, x = word % grid.words * 32 + bit;
        const float4 g = nca_gradient4(step, at, m, row, x, channel);
        nca_store4(
            step.gradient + nca_cell_of(grid, at.sample, at.y0 + row, x) * CHANNELS + channel, g);
    }
}

#endif
