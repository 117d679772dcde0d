// The fused path with its products on tensor cores, in tf32 or bf16: the steps of fused.cu, forward
// and backward, for 16 channels and 128 hidden units.
//
// A warp has some hidden units and keeps their weights in its registers from chunk to chunk.
// Forward the hidden layer never leaves registers; backward its gradient goes once through shared
// memory, since the product with W1 sums over the units of all warps. Factors are rounded as they
// are loaded; states, sums, biases and what is added to a state are f32. mma.cuh says which lane
// holds what.
#include "launch.cuh"

#include "fused.cuh"
#include "mma.cuh"

enum { HIDDEN = 128, SLABS = INPUTS / 16, TILES = CHUNK / 8 };   // of 16 inputs, of 8 cells
// From cell to cell, or from unit to unit in dhidden, in shared memory; chosen so that the lanes of
// a warp find different banks for most of their loads.
enum { P_STRIDE = 56, OUT_STRIDE = 24, DOUT_STRIDE = 20, DHIDDEN_STRIDE = 36, SENT_STRIDE = 56 };

// Perception of the chunk's cells before a step, forward or backward, four channels a thread; a row
// without cell becomes zero.
template <typename Step>
static __device__ void perceive_chunk(const Step &step, const nca_region_rows &at,
                                      const nca_bits &settled, const uint32_t *list, int count,
                                      float *p)
{
    const int cell = threadIdx.x / 4, channel = 4 * (threadIdx.x % 4);
    nca_perceived4 seen;
    seen.x = seen.gx = seen.gy = make_float4(0, 0, 0, 0);
    if (cell < count)
        seen = nca_perceive4(step.grid, at, *step.rollout, step.before, settled,
                             (int)(list[cell] >> 16), (int)(list[cell] & 0xffff), channel);
    float *const to = p + cell * P_STRIDE + channel;
    nca_store4(to, seen.x);
    nca_store4(to + CHANNELS, seen.gx);
    nca_store4(to + 2 * CHANNELS, seen.gy);
}

// -- Forward

enum { FORWARD_WARPS = FORWARD_THREADS / 32, FORWARD_UNITS = HIDDEN / FORWARD_WARPS };

struct forward_shared {
    float *p;           // [CHUNK,P_STRIDE]
    float *part;        // [FORWARD_WARPS,CHUNK,OUT_STRIDE]: a warp's share of the output
    uint32_t *list;     // [CHUNK]
    int *warp_totals;   // [32]
    uint32_t *masks;
};

static NCA_BOTH_SIDES size_t forward_floats()
{
    return CHUNK * P_STRIDE + FORWARD_WARPS * CHUNK * OUT_STRIDE + CHUNK + 32;
}

static __device__ forward_shared forward_lay_out(float *memory)
{
    forward_shared s;
    s.p = memory;
    s.part = s.p + CHUNK * P_STRIDE;
    s.list = reinterpret_cast<uint32_t *>(s.part + FORWARD_WARPS * CHUNK * OUT_STRIDE);
    s.warp_totals = reinterpret_cast<int *>(s.list + CHUNK);
    s.masks = s.list + CHUNK + 32;
    return s;
}

// Of a warp's 32 units: W1^T [inputs,units] and W2^T [units,channels].
template <int FORMAT> struct forward_weights {
    nca_mma_b<FORMAT> hidden[FORWARD_UNITS / 8][SLABS];
    nca_mma_b<FORMAT> output[CHANNELS / 8][FORWARD_UNITS / 16];
};

template <int FORMAT>
static __device__ void forward_weights_load(const nca_cuda_rule &rule, forward_weights<FORMAT> &w)
{
    const int first = threadIdx.x / 32 * FORWARD_UNITS, g = nca_mma_group(), pair = nca_mma_pair();
#pragma unroll
    for (int j = 0; j < FORWARD_UNITS / 8; j++)
#pragma unroll
        for (int slab = 0; slab < SLABS; slab++)
            w.hidden[j][slab] = nca_mma_load_b<FORMAT>(
                rule.hidden_weight + (first + 8 * j + g) * INPUTS + 16 * slab + pair, 1);
#pragma unroll
    for (int n = 0; n < CHANNELS / 8; n++)
#pragma unroll
        for (int slab = 0; slab < FORWARD_UNITS / 16; slab++)
            w.output[n][slab] = nca_mma_load_b<FORMAT>(
                rule.output_weight + (8 * n + g) * HIDDEN + first + 16 * slab + pair, 1);
}

