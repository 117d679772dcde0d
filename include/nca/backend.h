// THE SEAM between the host, which owns the algorithm, and the backends, which own the arithmetic.
//
// A backend is a const struct of functions over two things: a device (threads, streams, handles)
// and a session (everything one training run or one evaluation keeps on the device: parameters,
// gradient, optimizer state, pool, batch, tape, targets). The seam is a whole rollout wide, so a
// backend may fuse steps, capture a graph or keep states on the chip; only row numbers, parameters
// and reports cross it.
//
// A session has R rules side by side, each with B samples: sample b of the session belongs to rule
// b / B. On the CPU and on the fused path a rule gets the same bits as in a session of its own.
//
// Or the rules share B samples, as an adversary and its victim do: every cell has an owner, the
// rule that moves it. A cell is moved by one rule alone, so one rollout and one set of fire bits
// serve all of them; every rule gets its gradient. The CPU, the reference and cuBLAS compute this.
//
// The contract, for every backend:
//   * Order. Calls on a session act as if done one after the other. They may return before the
//     work is done; what they report through pointers (reports, downloads) is filled when
//     `synchronize` returns at the latest, and those pointers stay valid until then. A backend that
//     works synchronously fills them at once.
//   * One thread at a time uses a device and its sessions.
//   * Determinism. The same calls on the same device give the same bits, for any number of threads.
//   * Randomness. Fire bits are those of nca/rng.h; nothing else is drawn behind the seam.
//   * Ownership. Arguments are the caller's, unchanged. A session is destroyed before its device.
//   * Failure. A call that fails leaves parameters, optimizer state and pool as they were; the
//     batch may be lost.
//
// One step of the rule, for the cells of one grid, from state x to x' (Mordvintsev et al. 2020):
//   perception  p = (x, cos a gx - sin a gy, sin a gx + cos a gy), where gx and gy are the
//               cross-correlation of each channel with [[-1,0,1],[-2,0,2],[-1,0,1]]/8 and with its
//               transpose, zero outside the grid
//   update      u = x + step_size * fire * (W2 relu(W1 p + b1) + b2)
//   alive       the largest alpha in the 3x3 neighbourhood is above the threshold, in x AND in u
//               (before dead cells are cleared)
//   result      x' = alive ? u : 0, in all channels
// This is the rule whose nca_spec sets only its sizes; nca/spec.h has the others. Noise adds a
// normal draw to each number that the network puts out (nca/rng.h). No gradient flows through fire,
// alive or noise. A backend may leave out whatever cannot change x': it need not compute dead
// cells, except the alpha of their update where it decides whether a neighbour is alive in u.
#ifndef NCA_BACKEND_H
#define NCA_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "nca/api.h"
#include "nca/rng.h"
#include "nca/spec.h"
#include "nca/status.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nca_device nca_device;     // of one backend; opaque
typedef struct nca_session nca_session;   // of one device; opaque

// How a device is opened. All zero: the device chooses.
typedef struct nca_device_options {
    int threads;       // CPU threads; 0: one for each core this process may use
    int number;        // which of several devices of the kind
    const char *isa;   // caps the instruction set, one of the variants; NULL: $NCA_CPU_ISA
    // Of GPUs alone; other devices refuse them.
    const char *cuda_path;   // what computes the network: "fused" kernels, "cublas", or "auto" (and
                             // NULL), which is fused where the sizes allow it
    // Of the network's products: "f32" (and NULL), which every device takes; "bf16" and "tf32",
    // which round the factors to 8 and 11 significant bits: bf16 where GPU or processor multiplies
    // it, tf32 on GPUs; "bf16x3", whose factors are a high and a low bf16, on processors with AMX;
    // "auto", bf16 where that is fast and f32 elsewhere. Sums are f32 in all of them. The variant
    // "rounding" computes each on any processor, for tests.
    // docs/precision.md has where two devices round differently.
    const char *precision;
    int tape_every;   // the tape keeps every Nth state and the backward pass computes those
                      // between again; 0: as dense as memory allows
} nca_device_options;

// The precision that a device chooses: bf16 where that is fast, else f32.
#define NCA_PRECISION_AUTO "auto"

