// Fire bits of a rollout's steps, before the steps: bit planes from cuRAND's Philox4x32-10, with
// the counters of nca/rng.h, or from bits that the caller gave.
#include "launch.cuh"

#include <curand_kernel.h>

#include "masks.cuh"

enum { THREADS = 256 };

// The bits of cells cell..cell+31 of a sample; those beyond its end are of no use.
static __device__ uint32_t draw_bits(const nca_cuda_rollout &rollout, uint32_t sample,
                                     uint32_t step, uint32_t cell)
{
    const uint2 key = make_uint2((uint32_t)rollout.seed, (uint32_t)(rollout.seed >> 32));
    const uint32_t counter = step | (uint32_t)NCA_RANDOM_FIRE << 24;
    uint64_t bits = 0;   // of five groups of eight cells: the first may begin before `cell`
    for (uint32_t group = 0; group < 5; group++) {
        const uint4 words = curand_Philox4x32_10(
            make_uint4(cell / 8 + group, counter, sample, rollout.update), key);
        const uint32_t word[4] = {words.x, words.y, words.z, words.w};
        for (int i = 0; i < 4; i++) {
            bits |= (uint64_t)((word[i] & 0xffff) < rollout.fire_threshold) << (8 * group + 2 * i);
            bits |= (uint64_t)((word[i] >> 16) < rollout.fire_threshold) << (8 * group + 2 * i + 1);
        }
    }
    return (uint32_t)(bits >> cell % 8);
}

// planes [count,B,H,words], a word a thread.
//   launch  ceil(count*B*H*words/256) blocks x 256 threads
//   shared  none;  no barrier;  nothing aliases
//   moves   4 bytes a word, or reads 32 given bits of a byte each; does five draws of about 100
//           integer instructions each, no flop
//   reference: cpu/fire_scalar.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    draw_planes(const __grid_constant__ nca_cuda_grid grid,
                const nca_cuda_rollout *__restrict__ rollout, int first, int count,
                uint32_t *__restrict__ planes)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const size_t plane = nca_cuda_plane(&grid);
    if (i >= plane * count)
        return;
    const int step = first + (int)(i / plane), w = (int)(i % grid.words);
    const int line = (int)(i % plane / grid.words), sample = line / grid.height;
    const int y = line % grid.height, cell = y * grid.width + 32 * w;
    uint32_t bits = 0;
    if (rollout->fire) {
        const uint8_t *given =
            rollout->fire + (size_t)step * nca_cuda_cells(&grid) + nca_cell_of(grid, sample, y, 0);
        for (int x = 32 * w; x < min(grid.width, 32 * w + 32); x++)
            bits |= (uint32_t)(given[x] != 0) << (x - 32 * w);
    } else {
        bits = draw_bits(*rollout, rollout->first_sample + (uint32_t)sample,
                         (uint32_t)(rollout->first_step + step), (uint32_t)cell);
    }
    planes[i] = bits & nca_columns(grid, w);
}

cudaError_t nca_cuda_fire(const nca_cuda_grid *grid, const nca_cuda_rollout *rollout, int first,
                          int count, uint32_t *planes, cudaStream_t stream)
{
    const size_t words = nca_cuda_plane(grid) * (size_t)count;
    return NCA_LAUNCH(draw_planes, dim3((unsigned)((words + THREADS - 1) / THREADS)), dim3(THREADS),
                      0, stream, *grid, rollout, first, count, planes);
}
