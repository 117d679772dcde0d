// Perception of listed cells and its transpose, between the products of the cuBLAS path.
#include "launch.cuh"

#include "perceive.cuh"

// Six blocks a multiprocessor leave a thread 80 registers, enough for all its loads at once. Not
// told so, the compiler takes half of that and waits between loads.
enum { THREADS = 128, BLOCKS_MIN = 6 };

static unsigned blocks_for(size_t items)
{
    return (unsigned)((items + THREADS - 1) / THREADS);
}

// A listed cell is looked at as a region of one row.
static __device__ nca_region_rows row_of(const nca_cuda_grid &grid, uint32_t cell, int *x)
{
    const uint32_t line = cell / (uint32_t)grid.width, height = (uint32_t)grid.height;
    nca_region_rows at;
    *x = (int)(cell % (uint32_t)grid.width);
    at.sample = (int)(line / height);
    at.y0 = (int)(line % height);
    at.rows = 1;
    return at;
}

// `summed` of a cell: for the channels of this thread the gradients of all, which it adds up alone.
static __device__ nca_perceived4 perceive_sum(const nca_cuda_grid &grid, const nca_region_rows &at,
                                              const nca_cuda_rollout &rollout, const float *state,
                                              const uint32_t *settled, int x, int channel)
{
    nca_perceived4 p;
    p.x = make_float4(0, 0, 0, 0);
    float gx = 0, gy = 0;
#pragma unroll 1   // `sobel` would pay for it in registers
    for (int c = 0; c < grid.channels; c += 4) {
        const nca_perceived4 seen =
            nca_perceive4(grid, at, rollout, state, nca_plane_bits(grid, at, settled), 0, x, c);
        gx += nca_sum4(seen.gx);
        gy += nca_sum4(seen.gy);
        if (c == channel)
            p.x = seen.x;
    }
    p.gx = make_float4(gx, gx, gx, gx);
    p.gy = make_float4(gy, gy, gy, gy);
    return p;
}

// p [count,3C] of the listed cells, four channels a thread.
//   launch  ceil(count*C/4/128) blocks x 128 threads;  shared: none
//   moves   at most 36*C bytes in, 12*C out a cell; does 30*C flop (`summed`: C/4 times that)
//   no barrier;  nothing aliases;  reference: cpu/perceive_scalar.c
static __global__ void __launch_bounds__(THREADS, BLOCKS_MIN)
    perceive(const __grid_constant__ nca_cuda_grid grid,
             const nca_cuda_rollout *__restrict__ rollout, const float *__restrict__ state,
             const uint32_t *__restrict__ settled, const uint32_t *__restrict__ cells, int count,
             float *__restrict__ p)
{
    const int quads = grid.channels / 4;
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)count * quads)
        return;
    int x;
    const nca_region_rows at = row_of(grid, cells[i / quads], &x);
    const int channel = 4 * (int)(i % quads);
    const nca_perceived4 seen =
        grid.sums ? perceive_sum(grid, at, *rollout, state, settled, x, channel)
                  : nca_perceive4(grid, at, *rollout, state, nca_plane_bits(grid, at, settled), 0,
                                  x, channel);
    float *to = p + i / quads * 3 * grid.channels + channel;
    nca_store4(to, seen.x);
    nca_store4(to + grid.channels, seen.gx);
    nca_store4(to + 2 * grid.channels, seen.gy);
}

