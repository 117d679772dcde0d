// The loss of every sample, its largest |x| and living cells, and the gradient of the mean loss.
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
    to->squares += from.squares;
    to->largest = max(to->largest, from.largest);
    to->alive_cells += from.alive_cells;
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

// Parts [B,16] of batch [B,H,W,C] against target [H,W,4]: sums of squares in f64, what is largest,
// and how many cells live.
//   launch  (B, 16) blocks x 256 threads;  shared: 4 KiB
//   moves   4*C + 16 bytes a cell, does 12 flop
//   nine barriers, in the sum over the block;  nothing aliases;  reference: cpu/loss.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    measure(const __grid_constant__ nca_cuda_grid grid, const float *__restrict__ batch,
            const float *__restrict__ target, nca_cuda_loss_part *__restrict__ parts)
{
    NCA_SHARED(nca_cuda_loss_part, shared, [THREADS]);
    const int cells = grid.height * grid.width, quads = grid.channels / 4;
    const float *state = batch + (size_t)blockIdx.x * cells * grid.channels;
    nca_cuda_loss_part own = {0, 0, 0};
    for (size_t i = (size_t)blockIdx.y * blockDim.x + threadIdx.x; i < (size_t)cells * quads;
         i += (size_t)gridDim.y * blockDim.x) {
        const float4 x = nca_load4(state + 4 * i);
        own.largest = max(own.largest, max(max(magnitude(x.x), magnitude(x.y)),
                                           max(magnitude(x.z), magnitude(x.w))));
        if (i % quads)
            continue;
        const float4 wanted = nca_load4(target + i / quads * NCA_VISIBLE);
        const double r = (double)x.x - wanted.x, g = (double)x.y - wanted.y;
        const double b = (double)x.z - wanted.z, a = (double)x.w - wanted.w;
        own.squares += r * r + g * g + b * b + a * a;
        own.alive_cells += x.w > NCA_ALIVE_THRESHOLD;
    }
    const nca_cuda_loss_part sum = add_up(own, shared);
    if (threadIdx.x == 0)
        parts[blockIdx.x * gridDim.y + blockIdx.y] = sum;
}

// Reports [B], each from a sample's 16 parts in their order: parts [B,16].
//   launch  ceil(B/32) blocks x 32 threads;  shared: none
//   moves   276 bytes a sample, does 16 flop
//   no barrier;  nothing aliases;  reference: cpu/loss.c
static __global__ void __launch_bounds__(32, nca_blocks_min(32, 32))
    report(const __grid_constant__ nca_cuda_grid grid, const nca_cuda_loss_part *__restrict__ parts,
           nca_sample_report *__restrict__ reports)
{
    const int sample = blockIdx.x * blockDim.x + threadIdx.x;
    if (sample >= grid.batch)
        return;
    nca_cuda_loss_part sum = {0, 0, 0};
    for (int i = 0; i < NCA_CUDA_LOSS_PARTS; i++)
        merge(&sum, parts[sample * NCA_CUDA_LOSS_PARTS + i]);
    reports[sample].loss = sum.squares / ((double)grid.height * grid.width * NCA_VISIBLE);
    reports[sample].max_state = __uint_as_float(sum.largest);
    reports[sample].alive_cells = sum.alive_cells;
}

cudaError_t nca_cuda_loss(const nca_cuda_grid *grid, const float *batch, const float *target,
                          nca_cuda_loss_part *parts, nca_sample_report *reports,
                          cudaStream_t stream)
{
    const unsigned samples = (unsigned)grid->batch;
    const cudaError_t error = NCA_LAUNCH(measure, dim3(samples, NCA_CUDA_LOSS_PARTS), dim3(THREADS),
                                         0, stream, *grid, batch, target, parts);
    return error != cudaSuccess ? error
                                : NCA_LAUNCH(report, dim3((samples + 31) / 32), dim3(32), 0, stream,
                                             *grid, parts, reports);
}

// gradient [B,H,W,C] = d(mean loss) / d(batch): loss_scale (x - target) in the visible channels,
// zero in the others.
//   launch  ceil(B*H*W*C/4/256) blocks x 256 threads;  shared: none
//   moves   4*C + 32 bytes a cell, does 8 flop
//   no barrier;  nothing aliases;  reference: cpu/loss.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    loss_backward(const __grid_constant__ nca_cuda_grid grid,
                  const nca_cuda_rollout *__restrict__ rollout, const float *__restrict__ batch,
                  const float *__restrict__ target, float *__restrict__ gradient)
{
    const size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    const size_t quads = grid.channels / 4, cells = (size_t)grid.height * grid.width;
    if (i >= cells * grid.batch * quads)
        return;
    float4 g = make_float4(0, 0, 0, 0);
    if (i % quads == 0) {
        const float4 x = nca_load4(batch + 4 * i);
        const float scale = rollout->loss_scale;
        const float4 wanted = nca_load4(target + i / quads % cells * NCA_VISIBLE);
        g = make_float4(scale * (x.x - wanted.x), scale * (x.y - wanted.y),
                        scale * (x.z - wanted.z), scale * (x.w - wanted.w));
    }
    nca_store4(gradient + 4 * i, g);
}

cudaError_t nca_cuda_loss_backward(const nca_cuda_grid *grid, const nca_cuda_rollout *rollout,
                                   const float *batch, const float *target, float *gradient,
                                   cudaStream_t stream)
{
    const size_t items = nca_cuda_cells(grid) * (size_t)grid->channels / 4;
    return NCA_LAUNCH(loss_backward, dim3((unsigned)((items + THREADS - 1) / THREADS)),
                      dim3(THREADS), 0, stream, *grid, rollout, batch, target, gradient);
}
