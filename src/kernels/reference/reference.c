// The reference backend's table, its memory, and its rollout.
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
        return nca_fail(error, NCA_DEVICE, "reference:%d: there is one such device",
                        options->number);
    if (options && (options->cuda_path || options->tape_every))
        return nca_fail(error, NCA_ARGUMENT,
                        "--cuda-path and --tape-every: of --device cuda alone; leave them out");
    if (options && nca_precision_is_reduced(options))
        return nca_fail(error, NCA_ARGUMENT,
                        "--precision %.40s: of --device cuda alone, and the reference computes in "
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

// It is measured by nobody's clock: no peak.
static double measure_peak(nca_device *device)
{
    (void)device;
    return 0;
}

static int tape_states(const nca_shape *shape)
{
    return shape->tape_steps > 1 ? shape->tape_steps + 1 : 2;
}

static void count_elements(const nca_shape *shape, double elements[NCA_BUFFERS])
{
    const double cells = (double)shape->height * shape->width, state = cells * shape->spec.channels;
    const double parameters = (double)nca_layout_of(&shape->spec).total;
    elements[NCA_PARAMETERS] = elements[NCA_GRADIENT] = parameters;
    elements[NCA_MOMENT1] = elements[NCA_MOMENT2] = parameters;
    elements[NCA_BATCH] = elements[NCA_BATCH_GRADIENT] = state * shape->batch;
    elements[NCA_POOL] = state * shape->pool;
    elements[NCA_TARGET] = cells * NCA_VISIBLE;
}

static uint64_t session_bytes(const nca_device *device, const nca_shape *shape)
{
    double elements[NCA_BUFFERS], total = 0;
    (void)device;
    count_elements(shape, elements);
    for (int i = 0; i < NCA_BUFFERS; i++)
        total += elements[i] * sizeof(double);
    total += elements[NCA_BATCH] * (tape_states(shape) + 2) * sizeof(double);
    total += elements[NCA_BATCH] / shape->spec.channels * 2 * tape_states(shape);
    total += elements[NCA_PARAMETERS] * sizeof(double);   // after the gradient rules
    return total < 9e18 ? (uint64_t)total : UINT64_MAX;
}

static void destroy(nca_session *session)
{
    if (!session)
        return;
    for (int i = 0; i < NCA_BUFFERS; i++)
        free(session->buffer[i]);
    free(session->tape);
    free(session->fired);
    free(session->alive);
    free(session->perceived);
    free(session->hidden);
    free(session->out);
    free(session->dperceived);
    free(session->dhidden);
    free(session->gradient[0]);
    free(session->gradient[1]);
    free(session->ruled);
    free(session);
}

static bool allocate(nca_session *session)
{
    const nca_shape *shape = &session->shape;
    const size_t batch = (size_t)shape->batch, states = (size_t)tape_states(shape);
    const size_t inputs = (size_t)nca_spec_inputs(&shape->spec);
    const size_t units = (size_t)shape->spec.hidden[0] + (size_t)shape->spec.channels;
    double elements[NCA_BUFFERS];
    bool is_whole = true;
    count_elements(shape, elements);
    for (int i = 0; i < NCA_BUFFERS; i++) {
        session->elements[i] = (size_t)elements[i];
        session->buffer[i] = calloc(session->elements[i] + 1, sizeof(double));
        is_whole &= session->buffer[i] != NULL;
    }
    session->tape = calloc(states * batch * session->state, sizeof(double));
    session->fired = calloc(states * batch, session->cells);
    session->alive = calloc(states * batch, session->cells);
    session->perceived = calloc(inputs, sizeof(double));
    session->dperceived = calloc(inputs, sizeof(double));
    session->hidden = calloc(units, sizeof(double));
    session->dhidden = calloc(units, sizeof(double));
    session->out = calloc(units, sizeof(double));
    session->ruled = calloc(session->layout.total, sizeof(double));
    for (int i = 0; i < 2; i++) {
        session->gradient[i] = calloc(batch * session->state, sizeof(double));
        is_whole &= session->gradient[i] != NULL;
    }
    return is_whole && session->tape && session->fired && session->alive && session->perceived &&
           session->dperceived && session->hidden && session->dhidden && session->out &&
           session->ruled;
}

static nca_status create(nca_device *device, const nca_shape *shape, nca_session **out,
                         nca_error *error)
{
    const uint64_t bytes = session_bytes(device, shape);
    if (shape->spec.channels < 4 || shape->spec.channels % 4 || shape->spec.hidden[0] < 4 ||
        shape->spec.hidden[0] % 4)
        return nca_fail(error, NCA_ARGUMENT,
                        "%d channels and %d hidden units: both must be multiples of 4",
                        shape->spec.channels, shape->spec.hidden[0]);
    if (shape->batch < 1 || shape->height < 1 || shape->width < 1 || shape->pool < 0 ||
        shape->tape_steps < 0)
        return nca_fail(error, NCA_ARGUMENT, "a batch of %d grids of %dx%d: sizes must be positive",
                        shape->batch, shape->height, shape->width);
    if (bytes > device->memory_bytes)
        return nca_fail(error, NCA_MEMORY, "%llu bytes needed, and this machine has %zu",
                        (unsigned long long)bytes, device->memory_bytes);
    nca_session *session = calloc(1, sizeof *session);
    if (session) {
        session->shape = *shape;
        session->layout = nca_layout_of(&shape->spec);
        session->cells = (size_t)shape->height * (size_t)shape->width;
        session->state = session->cells * (size_t)shape->spec.channels;
    }
    if (!session || !allocate(session)) {
        destroy(session);
        return nca_fail(error, NCA_MEMORY, "%llu bytes: the system refuses them",
                        (unsigned long long)bytes);
    }
    *out = session;
    return NCA_OK;
}

static nca_status check_range(const nca_session *session, nca_buffer buffer, size_t first,
                              size_t count, nca_error *error)
{
    if (first <= session->elements[buffer] && count <= session->elements[buffer] - first)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "elements %zu to %zu of buffer %d: it has %zu", first,
                    first + count, (int)buffer, session->elements[buffer]);
}

