// The fused path: one kernel a step, forward and backward, for 16 channels and 128 hidden units.
// Perception, network and update of active cells only; hidden units never reach global memory.
//
// The blocks of a region all make its masks, which costs less than a launch of its own, and take
// turns with chunks of the cells that follow from them, so that work is even however the cells are
// spread. How a chunk's network is computed is a network's business: fused.cuh.
#include "launch.cuh"

#include "network_f32.cuh"
#include "network_mma.cuh"

// -- A block's shared memory, behind the network's matrices

enum { TOTALS = 32 * NCA_LISTS };
struct block_shared {
    int *warp_totals;   // [TOTALS]
    uint32_t *planes;
};

static __device__ block_shared lay_out(float *memory)
{
    block_shared shared;
    shared.warp_totals = reinterpret_cast<int *>(memory);
    shared.planes = reinterpret_cast<uint32_t *>(memory) + TOTALS;
    return shared;
}

// -- A chunk's cells, as they are listed: row << 16 | x. A thread has four channels of one.

// The cell of this thread in the chunk from rank `first` on; of no use beyond the last.
static __device__ uint32_t cell_in_chunk(const nca_lister &lister, int first)
{
    const int rank = first + (int)threadIdx.x % (4 * CHUNK) / 4;
    return rank < lister.total ? lister.cell(rank) : 0;
}

static __device__ size_t cell_of(const nca_cuda_grid &grid, const nca_region_rows &at,
                                 uint32_t listed)
{
    return nca_cell_of(grid, at.sample, at.y0 + (int)(listed >> 16), (int)(listed & 0xffff));
}

// A gradient of a cell's channels as perception has it, and what is sent back through it.
static __device__ float4 seen_as(const nca_cuda_grid &grid, float4 gradient)
{
    return grid.sums ? nca_sum_cell(gradient) : gradient;
}

// Puts the perception of a chunk's cells into the network; zero beyond its `count` cells.
template <typename Network, typename Step>
static __device__ void perceive_chunk(const Step &step, const nca_region_rows &at,
                                      const nca_bits &settled, uint32_t listed, int count,
                                      Network &network)
{
    const int cell = threadIdx.x / 4, channel = 4 * (threadIdx.x % 4);
    nca_perceived4 seen;
    seen.x = seen.gx = seen.gy = make_float4(0, 0, 0, 0);
    if (cell < count)
        seen = nca_perceive4(step.grid, at, *step.rollout, step.before, settled,
                             (int)(listed >> 16), (int)(listed & 0xffff), channel);
    network.put_input(channel, cell, seen.x);
    network.put_input(CHANNELS + channel, cell, seen_as(step.grid, seen.gx));
    network.put_input(2 * CHANNELS + channel, cell, seen_as(step.grid, seen.gy));
}

// u = x + step_size * output. A dead cell on the list is not written, only marked if mature now.
template <typename Network>
static __device__ void apply(const nca_cuda_step &step, const nca_region_rows &at,
                             const nca_masks &m, uint32_t listed, int count, const Network &network)
{
    static_assert(NCA_ALPHA == 3, "alpha is the last of the first four channels");
    const int cell = threadIdx.x / 4, channel = 4 * (threadIdx.x % 4);
    if (cell >= count)
        return;
    const float4 after = nca_add_scaled(network.state(channel, cell), step.rollout->step_size,
                                        network.output(step.rule, channel, cell));
    const int row = (int)(listed >> 16), x = (int)(listed & 0xffff);
    if (m.active.has(row, x))
        nca_store4(step.after + cell_of(step.grid, at, listed) * CHANNELS + channel, after);
    if (channel == 0 && after.w > step.rollout->alive_threshold)
        nca_plane_mark(step.grid, step.mature_next, at.sample, at.y0 + row, x);
}