// What a device is.
typedef struct nca_device_info {
    char name[128];          // the processor's own name
    char variant[32];        // what runs there: "avx2", "reference", "fused" ...
    char arithmetic[32];     // variants that give the same bits share it; names the precision,
                             // unless f32 or f64; empty: the variant, or what nca_session_info says
    char precision[16];      // what the network's factors are rounded to; empty: f64
    int threads;             // that compute; 0: not counted in threads (a GPU)
    size_t memory_bytes;     // that sessions may use
    bool uses_host_memory;   // sessions lie in the memory of the host
} nca_device_info;

// Whether the network's products are computed in less than f32.
static inline bool nca_precision_is_reduced(const nca_device_info *info)
{
    return *info->precision && strcmp(info->precision, "f32") != 0;
}

// What the loss of a sample is, and so the gradient of the state after a rollout. The loss of a
// batch is the mean over its samples.
typedef enum nca_objective_kind {
    NCA_MEAN_SQUARED,    // mean over the cells and channels of (x - target)^2
    NCA_HALF_SQUARED,    // half the sum over them
    NCA_CROSS_ENTROPY,   // mean over the cells of -log softmax(x)[label]
    NCA_GIVEN,           // 0; the caller uploads the gradients of kept states instead
} nca_objective_kind;

// Which cells the loss is taken over.
typedef enum nca_objective_cells {
    NCA_CELLS_ALL,
    NCA_CELLS_ALIVE,   // those that the spec calls alive, by the state itself
} nca_objective_cells;

// What a batch is compared with, and how.
typedef struct nca_objective {
    nca_objective_kind kind;
    nca_objective_cells cells;   // the loss is taken over
    int first, count;            // channels it is taken over; count 0: the visible four
    bool is_per_sample;          // a target for each sample instead of one for all
} nca_objective;

static inline int nca_objective_channels(const nca_objective *objective)
{
    return objective->count > 0 ? objective->count : NCA_VISIBLE;
}

// The sizes of a session; fixed for its life. 0 where it has no pool, no tape, or none of the last
// four.
typedef struct nca_shape {
    int batch;        // B, of each rule
    int height;       // H
    int width;        // W
    int pool;         // N, of each rule
    int tape_steps;   // longest rollout whose backward pass may be asked for; 0: of none
    nca_spec spec;    // what the cells compute
    nca_objective objective;
    int rules;                     // R; 0: one
    bool shares_samples;           // all rules move the same B samples, each the cells it owns
    int beginnings;                // states to gather from besides the pool; they lie after it
    int kept;                      // states that a rollout may keep
    bool keeps_sample_gradients;   // NCA_SAMPLE_GRADIENTS
} nca_shape;

// The sizes of a session that grows, as an initializer in C.
#define NCA_GROWING_SHAPE(b, h, w, n, t, c, k)                                     \
    {                                                                              \
        .batch = (b), .height = (h), .width = (w), .pool = (n), .tape_steps = (t), \
        .spec = NCA_GROWING(c, k)                                                  \
    }

static inline int nca_shape_rules(const nca_shape *shape)
{
    return shape->rules > 0 ? shape->rules : 1;
}

// How many sets of B samples there are, each with a pool and a rollout of its own.
static inline int nca_shape_sets(const nca_shape *shape)
{
    return shape->shares_samples ? 1 : nca_shape_rules(shape);
}

// Samples of the session, R*B; B where the rules share them.
static inline int nca_shape_samples(const nca_shape *shape)
{
    return nca_shape_sets(shape) * shape->batch;
}

enum { NCA_OWNERS_MAX = 4 };   // rules that may share samples

enum { NCA_ARITHMETIC_BYTES = 128 };

// What a backend chose by itself for a session.
typedef struct nca_session_info {
    char variant[32];   // what computes it, where the device's own leaves that open: "fused"
    int tape_every;     // the tape keeps every Nth state; 1: all of them
    // What decides the last bits, in words: sessions that share it give the same ones.
    char arithmetic[NCA_ARITHMETIC_BYTES];
} nca_session_info;

