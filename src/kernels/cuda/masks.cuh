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

// The words of rows that a thread takes, one in blockDim.x: word w of row `row`. To go on from one
// to the next needs no division.
struct nca_word_loop {
    int row, w;
    int rows_on, words_on;   // to the next, in rows and words
    int words;               // of a row

    __device__ explicit nca_word_loop(const nca_cuda_grid &grid)
        : row((int)threadIdx.x / grid.words), w((int)threadIdx.x % grid.words),
          rows_on((int)blockDim.x / grid.words), words_on((int)blockDim.x % grid.words),
          words(grid.words)
    {
    }
    // This thread's words from row `first` on.
    __device__ nca_word_loop from(int first) const
    {
        nca_word_loop moved = *this;
        moved.row += first;
        return moved;
    }
    __device__ void next()
    {
        row += rows_on;
        w += words_on;
        if (w >= words) {
            w -= words;
            row++;
        }
    }
};

// `kept` lies over `fire`: it is what becomes of its own rows.
struct nca_masks {
    nca_bits mature, settled, alive, fire, kept, stay, risk, active, listed;
};
enum { NCA_MASK_PLANES = 8 };

static __device__ inline nca_masks nca_masks_take(const nca_cuda_grid &grid, uint32_t *&memory)
{
    nca_masks m;
    m.mature = nca_bits_take(grid, memory);
    m.settled = nca_bits_take(grid, memory);
    m.alive = nca_bits_take(grid, memory);
    m.fire = m.kept = nca_bits_take(grid, memory);
    m.stay = nca_bits_take(grid, memory);
    m.risk = nca_bits_take(grid, memory);
    m.active = nca_bits_take(grid, memory);
    m.listed = nca_bits_take(grid, memory);
    return m;
}

// Which cells of the state before a step are settled: alive before the step that made it, and a
// mature cell near them after it. All are before the first step, and in a mixed state.
static __device__ inline uint32_t nca_settled_word(const nca_cuda_grid &grid, bool are_all, int y,
                                                   const nca_bits &alive_last,
                                                   const nca_bits &mature, int row, int w)
{
    if (y < 0 || y >= grid.height)
        return 0;
    return are_all ? nca_columns(grid, w) : alive_last.at(row, w) & mature.spread(row, w);
}

// Fills the masks of a region: own rows of all, one row more of `settled` and `alive`; `mature`
// becomes that of settled cells, and `fire` the living cells that do not. Begins and ends with all
// threads of the block: five barriers.
static __device__ inline void nca_masks_fill(const nca_cuda_step &step, const nca_region_rows &at,
                                             const nca_masks &m)
{
    const nca_cuda_grid &grid = step.grid;
    const bool are_all = !step.alive_last;
    const nca_word_loop own(grid);
    for (nca_word_loop i = own.from(-NCA_HALO); i.row < at.rows + NCA_HALO; i.next()) {
        const uint32_t mature = nca_plane_word(grid, at, step.mature, i.row, i.w);
        const uint32_t fire = nca_plane_word(grid, at, step.fire, i.row, i.w);
        const uint32_t alive = are_all ? 0 : nca_plane_word(grid, at, step.alive_last, i.row, i.w);
        m.mature.at(i.row, i.w) = mature;
        m.fire.at(i.row, i.w) = fire;
        m.alive.at(i.row, i.w) = alive;
    }
    __syncthreads();
    for (nca_word_loop i = own.from(-2); i.row < at.rows + 2; i.next())
        m.settled.at(i.row, i.w) =
            nca_settled_word(grid, are_all, at.y0 + i.row, m.alive, m.mature, i.row, i.w);
    __syncthreads();
    for (nca_word_loop i = own.from(-2); i.row < at.rows + 2; i.next()) {
        m.mature.at(i.row, i.w) &= m.settled.at(i.row, i.w);
        m.stay.at(i.row, i.w) = m.mature.at(i.row, i.w) & ~m.fire.at(i.row, i.w);
    }
    __syncthreads();
    for (nca_word_loop i = own.from(-1); i.row < at.rows + 1; i.next()) {
        const int y = at.y0 + i.row;
        const uint32_t columns = y >= 0 && y < grid.height ? nca_columns(grid, i.w) : 0;
        m.alive.at(i.row, i.w) = m.mature.spread(i.row, i.w) & columns;
        m.risk.at(i.row, i.w) = m.alive.at(i.row, i.w) & ~m.stay.spread(i.row, i.w);
    }
    __syncthreads();
    for (nca_word_loop i = own; i.row < at.rows; i.next()) {
        const uint32_t fire = m.fire.at(i.row, i.w), alive = m.alive.at(i.row, i.w);
        const uint32_t lifting = m.risk.spread(i.row, i.w) & nca_columns(grid, i.w);
        m.active.at(i.row, i.w) = fire & alive;
        m.listed.at(i.row, i.w) = fire & (alive | lifting);
        m.kept.at(i.row, i.w) = alive & ~fire;
    }
    __syncthreads();
}