// One step: masks of the region, living cells that do not fire, and this block's chunks.
//   launch  B*regions*blocks_per_region blocks x 128 threads
//   shared  the network's matrices and eight planes of a region: 66 KiB in f32, 20 in tf32 and
//           bf16, and the planes
//   moves   at most 768 bytes an active cell, mostly from the caches, and 32 KiB of weights a
//           block; does 16,384 flop an active cell
//   overlaps the launch before it: ahead of the wait it loads the rollout's values and the weights,
//   which are never written directly before a step
//   seven barriers, all after the wait: five in nca_masks_fill(), two in nca_masks_list(); and
//   three a chunk besides those of the network's compute()
//   nothing aliases; blocks of a region mark words of mature_next together, by atomics
//   needs   C = 16, K = 128, the network's CAPABILITY;  reference: cpu/step_forward.c
template <typename Network>
static __global__ void __launch_bounds__(FORWARD_THREADS, Network::BLOCKS_MIN)
    step_forward(const __grid_constant__ nca_cuda_step given, int blocks_per_region)
{
    NCA_SHARED_DYNAMIC(float, memory);
    nca_cuda_step step = given;
    step.grid.channels = CHANNELS;                     // known when compiled
    const nca_cuda_rollout rollout = *given.rollout;   // loaded once, ahead of its use
    step.rollout = &rollout;
    Network network(memory);
    block_shared shared = lay_out(memory + Network::FLOATS);
    const nca_masks m = nca_masks_take(step.grid, shared.planes);
    const int region = blockIdx.x / blocks_per_region,
              region_block = blockIdx.x % blocks_per_region;
    const nca_region_rows at = nca_region_of(step.grid, region);
    network.begin(step.rule);
    nca_wait_for_last();
    nca_masks_fill(step, at, m);
    nca_masks_publish(step, at, m, region_block, blocks_per_region);
    nca_lister lists[NCA_LISTS];
    nca_masks_list(step.grid, at, m, shared.warp_totals, lists);
    nca_masks_keep(step, at, m.settled, lists[NCA_LIST_KEPT], region_block, blocks_per_region);
    if (region_block == 0 && threadIdx.x == 0 && step.counts)
        step.counted[region] += (uint64_t)lists[NCA_LIST_ACTIVE].total;
    const nca_lister &lister = lists[NCA_LIST_LISTED];
    for (int first = region_block * CHUNK; first < lister.total;
         first += blocks_per_region * CHUNK) {
        const int count = min(CHUNK, lister.total - first);
        const uint32_t listed = cell_in_chunk(lister, first);
        perceive_chunk(step, at, m.settled, listed, count, network);
        __syncthreads();
        network.compute(step.rule);
        __syncthreads();
        apply(step, at, m, listed, count, network);
        __syncthreads();
    }
}

// -- Backward

// Gradient of state 1 of a chunk's cells: kept for the step before, and step_size times it the
// gradient of the network's output, zero beyond the `count` cells. `item` counts quads of channels.
template <typename Network>
static __device__ void output_gradient(const nca_cuda_step_backward &step,
                                       const nca_region_rows &at, const nca_back_masks &m,
                                       uint32_t listed, int count, int item, Network &network)
{
    const int cell = item / 4, channel = 4 * (item % 4);
    float4 g = make_float4(0, 0, 0, 0);
    if (cell < count) {
        g = nca_gradient4(step, at, m, (int)(listed >> 16), (int)(listed & 0xffff), channel);
        nca_store4(step.gradient + cell_of(step.grid, at, listed) * CHANNELS + channel, g);
    }
    network.put_doutput(channel, cell, nca_scaled(step.rollout->step_size, g));
}

// What a chunk's cells send to those around them.
template <typename Network>
static __device__ void send_gradient(const nca_cuda_step_backward &step, const nca_region_rows &at,
                                     uint32_t listed, int count, const Network &network)
{
    const int cell = threadIdx.x / 4, channel = 4 * (threadIdx.x % 4);
    if (cell >= count)
        return;
    nca_perceived4 dp;
    dp.x = network.dinput(channel, cell);
    dp.gx = seen_as(step.grid, network.dinput(CHANNELS + channel, cell));
    dp.gy = seen_as(step.grid, network.dinput(2 * CHANNELS + channel, cell));
    const nca_perceived4 sent = nca_unrotate4(*step.rollout, dp);
    float *to = step.dp + cell_of(step.grid, at, listed) * INPUTS + channel;
    nca_store4(to, sent.x);
    nca_store4(to + CHANNELS, sent.gx);
    nca_store4(to + 2 * CHANNELS, sent.gy);
}

// Cells that are settled after the step but not learning pass their gradient on; the blocks of the
// region share them out.
static __device__ void pass_gradient_on(const nca_cuda_step_backward &step,
                                        const nca_region_rows &at, const nca_back_masks &m,
                                        const nca_lister &passing, int region_block,
                                        int blocks_per_region)
{
    const int stride = (int)blockDim.x * blocks_per_region;
    for (int i = region_block * (int)blockDim.x + (int)threadIdx.x; i < 4 * passing.total;
         i += stride) {
        const uint32_t listed = passing.cell(i / 4);
        const int channel = 4 * (i % 4);
        const float4 g =
            nca_gradient4(step, at, m, (int)(listed >> 16), (int)(listed & 0xffff), channel);
        nca_store4(step.gradient + cell_of(step.grid, at, listed) * CHANNELS + channel, g);
    }
}

