// The loss of every sample by the objective, its largest |x| and living cells, and the gradient of
// the mean loss.
#include "launch.cuh"

#include "masks.cuh"

enum { THREADS = 256 };

// The pattern of |x|: larger for larger x, and largest for infinities and NaN.
static __device__ uint32_t magnitude(float x)
{
    return __float_as_uint(x) & 0x7fffffffu;
}

// Adds up two of the block's parts.
static __device__ void merge(nca_cuda_loss_part *to, const nca_cuda_loss_part &from)
{
    to->sum += from.sum;
    to->largest = max(to->largest, from.largest);
    to->alive_cells += from.alive_cells;
    to->counted_cells += from.counted_cells;
}

// The sum over a block, in a fixed order; valid in thread 0. Nine barriers.
static __device__ nca_cuda_loss_part add_up(nca_cuda_loss_part own, nca_cuda_loss_part *shared)
{
    shared[threadIdx.x] = own;
    __syncthreads();
    for (int half = blockDim.x / 2; half > 0; half /= 2) {
        if ((int)threadIdx.x < half)
            merge(&shared[threadIdx.x], shared[threadIdx.x + half]);
        __syncthreads();
    }
    return shared[0];
}

// -- The terms of a cell. By a template's objective, half squares are squares.

static __device__ bool is_mature(const nca_cuda_grid &grid, const nca_cuda_judge &judge,
                                 const float *state, int cell)
{
    return judge.life_channel < 0 ||
           state[(size_t)cell * grid.channels + judge.life_channel] > NCA_ALIVE_THRESHOLD;
}

// Whether a cell of a sample's state [H,W,C] counts by the objective.
static __device__ bool counts(const nca_cuda_grid &grid, const nca_cuda_judge &judge,
                              const float *state, int cell)
{
    if (judge.objective.cells == NCA_CELLS_ALL)
        return true;
    if (!judge.spreads_life)
        return is_mature(grid, judge, state, cell);
    const int y = cell / grid.width, x = cell % grid.width;
    for (int yy = max(y - 1, 0); yy <= min(y + 1, grid.height - 1); yy++)
        for (int xx = max(x - 1, 0); xx <= min(x + 1, grid.width - 1); xx++)
            if (is_mature(grid, judge, state, yy * grid.width + xx))
                return true;
    return false;
}

// The target [V] of a cell.
static __device__ const float *target_of(const nca_cuda_grid &grid, const nca_cuda_judge &judge,
                                         int sample, int cell)
{
    const size_t before =
        judge.objective.is_per_sample ? (size_t)sample * grid.height * grid.width : 0;
    return judge.target + (before + cell) * judge.channels;
}

// The largest of x [count], and the sum of exp(x - largest).
static __device__ double partition(const float *x, int count, double *largest)
{
    double sum = 0;
    *largest = x[0];
    for (int k = 1; k < count; k++)
        *largest = x[k] > *largest ? x[k] : *largest;
    for (int k = 0; k < count; k++)
        sum += exp(x[k] - *largest);
    return sum;
}

// x [V], the channels that the objective is taken over.
template <int KIND>
static __device__ double cell_loss(const nca_cuda_grid &grid, const nca_cuda_judge &judge,
                                   int sample, int cell, const float *x)
{
    if (KIND == NCA_CROSS_ENTROPY) {
        double largest;
        const double sum = partition(x, judge.channels, &largest);
        return log(sum) - (x[(int)judge.labels[sample]] - largest);
    }
    const float *target = target_of(grid, judge, sample, cell);
    double sum = 0;
    for (int k = 0; k < judge.channels; k++) {
        const double difference = (double)x[k] - target[k];
        sum += difference * difference;
    }
    return sum;
}

// What a sample's sum of terms is divided by.
static __device__ double divisor(const nca_cuda_judge &judge, int counted)
{
    switch (judge.objective.kind) {
    case NCA_MEAN_SQUARED:
        return (double)counted * judge.channels;
    case NCA_HALF_SQUARED:
        return 2;
    case NCA_CROSS_ENTROPY:
        return counted;
    case NCA_GIVEN:
        break;
    }
    return nan("");   // no loss of its own
}

// -- Samples

