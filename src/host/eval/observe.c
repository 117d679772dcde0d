// The rollouts of an observation: one session whose slots are the cuts and the undamaged rollout.
// Until the cut only the undamaged one lives; then all continue its state.
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
    nca_observation out;
} watching;

static float *state_of(const watching *of, int rollout)
{
    return of->states + (size_t)rollout * of->state_size;
}

static nca_status fetch(watching *of, nca_error *error)
{
    NCA_TRY(of->backend->download(of->session, NCA_BATCH, 0, NCA_OBSERVED_ROLLOUTS * of->state_size,
                                  of->states, error));
    return of->backend->synchronize(of->session, error);
}

static nca_status measure(watching *of, int step, nca_error *error)
{
    nca_sample_report sample[NCA_OBSERVED_ROLLOUTS];
    const bool is_cut = step >= of->out.cut_at;
    NCA_TRY(of->backend->loss(of->session, sample, error));
    NCA_TRY(of->backend->synchronize(of->session, error));
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++) {
        const double loss = sample[is_cut ? i : NCA_OBSERVED_WHOLE].loss;
        of->out.loss[(size_t)i * ((size_t)of->out.steps + 1) + (size_t)step] =
            isfinite(loss) ? log10(loss) : INFINITY;
    }
    return NCA_OK;
}

static nca_status advance(watching *of, int step, nca_error *error)
{
    const nca_rollout rollout = {.steps = 1,
                                 .first_step = step,
                                 .key = {.seed = of->options->seed},
                                 .fire_rate = of->model->fire_rate,
                                 .angle = nca_radians(of->model->angle),
                                 .step_size = of->model->step_size,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    if (of->options->progress)
        of->options->progress(of->options->context, (double)step / of->out.steps);
    if (of->options->stop && *of->options->stop)
        return nca_fail(error, NCA_INTERRUPTED, "stopped; nothing was written");
    return of->backend->forward(of->session, &rollout, NULL, error);
}

// All rollouts continue the state that the undamaged one has reached, each with its cut.
static nca_status cut(watching *of, nca_error *error)
{
    const float *whole = state_of(of, NCA_OBSERVED_WHOLE);
    memcpy(of->out.grown, whole, of->state_size * sizeof *whole);
    for (int i = 0; i < NCA_CUT_COUNT; i++) {
        const nca_region region = nca_cut_region(i, of->out.height, of->out.width);
        NCA_TRY(of->backend->upload(of->session, NCA_BATCH, (size_t)i * of->state_size,
                                    of->state_size, whole, error));
        NCA_TRY(of->backend->damage(of->session, i, &region, error));
    }
    return fetch(of, error);
}

static void keep_growth(watching *of, int step)
{
    const float *whole = state_of(of, NCA_OBSERVED_WHOLE);
    if (nca_observed_frame_is_due(&of->out.growth, step) || step == of->out.cut_at)
        nca_observed_frame_add(&of->out, &of->out.growth, step, whole, of->rgb);
    if (step == of->out.young_step)
        memcpy(of->out.young, whole, of->state_size * sizeof *whole);
}

static void keep_healing(watching *of, int step)
{
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++)
        if (nca_observed_frame_is_due(&of->out.healing[i], step) || step == of->out.steps)
            nca_observed_frame_add(&of->out, &of->out.healing[i], step, state_of(of, i), of->rgb);
}

// One new sample; the cuts will be of it.
static nca_status begin(watching *of, nca_error *error)
{
    nca_sample samples[NCA_OBSERVED_ROLLOUTS];
    float *const start = state_of(of, NCA_OBSERVED_WHOLE);
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++)
        samples[i] = nca_subject_draw(&of->subject, (nca_key){.seed = of->options->seed}, 0);
    nca_subject_start(&of->subject, &samples[0], start);
    NCA_TRY(nca_subject_upload_targets(&of->subject, samples, error));
    NCA_TRY(of->backend->upload(of->session, NCA_BATCH, NCA_OBSERVED_WHOLE * of->state_size,
                                of->state_size, start, error));
    return of->backend->synchronize(of->session, error);
}

