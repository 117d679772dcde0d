// The fused path: one kernel a step, forward and backward. Perception, network and update of active
// cells only; hidden units live in registers and shared memory, never in global memory.
//
// The blocks of a region all make its masks, which costs less than a launch of its own, and take
// turns with chunks of the cells that follow from them, so that work is even however the cells are
// spread.
#include "launch.cuh"

#include "fused.cuh"

// The distance between the rows of a chunk's matrices: [row][cell], for float4 loads along the
// cells.
enum { STRIDE = CHUNK + 4 };
enum { SPLITS = 4 };   // of a sum over hidden units, added up in their order

// -- Shared memory

struct forward_shared {
    uint32_t *list;      // [CHUNK] row << 16 | x
    int *warp_totals;    // [32]
    float *w1, *w2;      // [3C,K], [K,C]
    float *p, *hidden;   // [3C,STRIDE], [K,STRIDE]
    float *part;         // [SPLITS,C,STRIDE]
    uint32_t *masks;
};

template <int K> static NCA_BOTH_SIDES size_t forward_floats()
{
    return CHUNK + 32 + (size_t)K * (INPUTS + CHANNELS) + (size_t)INPUTS * STRIDE +
           (size_t)K * STRIDE + (size_t)SPLITS * CHANNELS * STRIDE;
}

template <int K> static __device__ forward_shared forward_lay_out(float *memory)
{
    forward_shared s;
    s.w1 = memory;
    s.w2 = s.w1 + INPUTS * K;
    s.p = s.w2 + K * CHANNELS;
    s.hidden = s.p + INPUTS * STRIDE;
    s.part = s.hidden + K * STRIDE;
    s.list = reinterpret_cast<uint32_t *>(s.part + SPLITS * CHANNELS * STRIDE);
    s.warp_totals = reinterpret_cast<int *>(s.list + CHUNK);
    s.masks = s.list + CHUNK + 32;
    return s;
}

// Copies rows of COLUMNS floats from global to shared memory, where they lie `stride` apart. All of
// a thread's loads are on their way before the first is waited for.
template <int THREADS, int ROWS, int COLUMNS>
static __device__ void fetch(const float *from, int stride, float *to)
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

// Puts four channels of a cell into column `cell` of a chunk's matrix, from row `row` on.
static __device__ void put4(float *matrix, int row, int cell, float4 value)
{
    matrix[row * STRIDE + cell] = value.x;
    matrix[(row + 1) * STRIDE + cell] = value.y;
    matrix[(row + 2) * STRIDE + cell] = value.z;
    matrix[(row + 3) * STRIDE + cell] = value.w;
}

// Perception of the chunk's cells, four channels a thread; columns without cell become zero.
static __device__ void perceive_chunk(const nca_cuda_grid &grid, const nca_region_rows &at,
                                      const nca_cuda_rollout &rollout, const float *state,
                                      const nca_bits &settled, const uint32_t *list, int count,
                                      int item, float *p)
{
    const int cell = item / 4, channel = 4 * (item % 4);
    nca_perceived4 seen;
    seen.x = seen.gx = seen.gy = make_float4(0, 0, 0, 0);
    if (cell < count)
        seen = nca_perceive4(grid, at, rollout, state, settled, (int)(list[cell] >> 16),
                             (int)(list[cell] & 0xffff), channel);
    put4(p, channel, cell, seen.x);
    put4(p, CHANNELS + channel, cell, seen.gx);
    put4(p, 2 * CHANNELS + channel, cell, seen.gy);
}

static __device__ void multiply_add(float4 x, float scale, float sum[4])
{
    sum[0] = fmaf(scale, x.x, sum[0]);
    sum[1] = fmaf(scale, x.y, sum[1]);
    sum[2] = fmaf(scale, x.z, sum[2]);
    sum[3] = fmaf(scale, x.w, sum[3]);
}