// relu(W1 p + b1) of 16 cells and the warp's units: tiles [cells,8 units]; `bias` is that of the
// lane's first column.
template <int FORMAT>
static __device__ void hidden_forward(const forward_weights<FORMAT> &w, const float *bias,
                                      const float *p, float hidden[FORWARD_UNITS / 8][4])
{
#pragma unroll
    for (int j = 0; j < FORWARD_UNITS / 8; j++)
        for (int i = 0; i < 4; i++)
            hidden[j][i] = bias[8 * j + i % 2];
#pragma unroll
    for (int slab = 0; slab < SLABS; slab++) {
        const nca_mma_a<FORMAT> a = nca_mma_load_a<FORMAT>(
            p + nca_mma_group() * P_STRIDE + 16 * slab + nca_mma_pair(), 1, 8 * P_STRIDE);
#pragma unroll
        for (int j = 0; j < FORWARD_UNITS / 8; j++)
            nca_mma_add<FORMAT>(a, w.hidden[j][slab], hidden[j]);
    }
#pragma unroll
    for (int j = 0; j < FORWARD_UNITS / 8; j++)
        for (int i = 0; i < 4; i++)
            hidden[j][i] = nca_relu(hidden[j][i]);
}

// The warp's share of the output of all cells of the chunk.
template <int FORMAT>
static __device__ void network_forward(const forward_weights<FORMAT> &w, const nca_cuda_rule &rule,
                                       const forward_shared &s)
{
    const int warp = threadIdx.x / 32;
    const float *const bias = rule.hidden_bias + warp * FORWARD_UNITS + nca_mma_pair();
    float *const part = s.part + warp * CHUNK * OUT_STRIDE;
#pragma unroll 1
    for (int first = 0; first < CHUNK; first += 16) {
        float hidden[FORWARD_UNITS / 8][4], out[CHANNELS / 8][4] = {};
        hidden_forward<FORMAT>(w, bias, s.p + first * P_STRIDE, hidden);
#pragma unroll
        for (int slab = 0; slab < FORWARD_UNITS / 16; slab++) {
            const nca_mma_a<FORMAT> a =
                nca_mma_a_of_tiles<FORMAT>(hidden[2 * slab], hidden[2 * slab + 1]);
#pragma unroll
            for (int n = 0; n < CHANNELS / 8; n++)
                nca_mma_add<FORMAT>(a, w.output[n][slab], out[n]);
        }
#pragma unroll
        for (int n = 0; n < CHANNELS / 8; n++)
            nca_mma_store(part + first * OUT_STRIDE + 8 * n, OUT_STRIDE, out[n]);
    }
}

// u = x + step_size * (out + bias) of the chunk's cells, four channels a thread.
static __device__ void apply_forward(const nca_cuda_step &step, const nca_region_rows &at,
                                     const nca_masks &m, const forward_shared &s, int count)
{
    const int cell = threadIdx.x / 4, channel = 4 * (threadIdx.x % 4);
    if (cell >= count)
        return;
    float4 out = nca_load4(step.rule.output_bias + channel);
    for (int warp = 0; warp < FORWARD_WARPS; warp++)
        out = nca_add_scaled(out, 1,
                             nca_load4(s.part + (warp * CHUNK + cell) * OUT_STRIDE + channel));
    nca_listed_become(
        step, at, m, s.list[cell], channel,
        nca_add_scaled(nca_load4(s.p + cell * P_STRIDE + channel), step.rollout->step_size, out));
}

