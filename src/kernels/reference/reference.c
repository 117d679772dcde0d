// The reference backend: its device, a session's memory, uploads and downloads, and the table.
#include "reference.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct nca_device {
    size_t memory_bytes;
};

static nca_status open_device(const nca_device_options *options, nca_device **out, nca_error *error)
{
    if (options && options->number != 0)
        return nca_fail(error, NCA_DEVICE,
                        "reference:%d: there is only one; use --device reference", options->number);
    if (options && (options->cuda_path || options->tape_every))
        return nca_fail(error, NCA_ARGUMENT,
                        "--cuda-path and --tape-every: only for --device cuda; leave them out");
    if (options && options->precision && strcmp(options->precision, "f32") != 0 &&
        strcmp(options->precision, NCA_PRECISION_AUTO) != 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "--precision %.40s: the reference computes in "
                        "f64; leave it out",
                        options->precision);
    nca_device *device = calloc(1, sizeof *device);
    if (!device)
        return nca_fail(error, NCA_MEMORY, "the reference: no memory for its bookkeeping");
    device->memory_bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGE_SIZE);
    *out = device;
    return NCA_OK;
}

static void close_device(nca_device *device)
{
    free(device);
}

static void describe(const nca_device *device, nca_device_info *out)
{
    *out = (nca_device_info){
        .threads = 1, .memory_bytes = device->memory_bytes, .uses_host_memory = true};
    snprintf(out->name, sizeof out->name, "reference");
    snprintf(out->variant, sizeof out->variant, "f64, dense");
}

// Nobody times the reference.
static double measure_peak(nca_device *device)
{
    (void)device;
    return 0;
}

static int tape_states(const nca_shape *shape)
{
    return shape->tape_steps > 1 ? shape->tape_steps + 1 : 2;
}

// Elements of a buffer in floating point, which does not overflow.
static double elements_of(const nca_shape *shape, nca_buffer buffer)
{
    const double rules = nca_shape_rules(shape), samples = nca_shape_samples(shape);
    const double cells = (double)shape->height * shape->width, state = cells * shape->spec.channels;
    const double parameters = (double)nca_layout_of(&shape->spec).total;
    switch (buffer) {
    case NCA_PARAMETERS:
    case NCA_GRADIENT:
        return rules * parameters;
    case NCA_SAMPLE_GRADIENTS:
        return shape->keeps_sample_gradients ? samples * parameters : 0;
    case NCA_OPTIMIZER:
        return rules * NCA_OPTIMIZER_BLOCKS * parameters;
    case NCA_BATCH:
    case NCA_BATCH_GRADIENT:
        return samples * state;
    case NCA_POOL:
        return ((double)nca_shape_sets(shape) * shape->pool + shape->beginnings) * state;
    case NCA_TARGET:
        return (shape->objective.is_per_sample ? samples : 1) * cells *
               nca_objective_channels(&shape->objective);
    case NCA_LABELS:
        return samples;
    case NCA_OWNER:
        return shape->shares_samples ? samples * cells : 0;
    case NCA_KEPT:
    case NCA_KEPT_GRADIENT:
        return shape->kept * samples * state;
    case NCA_BUFFERS:
        break;
    }
    return 0;
}

static uint64_t session_bytes(const nca_device *device, const nca_shape *shape)
{
    const double samples = nca_shape_samples(shape), cells = (double)shape->height * shape->width;
    const double batch = elements_of(shape, NCA_BATCH);
    // The gradients of one sample and after the transforms, then all buffers and the tape.
    double total = (1.0 + nca_shape_rules(shape)) * (double)nca_layout_of(&shape->spec).total;
    (void)device;
    for (int i = 0; i < NCA_BUFFERS; i++)
        total += elements_of(shape, (nca_buffer)i);
    total += batch * (tape_states(shape) + 3);
    total = total * sizeof(double) + 2 * samples * cells * tape_states(shape);
    return total < 9e18 ? (uint64_t)total : UINT64_MAX;
}

static void destroy(nca_session *session)
{
    if (!session)
        return;
    for (int i = 0; i < NCA_BUFFERS; i++)
        free(session->buffer[i]);
    for (int i = 0; i < NCA_LAYERS_MAX; i++) {
        free(session->hidden[i]);
        free(session->dhidden[i]);
        free(session->gradient[i]);
    }
    free(session->tape);
    free(session->fired);
    free(session->alive);
    free(session->perceived);
    free(session->dperceived);
    free(session->out);
    free(session->dout);
    free(session->transformed);
    free(session->sample_gradient);
    free(session->mixed);
    free(session->each);
    free(session->kept);
    free(session);
}

// Allocates zeros; clears `is_whole` where there is no memory.
static void *take(size_t count, size_t element_bytes, bool *is_whole)
{
    void *memory = calloc(count + 1, element_bytes);
    *is_whole &= memory != NULL;
    return memory;
}