// Parts [B,16] of batch [B,H,W,C]: sums of the objective's terms in f64, how many cells count, what
// is largest, and how many cells live.
//   launch  (B, 16) blocks x 256 threads;  shared: 6 KiB
//   moves   4*C + 4*V bytes a cell, does 3*V flop, or V exponentials and a logarithm in f64
//   nine barriers, in the sum over the block;  nothing aliases;  reference: cpu/loss.c
template <int KIND>
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 4))
    measure(const __grid_constant__ nca_cuda_grid grid,
            const __grid_constant__ nca_cuda_judge judge, const float *__restrict__ batch)
{
    NCA_SHARED(nca_cuda_loss_part, shared, [THREADS]);
    const int cells = grid.height * grid.width, quads = grid.channels / 4, sample = blockIdx.x;
    const float *state = batch + (size_t)sample * cells * grid.channels;
    nca_cuda_loss_part own = {0, 0, 0, 0};
    for (size_t i = (size_t)blockIdx.y * blockDim.x + threadIdx.x; i < (size_t)cells * quads;
         i += (size_t)gridDim.y * blockDim.x) {
        const float4 x = nca_load4(state + 4 * i);
        own.largest = max(own.largest, max(max(magnitude(x.x), magnitude(x.y)),
                                           max(magnitude(x.z), magnitude(x.w))));
        if (i % quads)
            continue;
        const int cell = (int)(i / quads);
        own.alive_cells += is_mature(grid, judge, state, cell);
        if (KIND == NCA_GIVEN || !counts(grid, judge, state, cell))
            continue;
        own.counted_cells++;
        own.sum +=
            cell_loss<KIND>(grid, judge, sample, cell, state + 4 * i + judge.objective.first);
    }
    const nca_cuda_loss_part sum = add_up(own, shared);
    if (threadIdx.x == 0)
        judge.parts[sample * gridDim.y + blockIdx.y] = sum;
}

// Reports [B], each from a sample's 16 parts in their order.
//   launch  ceil(B/32) blocks x 32 threads;  shared: none
//   moves   408 bytes a sample, does 16 flop
//   no barrier;  nothing aliases;  reference: cpu/loss.c
static __global__ void __launch_bounds__(32, nca_blocks_min(32, 32))
    report(const __grid_constant__ nca_cuda_grid grid, const __grid_constant__ nca_cuda_judge judge,
           nca_sample_report *__restrict__ reports)
{
    const int sample = blockIdx.x * blockDim.x + threadIdx.x;
    if (sample >= grid.batch)
        return;
    nca_cuda_loss_part sum = {0, 0, 0, 0};
    for (int i = 0; i < NCA_CUDA_LOSS_PARTS; i++)
        merge(&sum, judge.parts[sample * NCA_CUDA_LOSS_PARTS + i]);
    reports[sample].loss = sum.sum != 0 ? sum.sum / divisor(judge, sum.counted_cells) : 0;
    reports[sample].max_state = __uint_as_float(sum.largest);
    reports[sample].alive_cells = sum.alive_cells;
}

static cudaError_t launch_measure(const nca_cuda_grid *grid, const nca_cuda_judge *judge,
                                  const float *batch, cudaStream_t stream)
{
    const dim3 blocks((unsigned)grid->batch, NCA_CUDA_LOSS_PARTS);
    switch (judge->objective.kind) {
    case NCA_MEAN_SQUARED:
    case NCA_HALF_SQUARED:
        return NCA_LAUNCH((measure<NCA_MEAN_SQUARED>), blocks, dim3(THREADS), 0, stream, *grid,
                          *judge, batch);
    case NCA_CROSS_ENTROPY:
        return NCA_LAUNCH((measure<NCA_CROSS_ENTROPY>), blocks, dim3(THREADS), 0, stream, *grid,
                          *judge, batch);
    case NCA_GIVEN:
        return NCA_LAUNCH((measure<NCA_GIVEN>), blocks, dim3(THREADS), 0, stream, *grid, *judge,
                          batch);
    }
    return cudaErrorInvalidValue;
}

cudaError_t nca_cuda_loss(const nca_cuda_grid *grid, const nca_cuda_judge *judge,
                          const float *batch, nca_sample_report *reports, cudaStream_t stream)
{
    const unsigned samples = (unsigned)grid->batch;
    const cudaError_t error = launch_measure(grid, judge, batch, stream);
    return error != cudaSuccess ? error
                                : NCA_LAUNCH(report, dim3((samples + 31) / 32), dim3(32), 0, stream,
                                             *grid, *judge, reports);
}

// -- Backward

// How many cells of a sample count; from its parts where not all do.
static __device__ int counted_of(const nca_cuda_grid &grid, const nca_cuda_judge &judge, int sample)
{
    if (judge.objective.cells == NCA_CELLS_ALL)
        return grid.height * grid.width;
    int counted = 0;
    for (int i = 0; i < NCA_CUDA_LOSS_PARTS; i++)
        counted += judge.parts[sample * NCA_CUDA_LOSS_PARTS + i].counted_cells;
    return counted;
}