// Four cells by UNITS hidden units of a product with a matrix [ROWS,K]: sum[j] += over the rows of
// weight[row][unit j] * x[row][cells]. Units come in groups of four, `step` apart.
template <int K, int UNITS, int ROWS>
static __device__ void multiply_tile(const float *weight, const float *x, int first_unit, int step,
                                     int first_cell, float (*sum)[4])
{
#pragma unroll 4
    for (int row = 0; row < ROWS; row++) {
        const float4 cells = nca_load4(x + row * STRIDE + first_cell);
#pragma unroll
        for (int j = 0; j < UNITS; j += 4) {
            const float4 w = nca_load4(weight + row * K + first_unit + j / 4 * step);
            multiply_add(cells, w.x, sum[j]);
            multiply_add(cells, w.y, sum[j + 1]);
            multiply_add(cells, w.z, sum[j + 2]);
            multiply_add(cells, w.w, sum[j + 3]);
        }
    }
}

// -- Forward

// hidden = relu(W1 p + b1) of a chunk: a thread has 4 cells and K/16 units.
template <int K>
static __device__ void hidden_forward(const nca_cuda_rule &rule, const forward_shared &s)
{
    const int first_cell = threadIdx.x % 8 * 4, first_unit = threadIdx.x / 8 * 4;
    float sum[K / 16][4];
#pragma unroll
    for (int j = 0; j < K / 16; j++) {
        const float bias = rule.hidden_bias[first_unit + j / 4 * 64 + j % 4];
        for (int i = 0; i < 4; i++)
            sum[j][i] = bias;
    }
    multiply_tile<K, K / 16, INPUTS>(s.w1, s.p, first_unit, 64, first_cell, sum);
#pragma unroll
    for (int j = 0; j < K / 16; j++)
        nca_store4(s.hidden + (first_unit + j / 4 * 64 + j % 4) * STRIDE + first_cell,
                   make_float4(nca_relu(sum[j][0]), nca_relu(sum[j][1]), nca_relu(sum[j][2]),
                               nca_relu(sum[j][3])));
}

// W2 hidden of a chunk, split by hidden units: a warp sums its K/4, a thread 4 cells and 4
// channels.
template <int K> static __device__ void output_forward(const forward_shared &s)
{
    const int split = threadIdx.x / 32, first_cell = threadIdx.x % 8 * 4;
    const int channel = threadIdx.x % 32 / 8 * 4;
    float sum[4][4] = {};
#pragma unroll 4
    for (int unit = split * (K / SPLITS); unit < (split + 1) * (K / SPLITS); unit++) {
        const float4 cells = nca_load4(s.hidden + unit * STRIDE + first_cell);
        const float4 w = nca_load4(s.w2 + unit * CHANNELS + channel);
        multiply_add(cells, w.x, sum[0]);
        multiply_add(cells, w.y, sum[1]);
        multiply_add(cells, w.z, sum[2]);
        multiply_add(cells, w.w, sum[3]);
    }
    for (int c = 0; c < 4; c++)
        nca_store4(s.part + (split * CHANNELS + channel + c) * STRIDE + first_cell,
                   make_float4(sum[c][0], sum[c][1], sum[c][2], sum[c][3]));
}

// u = x + step_size * (out + bias) of the chunk's cells, four channels a thread.
static __device__ void apply_forward(const nca_cuda_step &step, const nca_region_rows &at,
                                     const nca_masks &m, const forward_shared &s, int count)
{
    const int cell = threadIdx.x / 4, channel = 4 * (threadIdx.x % 4);
    if (cell >= count)
        return;
    float after[4];
    for (int c = 0; c < 4; c++) {
        float out = step.rule.output_bias[channel + c];
        for (int split = 0; split < SPLITS; split++)
            out += s.part[(split * CHANNELS + channel + c) * STRIDE + cell];
        after[c] = fmaf(step.rollout->step_size, out, s.p[(channel + c) * STRIDE + cell]);
    }
    nca_listed_become(step, at, m, s.list[cell], channel,
                      make_float4(after[0], after[1], after[2], after[3]));
}

