// The rollouts of an observation: one session whose slots are what befalls the sample, each cut or
// the exchange, and the whole rollout. Until then only the whole one lives; all continue its state.
#include "eval/observe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "eval/observe_keep.h"
#include "model/session.h"
#include "task/subject.h"

// An observation while it runs.
typedef struct watching {
    const nca_observe_options *options;
    const nca_model *model;
    const nca_backend *backend;
    nca_session *session;
    nca_shape shape;   // of it
    nca_subject subject;
    size_t state_size;   // elements of one state
    float *states;       // [ROLLOUTS,H,W,C]
    uint8_t *rgb;        // [H,W,3]
    float *values;       // of one item, to work in
    nca_sample sample[NCA_OBSERVED_ROLLOUTS];
    nca_observation out;
} watching;

static float *state_of(const watching *observer, int rollout)
{
    return observer->states + (size_t)rollout * observer->state_size;
}

static int whole_of(const watching *observer)
{
    return observer->shape.batch - 1;
}

static nca_status fetch(watching *observer, nca_error *error)
{
    NCA_TRY(observer->backend->download(observer->session, NCA_BATCH, 0,
                                        (size_t)observer->shape.batch * observer->state_size,
                                        observer->states, error));
    return observer->backend->synchronize(observer->session, error);
}

static nca_status measure(watching *observer, int step, nca_error *error)
{
    nca_sample_report sample[NCA_OBSERVED_ROLLOUTS];
    const bool is_cut = step >= observer->out.cut_at;
    NCA_TRY(observer->backend->loss(observer->session, sample, error));
    NCA_TRY(observer->backend->synchronize(observer->session, error));
    for (int i = 0; i < observer->shape.batch; i++) {
        const double loss = sample[is_cut ? i : whole_of(observer)].loss;
        observer->out.loss[(size_t)i * ((size_t)observer->out.steps + 1) + (size_t)step] =
            isfinite(loss) ? log10(loss) : INFINITY;
    }
    return NCA_OK;
}

// The task's figures of every rollout; before the cut all are the whole one.
static void measure_figures(watching *observer, int step)
{
    const nca_subject *subject = &observer->subject;
    const bool is_cut = step >= observer->out.cut_at;
    const size_t moments = (size_t)observer->out.steps + 1;
    for (int i = 0; i < observer->shape.batch && observer->out.figures > 0; i++) {
        const int seen = is_cut ? i : whole_of(observer);
        nca_measured values[NCA_FIGURES_MAX];
        subject->task->measure(subject->content, subject->shape, observer->sample[seen].item,
                               state_of(observer, seen), values);
        for (int k = 0; k < observer->out.figures; k++)
            observer->out
                .figure[((size_t)k * NCA_OBSERVED_ROLLOUTS + (size_t)i) * moments + (size_t)step] =
                values[k].weight > 0 ? values[k].value : NAN;
    }
}

