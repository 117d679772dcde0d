// The network of the fused kernels in f32: weights and a chunk's matrices lie in shared memory,
// [row][cell]; a thread has a tile of each product. fused.cuh says what each part is for.
#ifndef NCA_CUDA_NETWORK_F32_CUH
#define NCA_CUDA_NETWORK_F32_CUH

#include "fused.cuh"

// From row to row of a chunk's matrices, for float4 loads along the cells.
enum { STRIDE = CHUNK + 4 };
enum { SPLITS = 4 };   // of a sum over hidden units, added up in their order

// Copies rows of COLUMNS floats from global to shared memory, where they lie `stride` apart. All of
// a thread's loads are on their way before the first is waited for.
template <int THREADS, int ROWS, int COLUMNS>
static __device__ inline void nca_fetch(const float *from, int stride, float *to)
{
    enum { EACH = ROWS * COLUMNS / 4 / THREADS };
    static_assert(EACH * 4 * THREADS == ROWS * COLUMNS && COLUMNS % 4 == 0, "equal shares");
    float4 quad[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++)
        quad[i] = nca_load4(from + 4 * (i * THREADS + (int)threadIdx.x));
#pragma unroll
    for (int i = 0; i < EACH; i++) {
        const int at = 4 * (i * THREADS + (int)threadIdx.x);
        nca_store4(to + at / COLUMNS * stride + at % COLUMNS, quad[i]);
    }
}

// Puts four numbers of a cell into its column of a chunk's matrix, from row `row` on.
static __device__ inline void nca_put4(float *matrix, int row, int cell, float4 value)
{
    matrix[row * STRIDE + cell] = value.x;
    matrix[(row + 1) * STRIDE + cell] = value.y;
    matrix[(row + 2) * STRIDE + cell] = value.z;
    matrix[(row + 3) * STRIDE + cell] = value.w;
}

static __device__ inline float4 nca_quad(const float x[4])
{
    return make_float4(x[0], x[1], x[2], x[3]);
}

static __device__ inline float4 nca_relu4(const float x[4])
{
    return make_float4(nca_relu(x[0]), nca_relu(x[1]), nca_relu(x[2]), nca_relu(x[3]));
}

static __device__ inline void nca_multiply_add(float4 x, float scale, float sum[4])
{
    sum[0] = fmaf(scale, x.x, sum[0]);
    sum[1] = fmaf(scale, x.y, sum[1]);
    sum[2] = fmaf(scale, x.z, sum[2]);
    sum[3] = fmaf(scale, x.w, sum[3]);
}