// One step: masks of the region, living cells that do not fire, and this block's chunks.
//   launch  B*regions*members blocks x 128 threads
//   shared  one chunk's matrices and eight planes of a region: some 20 KiB and the planes
//   moves   at most 768 bytes an active cell, mostly from the caches, and 32 KiB of weights a
//           block; does 16,384 flop an active cell on tensor cores
//   needs   C = 16, K = 128, compute capability 8.0;  reference: cpu/step_forward.c
template <int FORMAT>
static __global__ void __launch_bounds__(FORWARD_THREADS, FORMAT == NCA_CUDA_TF32 ? 3 : 5)
    mma_step_forward(nca_cuda_step step, int members)
{
    NCA_SHARED_DYNAMIC(float, memory);
    step.grid.channels = CHANNELS;                    // known when compiled
    const nca_cuda_rollout rollout = *step.rollout;   // loaded once, ahead of its use
    step.rollout = &rollout;
    const forward_shared s = forward_lay_out(memory);
    uint32_t *planes = s.masks;
    const nca_masks m = nca_masks_take(step.grid, planes);
    const int region = blockIdx.x / members, member = blockIdx.x % members;
    const nca_region_rows at = nca_region_of(step.grid, region);
    nca_masks_fill(step, at, m);
    nca_masks_publish(step, at, m, member, members);
    nca_masks_keep(step, at, m, member, members);
    const nca_lister lister = nca_lister_open(step.grid, at, m.listed, s.warp_totals);
    const nca_lister active = nca_lister_open(step.grid, at, m.active, s.warp_totals);
    if (member == 0 && threadIdx.x == 0 && step.counts)
        step.counted[region] += (uint64_t)active.total;
    if (member * CHUNK >= lister.total)
        return;   // no chunk: no weights
    forward_weights<FORMAT> weights;
    forward_weights_load<FORMAT>(step.rule, weights);
    for (int first = member * CHUNK; first < lister.total; first += members * CHUNK) {
        const int count = min(CHUNK, lister.total - first);
        nca_lister_write(step.grid, lister, m.listed, first, count, s.list);
        __syncthreads();
        perceive_chunk(step, at, m.settled, s.list, count, s.p);
        __syncthreads();
        network_forward<FORMAT>(weights, step.rule, s);
        __syncthreads();
        apply_forward(step, at, m, s, count);
        __syncthreads();
    }
}

// -- Backward

// A warp has 16 units; for the gradient of the inputs it has 16 cells and a quarter of the units.
enum { BACKWARD_WARPS = BACKWARD_THREADS / 32, BACKWARD_UNITS = HIDDEN / BACKWARD_WARPS };
enum { HALVES = CHUNK / 16, QUARTERS = BACKWARD_WARPS / HALVES, QUARTER = HIDDEN / QUARTERS };

struct backward_shared {
    float *p;           // [CHUNK,P_STRIDE]
    float *dout;        // [CHUNK,DOUT_STRIDE]
    float *dhidden;     // [K,DHIDDEN_STRIDE]: cells of a unit side by side
    float *part;        // [QUARTERS,CHUNK,SENT_STRIDE]: a quarter's share of dp
    uint32_t *list;     // [CHUNK]
    int *warp_totals;   // [32]
    uint32_t *masks;
};

static NCA_BOTH_SIDES size_t backward_floats()
{
    return CHUNK * (P_STRIDE + DOUT_STRIDE + QUARTERS * SENT_STRIDE) + HIDDEN * DHIDDEN_STRIDE +
           CHUNK + 32;
}

static __device__ backward_shared backward_lay_out(float *memory)
{
    static_assert(BACKWARD_UNITS == 16, "a warp's units are the rows of one product");
    backward_shared s;
    s.p = memory;
    s.dout = s.p + CHUNK * P_STRIDE;
    s.dhidden = s.dout + CHUNK * DOUT_STRIDE;
    s.part = s.dhidden + HIDDEN * DHIDDEN_STRIDE;
    s.list = reinterpret_cast<uint32_t *>(s.part + QUARTERS * CHUNK * SENT_STRIDE);
    s.warp_totals = reinterpret_cast<int *>(s.list + CHUNK);
    s.masks = s.list + CHUNK + 32;
    return s;
}

// W1 [units,inputs], W2^T [units,channels] and b1 of the warp's units, and W1 [units,inputs] of its
// quarter.
template <int FORMAT> struct backward_weights {
    nca_mma_a<FORMAT> hidden[SLABS];
    nca_mma_a<FORMAT> output;
    nca_mma_b<FORMAT> inputs[INPUTS / 8][QUARTER / 16];
    float bias[2];
};