// p [count,9,C] of the listed cells: their 3x3 neighbourhoods, four channels of one neighbour a
// thread; zero outside the grid and where a cell is not settled.
//   launch  ceil(count*9*C/4/128) blocks x 128 threads;  shared: none
//   moves   at most 36*C bytes in, 36*C out a cell; no flop
//   no barrier;  nothing aliases;  reference: cpu/perceive_scalar.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 16))
    perceive_moore(const __grid_constant__ nca_cuda_grid grid, const float *__restrict__ state,
                   const uint32_t *__restrict__ settled, const uint32_t *__restrict__ cells,
                   int count, float *__restrict__ p)
{
    const uint32_t quads = (uint32_t)grid.channels / 4;
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (uint32_t)count * 9 * quads)
        return;
    int x;
    const nca_region_rows at = row_of(grid, cells[i / quads / 9], &x);
    const int place = (int)(i / quads % 9), dy = place / 3 - 1;
    x += place % 3 - 1;
    float4 value = make_float4(0, 0, 0, 0);
    if (x >= 0 && x < grid.width && nca_plane_bits(grid, at, settled).has(dy, x))
        value = nca_load4(state + nca_cell_of(grid, at.sample, at.y0 + dy, x) * grid.channels +
                          4 * (i % quads));
    nca_store4(p + 4 * (size_t)i, value);
}

cudaError_t nca_cuda_perceive(const nca_cuda_grid *grid, const nca_spec *spec,
                              const nca_cuda_rollout *rollout, const nca_cuda_seen *seen,
                              const uint32_t *cells, int count, float *p, cudaStream_t stream)
{
    const size_t quads = (size_t)count * (size_t)grid->channels / 4;
    if (spec->perception == NCA_MOORE)
        return NCA_LAUNCH(perceive_moore, dim3(blocks_for(9 * quads)), dim3(THREADS), 0, stream,
                          *grid, seen->state, seen->settled, cells, count, p);
    return NCA_LAUNCH(perceive, dim3(blocks_for(quads)), dim3(THREADS), 0, stream, *grid, rollout,
                      seen->state, seen->settled, cells, count, p);
}

static size_t backward_shared_bytes(const nca_cuda_grid *grid)
{
    return NCA_BACK_PLANES * nca_bits_words(*grid) * sizeof(uint32_t);
}

// Adds to g what the cells around (row, x), of those in `senders`, sent by `moore`: dp
// [B,H,W,9,C]. A sender sees this cell on the side opposite to where it lies.
static __device__ float4 gather_moore4(const nca_cuda_grid &grid, const nca_region_rows &at,
                                       const float *dp, const nca_bits &senders, int row, int x,
                                       int channel, float4 g)
{
    const uint32_t around = nca_around(grid, senders, row, x);
    const int stride = 9 * grid.channels;
    const float *const middle =
        dp + nca_cell_of(grid, at.sample, at.y0 + row, x) * stride + channel;
    float4 sent[9];
#pragma unroll
    for (int place = 0; place < 9; place++)
        sent[place] =
            nca_load4_if(around >> place & 1, middle,
                         ((ptrdiff_t)(place / 3 - 1) * grid.width + place % 3 - 1) * stride +
                             (8 - place) * grid.channels,
                         nca_nothing(1));
#pragma unroll
    for (int place = 0; place < 9; place++)
        g = nca_add_scaled(g, 1, sent[place]);
    return g;
}

// d loss / d state 1 of four channels of a cell that is settled after the step, where a cell
// perceives so many groups.
template <int GROUPS>
static __device__ float4 gradient4(const nca_cuda_step_backward &step, const nca_region_rows &at,
                                   const nca_back_masks &m, int row, int x, int channel)
{
    if (GROUPS == 3)
        return nca_gradient4(step, at, m, row, x, channel);
    const size_t cell = nca_cell_of(step.grid, at.sample, at.y0 + row, x);
    const float4 passed = step.is_last || m.settled2.has(row, x)
                              ? nca_load4(step.gradient + cell * step.grid.channels + channel)
                              : make_float4(0, 0, 0, 0);
    if (step.is_last)
        return passed;
    return gather_moore4(step.grid, at, step.dp1, m.senders, row, x, channel, passed);
}

