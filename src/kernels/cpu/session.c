// A session's memory: one block, laid out once to count its bytes and once to hand out its parts.
#include "cpu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

// Under AddressSanitizer a poisoned gap follows each piece and its slack.
#if !defined(__has_feature)
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
enum { GAP_BYTES = 256 };
#else
#define ASAN_POISON_MEMORY_REGION(from, bytes) ((void)(from), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(from, bytes) ((void)(from), (void)(bytes))
enum { GAP_BYTES = 0 };
#endif

enum { ALIGN_BYTES = 64, BANDS_MAX = 64, SLACK_BYTES = 64 };

// Floats of a cache line. A band's sums begin on one, and end with one more that vectors may read.
enum { LINE = ALIGN_BYTES / sizeof(float) };

// Rows of a band, at the least. Each band adds to sums of its own: where no first-level cache holds
// them, they are read and written too often unless many cells share them.
enum { BAND_ROWS_MIN = 4, TALL_BAND_ROWS_MIN = 32, MANY_PARAMETERS = 20000 };

// Where no cell can die, the backward pass meets the chunks of the forward pass, and their hidden
// units are kept: room for one cell in CELLS_PER_KEPT, in at most KEPT_BYTES_MAX.
enum { CELLS_PER_KEPT = 5, KEPT_BYTES_MAX = 64 << 20 };

// Memory handed out piece by piece; without a base it only counts.
typedef struct arena {
    uint8_t *base;
    size_t used;
    bool overflow;
} arena;

static void *take(arena *from, size_t count, size_t element_bytes)
{
    size_t bytes, room, end;
    if (__builtin_mul_overflow(count, element_bytes, &bytes) ||
        __builtin_add_overflow(bytes, SLACK_BYTES + GAP_BYTES + ALIGN_BYTES, &room) ||
        __builtin_add_overflow(from->used, room / ALIGN_BYTES * ALIGN_BYTES, &end)) {
        from->overflow = true;
        return NULL;
    }
    uint8_t *const piece = from->base ? from->base + from->used : NULL;
    if (piece && GAP_BYTES > 0)
        ASAN_POISON_MEMORY_REGION(piece + bytes + SLACK_BYTES,
                                  end - from->used - bytes - SLACK_BYTES);
    from->used = end;
    return piece;
}

static size_t multiply(arena *from, size_t a, size_t b)
{
    size_t product = 0;
    from->overflow |= __builtin_mul_overflow(a, b, &product);
    return product;
}

// Numbers that the variant leaves of a cell's way through the network.
static size_t cell_units(const nca_session *session)
{
    const nca_spec *spec = &session->head.shape.spec;
    if (!session->ops.rule_pack)
        return (size_t)spec->hidden[0] + (size_t)spec->hidden[1];
    return NCA_CPU_PARTS * (nca_cpu_padded(nca_spec_inputs(spec)) +
                            nca_cpu_padded(spec->hidden[0]) + nca_cpu_padded(spec->hidden[1]));
}

// Of a band: all chunks of a rollout in which one cell in CELLS_PER_KEPT is active, or fewer. In
// bf16 none: its units take twice the bytes and half the time.
static int kept_chunks(const nca_session *session)
{
    const nca_shape *shape = &session->head.shape;
    if (!session->keeps_changes || session->ops.rule_pack)
        return 0;
    const uint64_t cells = (uint64_t)session->band_rows * (uint64_t)shape->width / CELLS_PER_KEPT;
    const uint64_t chunks = (cells / (uint64_t)session->ops.chunk + 1) * (uint64_t)session->steps;
    const uint64_t bands = (uint64_t)session->bands * (uint64_t)session->samples;
    const uint64_t chunk_bytes = bands * session->chunk_units * sizeof(float);
    const uint64_t most = chunk_bytes > 0 ? KEPT_BYTES_MAX / chunk_bytes : 0;
    return (int)(most < chunks ? most : chunks);
}