// One step backward. Sums stay in the second-level cache from step to step; the last step of the
// rollout, which is the first backward, begins them.
//   launch  B*regions*blocks_per_region blocks x 256 threads
//   shared  the network's matrices and seven planes of a region: 78 KiB in f32, 56 in tf32 and
//           bf16, and the planes
//   moves   at most 1.5 KiB an active cell, mostly from the caches, and 32 KiB of weights (56 in
//           tf32 and bf16) and 65 KiB of sums a block; does 45,056 flop an active cell
//   overlaps the launch before it, as step_forward does
//   three barriers, all after the wait: one in nca_back_masks_fill(), two in nca_listers_open();
//   and three a chunk besides those of the network's compute()
//   `gradient`, and a block's own sums, are read and written in place, a number by one thread; else
//   nothing aliases
//   needs   C = 16, K = 128, the network's CAPABILITY;  reference: cpu/step_backward.c
template <typename Network>
static __global__ void __launch_bounds__(BACKWARD_THREADS, Network::BLOCKS_MIN)
    step_backward(const __grid_constant__ nca_cuda_step_backward given, int blocks_per_region)
{
    NCA_SHARED_DYNAMIC(float, memory);
    nca_cuda_step_backward step = given;
    step.grid.channels = CHANNELS;                     // known when compiled
    const nca_cuda_rollout rollout = *given.rollout;   // loaded once, ahead of its use
    step.rollout = &rollout;
    Network network(memory);
    block_shared shared = lay_out(memory + Network::FLOATS);
    const nca_back_masks m = nca_back_masks_take(step.grid, shared.planes);
    const int region = blockIdx.x / blocks_per_region,
              region_block = blockIdx.x % blocks_per_region;
    const nca_region_rows at = nca_region_of(step.grid, region);
    network.begin(step.rule);
    nca_wait_for_last();
    nca_back_masks_fill(step, at, m);
    enum { LEARNING, PASSING, LISTS };
    nca_lister lists[LISTS] = {nca_lister_take(step.grid, at, m.learning, m.before_learning),
                               nca_lister_take(step.grid, at, m.passing, m.before_passing)};
    nca_listers_open(lists, shared.warp_totals);
    pass_gradient_on(step, at, m, lists[PASSING], region_block, blocks_per_region);
    const nca_lister &lister = lists[LEARNING];
    if (region_block == 0 && threadIdx.x == 0)
        step.counted[region] = (step.is_last ? 0 : step.counted[region]) + (uint64_t)lister.total;
    if (!step.is_last && region_block * CHUNK >= lister.total)
        return;   // no chunk: adds nothing to sums that have begun
    for (int first = region_block * CHUNK; first < lister.total;
         first += blocks_per_region * CHUNK) {
        const int count = min(CHUNK, lister.total - first), item = (int)threadIdx.x - 4 * CHUNK;
        const uint32_t listed = cell_in_chunk(lister, first);
        if (item < 0)
            perceive_chunk(step, at, m.settled, listed, count, network);
        else
            output_gradient(step, at, m, listed, count, item, network);
        __syncthreads();
        network.compute(step.rule);
        __syncthreads();
        if (item < 0)
            send_gradient(step, at, listed, count, network);
        __syncthreads();
    }
    network.save(step.is_last, step.sums + (size_t)blockIdx.x * PARAMETERS);
}

// -- Launchers

template <typename Network> static size_t shared_bytes(const nca_cuda_grid &grid, int planes)
{
    return (Network::FLOATS + TOTALS + planes * nca_bits_words(grid)) * sizeof(float);
}

template <typename Forward, typename Backward>
static bool fits(const nca_cuda_grid &grid, size_t shared_bytes_max)
{
    return grid.channels == CHANNELS && grid.hidden == HIDDEN &&
           shared_bytes<Forward>(grid, NCA_MASK_PLANES) <= shared_bytes_max &&
           shared_bytes<Backward>(grid, NCA_BACK_PLANES) <= shared_bytes_max;
}

// Kernels that were compiled for an older capability than they need are empty.
template <typename Forward, typename Backward>
static cudaError_t prepare(size_t shared_bytes_max, bool *overlaps)
{
    cudaFuncAttributes compiled;
    cudaError_t error = cudaFuncGetAttributes(&compiled, step_backward<Backward>);
    if (error == cudaSuccess && compiled.ptxVersion < Backward::CAPABILITY)
        error = cudaErrorNoKernelImageForDevice;
    if (error == cudaSuccess)
        error = nca_launch_prepare(step_forward<Forward>, shared_bytes_max);
    if (error == cudaSuccess)
        error = nca_launch_prepare(step_backward<Backward>, shared_bytes_max);
    if (error == cudaSuccess)
        *overlaps = nca_can_overlap(compiled);
    return error;
}

static dim3 blocks_of(const nca_cuda_grid &grid, int blocks_per_region)
{
    return dim3((unsigned)(grid.batch * grid.regions * blocks_per_region));
}

