// What the files of the CPU backend share: device, session, and how a sample lies in memory.
#ifndef NCA_CPU_H
#define NCA_CPU_H

#include <stdbool.h>
#include <time.h>

#include "nca/front.h"
#include "ops.h"
#include "workers.h"

struct nca_device {
    nca_cpu_workers *workers;
    int variant;   // of nca_cpu_variants
    char name[128];
    size_t memory_bytes;
};

// Columns first..end-1 of a row; first >= end: none.
typedef struct nca_span {
    int first;
    int end;
} nca_span;

// The masks of a cell in one step.
enum { NCA_CELL_ALIVE = 1, NCA_CELL_FIRED = 2 };

// How far the tape of a band has come before a step.
typedef struct nca_cpu_mark {
    size_t changes;   // cells changed so far
    int chunks;       // chunks of cells that went through the network
} nca_cpu_mark;

// One sample of the batch. Planes are padded by one cell all around: [(H+2),(W+2)].
typedef struct nca_cpu_sample {
    float *states;        // [states,(H+2),(W+2),C], used as a ring
    nca_span *written;    // [states,H]: outside of it a state is zero
    int start, current;   // which of them began the latest rollout, and which is the batch now
    uint8_t *mature[2];   // alpha above the threshold, in the state of even and odd steps
    nca_span *ripe[2];    // [H+2]: where it is; rows -1 and H are always empty
    uint8_t *masks;       // [steps,(H+2),(W+2)] NCA_CELL_*, valid within `alive`
    float *unmixed;       // [steps,H,W,C] states before they are mixed, where the spec does that
    nca_span *alive;      // [steps,H]: cells alive before the step lie within
    float *gradient[2];   // [bands,(rows+2),(W+2),C]: a band's rows with one more above and below
    bool *spilled[2];     // [bands]: the band's block of that gradient is not all zero
    bool *merged[2];      // [bands]: a neighbour's spill was added to it
    float *sums;          // [bands,movers,sums_stride] d loss / d parameters: nca_cpu_gradient
    bool *summed;         // [bands]: the sums are not all zero
    float *units;         // [bands,kept_chunks,chunk_units] hidden units, for the way back
    float *changes;       // [bands,steps*band_rows*W,C] what cells were before steps changed them
    uint32_t *changed;    // [bands,steps*band_rows*W] which, within the band's padded rows
    nca_cpu_mark *mark;   // [steps+1,bands]
    uint64_t *active;     // [bands]: cells whose network was computed
    uint64_t *again;      // [bands]: cells whose hidden units were computed again on the way back
    nca_sample_report *report;   // [bands]
    size_t counted;              // cells that the loss is taken over
} nca_cpu_sample;

// What a thread works in.
typedef struct nca_cpu_scratch {
    uint32_t *cells;           // [rows * W] of a band
    uint32_t *owned;           // [rows * W] those of one rule, where rules share samples
    uint8_t *bits;             // [W + 64] fire bits of a row
    uint8_t *alive;            // [W] of a row
    float *p, *dp;             // [chunk,I]
    float *hidden, *dhidden;   // [chunk_units]
    float *out;                // [chunk,C]
    float *noise;              // [C]
    double mlp_seconds;
} nca_cpu_scratch;

struct nca_session {
    nca_session_head head;
    nca_device *device;
    int rules, samples;   // R, R*B or B
    int movers;           // rules that move a sample's cells: R where they share samples, else 1
    nca_cpu_ops ops;
    nca_layout layout;
    int bands, band_rows;   // the last band may be shorter
    bool keeps_changes;     // the tape is what steps change; else it is whole states
    int states, steps;      // of a sample: of the ring; of the tape, at least 1
    size_t row;             // floats between rows of a padded state
    size_t plane;           // cells of a padded plane
    size_t sums_stride;     // floats between the sums of two bands
    size_t chunk_units;     // floats that the hidden units of a chunk take
    int kept_chunks;        // chunks of a band whose hidden units are kept; the rest are recomputed
    void *memory;
    size_t memory_bytes;

