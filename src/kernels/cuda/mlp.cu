// What stands between the matrix products of the cuBLAS path, forward and backward.
#include "launch.cuh"

#include "masks.cuh"

enum { THREADS = 256, COLUMN_ROWS = 32, AHEAD = 8 };

static dim3 blocks_for(size_t items)
{
    return dim3((unsigned)((items + THREADS - 1) / THREADS));
}

static __device__ size_t own_item()
{
    return (size_t)blockIdx.x * blockDim.x + threadIdx.x;
}

// The weights transposed, for kernels that go through hidden units side by side: hidden_columns
// [3C,K] of hidden_weight [K,3C], output_columns [K,C] of output_weight [C,K].
//   launch  ceil(3*C*K/256) blocks x 256 threads;  shared: none
//   moves   8 bytes a weight, does no flop;  no barrier;  nothing aliases
//   reference: cpu/optimizer.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    pack_rule(int channels, int hidden, const __grid_constant__ nca_cuda_rule rule)
{
    const size_t i = own_item(), inputs = 3 * (size_t)channels;
    if (i < inputs * hidden)
        rule.hidden_columns[i] = rule.hidden_weight[i % hidden * inputs + i / hidden];
    if (i < (size_t)channels * hidden)
        rule.output_columns[i] = rule.output_weight[i % channels * hidden + i / channels];
}

cudaError_t nca_cuda_pack_rule(const nca_cuda_grid *grid, const nca_cuda_rule *rule,
                               cudaStream_t stream)
{
    return NCA_LAUNCH(pack_rule, blocks_for(3 * (size_t)grid->channels * (size_t)grid->hidden),
                      dim3(THREADS), 0, stream, grid->channels, grid->hidden, *rule);
}

// hidden [count,K] = relu(hidden + bias); a NaN passes, so that it is noticed.
//   launch  ceil(count*K/256) blocks x 256 threads;  shared: none
//   moves   8*K bytes a cell, does K flop;  no barrier;  nothing aliases
//   reference: cpu/mlp_scalar.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    hidden_relu(size_t items, int units, const float *__restrict__ bias, float *__restrict__ hidden)
{
    const size_t i = own_item();
    if (i >= items)
        return;
    const float sum = hidden[i] + bias[i % units];
    hidden[i] = sum < 0 ? 0 : sum;
}

cudaError_t nca_cuda_hidden_relu(const nca_cuda_grid *grid, const nca_cuda_rule *rule, int count,
                                 float *hidden, cudaStream_t stream)
{
    const size_t items = (size_t)count * (size_t)grid->hidden;
    return NCA_LAUNCH(hidden_relu, blocks_for(items), dim3(THREADS), 0, stream, items, grid->hidden,
                      rule->hidden_bias, hidden);
}

// Its backward twin: dhidden [count,K] becomes 0 where hidden is not positive.
//   launch  ceil(count*K/256) blocks x 256 threads;  shared: none
//   moves   at most 8*K bytes a cell, does no flop;  no barrier;  nothing aliases
//   reference: cpu/mlp_scalar.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    hidden_relu_backward(size_t items, const float *__restrict__ hidden,
                         float *__restrict__ dhidden)
{
    const size_t i = own_item();
    if (i < items && !(hidden[i] > 0))
        dhidden[i] = 0;
}

cudaError_t nca_cuda_hidden_relu_backward(const nca_cuda_grid *grid, int count, const float *hidden,
                                          float *dhidden, cudaStream_t stream)
{
    const size_t items = (size_t)count * (size_t)grid->hidden;
    return NCA_LAUNCH(hidden_relu_backward, blocks_for(items), dim3(THREADS), 0, stream, items,
                      hidden, dhidden);
}

