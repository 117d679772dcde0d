// A rollout's beginning and end, and on the cuBLAS path the masks of every step and the lists of
// cells that follow from them. The fused path makes the same masks inside its own kernels.
#include "launch.cuh"

#include "masks.cuh"

enum { THREADS = 256 };

// A 3x3 neighbourhood needs whole rows, so blocks go by regions here. Those of one region all make
// the masks they need and share out its cells.
static dim3 blocks_of(const nca_cuda_grid *grid, int blocks_per_region)
{
    return dim3((unsigned)(grid->batch * grid->regions * blocks_per_region));
}

// The batch [B,H,W,C] into a slot; `mature` of it, by the life channel (negative: all cells are);
// `mature_next`, and what was counted, become zero.
//   launch  B*regions*blocks_per_region blocks x 256 threads;  shared: none
//   moves   8*C bytes a cell, does no flop
//   no barrier;  `slot` and `mature` are step.before and step.mature, else nothing aliases
//   reference: cpu/step_forward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 6))
    begin_rollout(const __grid_constant__ nca_cuda_step step, int life_channel,
                  int blocks_per_region, const float *__restrict__ batch, float *__restrict__ slot,
                  uint32_t *__restrict__ mature)
{
    const nca_cuda_grid &grid = step.grid;
    const int region = blockIdx.x / blocks_per_region,
              region_block = blockIdx.x % blocks_per_region;
    const nca_region_rows at = nca_region_of(grid, region);
    const int own = region_block * (int)blockDim.x + (int)threadIdx.x,
              stride = (int)blockDim.x * blocks_per_region;
    const float threshold = step.rollout->alive_threshold;
    const size_t first = nca_cell_of(grid, at.sample, at.y0, 0);
    const size_t cells = (size_t)at.rows * grid.width, quads = grid.channels / 4;
    for (size_t i = own; i < cells * quads; i += stride)
        nca_store4(slot + first * grid.channels + 4 * i,
                   nca_load4(batch + first * grid.channels + 4 * i));
    for (int i = own; i < at.rows * grid.words; i += stride) {
        const int row = i / grid.words, w = i % grid.words;
        const float *life = batch +
                            nca_cell_of(grid, at.sample, at.y0 + row, 32 * w) * grid.channels +
                            max(life_channel, 0);
        uint32_t bits = life_channel < 0 ? nca_columns(grid, w) : 0;
        for (int x = 0; x < min(32, grid.width - 32 * w) && life_channel >= 0; x++)
            bits |= (uint32_t)(life[(size_t)x * grid.channels] > threshold) << x;
        const size_t word = nca_word_of(grid, at.sample, at.y0 + row, w);
        mature[word] = bits;
        step.mature_next[word] = 0;
    }
    if (own == 0)
        step.counted[region] = 0;
}

cudaError_t nca_cuda_prepare(const nca_cuda_step *step, const nca_spec *spec, int blocks_per_region,
                             const float *batch, cudaStream_t stream)
{
    return NCA_LAUNCH(begin_rollout, blocks_of(&step->grid, blocks_per_region), dim3(THREADS), 0,
                      stream, *step, nca_cuda_life_channel(spec), blocks_per_region, batch,
                      const_cast<float *>(step->before), const_cast<uint32_t *>(step->mature));
}

