// Timing of a train step.
#include "study/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "session.h"

// What is measured in every repeat.
enum { FORWARD, LOSS, BACKWARD, UPDATE, STEP, PEAK, FORWARD_RATE, BACKWARD_RATE, SERIES };
enum { PARTS = STEP, PROBES = 6 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// A measurement while it runs.
typedef struct measuring {
    const nca_measure_options *options;
    const nca_backend *backend;
    nca_device *device;
    nca_session *session;
    float *states;   // [B,H,W,C] before every step
    nca_sample_report *samples;
    nca_pass_report forward, backward;
    double radius;
    int64_t time;   // of Adam
} measuring;

static double uniform(uint64_t seed, uint32_t sample, size_t index)
{
    const nca_key key = {.seed = seed};
    return 2 * nca_random_uniform(key, NCA_RANDOM_TEST, sample, 0, (uint32_t)index) - 1;
}

// A rule that changes little, so that the disc stays as it is.
static nca_status upload_rule(measuring *of, nca_error *error)
{
    const nca_shape *shape = &of->options->shape;
    const nca_layout layout = nca_layout_of(shape->channels, shape->hidden);
    const double sizes[NCA_TENSORS] = {0.14, 0.05, 2e-3, 0};
    float *parameters = malloc(layout.total * sizeof *parameters);
    if (!parameters)
        return nca_fail(error, NCA_MEMORY, "a rule: no memory for it");
    for (int t = 0; t < NCA_TENSORS; t++)
        for (size_t i = 0; i < layout.size[t]; i++)
            parameters[layout.offset[t] + i] =
                (float)(sizes[t] * uniform(of->options->seed, (uint32_t)t, i));
    const nca_status status =
        of->backend->upload(of->session, NCA_PARAMETERS, 0, layout.total, parameters, error);
    free(parameters);
    return status;
}

// Discs of radius r in the middle: alpha 1 inside, the other channels small.
static void fill_states(measuring *of)
{
    const nca_shape *shape = &of->options->shape;
    const size_t channels = (size_t)shape->channels;
    const double cy = (shape->height - 1) / 2.0, cx = (shape->width - 1) / 2.0;
    float *cell = of->states;
    for (int b = 0; b < shape->batch; b++)
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++, cell += channels) {
                const bool is_inside = hypot(y - cy, x - cx) < of->radius;
                for (size_t k = 0; k < channels; k++)
                    cell[k] = is_inside ? (float)(0.5 * uniform(of->options->seed, 9,
                                                                (size_t)(cell - of->states) + k))
                                        : 0;
                cell[NCA_ALPHA] = is_inside;
            }
}

static size_t state_size(const nca_shape *shape)
{
    return nca_state_size((size_t)shape->batch, (size_t)shape->height, (size_t)shape->width,
                          (size_t)shape->channels);
}

