// The attacks that perturb a sample once, and the one that withholds its updates. A picture is
// perturbed before the first step, a state halfway; the gradient is that of the loss HORIZON steps
// later, by the draws that will come.
#include <math.h>
#include <stdlib.h>

#include "attack/attack.h"
#include "attack/paint.h"
#include "model/session.h"
#include "task/perturb.h"
#include "task/subject.h"

enum { HORIZON = 20, BATCH = 50 };

// Some samples while they are attacked.
typedef struct trial {
    const nca_attack_job *job;
    nca_perturbation perturbation;
    double fire_rate;
    int first;   // number of the first of them
    nca_shape shape;
    nca_session *session;
    nca_subject subject;
    size_t state_elements;   // of one
    nca_sample samples[BATCH];
    float *states, *gradient;   // [B,H,W,C]
    float *values;              // of one item, to work in
} trial;

static nca_status open_trial(trial *run, const nca_run_task *judged, int count, nca_error *error)
{
    const nca_attack_job *job = run->job;
    const nca_config *config = judged->is_of_run ? &judged->config : NULL;
    run->shape =
        nca_judging_shape(job->task, config, &job->model->spec, count, &judged->content.grid);
    if (nca_perturbs_by_gradient(run->perturbation.kind))
        run->shape.tape_steps = HORIZON;
    if (job->task->check)
        NCA_TRY(job->task->check(judged->content.data, &run->shape, error));
    NCA_TRY(nca_session_open(job->compute, &run->shape, 0, "the samples of an attack",
                             &run->session, error));
    const size_t elements = nca_buffer_elements(&run->shape, NCA_BATCH);
    run->state_elements = elements / (size_t)count;
    run->states = calloc(2 * elements, sizeof *run->states);
    run->values = calloc(nca_values_size(&run->shape), sizeof *run->values);
    if (!run->states || !run->values)
        return nca_fail(error, NCA_MEMORY, "%d samples: no memory to attack them", count);
    run->gradient = run->states + elements;
    run->subject = (nca_subject){.task = job->task,
                                 .content = judged->content.data,
                                 .shape = &run->shape,
                                 .backend = job->compute->backend,
                                 .session = run->session,
                                 .values = run->values};
    return nca_subject_upload_rules(&run->subject, job->model->parameters, error);
}

static void close_trial(trial *run)
{
    run->job->compute->backend->destroy(run->session);
    free(run->states);
    free(run->values);
}

static nca_status transfer(trial *run, bool is_upload, nca_error *error)
{
    const nca_backend *backend = run->subject.backend;
    const size_t elements = nca_buffer_elements(&run->shape, NCA_BATCH);
    if (is_upload)
        return backend->upload(run->session, NCA_BATCH, 0, elements, run->states, error);
    NCA_TRY(backend->download(run->session, NCA_BATCH, 0, elements, run->states, error));
    return backend->synchronize(run->session, error);
}

static nca_status roll(trial *run, int from, int steps, nca_error *error)
{
    enum { PIECE = HORIZON };   // what a tape holds
    const nca_attack_job *job = run->job;
    for (int done = 0; done < steps; done += PIECE) {
        const nca_rollout rollout = {.steps = steps - done < PIECE ? steps - done : PIECE,
                                     .first_step = from + done,
                                     .key = {.seed = job->seed},
                                     .first_sample = run->first,
                                     .fire_rate = run->fire_rate,
                                     .angle = nca_radians(job->model->angle),
                                     .step_size = job->model->step_size,
                                     .alive_threshold = NCA_ALIVE_THRESHOLD,
                                     .keep_tape = run->shape.tape_steps > 0};
        NCA_TRY(run->subject.backend->forward(run->session, &rollout, NULL, error));
        if (job->stop && *job->stop)
            return nca_fail(error, NCA_INTERRUPTED, "stopped; nothing was written");
    }
    return NCA_OK;
}