// Sizes that follow from the shape. The number of threads is none of them: bands do not depend on
// it, so that sums do not.
static void set_sizes(nca_session *session, const nca_shape *shape)
{
    const int rows = (shape->height + BANDS_MAX - 1) / BANDS_MAX;
    session->head.shape = *shape;
    session->rules = nca_shape_rules(shape);
    session->samples = nca_shape_samples(shape);
    session->movers = shape->shares_samples ? session->rules : 1;
    session->layout = nca_layout_of(&shape->spec);
    const int least = session->layout.total < MANY_PARAMETERS ? BAND_ROWS_MIN : TALL_BAND_ROWS_MIN;
    session->band_rows = rows > least ? rows : least;
    session->bands = (shape->height + session->band_rows - 1) / session->band_rows;
    session->keeps_changes = shape->tape_steps > 0 && shape->spec.alive != NCA_ALIVE_MAXIMUM &&
                             !(shape->spec.mix_bound > 0);
    session->states = shape->tape_steps > 1 && !session->keeps_changes ? shape->tape_steps + 1 : 2;
    session->steps = shape->tape_steps > 1 ? shape->tape_steps : 1;
    session->row = (size_t)(shape->width + 2) * (size_t)shape->spec.channels;
    session->plane = (size_t)(shape->height + 2) * (size_t)(shape->width + 2);
    session->sums_stride = (session->layout.total + 2 * LINE - 1) / LINE * LINE;
    session->chunk_units = (size_t)session->ops.chunk * cell_units(session);
    session->kept_chunks = kept_chunks(session);
}

static void lay_out_sample(arena *from, const nca_session *session, nca_cpu_sample *sample)
{
    const nca_shape *shape = &session->head.shape;
    const size_t rows = (size_t)shape->height, bands = (size_t)session->bands;
    const size_t state = multiply(from, session->plane, (size_t)shape->spec.channels);
    const size_t block = multiply(from, session->row, (size_t)session->band_rows + 2);
    sample->states = take(from, multiply(from, state, (size_t)session->states), sizeof(float));
    sample->written = take(from, multiply(from, rows, (size_t)session->states), sizeof(nca_span));
    sample->masks = take(from, multiply(from, session->plane, (size_t)session->steps), 1);
    sample->alive = take(from, multiply(from, rows, (size_t)session->steps), sizeof(nca_span));
    if (shape->spec.mix_bound > 0)
        sample->unmixed = take(from, multiply(from, state, (size_t)session->steps), sizeof(float));
    for (int i = 0; i < 2; i++) {
        sample->mature[i] = take(from, session->plane, 1);
        sample->ripe[i] = take(from, rows + 2, sizeof(nca_span));
        if (shape->tape_steps > 0) {
            sample->gradient[i] = take(from, multiply(from, block, bands), sizeof(float));
            sample->spilled[i] = take(from, bands, sizeof(bool));
            sample->merged[i] = take(from, bands, sizeof(bool));
        }
    }
    if (session->keeps_changes) {
        const size_t changes = nca_cpu_first_change(session, session->bands);
        sample->changes =
            take(from, multiply(from, changes, (size_t)shape->spec.channels), sizeof(float));
        sample->changed = take(from, changes, sizeof(uint32_t));
        sample->mark =
            take(from, multiply(from, bands, (size_t)session->steps + 1), sizeof(nca_cpu_mark));
        sample->units =
            take(from, multiply(from, bands * session->chunk_units, (size_t)session->kept_chunks),
                 sizeof(float));
    }
    if (shape->tape_steps > 0) {
        sample->sums =
            take(from, multiply(from, session->sums_stride, bands * (size_t)session->movers),
                 sizeof(float));
        sample->summed = take(from, bands, sizeof(bool));
        sample->again = take(from, bands, sizeof(uint64_t));
    }
    sample->active = take(from, bands, sizeof(uint64_t));
    sample->report = take(from, bands, sizeof(nca_sample_report));
}