// One step: masks of the region, living cells that do not fire, and this block's chunks.
//   launch  B*regions*members blocks x 128 threads
//   shared  weights, one chunk's matrices and eight planes of a region: some 66 KiB for C 16,
//           K 128, and the planes
//   moves   at most 768 bytes an active cell, mostly from the caches, and 32 KiB of weights a
//           block; does 16,384 flop an active cell
//   needs   C = 16, K % 64 = 0;  reference: cpu/step_forward.c
template <int K>
static __global__ void __launch_bounds__(FORWARD_THREADS)
    step_forward(nca_cuda_step step, int members)
{
    NCA_SHARED_DYNAMIC(float, memory);
    step.grid.channels = CHANNELS;                    // known when compiled
    const nca_cuda_rollout rollout = *step.rollout;   // loaded once, ahead of its use
    step.rollout = &rollout;
    const forward_shared s = forward_lay_out<K>(memory);
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
    fetch<FORWARD_THREADS, INPUTS, K>(step.rule.hidden_columns, K, s.w1);
    fetch<FORWARD_THREADS, K, CHANNELS>(step.rule.output_columns, CHANNELS, s.w2);
    for (int first = member * CHUNK; first < lister.total; first += members * CHUNK) {
        const int count = min(CHUNK, lister.total - first);
        nca_lister_write(step.grid, lister, m.listed, first, count, s.list);
        __syncthreads();
        perceive_chunk(step.grid, at, *step.rollout, step.before, m.settled, s.list, count,
                       (int)threadIdx.x, s.p);
        __syncthreads();
        hidden_forward<K>(step.rule, s);
        __syncthreads();
        output_forward<K>(s);
        __syncthreads();
        apply_forward(step, at, m, s, count);
        __syncthreads();
    }
}

// -- Backward

enum { W1_PAD = 4 };   // keeps rows of W1 in different banks when a thread goes along one

struct backward_shared {
    float *w1, *w2;      // [3C,K+W1_PAD], [C,K]
    float *p, *hidden;   // [3C,STRIDE], [K,STRIDE]; together they become `part`
    float *part;         // [SPLITS,3C,CHUNK]
    float *dhidden;      // [K,STRIDE]
    float *dout;         // [C,STRIDE]
    uint32_t *list;      // [CHUNK]
    int *warp_totals;    // [32]
    uint32_t *masks;
};

template <int K> static NCA_BOTH_SIDES size_t backward_floats()
{
    return (size_t)INPUTS * (K + W1_PAD) + (size_t)CHANNELS * K +
           (size_t)(INPUTS + 2 * K + CHANNELS) * STRIDE + CHUNK + 32;
}

template <int K> static __device__ backward_shared backward_lay_out(float *memory)
{
    backward_shared s;
    static_assert(SPLITS * INPUTS * CHUNK <= (INPUTS + K) * STRIDE, "part lies over p and hidden");
    s.w1 = memory;
    s.w2 = s.w1 + INPUTS * (K + W1_PAD);
    s.p = s.part = s.w2 + CHANNELS * K;
    s.hidden = s.p + INPUTS * STRIDE;
    s.dhidden = s.hidden + K * STRIDE;
    s.dout = s.dhidden + K * STRIDE;
    s.list = reinterpret_cast<uint32_t *>(s.dout + CHANNELS * STRIDE);
    s.warp_totals = reinterpret_cast<int *>(s.list + CHUNK);
    s.masks = s.list + CHUNK + 32;
    return s;
}

// What a thread adds up over its block's chunks: hidden units ug + 32 i by inputs kg + 8 k of the
// first layer, the same units by channels kg + 8 c of the second, and a bias.
template <int K> struct gradient_sums {
    float w1[K / 32][INPUTS / 8];
    float w2[CHANNELS / 8][K / 32];
    float bias;
};

// Gradient of state 1 of the chunk's cells: kept for the step before, and step_size times it the
// gradient of the network's output.
static __device__ void output_gradient(const nca_cuda_step_backward &step,
                                       const nca_region_rows &at, const nca_back_masks &m,
                                       const backward_shared &s, int count, int item)
{
    const int cell = item / 4, channel = 4 * (item % 4);
    put4(s.dout, channel, cell,
         nca_chunk_output_gradient(step, at, m, s.list, count, cell, channel));
}

