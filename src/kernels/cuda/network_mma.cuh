// The network of the fused kernels on tensor cores, in tf32 or bf16. fused.cuh says what each part
// is for, mma.cuh which lane holds what.
//
// A warp has some hidden units and keeps their weights in its registers from chunk to chunk.
// Forward the hidden layer never leaves registers; backward its gradient goes once through shared
// memory, since the product with W1 sums over the units of all warps. Factors are rounded as they
// are loaded; states, sums, biases and what is added to a state are f32.
#ifndef NCA_CUDA_NETWORK_MMA_CUH
#define NCA_CUDA_NETWORK_MMA_CUH

#include "fused.cuh"
#include "mma.cuh"

enum { SLABS = INPUTS / 16, TILES = CHUNK / 8 };   // of 16 inputs, of 8 cells
// From cell to cell, or from unit to unit in dhidden, in shared memory; chosen so that the lanes of
// a warp find different banks for most of their loads.
enum { P_STRIDE = 56, OUT_STRIDE = 24, DOUT_STRIDE = 20, DHIDDEN_STRIDE = 36, SENT_STRIDE = 56 };

// -- Forward

template <int FORMAT> struct nca_mma_forward {
    enum { BLOCKS_MIN = FORMAT == NCA_CUDA_TF32 ? 3 : 5, CAPABILITY = 80 };
    enum { WARPS = FORWARD_THREADS / 32, UNITS = HIDDEN / WARPS };   // units of a warp
    enum { FLOATS = CHUNK * P_STRIDE + WARPS * CHUNK * OUT_STRIDE };
    float *p;      // [CHUNK,P_STRIDE]
    float *part;   // [WARPS,CHUNK,OUT_STRIDE]: a warp's share of the output
    nca_mma_b<FORMAT> w1[UNITS / 8][SLABS];           // W1^T [inputs,units] of the warp's units
    nca_mma_b<FORMAT> w2[CHANNELS / 8][UNITS / 16];   // W2^T [units,channels]

    __device__ nca_mma_forward(float *memory) : p(memory), part(p + CHUNK * P_STRIDE)
    {
    }
    __device__ void begin(const nca_cuda_rule &rule)
    {
        const int first = threadIdx.x / 32 * UNITS, g = nca_mma_group(), pair = nca_mma_pair();
#pragma unroll
        for (int j = 0; j < UNITS / 8; j++)
#pragma unroll
            for (int slab = 0; slab < SLABS; slab++)
                w1[j][slab] = nca_mma_load_b<FORMAT>(
                    rule.hidden_weight + (first + 8 * j + g) * INPUTS + 16 * slab + pair, 1);
#pragma unroll
        for (int n = 0; n < CHANNELS / 8; n++)
#pragma unroll
            for (int slab = 0; slab < UNITS / 16; slab++)
                w2[n][slab] = nca_mma_load_b<FORMAT>(
                    rule.output_weight + (8 * n + g) * HIDDEN + first + 16 * slab + pair, 1);
    }
    __device__ void put_input(int input, int cell, float4 value)
    {
        nca_store4(p + cell * P_STRIDE + input, value);
    }
    // The warp's share of the output of all cells; no barrier.
    __device__ void compute(const nca_cuda_rule &rule)
    {
        const int warp = threadIdx.x / 32;
        const float *const bias = rule.hidden_bias + warp * UNITS + nca_mma_pair();
        float *const own = part + warp * CHUNK * OUT_STRIDE;
#pragma unroll 1
        for (int first = 0; first < CHUNK; first += 16) {
            float hidden[UNITS / 8][4], out[CHANNELS / 8][4] = {};
            compute_hidden(bias, p + first * P_STRIDE, hidden);
#pragma unroll
            for (int slab = 0; slab < UNITS / 16; slab++) {
                const nca_mma_a<FORMAT> a =
                    nca_mma_a_of_tiles<FORMAT>(hidden[2 * slab], hidden[2 * slab + 1]);
#pragma unroll
                for (int n = 0; n < CHANNELS / 8; n++)
                    nca_mma_add<FORMAT>(a, w2[n][slab], out[n]);
            }
#pragma unroll
            for (int n = 0; n < CHANNELS / 8; n++)
                nca_mma_store(own + first * OUT_STRIDE + 8 * n, OUT_STRIDE, out[n]);
        }
    }
    __device__ float4 state(int channel, int cell) const
    {
        return nca_load4(p + cell * P_STRIDE + channel);
    }
    __device__ float4 output(const nca_cuda_rule &rule, int channel, int cell) const
    {
        float4 out = nca_load4(rule.output_bias + channel);
        for (int warp = 0; warp < WARPS; warp++)
            out = nca_add_scaled(out, 1,
                                 nca_load4(part + (warp * CHUNK + cell) * OUT_STRIDE + channel));
        return out;
    }

    // relu(W1 p + b1) of 16 cells and the warp's units: tiles [cells,8 units]; `bias` is that of
    // the lane's first column.
    __device__ void compute_hidden(const float *bias, const float *cells, float (*hidden)[4]) const
    {
#pragma unroll
        for (int j = 0; j < UNITS / 8; j++)
            for (int i = 0; i < 4; i++)
                hidden[j][i] = bias[8 * j + i % 2];
#pragma unroll
        for (int slab = 0; slab < SLABS; slab++) {
            const nca_mma_a<FORMAT> a = nca_mma_load_a<FORMAT>(
                cells + nca_mma_group() * P_STRIDE + 16 * slab + nca_mma_pair(), 1, 8 * P_STRIDE);
#pragma unroll
            for (int j = 0; j < UNITS / 8; j++)
                nca_mma_add<FORMAT>(a, w1[j][slab], hidden[j]);
        }
#pragma unroll
        for (int j = 0; j < UNITS / 8; j++)
            for (int i = 0; i < 4; i++)
                hidden[j][i] = nca_relu(hidden[j][i]);
    }
};