// Writes to the planes of the step, for the steps and the backward pass that come. Words are shared
// out among the blocks of a region, of which this is number `region_block`.
static __device__ inline void nca_masks_publish(const nca_cuda_step &step,
                                                const nca_region_rows &at, const nca_masks &m,
                                                int region_block, int blocks_per_region)
{
    const nca_cuda_grid &grid = step.grid;
    for (int i = region_block + (int)threadIdx.x * blocks_per_region; i < at.rows * grid.words;
         i += (int)blockDim.x * blocks_per_region) {
        const int row = i / grid.words, w = i % grid.words;
        const size_t word = nca_word_of(grid, at.sample, at.y0 + row, w);
        step.settled[word] = m.settled.at(row, w);
        step.alive[word] = m.alive.at(row, w);
        step.active[word] = m.active.at(row, w);
        step.listed[word] = m.listed.at(row, w);
        if (step.mature_clear)
            step.mature_clear[word] = 0;
        if (m.stay.at(row, w))
            atomicOr(&step.mature_next[word], m.stay.at(row, w));
    }
}

// -- Lists of cells

// Sums over the threads of the block of N numbers each: those before this thread, and all.
// `warp_totals` [32 N] is shared; it may be used again behind another barrier. All threads of the
// block come here: one barrier.
template <int N>
static __device__ inline void nca_block_prefix(const int (&value)[N], int *warp_totals,
                                               int (&before)[N], int (&total)[N])
{
    const int lane = threadIdx.x & 31, warp = threadIdx.x >> 5, warps = blockDim.x >> 5;
#pragma unroll
    for (int n = 0; n < N; n++) {
        int sum = value[n];
        for (int distance = 1; distance < 32; distance *= 2) {
            const int other = __shfl_up_sync(0xffffffffu, sum, distance);
            sum += lane >= distance ? other : 0;
        }
        if (lane == 31)
            warp_totals[32 * n + warp] = sum;
        before[n] = sum - value[n];
        total[n] = 0;
    }
    __syncthreads();
#pragma unroll
    for (int n = 0; n < N; n++)
        for (int i = 0; i < warps; i++) {
            before[n] += i < warp ? warp_totals[32 * n + i] : 0;
            total[n] += warp_totals[32 * n + i];
        }
}

// The number of the n-th bit of a word that has more.
static __device__ inline int nca_bit_of(uint32_t word, int n)
{
    int bit = 0;
#pragma unroll
    for (int half = 16; half > 0; half /= 2) {
        const int below = __popc(word >> bit & ((1u << half) - 1));
        bit += n >= below ? half : 0;
        n -= n >= below ? below : 0;
    }
    return bit;
}

// The cells that a plane has in a region's own rows, row by row, each by its rank: any thread finds
// any of them.
struct nca_lister {
    nca_bits plane;
    int *before;   // [own words] how many cells stand before each
    int words, total;