// hidden, computed again, and dhidden of a chunk: a thread has 4 cells and K/32 units.
template <int K>
static __device__ void hidden_backward(const nca_cuda_rule &rule, const backward_shared &s)
{
    const int first_cell = threadIdx.x % 8 * 4, first_unit = threadIdx.x / 8 * 4;
    float sum[K / 32][4], back[K / 32][4] = {};
#pragma unroll
    for (int j = 0; j < K / 32; j++) {
        const float bias = rule.hidden_bias[first_unit + j / 4 * 128 + j % 4];
        for (int i = 0; i < 4; i++)
            sum[j][i] = bias;
    }
    multiply_tile<K + W1_PAD, K / 32, INPUTS>(s.w1, s.p, first_unit, 128, first_cell, sum);
    multiply_tile<K, K / 32, CHANNELS>(s.w2, s.dout, first_unit, 128, first_cell, back);
#pragma unroll
    for (int j = 0; j < K / 32; j++) {
        const int at = (first_unit + j / 4 * 128 + j % 4) * STRIDE + first_cell;
        for (int i = 0; i < 4; i++)
            back[j][i] = sum[j][i] > 0 ? back[j][i] : 0;
        nca_store4(s.hidden + at, make_float4(nca_relu(sum[j][0]), nca_relu(sum[j][1]),
                                              nca_relu(sum[j][2]), nca_relu(sum[j][3])));
        nca_store4(s.dhidden + at, make_float4(back[j][0], back[j][1], back[j][2], back[j][3]));
    }
}

static __device__ float dot_add(float4 a, float4 b, float sum)
{
    return fmaf(a.w, b.w, fmaf(a.z, b.z, fmaf(a.y, b.y, fmaf(a.x, b.x, sum))));
}

// Adds the chunk's share of the gradient of all parameters, four cells at a time.
template <int K>
static __device__ void add_to_sums(const backward_shared &s, gradient_sums<K> &sums)
{
    const int ug = threadIdx.x % 32, kg = threadIdx.x / 32;
#pragma unroll 1
    for (int cell = 0; cell < CHUNK; cell += 4) {
        float4 unit[K / 32];
#pragma unroll
        for (int i = 0; i < K / 32; i++)
            unit[i] = nca_load4(s.dhidden + (ug + 32 * i) * STRIDE + cell);
#pragma unroll
        for (int k = 0; k < INPUTS / 8; k++) {
            const float4 p = nca_load4(s.p + (kg + 8 * k) * STRIDE + cell);
#pragma unroll
            for (int i = 0; i < K / 32; i++)
                sums.w1[i][k] = dot_add(unit[i], p, sums.w1[i][k]);
        }
#pragma unroll
        for (int i = 0; i < K / 32; i++)
            unit[i] = nca_load4(s.hidden + (ug + 32 * i) * STRIDE + cell);
#pragma unroll
        for (int c = 0; c < CHANNELS / 8; c++) {
            const float4 dout = nca_load4(s.dout + (kg + 8 * c) * STRIDE + cell);
#pragma unroll
            for (int i = 0; i < K / 32; i++)
                sums.w2[c][i] = dot_add(unit[i], dout, sums.w2[c][i]);
        }
    }
    static_assert(K + CHANNELS <= BACKWARD_THREADS, "a thread has one bias");
    const float *row = s.dhidden + threadIdx.x * STRIDE;   // dout follows dhidden
    if (threadIdx.x < K + CHANNELS)
        for (int cell = 0; cell < CHUNK; cell++)
            sums.bias += row[cell];
}

// W1^T dhidden of a chunk, split by hidden units: a thread has 4 cells and inputs kg + 8 k. Over
// what `part` lies upon is done when this begins.
template <int K> static __device__ void inputs_backward(const backward_shared &s)
{
    const int split = threadIdx.x / 64, first_cell = threadIdx.x % 8 * 4;
    const int kg = threadIdx.x % 64 / 8;
    float sum[INPUTS / 8][4] = {};
#pragma unroll 1
    for (int unit = split * (K / SPLITS); unit < (split + 1) * (K / SPLITS); unit += 4) {
        float4 cells[4];
#pragma unroll
        for (int i = 0; i < 4; i++)
            cells[i] = nca_load4(s.dhidden + (unit + i) * STRIDE + first_cell);
#pragma unroll
        for (int k = 0; k < INPUTS / 8; k++) {
            const float4 w = nca_load4(s.w1 + (kg + 8 * k) * (K + W1_PAD) + unit);
            multiply_add(cells[0], w.x, sum[k]);
            multiply_add(cells[1], w.y, sum[k]);
            multiply_add(cells[2], w.z, sum[k]);
            multiply_add(cells[3], w.w, sum[k]);
        }
    }
    for (int k = 0; k < INPUTS / 8; k++)
        nca_store4(s.part + (split * INPUTS + kg + 8 * k) * CHUNK + first_cell,
                   make_float4(sum[k][0], sum[k][1], sum[k][2], sum[k][3]));
}

