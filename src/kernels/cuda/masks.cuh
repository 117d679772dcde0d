// The masks of one step in one region, made by one block in shared memory, 32 cells a word; the
// lists of cells that follow from them; and looking at a neighbour. For kernels only.
//
// The words for masks stand at the top of kernels.h. Which cells need their network is decided
// here, exactly: active cells, and dead ones that fire next to a cell at risk, which may survive
// through them. A cell that stays mature keeps its whole 3x3 neighbourhood alive, so that only
// cells without such a neighbour are at risk.
#ifndef NCA_CUDA_MASKS_CUH
#define NCA_CUDA_MASKS_CUH

#include "kernels.h"

// Rows above and below a region that its masks depend on.
enum { NCA_HALO = 3 };

// Rows y0..y0+rows-1 of a sample.
struct nca_region_rows {
    int sample, y0, rows;
};

static __device__ inline nca_region_rows nca_region_of(const nca_cuda_grid &grid, int number)
{
    nca_region_rows at;
    at.sample = number / grid.regions;
    at.y0 = number % grid.regions * grid.region_rows;
    at.rows = min(grid.region_rows, grid.height - at.y0);
    return at;
}

// Number of cell (y, x) of a sample within the batch, and of word w of row y within a plane.
static __device__ inline size_t nca_cell_of(const nca_cuda_grid &grid, int sample, int y, int x)
{
    return ((size_t)sample * grid.height + y) * grid.width + x;
}

static __device__ inline size_t nca_word_of(const nca_cuda_grid &grid, int sample, int y, int w)
{
    return ((size_t)sample * grid.height + y) * grid.words + w;
}

// Bits of word w that are columns of the grid.
static __device__ inline uint32_t nca_columns(const nca_cuda_grid &grid, int w)
{
    const int left = grid.width - 32 * w;
    return left >= 32 ? 0xffffffffu : (1u << left) - 1;
}

static __device__ inline float4 nca_load4(const float *from)
{
    return *reinterpret_cast<const float4 *>(from);
}

static __device__ inline void nca_store4(float *to, float4 value)
{
    *reinterpret_cast<float4 *>(to) = value;
}

static __device__ inline float4 nca_add_scaled(float4 sum, float scale, float4 x)
{
    return make_float4(fmaf(scale, x.x, sum.x), fmaf(scale, x.y, sum.y), fmaf(scale, x.z, sum.z),
                       fmaf(scale, x.w, sum.w));
}

static __device__ inline float4 nca_scaled(float scale, float4 x)
{
    return make_float4(scale * x.x, scale * x.y, scale * x.z, scale * x.w);
}

// A plane of a region in shared memory, with NCA_HALO rows above and below.
struct nca_bits {
    uint32_t *first;   // word 0 of row -NCA_HALO
    int words;

    __device__ uint32_t &at(int row, int w) const
    {
        return first[(row + NCA_HALO) * words + w];
    }
    __device__ bool has(int row, int x) const
    {
        return at(row, x >> 5) >> (x & 31) & 1;
    }
    // A word of a row, widened by one cell to both sides.
    __device__ uint32_t wide(int row, int w) const
    {
        const uint32_t x = at(row, w);
        const uint32_t left = w > 0 ? at(row, w - 1) >> 31 : 0;
        const uint32_t right = w + 1 < words ? at(row, w + 1) << 31 : 0;
        return x | x << 1 | left | x >> 1 | right;
    }
    // Bits whose 3x3 neighbourhood has one.
    __device__ uint32_t spread(int row, int w) const
    {
        return wide(row - 1, w) | wide(row, w) | wide(row + 1, w);
    }
};

static __host__ __device__ inline size_t nca_bits_words(const nca_cuda_grid &grid)
{
    return (size_t)(grid.region_rows + 2 * NCA_HALO) * grid.words;
}

static __device__ inline nca_bits nca_bits_take(const nca_cuda_grid &grid, uint32_t *&memory)
{
    const nca_bits taken = {memory, grid.words};
    memory += nca_bits_words(grid);
    return taken;
}

// A word of a plane; zero outside the grid. A loop over the words of several planes takes one of
// each before it uses any, so that it waits for all of them once.
static __device__ inline uint32_t nca_plane_word(const nca_cuda_grid &grid,
                                                 const nca_region_rows &at, const uint32_t *plane,
                                                 int row, int w)
{
    const int y = at.y0 + row;
    return y >= 0 && y < grid.height ? plane[nca_word_of(grid, at.sample, y, w)] : 0;
}