template <int FORMAT>
static __device__ void backward_weights_load(const nca_cuda_rule &rule, backward_weights<FORMAT> &w)
{
    const int warp = threadIdx.x / 32, g = nca_mma_group(), pair = nca_mma_pair();
    const int unit = warp * BACKWARD_UNITS + g, first = warp / HALVES * QUARTER;
#pragma unroll
    for (int slab = 0; slab < SLABS; slab++)
        w.hidden[slab] = nca_mma_load_a<FORMAT>(
            rule.hidden_weight + unit * INPUTS + 16 * slab + pair, 1, 8 * INPUTS);
    w.output =
        nca_mma_load_a<FORMAT>(rule.output_columns + unit * CHANNELS + pair, 1, 8 * CHANNELS);
#pragma unroll
    for (int n = 0; n < INPUTS / 8; n++)
#pragma unroll
        for (int slab = 0; slab < QUARTER / 16; slab++)
            w.inputs[n][slab] = nca_mma_load_b<FORMAT>(
                rule.hidden_columns + (8 * n + g) * HIDDEN + first + 16 * slab + pair, 1);
    w.bias[0] = rule.hidden_bias[unit];
    w.bias[1] = rule.hidden_bias[unit + 8];
}

// What a lane adds up over its block's chunks: tiles [16 units,8 inputs] and [16 units,8 channels],
// and biases: of its two units over its cells, and in threads 0..C-1 of a channel.
struct gradient_sums {
    float w1[INPUTS / 8][4];
    float w2[CHANNELS / 8][4];
    float hidden_bias[2];
    float output_bias;
};

// Gradient of state 1 of the chunk's cells, four channels a thread: step_size times it is that of
// the network's output.
static __device__ void output_gradient(const nca_cuda_step_backward &step,
                                       const nca_region_rows &at, const nca_back_masks &m,
                                       const backward_shared &s, int count, int item)
{
    const int cell = item / 4, channel = 4 * (item % 4);
    nca_store4(s.dout + cell * DOUT_STRIDE + channel,
               nca_chunk_output_gradient(step, at, m, s.list, count, cell, channel));
}

// hidden, computed again, and dhidden of the warp's units: tiles [units,8 cells].
template <int FORMAT>
static __device__ void hidden_backward(const backward_weights<FORMAT> &w, const backward_shared &s,
                                       float hidden[TILES][4], float dhidden[TILES][4])
{
    const int g = nca_mma_group(), pair = nca_mma_pair();
#pragma unroll
    for (int tile = 0; tile < TILES; tile++) {
        for (int i = 0; i < 4; i++) {
            hidden[tile][i] = w.bias[i / 2];
            dhidden[tile][i] = 0;
        }
#pragma unroll
        for (int slab = 0; slab < SLABS; slab++)
            nca_mma_add<FORMAT>(
                w.hidden[slab],
                nca_mma_load_b<FORMAT>(s.p + (8 * tile + g) * P_STRIDE + 16 * slab + pair, 1),
                hidden[tile]);
        nca_mma_add<FORMAT>(w.output,
                            nca_mma_load_b<FORMAT>(s.dout + (8 * tile + g) * DOUT_STRIDE + pair, 1),
                            dhidden[tile]);
        for (int i = 0; i < 4; i++) {
            dhidden[tile][i] = hidden[tile][i] > 0 ? dhidden[tile][i] : 0;
            hidden[tile][i] = nca_relu(hidden[tile][i]);
        }
    }
}

// Adds the chunk's share of the gradient of the warp's units, 16 cells at a time.
template <int FORMAT>
static __device__ void add_to_sums(const backward_shared &s, const float hidden[TILES][4],
                                   const float dhidden[TILES][4], gradient_sums &sums)
{
    const int g = nca_mma_group(), pair = nca_mma_pair();
#pragma unroll
    for (int half = 0; half < HALVES; half++) {
        const int cell = 16 * half + pair;
        const nca_mma_a<FORMAT> back =
            nca_mma_a_of_tiles<FORMAT>(dhidden[2 * half], dhidden[2 * half + 1]);
        const nca_mma_a<FORMAT> unit =
            nca_mma_a_of_tiles<FORMAT>(hidden[2 * half], hidden[2 * half + 1]);
#pragma unroll
        for (int n = 0; n < INPUTS / 8; n++)
            nca_mma_add<FORMAT>(back,
                                nca_mma_load_b<FORMAT>(s.p + cell * P_STRIDE + 8 * n + g, P_STRIDE),
                                sums.w1[n]);
#pragma unroll
        for (int n = 0; n < CHANNELS / 8; n++)
            nca_mma_add<FORMAT>(
                unit, nca_mma_load_b<FORMAT>(s.dout + cell * DOUT_STRIDE + 8 * n + g, DOUT_STRIDE),
                sums.w2[n]);
    }
#pragma unroll
    for (int tile = 0; tile < TILES; tile++)
        for (int i = 0; i < 4; i++)
            sums.hidden_bias[i / 2] += dhidden[tile][i];
    if (threadIdx.x < CHANNELS)
        for (int cell = 0; cell < CHUNK; cell++)
            sums.output_bias += s.dout[cell * DOUT_STRIDE + threadIdx.x];
}

