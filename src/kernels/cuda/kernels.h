// What the host part of the CUDA backend and its kernels both see: sizes, what a step works on, and
// the launchers. Plain C that also parses as C++.
//
// Masks are planes of bits, [B,H,words] u32 with bit x % 32 of word x / 32 for column x; bits
// beyond the width are 0. The words for them, of a cell and a step from state 0 to state 1:
//   mature    alpha of its state is above the threshold, before dead cells are cleared; by a life
//             channel that channel is, and where every cell lives all are
//   settled   its state is what its slot of the tape says; elsewhere the state is zero
//   alive     a cell that is settled and mature lies within its 3x3 neighbourhood before the step
//   fire      it is updated in this step if it is alive: drawn by chance, or given
//   stay      settled and mature, and does not fire: it is mature after the step, whatever happens
//   risk      alive, and none of its 3x3 neighbourhood stays: it may die in this step
//   active    alive, and fires: its state changes by what its network says
//   listed    its network is computed: active, or dead, firing and next to a cell at risk
//   learning  active, and settled after the step: the gradient goes through its network
//   senders   the learning cells of the step after this one: each sent gradients to the cells
//             around it
// Where no cell dies, by a life channel or everywhere, all cells are settled, the mature ones are
// alive, and none stays, is at risk or is listed but the active ones.
//
// A slot of the tape holds u, the state before dead cells are cleared, and only where it can
// matter. So a step needs no pass of its own that clears: the next one looks at `settled`, which it
// finds from `alive` of the step before and its own `mature`.
#ifndef NCA_CUDA_KERNELS_H
#define NCA_CUDA_KERNELS_H

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/backend.h"

#ifdef __CUDACC__
#define NCA_BOTH_SIDES __host__ __device__
#else
#define NCA_BOTH_SIDES
#endif