// Rows -halo..rows+halo-1 of a plane.
static __device__ inline void nca_bits_load(const nca_cuda_grid &grid, const nca_region_rows &at,
                                            const uint32_t *plane, int halo, const nca_bits &to)
{
    for (int i = threadIdx.x; i < (at.rows + 2 * halo) * grid.words; i += blockDim.x) {
        const int row = i / grid.words - halo, w = i % grid.words;
        to.at(row, w) = nca_plane_word(grid, at, plane, row, w);
    }
}

struct nca_masks {
    nca_bits mature, settled, alive, fire, stay, risk, active, listed;
};
enum { NCA_MASK_PLANES = 8 };

static __device__ inline nca_masks nca_masks_take(const nca_cuda_grid &grid, uint32_t *&memory)
{
    nca_masks m;
    m.mature = nca_bits_take(grid, memory);
    m.settled = nca_bits_take(grid, memory);
    m.alive = nca_bits_take(grid, memory);
    m.fire = nca_bits_take(grid, memory);
    m.stay = nca_bits_take(grid, memory);
    m.risk = nca_bits_take(grid, memory);
    m.active = nca_bits_take(grid, memory);
    m.listed = nca_bits_take(grid, memory);
    return m;
}

// Which cells of the state before a step are settled: alive before the step that made it, and a
// mature cell near them after it. Before the first step all are.
static __device__ inline uint32_t nca_settled_word(const nca_cuda_grid &grid, bool is_first, int y,
                                                   const nca_bits &alive_last,
                                                   const nca_bits &mature, int row, int w)
{
    if (y < 0 || y >= grid.height)
        return 0;
    return is_first ? nca_columns(grid, w) : alive_last.at(row, w) & mature.spread(row, w);
}

// Fills the masks of a region: own rows of all, one row more of `settled` and `alive`; `mature`
// becomes that of settled cells. Begins and ends with all threads of the block: five barriers.
static __device__ inline void nca_masks_fill(const nca_cuda_step &step, const nca_region_rows &at,
                                             const nca_masks &m)
{
    const nca_cuda_grid &grid = step.grid;
    const bool is_first = step.step == 0;
    for (int i = threadIdx.x; i < (at.rows + 2 * NCA_HALO) * grid.words; i += blockDim.x) {
        const int row = i / grid.words - NCA_HALO, w = i % grid.words;
        const uint32_t mature = nca_plane_word(grid, at, step.mature, row, w);
        const uint32_t fire = nca_plane_word(grid, at, step.fire, row, w);
        const uint32_t alive = is_first ? 0 : nca_plane_word(grid, at, step.alive_last, row, w);
        m.mature.at(row, w) = mature;
        m.fire.at(row, w) = fire;
        m.alive.at(row, w) = alive;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < (at.rows + 4) * grid.words; i += blockDim.x) {
        const int row = i / grid.words - 2, w = i % grid.words;
        m.settled.at(row, w) =
            nca_settled_word(grid, is_first, at.y0 + row, m.alive, m.mature, row, w);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < (at.rows + 4) * grid.words; i += blockDim.x) {
        const int row = i / grid.words - 2, w = i % grid.words;
        m.mature.at(row, w) &= m.settled.at(row, w);
        m.stay.at(row, w) = m.mature.at(row, w) & ~m.fire.at(row, w);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < (at.rows + 2) * grid.words; i += blockDim.x) {
        const int row = i / grid.words - 1, w = i % grid.words;
        const int y = at.y0 + row;
        const uint32_t columns = y >= 0 && y < grid.height ? nca_columns(grid, w) : 0;
        m.alive.at(row, w) = m.mature.spread(row, w) & columns;
        m.risk.at(row, w) = m.alive.at(row, w) & ~m.stay.spread(row, w);
    }
    __syncthreads();
    for (int i = threadIdx.x; i < at.rows * grid.words; i += blockDim.x) {
        const int row = i / grid.words, w = i % grid.words;
        const uint32_t fire = m.fire.at(row, w), alive = m.alive.at(row, w);
        m.active.at(row, w) = fire & alive;
        m.listed.at(row, w) = fire & (alive | (m.risk.spread(row, w) & nca_columns(grid, w)));
    }
    __syncthreads();
}