static nca_status upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                         const float *from, nca_error *error)
{
    NCA_TRY(check_range(session, buffer, first, count, error));
    if (buffer == NCA_BATCH_GRADIENT)
        return nca_fail(error, NCA_ARGUMENT, "the batch gradient: it can only be downloaded");
    for (size_t i = 0; i < count; i++)
        session->buffer[buffer][first + i] = from[i];
    session->tape_is_valid &= buffer != NCA_BATCH;
    return NCA_OK;
}

static nca_status download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                           float *to, nca_error *error)
{
    NCA_TRY(check_range(session, buffer, first, count, error));
    for (size_t i = 0; i < count; i++)
        to[i] = (float)session->buffer[buffer][first + i];
    return NCA_OK;
}

static nca_status check_rows(const nca_session *session, const int *rows, nca_error *error)
{
    for (int b = 0; b < session->shape.batch; b++)
        if (rows[b] < 0 || rows[b] >= session->shape.pool)
            return nca_fail(error, NCA_ARGUMENT, "row %d of the pool: it has %d", rows[b],
                            session->shape.pool);
    return NCA_OK;
}

static nca_status gather(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(check_rows(session, rows, error));
    for (int b = 0; b < session->shape.batch; b++)
        memcpy(session->buffer[NCA_BATCH] + (size_t)b * session->state,
               session->buffer[NCA_POOL] + (size_t)rows[b] * session->state,
               session->state * sizeof(double));
    session->tape_is_valid = false;
    return NCA_OK;
}

static nca_status scatter(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(check_rows(session, rows, error));
    for (int b = 0; b < session->shape.batch; b++)
        memcpy(session->buffer[NCA_POOL] + (size_t)rows[b] * session->state,
               session->buffer[NCA_BATCH] + (size_t)b * session->state,
               session->state * sizeof(double));
    return NCA_OK;
}

static nca_status seed(nca_session *session, int slot, int y, int x, bool clear, nca_error *error)
{
    const nca_shape *shape = &session->shape;
    if (slot < 0 || slot >= shape->batch || y < 0 || y >= shape->height || x < 0 ||
        x >= shape->width)
        return nca_fail(error, NCA_ARGUMENT, "a seed at row %d, column %d of sample %d: outside", y,
                        x, slot);
    double *grid = session->buffer[NCA_BATCH] + (size_t)slot * session->state;
    if (clear)
        memset(grid, 0, session->state * sizeof *grid);
    for (int k = NCA_ALPHA; k < shape->spec.channels; k++)
        grid[nca_reference_at(session, y, x) + (size_t)k] = 1;
    session->tape_is_valid = false;
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
    const nca_shape *shape = &session->shape;
    if (slot < 0 || slot >= shape->batch)
        return nca_fail(error, NCA_ARGUMENT, "sample %d of the batch: it has %d", slot,
                        shape->batch);
    double *grid = session->buffer[NCA_BATCH] + (size_t)slot * session->state;
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x++)
            if (is_inside(region, y, x))
                memset(grid + nca_reference_at(session, y, x), 0,
                       (size_t)shape->spec.channels * sizeof *grid);
    session->tape_is_valid = false;
    return NCA_OK;
}

static nca_status check_rollout(const nca_session *session, const nca_rollout *rollout,
                                nca_error *error)
{
    if (rollout->steps < 0 || rollout->first_step < 0 ||
        (uint32_t)rollout->steps > NCA_RANDOM_STEPS_LIMIT - (uint32_t)rollout->first_step ||
        (rollout->keep_tape &&
         (session->shape.tape_steps < 1 || rollout->steps > session->shape.tape_steps)))
        return nca_fail(error, NCA_ARGUMENT, "%d steps from step %d with a tape for %d",
                        rollout->steps, rollout->first_step, session->shape.tape_steps);
    if (!(rollout->fire_rate >= 0 && rollout->fire_rate <= 1) || !isfinite(rollout->angle) ||
        !isfinite(rollout->step_size) || !(rollout->alive_threshold >= 0))
        return nca_fail(
            error, NCA_ARGUMENT, "fire rate %g, angle %g, step size %g, alive threshold %g",
            rollout->fire_rate, rollout->angle, rollout->step_size, rollout->alive_threshold);
    return NCA_OK;
}

