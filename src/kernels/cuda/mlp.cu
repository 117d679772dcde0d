// What stands between the matrix products of the cuBLAS path, forward and backward.
#include "launch.cuh"

#include <curand_kernel.h>

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

// hidden [count,K] = relu(hidden + bias), of either hidden layer; a NaN passes, so that it is
// noticed.
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

cudaError_t nca_cuda_hidden_relu(int count, int units, const float *bias, float *hidden,
                                 cudaStream_t stream)
{
    const size_t items = (size_t)count * (size_t)units;
    return NCA_LAUNCH(hidden_relu, blocks_for(items), dim3(THREADS), 0, stream, items, units, bias,
                      hidden);
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

cudaError_t nca_cuda_hidden_relu_backward(int count, int units, const float *hidden, float *dhidden,
                                          cudaStream_t stream)
{
    const size_t items = (size_t)count * (size_t)units;
    return NCA_LAUNCH(hidden_relu_backward, blocks_for(items), dim3(THREADS), 0, stream, items,
                      hidden, dhidden);
}

// The noise on a number of an update, as nca_normal_of_words() has it. Its product is rounded by
// itself, so that it is the same on every device.
static __device__ float noise_of(const nca_cuda_rollout &rollout, uint32_t sample, int step,
                                 uint32_t index, float scale)
{
    const uint2 key = make_uint2((uint32_t)rollout.seed, (uint32_t)(rollout.seed >> 32));
    const uint32_t counter = (uint32_t)(rollout.first_step + step) | (uint32_t)NCA_RANDOM_NOISE
                                                                         << 24;
    const uint4 words = curand_Philox4x32_10(
        make_uint4(index, counter, rollout.first_sample + sample, rollout.update), key);
    const int sum =
        (int)((words.x & 0xffff) + (words.x >> 16) + (words.y & 0xffff) + (words.y >> 16) +
              (words.z & 0xffff) + (words.z >> 16) + (words.w & 0xffff) + (words.w >> 16));
    return __fmul_rn((float)(sum - 262140), scale);
}

// What the spec says of an update's numbers.
struct update_terms {
    int frozen;          // leading channels that stay
    float noise_scale;   // 0: no noise
    bool marks;          // mature cells, which may change
};

// u = x + step_size * (out + bias + noise) of the listed cells, a channel a thread; out [count,C -
// frozen]. A dead cell on the list is not written, only marked if it is mature now.
//   launch  ceil(count*C/256) blocks x 256 threads;  shared: none
//   moves   12*C bytes a cell, does 3*C flop; with noise a draw of about 100 integer instructions
//           a number
//   no barrier;  nothing aliases; blocks mark words of mature_next together, by atomics
//   reference: cpu/step_forward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    apply(const __grid_constant__ nca_cuda_step step, const __grid_constant__ update_terms terms,
          const uint32_t *__restrict__ cells, int count, const float *__restrict__ out)
{
    const nca_cuda_grid &grid = step.grid;
    const uint32_t channels = (uint32_t)grid.channels, outputs = channels - (uint32_t)terms.frozen;
    const uint32_t i = (uint32_t)own_item();
    if (i >= (uint32_t)count * channels)
        return;
    const uint32_t cell = cells[i / channels], line = cell / (uint32_t)grid.width;
    const int channel = (int)(i % channels), number = channel - terms.frozen;
    const int x = (int)(cell % (uint32_t)grid.width);
    const size_t word = (size_t)line * grid.words + (x >> 5);
    const size_t element = (size_t)cell * channels + channel;
    float after = step.settled[word] >> (x & 31) & 1 ? step.before[element] : 0;
    if (number >= 0) {
        float change = step.rule.output_bias[number] + out[i / channels * outputs + number];
        const uint32_t sample_cells = (uint32_t)(grid.height * grid.width);
        if (terms.noise_scale > 0)
            change += noise_of(*step.rollout, cell / sample_cells, step.step,
                               cell % sample_cells * outputs + number, terms.noise_scale);
        after = fmaf(step.rollout->step_size, change, after);
    }
    if (step.active[word] >> (x & 31) & 1)
        step.after[element] = after;
    if (terms.marks && channel == NCA_ALPHA && after > step.rollout->alive_threshold)
        atomicOr(&step.mature_next[word], 1u << (x & 31));
}

cudaError_t nca_cuda_apply(const nca_cuda_step *step, const nca_spec *spec, const uint32_t *cells,
                           int count, const float *out, cudaStream_t stream)
{
    const update_terms terms = {spec->frozen, nca_noise_scale(spec->noise), nca_cuda_clears(spec)};
    return NCA_LAUNCH(apply, blocks_for((size_t)count * (size_t)spec->channels), dim3(THREADS), 0,
                      stream, *step, terms, cells, count, out);
}

// Its backward twin: dout [count,C - frozen], the gradient of the network's output.
//   launch  ceil(count*(C-frozen)/256) blocks x 256 threads;  shared: none
//   moves   8*(C-frozen) bytes a cell, does C-frozen flop;  no barrier;  nothing aliases
//   reference: cpu/step_backward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    apply_backward(const __grid_constant__ nca_cuda_step_backward step, int frozen,
                   const uint32_t *__restrict__ cells, int count, float *__restrict__ dout)
{
    const uint32_t channels = (uint32_t)step.grid.channels, outputs = channels - (uint32_t)frozen;
    const uint32_t i = (uint32_t)own_item();
    if (i < (uint32_t)count * outputs)
        dout[i] =
            step.rollout->step_size *
            step.gradient[(size_t)cells[i / outputs] * channels + (uint32_t)frozen + i % outputs];
}

cudaError_t nca_cuda_apply_backward(const nca_cuda_step_backward *step, const nca_spec *spec,
                                    const uint32_t *cells, int count, float *dout,
                                    cudaStream_t stream)
{
    return NCA_LAUNCH(apply_backward, blocks_for((size_t)count * (size_t)nca_spec_outputs(spec)),
                      dim3(THREADS), 0, stream, *step, spec->frozen, cells, count, dout);
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