// What all of it is for the warp's units; their dhidden goes to shared memory.
template <int FORMAT>
static __device__ void network_backward(const backward_weights<FORMAT> &w, const backward_shared &s,
                                        gradient_sums &sums)
{
    float hidden[TILES][4], dhidden[TILES][4];
    float *const own = s.dhidden + threadIdx.x / 32 * BACKWARD_UNITS * DHIDDEN_STRIDE;
    hidden_backward<FORMAT>(w, s, hidden, dhidden);
#pragma unroll
    for (int tile = 0; tile < TILES; tile++)
        nca_mma_store(own + 8 * tile, DHIDDEN_STRIDE, dhidden[tile]);
    add_to_sums<FORMAT>(s, hidden, dhidden, sums);
}

// dp = dhidden W1 of the warp's 16 cells and quarter of the units.
template <int FORMAT>
static __device__ void inputs_backward(const backward_weights<FORMAT> &w, const backward_shared &s)
{
    const int warp = threadIdx.x / 32, half = warp % HALVES, quarter = warp / HALVES;
    const float *const from = s.dhidden + (quarter * QUARTER + nca_mma_pair()) * DHIDDEN_STRIDE +
                              16 * half + nca_mma_group();
    float *const part = s.part + (quarter * CHUNK + 16 * half) * SENT_STRIDE;
    nca_mma_a<FORMAT> a[QUARTER / 16];
#pragma unroll
    for (int slab = 0; slab < QUARTER / 16; slab++)
        a[slab] = nca_mma_load_a<FORMAT>(from + 16 * slab * DHIDDEN_STRIDE, DHIDDEN_STRIDE, 8);
#pragma unroll
    for (int n = 0; n < INPUTS / 8; n++) {
        float dp[4] = {};
#pragma unroll
        for (int slab = 0; slab < QUARTER / 16; slab++)
            nca_mma_add<FORMAT>(a[slab], w.inputs[n][slab], dp);
        nca_mma_store(part + 8 * n, SENT_STRIDE, dp);
    }
}

// Adds up the quarters of four inputs, from number `input` on, of a cell.
static __device__ float4 inputs_total(const float *part, int input, int cell)
{
    float4 total = nca_load4(part + cell * SENT_STRIDE + input);
    for (int quarter = 1; quarter < QUARTERS; quarter++)
        total = nca_add_scaled(total, 1,
                               nca_load4(part + (quarter * CHUNK + cell) * SENT_STRIDE + input));
    return total;
}

// What the chunk's cells send to those around them, four channels a thread.
static __device__ void send_gradient(const nca_cuda_step_backward &step, const nca_region_rows &at,
                                     const backward_shared &s, int count)
{
    const int cell = threadIdx.x / 4, channel = 4 * (threadIdx.x % 4);
    if (cell >= count)
        return;
    nca_perceived4 dp;
    dp.x = inputs_total(s.part, channel, cell);
    dp.gx = inputs_total(s.part, CHANNELS + channel, cell);
    dp.gy = inputs_total(s.part, 2 * CHANNELS + channel, cell);
    nca_listed_send(step, at, s.list[cell], channel, dp);
}

// A lane's sums in global memory, in the layout that fused.cu has there: hidden.weight transposed
// to [3C,K].
struct saved_sums {
    float *w1, *w2, *hidden_bias;   // of its first unit and column
    float *output_bias;             // NULL where it has none
    bool has_hidden_bias;           // the lanes of a group have the same unit and other cells