// Adds up the splits of four inputs, from number `input` on, of a cell.
static __device__ float4 inputs_total(const float *part, int input, int cell)
{
    float total[4];
    for (int c = 0; c < 4; c++) {
        total[c] = 0;
        for (int split = 0; split < SPLITS; split++)
            total[c] += part[(split * INPUTS + input + c) * CHUNK + cell];
    }
    return make_float4(total[0], total[1], total[2], total[3]);
}

// What the chunk's cells send to those around them, four channels a thread.
static __device__ void send_gradient(const nca_cuda_step_backward &step, const nca_region_rows &at,
                                     const backward_shared &s, int count, int item)
{
    const int cell = item / 4, channel = 4 * (item % 4);
    if (cell >= count)
        return;
    nca_perceived4 dp;
    dp.x = inputs_total(s.part, channel, cell);
    dp.gx = inputs_total(s.part, CHANNELS + channel, cell);
    dp.gy = inputs_total(s.part, 2 * CHANNELS + channel, cell);
    nca_listed_send(step, at, s.list[cell], channel, dp);
}

// A thread's sums in global memory. hidden.weight is transposed there, [3C,K], so that a warp has a
// line; reduce_sums() turns it.
template <int K> struct saved_sums {
    float *w1, *w2, *bias;   // bias: NULL where the thread has none

    __device__ saved_sums(float *sums)
    {
        const int ug = threadIdx.x % 32, kg = threadIdx.x / 32;
        float *b1 = sums + K * INPUTS, *b2 = b1 + K + CHANNELS * K;
        w1 = sums + kg * K + ug;
        w2 = b1 + K + kg * K + ug;
        bias = threadIdx.x < K              ? b1 + threadIdx.x
               : threadIdx.x < K + CHANNELS ? b2 + (threadIdx.x - K)
                                            : NULL;
    }
};

// Adds a block's sums to its own in global memory, where they stay in the second-level cache from
// step to step; the last step of the rollout, which is the first backward, begins them. All are
// loaded before the first is stored, so that a thread waits once.
template <int K>
static __device__ void save_sums(const gradient_sums<K> &own, bool begins, float *sums)
{
    const saved_sums<K> to(sums);
    gradient_sums<K> before = {};
    if (!begins) {
#pragma unroll
        for (int i = 0; i < K / 32; i++) {
            for (int k = 0; k < INPUTS / 8; k++)
                before.w1[i][k] = to.w1[8 * k * K + 32 * i];
            for (int c = 0; c < CHANNELS / 8; c++)
                before.w2[c][i] = to.w2[8 * c * K + 32 * i];
        }
        if (to.bias)
            before.bias = *to.bias;
    }
#pragma unroll
    for (int i = 0; i < K / 32; i++) {
        for (int k = 0; k < INPUTS / 8; k++)
            to.w1[8 * k * K + 32 * i] = before.w1[i][k] + own.w1[i][k];
        for (int c = 0; c < CHANNELS / 8; c++)
            to.w2[8 * c * K + 32 * i] = before.w2[c][i] + own.w2[c][i];
    }
    if (to.bias)
        *to.bias = before.bias + own.bias;
}

