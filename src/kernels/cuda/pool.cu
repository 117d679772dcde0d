// Rows of the pool into the batch and back, damage, and exchanged frozen channels.
#include "launch.cuh"

#include "masks.cuh"

enum { THREADS = 256, BLOCKS_A_SAMPLE = 16 };

// Copies quads of a state, shared out among the blocks of blockIdx.y.
static __device__ void copy_state(size_t quads, const float *__restrict__ from,
                                  float *__restrict__ to)
{
    for (size_t i = (size_t)blockIdx.y * blockDim.x + threadIdx.x; i < quads;
         i += (size_t)gridDim.y * blockDim.x)
        nca_store4(to + 4 * i, nca_load4(from + 4 * i));
}

// batch[b] = pool[rows[b]], states [H,W,C].
//   launch  (B, 16) blocks x 256 threads;  shared: none
//   moves   8*C bytes a cell, does no flop;  no barrier;  nothing aliases
//   reference: cpu/buffers.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    gather(size_t quads, const float *__restrict__ pool, const int *__restrict__ rows,
           float *__restrict__ batch)
{
    copy_state(quads, pool + 4 * quads * rows[blockIdx.x], batch + 4 * quads * blockIdx.x);
}

// pool[rows[b]] = batch[b], as if in the order of b: where a row is named twice the last one
// counts.
//   launch  (B, 16) blocks x 256 threads;  shared: none
//   moves   8*C bytes a cell, does no flop;  no barrier;  nothing aliases
//   reference: cpu/buffers.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    scatter(size_t quads, int samples, const float *__restrict__ batch,
            const int *__restrict__ rows, float *__restrict__ pool)
{
    for (int later = blockIdx.x + 1; later < samples; later++)
        if (rows[later] == rows[blockIdx.x])
            return;
    copy_state(quads, batch + 4 * quads * blockIdx.x, pool + 4 * quads * rows[blockIdx.x]);
}

static size_t quads_of(const nca_cuda_grid *grid)
{
    return (size_t)grid->height * (size_t)grid->width * (size_t)grid->channels / 4;
}

cudaError_t nca_cuda_gather(const nca_cuda_grid *grid, const float *pool, const int *rows,
                            float *batch, cudaStream_t stream)
{
    return NCA_LAUNCH(gather, dim3((unsigned)grid->batch, BLOCKS_A_SAMPLE), dim3(THREADS), 0,
                      stream, quads_of(grid), pool, rows, batch);
}

cudaError_t nca_cuda_scatter(const nca_cuda_grid *grid, const float *batch, const int *rows,
                             float *pool, cudaStream_t stream)
{
    return NCA_LAUNCH(scatter, dim3((unsigned)grid->batch, BLOCKS_A_SAMPLE), dim3(THREADS), 0,
                      stream, quads_of(grid), grid->batch, batch, rows, pool);
}

static __device__ bool is_inside(const nca_region &region, int y, int x)
{
    if (region.kind == NCA_REGION_BOX)
        return y >= region.top && y < region.bottom && x >= region.left && x < region.right;
    // Product and sum rounded one by one, as on the host: a circle has the same cells on every
    // device.
    const double dy = (y - region.center_y) / region.radius_y;
    const double dx = (x - region.center_x) / region.radius_x;
    return __dadd_rn(__dmul_rn(dy, dy), __dmul_rn(dx, dx)) < 1;
}

// Clears the cells of a sample [H,W,C] that lie inside.
//   launch  16 blocks x 256 threads;  shared: none
//   moves   4*C bytes a cell that is cleared, does 7 flop a cell in f64;  no barrier
//   nothing aliases;  reference: cpu/buffers.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    damage(const __grid_constant__ nca_cuda_grid grid, const __grid_constant__ nca_region region,
           float *__restrict__ state)
{
    const int quads = grid.channels / 4;
    for (int cell = blockIdx.x * blockDim.x + threadIdx.x; cell < grid.height * grid.width;
         cell += gridDim.x * blockDim.x)
        if (is_inside(region, cell / grid.width, cell % grid.width))
            for (int q = 0; q < quads; q++)
                nca_store4(state + ((size_t)cell * quads + q) * 4, make_float4(0, 0, 0, 0));
}

cudaError_t nca_cuda_damage(const nca_cuda_grid *grid, int slot, const nca_region *region,
                            float *batch, cudaStream_t stream)
{
    return NCA_LAUNCH(damage, dim3(BLOCKS_A_SAMPLE), dim3(THREADS), 0, stream, *grid, *region,
                      batch + (size_t)slot * 4 * quads_of(grid));
}

// The frozen channels of a sample [H,W,C] become values [H,W,frozen]; the others become zero where
// the first of those is not above the limit.
//   launch  16 blocks x 256 threads;  shared: none
//   moves   8*frozen bytes a cell, and 4*(C - frozen) where it is cleared; no flop;  no barrier
//   nothing aliases;  reference: cpu/buffers.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    exchange(const __grid_constant__ nca_cuda_grid grid, int frozen, double limit,
             const float *__restrict__ values, float *__restrict__ state)
{
    const size_t numbers = (size_t)grid.height * grid.width * grid.channels;
    for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < numbers;
         i += (size_t)gridDim.x * blockDim.x) {
        const float *own = values + i / grid.channels * frozen;
        const int channel = (int)(i % grid.channels);
        if (channel < frozen)
            state[i] = own[channel];
        else if (!((double)own[0] > limit))
            state[i] = 0;
    }
}

cudaError_t nca_cuda_exchange(const nca_cuda_grid *grid, int slot, int frozen, const float *values,
                              double limit, float *batch, cudaStream_t stream)
{
    return NCA_LAUNCH(exchange, dim3(BLOCKS_A_SAMPLE), dim3(THREADS), 0, stream, *grid, frozen,
                      limit, values, batch + (size_t)slot * 4 * quads_of(grid));
}