static void lay_out_scratch(arena *from, const nca_session *session, nca_cpu_scratch *scratch)
{
    const size_t channels = (size_t)session->head.shape.spec.channels,
                 width = (size_t)session->head.shape.width;
    const nca_spec *spec = &session->head.shape.spec;
    const size_t inputs = (size_t)nca_spec_inputs(spec);
    const size_t band = multiply(from, width, (size_t)session->band_rows);
    const size_t chunk = (size_t)session->ops.chunk;
    scratch->cells = take(from, band, 4);
    scratch->owned = take(from, session->movers > 1 ? band : 0, 4);
    scratch->bits = take(from, width, 1);
    scratch->alive = take(from, width, 1);
    scratch->p = take(from, chunk * inputs, sizeof(float));
    scratch->dp = take(from, chunk * inputs, sizeof(float));
    scratch->hidden = take(from, session->chunk_units, sizeof(float));
    scratch->dhidden = take(from, session->chunk_units, sizeof(float));
    scratch->out = take(from, chunk * channels, sizeof(float));
    scratch->noise = take(from, channels, sizeof(float));
}

static void lay_out_rule(arena *from, const nca_session *session, nca_cpu_rule *rule)
{
    const nca_layout *layout = &session->layout;
    const nca_spec *spec = &session->head.shape.spec;
    rule->mix_columns = take(from, layout->size[NCA_MIX], sizeof(float));
    if (session->ops.rule_pack) {
        const int hidden = spec->hidden[0], second = spec->hidden[1];
        rule->words =
            take(from,
                 nca_cpu_layer_words(nca_spec_inputs(spec), hidden) +
                     (second ? nca_cpu_layer_words(hidden, second) : 0) +
                     nca_cpu_layer_words(second ? second : hidden, nca_spec_outputs(spec)),
                 NCA_CPU_PARTS * sizeof *rule->words);
        return;
    }
    rule->hidden_panels = take(from, layout->size[NCA_HIDDEN_WEIGHT], sizeof(float));
    rule->hidden2_columns = take(from, layout->size[NCA_HIDDEN2_WEIGHT], sizeof(float));
    rule->output_columns = take(from, layout->size[NCA_OUTPUT_WEIGHT], sizeof(float));
}

// Elements of a buffer; what overflows is noticed.
static size_t buffer_elements(arena *from, const nca_session *session, nca_buffer buffer)
{
    const nca_shape *shape = &session->head.shape;
    const size_t cells = multiply(from, (size_t)shape->height, (size_t)shape->width);
    const size_t state = multiply(from, cells, (size_t)shape->spec.channels);
    const size_t samples = (size_t)session->samples;
    size_t rows = (size_t)nca_shape_sets(shape) * (size_t)shape->pool + (size_t)shape->beginnings;
    switch (buffer) {
    case NCA_BATCH_GRADIENT:
        return shape->tape_steps > 0 ? multiply(from, state, samples) : 0;
    case NCA_POOL:
        return multiply(from, state, rows);
    case NCA_KEPT:
    case NCA_KEPT_GRADIENT:
        return multiply(from, multiply(from, state, samples), (size_t)shape->kept);
    case NCA_TARGET:
        rows = shape->objective.is_per_sample ? samples : 1;
        return multiply(from, multiply(from, cells, rows),
                        (size_t)nca_objective_channels(&shape->objective));
    case NCA_OWNER:
        return shape->shares_samples ? multiply(from, cells, samples) : 0;
    default:
        return nca_buffer_elements(shape, buffer);
    }
}

static void lay_out_buffers(arena *from, nca_session *session)
{
    for (int i = 0; i < NCA_BUFFERS; i++)
        if (i != NCA_BATCH)
            session->buffer[i] =
                take(from, buffer_elements(from, session, (nca_buffer)i), sizeof(float));
    session->totals = take(from, session->layout.total, sizeof(double));
    session->sample_sums = take(from, session->layout.total, sizeof(double));
    session->each = take(from, (size_t)session->rules, sizeof *session->each);
    session->kept = take(from, (size_t)session->head.shape.kept, sizeof *session->kept);
}