static nca_status perturb(trial *run, int step, nca_error *error)
{
    const nca_backend *backend = run->subject.backend;
    NCA_TRY(transfer(run, false, error));
    if (nca_perturbs_by_gradient(run->perturbation.kind)) {
        NCA_TRY(roll(run, step, HORIZON, error));
        NCA_TRY(backend->backward(run->session, NULL, error));
        NCA_TRY(backend->download(run->session, NCA_BATCH_GRADIENT, 0,
                                  nca_buffer_elements(&run->shape, NCA_BATCH), run->gradient,
                                  error));
        NCA_TRY(backend->synchronize(run->session, error));
    }
    for (int i = 0; i < run->shape.batch; i++)
        nca_perturb(&run->perturbation, &run->shape, run->job->task->exchange_limit,
                    (nca_key){.seed = run->job->seed}, (uint32_t)(run->first + i),
                    run->gradient + (size_t)i * run->state_elements,
                    run->states + (size_t)i * run->state_elements);
    return transfer(run, true, error);
}

// From new samples to the step at which they are judged.
static nca_status attack_batch(trial *run, nca_error *error)
{
    const int at = nca_perturbs_input(run->perturbation.kind) ? 0 : run->job->steps / 2;
    for (int i = 0; i < run->shape.batch; i++) {
        run->samples[i] = nca_subject_draw(&run->subject, (nca_key){.seed = run->job->seed},
                                           (uint32_t)(run->first + i));
        nca_subject_start(&run->subject, &run->samples[i],
                          run->states + (size_t)i * run->state_elements);
    }
    NCA_TRY(nca_subject_upload_targets(&run->subject, run->samples, error));
    NCA_TRY(transfer(run, true, error));
    NCA_TRY(roll(run, 0, at, error));
    if (run->perturbation.strength > 0)
        NCA_TRY(perturb(run, at, error));
    return roll(run, at, run->job->steps - at, error);
}

// Adds the figures of the states, by their weights; of a task without figures the loss.
static nca_status add_figures(trial *run, nca_measured sum[NCA_FIGURES_MAX],
                              nca_attack_painter *painter, nca_error *error)
{
    const nca_task *task = run->job->task;
    nca_sample_report reports[BATCH];
    NCA_TRY(run->subject.backend->loss(run->session, reports, error));
    NCA_TRY(transfer(run, false, error));
    for (int i = 0; i < run->shape.batch; i++) {
        const float *state = run->states + (size_t)i * run->state_elements;
        const double loss = log10(reports[i].loss);
        nca_measured values[NCA_FIGURES_MAX] = {{loss, 1}};
        if (task->measure)
            task->measure(run->subject.content, &run->shape, run->samples[i].item, state, values);
        for (int k = 0; k < NCA_FIGURES_MAX; k++) {
            sum[k].value += values[k].weight > 0 ? values[k].weight * values[k].value : 0;
            sum[k].weight += values[k].weight;
        }
        if (run->first + i < run->job->shown)
            nca_attack_look(painter, NCA_EVALUATED_STEP, run->job->steps, state);
    }
    return NCA_OK;
}

static nca_status attack_samples(trial *run, const nca_run_task *judged, nca_attack_point *out,
                                 nca_error *error)
{
    const nca_attack_job *job = run->job;
    nca_measured sum[NCA_FIGURES_MAX] = {{0}};
    nca_attack_painter painter = {.paint = job->task->paint,
                                  .grid = judged->content.grid,
                                  .channels = job->model->spec.channels};
    NCA_TRY(nca_attack_paint_begin(&painter, job->shown, out, error));
    for (run->first = 0; run->first < job->samples; run->first += BATCH) {
        const int left = job->samples - run->first;
        nca_status status = open_trial(run, judged, left < BATCH ? left : BATCH, error);
        if (status == NCA_OK)
            status = attack_batch(run, error);
        if (status == NCA_OK)
            status = add_figures(run, sum, &painter, error);
        close_trial(run);
        run->session = NULL;
        run->states = run->values = NULL;
        NCA_TRY(status);
    }
    for (int k = 0; k < NCA_FIGURES_MAX; k++)
        out->figure[k] = sum[k].weight > 0 ? sum[k].value / sum[k].weight : NAN;
    return NCA_OK;
}