static bool allocate(nca_session *session)
{
    const nca_shape *shape = &session->head.shape;
    const nca_spec *spec = &shape->spec;
    const size_t states = (size_t)tape_states(shape) * (size_t)session->samples;
    bool is_whole = true;
    for (int i = 0; i < NCA_BUFFERS; i++)
        session->buffer[i] =
            take((size_t)elements_of(shape, (nca_buffer)i), sizeof(double), &is_whole);
    session->tape = take(states * session->state, sizeof(double), &is_whole);
    session->fired = take(states * session->cells, 1, &is_whole);
    session->alive = take(states * session->cells, 1, &is_whole);
    session->perceived = take((size_t)nca_spec_inputs(spec), sizeof(double), &is_whole);
    session->dperceived = take((size_t)nca_spec_inputs(spec), sizeof(double), &is_whole);
    for (int i = 0; i < NCA_LAYERS_MAX; i++) {
        session->hidden[i] = take((size_t)spec->hidden[i], sizeof(double), &is_whole);
        session->dhidden[i] = take((size_t)spec->hidden[i], sizeof(double), &is_whole);
        session->gradient[i] = take(session->state, sizeof(double), &is_whole);
    }
    session->mixed = take(session->state, sizeof(double), &is_whole);
    session->out = take((size_t)spec->channels, sizeof(double), &is_whole);
    session->dout = take((size_t)spec->channels, sizeof(double), &is_whole);
    session->transformed = take(session->layout.total, sizeof(double), &is_whole);
    session->sample_gradient =
        take(session->layout.total * (size_t)session->rules, sizeof(double), &is_whole);
    session->each = take((size_t)session->rules, sizeof *session->each, &is_whole);
    session->kept = take((size_t)shape->kept, sizeof *session->kept, &is_whole);
    return is_whole;
}

static const nca_backend behind;   // the functions behind the checks

static nca_status create(nca_device *device, const nca_shape *shape, nca_session **out,
                         nca_error *error)
{
    NCA_TRY(nca_front_check_shape(shape, error));
    const uint64_t bytes = session_bytes(device, shape);
    if (bytes > device->memory_bytes)
        return nca_fail(
            error, NCA_MEMORY,
            "a session needs %.1f GiB and this machine has %.1f; choose a smaller grid, "
            "batch or pool",
            nca_gib(bytes), nca_gib(device->memory_bytes));
    nca_session *session = calloc(1, sizeof *session);
    if (session) {
        session->head = (nca_session_head){.own = &behind, .shape = *shape};
        session->layout = nca_layout_of(&shape->spec);
        session->rules = nca_shape_rules(shape);
        session->samples = nca_shape_samples(shape);
        session->cells = (size_t)shape->height * (size_t)shape->width;
        session->state = session->cells * (size_t)shape->spec.channels;
    }
    if (!session || !allocate(session)) {
        destroy(session);
        return nca_fail(error, NCA_MEMORY,
                        "%.1f GiB: the system refuses them; choose a smaller grid, batch or pool",
                        nca_gib(bytes));
    }
    *out = session;
    return NCA_OK;
}

static nca_status upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                         const float *from, nca_error *error)
{
    (void)error;
    for (size_t i = 0; i < count; i++)
        session->buffer[buffer][first + i] = from[i];
    return NCA_OK;
}

static nca_status download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                           float *to, nca_error *error)
{
    (void)error;
    for (size_t i = 0; i < count; i++)
        to[i] = (float)session->buffer[buffer][first + i];
    return NCA_OK;
}

static nca_status gather(nca_session *session, const int *rows, nca_error *error)
{
    (void)error;
    for (int b = 0; b < session->samples; b++)
        memcpy(session->buffer[NCA_BATCH] + (size_t)b * session->state,
               session->buffer[NCA_POOL] + (size_t)rows[b] * session->state,
               session->state * sizeof(double));
    return NCA_OK;
}

static nca_status scatter(nca_session *session, const int *rows, nca_error *error)
{
    (void)error;
    for (int b = 0; b < session->samples; b++)
        memcpy(session->buffer[NCA_POOL] + (size_t)rows[b] * session->state,
               session->buffer[NCA_BATCH] + (size_t)b * session->state,
               session->state * sizeof(double));
    return NCA_OK;
}

static bool is_inside(const nca_region *region, int y, int x)
{
    if (region->kind == NCA_REGION_BOX)
        return y >= region->top && y < region->bottom && x >= region->left && x < region->right;
    return pow((y - region->center_y) / region->radius_y, 2) +
               pow((x - region->center_x) / region->radius_x, 2) <
           1;
}

static nca_status damage(nca_session *session, int slot, const nca_region *region, nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    double *grid = session->buffer[NCA_BATCH] + (size_t)slot * session->state;
    (void)error;
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x++)
            if (is_inside(region, y, x))
                memset(grid + nca_reference_at(session, y, x), 0,
                       (size_t)shape->spec.channels * sizeof *grid);
    return NCA_OK;
}

static nca_status exchange(nca_session *session, int slot, const float *values, double limit,
                           nca_error *error)
{
    const nca_spec *spec = &session->head.shape.spec;
    const size_t frozen = (size_t)spec->frozen, channels = (size_t)spec->channels;
    double *cell = session->buffer[NCA_BATCH] + (size_t)slot * session->state;
    (void)error;
    for (size_t i = 0; i < session->cells; i++, cell += channels, values += frozen) {
        if (!(values[0] > limit))
            memset(cell, 0, channels * sizeof *cell);
        for (size_t k = 0; k < frozen; k++)
            cell[k] = values[k];
    }
    return NCA_OK;
}

static nca_status synchronize(nca_session *session, nca_error *error)
{
    (void)session, (void)error;
    return NCA_OK;
}

static const nca_backend behind = {
    .upload = upload,
    .download = download,
    .gather = gather,
    .scatter = scatter,
    .damage = damage,
    .exchange = exchange,
    .forward = nca_reference_forward,
    .loss = nca_reference_loss,
    .backward = nca_reference_backward,
    .update = nca_reference_update,
    .synchronize = synchronize,
};

const nca_backend nca_reference_backend = {
    .name = "reference",
    .description = "every cell in f64, one thread; what the others are compared with",
    .open = open_device,
    .close = close_device,
    .info = describe,
    .peak = measure_peak,
    .session_bytes = session_bytes,
    .create = create,
    .destroy = destroy,
    NCA_FRONT,
};