#ifdef __cplusplus
extern "C" {
#endif

// Of the network's products.
typedef enum nca_cuda_precision { NCA_CUDA_F32, NCA_CUDA_TF32, NCA_CUDA_BF16 } nca_cuda_precision;

// Sizes of a session. A region is some whole rows of one sample, whose masks one block can hold.
typedef struct nca_cuda_grid {
    int batch, height, width, channels, hidden;
    int words;         // of a row of a plane
    int region_rows;   // of a region; the last of a sample may have fewer
    int regions;       // of a sample
    bool sums;         // gradients are those of the sum over channels: perception `summed`
} nca_cuda_grid;

NCA_BOTH_SIDES static inline size_t nca_cuda_cells(const nca_cuda_grid *grid)
{
    return (size_t)grid->batch * (size_t)grid->height * (size_t)grid->width;
}

NCA_BOTH_SIDES static inline size_t nca_cuda_plane(const nca_cuda_grid *grid)
{
    return (size_t)grid->batch * (size_t)grid->height * (size_t)grid->words;
}

// What changes from rollout to rollout. It lies in device memory, so that a captured graph holds
// for every rollout of its length.
typedef struct nca_cuda_rollout {
    uint64_t seed;
    uint32_t update;
    uint32_t fire_threshold;
    int first_step;
    uint32_t first_sample;   // number of sample 0 in the counters
    int samples;             // that the means are over
    float cosine, sine;
    float step_size, alive_threshold;
    const uint8_t *fire;   // [T,B,H,W] given bits in device memory, or NULL
} nca_cuda_rollout;

// Parameters, as they are and, for the fused path, in the orders in which its kernels read them.
typedef struct nca_cuda_rule {
    const float *hidden_weight;   // [K,3C]
    const float *hidden_bias;     // [K]
    const float *output_weight;   // [C,K]
    const float *output_bias;     // [C], on the cuBLAS path [C - frozen]
    float *hidden_columns;        // [3C,K]: hidden_weight transposed
    float *output_columns;        // [K,C]: output_weight transposed
} nca_cuda_rule;

// One step forward.
typedef struct nca_cuda_step {
    nca_cuda_grid grid;
    const nca_cuda_rollout *rollout;
    nca_cuda_rule rule;
    int step;
    bool overlaps;          // its kernel may begin before the launch before it has ended
    bool counts;            // add to `counted`: not where a thinned tape is computed again
    const float *before;    // [B,H,W,C] slot of the tape
    float *after;           // the next
    const uint32_t *fire;   // planes of this step
    const uint32_t *mature;
    const uint32_t *alive_last;   // of the step before; NULL: all cells of `before` are settled
    uint32_t *settled, *alive, *active;
    uint32_t *listed;        // cells whose network is computed
    uint32_t *mature_next;   // of `after`; zero before the step
    // The plane after mature_next, which becomes zero. NULL where a step is computed again, for the
    // planes of the steps after it are still needed.
    uint32_t *mature_clear;
    uint64_t *counted;   // [B,regions] active cells of all steps so far
} nca_cuda_step;

// One step backward. Index 1 is the state after the step, 2 the one after that.
typedef struct nca_cuda_step_backward {
    nca_cuda_grid grid;
    const nca_cuda_rollout *rollout;
    nca_cuda_rule rule;
    bool overlaps;             // as above
    bool is_last;              // of the rollout: `gradient` is that of the loss, for every cell
    const float *before;       // [B,H,W,C] slot of the tape
    const uint32_t *settled;   // of `before`
    const uint32_t *active;    // of this step
    const uint32_t *settled1;
    const uint32_t *active1;   // unused where is_last
    const uint32_t *settled2;
    float *gradient;     // [B,H,W,C] in: d loss / d state 2; out: d loss / d state 1
    const float *dp1;    // [B,H,W,G,C] what the step after this one sends to its neighbours
    float *dp;           // the same of this step
    float *sums;         // [B,blocks,P] of the fused path; overwritten where is_last
    uint64_t *counted;   // [B,regions]
} nca_cuda_step_backward;

// The channel that makes a cell mature by being above the threshold; negative: all cells are.
static inline int nca_cuda_life_channel(const nca_spec *spec)
{
    return spec->alive == NCA_ALIVE_EVERYWHERE ? -1
           : spec->alive == NCA_ALIVE_CHANNEL  ? spec->alive_channel
                                               : (int)NCA_ALPHA;
}

// Whether a step clears the cells that are dead after it.
static inline bool nca_cuda_clears(const nca_spec *spec)
{
    return spec->alive == NCA_ALIVE_MAXIMUM;
}

// A compacted list of cells of the whole batch, in their order.
typedef struct nca_cuda_list {
    uint32_t *cells;   // [B*H*W]
    int *counts;       // [B,regions]
    int *total;        // in pinned memory
} nca_cuda_list;

// A state that is looked at, and which of its cells are settled.
typedef struct nca_cuda_seen {
    const float *state;        // [B,H,W,C]
    const uint32_t *settled;   // [B,H,words]
} nca_cuda_seen;

// fire.cu: planes of the fire bits of steps first..first+count-1, one after the other.
cudaError_t nca_cuda_fire(const nca_cuda_grid *grid, const nca_cuda_rollout *rollout, int first,
                          int count, uint32_t *planes, cudaStream_t stream);

// masks.cu: of the spec they look at what makes a cell alive.
// A region is shared by `blocks_per_region` blocks, here and below: one block would leave most of
// the device idle.
// Before the first step: copies the batch into a slot, finds which cells are mature, clears counts.
cudaError_t nca_cuda_prepare(const nca_cuda_step *step, const nca_spec *spec, int blocks_per_region,
                             const float *batch, cudaStream_t stream);
// After the last, or wherever a state is kept: `settled` of the state before `step`, and `out`
// [B,H,W,C] is that state without dead cells.
cudaError_t nca_cuda_finish(const nca_cuda_step *step, const nca_spec *spec, int blocks_per_region,
                            float *out, cudaStream_t stream);
// Masks of a step and what happens to cells without network, region by region. Where no cell dies
// it does not count: nca_cuda_count_listed() does.
cudaError_t nca_cuda_masks(const nca_cuda_step *step, const nca_spec *spec, int blocks_per_region,
                           cudaStream_t stream);
// Lists a plane, cleared where `within` is 0 (NULL: nowhere).
cudaError_t nca_cuda_list_cells(const nca_cuda_grid *grid, const uint32_t *plane,
                                const uint32_t *within, const nca_cuda_list *list,
                                cudaStream_t stream);
// owned = `plane`, cleared where `within` is 0 (NULL: nowhere) and where a rule owns no cell.
//   owner   [B,H,W] numbers of rules
cudaError_t nca_cuda_own_cells(const nca_cuda_grid *grid, const float *owner, int rule,
                               const uint32_t *plane, const uint32_t *within, uint32_t *owned,
                               cudaStream_t stream);
// counted += the counts of the list.
cudaError_t nca_cuda_count_listed(const nca_cuda_grid *grid, const nca_cuda_list *list,
                                  uint64_t *counted, cudaStream_t stream);
size_t nca_cuda_masks_shared_bytes(const nca_cuda_grid *grid);

// perceive.cu: of the spec it looks at the perception, of G groups of C numbers. Some cells of a
// list, `cells` [count].
// p [count,G,C] of the cells; the step's `settled` has been made.
cudaError_t nca_cuda_perceive(const nca_cuda_grid *grid, const nca_spec *spec,
                              const nca_cuda_rollout *rollout, const nca_cuda_seen *seen,
                              const uint32_t *cells, int count, float *p, cudaStream_t stream);
// Gradient of state 1 of every settled cell, from `gradient` and `dp1`.
cudaError_t nca_cuda_gather_gradient(const nca_cuda_step_backward *step, const nca_spec *spec,
                                     int blocks_per_region, cudaStream_t stream);
// dp [count,G,C] of the listed cells, rotated, into the dp of the step.
cudaError_t nca_cuda_spread_gradient(const nca_cuda_step_backward *step, const nca_spec *spec,
                                     const uint32_t *cells, int count, const float *dp,
                                     cudaStream_t stream);
// After the first step: the gradient of the state before the rollout.
cudaError_t nca_cuda_batch_gradient(const nca_cuda_step_backward *step, const nca_spec *spec,
                                    int blocks_per_region, float *out, cudaStream_t stream);

// mlp.cu: what stands between the matrix products of the cuBLAS path, and for the fused path the
// weights in another order. Of the spec it looks at frozen channels, noise, and what dies.
cudaError_t nca_cuda_pack_rule(const nca_cuda_grid *grid, const nca_cuda_rule *rule,
                               cudaStream_t stream);
// hidden [count,units] = relu(hidden + bias)
cudaError_t nca_cuda_hidden_relu(int count, int units, const float *bias, float *hidden,
                                 cudaStream_t stream);
// Adds step_size * (out + bias + noise) to the channels of the listed cells that are not frozen:
// out [count,C - frozen].
cudaError_t nca_cuda_apply(const nca_cuda_step *step, const nca_spec *spec, const uint32_t *cells,
                           int count, const float *out, cudaStream_t stream);
// dout [count,C - frozen] = step_size * gradient of the listed cells.
cudaError_t nca_cuda_apply_backward(const nca_cuda_step_backward *step, const nca_spec *spec,
                                    const uint32_t *cells, int count, float *dout,
                                    cudaStream_t stream);
// dhidden [count,units] becomes 0 where hidden is not positive.
cudaError_t nca_cuda_hidden_relu_backward(int count, int units, const float *hidden, float *dhidden,
                                          cudaStream_t stream);
// sums [columns] += the sum over the rows of x [count,columns].
cudaError_t nca_cuda_add_columns(int count, int columns, const float *x, float *sums,
                                 cudaStream_t stream);

// mix.cu: a state and what a matrix makes of it before a step.
typedef struct nca_cuda_mixing {
    const float *matrix;    // [C,C]
    float bound;            // of what comes out
    const float *unmixed;   // [B,H,W,C] without dead cells
    float *mixed;           // [B,H,W,C]
    uint32_t *mature;       // [B,H,words] of `mixed`
} nca_cuda_mixing;
// Fills `mixed`, and `mature`, which is zero before. Of the spec it looks at what makes a cell alive.
cudaError_t nca_cuda_mix(const nca_cuda_grid *grid, const nca_spec *spec,
                         const nca_cuda_rollout *rollout, const nca_cuda_mixing *mixing,
                         cudaStream_t stream);
// `mixed` becomes the gradient of the product before it was clipped; `gradient` [B,H,W,C] is that of
// `mixed`, and counts where a cell is settled.
cudaError_t nca_cuda_clip_backward(const nca_cuda_grid *grid, const nca_cuda_mixing *mixing,
                                   const uint32_t *settled, const float *gradient,
                                   cudaStream_t stream);
// gradient [B,H,W,C] of the state that was mixed, from that of the product, in `mixed`.
cudaError_t nca_cuda_mix_backward(const nca_cuda_grid *grid, const nca_cuda_mixing *mixing,
                                  float *gradient, cudaStream_t stream);
// matrix [C,C] becomes the mean of itself and its transpose.
cudaError_t nca_cuda_make_symmetric(int channels, float *matrix, cudaStream_t stream);

// fused.cu: one kernel a step, for 16 channels and 128 hidden units.
// Whether it can do sessions of this grid with so much shared memory a block.
bool nca_cuda_fused_fits(const nca_cuda_grid *grid, nca_cuda_precision precision,
                         size_t shared_bytes_max);
// Allows the kernels the shared memory that sessions of any grid need. Sets whether their launches
// may overlap, which takes kernels that were compiled for 9.0 or newer.
cudaError_t nca_cuda_fused_prepare(nca_cuda_precision precision, size_t shared_bytes_max,
                                   bool *overlaps);
cudaError_t nca_cuda_fused_forward(const nca_cuda_step *step, nca_cuda_precision precision,
                                   int blocks_per_region, cudaStream_t stream);
cudaError_t nca_cuda_fused_backward(const nca_cuda_step_backward *step,
                                    nca_cuda_precision precision, int blocks_per_region,
                                    cudaStream_t stream);
// gradient [P] = the sum over the samples of `blocks` partial sums each, in their order.
cudaError_t nca_cuda_reduce_sums(const nca_cuda_grid *grid, const float *sums, int blocks,
                                 float *gradient, cudaStream_t stream);

// loss.cu
enum { NCA_CUDA_LOSS_PARTS = 16 };
typedef struct nca_cuda_loss_part {
    double sum;         // of the terms of the loss
    uint32_t largest;   // pattern of the largest |x|
    int alive_cells;
    int counted_cells;   // by the objective
} nca_cuda_loss_part;
// An objective, and what a state is judged by.
typedef struct nca_cuda_judge {
    nca_objective objective;
    int channels;                // V of the objective
    int life_channel;            // nca_cuda_life_channel() of the spec
    bool spreads_life;           // to the 3x3 neighbourhood of a mature cell
    const float *target;         // [1 or B,H,W,V]
    const float *labels;         // [B]
    nca_cuda_loss_part *parts;   // [B,NCA_CUDA_LOSS_PARTS], scratch
} nca_cuda_judge;
// reports [B] of batch [B,H,W,C].
cudaError_t nca_cuda_loss(const nca_cuda_grid *grid, const nca_cuda_judge *judge,
                          const float *batch, nca_sample_report *reports, cudaStream_t stream);
// gradient [B,H,W,C] of the mean loss of batch [B,H,W,C]; zero where the caller gives gradients.
cudaError_t nca_cuda_loss_backward(const nca_cuda_grid *grid, const nca_cuda_judge *judge,
                                   const nca_cuda_rollout *rollout, const float *batch,
                                   float *gradient, cudaStream_t stream);
// gradient [B,H,W,C] += given
cudaError_t nca_cuda_add_given(const nca_cuda_grid *grid, const float *given, float *gradient,
                               cudaStream_t stream);

// pool.cu: pool [N,H,W,C], batch [B,H,W,C]; what each does is said at its twin in nca/backend.h.
cudaError_t nca_cuda_gather(const nca_cuda_grid *grid, const float *pool, const int *rows,
                            float *batch, cudaStream_t stream);
cudaError_t nca_cuda_scatter(const nca_cuda_grid *grid, const float *batch, const int *rows,
                             float *pool, cudaStream_t stream);
cudaError_t nca_cuda_damage(const nca_cuda_grid *grid, int slot, const nca_region *region,
                            float *batch, cudaStream_t stream);
// values [H,W,frozen] lie in device memory.
cudaError_t nca_cuda_exchange(const nca_cuda_grid *grid, int slot, int frozen, const float *values,
                              double limit, float *batch, cudaStream_t stream);

// optimizer.cu
typedef struct nca_cuda_adam {
    nca_layout layout;
    nca_optimizer_step step;
    nca_rule_update own;
    double mean_bias, square_bias;   // 1 - beta^t
    bool stays[NCA_TENSORS];         // which tensors the update leaves
    float *parameters, *mean, *square;
    const float *gradient;
    double *scratch;   // [P]
} nca_cuda_adam;
// One update of the parameters and the optimizer's state in place; `report` lies in device memory.
cudaError_t nca_cuda_update(const nca_cuda_adam *adam, nca_update_report *report,
                            cudaStream_t stream);

// peak.cu: flop of one launch of `blocks` blocks.
cudaError_t nca_cuda_burn(int blocks, int rounds, float *sink, double *flop, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