// Writes to the planes of the step, for the steps and the backward pass that come. Rows and words
// are shared out among the blocks of a region, of which this is number `region_block`.
static __device__ inline void nca_masks_publish(const nca_cuda_step &step,
                                                const nca_region_rows &at, const nca_masks &m,
                                                int region_block, int blocks_per_region)
{
    const nca_cuda_grid &grid = step.grid;
    for (int i = threadIdx.x; i < at.rows * grid.words; i += blockDim.x) {
        const int row = i / grid.words, w = i % grid.words;
        if (i % blocks_per_region != region_block)
            continue;
        const size_t word = nca_word_of(grid, at.sample, at.y0 + row, w);
        step.settled[word] = m.settled.at(row, w);
        step.alive[word] = m.alive.at(row, w);
        step.active[word] = m.active.at(row, w);
        step.listed[word] = m.listed.at(row, w);
        step.mature_clear[word] = 0;
        if (m.stay.at(row, w))
            atomicOr(&step.mature_next[word], m.stay.at(row, w));
    }
}

// Copies the living cells that do not fire; words are shared out as above.
static __device__ inline void nca_masks_keep(const nca_cuda_step &step, const nca_region_rows &at,
                                             const nca_masks &m, int region_block,
                                             int blocks_per_region)
{
    const nca_cuda_grid &grid = step.grid;
    const int quads = grid.channels / 4, items = at.rows * grid.words * 32 * quads;
    const int stride = (int)blockDim.x * blocks_per_region;
    for (int i = region_block * (int)blockDim.x + (int)threadIdx.x; i < items; i += stride) {
        const int word = i / (32 * quads), bit = i / quads % 32;
        if (!((m.alive.at(0, word) & ~m.fire.at(0, word)) >> bit & 1))
            continue;
        const int row = word / grid.words, x = word % grid.words * 32 + bit;
        const size_t cell = nca_cell_of(grid, at.sample, at.y0 + row, x);
        const size_t element = cell * grid.channels + 4 * (i % quads);
        nca_store4(step.after + element, m.settled.has(row, x) ? nca_load4(step.before + element)
                                                               : make_float4(0, 0, 0, 0));
    }
}

// Exclusive sums of `value` over the threads of the block, and their total; `warp_totals` [32] is
// shared. All threads of the block come here: two barriers.
static __device__ inline int nca_block_prefix(int value, int *warp_totals, int *total)
{
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
    int sum = value, before = 0, all = 0;
    for (int distance = 1; distance < 32; distance *= 2) {
        const int other = __shfl_up_sync(0xffffffffu, sum, distance);
        sum += lane >= distance ? other : 0;
    }
    if (lane == 31)
        warp_totals[warp] = sum;
    __syncthreads();
    for (int i = 0; i < warps; i++) {
        before += i < warp ? warp_totals[i] : 0;
        all += warp_totals[i];
    }
    __syncthreads();
    *total = all;
    return before + sum - value;
}

// The words of own rows that a thread lists, and how many cells stand before them. To open it all
// threads of the block come: two barriers.
struct nca_lister {
    int first, end;   // numbers of words, row by row
    int rank;         // of the first of their cells
    int total;        // cells of the region
};

static __device__ inline nca_lister nca_lister_open(const nca_cuda_grid &grid,
                                                    const nca_region_rows &at,
                                                    const nca_bits &plane, int *warp_totals)
{
    const int words = at.rows * grid.words, each = (words + blockDim.x - 1) / (int)blockDim.x;
    nca_lister lister;
    lister.first = min((int)threadIdx.x * each, words);
    lister.end = min(lister.first + each, words);
    int count = 0;
    for (int i = lister.first; i < lister.end; i++)
        count += __popc(plane.at(0, i));
    lister.rank = nca_block_prefix(count, warp_totals, &lister.total);
    return lister;
}

// Writes the cells with ranks first..first+room-1 of a region to list[0..], each as row << 16 | x.
static __device__ inline void nca_lister_write(const nca_cuda_grid &grid, const nca_lister &lister,
                                               const nca_bits &plane, int first, int room,
                                               uint32_t *list)
{
    int rank = lister.rank - first;
    for (int i = lister.first; i < lister.end && rank < room; i++) {
        const uint32_t start = (uint32_t)(i / grid.words) << 16 | (uint32_t)(i % grid.words * 32);
        for (uint32_t left = plane.at(0, i); left; left &= left - 1, rank++)
            if (rank >= 0 && rank < room)
                list[rank] = start + (uint32_t)__ffs((int)left) - 1;
    }
}

// Marks a cell in a plane that other blocks write too.
static __device__ inline void nca_plane_mark(const nca_cuda_grid &grid, uint32_t *plane, int sample,
                                             int y, int x)
{
    atomicOr(&plane[nca_word_of(grid, sample, y, x >> 5)], 1u << (x & 31));
}

#endif