// Gradient of the objective in channels channel..channel+3 of a cell with channels x [C], of which
// it is taken over some. `mean` is how many terms the mean over batch and cells has.
template <int KIND>
static __device__ void cell_backward(const nca_cuda_grid &grid, const nca_cuda_judge &judge,
                                     int sample, int cell, const float *x, int channel, double mean,
                                     float g[4])
{
    const int first = judge.objective.first, end = first + judge.channels;
    const float *target = target_of(grid, judge, sample, cell);
    const int label = KIND == NCA_CROSS_ENTROPY ? (int)judge.labels[sample] : 0;
    const float scale = (float)(2.0 / mean);
    double largest = 0, sum = 1;
    if (KIND == NCA_CROSS_ENTROPY)
        sum = partition(x + first, judge.channels, &largest);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int k = channel + i;
        if (k < first || k >= end)
            continue;
        if (KIND == NCA_CROSS_ENTROPY)
            g[i] = (float)(1 / mean * (exp(x[k] - largest) / sum - (k - first == label)));
        else
            g[i] = scale * (x[k] - target[k - first]);
    }
}

// gradient [B,H,W,C] = d(mean loss) / d(batch), four channels of a cell a thread; zero in channels
// that the objective is not taken over and in cells that do not count.
//   launch  ceil(B*H*W*C/4/256) blocks x 256 threads;  shared: none
//   moves   4*C + 8*V bytes a cell, does 2*V flop, or V exponentials for each thread in f64
//   no barrier;  nothing aliases;  reference: cpu/loss.c
template <int KIND>
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 4))
    loss_backward(const __grid_constant__ nca_cuda_grid grid,
                  const __grid_constant__ nca_cuda_judge judge,
                  const nca_cuda_rollout *__restrict__ rollout, const float *__restrict__ batch,
                  float *__restrict__ gradient)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const size_t quads = grid.channels / 4, cells = (size_t)grid.height * grid.width;
    if (i >= cells * grid.batch * quads)
        return;
    const int sample = (int)(i / quads / cells), cell = (int)(i / quads % cells);
    const int channel = 4 * (int)(i % quads), first = judge.objective.first;
    const float *state = batch + sample * cells * grid.channels;
    float g[4] = {0, 0, 0, 0};
    if (KIND != NCA_GIVEN && channel < first + judge.channels && channel + 4 > first &&
        counts(grid, judge, state, cell))
        cell_backward<KIND>(grid, judge, sample, cell, state + (size_t)cell * grid.channels,
                            channel,
                            rollout->samples * divisor(judge, counted_of(grid, judge, sample)), g);
    nca_store4(gradient + 4 * i, make_float4(g[0], g[1], g[2], g[3]));
}

static dim3 blocks_for_quads(const nca_cuda_grid *grid)
{
    const size_t quads = nca_cuda_cells(grid) * (size_t)grid->channels / 4;
    return dim3((unsigned)((quads + THREADS - 1) / THREADS));
}

cudaError_t nca_cuda_loss_backward(const nca_cuda_grid *grid, const nca_cuda_judge *judge,
                                   const nca_cuda_rollout *rollout, const float *batch,
                                   float *gradient, cudaStream_t stream)
{
    const dim3 blocks = blocks_for_quads(grid);
    if (judge->objective.cells != NCA_CELLS_ALL) {
        const cudaError_t error = launch_measure(grid, judge, batch, stream);
        if (error != cudaSuccess)
            return error;
    }
    switch (judge->objective.kind) {
    case NCA_MEAN_SQUARED:
    case NCA_HALF_SQUARED:
        return NCA_LAUNCH((loss_backward<NCA_MEAN_SQUARED>), blocks, dim3(THREADS), 0, stream,
                          *grid, *judge, rollout, batch, gradient);
    case NCA_CROSS_ENTROPY:
        return NCA_LAUNCH((loss_backward<NCA_CROSS_ENTROPY>), blocks, dim3(THREADS), 0, stream,
                          *grid, *judge, rollout, batch, gradient);
    case NCA_GIVEN:
        return NCA_LAUNCH((loss_backward<NCA_GIVEN>), blocks, dim3(THREADS), 0, stream, *grid,
                          *judge, rollout, batch, gradient);
    }
    return cudaErrorInvalidValue;
}

// gradient [B,H,W,C] += given, which the caller gave for a kept state.
//   launch  ceil(B*H*W*C/4/256) blocks x 256 threads;  shared: none
//   moves   12*C bytes a cell, does C flop
//   no barrier;  nothing aliases;  reference: cpu/step_backward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    add_given(size_t quads, const float *__restrict__ given, float *__restrict__ gradient)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i < quads)
        nca_store4(gradient + 4 * i,
                   nca_add_scaled(nca_load4(gradient + 4 * i), 1, nca_load4(given + 4 * i)));
}

cudaError_t nca_cuda_add_given(const nca_cuda_grid *grid, const float *given, float *gradient,
                               cudaStream_t stream)
{
    return NCA_LAUNCH(add_given, blocks_for_quads(grid), dim3(THREADS), 0, stream,
                      nca_cuda_cells(grid) * (size_t)grid->channels / 4, given, gradient);
}