    float *buffer[NCA_BUFFERS];     // NULL for the batch, which lies in the samples
    double *totals, *sample_sums;   // [P], scratch of reductions
    nca_cpu_rule *rule;             // [R]
    bool rules_are_stale;           // parameters have changed since they were packed
    nca_cpu_sample *sample;         // [R*B]
    nca_cpu_scratch *scratch;       // [threads]

    nca_rollout rollout;      // the latest
    nca_rule_rollout *each;   // [R] of it
    int *kept;                // [kept] of it
    nca_cpu_rotation rotation;
    uint32_t fire_threshold;
    float noise_scale;
};

// One of the rules that move a sample's cells, packed, and the sample's rollout.
static inline const nca_cpu_rule *nca_cpu_rule_of(const nca_session *session, int sample, int mover)
{
    return &session->rule[sample / session->head.shape.batch + mover];
}

static inline const nca_rule_rollout *nca_cpu_rollout_of(const nca_session *session, int sample)
{
    return &session->each[sample / session->head.shape.batch];
}

// The channel that makes a cell alive by being above the threshold; negative where all cells are.
static inline int nca_cpu_alive_channel(const nca_spec *spec)
{
    return spec->alive == NCA_ALIVE_EVERYWHERE ? -1
           : spec->alive == NCA_ALIVE_CHANNEL  ? spec->alive_channel
                                               : (int)NCA_ALPHA;
}

// The number of a sample in the counters of random bits.
static inline uint32_t nca_cpu_random_sample(const nca_session *session, int sample)
{
    return (uint32_t)(session->rollout.first_sample + sample % session->head.shape.batch);
}

// Whether slot i of the kept states is that of a sample after `step` steps.
static inline bool nca_cpu_is_kept(const nca_session *session, int i, int sample, int step)
{
    const int steps = nca_cpu_rollout_of(session, sample)->steps;
    return (session->kept[i] < steps ? session->kept[i] : steps) == step;
}

// Rows y0..y1-1 of a band.
static inline void nca_cpu_band_rows(const nca_session *session, int band, int *y0, int *y1)
{
    const int end = (band + 1) * session->band_rows;
    *y0 = band * session->band_rows;
    *y1 = end < session->head.shape.height ? end : session->head.shape.height;
}

// Which of the ring's states a sample has after `step` steps of the latest rollout.
static inline int nca_cpu_state_index(const nca_session *session, const nca_cpu_sample *sample,
                                      int step)
{
    return (sample->start + step) % session->states;
}

// The state that a step of the backward pass reads. Where the tape is changes, it is always the
// same one: steps are undone in the state before the last step.
static inline int nca_cpu_past_index(const nca_session *session, int number, int step)
{
    const int last = nca_cpu_rollout_of(session, number)->steps - 1;
    return nca_cpu_state_index(session, &session->sample[number],
                               session->keeps_changes ? last : step);
}

// Prefetches a state from the first to the last listed cell, and `margin` numbers on either side.
// Where they lie far apart it stops after eight cells for each one listed. Inlined by force: gcc
// drops calls of a function that only prefetches.
static inline __attribute__((always_inline)) void nca_cpu_prefetch(const float *state,
                                                                   size_t margin, size_t channels,
                                                                   const uint32_t *cells, int count)
{
    enum { LINE_FLOATS = 16 };
    const size_t first = cells[0], last = cells[count - 1], far = first + 8 * (size_t)count;
    const size_t end = ((last < far ? last : far) + 1) * channels + margin;
    for (size_t at = first * channels - margin; at < end; at += LINE_FLOATS)
        __builtin_prefetch(state + at);
}

static inline nca_cpu_mark *nca_cpu_mark_of(const nca_session *session,
                                            const nca_cpu_sample *sample, int step, int band)
{
    return &sample->mark[(size_t)step * (size_t)session->bands + (size_t)band];
}

// The first change of a band in its sample's arrays.
static inline size_t nca_cpu_first_change(const nca_session *session, int band)
{
    return (size_t)band * (size_t)session->steps * (size_t)session->band_rows *
           (size_t)session->head.shape.width;
}

