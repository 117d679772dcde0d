// Perception of four channels of one cell, and its transpose: a cell gathers what the active cells
// around it send, so that no two threads add to one number. For kernels only.
//
// All loads of a thread are on their way before the first is used, so that it waits once and not
// for one neighbour after the other. A neighbour outside the grid or the plane is not loaded: it
// counts as a zero that leaves every sum as it is, so that the sums need no branch either.
#ifndef NCA_CUDA_PERCEIVE_CUH
#define NCA_CUDA_PERCEIVE_CUH

#include "masks.cuh"

// The weight of neighbour (dy, dx) in the x-gradient; in the y-gradient it is that of (dx, dy).
static __device__ inline float nca_sobel_x(int dy, int dx)
{
    return NCA_SOBEL_X(dy, dx) / 8.0f;
}

struct nca_perceived4 {
    float4 x, gx, gy;   // the gradients already rotated
};

// A plane in global memory, looked at like nca_bits: rows are counted from row y0 of a sample.
struct nca_plane_bits {
    const uint32_t *sample;   // its row 0
    int y0, height, words;

    __device__ nca_plane_bits(const nca_cuda_grid &grid, const nca_region_rows &at,
                              const uint32_t *plane)
        : sample(plane + nca_word_of(grid, at.sample, 0, 0)), y0(at.y0), height(grid.height),
          words(grid.words)
    {
    }
    __device__ bool has(int row, int x) const
    {
        const int y = y0 + row;
        return y >= 0 && y < height && (sample[(size_t)y * words + (x >> 5)] >> (x & 31) & 1);
    }
};

// Place of neighbour (dy, dx), each -1..1, in an array of nine.
static __device__ inline int nca_place(int dy, int dx)
{
    return 3 * (dy + 1) + dx + 1;
}

// Which of the cells around (row, x) are in the grid and one of `bits`: a bit each, by its place.
template <typename Bits>
static __device__ inline uint32_t nca_around(const nca_cuda_grid &grid, const Bits &bits, int row,
                                             int x)
{
    uint32_t around = 0;
#pragma unroll
    for (int dx = -1; dx <= 1; dx++) {
        const bool is_inside = x + dx >= 0 && x + dx < grid.width;
        const int column = is_inside ? x + dx : x;
#pragma unroll
        for (int dy = -1; dy <= 1; dy++)
            around |= (uint32_t)(bits.has(row + dy, column) && is_inside) << nca_place(dy, dx);
    }
    return around;
}

// The zero that `scale` turns into -0. To add -0 changes no number, while to add 0 turns -0 into 0.
static __device__ inline float nca_nothing(float scale)
{
    return scale > 0 ? -0.0f : 0.0f;
}

static __device__ inline float4 nca_load4_if(bool is_there, const float *from, ptrdiff_t offset,
                                             float otherwise)
{
    float4 value = make_float4(otherwise, otherwise, otherwise, otherwise);
    if (is_there)
        value = nca_load4(from + offset);
    return value;
}

// `state` is that of the whole batch; `settled`, nca_bits or nca_plane_bits, has the rows around.
template <typename Bits>
static __device__ inline nca_perceived4
nca_perceive4(const nca_cuda_grid &grid, const nca_region_rows &at, const nca_cuda_rollout &rollout,
              const float *state, const Bits &settled, int row, int x, int channel)
{
    const uint32_t around = nca_around(grid, settled, row, x);
    const float *const middle =
        state + nca_cell_of(grid, at.sample, at.y0 + row, x) * grid.channels + channel;
    float4 value[9];
#pragma unroll
    for (int dy = -1; dy <= 1; dy++)
#pragma unroll
        for (int dx = -1; dx <= 1; dx++)
            value[nca_place(dy, dx)] =
                nca_load4_if(around >> nca_place(dy, dx) & 1, middle,
                             ((ptrdiff_t)dy * grid.width + dx) * grid.channels,
                             nca_nothing(dx != 0 ? nca_sobel_x(dy, dx) : nca_sobel_x(dx, dy)));
    float4 gx = make_float4(0, 0, 0, 0), gy = gx;
#pragma unroll
    for (int dy = -1; dy <= 1; dy++)
#pragma unroll
        for (int dx = -1; dx <= 1; dx++) {
            const int place = nca_place(dy, dx);
            if (dx != 0)
                gx = nca_add_scaled(gx, nca_sobel_x(dy, dx), value[place]);
            // In two corners the zero is right for gx, and for gy with the other sign.
            const bool turns = dx * dy < 0 && !(around >> place & 1);
            const float scale = nca_sobel_x(dx, dy);
            if (dy != 0)
                gy = nca_add_scaled(gy, turns ? -scale : scale, value[place]);
        }
    nca_perceived4 p;
    p.x = value[nca_place(0, 0)];
    p.gx = nca_add_scaled(nca_scaled(rollout.cosine, gx), -rollout.sine, gy);
    p.gy = nca_add_scaled(nca_scaled(rollout.sine, gx), rollout.cosine, gy);
    return p;
}

// By `summed` a cell perceives for every channel the gradients of the sum over channels, and sends
// through each of them to all channels. Both are this: a group of C numbers becomes its sum, C
// times.
static __device__ inline float nca_sum4(float4 v)
{
    return v.x + v.y + v.z + v.w;
}

// The same by the four threads side by side that have the quads of a cell of 16 channels.
static __device__ inline float4 nca_sum_cell(float4 quad)
{
    const unsigned threads = 0xfu << (threadIdx.x & 28);
    float sum = nca_sum4(quad);
    sum += __shfl_xor_sync(threads, sum, 1);
    sum += __shfl_xor_sync(threads, sum, 2);
    return make_float4(sum, sum, sum, sum);
}