// Lays out the whole session; its `sample`, `rule` and `scratch` may be NULL while counting.
static void lay_out(arena *from, nca_session *session, int threads)
{
    nca_cpu_sample counted_sample;
    nca_cpu_scratch counted_scratch;
    nca_cpu_rule counted_rule;
    lay_out_buffers(from, session);
    for (int i = 0; i < session->rules; i++)
        lay_out_rule(from, session, session->rule ? &session->rule[i] : &counted_rule);
    for (int i = 0; i < threads; i++)
        lay_out_scratch(from, session, session->scratch ? &session->scratch[i] : &counted_scratch);
    for (int i = 0; i < session->samples && !from->overflow; i++)
        lay_out_sample(from, session, session->sample ? &session->sample[i] : &counted_sample);
}

uint64_t nca_cpu_session_bytes(const nca_device *device, const nca_shape *shape)
{
    nca_session counted = {0};
    arena count = {0};
    nca_cpu_fill(device->variant, &counted.ops, &shape->spec);
    set_sizes(&counted, shape);
    lay_out(&count, &counted, nca_cpu_workers_count(device->workers));
    return count.overflow ? UINT64_MAX : count.used;
}

static nca_status check_memory(const nca_device *device, uint64_t bytes, const nca_shape *shape,
                               nca_error *error)
{
    if (bytes <= device->memory_bytes)
        return NCA_OK;
    return nca_fail(error, NCA_MEMORY,
                    "%d samples of %dx%dx%d, a pool of %d and %d steps need %s%.1f GiB and this "
                    "machine has %.1f; choose a smaller grid, batch, pool or fewer steps",
                    shape->batch, shape->height, shape->width, shape->spec.channels, shape->pool,
                    shape->tape_steps, bytes == UINT64_MAX ? "more than " : "", nca_gib(bytes),
                    nca_gib(device->memory_bytes));
}

nca_status nca_cpu_session_create(nca_device *device, const nca_shape *shape, nca_session **out,
                                  nca_error *error)
{
    NCA_TRY(nca_front_check_shape(shape, error));
    const uint64_t bytes = nca_cpu_session_bytes(device, shape);
    NCA_TRY(check_memory(device, bytes, shape, error));
    const int threads = nca_cpu_workers_count(device->workers);
    nca_session *session = calloc(1, sizeof *session);
    if (session) {
        session->sample = calloc((size_t)nca_shape_samples(shape), sizeof *session->sample);
        session->rule = calloc((size_t)nca_shape_rules(shape), sizeof *session->rule);
        session->scratch = calloc((size_t)threads, sizeof *session->scratch);
        session->memory =
            mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        session->memory_bytes = bytes;
    }
    if (!session || !session->sample || !session->rule || !session->scratch ||
        session->memory == MAP_FAILED) {
        if (session && session->memory == MAP_FAILED)
            session->memory = NULL;
        nca_cpu_session_destroy(session);
        return nca_fail(error, NCA_MEMORY,
                        "%.1f GiB: the system refuses them; choose a smaller grid, batch or pool",
                        nca_gib(bytes));
    }
    madvise(session->memory, bytes, MADV_HUGEPAGE);
    session->device = device;
    nca_cpu_fill(device->variant, &session->ops, &shape->spec);
    set_sizes(session, shape);
    arena from = {.base = session->memory};
    lay_out(&from, session, threads);
    session->rules_are_stale = true;
    *out = session;
    return NCA_OK;
}

void nca_cpu_session_destroy(nca_session *session)
{
    if (!session)
        return;
    if (session->memory) {
        ASAN_UNPOISON_MEMORY_REGION(session->memory, session->memory_bytes);
        munmap(session->memory, session->memory_bytes);
    }
    free(session->scratch);
    free(session->sample);
    free(session->rule);
    free(session);
}

nca_status nca_cpu_run(nca_session *session, int phases, nca_cpu_band *band, nca_error *error)
{
    const nca_cpu_job job = {.samples = session->samples,
                             .phases = phases,
                             .bands = session->bands,
                             .band = band,
                             .context = session};
    return nca_cpu_workers_run(session->device->workers, &job, error);
}