// One train step; the seconds of its four parts.
static nca_status take_step(measuring *of, bool is_clocked, double seconds[PARTS], nca_error *error)
{
    const nca_measure_options *options = of->options;
    const nca_rollout rollout = {.steps = options->shape.tape_steps,
                                 .key = {.seed = options->seed, .update = (uint32_t)of->time},
                                 .fire_rate = options->fire_rate,
                                 .step_size = 1,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD,
                                 .keep_tape = true,
                                 .measure = is_clocked};
    const nca_optimizer_step optimizer = {.time = ++of->time,
                                          .beta1 = 0.9,
                                          .beta2 = 0.999,
                                          .epsilon = 1e-7,
                                          .rules = 1,
                                          .rule = {{NCA_GRADIENT_NORMALIZE, 0}}};
    nca_update_report report;
    double moment[PARTS + 1];
    NCA_TRY(of->backend->upload(of->session, NCA_BATCH, 0, state_size(&options->shape), of->states,
                                error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    moment[0] = now();
    NCA_TRY(of->backend->forward(of->session, &rollout, &of->forward, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    moment[1] = now();
    NCA_TRY(of->backend->loss(of->session, of->samples, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    moment[2] = now();
    NCA_TRY(of->backend->backward(of->session, &of->backward, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    moment[3] = now();
    NCA_TRY(of->backend->update(of->session, &optimizer, &report, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    moment[4] = now();
    for (int i = 0; i < PARTS; i++)
        seconds[i] = moment[i + 1] - moment[i];
    return NCA_OK;
}

static double active_fraction(const nca_pass_report *report)
{
    return (double)report->active_cells / (double)report->cell_steps;
}

// The radius whose disc, one cell wider for the alive mask, has about the asked active fraction. One
// that is too small to hold a cell has none.
static nca_status find_radius(measuring *of, nca_error *error)
{
    const nca_measure_options *options = of->options;
    const double cells = (double)options->shape.height * options->shape.width;
    double seconds[PARTS];
    of->radius = sqrt(options->active / options->fire_rate * cells / acos(-1)) - 1;
    for (int i = 0; i < PROBES; i++) {
        fill_states(of);
        NCA_TRY(take_step(of, false, seconds, error));
        const double found = active_fraction(&of->forward);
        if (found <= 0)
            return nca_fail(error, NCA_ARGUMENT,
                            "--active %g: the smallest disc on a grid of %dx%d is more; choose "
                            "more, or a larger --grid",
                            options->active, options->shape.height, options->shape.width);
        if (fabs(found / options->active - 1) < 0.01 || i + 1 == PROBES)
            break;
        of->radius = (of->radius + 1) * sqrt(options->active / found) - 1;
    }
    return NCA_OK;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, int count)
{
    qsort(values, (size_t)count, sizeof *values, compare_doubles);
    return values[count / 2];
}

static nca_timing timing_of(double *seconds, int count)
{
    const double middle = median(seconds, count);
    return (nca_timing){1e3 * middle, 1e3 * seconds[0], 1e3 * seconds[count - 1]};
}

static double rate_of(const nca_pass_report *report)
{
    return report->mlp_seconds > 0 ? (double)report->mlp_flop / report->mlp_seconds : 0;
}

// One repeat; values [SERIES].
static nca_status repeat_step(measuring *of, double *values, nca_error *error)
{
    double clocked[PARTS];
    NCA_TRY(take_step(of, false, values, error));
    values[STEP] = 0;
    for (int i = 0; i < PARTS; i++)
        values[STEP] += values[i];
    NCA_TRY(take_step(of, true, clocked, error));
    values[FORWARD_RATE] = rate_of(&of->forward);
    values[BACKWARD_RATE] = rate_of(&of->backward);
    values[PEAK] = of->backend->peak(of->device);
    return NCA_OK;
}

// series [SERIES,repeats] is scratch.
static nca_status time_steps(measuring *of, double *series, nca_measurement *out, nca_error *error)
{
    const int repeats = of->options->repeats;
    double *part[SERIES], values[SERIES];
    for (int i = 0; i < SERIES; i++)
        part[i] = series + i * repeats;
    for (int r = 0; r < of->options->warmup; r++)
        NCA_TRY(take_step(of, false, values, error));
    for (int r = 0; r < repeats; r++) {
        NCA_TRY(repeat_step(of, values, error));
        for (int i = 0; i < SERIES; i++)
            part[i][r] = values[i];
    }
    out->active_fraction = active_fraction(&of->forward);
    out->step = timing_of(part[STEP], repeats);
    out->forward = timing_of(part[FORWARD], repeats);
    out->loss = timing_of(part[LOSS], repeats);
    out->backward = timing_of(part[BACKWARD], repeats);
    out->update = timing_of(part[UPDATE], repeats);
    out->peak_flops = median(part[PEAK], repeats);
    out->forward_flops = median(part[FORWARD_RATE], repeats);
    out->backward_flops = median(part[BACKWARD_RATE], repeats);
    out->forward_best = part[FORWARD_RATE][repeats - 1];   // median() has sorted them
    out->backward_best = part[BACKWARD_RATE][repeats - 1];
    return NCA_OK;
}

static nca_status measure(measuring *of, double *series, nca_measurement *out, nca_error *error)
{
    nca_device_info info;
    struct rusage usage;
    NCA_TRY(upload_rule(of, error));
    NCA_TRY(find_radius(of, error));
    NCA_TRY(time_steps(of, series, out, error));
    of->backend->info(of->device, &info);
    const double flop = (double)(of->forward.mlp_flop + of->backward.mlp_flop);
    out->share_of_peak = flop / (out->step.median_ms * 1e-3) / info.threads / out->peak_flops;
    getrusage(RUSAGE_SELF, &usage);
    out->peak_rss_mb = (double)usage.ru_maxrss * 1024 / 1e6;   // it is in KiB
    out->radius = of->radius;
    return NCA_OK;
}

nca_status nca_measure_step(const nca_measure_options *options, const nca_compute *compute,
                            nca_measurement *out, nca_error *error)
{
    measuring of = {.options = options, .backend = compute->backend, .device = compute->device};
    nca_measurement found = {0};
    const nca_shape *shape = &options->shape;
    char what[96];
    snprintf(what, sizeof what, "a batch of %d grids of %dx%d and %d steps", shape->batch,
             shape->height, shape->width, shape->tape_steps);
    NCA_TRY(nca_session_open(compute, shape, state_size(shape) * sizeof *of.states, what,
                             &of.session, error));
    double *series = calloc((size_t)options->repeats * SERIES, sizeof *series);
    of.states = malloc(state_size(&options->shape) * sizeof *of.states);
    of.samples = calloc((size_t)options->shape.batch, sizeof *of.samples);
    nca_status status =
        series && of.states && of.samples
            ? measure(&of, series, &found, error)
            : nca_fail(error, NCA_MEMORY, "--batch %d: no memory for it", options->shape.batch);
    of.backend->destroy(of.session);
    free(series);
    free(of.states);
    free(of.samples);
    if (status == NCA_OK)
        *out = found;
    return status;
}
