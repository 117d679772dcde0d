// What is timed, set up: a session, its rule and its disc; and a train step on them.
#include "verify/measuring.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/spread.h"
#include "model/session.h"

enum { PROBES = 6 };
static const double RADIUS_MIN = 0.75;   // a cell, or four

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double uniform(uint64_t seed, uint32_t sample, size_t index)
{
    const nca_key key = {.seed = seed};
    return 2 * nca_random_uniform(key, NCA_RANDOM_TEST, sample, 0, (uint32_t)index) - 1;
}

// A rule that changes little, so that the disc stays as it is.
static nca_status upload_rule(nca_measuring *measuring, nca_error *error)
{
    const nca_shape *shape = &measuring->options->shape;
    const nca_layout layout = nca_layout_of(&shape->spec);
    const double sizes[NCA_TENSORS] = {0.14, 0.05, 2e-3, 0, 0.14, 0.05, 0.25};
    float *parameters = malloc(layout.total * sizeof *parameters);
    if (!parameters)
        return nca_fail(error, NCA_MEMORY, "a rule: no memory for it");
    for (int t = 0; t < layout.tensors; t++)
        for (size_t i = 0; i < layout.size[t]; i++)
            parameters[layout.offset[t] + i] =
                (float)(sizes[t] * uniform(measuring->options->seed, (uint32_t)t, i));
    const nca_status status = measuring->backend->upload(measuring->session, NCA_PARAMETERS, 0,
                                                         layout.total, parameters, error);
    free(parameters);
    return status;
}

// Discs of radius r in the middle: the channel that says what lives is 1 inside, the others small.
static void fill_states(nca_measuring *measuring)
{
    const nca_shape *shape = &measuring->options->shape;
    const size_t channels = (size_t)shape->spec.channels;
    const size_t life = shape->spec.alive == NCA_ALIVE_CHANNEL ? (size_t)shape->spec.alive_channel
                                                               : (size_t)NCA_ALPHA;
    const double cy = (shape->height - 1) / 2.0, cx = (shape->width - 1) / 2.0;
    float *cell = measuring->states;
    for (int b = 0; b < shape->batch; b++)
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++, cell += channels) {
                const bool is_inside = hypot(y - cy, x - cx) < measuring->radius;
                for (size_t k = 0; k < channels; k++)
                    cell[k] = is_inside
                                  ? (float)(0.5 * uniform(measuring->options->seed, 9,
                                                          (size_t)(cell - measuring->states) + k))
                                  : 0;
                cell[life] = is_inside;
            }
}

static size_t state_size(const nca_shape *shape)
{
    return nca_state_size((size_t)shape->batch, (size_t)shape->height, (size_t)shape->width,
                          (size_t)shape->spec.channels);
}

nca_status nca_measuring_step(nca_measuring *measuring, bool is_clocked,
                              double seconds[NCA_MEASURING_PARTS], nca_error *error)
{
    const nca_measure_options *options = measuring->options;
    const nca_rollout rollout = {
        .steps = options->shape.tape_steps,
        .key = {.seed = options->seed, .update = (uint32_t)measuring->time},
        .fire_rate = options->fire_rate,
        .step_size = 1,
        .alive_threshold = NCA_ALIVE_THRESHOLD,
        .keep_tape = true,
        .measure = is_clocked};
    const nca_optimizer_step optimizer = {.time = ++measuring->time,
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .epsilon = 1e-7,
                                          .transforms = 1,
                                          .transform = {{NCA_GRADIENT_NORMALIZE, 0}}};
    nca_update_report report;
    double moment[NCA_MEASURING_PARTS + 1];
    NCA_TRY(measuring->backend->upload(measuring->session, NCA_BATCH, 0,
                                       state_size(&options->shape), measuring->states, error));
    NCA_TRY(measuring->backend->synchronize(measuring->session, error));
    moment[0] = now();
    NCA_TRY(measuring->backend->forward(measuring->session, &rollout, &measuring->forward, error));
    NCA_TRY(measuring->backend->synchronize(measuring->session, error));
    moment[1] = now();
    NCA_TRY(measuring->backend->loss(measuring->session, measuring->samples, error));
    NCA_TRY(measuring->backend->synchronize(measuring->session, error));
    moment[2] = now();
    NCA_TRY(measuring->backend->backward(measuring->session, &measuring->backward, error));
    NCA_TRY(measuring->backend->synchronize(measuring->session, error));
    moment[3] = now();
    NCA_TRY(measuring->backend->update(measuring->session, &optimizer, &report, error));
    NCA_TRY(measuring->backend->synchronize(measuring->session, error));
    moment[4] = now();
    for (int i = 0; i < NCA_MEASURING_PARTS; i++)
        seconds[i] = moment[i + 1] - moment[i];
    return NCA_OK;
}