static nca_status measure(const nca_attack_job *job, nca_attack_point *out, nca_error *error)
{
    const nca_perturbation_kind kind = job->attack->perturbation;
    const bool withholds = kind == NCA_PERTURB_NONE;
    trial run = {.job = job,
                 .perturbation = {kind, withholds ? 0 : out->strength},
                 .fire_rate = job->model->fire_rate * (withholds ? 1 - out->strength : 1)};
    nca_run_task judged;
    NCA_TRY(nca_run_task_load(&job->given, job->rule, job->model, &judged, error));
    const nca_status status = attack_samples(&run, &judged, out, error);
    nca_run_task_free(&judged);
    return status;
}

// -- The attacks ----------------------------------------------------------------------------------

static const nca_figure *figures(const nca_task *task)
{
    static const nca_figure loss[] = {{"log10_loss", "log10 loss"}, {NULL, NULL}};
    return task->victim ? NULL : task->figures ? task->figures : loss;
}

static const nca_figure *figures_of_picture(const nca_task *task)
{
    return task->frozen ? figures(task) : NULL;
}

#define ON_PICTURES "0,0.02,0.05,0.1,0.2,0.3"
#define ON_STATES "0,0.1,0.5,1,2,5"

const nca_attack nca_attack_input_gradient = {
    .name = "input-gradient",
    .summary = "the picture moves along the sign of the loss's gradient",
    .strength_words = "largest change of a pixel",
    .strengths = ON_PICTURES,
    .strength_max = 10,
    .figures = figures_of_picture,
    .perturbation = NCA_PERTURB_INPUT_GRADIENT,
    .measure = measure,
};

const nca_attack nca_attack_state_gradient = {
    .name = "state-gradient",
    .summary = "halfway the state moves along the sign of the loss's gradient",
    .strength_words = "change of a number",
    .strengths = ON_STATES,
    .strength_max = 10,
    .figures = figures,
    .perturbation = NCA_PERTURB_STATE_GRADIENT,
    .measure = measure,
};

const nca_attack nca_attack_input_noise = {
    .name = "input-noise",
    .summary = "uniform noise on the picture",
    .strength_words = "largest change of a pixel",
    .strengths = ON_PICTURES,
    .strength_max = 10,
    .figures = figures_of_picture,
    .perturbation = NCA_PERTURB_INPUT_NOISE,
    .measure = measure,
};

const nca_attack nca_attack_state_noise = {
    .name = "state-noise",
    .summary = "halfway, uniform noise on the state",
    .strength_words = "largest change of a number",
    .strengths = ON_STATES,
    .strength_max = 10,
    .figures = figures,
    .perturbation = NCA_PERTURB_STATE_NOISE,
    .measure = measure,
};

const nca_attack nca_attack_salt = {
    .name = "salt",
    .summary = "a share of the pixels is as dark as can be, and lives",
    .strength_words = "share of the pixels",
    .strengths = "0,0.01,0.02,0.05,0.1,0.2",
    .strength_max = 1,
    .figures = figures_of_picture,
    .perturbation = NCA_PERTURB_SALT,
    .measure = measure,
};

const nca_attack nca_attack_killed = {
    .name = "killed",
    .summary = "halfway a share of the cells is cleared",
    .strength_words = "share of the cells",
    .strengths = "0,0.05,0.1,0.2,0.5,0.8",
    .strength_max = 1,
    .figures = figures,
    .perturbation = NCA_PERTURB_KILLED,
    .measure = measure,
};

const nca_attack nca_attack_withheld = {
    .name = "withheld",
    .summary = "a share of the cells' updates never happens",
    .strength_words = "share of the updates",
    .strengths = "0,0.2,0.5,0.8,0.9,0.95",
    .strength_max = 0.999,
    .figures = figures,
    .measure = measure,
};