template <typename Network>
static cudaError_t launch_forward(const nca_cuda_step &step, int blocks_per_region,
                                  cudaStream_t stream)
{
    return NCA_LAUNCH_OVERLAPPED((step_forward<Network>), step.overlaps,
                                 blocks_of(step.grid, blocks_per_region), dim3(FORWARD_THREADS),
                                 shared_bytes<Network>(step.grid, NCA_MASK_PLANES), stream, step,
                                 blocks_per_region);
}

template <typename Network>
static cudaError_t launch_backward(const nca_cuda_step_backward &step, int blocks_per_region,
                                   cudaStream_t stream)
{
    return NCA_LAUNCH_OVERLAPPED((step_backward<Network>), step.overlaps,
                                 blocks_of(step.grid, blocks_per_region), dim3(BACKWARD_THREADS),
                                 shared_bytes<Network>(step.grid, NCA_BACK_PLANES), stream, step,
                                 blocks_per_region);
}

struct variant {
    bool (*fits)(const nca_cuda_grid &grid, size_t shared_bytes_max);
    cudaError_t (*prepare)(size_t shared_bytes_max, bool *overlaps);
    cudaError_t (*forward)(const nca_cuda_step &step, int blocks_per_region, cudaStream_t stream);
    cudaError_t (*backward)(const nca_cuda_step_backward &step, int blocks_per_region,
                            cudaStream_t stream);
};

template <typename Forward, typename Backward> static constexpr variant variant_with()
{
    return {fits<Forward, Backward>, prepare<Forward, Backward>, launch_forward<Forward>,
            launch_backward<Backward>};
}

static const variant variants[] = {
    // by nca_cuda_precision
    variant_with<nca_f32_forward, nca_f32_backward>(),
    variant_with<nca_mma_forward<NCA_CUDA_TF32>, nca_mma_backward<NCA_CUDA_TF32>>(),
    variant_with<nca_mma_forward<NCA_CUDA_BF16>, nca_mma_backward<NCA_CUDA_BF16>>(),
};

bool nca_cuda_fused_fits(const nca_cuda_grid *grid, nca_cuda_precision precision,
                         size_t shared_bytes_max)
{
    return variants[precision].fits(*grid, shared_bytes_max);
}

cudaError_t nca_cuda_fused_prepare(nca_cuda_precision precision, size_t shared_bytes_max,
                                   bool *overlaps)
{
    return variants[precision].prepare(shared_bytes_max, overlaps);
}

cudaError_t nca_cuda_fused_forward(const nca_cuda_step *step, nca_cuda_precision precision,
                                   int blocks_per_region, cudaStream_t stream)
{
    return variants[precision].forward(*step, blocks_per_region, stream);
}

cudaError_t nca_cuda_fused_backward(const nca_cuda_step_backward *step,
                                    nca_cuda_precision precision, int blocks_per_region,
                                    cudaStream_t stream)
{
    return variants[precision].backward(*step, blocks_per_region, stream);
}

// gradient [P] is the sum over the samples of the sum over the blocks of each: sums
// [samples,blocks,P]. In f64 and in their order; the sum of a sample is rounded to f32, and so is
// the end. hidden.weight is turned back from [3C,K].
//   launch  ceil(P/64) blocks x 64 threads;  shared: none
//   moves   4*P*samples*blocks + 4*P bytes, the sums mostly from the second-level cache; does
//           P*samples*blocks flop
//   no barrier;  nothing aliases;  reference: cpu/rollout.c
static __global__ void __launch_bounds__(64, nca_blocks_min(64, 32))
    reduce_sums(size_t total, int inputs, int units, const float *__restrict__ sums, int samples,
                int blocks, float *__restrict__ gradient)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= total)
        return;
    double all = 0;
    for (int sample = 0; sample < samples; sample++) {
        double sum = 0;
        for (int block = 0; block < blocks; block++)
            sum += sums[((size_t)sample * blocks + block) * total + i];
        all += (float)sum;
    }
    const size_t to = i < (size_t)inputs * units ? i % units * inputs + i / units : i;
    gradient[to] = (float)all;
}

cudaError_t nca_cuda_reduce_sums(const nca_cuda_grid *grid, const float *sums, int blocks,
                                 float *gradient, cudaStream_t stream)
{
    const nca_spec spec = nca_spec_growing(grid->channels, grid->hidden);
    const size_t total = nca_layout_of(&spec).total;
    return NCA_LAUNCH(reduce_sums, dim3((unsigned)((total + 63) / 64)), dim3(64), 0, stream, total,
                      3 * grid->channels, grid->hidden, sums, grid->batch, blocks, gradient);
}