static __device__ inline float nca_dot_add(float4 a, float4 b, float sum)
{
    return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

// Four cells by UNITS hidden units of a product with a matrix [ROWS,PITCH]: sum[j] += over the rows
// of weight[row][unit j] * x[row][cells]. Units come in groups of four, `step` apart.
template <int PITCH, int UNITS, int ROWS>
static __device__ inline void nca_multiply_tile(const float *weight, const float *x, int first_unit,
                                                int step, int first_cell, float (*sum)[4])
{
#pragma unroll 4
    for (int row = 0; row < ROWS; row++) {
        const float4 cells = nca_load4(x + row * STRIDE + first_cell);
#pragma unroll
        for (int j = 0; j < UNITS; j += 4) {
            const float4 w = nca_load4(weight + row * PITCH + first_unit + j / 4 * step);
            nca_multiply_add(cells, w.x, sum[j]);
            nca_multiply_add(cells, w.y, sum[j + 1]);
            nca_multiply_add(cells, w.z, sum[j + 2]);
            nca_multiply_add(cells, w.w, sum[j + 3]);
        }
    }
}

// -- Forward

struct nca_f32_forward {
    enum { BLOCKS_MIN = 3, CAPABILITY = 0, UNITS = HIDDEN / 16 };   // units of a thread
    enum {
        FLOATS =
            HIDDEN * (INPUTS + CHANNELS) + (INPUTS + HIDDEN) * STRIDE + SPLITS * CHANNELS * STRIDE
    };
    float *w1, *w2;      // [3C,K], [K,C]
    float *p, *hidden;   // [3C,STRIDE], [K,STRIDE]
    float *part;         // [SPLITS,C,STRIDE]

    __device__ nca_f32_forward(float *memory)
        : w1(memory), w2(w1 + INPUTS * HIDDEN), p(w2 + HIDDEN * CHANNELS),
          hidden(p + INPUTS * STRIDE), part(hidden + HIDDEN * STRIDE)
    {
    }
    __device__ void begin(const nca_cuda_rule &rule)
    {
        nca_fetch<FORWARD_THREADS, INPUTS, HIDDEN>(rule.hidden_columns, HIDDEN, w1);
        nca_fetch<FORWARD_THREADS, HIDDEN, CHANNELS>(rule.output_columns, CHANNELS, w2);
    }
    __device__ void put_input(int input, int cell, float4 value)
    {
        nca_put4(p, input, cell, value);
    }
    // One barrier, between the layers.
    __device__ void compute(const nca_cuda_rule &rule)
    {
        compute_hidden(rule);
        __syncthreads();
        compute_output();
    }
    __device__ float4 state(int channel, int cell) const
    {
        const float *at = p + channel * STRIDE + cell;
        return make_float4(at[0], at[STRIDE], at[2 * STRIDE], at[3 * STRIDE]);
    }
    __device__ float4 output(const nca_cuda_rule &rule, int channel, int cell) const
    {
        float out[4];
        for (int c = 0; c < 4; c++) {
            out[c] = rule.output_bias[channel + c];
            for (int split = 0; split < SPLITS; split++)
                out[c] += part[(split * CHANNELS + channel + c) * STRIDE + cell];
        }
        return nca_quad(out);
    }

    // hidden = relu(W1 p + b1): a thread has 4 cells and K/16 units.
    __device__ void compute_hidden(const nca_cuda_rule &rule)
    {
        const int first_cell = threadIdx.x % 8 * 4, first_unit = threadIdx.x / 8 * 4;
        float sum[UNITS][4];
#pragma unroll
        for (int j = 0; j < UNITS; j++) {
            const float bias = rule.hidden_bias[first_unit + j / 4 * 64 + j % 4];
            for (int i = 0; i < 4; i++)
                sum[j][i] = bias;
        }
        nca_multiply_tile<HIDDEN, UNITS, INPUTS>(w1, p, first_unit, 64, first_cell, sum);
#pragma unroll
        for (int j = 0; j < UNITS; j++)
            nca_store4(hidden + (first_unit + j / 4 * 64 + j % 4) * STRIDE + first_cell,
                       nca_relu4(sum[j]));
    }

    // W2 hidden, split by hidden units: a warp sums its K/4, a thread 4 cells and 4 channels.
    __device__ void compute_output()
    {
        const int split = threadIdx.x / 32, first_cell = threadIdx.x % 8 * 4;
        const int channel = threadIdx.x % 32 / 8 * 4;
        float sum[4][4] = {};
#pragma unroll 4
        for (int unit = split * (HIDDEN / SPLITS); unit < (split + 1) * (HIDDEN / SPLITS); unit++) {
            const float4 cells = nca_load4(hidden + unit * STRIDE + first_cell);
            const float4 w = nca_load4(w2 + unit * CHANNELS + channel);
            nca_multiply_add(cells, w.x, sum[0]);
            nca_multiply_add(cells, w.y, sum[1]);
            nca_multiply_add(cells, w.z, sum[2]);
            nca_multiply_add(cells, w.w, sum[3]);
        }
        for (int c = 0; c < 4; c++)
            nca_store4(part + (split * CHANNELS + channel + c) * STRIDE + first_cell,
                       nca_quad(sum[c]));
    }
};

// -- Backward

// Of the gradient of the parameters, what a thread adds up: hidden units ug + 32 i by inputs
// kg + 8 k of the first layer, the same units by channels kg + 8 c of the second, and a bias.
struct nca_f32_sums {
    float w1[HIDDEN / 32][INPUTS / 8];
    float w2[CHANNELS / 8][HIDDEN / 32];
    float bias;
};

struct nca_f32_backward {
    enum { BLOCKS_MIN = 2, CAPABILITY = 0, UNITS = HIDDEN / 32 };   // units of a thread
    enum { PITCH = HIDDEN + 4 };   // keeps rows of W1 in different banks for a thread along one
    enum {
        FLOATS = INPUTS * PITCH + CHANNELS * HIDDEN + (INPUTS + 2 * HIDDEN + CHANNELS) * STRIDE
    };
    static_assert(SPLITS * INPUTS * CHUNK <= (INPUTS + HIDDEN) * STRIDE,
                  "part lies over p, hidden");
    static_assert(HIDDEN + CHANNELS <= BACKWARD_THREADS, "a thread has one bias");
    float *w1, *w2;      // [3C,PITCH], [C,K]
    float *p, *hidden;   // [3C,STRIDE], [K,STRIDE]; together they become `part`
    float *part;         // [SPLITS,3C,CHUNK]
    float *dhidden;      // [K,STRIDE]
    float *dout;         // [C,STRIDE]; follows dhidden
    nca_f32_sums sums;

    __device__ nca_f32_backward(float *memory)
        : w1(memory), w2(w1 + INPUTS * PITCH), p(w2 + CHANNELS * HIDDEN),
          hidden(p + INPUTS * STRIDE), part(p), dhidden(hidden + HIDDEN * STRIDE),
          dout(dhidden + HIDDEN * STRIDE)
    {
    }
    __device__ void begin(const nca_cuda_rule &rule)
    {
        nca_fetch<BACKWARD_THREADS, INPUTS, HIDDEN>(rule.hidden_columns, PITCH, w1);
        nca_fetch<BACKWARD_THREADS, CHANNELS, HIDDEN>(rule.output_weight, HIDDEN, w2);
        sums = {};
    }
    __device__ void put_input(int input, int cell, float4 value)
    {
        nca_put4(p, input, cell, value);
    }
    __device__ void put_doutput(int channel, int cell, float4 gradient)
    {
        nca_put4(dout, channel, cell, gradient);
    }
    // Two barriers: after dhidden, and before `part` overwrites what the sums were made of.
    __device__ void compute(const nca_cuda_rule &rule)
    {
        compute_hidden(rule);
        __syncthreads();
        add_weights();
        add_bias();
        __syncthreads();
        compute_inputs();
    }
    __device__ float4 dinput(int input, int cell) const
    {
        float total[4];
        for (int c = 0; c < 4; c++) {
            total[c] = 0;
            for (int split = 0; split < SPLITS; split++)
                total[c] += part[(split * INPUTS + input + c) * CHUNK + cell];
        }
        return nca_quad(total);
    }

    // hidden, computed again, and dhidden: a thread has 4 cells and K/32 units.
    __device__ void compute_hidden(const nca_cuda_rule &rule)
    {
        const int first_cell = threadIdx.x % 8 * 4, first_unit = threadIdx.x / 8 * 4;
        float sum[UNITS][4], back[UNITS][4] = {};
#pragma unroll
        for (int j = 0; j < UNITS; j++) {
            const float bias = rule.hidden_bias[first_unit + j / 4 * 128 + j % 4];
            for (int i = 0; i < 4; i++)
                sum[j][i] = bias;
        }
        nca_multiply_tile<PITCH, UNITS, INPUTS>(w1, p, first_unit, 128, first_cell, sum);
        nca_multiply_tile<HIDDEN, UNITS, CHANNELS>(w2, dout, first_unit, 128, first_cell, back);
#pragma unroll
        for (int j = 0; j < UNITS; j++) {
            const int at = (first_unit + j / 4 * 128 + j % 4) * STRIDE + first_cell;
            for (int i = 0; i < 4; i++)
                back[j][i] = sum[j][i] > 0 ? back[j][i] : 0;
            nca_store4(hidden + at, nca_relu4(sum[j]));
            nca_store4(dhidden + at, nca_quad(back[j]));
        }
    }

    // Adds the chunk's share of the gradient of all weights, four cells at a time.
    __device__ void add_weights()
    {
        const int ug = threadIdx.x % 32, kg = threadIdx.x / 32;
#pragma unroll 1
        for (int cell = 0; cell < CHUNK; cell += 4) {
            float4 unit[UNITS];
#pragma unroll
            for (int i = 0; i < UNITS; i++)
                unit[i] = nca_load4(dhidden + (ug + 32 * i) * STRIDE + cell);
#pragma unroll
            for (int k = 0; k < INPUTS / 8; k++) {
                const float4 input = nca_load4(p + (kg + 8 * k) * STRIDE + cell);
#pragma unroll
                for (int i = 0; i < UNITS; i++)
                    sums.w1[i][k] = nca_dot_add(unit[i], input, sums.w1[i][k]);
            }
#pragma unroll
            for (int i = 0; i < UNITS; i++)
                unit[i] = nca_load4(hidden + (ug + 32 * i) * STRIDE + cell);
#pragma unroll
            for (int c = 0; c < CHANNELS / 8; c++) {
                const float4 out = nca_load4(dout + (kg + 8 * c) * STRIDE + cell);
#pragma unroll
                for (int i = 0; i < UNITS; i++)
                    sums.w2[c][i] = nca_dot_add(unit[i], out, sums.w2[c][i]);
            }
        }
    }
    __device__ void add_bias()
    {
        const float *row = dhidden + threadIdx.x * STRIDE;   // of dhidden or dout
        if (threadIdx.x < HIDDEN + CHANNELS)
            for (int cell = 0; cell < CHUNK; cell++)
                sums.bias += row[cell];
    }

    // W1^T dhidden, split by hidden units: a thread has 4 cells and inputs kg + 8 k.
    __device__ void compute_inputs()
    {
        const int split = threadIdx.x / 64, first_cell = threadIdx.x % 8 * 4;
        const int kg = threadIdx.x % 64 / 8;
        float sum[INPUTS / 8][4] = {};
#pragma unroll 1
        for (int unit = split * (HIDDEN / SPLITS); unit < (split + 1) * (HIDDEN / SPLITS);
             unit += 4) {
            float4 cells[4];
#pragma unroll
            for (int i = 0; i < 4; i++)
                cells[i] = nca_load4(dhidden + (unit + i) * STRIDE + first_cell);
#pragma unroll
            for (int k = 0; k < INPUTS / 8; k++) {
                const float4 w = nca_load4(w1 + (kg + 8 * k) * PITCH + unit);
                nca_multiply_add(cells[0], w.x, sum[k]);
                nca_multiply_add(cells[1], w.y, sum[k]);
                nca_multiply_add(cells[2], w.z, sum[k]);
                nca_multiply_add(cells[3], w.w, sum[k]);
            }
        }
        for (int k = 0; k < INPUTS / 8; k++)
            nca_store4(part + (split * INPUTS + kg + 8 * k) * CHUNK + first_cell, nca_quad(sum[k]));
    }

    // All are loaded before the first is stored, so that a thread waits once; a warp has a line.
    __device__ void save(bool begins, float *saved) const
    {
        const int ug = threadIdx.x % 32, kg = threadIdx.x / 32;
        float *const w1_to = saved + kg * HIDDEN + ug, *const biases = saved + HIDDEN * INPUTS;
        float *const w2_to = biases + HIDDEN + kg * HIDDEN + ug;
        float *const bias_to =   // in the order of dhidden and dout
            biases + threadIdx.x + (threadIdx.x < HIDDEN ? 0 : CHANNELS * HIDDEN);
        const bool has_bias = threadIdx.x < HIDDEN + CHANNELS;
        nca_f32_sums before = {};
        if (!begins) {
#pragma unroll
            for (int i = 0; i < UNITS; i++) {
                for (int k = 0; k < INPUTS / 8; k++)
                    before.w1[i][k] = w1_to[8 * k * HIDDEN + 32 * i];
                for (int c = 0; c < CHANNELS / 8; c++)
                    before.w2[c][i] = w2_to[8 * c * HIDDEN + 32 * i];
            }
            if (has_bias)
                before.bias = *bias_to;
        }
#pragma unroll
        for (int i = 0; i < UNITS; i++) {
            for (int k = 0; k < INPUTS / 8; k++)
                w1_to[8 * k * HIDDEN + 32 * i] = before.w1[i][k] + sums.w1[i][k];
            for (int c = 0; c < CHANNELS / 8; c++)
                w2_to[8 * c * HIDDEN + 32 * i] = before.w2[c][i] + sums.w2[c][i];
        }
        if (has_bias)
            *bias_to = before.bias + sums.bias;
    }
};

#endif