// `settled` of the state before a step, and that state without dead cells: out [B,H,W,C]. After a
// rollout `step` is the one that would come next. All cells are settled where none are cleared.
//   launch  B*regions*blocks_per_region blocks x 256 threads;  shared: three planes of a region
//   moves   4*C bytes a settled cell and 4*C a cell, does no flop
//   two barriers: after the planes are loaded, and after `settled`;  nothing aliases
//   reference: cpu/step_forward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    end_rollout(const __grid_constant__ nca_cuda_step step, bool clears, int blocks_per_region,
                float *__restrict__ out)
{
    NCA_SHARED_DYNAMIC(uint32_t, shared);
    uint32_t *memory = shared;
    const nca_cuda_grid &grid = step.grid;
    const int region_block = blockIdx.x % blocks_per_region;
    const nca_region_rows at = nca_region_of(grid, blockIdx.x / blocks_per_region);
    const nca_bits mature = nca_bits_take(grid, memory), alive_last = nca_bits_take(grid, memory);
    const nca_bits settled = nca_bits_take(grid, memory);
    const bool are_all = !step.alive_last || !clears;
    nca_bits_load(grid, at, step.mature, 1, mature);
    if (!are_all)
        nca_bits_load(grid, at, step.alive_last, 0, alive_last);
    __syncthreads();
    for (int i = threadIdx.x; i < at.rows * grid.words; i += blockDim.x) {
        const int row = i / grid.words, w = i % grid.words;
        settled.at(row, w) =
            nca_settled_word(grid, are_all, at.y0 + row, alive_last, mature, row, w);
        if (i % blocks_per_region == region_block)
            step.settled[nca_word_of(grid, at.sample, at.y0 + row, w)] = settled.at(row, w);
    }
    __syncthreads();
    const int quads = grid.channels / 4;
    const size_t first = nca_cell_of(grid, at.sample, at.y0, 0) * grid.channels;
    for (int i = region_block * (int)blockDim.x + (int)threadIdx.x;
         i < at.rows * grid.width * quads; i += (int)blockDim.x * blocks_per_region) {
        const int cell = i / quads;
        nca_store4(out + first + 4 * (size_t)i, settled.has(cell / grid.width, cell % grid.width)
                                                    ? nca_load4(step.before + first + 4 * (size_t)i)
                                                    : make_float4(0, 0, 0, 0));
    }
}

cudaError_t nca_cuda_finish(const nca_cuda_step *step, const nca_spec *spec, int blocks_per_region,
                            float *out, cudaStream_t stream)
{
    return NCA_LAUNCH(end_rollout, blocks_of(&step->grid, blocks_per_region), dim3(THREADS),
                      3 * nca_bits_words(step->grid) * sizeof(uint32_t), stream, *step,
                      nca_cuda_clears(spec), blocks_per_region, out);
}

size_t nca_cuda_masks_shared_bytes(const nca_cuda_grid *grid)
{
    return (NCA_MASK_PLANES * nca_bits_words(*grid) + 32 * NCA_LISTS) * sizeof(uint32_t);
}

// The masks of a step; cells without network are kept as they are, and those that stay mature are
// marked.
//   launch  B*regions*blocks_per_region blocks x 256 threads
//   shared  eight planes of a region and 384 bytes
//   moves   8*C bytes a living cell that does not fire, and nine words a word of a plane; no flop
//   seven barriers: five in nca_masks_fill(), two in nca_masks_list()
//   nothing aliases; blocks of a region mark words of mature_next together, by atomics
//   reference: cpu/step_forward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    make_masks(const __grid_constant__ nca_cuda_step step, int blocks_per_region)
{
    NCA_SHARED_DYNAMIC(uint32_t, shared);
    uint32_t *memory = shared;
    const nca_cuda_grid &grid = step.grid;
    const int region = blockIdx.x / blocks_per_region,
              region_block = blockIdx.x % blocks_per_region;
    const nca_region_rows at = nca_region_of(grid, region);
    const nca_masks m = nca_masks_take(grid, memory);
    int *const warp_totals = reinterpret_cast<int *>(memory);
    nca_masks_fill(step, at, m);
    nca_masks_publish(step, at, m, region_block, blocks_per_region);
    nca_lister lists[NCA_LISTS];
    nca_masks_list(grid, at, m, warp_totals, lists);
    nca_masks_keep(step, at, m.settled, lists[NCA_LIST_KEPT], region_block, blocks_per_region);
    if (region_block == 0 && threadIdx.x == 0 && step.counts)
        step.counted[region] += (uint64_t)lists[NCA_LIST_ACTIVE].total;
}