static inline float *nca_cpu_state(const nca_session *session, const nca_cpu_sample *sample,
                                   int index)
{
    return sample->states +
           (size_t)index * session->plane * (size_t)session->head.shape.spec.channels;
}

// The cell (y, x) of a padded plane.
static inline size_t nca_cpu_cell(const nca_session *session, int y, int x)
{
    return (size_t)(y + 1) * (size_t)(session->head.shape.width + 2) + (size_t)(x + 1);
}

// What a band of a sample adds to for one of the rules that move its cells.
static inline float *nca_cpu_sums(const nca_session *session, const nca_cpu_sample *sample,
                                  int band, int mover)
{
    return sample->sums + (size_t)(band * session->movers + mover) * session->sums_stride;
}

static inline nca_cpu_gradient nca_cpu_band_sums(const nca_session *session,
                                                 const nca_cpu_sample *sample, int band, int mover)
{
    float *sums = nca_cpu_sums(session, sample, band, mover);
    return (nca_cpu_gradient){
        .hidden_columns = sums + session->layout.offset[NCA_HIDDEN_WEIGHT],
        .hidden_bias = sums + session->layout.offset[NCA_HIDDEN_BIAS],
        .output_weight = sums + session->layout.offset[NCA_OUTPUT_WEIGHT],
        .output_bias = sums + session->layout.offset[NCA_OUTPUT_BIAS],
        .hidden2_weight = sums + session->layout.offset[NCA_HIDDEN2_WEIGHT],
        .hidden2_bias = sums + session->layout.offset[NCA_HIDDEN2_BIAS],
    };
}

// Where the hidden units of chunk i of a band's rollout are kept; NULL: they are not.
static inline float *nca_cpu_kept_units(const nca_session *session, const nca_cpu_sample *sample,
                                        int band, int i)
{
    return i < session->kept_chunks
               ? sample->units + ((size_t)band * (size_t)session->kept_chunks + (size_t)i) *
                                     session->chunk_units
               : NULL;
}

// A band's block of the gradient of the state before even (0) or odd (1) steps.
static inline float *nca_cpu_band_gradient(const nca_session *session, const nca_cpu_sample *sample,
                                           int side, int band)
{
    return sample->gradient[side] + (size_t)band * ((size_t)session->band_rows + 2) * session->row;
}

// Seconds of a clock that only runs forward.
static inline double nca_cpu_now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// Does one band of one phase of one sample; see workers.h.
typedef void nca_cpu_band(void *session, int sample, int phase, int band, int worker);
nca_status nca_cpu_run(nca_session *session, int phases, nca_cpu_band *band, nca_error *error);

// variants.c: the instruction sets, each of which overwrites the kernels of those before it in f32
// and in its own precision.
typedef struct nca_cpu_variant {
    const char *name;
    const char *precision;        // what the network's factors are rounded to
    const char *arithmetic;       // as in nca_device_info
    bool only_named;              // taken only where it is named: slow, or for tests
    bool (*is_supported)(void);   // by this processor and operating system
    bool (*is_fast)(void);        // than f32, on this processor: `auto` takes bf16 only then
    void (*fill)(nca_cpu_ops *ops, const nca_spec *spec);
} nca_cpu_variant;
extern const nca_cpu_variant nca_cpu_variants[];    // ended by a row without a name
extern const char *const nca_cpu_variant_names[];   // of those in f32; ended by NULL
// The kernels of a variant, for a spec.
void nca_cpu_fill(int variant, nca_cpu_ops *ops, const nca_spec *spec);

// choose.c: the names of all variants, each once: "scalar, avx2 or avx512".
void nca_cpu_list_names(char *names, size_t size);
// The number of the variant that a device computes with. NCA_ARGUMENT for a name that is
// none, NCA_DEVICE for what this processor lacks.
nca_status nca_cpu_choose(const nca_device_options *options, int *out, nca_error *error);