static nca_status advance(watching *observer, int step, nca_error *error)
{
    const nca_rollout rollout = {.steps = 1,
                                 .first_step = step,
                                 .key = {.seed = observer->options->seed},
                                 .fire_rate = observer->model->fire_rate,
                                 .angle = nca_radians(observer->model->angle),
                                 .step_size = observer->model->step_size,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    if (observer->options->progress)
        observer->options->progress(observer->options->context, (double)step / observer->out.steps);
    if (observer->options->stop && *observer->options->stop)
        return nca_fail(error, NCA_INTERRUPTED, "stopped; nothing was written");
    return observer->backend->forward(observer->session, &rollout, NULL, error);
}

// The next item with another target or label.
static nca_status exchange(watching *observer, int rollout, nca_error *error)
{
    const nca_key key = {.seed = observer->options->seed};
    const int64_t item = observer->sample[rollout].item;
    uint32_t number = 1;
    NCA_TRY(nca_subject_draw_unlike(&observer->subject, key, item, &number,
                                    &observer->sample[rollout], error));
    NCA_TRY(
        nca_subject_exchange(&observer->subject, rollout, observer->sample[rollout].item, error));
    return nca_subject_upload_targets(&observer->subject, observer->sample, error);
}

// All rollouts continue the state that the whole one has reached, each with what befalls it.
static nca_status branch_off(watching *observer, nca_error *error)
{
    const float *whole = state_of(observer, whole_of(observer));
    memcpy(observer->out.grown, whole, observer->state_size * sizeof *whole);
    for (int i = 0; i < whole_of(observer); i++) {
        const nca_region region = nca_cut_region(i, observer->out.height, observer->out.width);
        NCA_TRY(observer->backend->upload(observer->session, NCA_BATCH,
                                          (size_t)i * observer->state_size, observer->state_size,
                                          whole, error));
        if (observer->out.is_exchange)
            NCA_TRY(exchange(observer, i, error));
        else
            NCA_TRY(observer->backend->damage(observer->session, i, &region, error));
    }
    return fetch(observer, error);
}

static void keep_growth(watching *observer, int step)
{
    const float *whole = state_of(observer, whole_of(observer));
    if (nca_observed_frame_is_due(&observer->out.growth, step) || step == observer->out.cut_at)
        nca_observed_frame_add(&observer->out, &observer->out.growth, step, whole, observer->rgb);
    if (step == observer->out.young_step)
        memcpy(observer->out.young, whole, observer->state_size * sizeof *whole);
}

static void keep_healing(watching *observer, int step)
{
    for (int i = 0; i < observer->shape.batch; i++)
        if (nca_observed_frame_is_due(&observer->out.healing[i], step) ||
            step == observer->out.steps)
            nca_observed_frame_add(&observer->out, &observer->out.healing[i], step,
                                   state_of(observer, i), observer->rgb);
}

// One new sample, which all rollouts will be of.
static nca_status begin(watching *observer, nca_error *error)
{
    const nca_key key = {.seed = observer->options->seed};
    float *const start = state_of(observer, whole_of(observer));
    for (int i = 0; i < observer->shape.batch; i++)
        observer->sample[i] = nca_subject_draw(&observer->subject, key, 0);
    nca_subject_start(&observer->subject, &observer->sample[0], start);
    NCA_TRY(nca_subject_upload_targets(&observer->subject, observer->sample, error));
    NCA_TRY(observer->backend->upload(observer->session, NCA_BATCH,
                                      (size_t)whole_of(observer) * observer->state_size,
                                      observer->state_size, start, error));
    return observer->backend->synchronize(observer->session, error);
}

static nca_status watch(watching *observer, nca_error *error)
{
    nca_observation *out = &observer->out;
    NCA_TRY(begin(observer, error));
    for (int step = 0;; step++) {
        NCA_TRY(fetch(observer, error));
        if (step <= out->cut_at)
            keep_growth(observer, step);
        if (step == out->cut_at)
            NCA_TRY(branch_off(observer, error));
        if (step >= out->cut_at)
            keep_healing(observer, step);
        const int seen = step >= out->cut_at ? observer->options->traced : whole_of(observer);
        nca_observation_follow(out, step, state_of(observer, seen));
        NCA_TRY(measure(observer, step, error));
        measure_figures(observer, step);
        if (step == out->steps)
            return NCA_OK;
        NCA_TRY(advance(observer, step, error));
    }
}

static nca_status open_watching(watching *observer, const nca_compute *compute, nca_error *error)
{
    const nca_shape *shape = &observer->shape;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    const uint64_t kept = nca_buffer_elements(shape, NCA_BATCH);
    char what[96];
    snprintf(what, sizeof what, "%d grids of %dx%d cells", shape->batch, shape->height,
             shape->width);
    NCA_TRY(nca_session_open(compute, shape, kept * sizeof *observer->states, what,
                             &observer->session, error));
    NCA_TRY(nca_observation_create(shape, observer->subject.task, observer->options, &observer->out,
                                   error));
    observer->state_size = cells * (size_t)observer->model->spec.channels;
    observer->states =
        malloc((size_t)shape->batch * observer->state_size * sizeof *observer->states);
    observer->rgb = malloc(cells * 3);
    observer->values = calloc(nca_values_size(shape), sizeof *observer->values);
    if (!observer->states || !observer->rgb || !observer->values)
        return nca_fail(error, NCA_MEMORY, "no memory for states of %dx%d cells", shape->height,
                        shape->width);
    observer->subject.session = observer->session;
    observer->subject.values = observer->values;
    return nca_subject_upload_rules(&observer->subject, observer->model->parameters, error);
}

nca_status nca_observe(const nca_model *model, const nca_task *task, const void *content,
                       const nca_observe_options *options, const nca_compute *compute,
                       nca_observation *out, nca_error *error)
{
    watching observer = {
        .options = options,
        .model = model,
        .backend = compute->backend,
        .shape = nca_judging_shape(task, options->config, &model->spec, nca_observed_rollouts(task),
                                   &options->grid),
        .subject = {.task = task, .content = content, .backend = compute->backend}};
    nca_status status;
    observer.subject.shape = &observer.shape;
    if (task->check)
        NCA_GO(task->check(content, &observer.shape, error));
    NCA_GO(open_watching(&observer, compute, error));
    NCA_GO(watch(&observer, error));
    *out = observer.out;
    observer.out = (nca_observation){0};
cleanup:
    observer.backend->destroy(observer.session);
    free(observer.states);
    free(observer.rgb);
    free(observer.values);
    nca_observation_free(&observer.out);
    return status;
}

void nca_observe_choose_cells(const nca_task *task, const void *content, const nca_spec *spec,
                              nca_observe_options *options)
{
    const nca_grid *grid = &options->grid;
    const int middle = grid->width / 2;
    const nca_shape shape = nca_judging_shape(task, options->config, spec, 1, grid);
    const nca_subject subject = {.task = task, .content = content, .shape = &shape};
    if (task->choose_cells) {
        const nca_sample sample = nca_subject_draw(&subject, (nca_key){.seed = options->seed}, 0);
        task->choose_cells(content, grid, sample.item, options->cell);
        return;
    }
    for (int i = 0; i < NCA_OBSERVED_CELLS; i++) {
        options->cell[i][0] = grid->height / 2;
        options->cell[i][1] = middle - i * middle / (NCA_OBSERVED_CELLS - 1);
    }
}