// The masks of a step in which no cell dies: mature cells stay mature, and are active where they
// fire. The others are kept as they are.
//   launch  B*regions*blocks_per_region blocks x 256 threads;  shared: none
//   moves   8*C bytes a cell that is not active, and seven words a word of a plane; no flop
//   no barrier;  nothing aliases;  reference: cpu/step_forward.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    make_lasting_masks(const __grid_constant__ nca_cuda_step step, int blocks_per_region)
{
    const nca_cuda_grid &grid = step.grid;
    const nca_region_rows at = nca_region_of(grid, blockIdx.x / blocks_per_region);
    const int own = (int)(blockIdx.x % blocks_per_region * blockDim.x + threadIdx.x),
              stride = (int)blockDim.x * blocks_per_region, quads = grid.channels / 4;
    for (int i = own; i < at.rows * grid.words; i += stride) {
        const size_t word = nca_word_of(grid, at.sample, at.y0 + i / grid.words, i % grid.words);
        const uint32_t mature = step.mature[word], active = mature & step.fire[word];
        step.settled[word] = nca_columns(grid, i % grid.words);
        step.alive[word] = step.mature_next[word] = mature;
        step.active[word] = step.listed[word] = active;
    }
    const size_t first = nca_cell_of(grid, at.sample, at.y0, 0) * grid.channels;
    for (int i = own; i < at.rows * grid.width * quads; i += stride) {
        const int row = i / quads / grid.width, x = i / quads % grid.width;
        const size_t word = nca_word_of(grid, at.sample, at.y0 + row, x >> 5);
        if (!((step.mature[word] & step.fire[word]) >> (x & 31) & 1))
            nca_store4(step.after + first + 4 * (size_t)i,
                       nca_load4(step.before + first + 4 * (size_t)i));
    }
}

cudaError_t nca_cuda_masks(const nca_cuda_step *step, const nca_spec *spec, int blocks_per_region,
                           cudaStream_t stream)
{
    if (!nca_cuda_clears(spec))
        return NCA_LAUNCH(make_lasting_masks, blocks_of(&step->grid, blocks_per_region),
                          dim3(THREADS), 0, stream, *step, blocks_per_region);
    return NCA_LAUNCH(make_masks, blocks_of(&step->grid, blocks_per_region), dim3(THREADS),
                      nca_cuda_masks_shared_bytes(&step->grid), stream, *step, blocks_per_region);
}

static __device__ uint32_t listed_word(const uint32_t *plane, const uint32_t *within, size_t word)
{
    return within ? plane[word] & within[word] : plane[word];
}

// How many cells of every region are listed: counts [B,regions]. Planes [B,H,words].
//   launch  B*regions blocks x 256 threads;  shared: 128 bytes
//   moves   4 bytes a word of each plane, does no flop
//   one barrier, in the sum over the block;  `within` may be `plane`, else nothing aliases
//   reference: cpu/step_forward.c, which goes through the cells
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    count_cells(const __grid_constant__ nca_cuda_grid grid, const uint32_t *__restrict__ plane,
                const uint32_t *__restrict__ within, int *__restrict__ counts)
{
    NCA_SHARED(int, warp_totals, [32]);
    const nca_region_rows at = nca_region_of(grid, blockIdx.x);
    const size_t first = nca_word_of(grid, at.sample, at.y0, 0);
    int count[1] = {0}, before[1], total[1];
    for (int i = threadIdx.x; i < at.rows * grid.words; i += blockDim.x)
        count[0] += __popc(listed_word(plane, within, first + i));
    nca_block_prefix(count, warp_totals, before, total);
    if (threadIdx.x == 0)
        counts[blockIdx.x] = total[0];
}