    // Of a rank below the total: row << 16 | x.
    __device__ uint32_t cell(int rank) const
    {
        int word = 0;
        for (int half = 1 << (31 - __clz(words)); half > 0; half /= 2)
            word += word + half < words && before[word + half] <= rank ? half : 0;
        const int x = word % plane.words * 32 + nca_bit_of(plane.at(0, word), rank - before[word]);
        return (uint32_t)(word / plane.words) << 16 | (uint32_t)x;
    }
};

// `before` has a word of memory for each own word of the region.
static __device__ inline nca_lister nca_lister_take(const nca_cuda_grid &grid,
                                                    const nca_region_rows &at,
                                                    const nca_bits &plane, uint32_t *before)
{
    return {plane, reinterpret_cast<int *>(before), at.rows * grid.words, 0};
}

// Opens listers of one region. Begins and ends with all threads of the block: two barriers.
template <int N>
static __device__ inline void nca_listers_open(nca_lister (&listers)[N], int *warp_totals)
{
    const int words = listers[0].words, each = (words + (int)blockDim.x - 1) / (int)blockDim.x;
    const int first = min((int)threadIdx.x * each, words), end = min(first + each, words);
    int count[N] = {}, before[N], total[N];
    for (int i = first; i < end; i++)
#pragma unroll
        for (int n = 0; n < N; n++)
            count[n] += __popc(listers[n].plane.at(0, i));
    nca_block_prefix(count, warp_totals, before, total);
#pragma unroll
    for (int n = 0; n < N; n++)
        listers[n].total = total[n];
    for (int i = first; i < end; i++)
#pragma unroll
        for (int n = 0; n < N; n++) {
            listers[n].before[i] = before[n];
            before[n] += __popc(listers[n].plane.at(0, i));
        }
    __syncthreads();
}

// Opens the listers of a step, in memory of masks that are needed no more once they are published.
enum { NCA_LIST_LISTED, NCA_LIST_KEPT, NCA_LIST_ACTIVE, NCA_LISTS };
static __device__ inline void nca_masks_list(const nca_cuda_grid &grid, const nca_region_rows &at,
                                             const nca_masks &m, int *warp_totals,
                                             nca_lister (&listers)[NCA_LISTS])
{
    listers[NCA_LIST_LISTED] = nca_lister_take(grid, at, m.listed, m.mature.first);
    listers[NCA_LIST_KEPT] = nca_lister_take(grid, at, m.kept, m.risk.first);
    listers[NCA_LIST_ACTIVE] = nca_lister_take(grid, at, m.active, m.stay.first);
    nca_listers_open(listers, warp_totals);
}

// Copies the living cells that do not fire, which the blocks of the region share out.
static __device__ inline void nca_masks_keep(const nca_cuda_step &step, const nca_region_rows &at,
                                             const nca_bits &settled, const nca_lister &kept,
                                             int region_block, int blocks_per_region)
{
    const nca_cuda_grid &grid = step.grid;
    const int quads = grid.channels / 4, stride = (int)blockDim.x * blocks_per_region;
    for (int i = region_block * (int)blockDim.x + (int)threadIdx.x; i < kept.total * quads;
         i += stride) {
        const uint32_t listed = kept.cell(i / quads);
        const int row = (int)(listed >> 16), x = (int)(listed & 0xffff);
        const size_t element =
            nca_cell_of(grid, at.sample, at.y0 + row, x) * grid.channels + 4 * (i % quads);
        nca_store4(step.after + element, settled.has(row, x) ? nca_load4(step.before + element)
                                                             : make_float4(0, 0, 0, 0));
    }
}

// Marks a cell in a plane that other blocks write too.
static __device__ inline void nca_plane_mark(const nca_cuda_grid &grid, uint32_t *plane, int sample,
                                             int y, int x)
{
    atomicOr(&plane[nca_word_of(grid, sample, y, x >> 5)], 1u << (x & 31));
}

#endif