    __device__ saved_sums(float *sums)
    {
        const int pair = nca_mma_pair();
        const int unit = threadIdx.x / 32 * BACKWARD_UNITS + nca_mma_group();
        float *const b1 = sums + HIDDEN * INPUTS, *const b2 = b1 + HIDDEN + CHANNELS * HIDDEN;
        w1 = sums + pair * HIDDEN + unit;
        w2 = b1 + HIDDEN + pair * HIDDEN + unit;
        hidden_bias = b1 + unit;
        output_bias = threadIdx.x < CHANNELS ? b2 + threadIdx.x : NULL;
        has_hidden_bias = pair == 0;
    }
};

// Adds a block's sums to its own in global memory. The last step of the rollout, which is the first
// backward, begins them. All are loaded before the first is stored, so that a thread waits once.
// All threads of the block come here.
static __device__ void save_sums(const gradient_sums &own, bool begins, float *sums)
{
    const saved_sums to(sums);
    gradient_sums before = {};
    if (!begins) {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int at = i % 2 * HIDDEN + i / 2 * 8;
            for (int n = 0; n < INPUTS / 8; n++)
                before.w1[n][i] = to.w1[8 * n * HIDDEN + at];
            for (int n = 0; n < CHANNELS / 8; n++)
                before.w2[n][i] = to.w2[8 * n * HIDDEN + at];
        }
        for (int i = 0; i < 2; i++)
            if (to.has_hidden_bias)
                before.hidden_bias[i] = to.hidden_bias[8 * i];
        if (to.output_bias)
            before.output_bias = *to.output_bias;
    }
#pragma unroll
    for (int i = 0; i < 4; i++) {
        const int at = i % 2 * HIDDEN + i / 2 * 8;
        for (int n = 0; n < INPUTS / 8; n++)
            to.w1[8 * n * HIDDEN + at] = before.w1[n][i] + own.w1[n][i];
        for (int n = 0; n < CHANNELS / 8; n++)
            to.w2[8 * n * HIDDEN + at] = before.w2[n][i] + own.w2[n][i];
    }
    for (int i = 0; i < 2; i++) {
        float bias = own.hidden_bias[i];
        bias += __shfl_xor_sync(0xffffffffu, bias, 1);
        bias += __shfl_xor_sync(0xffffffffu, bias, 2);
        if (to.has_hidden_bias)
            to.hidden_bias[8 * i] = before.hidden_bias[i] + bias;
    }
    if (to.output_bias)
        *to.output_bias = before.output_bias + own.output_bias;
}

// One step backward.
//   launch  B*regions*members blocks x 256 threads
//   shared  one chunk's matrices and five planes of a region: some 56 KiB and the planes
//   moves   at most 1.5 KiB an active cell, mostly from the caches, and 56 KiB of weights and
//           65 KiB of sums a block; does 45,056 flop an active cell on tensor cores
//   needs   C = 16, K = 128, compute capability 8.0;  reference: cpu/step_backward.c
template <int FORMAT>
static __global__ void __launch_bounds__(BACKWARD_THREADS)
    mma_step_backward(nca_cuda_step_backward step, int members)
{
    NCA_SHARED_DYNAMIC(float, memory);
    step.grid.channels = CHANNELS;                    // known when compiled
    const nca_cuda_rollout rollout = *step.rollout;   // loaded once, ahead of its use
    step.rollout = &rollout;
    const backward_shared s = backward_lay_out(memory);
    uint32_t *planes = s.masks;
    const nca_back_masks m = nca_back_masks_take(step.grid, planes);
    const int region = blockIdx.x / members, member = blockIdx.x % members;
    const nca_region_rows at = nca_region_of(step.grid, region);
    nca_back_masks_fill(step, at, m);
    nca_pass_gradient_on(step, at, m, member, members);
    const nca_lister lister = nca_lister_open(step.grid, at, m.learning, s.warp_totals);
    if (member == 0 && threadIdx.x == 0)
        step.counted[region] = (step.is_last ? 0 : step.counted[region]) + (uint64_t)lister.total;
    if (!step.is_last && member * CHUNK >= lister.total)
        return;   // no chunk: no weights, and no sums but those that begin
    backward_weights<FORMAT> weights;
    backward_weights_load<FORMAT>(step.rule, weights);
    gradient_sums sums = {};
    for (int first = member * CHUNK; first < lister.total; first += members * CHUNK) {
        const int count = min(CHUNK, lister.total - first);
        nca_lister_write(step.grid, lister, m.learning, first, count, s.list);
        __syncthreads();
        if (threadIdx.x < 4 * CHUNK)
            perceive_chunk(step, at, m.settled, s.list, count, s.p);
        else
            output_gradient(step, at, m, s, count, (int)threadIdx.x - 4 * CHUNK);
        __syncthreads();
        network_backward<FORMAT>(weights, s, sums);
        __syncthreads();
        inputs_backward<FORMAT>(weights, s);
        __syncthreads();
        if (threadIdx.x < 4 * CHUNK)
            send_gradient(step, at, s, count);
        __syncthreads();
    }
    save_sums(sums, step.is_last,
              step.sums + (size_t)blockIdx.x * (HIDDEN * (INPUTS + 1) + CHANNELS * (HIDDEN + 1)));
}