nca_session_info nca_measuring_about(const nca_measuring *measuring)
{
    const nca_compute on = {.backend = measuring->backend, .device = measuring->device};
    return nca_session_about(&on, measuring->session);
}

double nca_measuring_active_fraction(const nca_pass_report *report)
{
    return (double)report->active_cells / (double)report->cell_steps;
}

// The radius whose disc, one cell wider for the alive mask, has about the asked active fraction.
// Where the next smaller disc is none, one that has at most twice as much will do.
static nca_status find_radius(nca_measuring *measuring, nca_error *error)
{
    const nca_measure_options *options = measuring->options;
    const double cells = (double)options->shape.height * options->shape.width;
    double seconds[NCA_MEASURING_PARTS], last_found = 0, last_radius = 0;
    measuring->radius =
        fmax(sqrt(options->active / options->fire_rate * cells / acos(-1)) - 1, RADIUS_MIN);
    for (int i = 0; i < PROBES; i++) {
        fill_states(measuring);
        NCA_TRY(nca_measuring_step(measuring, false, seconds, error));
        const double found = nca_measuring_active_fraction(&measuring->forward);
        if (found <= 0 && (last_found <= 0 || last_found > 2 * options->active))
            return nca_fail(error, NCA_ARGUMENT,
                            "--active %g: the smallest disc on a grid of %dx%d is more; choose "
                            "more, or a larger --grid",
                            options->active, options->shape.height, options->shape.width);
        if (found <= 0) {
            measuring->radius = last_radius;
            fill_states(measuring);
            break;
        }
        if (fabs(found / options->active - 1) < 0.01 || i + 1 == PROBES)
            break;
        last_found = found;
        last_radius = measuring->radius;
        measuring->radius = (measuring->radius + 1) * sqrt(options->active / found) - 1;
    }
    return NCA_OK;
}

nca_timing nca_timing_of(double *seconds, int count)
{
    const nca_spread spread = nca_spread_of(seconds, (size_t)count);
    return (nca_timing){1e3 * spread.median, 1e3 * spread.min, 1e3 * spread.max};
}

nca_status nca_measuring_open(const nca_measure_options *options, const nca_compute *compute,
                              nca_measuring *out, nca_error *error)
{
    const nca_shape *shape = &options->shape;
    char what[96];
    *out =
        (nca_measuring){.options = options, .backend = compute->backend, .device = compute->device};
    snprintf(what, sizeof what, "a batch of %d grids of %dx%d and %d steps", shape->batch,
             shape->height, shape->width, shape->tape_steps);
    NCA_TRY(nca_session_open(compute, shape, state_size(shape) * sizeof *out->states, what,
                             &out->session, error));
    out->states = malloc(state_size(shape) * sizeof *out->states);
    out->samples = calloc((size_t)shape->batch, sizeof *out->samples);
    if (!out->states || !out->samples)
        return nca_fail(error, NCA_MEMORY, "--batch %d: no memory for it", shape->batch);
    NCA_TRY(upload_rule(out, error));
    return find_radius(out, error);
}

void nca_measuring_close(nca_measuring *measuring)
{
    measuring->backend->destroy(measuring->session);
    free(measuring->states);
    free(measuring->samples);
    *measuring = (nca_measuring){0};
}