// isa.c
bool nca_cpu_has_scalar(void);
bool nca_cpu_has_avx2(void);
bool nca_cpu_has_avx512(void);
bool nca_cpu_has_avx512bf16(void);
bool nca_cpu_has_fast_pairs(void);   // AVX-512 BF16 that is faster than f32
bool nca_cpu_has_amx(void);

// session.c
uint64_t nca_cpu_session_bytes(const nca_device *device, const nca_shape *shape);
nca_status nca_cpu_session_create(nca_device *device, const nca_shape *shape, nca_session **out,
                                  nca_error *error);
void nca_cpu_session_destroy(nca_session *session);

// buffers.c
nca_status nca_cpu_upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                          const float *from, nca_error *error);
nca_status nca_cpu_download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                            float *to, nca_error *error);
nca_status nca_cpu_gather(nca_session *session, const int *rows, nca_error *error);
nca_status nca_cpu_scatter(nca_session *session, const int *rows, nca_error *error);
nca_status nca_cpu_damage(nca_session *session, int slot, const nca_region *region,
                          nca_error *error);
nca_status nca_cpu_exchange(nca_session *session, int slot, const float *values, double limit,
                            nca_error *error);

// rollout.c
nca_status nca_cpu_forward(nca_session *session, const nca_rollout *rollout,
                           nca_pass_report *report, nca_error *error);
nca_status nca_cpu_backward(nca_session *session, nca_pass_report *report, nca_error *error);
// The gradient of the parameters: the bands of a sample, then samples, added in their order.
void nca_cpu_reduce_sums(nca_session *session);

// owners.c: cells of a sample's band, as numbers within its padded rows.
typedef struct nca_cpu_cells {
    const uint32_t *cells;
    int count;
} nca_cpu_cells;
// Those of the list that one of the sample's movers moves, in their order: all, or copied to
// `owned` where rules share samples.
//   y0   first row of the band
nca_cpu_cells nca_cpu_owned(const nca_session *session, int sample, int y0, nca_cpu_cells list,
                            int mover, uint32_t *owned);

// loss.c
nca_status nca_cpu_loss(nca_session *session, nca_sample_report *samples, nca_error *error);
// What a band adds to the report of its sample; an nca_cpu_band.
void nca_cpu_loss_band(void *session, int sample, int phase, int band, int worker);
// Fills a band's block of `gradient`, all zero, with d(mean loss) / d(state).
void nca_cpu_loss_backward(const nca_session *session, int sample, int band, float *gradient);
// Cells of each sample that count by the objective, for its means.
void nca_cpu_loss_count(nca_session *session);

// mix.c: a band of the state before a step, mixed in place; and of its gradient, likewise.
void nca_cpu_mix(nca_session *session, int sample, int step, int band);
void nca_cpu_mix_backward(nca_session *session, int sample, int step, int band, float *gradient);

// step_forward.c and step_backward.c: one band of one phase of a step; see there.
void nca_cpu_step_prepare(nca_session *session, int sample, int band);
// Which cells of the state before a step are mature.
void nca_cpu_step_look(nca_session *session, int sample, int step, int band);
void nca_cpu_step_update(nca_session *session, int sample, int step, int band, int worker);
void nca_cpu_step_settle(nca_session *session, int sample, int step, int band, int worker);
// Makes the state after a step that before it again, where the tape is what steps change.
void nca_cpu_step_undo(nca_session *session, int sample, int step, int band);
void nca_cpu_step_backward_begin(nca_session *session, int sample, int band);
void nca_cpu_step_backward(nca_session *session, int sample, int step, int band, int worker);
void nca_cpu_step_backward_end(nca_session *session, int sample, int band);

// optimizer.c
void nca_cpu_rules_pack(nca_session *session);
nca_status nca_cpu_update(nca_session *session, const nca_optimizer_step *step,
                          nca_update_report *report, nca_error *error);

// peak.c
double nca_cpu_peak(nca_device *device);
double nca_cpu_peak_bytes(nca_device *device);

#endif