// -- Launchers

static size_t forward_bytes(const nca_cuda_grid *grid)
{
    return (forward_floats() + NCA_MASK_PLANES * nca_bits_words(*grid)) * sizeof(float);
}

static size_t backward_bytes(const nca_cuda_grid *grid)
{
    return (backward_floats() + NCA_BACK_PLANES * nca_bits_words(*grid)) * sizeof(float);
}

bool nca_cuda_mma_fits(const nca_cuda_grid *grid, size_t shared_bytes_max)
{
    return grid->channels == CHANNELS && grid->hidden == HIDDEN &&
           forward_bytes(grid) <= shared_bytes_max && backward_bytes(grid) <= shared_bytes_max;
}

// Kernels that were compiled for a device without these units hold nothing.
template <int FORMAT> static cudaError_t prepare(size_t shared_bytes_max)
{
    cudaFuncAttributes compiled;
    cudaError_t error = cudaFuncGetAttributes(&compiled, mma_step_backward<FORMAT>);
    if (error == cudaSuccess && compiled.ptxVersion < 80)
        error = cudaErrorNoKernelImageForDevice;
    if (error == cudaSuccess)
        error = nca_launch_prepare(mma_step_forward<FORMAT>, shared_bytes_max);
    if (error == cudaSuccess)
        error = nca_launch_prepare(mma_step_backward<FORMAT>, shared_bytes_max);
    return error;
}

cudaError_t nca_cuda_mma_prepare(nca_cuda_precision precision, size_t shared_bytes_max)
{
    return precision == NCA_CUDA_TF32 ? prepare<NCA_CUDA_TF32>(shared_bytes_max)
                                      : prepare<NCA_CUDA_BF16>(shared_bytes_max);
}

template <int FORMAT>
static cudaError_t launch_forward(const nca_cuda_step *step, int members, cudaStream_t stream)
{
    const dim3 blocks((unsigned)(step->grid.batch * step->grid.regions * members));
    return NCA_LAUNCH((mma_step_forward<FORMAT>), blocks, dim3(FORWARD_THREADS),
                      forward_bytes(&step->grid), stream, *step, members);
}

cudaError_t nca_cuda_mma_forward(const nca_cuda_step *step, nca_cuda_precision precision,
                                 int members, cudaStream_t stream)
{
    return precision == NCA_CUDA_TF32 ? launch_forward<NCA_CUDA_TF32>(step, members, stream)
                                      : launch_forward<NCA_CUDA_BF16>(step, members, stream);
}

template <int FORMAT>
static cudaError_t launch_backward(const nca_cuda_step_backward *step, int members,
                                   cudaStream_t stream)
{
    const dim3 blocks((unsigned)(step->grid.batch * step->grid.regions * members));
    return NCA_LAUNCH((mma_step_backward<FORMAT>), blocks, dim3(BACKWARD_THREADS),
                      backward_bytes(&step->grid), stream, *step, members);
}

cudaError_t nca_cuda_mma_backward(const nca_cuda_step_backward *step, nca_cuda_precision precision,
                                  int members, cudaStream_t stream)
{
    return precision == NCA_CUDA_TF32 ? launch_backward<NCA_CUDA_TF32>(step, members, stream)
                                      : launch_backward<NCA_CUDA_BF16>(step, members, stream);
}