// What a cell sends: the gradient of its own state, and of the two unrotated gradients.
static __device__ inline nca_perceived4 nca_unrotate4(const nca_cuda_rollout &rollout,
                                                      const nca_perceived4 &dp)
{
    nca_perceived4 sent;
    sent.x = dp.x;
    sent.gx = nca_add_scaled(nca_scaled(rollout.cosine, dp.gx), rollout.sine, dp.gy);
    sent.gy = nca_add_scaled(nca_scaled(rollout.cosine, dp.gy), -rollout.sine, dp.gx);
    return sent;
}

// Adds to g what the cells around (row, x), of those in `senders`, sent: dp [B,H,W,3,C]. `senders`
// has one row more than the region.
static __device__ inline float4 nca_gather4(const nca_cuda_grid &grid, const nca_region_rows &at,
                                            const float *dp, const nca_bits &senders, int row,
                                            int x, int channel, float4 g)
{
    const uint32_t around = nca_around(grid, senders, row, x);
    const int stride = 3 * grid.channels;
    const float *const middle =
        dp + nca_cell_of(grid, at.sample, at.y0 + row, x) * stride + channel;
    float4 own, gx[9], gy[9];   // a sender sees this cell at (-dy, -dx)
#pragma unroll
    for (int dy = -1; dy <= 1; dy++)
#pragma unroll
        for (int dx = -1; dx <= 1; dx++) {
            const int place = nca_place(dy, dx);
            const bool is_there = around >> place & 1;
            const ptrdiff_t sent = ((ptrdiff_t)dy * grid.width + dx) * stride;
            if (dx == 0 && dy == 0)
                own = nca_load4_if(is_there, middle, sent, nca_nothing(1));
            if (dx != 0)
                gx[place] = nca_load4_if(is_there, middle, sent + grid.channels,
                                         nca_nothing(nca_sobel_x(-dy, -dx)));
            if (dy != 0)
                gy[place] = nca_load4_if(is_there, middle, sent + 2 * grid.channels,
                                         nca_nothing(nca_sobel_x(-dx, -dy)));
        }
#pragma unroll
    for (int dy = -1; dy <= 1; dy++)
#pragma unroll
        for (int dx = -1; dx <= 1; dx++) {
            if (dx == 0 && dy == 0)
                g = nca_add_scaled(g, 1, own);
            if (dx != 0)
                g = nca_add_scaled(g, nca_sobel_x(-dy, -dx), gx[nca_place(dy, dx)]);
            if (dy != 0)
                g = nca_add_scaled(g, nca_sobel_x(-dx, -dy), gy[nca_place(dy, dx)]);
        }
    return g;
}

// Planes of a region that the backward kernels look at; the words stand at the top of kernels.h.
// `passing` is settled after the step, and not learning.
struct nca_back_masks {
    nca_bits settled, settled2, senders, learning, passing;
    uint32_t *before_learning, *before_passing;   // for a lister of each
};
enum { NCA_BACK_PLANES = 7 };

static __device__ inline nca_back_masks nca_back_masks_take(const nca_cuda_grid &grid,
                                                            uint32_t *&memory)
{
    nca_back_masks m;
    m.settled = nca_bits_take(grid, memory);
    m.settled2 = nca_bits_take(grid, memory);
    m.senders = nca_bits_take(grid, memory);
    m.learning = nca_bits_take(grid, memory);
    m.passing = nca_bits_take(grid, memory);
    m.before_learning = nca_bits_take(grid, memory).first;
    m.before_passing = nca_bits_take(grid, memory).first;
    return m;
}

// Begins and ends with all threads of the block: one barrier.
static __device__ inline void nca_back_masks_fill(const nca_cuda_step_backward &step,
                                                  const nca_region_rows &at,
                                                  const nca_back_masks &m)
{
    const nca_cuda_grid &grid = step.grid;
    for (nca_word_loop i = nca_word_loop(grid).from(-1); i.row < at.rows + 1; i.next()) {
        const int row = i.row, w = i.w;
        const uint32_t settled = nca_plane_word(grid, at, step.settled, row, w);
        const uint32_t settled1 = nca_plane_word(grid, at, step.settled1, row, w);
        const uint32_t active = nca_plane_word(grid, at, step.active, row, w);
        uint32_t settled2 = 0, active1 = 0;
        if (!step.is_last) {
            settled2 = nca_plane_word(grid, at, step.settled2, row, w);
            active1 = nca_plane_word(grid, at, step.active1, row, w);
        }
        m.settled.at(row, w) = settled;
        m.settled2.at(row, w) = settled2;
        m.senders.at(row, w) = active1 & settled2;
        m.learning.at(row, w) = active & settled1;
        m.passing.at(row, w) = settled1 & ~active;
    }
    __syncthreads();
}

// d loss / d state 1 of four channels of a cell that is settled after the step.
static __device__ inline float4 nca_gradient4(const nca_cuda_step_backward &step,
                                              const nca_region_rows &at, const nca_back_masks &m,
                                              int row, int x, int channel)
{
    const nca_cuda_grid &grid = step.grid;
    const size_t cell = nca_cell_of(grid, at.sample, at.y0 + row, x);
    const float *later = step.gradient + cell * grid.channels + channel;
    if (step.is_last)
        return nca_load4(later);
    const float4 passed = m.settled2.has(row, x) ? nca_load4(later) : make_float4(0, 0, 0, 0);
    return nca_gather4(grid, at, step.dp1, m.senders, row, x, channel, passed);
}

#endif