// The gradient of state 1 where it is settled, over that of state 2: no two threads touch one cell.
//   launch  B*regions*blocks_per_region blocks x 128 threads;  shared: seven planes of a region
//   moves   8*C bytes a settled cell and 12*C (`moore`: 36*C) a sender, mostly from the caches;
//           does 25*C (9*C) flop a sender
//   one barrier, in nca_back_masks_fill();  `gradient` is read and written in place, a number by
//   one thread; else nothing aliases;  reference: cpu/step_backward.c
template <int GROUPS>
static __global__ void __launch_bounds__(THREADS, BLOCKS_MIN)
    gather_gradient(const __grid_constant__ nca_cuda_step_backward step, int blocks_per_region)
{
    NCA_SHARED_DYNAMIC(uint32_t, shared);
    uint32_t *memory = shared;
    const nca_cuda_grid &grid = step.grid;
    const nca_region_rows at = nca_region_of(grid, blockIdx.x / blocks_per_region);
    const nca_back_masks m = nca_back_masks_take(grid, memory);
    nca_back_masks_fill(step, at, m);
    const int quads = grid.channels / 4;
    for (int i = (int)(blockIdx.x % blocks_per_region * blockDim.x + threadIdx.x);
         i < at.rows * grid.width * quads; i += (int)blockDim.x * blocks_per_region) {
        const int row = i / quads / grid.width, x = i / quads % grid.width;
        const int channel = 4 * (i % quads);
        if (!m.learning.has(row, x) && !m.passing.has(row, x))
            continue;
        const float4 g = gradient4<GROUPS>(step, at, m, row, x, channel);
        nca_store4(step.gradient + nca_cell_of(grid, at.sample, at.y0 + row, x) * grid.channels +
                       channel,
                   g);
    }
}

static dim3 blocks_of(const nca_cuda_grid *grid, int blocks_per_region)
{
    return dim3((unsigned)(grid->batch * grid->regions * blocks_per_region));
}

cudaError_t nca_cuda_gather_gradient(const nca_cuda_step_backward *step, const nca_spec *spec,
                                     int blocks_per_region, cudaStream_t stream)
{
    const dim3 blocks = blocks_of(&step->grid, blocks_per_region);
    const size_t shared_bytes = backward_shared_bytes(&step->grid);
    if (spec->perception == NCA_MOORE)
        return NCA_LAUNCH((gather_gradient<9>), blocks, dim3(THREADS), shared_bytes, stream, *step,
                          blocks_per_region);
    return NCA_LAUNCH((gather_gradient<3>), blocks, dim3(THREADS), shared_bytes, stream, *step,
                      blocks_per_region);
}

// Four channels of a group of dp; by `summed` the sum of the group for each.
static __device__ float4 sent4(const nca_cuda_grid &grid, const float *group, int channel)
{
    if (!grid.sums)
        return nca_load4(group + channel);
    float sum = 0;
#pragma unroll 1
    for (int c = 0; c < grid.channels; c += 4)
        sum += nca_sum4(nca_load4(group + c));
    return make_float4(sum, sum, sum, sum);
}

// dp [count,3C], as the products gave it, turned back by the angle and put where the cells'
// neighbours look for it.
//   launch  ceil(count*C/4/128) blocks x 128 threads;  shared: none
//   moves   24*C bytes a cell, does 6*C flop
//   no barrier;  nothing aliases: `dp` is not step.dp;  reference: cpu/perceive_scalar.c
static __global__ void __launch_bounds__(THREADS, BLOCKS_MIN)
    spread_gradient(const __grid_constant__ nca_cuda_step_backward step,
                    const uint32_t *__restrict__ cells, int count, const float *__restrict__ dp)
{
    const int channels = step.grid.channels, quads = channels / 4;
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= (size_t)count * quads)
        return;
    const int channel = 4 * (int)(i % quads);
    const float *from = dp + i / quads * 3 * channels;
    float *to = step.dp + (size_t)cells[i / quads] * 3 * channels + channel;
    nca_perceived4 given;
    given.x = nca_load4(from + channel);
    given.gx = sent4(step.grid, from + channels, channel);
    given.gy = sent4(step.grid, from + 2 * channels, channel);
    const nca_perceived4 sent = nca_unrotate4(*step.rollout, given);
    nca_store4(to, sent.x);
    nca_store4(to + channels, sent.gx);
    nca_store4(to + 2 * channels, sent.gy);
}