// u = x + step_size * (out + bias) of the listed cells, four channels a thread; out [count,C]. A
// dead cell on the list is not written, only marked if it is mature now.
//   launch  ceil(count*C/4/256) blocks x 256 threads;  shared: none
//   moves   12*C bytes a cell, does 3*C flop
//   no barrier;  nothing aliases; blocks mark words of mature_next together, by atomics
//   reference: cpu/step_forward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    apply(const __grid_constant__ nca_cuda_step step, const uint32_t *__restrict__ cells, int count,
          const float *__restrict__ out)
{
    const nca_cuda_grid &grid = step.grid;
    const int quads = grid.channels / 4;
    const size_t i = own_item();
    if (i >= (size_t)count * quads)
        return;
    const uint32_t cell = cells[i / quads];
    const int channel = 4 * (int)(i % quads), x = (int)(cell % (uint32_t)grid.width);
    const int line = (int)(cell / (uint32_t)grid.width);
    const size_t word = (size_t)line * grid.words + (x >> 5);
    const bool is_settled = step.settled[word] >> (x & 31) & 1;
    const float4 before = is_settled
                              ? nca_load4(step.before + (size_t)cell * grid.channels + channel)
                              : make_float4(0, 0, 0, 0);
    const float4 change = nca_add_scaled(nca_load4(step.rule.output_bias + channel), 1,
                                         nca_load4(out + i / quads * grid.channels + channel));
    const float4 after = nca_add_scaled(before, step.rollout->step_size, change);
    if (step.active[word] >> (x & 31) & 1)
        nca_store4(step.after + (size_t)cell * grid.channels + channel, after);
    if (channel == 0 && after.w > step.rollout->alive_threshold)
        atomicOr(&step.mature_next[word], 1u << (x & 31));
}

cudaError_t nca_cuda_apply(const nca_cuda_step *step, const uint32_t *cells, int count,
                           const float *out, cudaStream_t stream)
{
    return NCA_LAUNCH(apply, blocks_for((size_t)count * (size_t)step->grid.channels / 4),
                      dim3(THREADS), 0, stream, *step, cells, count, out);
}

// Its backward twin: dout [count,C], the gradient of the network's output.
//   launch  ceil(count*C/256) blocks x 256 threads;  shared: none
//   moves   8*C bytes a cell, does C flop;  no barrier;  nothing aliases
//   reference: cpu/step_backward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    apply_backward(const __grid_constant__ nca_cuda_step_backward step,
                   const uint32_t *__restrict__ cells, int count, float *__restrict__ dout)
{
    const int channels = step.grid.channels;
    const size_t i = own_item();
    if (i < (size_t)count * channels)
        dout[i] = step.rollout->step_size *
                  step.gradient[(size_t)cells[i / channels] * channels + i % channels];
}

cudaError_t nca_cuda_apply_backward(const nca_cuda_step_backward *step, const uint32_t *cells,
                                    int count, float *dout, cudaStream_t stream)
{
    return NCA_LAUNCH(apply_backward, blocks_for((size_t)count * (size_t)step->grid.channels),
                      dim3(THREADS), 0, stream, *step, cells, count, dout);
}

// Column sums of x [count,columns], 32 columns a block, added to `sums` in a fixed order. There are
// few blocks, so a thread has eight rows on their way at a time.
//   launch  ceil(columns/32) blocks x (32 x 32) threads;  shared: 4 KiB
//   moves   4 bytes a number, does one flop
//   one barrier, when the rows' sums are there;  nothing aliases;  reference: cpu/mlp_scalar.c
static __global__ void __launch_bounds__(32 * COLUMN_ROWS, nca_blocks_min(32 * COLUMN_ROWS, 2))
    add_columns(int count, int columns, const float *__restrict__ x, float *__restrict__ sums)
{
    NCA_SHARED(float, part, [COLUMN_ROWS][32]);
    const int column = blockIdx.x * 32 + threadIdx.x;
    float sum = 0;
    int row = column < columns ? (int)threadIdx.y : count;
    for (; row + (AHEAD - 1) * COLUMN_ROWS < count; row += AHEAD * COLUMN_ROWS) {
        float ahead[AHEAD];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            ahead[i] = x[(size_t)(row + i * COLUMN_ROWS) * columns + column];
#pragma unroll
        for (int i = 0; i < AHEAD; i++)
            sum += ahead[i];
    }
    for (; row < count; row += COLUMN_ROWS)
        sum += x[(size_t)row * columns + column];
    part[threadIdx.y][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.y != 0 || column >= columns)
        return;
    float total = 0;
    for (int i = 0; i < COLUMN_ROWS; i++)
        total += part[i][threadIdx.x];
    sums[column] += total;
}

cudaError_t nca_cuda_add_columns(int count, int columns, const float *x, float *sums,
                                 cudaStream_t stream)
{
    return NCA_LAUNCH(add_columns, dim3((unsigned)(columns + 31) / 32), dim3(32, COLUMN_ROWS), 0,
                      stream, count, columns, x, sums);
}