// What can be uploaded and downloaded, all f32 in the layout of nca/tensor.h and nca/spec.h.
//   P = nca_layout_of(&spec).total, S = NCA_OPTIMIZER_BLOCKS, V the objective's channels
//   R*B and R*N stand for B and N where the rules share their samples
typedef enum nca_buffer {
    NCA_PARAMETERS,         // [R,P]
    NCA_GRADIENT,           // [R,P]    d(mean loss over B) / d parameters, before any transform; of
                            // the mixing matrix made symmetric: (d + its transpose) / 2
    NCA_SAMPLE_GRADIENTS,   // [R*B,P]  the share of each sample, where the session keeps them
                            // and rules do not share samples
    NCA_OPTIMIZER,          // [R,S,P]  state, opaque to all but the optimizer; all zero at first
    NCA_BATCH,              // [R*B,H,W,C]  the states a rollout reads and replaces
    NCA_BATCH_GRADIENT,     // [R*B,H,W,C]  d(mean loss) / d(first state); download only
    NCA_POOL,               // [R*N + beginnings,H,W,C]
    NCA_TARGET,             // [1 or R*B,H,W,V]
    NCA_LABELS,             // [R*B]  class of each sample, a whole number 0..V-1
    NCA_OWNER,              // [B,H,W]  which rule moves a cell, a whole number 0..R-1
    NCA_KEPT,               // [kept,R*B,H,W,C]  states that the latest rollout kept; download only
    NCA_KEPT_GRADIENT,      // [kept,R*B,H,W,C]  given d(mean loss) / d(those states)
    NCA_BUFFERS,
} nca_buffer;

enum { NCA_OPTIMIZER_BLOCKS = 2 };   // S of the largest optimizer

// Elements of a buffer.
static inline size_t nca_buffer_elements(const nca_shape *shape, nca_buffer buffer)
{
    const size_t rules = (size_t)nca_shape_rules(shape), samples = (size_t)nca_shape_samples(shape);
    const size_t sets = (size_t)nca_shape_sets(shape);
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    const size_t state = cells * (size_t)shape->spec.channels;
    const size_t parameters = nca_layout_of(&shape->spec).total;
    const nca_objective *objective = &shape->objective;
    const size_t target = cells * (size_t)nca_objective_channels(objective);
    switch (buffer) {
    case NCA_PARAMETERS:
    case NCA_GRADIENT:
        return rules * parameters;
    case NCA_SAMPLE_GRADIENTS:
        return shape->keeps_sample_gradients ? samples * parameters : 0;
    case NCA_OPTIMIZER:
        return rules * NCA_OPTIMIZER_BLOCKS * parameters;
    case NCA_BATCH:
        return samples * state;
    case NCA_BATCH_GRADIENT:
        return shape->tape_steps > 0 ? samples * state : 0;
    case NCA_POOL:
        return (sets * (size_t)shape->pool + (size_t)shape->beginnings) * state;
    case NCA_TARGET:
        return objective->is_per_sample ? samples * target : target;
    case NCA_LABELS:
        return objective->kind == NCA_CROSS_ENTROPY ? samples : 0;
    case NCA_OWNER:
        return shape->shares_samples ? samples * cells : 0;
    case NCA_KEPT:
    case NCA_KEPT_GRADIENT:
        return (size_t)shape->kept * samples * state;
    case NCA_BUFFERS:
        break;
    }
    return 0;
}

// A part of the grid that is cleared, in cells. A cell (y, x) lies inside
//   the circle   where ((y - center_y) / radius_y)^2 + ((x - center_x) / radius_x)^2 < 1
//   the box      where top <= y < bottom and left <= x < right
typedef enum nca_region_kind { NCA_REGION_CIRCLE, NCA_REGION_BOX } nca_region_kind;

// A region. The numbers of the other kind are not read.
typedef struct nca_region {
    nca_region_kind kind;
    double center_y, center_x, radius_y, radius_x;
    int top, left, bottom, right;
} nca_region;

// What the rollout of one rule has of its own.
typedef struct nca_rule_rollout {
    int steps, first_step;
    nca_key key;
} nca_rule_rollout;

// A rollout: how many steps, and by which rule of a session.
typedef struct nca_rollout {
    int steps;                      // T >= 0
    int first_step;                 // number of the first step in the counters of random bits
    nca_key key;                    // of the random bits
    const nca_rule_rollout *each;   // [R] instead of those three; NULL: all rules have them, as
                                    // rules that share samples always do
    int first_sample;               // number of each rule's sample 0 in those counters
    int samples;                    // that the means are over; 0: B
    const int *kept;    // [kept of the shape] steps after which states are kept, 0 or more, rising;
                        // NULL: none. Beyond a rule's own T its last state is kept
    double fire_rate;   // 0..1
    double angle;       // a, in RADIANS
    double step_size;   // multiplies the update
    double alive_threshold;   // NCA_ALIVE_THRESHOLD but in tests; 0 or more, so that a clear cell
                              // makes no other alive
    const uint8_t *fire;      // [T,R*B,H,W] given bits; NULL: those of nca/rng.h
    bool keep_tape;           // a backward pass follows; tape_steps >= 1, and T <= tape_steps
    bool measure;             // fill the times of the reports: the clock is read often
} nca_rollout;