// The same by `moore`: dp [count,9,C] as the products gave it.
//   launch  ceil(count*9*C/4/128) blocks x 128 threads;  shared: none
//   moves   72*C bytes a cell, does no flop
//   no barrier;  nothing aliases: `dp` is not step.dp;  reference: cpu/perceive_scalar.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 16))
    spread_moore(const __grid_constant__ nca_cuda_step_backward step,
                 const uint32_t *__restrict__ cells, int count, const float *__restrict__ dp)
{
    const uint32_t quads = 9 * (uint32_t)step.grid.channels / 4;
    const uint32_t i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < (uint32_t)count * quads)
        nca_store4(step.dp + 4 * ((size_t)cells[i / quads] * quads + i % quads),
                   nca_load4(dp + 4 * (size_t)i));
}

cudaError_t nca_cuda_spread_gradient(const nca_cuda_step_backward *step, const nca_spec *spec,
                                     const uint32_t *cells, int count, const float *dp,
                                     cudaStream_t stream)
{
    const size_t quads = (size_t)count * (size_t)step->grid.channels / 4;
    if (spec->perception == NCA_MOORE)
        return NCA_LAUNCH(spread_moore, dim3(blocks_for(9 * quads)), dim3(THREADS), 0, stream,
                          *step, cells, count, dp);
    return NCA_LAUNCH(spread_gradient, dim3(blocks_for(quads)), dim3(THREADS), 0, stream, *step,
                      cells, count, dp);
}

// out [B,H,W,C], the gradient of the state before the rollout, of every cell: what step 0 passed on
// and sent. `step` is the one that would come before step 0; its `settled1` is all cells.
//   launch  B*regions*blocks_per_region blocks x 128 threads;  shared: seven planes of a region
//   moves   8*C bytes a cell and 12*C (`moore`: 36*C) a sender;  does 25*C (9*C) flop a sender
//   one barrier, in nca_back_masks_fill();  of the planes, which are only read, `settled` is
//   `settled1` and `active` is `active1`; else nothing aliases
//   reference: cpu/step_backward.c
template <int GROUPS>
static __global__ void __launch_bounds__(THREADS, BLOCKS_MIN)
    batch_gradient(const __grid_constant__ nca_cuda_step_backward step, int blocks_per_region,
                   float *__restrict__ out)
{
    NCA_SHARED_DYNAMIC(uint32_t, shared);
    uint32_t *memory = shared;
    const nca_cuda_grid &grid = step.grid;
    const nca_region_rows at = nca_region_of(grid, blockIdx.x / blocks_per_region);
    const nca_back_masks m = nca_back_masks_take(grid, memory);
    nca_back_masks_fill(step, at, m);
    const int quads = grid.channels / 4;
    const size_t first = nca_cell_of(grid, at.sample, at.y0, 0) * grid.channels;
    for (int i = (int)(blockIdx.x % blocks_per_region * blockDim.x + threadIdx.x);
         i < at.rows * grid.width * quads; i += (int)blockDim.x * blocks_per_region)
        nca_store4(out + first + 4 * (size_t)i,
                   gradient4<GROUPS>(step, at, m, i / quads / grid.width, i / quads % grid.width,
                                     4 * (i % quads)));
}

cudaError_t nca_cuda_batch_gradient(const nca_cuda_step_backward *step, const nca_spec *spec,
                                    int blocks_per_region, float *out, cudaStream_t stream)
{
    const dim3 blocks = blocks_of(&step->grid, blocks_per_region);
    const size_t shared_bytes = backward_shared_bytes(&step->grid);
    if (spec->perception == NCA_MOORE)
        return NCA_LAUNCH((batch_gradient<9>), blocks, dim3(THREADS), shared_bytes, stream, *step,
                          blocks_per_region, out);
    return NCA_LAUNCH((batch_gradient<3>), blocks, dim3(THREADS), shared_bytes, stream, *step,
                      blocks_per_region, out);
}
