// The matrix that mixes the channels of every state before a step, on the cuBLAS path. Its products
// are f32 in every precision: mixing by the identity must leave a state as it is. The gradient of
// the matrix, a sum over all cells, is a product by cuBLAS (mix.c).
#include "launch.cuh"

#include "masks.cuh"

enum { THREADS = 256 };

static dim3 blocks_for(size_t items)
{
    return dim3((unsigned)((items + THREADS - 1) / THREADS));
}

static __device__ size_t own_item()
{
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

// mixed = x M within +-bound, of the state x [B,H,W,C] without dead cells and the matrix M [C,C], a
// channel a thread; marks mature cells by the life channel (negative: all are). What is no number
// stays so.
//   launch  ceil(B*H*W*C/256) blocks x 256 threads;  shared: none
//   moves   8*C bytes a cell, and M from the caches; does 2*C*C flop a cell
//   no barrier;  nothing aliases; threads mark words of `mature` together, by atomics
//   reference: cpu/mix.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    mix(const __grid_constant__ nca_cuda_grid grid, const nca_cuda_rollout *__restrict__ rollout,
        const __grid_constant__ nca_cuda_mixing mixing, int life_channel)
{
    const uint32_t channels = (uint32_t)grid.channels, width = (uint32_t)grid.width;
    const size_t i = own_item(), cell = i / channels;
    if (cell >= nca_cuda_cells(&grid))
        return;
    const uint32_t channel = (uint32_t)(i % channels), x = (uint32_t)(cell % width);
    float sum = 0;
    for (uint32_t k = 0; k < channels; k++)
        sum = fmaf(mixing.unmixed[cell * channels + k], mixing.matrix[k * channels + channel], sum);
    const float bound = mixing.bound;
    const float y = sum > bound ? bound : sum < -bound ? -bound : sum;
    mixing.mixed[i] = y;
    if ((int)channel == max(life_channel, 0) && (life_channel < 0 || y > rollout->alive_threshold))
        atomicOr(&mixing.mature[cell / width * grid.words + (x >> 5)], 1u << (x & 31));
}

cudaError_t nca_cuda_mix(const nca_cuda_grid *grid, const nca_spec *spec,
                         const nca_cuda_rollout *rollout, const nca_cuda_mixing *mixing,
                         cudaStream_t stream)
{
    return NCA_LAUNCH(mix, blocks_for(nca_cuda_cells(grid) * (size_t)grid->channels), dim3(THREADS),
                      0, stream, *grid, rollout, *mixing, nca_cuda_life_channel(spec));
}

// mixed [B,H,W,C] becomes the gradient of x M: `gradient`, but zero where the bound was reached and
// where a cell is not settled.
//   launch  ceil(B*H*W*C/256) blocks x 256 threads;  shared: none
//   moves   12*C bytes a cell, does no flop
//   no barrier;  nothing aliases;  reference: cpu/mix.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    clip_backward(const __grid_constant__ nca_cuda_grid grid, float bound,
                  const uint32_t *__restrict__ settled, const float *__restrict__ gradient,
                  float *__restrict__ mixed)
{
    const size_t i = own_item(), cell = i / (uint32_t)grid.channels;
    if (cell >= nca_cuda_cells(&grid))
        return;
    const uint32_t width = (uint32_t)grid.width, x = (uint32_t)(cell % width);
    const bool passes = settled[cell / width * grid.words + (x >> 5)] >> (x & 31) & 1;
    mixed[i] = passes && fabsf(mixed[i]) < bound ? gradient[i] : 0;
}

cudaError_t nca_cuda_clip_backward(const nca_cuda_grid *grid, const nca_cuda_mixing *mixing,
                                   const uint32_t *settled, const float *gradient,
                                   cudaStream_t stream)
{
    return NCA_LAUNCH(clip_backward, blocks_for(nca_cuda_cells(grid) * (size_t)grid->channels),
                      dim3(THREADS), 0, stream, *grid, mixing->bound, settled, gradient,
                      mixing->mixed);
}

// dx = dy M^T: dx, dy [B,H,W,C], M [C,C], a channel a thread.
//   launch  ceil(B*H*W*C/256) blocks x 256 threads;  shared: none
//   moves   8*C bytes a cell, and M from the caches; does 2*C*C flop a cell
//   no barrier;  nothing aliases;  reference: cpu/mix.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    mix_backward(size_t items, int channels, const float *__restrict__ matrix,
                 const float *__restrict__ dy, float *__restrict__ dx)
{
    const size_t i = own_item(), cell = i / (uint32_t)channels;
    if (i >= items)
        return;
    const float *row = matrix + i % (uint32_t)channels * (uint32_t)channels;
    float sum = 0;
    for (int k = 0; k < channels; k++)
        sum = fmaf(dy[cell * (uint32_t)channels + k], row[k], sum);
    dx[i] = sum;
}

cudaError_t nca_cuda_mix_backward(const nca_cuda_grid *grid, const nca_cuda_mixing *mixing,
                                  float *gradient, cudaStream_t stream)
{
    const size_t items = nca_cuda_cells(grid) * (size_t)grid->channels;
    return NCA_LAUNCH(mix_backward, blocks_for(items), dim3(THREADS), 0, stream, items,
                      grid->channels, mixing->matrix, mixing->mixed, gradient);
}

// d [C,C] becomes (d + its transpose) / 2, a pair of numbers a thread.
//   launch  ceil(C*C/256) blocks x 256 threads;  shared: none
//   moves   8*C*C bytes, does C*C flop
//   no barrier;  each number is one thread's;  reference: cpu/rollout.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    make_symmetric(int channels, float *d)
{
    const uint32_t n = (uint32_t)channels, i = (uint32_t)own_item() / n,
                   j = (uint32_t)own_item() % n;
    if (i < n && j < i)
        d[i * n + j] = d[j * n + i] = (d[i * n + j] + d[j * n + i]) / 2;
}

cudaError_t nca_cuda_make_symmetric(int channels, float *matrix, cudaStream_t stream)
{
    return NCA_LAUNCH(make_symmetric, blocks_for((size_t)channels * (size_t)channels),
                      dim3(THREADS), 0, stream, channels, matrix);
}