// What a pass did, for progress lines and benchmarks.
typedef struct nca_pass_report {
    uint64_t cell_steps;     // samples * H * W * T, of all rules
    uint64_t active_cells;   // of them those whose MLP was computed
    uint64_t mlp_flop;       // of the MLP's products
    double mlp_seconds;      // spent in them, summed over threads; 0 unless measured
} nca_pass_report;

// What a sample is like after a rollout.
typedef struct nca_sample_report {
    double loss;        // by the objective; not clipped
    double max_state;   // largest |x| of all channels; infinite or NaN where any is
    int alive_cells;    // whose own alpha, or `alive_channel`, is above the threshold; or all
} nca_sample_report;

// What is done to a gradient before the optimizer takes it.
typedef enum nca_transform_kind {
    NCA_GRADIENT_NORMALIZE,   // divide each tensor by (its L2 norm + 1e-8)
    NCA_GRADIENT_CLIP,        // clamp every element to +-value
    NCA_GRADIENT_GLOBAL,      // scale all so that the L2 norm over all tensors is at most value
} nca_transform_kind;

enum { NCA_TRANSFORMS_MAX = 4 };

// How a rule follows its gradient.
typedef enum nca_optimizer_kind { NCA_ADAM } nca_optimizer_kind;

// Which parameters an update moves; the gradient of the others counts as zero.
typedef enum nca_moved {
    NCA_MOVED_ALL,
    NCA_MOVED_MIX,    // the matrix of spec.mix_bound alone
    NCA_MOVED_RULE,   // all but that
} nca_moved;

static inline bool nca_is_moved(nca_moved moved, int tensor)
{
    return moved == NCA_MOVED_ALL || (tensor == NCA_MIX) == (moved == NCA_MOVED_MIX);
}

// What the update of one rule has of its own.
typedef struct nca_rule_update {
    int64_t time;
    double rate;
    bool apply;   // false: the rule stays as it is
} nca_rule_update;

// One update of the rules of a session.
typedef struct nca_optimizer_step {
    nca_optimizer_kind kind;
    int64_t time;   // t, 1 at the first update
    double rate;
    const nca_rule_update *each;    // [R] instead of those two; NULL: all rules have them
    double beta1, beta2, epsilon;   // of Adam
    nca_moved moved;
    int transforms;   // of the gradient, applied in this order
    struct {
        nca_transform_kind kind;
        double value;
    } transform[NCA_TRANSFORMS_MAX];
} nca_optimizer_step;

// What an update did to one rule.
typedef struct nca_update_report {
    double gradient_norm[NCA_TENSORS];   // L2 norm of each raw gradient; not finite where it is not
    double parameter_max;                // largest |parameter| after the update; the same holds
    bool applied;                        // false: nothing changed; a gradient is beyond f32
} nca_update_report;