static nca_status watch(watching *of, nca_error *error)
{
    nca_observation *out = &of->out;
    NCA_TRY(begin(of, error));
    for (int step = 0;; step++) {
        NCA_TRY(fetch(of, error));
        if (step <= out->cut_at)
            keep_growth(of, step);
        if (step == out->cut_at)
            NCA_TRY(cut(of, error));
        if (step >= out->cut_at)
            keep_healing(of, step);
        const bool is_cut = step >= out->cut_at;
        nca_observation_follow(out, step,
                               state_of(of, is_cut ? of->options->traced_cut : NCA_OBSERVED_WHOLE));
        NCA_TRY(measure(of, step, error));
        if (step == out->steps)
            return NCA_OK;
        NCA_TRY(advance(of, step, error));
    }
}

static nca_status open_watching(watching *of, const nca_compute *compute, nca_error *error)
{
    const nca_layout layout = nca_layout_of(&of->model->spec);
    const nca_shape *shape = &of->shape;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    const uint64_t kept = nca_buffer_elements(shape, NCA_BATCH);
    char what[96];
    snprintf(what, sizeof what, "%d grids of %dx%d cells", shape->batch, shape->height,
             shape->width);
    NCA_TRY(nca_session_open(compute, shape, kept * sizeof *of->states, what, &of->session, error));
    NCA_TRY(nca_observation_create(shape->height, shape->width, of->model->spec.channels,
                                   of->options, &of->out, error));
    of->out.paint = of->subject.task->paint;
    of->state_size = cells * (size_t)of->model->spec.channels;
    of->states = malloc(NCA_OBSERVED_ROLLOUTS * of->state_size * sizeof *of->states);
    of->rgb = malloc(cells * 3);
    of->values = calloc(nca_values_size(shape), sizeof *of->values);
    if (!of->states || !of->rgb || !of->values)
        return nca_fail(error, NCA_MEMORY, "no memory for states of %dx%d cells", shape->height,
                        shape->width);
    of->subject.session = of->session;
    of->subject.values = of->values;
    return of->backend->upload(of->session, NCA_PARAMETERS, 0, layout.total, of->model->parameters,
                               error);
}

nca_status nca_observe(const nca_model *model, const nca_task *task, const void *content,
                       const nca_observe_options *options, const nca_compute *compute,
                       nca_observation *out, nca_error *error)
{
    const nca_grid *grid = &options->grid;
    watching of = {.options = options,
                   .model = model,
                   .backend = compute->backend,
                   .shape = nca_judging_shape(task, &model->spec, NCA_OBSERVED_ROLLOUTS,
                                              grid->height, grid->width),
                   .subject = {.task = task, .content = content, .backend = compute->backend}};
    nca_status status;
    of.subject.shape = &of.shape;
    if (task->check)
        NCA_GO(task->check(content, &of.shape, error));
    NCA_GO(open_watching(&of, compute, error));
    NCA_GO(watch(&of, error));
    *out = of.out;
    of.out = (nca_observation){0};
cleanup:
    of.backend->destroy(of.session);
    free(of.states);
    free(of.rgb);
    free(of.values);
    nca_observation_free(&of.out);
    return status;
}

void nca_observe_choose_cells(const nca_image *target, int cell[NCA_OBSERVED_CELLS][2])
{
    const int y = target->height / 2, middle = target->width / 2;
    int edge = 0;
    while (edge < middle &&
           target->pixels[((size_t)y * (size_t)target->width + (size_t)edge) * NCA_VISIBLE +
                          NCA_ALPHA] <= NCA_ALIVE_THRESHOLD)
        edge++;
    if (edge == middle)   // nothing of the target lies there
        edge = middle / 2;
    const int column[NCA_OBSERVED_CELLS] = {middle, (middle + edge) / 2, edge};
    for (int i = 0; i < NCA_OBSERVED_CELLS; i++) {
        cell[i][0] = y;
        cell[i][1] = column[i];
    }
}