static nca_status forward(nca_session *session, const nca_rollout *rollout, nca_pass_report *report,
                          nca_error *error)
{
    const size_t batch = (size_t)session->shape.batch * session->state;
    const size_t masks = (size_t)session->shape.batch * session->cells;
    NCA_TRY(check_rollout(session, rollout, error));
    session->rollout = *rollout;
    memcpy(session->tape, session->buffer[NCA_BATCH], batch * sizeof(double));
    for (int step = 0; step < rollout->steps; step++) {
        const size_t at = rollout->keep_tape ? (size_t)step : (size_t)(step % 2);
        const size_t next = rollout->keep_tape ? at + 1 : 1 - at;
        const size_t mask = rollout->keep_tape ? (size_t)step * masks : 0;
        nca_reference_step(session, session->tape + at * batch, session->tape + next * batch,
                           session->fired + mask, session->alive + mask, step);
    }
    const size_t last = rollout->keep_tape ? (size_t)rollout->steps : (size_t)(rollout->steps % 2);
    memcpy(session->buffer[NCA_BATCH], session->tape + last * batch, batch * sizeof(double));
    session->tape_is_valid = rollout->keep_tape;
    session->rollout.fire = NULL;
    if (report)
        *report = (nca_pass_report){.cell_steps = masks * (uint64_t)rollout->steps,
                                    .active_cells = masks * (uint64_t)rollout->steps};
    return NCA_OK;
}

static nca_status loss(nca_session *session, nca_sample_report *samples, nca_error *error)
{
    const int channels = session->shape.spec.channels;
    (void)error;
    for (int b = 0; b < session->shape.batch; b++) {
        const double *x = session->buffer[NCA_BATCH] + (size_t)b * session->state;
        nca_sample_report report = {0};
        for (size_t i = 0; i < session->cells; i++) {
            for (int k = 0; k < NCA_VISIBLE; k++)
                report.loss += pow(x[i * (size_t)channels + (size_t)k] -
                                       session->buffer[NCA_TARGET][i * NCA_VISIBLE + (size_t)k],
                                   2);
            report.alive_cells += x[i * (size_t)channels + NCA_ALPHA] > (double)NCA_ALIVE_THRESHOLD;
        }
        for (size_t i = 0; i < session->state; i++)
            if (!(fabs(x[i]) <= report.max_state) && !isnan(report.max_state))
                report.max_state = fabs(x[i]);
        report.loss /= (double)session->cells * NCA_VISIBLE;
        samples[b] = report;
    }
    return NCA_OK;
}

static void loss_backward(const nca_session *session, double *gradient)
{
    const size_t channels = (size_t)session->shape.spec.channels;
    const size_t cells = session->cells * (size_t)session->shape.batch;
    memset(gradient, 0, cells * channels * sizeof *gradient);
    for (size_t i = 0; i < cells; i++)
        for (size_t k = 0; k < NCA_VISIBLE; k++)
            gradient[i * channels + k] =
                2 *
                (session->buffer[NCA_BATCH][i * channels + k] -
                 session->buffer[NCA_TARGET][i % session->cells * NCA_VISIBLE + k]) /
                ((double)cells * NCA_VISIBLE);
}

static nca_status backward(nca_session *session, nca_pass_report *report, nca_error *error)
{
    const size_t batch = (size_t)session->shape.batch * session->state;
    const size_t masks = (size_t)session->shape.batch * session->cells;
    if (!session->tape_is_valid)
        return nca_fail(error, NCA_ARGUMENT,
                        "a backward pass without the tape of a forward pass just before it");
    memset(session->buffer[NCA_GRADIENT], 0, session->layout.total * sizeof(double));
    loss_backward(session, session->gradient[session->rollout.steps & 1]);
    for (int step = session->rollout.steps - 1; step >= 0; step--)
        nca_reference_step_backward(session, session->tape + (size_t)step * batch,
                                    session->fired + (size_t)step * masks,
                                    session->alive + (size_t)step * masks,
                                    session->gradient[~step & 1], session->gradient[step & 1]);
    memcpy(session->buffer[NCA_BATCH_GRADIENT], session->gradient[0], batch * sizeof(double));
    if (report)
        *report = (nca_pass_report){.cell_steps = masks * (uint64_t)session->rollout.steps,
                                    .active_cells = masks * (uint64_t)session->rollout.steps};
    return NCA_OK;
}

static nca_status synchronize(nca_session *session, nca_error *error)
{
    (void)session, (void)error;
    return NCA_OK;
}

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
    .upload = upload,
    .download = download,
    .gather = gather,
    .scatter = scatter,
    .seed = seed,
    .damage = damage,
    .forward = forward,
    .loss = loss,
    .backward = backward,
    .update = nca_reference_update,
    .synchronize = synchronize,
};