// What computes: the table of functions that a backend exports.
typedef struct nca_backend {
    const char *name;          // as in --device
    const char *description;   // one line for `nca info`
    // What nca_device_options.isa may ask for in f32, from the plainest on, whether this machine
    // has it or not; ended by NULL. NULL where there is nothing to choose.
    const char *const *variants;
    // Writes every name that nca_device_options.isa may have: "scalar, avx2 or avx512". NULL where
    // there is nothing to choose.
    void (*list_isas)(char *text, size_t size);

    // -- Device -----------------------------------------------------------------------------------

    // NCA_ABSENT when the machine has no such device, NCA_DEVICE when it has one that cannot be
    // used or lacks the instruction set asked for, NCA_ARGUMENT for options out of range. `options`
    // may be NULL: all of them zero.
    nca_status (*open)(const nca_device_options *options, nca_device **out, nca_error *error);
    void (*close)(nca_device *device);   // accepts NULL
    void (*info)(const nca_device *device, nca_device_info *out);
    // Measures the device's own f32 multiply-add peak, in flop/s: of each of its threads (CPU), or
    // of the whole (GPU).
    double (*peak)(nca_device *device);
    // Measures the memory bandwidth, in bytes/s read and written, while the whole device streams
    // through more than the caches hold; 0 where that fails. NULL: never measured.
    double (*peak_bytes)(nca_device *device);

    // -- Session ----------------------------------------------------------------------------------

    // Bytes that create() would allocate for this shape; UINT64_MAX where that overflows.
    uint64_t (*session_bytes)(const nca_device *device, const nca_shape *shape);
    // Refuses what would not fit before it allocates: NCA_MEMORY, naming the bytes. All buffers
    // start as zero.
    nca_status (*create)(nca_device *device, const nca_shape *shape, nca_session **out,
                         nca_error *error);
    void (*destroy)(nca_session *session);   // accepts NULL
    // NULL where there is nothing to choose.
    void (*session_info)(const nca_session *session, nca_session_info *out);
    // Copies `count` elements from or to `first` of a buffer.
    nca_status (*upload)(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                         const float *from, nca_error *error);
    nca_status (*download)(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                           float *to, nca_error *error);

    // -- Pool and batch ---------------------------------------------------------------------------

    // gather: batch[b] = pool[rows[b]]; scatter: pool[rows[b]] = batch[b], in the order of b.
    //   rows   [R*B]; to gather 0..R*N+beginnings-1, to scatter 0..R*N-1
    nca_status (*gather)(nca_session *session, const int *rows, nca_error *error);
    nca_status (*scatter)(nca_session *session, const int *rows, nca_error *error);
    // Clears all channels of the cells inside the region.
    //   slot   the sample, 0..R*B-1, here and below
    nca_status (*damage)(nca_session *session, int slot, const nca_region *region,
                         nca_error *error);
    // Replaces the frozen channels of a sample and leaves the others, except in cells where the
    // first frozen channel is now at most `limit`: there they become zero. NULL: it cannot.
    //   values   [H,W,frozen]
    nca_status (*exchange)(nca_session *session, int slot, const float *values, double limit,
                           nca_error *error);

    // -- Rollout and learning ---------------------------------------------------------------------

    // The batch goes T steps forward. `report` may be NULL. NCA_ARGUMENT for a rollout out of the
    // ranges above.
    nca_status (*forward)(nca_session *session, const nca_rollout *rollout, nca_pass_report *report,
                          nca_error *error);
    // samples [R*B]: what the batch is like now, against the target.
    nca_status (*loss)(nca_session *session, nca_sample_report *samples, nca_error *error);
    // Gradient of the mean loss of the batch through the whole tape, into NCA_GRADIENT,
    // NCA_BATCH_GRADIENT and, where they are kept, NCA_SAMPLE_GRADIENTS. With NCA_GIVEN the
    // gradients in NCA_KEPT_GRADIENT are added at their steps. NCA_ARGUMENT unless the last forward
    // kept its tape and the batch is as it left it. `report` may be NULL.
    nca_status (*backward)(nca_session *session, nca_pass_report *report, nca_error *error);
    // Transforms of the gradient, then bias-corrected Adam, whose state is mean m and square v:
    //   p -= rate * m / (1 - beta1^t) / (sqrt(v / (1 - beta2^t)) + epsilon)
    //   report   [R]; may be NULL
    nca_status (*update)(nca_session *session, const nca_optimizer_step *step,
                         nca_update_report *report, nca_error *error);
    // Returns when all work is done and all reports are filled. Failures of calls that returned
    // early surface here.
    nca_status (*synchronize)(nca_session *session, nca_error *error);
} nca_backend;

// The backends of this build, ended by NULL. src/host/base/devices.c alone names them.
NCA_API const nca_backend *const *nca_backends(void);

// An opened device with its functions.
typedef struct nca_compute {
    const nca_backend *backend;
    nca_device *device;
    char passed_over[400];   // what "auto" found before it and cannot use, and why; empty: nothing
} nca_compute;

// Opens `name` ("auto", "cpu", "reference", "cuda:1" ...). The caller closes it.
NCA_API nca_status nca_compute_open(const char *name, const nca_device_options *options,
                                    nca_compute *out, nca_error *error);
NCA_API void nca_compute_close(nca_compute *compute);

#ifdef __cplusplus
}
#endif
#endif