// One step backward.
//   launch  B*regions*members blocks x 256 threads
//   shared  weights, one chunk's matrices and five planes of a region: some 78 KiB for C 16,
//           K 128, and the planes
//   moves   at most 1.5 KiB an active cell, mostly from the caches, and 32 KiB of weights and
//           65 KiB of sums a block; does 45,056 flop an active cell
//   needs   C = 16, K = 128;  reference: cpu/step_backward.c
template <int K>
static __global__ void __launch_bounds__(BACKWARD_THREADS)
    step_backward(nca_cuda_step_backward step, int members)
{
    NCA_SHARED_DYNAMIC(float, memory);
    step.grid.channels = CHANNELS;                    // known when compiled
    const nca_cuda_rollout rollout = *step.rollout;   // loaded once, ahead of its use
    step.rollout = &rollout;
    const backward_shared s = backward_lay_out<K>(memory);
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
    fetch<BACKWARD_THREADS, INPUTS, K>(step.rule.hidden_columns, K + W1_PAD, s.w1);
    fetch<BACKWARD_THREADS, CHANNELS, K>(step.rule.output_weight, K, s.w2);
    gradient_sums<K> sums = {};
    for (int first = member * CHUNK; first < lister.total; first += members * CHUNK) {
        const int count = min(CHUNK, lister.total - first);
        nca_lister_write(step.grid, lister, m.learning, first, count, s.list);
        __syncthreads();
        if (threadIdx.x < 4 * CHUNK)
            perceive_chunk(step.grid, at, *step.rollout, step.before, m.settled, s.list, count,
                           (int)threadIdx.x, s.p);
        else
            output_gradient(step, at, m, s, count, (int)threadIdx.x - 4 * CHUNK);
        __syncthreads();
        hidden_backward<K>(step.rule, s);
        __syncthreads();
        add_to_sums<K>(s, sums);
        __syncthreads();
        inputs_backward<K>(s);
        __syncthreads();
        if (threadIdx.x < 4 * CHUNK)
            send_gradient(step, at, s, count, (int)threadIdx.x);
        __syncthreads();
    }
    save_sums<K>(sums, step.is_last,
                 step.sums + (size_t)blockIdx.x * (K * (INPUTS + 1) + CHANNELS * (K + 1)));
}

// -- Launchers

static size_t forward_bytes(const nca_cuda_grid *grid)
{
    return (forward_floats<128>() + NCA_MASK_PLANES * nca_bits_words(*grid)) * sizeof(float);
}

static size_t backward_bytes(const nca_cuda_grid *grid)
{
    return (backward_floats<128>() + NCA_BACK_PLANES * nca_bits_words(*grid)) * sizeof(float);
}

bool nca_cuda_fused_fits(const nca_cuda_grid *grid, size_t shared_bytes_max)
{
    return grid->channels == CHANNELS && grid->hidden == 128 &&
           forward_bytes(grid) <= shared_bytes_max && backward_bytes(grid) <= shared_bytes_max;
}

cudaError_t nca_cuda_fused_prepare(size_t shared_bytes_max)
{
    const cudaError_t error = nca_launch_prepare(step_forward<128>, shared_bytes_max);
    return error != cudaSuccess ? error
                                : nca_launch_prepare(step_backward<128>, shared_bytes_max);
}

static dim3 blocks_of(const nca_cuda_grid *grid, int members)
{
    return dim3((unsigned)(grid->batch * grid->regions * members));
}

cudaError_t nca_cuda_fused_forward(const nca_cuda_step *step, int members, cudaStream_t stream)
{
    return NCA_LAUNCH((step_forward<128>), blocks_of(&step->grid, members), dim3(FORWARD_THREADS),
                      forward_bytes(&step->grid), stream, *step, members);
}

cudaError_t nca_cuda_fused_backward(const nca_cuda_step_backward *step, int members,
                                    cudaStream_t stream)
{
    return NCA_LAUNCH((step_backward<128>), blocks_of(&step->grid, members), dim3(BACKWARD_THREADS),
                      backward_bytes(&step->grid), stream, *step, members);
}

// gradient [P] is the sum over the samples of the sum over the blocks of each: sums
// [samples,blocks,P]. In f64 and in their order; the sum of a sample is rounded to f32, and so is
// the end. hidden.weight is turned back from [3C,K].
//   launch  ceil(P/64) blocks x 64 threads
//   moves   4*P*samples*blocks + 4*P bytes, the sums mostly from the second-level cache; does
//           P*samples*blocks flop
//   reference: cpu/rollout.c
static __global__ void reduce_sums(size_t total, int inputs, int units, const float *sums,
                                   int samples, int blocks, float *gradient)
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