// The listed cells by their numbers, region after region: list.cells [total]. Every block adds up
// the counts [B,regions] before it.
//   launch  B*regions blocks x 256 threads;  shared: 256 bytes
//   moves   8 bytes a word of each plane and 4 a cell, does no flop
//   one barrier, in the sums over the block;  `within` may be `plane`, else nothing aliases
//   reference: cpu/step_forward.c, which goes through the cells
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 6))
    write_cells(const __grid_constant__ nca_cuda_grid grid, const uint32_t *__restrict__ plane,
                const uint32_t *__restrict__ within, const __grid_constant__ nca_cuda_list list)
{
    enum { REGIONS_BEFORE, HERE, SUMS };
    NCA_SHARED(int, warp_totals, [32 * SUMS]);
    const nca_region_rows at = nca_region_of(grid, blockIdx.x);
    const size_t first = nca_word_of(grid, at.sample, at.y0, 0);
    const int words = at.rows * grid.words, each = (words + blockDim.x - 1) / (int)blockDim.x;
    const int begin = min((int)threadIdx.x * each, words), end = min(begin + each, words);
    int count[SUMS] = {}, before[SUMS], total[SUMS];
    for (int i = threadIdx.x; i < (int)blockIdx.x; i += blockDim.x)
        count[REGIONS_BEFORE] += list.counts[i];
    for (int i = begin; i < end; i++)
        count[HERE] += __popc(listed_word(plane, within, first + i));
    nca_block_prefix(count, warp_totals, before, total);
    uint32_t *to = list.cells + total[REGIONS_BEFORE] + before[HERE];
    for (int i = begin; i < end; i++) {
        const int y = at.y0 + i / grid.words, x = i % grid.words * 32;
        for (uint32_t left = listed_word(plane, within, first + i); left; left &= left - 1)
            *to++ = (uint32_t)nca_cell_of(grid, at.sample, y, x + __ffs((int)left) - 1);
    }
    if (blockIdx.x == gridDim.x - 1 && threadIdx.x == 0)
        *list.total = total[REGIONS_BEFORE] + total[HERE];
}

cudaError_t nca_cuda_list_cells(const nca_cuda_grid *grid, const uint32_t *plane,
                                const uint32_t *within, const nca_cuda_list *list,
                                cudaStream_t stream)
{
    const cudaError_t error = NCA_LAUNCH(count_cells, blocks_of(grid, 1), dim3(THREADS), 0, stream,
                                         *grid, plane, within, list->counts);
    return error != cudaSuccess ? error
                                : NCA_LAUNCH(write_cells, blocks_of(grid, 1), dim3(THREADS), 0,
                                             stream, *grid, plane, within, *list);
}

// The cells of a plane that a rule owns: owned [B,H,words], a word a thread.
//   launch  ceil(B*H*words/256) blocks x 256 threads;  shared: none
//   moves   12 bytes a word and 4 a cell, does no flop
//   no barrier;  nothing aliases;  reference: cpu/owners.c
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    own_cells(const __grid_constant__ nca_cuda_grid grid, const float *__restrict__ owner,
              float rule, const uint32_t *__restrict__ plane, const uint32_t *__restrict__ within,
              uint32_t *__restrict__ owned)
{
    const size_t word = (size_t)blockIdx.x * blockDim.x + threadIdx.x;
    if (word >= nca_cuda_plane(&grid))
        return;
    const size_t line = word / grid.words;
    const int first = 32 * (int)(word % grid.words);
    uint32_t bits = 0;
    for (int x = 0; x < min(32, grid.width - first); x++)
        bits |= (uint32_t)(owner[line * grid.width + first + x] == rule) << x;
    owned[word] = bits & listed_word(plane, within, word);
}

cudaError_t nca_cuda_own_cells(const nca_cuda_grid *grid, const float *owner, int rule,
                               const uint32_t *plane, const uint32_t *within, uint32_t *owned,
                               cudaStream_t stream)
{
    const unsigned blocks = (unsigned)((nca_cuda_plane(grid) + THREADS - 1) / THREADS);
    return NCA_LAUNCH(own_cells, dim3(blocks), dim3(THREADS), 0, stream, *grid, owner, (float)rule,
                      plane, within, owned);
}

// counted [B,regions] += the counts of the list.
//   launch  ceil(B*regions/32) blocks x 32 threads;  shared: none
//   moves   20 bytes a region, does no flop;  no barrier;  nothing aliases
//   reference: cpu/rollout.c
static __global__ void __launch_bounds__(32, nca_blocks_min(32, 32))
    count_listed(int regions, const int *__restrict__ counts, uint64_t *__restrict__ counted)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < regions)
        counted[i] += (uint64_t)counts[i];
}

cudaError_t nca_cuda_count_listed(const nca_cuda_grid *grid, const nca_cuda_list *list,
                                  uint64_t *counted, cudaStream_t stream)
{
    const unsigned regions = blocks_of(grid, 1).x;
    return NCA_LAUNCH(count_listed, dim3((regions + 31) / 32), dim3(32), 0, stream, (int)regions,
                      list->counts, counted);
}