// -- Backward

// Of the gradient of the parameters, what a lane adds up: tiles [16 units,8 inputs] and [16 units,8
// channels], and biases: of its two units over its cells, and in threads 0..C-1 of a channel.
struct nca_mma_sums {
    float w1[INPUTS / 8][4];
    float w2[CHANNELS / 8][4];
    float hidden_bias[2];
    float output_bias;
};

// A warp has 16 units; for the gradient of the inputs it has 16 cells and a quarter of the units.
template <int FORMAT> struct nca_mma_backward {
    enum { BLOCKS_MIN = 1, CAPABILITY = 80 };
    enum { WARPS = BACKWARD_THREADS / 32, UNITS = HIDDEN / WARPS };
    enum { HALVES = CHUNK / 16, QUARTERS = WARPS / HALVES, QUARTER = HIDDEN / QUARTERS };
    enum {
        FLOATS = CHUNK * (P_STRIDE + DOUT_STRIDE + QUARTERS * SENT_STRIDE) + HIDDEN * DHIDDEN_STRIDE
    };
    static_assert(UNITS == 16, "a warp's units are the rows of one product");
    float *p;         // [CHUNK,P_STRIDE]
    float *dout;      // [CHUNK,DOUT_STRIDE]
    float *dhidden;   // [K,DHIDDEN_STRIDE]: cells of a unit side by side
    float *part;      // [QUARTERS,CHUNK,SENT_STRIDE]: a quarter's share of the inputs' gradient
    nca_mma_a<FORMAT> w1[SLABS];                           // W1 [units,inputs] of the warp's units
    nca_mma_a<FORMAT> w2;                                  // W2^T [units,channels]
    nca_mma_b<FORMAT> w1_back[INPUTS / 8][QUARTER / 16];   // W1 [units,inputs] of its quarter
    float bias[2];                                         // b1 of the lane's units
    nca_mma_sums sums;

    __device__ nca_mma_backward(float *memory)
        : p(memory), dout(p + CHUNK * P_STRIDE), dhidden(dout + CHUNK * DOUT_STRIDE),
          part(dhidden + HIDDEN * DHIDDEN_STRIDE)
    {
    }
    __device__ void begin(const nca_cuda_rule &rule)
    {
        const int warp = threadIdx.x / 32, g = nca_mma_group(), pair = nca_mma_pair();
        const int unit = warp * UNITS + g, first = warp / HALVES * QUARTER;
#pragma unroll
        for (int slab = 0; slab < SLABS; slab++)
            w1[slab] = nca_mma_load_a<FORMAT>(rule.hidden_weight + unit * INPUTS + 16 * slab + pair,
                                              1, 8 * INPUTS);
        w2 = nca_mma_load_a<FORMAT>(rule.output_columns + unit * CHANNELS + pair, 1, 8 * CHANNELS);
#pragma unroll
        for (int n = 0; n < INPUTS / 8; n++)
#pragma unroll
            for (int slab = 0; slab < QUARTER / 16; slab++)
                w1_back[n][slab] = nca_mma_load_b<FORMAT>(
                    rule.hidden_columns + (8 * n + g) * HIDDEN + first + 16 * slab + pair, 1);
        bias[0] = rule.hidden_bias[unit];
        bias[1] = rule.hidden_bias[unit + 8];
        sums = {};
    }
    __device__ void put_input(int input, int cell, float4 value)
    {
        nca_store4(p + cell * P_STRIDE + input, value);
    }
    __device__ void put_doutput(int channel, int cell, float4 gradient)
    {
        nca_store4(dout + cell * DOUT_STRIDE + channel, gradient);
    }
    // One barrier, where dhidden of all warps is there.
    __device__ void compute(const nca_cuda_rule &)
    {
        float hidden[TILES][4], back[TILES][4];
        float *const own = dhidden + threadIdx.x / 32 * UNITS * DHIDDEN_STRIDE;
        compute_hidden(hidden, back);
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
            nca_mma_store(own + 8 * tile, DHIDDEN_STRIDE, back[tile]);
        add_weights(hidden, back);
        add_biases(back);
        __syncthreads();
        compute_inputs();
    }
    __device__ float4 dinput(int input, int cell) const
    {
        float4 total = nca_load4(part + cell * SENT_STRIDE + input);
        for (int quarter = 1; quarter < QUARTERS; quarter++)
            total = nca_add_scaled(
                total, 1, nca_load4(part + (quarter * CHUNK + cell) * SENT_STRIDE + input));
        return total;
    }

    // hidden, computed again, and its gradient of the warp's units: tiles [units,8 cells].
    __device__ void compute_hidden(float (*hidden)[4], float (*back)[4]) const
    {
        const int g = nca_mma_group(), pair = nca_mma_pair();
#pragma unroll
        for (int tile = 0; tile < TILES; tile++) {
            const float *const cell = p + (8 * tile + g) * P_STRIDE + pair;
            for (int i = 0; i < 4; i++) {
                hidden[tile][i] = bias[i / 2];
                back[tile][i] = 0;
            }
#pragma unroll
            for (int slab = 0; slab < SLABS; slab++)
                nca_mma_add<FORMAT>(w1[slab], nca_mma_load_b<FORMAT>(cell + 16 * slab, 1),
                                    hidden[tile]);
            nca_mma_add<FORMAT>(
                w2, nca_mma_load_b<FORMAT>(dout + (8 * tile + g) * DOUT_STRIDE + pair, 1),
                back[tile]);
            for (int i = 0; i < 4; i++) {
                back[tile][i] = hidden[tile][i] > 0 ? back[tile][i] : 0;
                hidden[tile][i] = nca_relu(hidden[tile][i]);
            }
        }
    }

    // Adds the chunk's share of the gradient of the warp's weights, 16 cells at a time.
    __device__ void add_weights(const float (*hidden)[4], const float (*back)[4])
    {
        const int g = nca_mma_group(), pair = nca_mma_pair();
#pragma unroll
        for (int half = 0; half < HALVES; half++) {
            const int cell = 16 * half + pair;
            const nca_mma_a<FORMAT> from =
                nca_mma_a_of_tiles<FORMAT>(back[2 * half], back[2 * half + 1]);
            const nca_mma_a<FORMAT> unit =
                nca_mma_a_of_tiles<FORMAT>(hidden[2 * half], hidden[2 * half + 1]);
#pragma unroll
            for (int n = 0; n < INPUTS / 8; n++)
                nca_mma_add<FORMAT>(
                    from, nca_mma_load_b<FORMAT>(p + cell * P_STRIDE + 8 * n + g, P_STRIDE),
                    sums.w1[n]);
#pragma unroll
            for (int n = 0; n < CHANNELS / 8; n++)
                nca_mma_add<FORMAT>(
                    unit,
                    nca_mma_load_b<FORMAT>(dout + cell * DOUT_STRIDE + 8 * n + g, DOUT_STRIDE),
                    sums.w2[n]);
        }
    }
    __device__ void add_biases(const float (*back)[4])
    {
#pragma unroll
        for (int tile = 0; tile < TILES; tile++)
            for (int i = 0; i < 4; i++)
                sums.hidden_bias[i / 2] += back[tile][i];
        if (threadIdx.x < CHANNELS)
            for (int cell = 0; cell < CHUNK; cell++)
                sums.output_bias += dout[cell * DOUT_STRIDE + threadIdx.x];
    }

    // dhidden W1 of the warp's 16 cells and quarter of the units.
    __device__ void compute_inputs()
    {
        const int warp = threadIdx.x / 32, half = warp % HALVES, quarter = warp / HALVES;
        const float *const from = dhidden + (quarter * QUARTER + nca_mma_pair()) * DHIDDEN_STRIDE +
                                  16 * half + nca_mma_group();
        float *const own = part + (quarter * CHUNK + 16 * half) * SENT_STRIDE;
        nca_mma_a<FORMAT> a[QUARTER / 16];
#pragma unroll
        for (int slab = 0; slab < QUARTER / 16; slab++)
            a[slab] = nca_mma_load_a<FORMAT>(from + 16 * slab * DHIDDEN_STRIDE, DHIDDEN_STRIDE, 8);
#pragma unroll
        for (int n = 0; n < INPUTS / 8; n++) {
            float dp[4] = {};
#pragma unroll
            for (int slab = 0; slab < QUARTER / 16; slab++)
                nca_mma_add<FORMAT>(a[slab], w1_back[n][slab], dp);
            nca_mma_store(own + 8 * n, SENT_STRIDE, dp);
        }
    }

    // All are loaded before the first is stored, so that a thread waits once. The four lanes of a
    // group have the same units, each over cells of its own.
    __device__ void save(bool begins, float *saved) const
    {
        const int pair = nca_mma_pair(), unit = threadIdx.x / 32 * UNITS + nca_mma_group();
        float *const w1_to = saved + pair * HIDDEN + unit, *const b1 = saved + HIDDEN * INPUTS;
        float *const w2_to = b1 + HIDDEN + pair * HIDDEN + unit;
        float *const b2 = b1 + HIDDEN + CHANNELS * HIDDEN;
        nca_mma_sums before = {};
        if (!begins) {
#pragma unroll
            for (int i = 0; i < 4; i++) {
                const int at = i % 2 * HIDDEN + i / 2 * 8;
                for (int n = 0; n < INPUTS / 8; n++)
                    before.w1[n][i] = w1_to[8 * n * HIDDEN + at];
                for (int n = 0; n < CHANNELS / 8; n++)
                    before.w2[n][i] = w2_to[8 * n * HIDDEN + at];
            }
            for (int i = 0; i < 2; i++)
                if (pair == 0)
                    before.hidden_bias[i] = b1[unit + 8 * i];
            if (threadIdx.x < CHANNELS)
                before.output_bias = b2[threadIdx.x];
        }
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int at = i % 2 * HIDDEN + i / 2 * 8;
            for (int n = 0; n < INPUTS / 8; n++)
                w1_to[8 * n * HIDDEN + at] = before.w1[n][i] + sums.w1[n][i];
            for (int n = 0; n < CHANNELS / 8; n++)
                w2_to[8 * n * HIDDEN + at] = before.w2[n][i] + sums.w2[n][i];
        }
        for (int i = 0; i < 2; i++) {
            float sum = sums.hidden_bias[i];
            sum += __shfl_xor_sync(0xffffffffu, sum, 1);
            sum += __shfl_xor_sync(0xffffffffu, sum, 2);
            if (pair == 0)
                b1[unit + 8 * i] = before.hidden_bias[i] + sum;
        }
        if (threadIdx.x < CHANNELS)
            b2[threadIdx.x] = before.output_bias + sums.output_bias;
    }
};

#endif
