// Judges a rule over several fire-mask seeds, run as one batch: one trajectory from the seed,
// measured where it is asked; and from one moment of it the five cuts and random circles.
#include "eval/evaluate.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/session.h"
#include "nca/train.h"
#include "task/damage.h"
#include "task/subject.h"

bool nca_is_healed(double loss, double whole)
{
    return isfinite(loss) && loss <= whole + NCA_HEALED_WITHIN;
}

bool nca_rule_heals(const nca_task *task, double loss, double whole)
{
    return whole <= task->good_loss && nca_is_healed(loss, whole);
}

// An evaluation while it runs.
typedef struct judging {
    const nca_evaluate_options *options;
    const nca_backend *backend;
    nca_session *session;
    nca_shape shape;   // of it
    nca_subject subject;
    int done;                     // steps of the trajectory
    long total, gone;             // steps in all, for progress
    float *kept;                  // [seeds,H,W,C] at the cut
    float *seen;                  // [H,W,C] of one seed
    float *item;                  // of one item, to work in
    nca_sample *starts;           // [seeds] as they began
    nca_sample_report *samples;   // [seeds]
    double *losses;               // [seeds] log10, of the latest measurement
    double *whole;                // [seeds] the same of the pattern without damage
    double *values;               // [seeds] to be sorted
    double max_state;
    int dead;        // seeds, of the latest report
    bool has_died;   // any of them, ever
} judging;

static nca_status report(judging *evaluator, nca_error *error)
{
    NCA_TRY(evaluator->backend->loss(evaluator->session, evaluator->samples, error));
    NCA_TRY(evaluator->backend->synchronize(evaluator->session, error));
    bool (*const is_dead)(const nca_sample_report *) = evaluator->subject.task->is_dead;
    evaluator->dead = 0;
    for (int i = 0; i < evaluator->options->seeds; i++) {
        const double largest = evaluator->samples[i].max_state;
        if (largest > evaluator->max_state || isnan(largest))
            evaluator->max_state = largest;
        evaluator->dead += is_dead && is_dead(&evaluator->samples[i]);
    }
    evaluator->has_died |= evaluator->dead > 0;
    return NCA_OK;
}

static nca_status take_steps(judging *evaluator, int from, int steps, nca_error *error)
{
    const nca_evaluate_options *options = evaluator->options;
    const nca_rollout rollout = {.steps = steps,
                                 .first_step = from,
                                 .key = {.seed = options->seed},
                                 .fire_rate = options->fire_rate,
                                 .angle = nca_radians(options->angle),
                                 .step_size = options->step_size,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    NCA_TRY(evaluator->backend->forward(evaluator->session, &rollout, NULL, error));
    return report(evaluator, error);
}

static nca_status go_on(judging *evaluator, int from, int steps, nca_error *error)
{
    enum { PIECE = 100 };
    const nca_evaluate_options *options = evaluator->options;
    for (int gone = 0; gone < steps; gone += PIECE) {
        const int piece = steps - gone < PIECE ? steps - gone : PIECE;
        NCA_TRY(take_steps(evaluator, from + gone, piece, error));
        if (options->stop && *options->stop)
            return nca_fail(error, NCA_INTERRUPTED, "stopped; nothing was written");
        evaluator->gone += piece;
        if (options->progress)
            options->progress(options->context, (double)evaluator->gone / (double)evaluator->total);
    }
    return NCA_OK;
}

static size_t batch_size(const judging *evaluator)
{
    return nca_buffer_elements(&evaluator->shape, NCA_BATCH);
}

// The state of one seed, into `seen`.
static nca_status look_at(judging *evaluator, int seed, nca_error *error)
{
    const size_t state = batch_size(evaluator) / (size_t)evaluator->options->seeds;
    NCA_TRY(evaluator->backend->download(evaluator->session, NCA_BATCH, (size_t)seed * state, state,
                                         evaluator->seen, error));
    return evaluator->backend->synchronize(evaluator->session, error);
}

// The task's figures of the batch as it is.
static nca_status measure_figures(judging *evaluator, double out[NCA_FIGURES_MAX], nca_error *error)
{
    const nca_task *task = evaluator->subject.task;
    const int count = nca_task_figures(task);
    nca_measured values[NCA_FIGURES_MAX], sum[NCA_FIGURES_MAX] = {{0}};
    for (int i = 0; i < evaluator->options->seeds && count > 0; i++) {
        NCA_TRY(look_at(evaluator, i, error));
        task->measure(evaluator->subject.content, &evaluator->shape, evaluator->starts[i].item,
                      evaluator->seen, values);
        for (int k = 0; k < count; k++) {
            sum[k].value += values[k].weight * values[k].value;
            sum[k].weight += values[k].weight;
        }
    }
    for (int k = 0; k < count; k++)
        out[k] = sum[k].weight > 0 ? sum[k].value / sum[k].weight : NAN;
    return NCA_OK;
}

// Which classes the cells say, now.
static nca_status confuse(judging *evaluator, int step, nca_confusion *out, nca_error *error)
{
    const nca_task *task = evaluator->subject.task;
    *out = (nca_confusion){.classes = nca_task_classes(task), .step = step};
    for (int i = 0; i < evaluator->options->seeds && out->classes > 0; i++) {
        NCA_TRY(look_at(evaluator, i, error));
        task->confuse(evaluator->subject.content, &evaluator->shape, evaluator->starts[i].item,
                      evaluator->seen, out->cells);
    }
    return NCA_OK;
}

// log10 losses of the batch as it is, and its figures; a loss that is not finite counts as
// infinite.
static nca_status measure(judging *evaluator, nca_spread *out, double figure[NCA_FIGURES_MAX],
                          nca_error *error)
{
    NCA_TRY(report(evaluator, error));
    NCA_TRY(measure_figures(evaluator, figure, error));
    for (int i = 0; i < evaluator->options->seeds; i++) {
        const double loss = evaluator->samples[i].loss;
        evaluator->losses[i] = evaluator->values[i] = isfinite(loss) ? log10(loss) : INFINITY;
    }
    *out = nca_spread_of(evaluator->values, evaluator->options->seeds);
    return NCA_OK;
}

static nca_status show(judging *evaluator, nca_evaluate_moment moment, int number, nca_error *error)
{
    const nca_evaluate_options *options = evaluator->options;
    if (!options->look)
        return NCA_OK;
    for (int seed = 0; seed == 0 || seed < options->shown; seed++) {
        NCA_TRY(look_at(evaluator, seed, error));
        options->look(options->look_context, moment, number, evaluator->seen);
    }
    return NCA_OK;
}

// The kept states some steps later, without what lies in the region; NULL: left whole.
static nca_status follow(judging *evaluator, const nca_region *region, nca_spread *out,
                         double figure[NCA_FIGURES_MAX], nca_error *error)
{
    const nca_evaluate_options *options = evaluator->options;
    NCA_TRY(evaluator->backend->upload(evaluator->session, NCA_BATCH, 0, batch_size(evaluator),
                                       evaluator->kept, error));
    for (int i = 0; region && i < options->seeds; i++)
        NCA_TRY(evaluator->backend->damage(evaluator->session, i, region, error));
    NCA_TRY(go_on(evaluator, options->cut_at, options->heal_steps, error));
    return measure(evaluator, out, figure, error);
}

static nca_status heal(judging *evaluator, const nca_region *region, nca_healing *out,
                       nca_error *error)
{
    NCA_TRY(follow(evaluator, region, &out->loss, out->figure, error));
    for (int i = 0; i < evaluator->options->seeds; i++)
        out->seeds_healed +=
            nca_rule_heals(evaluator->subject.task, evaluator->losses[i], evaluator->whole[i]);
    return NCA_OK;
}

static nca_status damage_and_heal(judging *evaluator, nca_evaluation *out, nca_error *error)
{
    const nca_evaluate_options *options = evaluator->options;
    const nca_key key = {.seed = options->seed};
    const nca_damage circle = {.radius_min = NCA_CIRCLE_RADIUS_MIN,
                               .radius_max = NCA_CIRCLE_RADIUS_MAX};
    NCA_TRY(follow(evaluator, NULL, &out->whole, out->whole_figure, error));
    memcpy(evaluator->whole, evaluator->losses, (size_t)options->seeds * sizeof *evaluator->whole);
    NCA_TRY(show(evaluator, NCA_EVALUATED_WHOLE, 0, error));
    for (int cut = 0; options->cuts && cut < NCA_CUT_COUNT; cut++) {
        const nca_region region =
            nca_cut_region(cut, evaluator->shape.height, evaluator->shape.width);
        NCA_TRY(heal(evaluator, &region, &out->cut[cut], error));
        NCA_TRY(show(evaluator, NCA_EVALUATED_CUT, cut, error));
    }
    for (int i = 0; i < options->circles; i++) {
        out->circle_region[i] = nca_damage_draw(key, (uint32_t)i, &circle, evaluator->shape.height,
                                                evaluator->shape.width);
        NCA_TRY(heal(evaluator, &out->circle_region[i], &out->circle[i], error));
    }
    out->has_cuts = options->cuts;
    out->circles = options->circles;
    return NCA_OK;
}

// Sample i gets the item that sample i + `ahead` began with, under the state that it has.
static nca_status give_items(judging *evaluator, int ahead, nca_error *error)
{
    const nca_subject *subject = &evaluator->subject;
    const nca_key key = {.seed = evaluator->options->seed};
    for (int i = 0; i < evaluator->options->seeds; i++) {
        const int64_t item = nca_subject_draw(subject, key, (uint32_t)(i + ahead)).item;
        evaluator->starts[i].item = item;
        NCA_TRY(nca_subject_exchange(subject, i, item, error));
    }
    return nca_subject_upload_targets(subject, evaluator->starts, error);
}

static nca_status exchange_and_follow(judging *evaluator, nca_exchange *out, nca_error *error)
{
    const nca_evaluate_options *options = evaluator->options;
    NCA_TRY(evaluator->backend->upload(evaluator->session, NCA_BATCH, 0, batch_size(evaluator),
                                       evaluator->kept, error));
    NCA_TRY(measure(evaluator, &out->loss_before, out->figure_before, error));
    NCA_TRY(give_items(evaluator, 1, error));
    NCA_TRY(go_on(evaluator, options->cut_at, options->heal_steps, error));
    NCA_TRY(measure(evaluator, &out->loss_after, out->figure_after, error));
    out->is_done = true;
    return give_items(evaluator, 0, error);
}

// Everything is done to the same states, which go on as if nothing had happened.
static nca_status branch_off(judging *evaluator, nca_evaluation *out, nca_error *error)
{
    const nca_evaluate_options *options = evaluator->options;
    NCA_TRY(evaluator->backend->download(evaluator->session, NCA_BATCH, 0, batch_size(evaluator),
                                         evaluator->kept, error));
    NCA_TRY(evaluator->backend->synchronize(evaluator->session, error));
    if (options->exchange)
        NCA_TRY(exchange_and_follow(evaluator, &out->exchange, error));
    if (options->cuts || options->circles > 0)
        NCA_TRY(damage_and_heal(evaluator, out, error));
    return evaluator->backend->upload(evaluator->session, NCA_BATCH, 0, batch_size(evaluator),
                                      evaluator->kept, error);
}

static nca_status finish_long_run(judging *evaluator, nca_evaluation *out, nca_error *error)
{
    out->long_run = evaluator->options->long_run;
    NCA_TRY(measure(evaluator, &out->long_run_loss, out->long_run_figure, error));
    for (int i = 0; i < evaluator->options->seeds; i++) {
        const double largest = evaluator->samples[i].max_state;
        if (largest > out->long_run_max_state || isnan(largest))   // NaN stays
            out->long_run_max_state = largest;
    }
    out->long_run_dead = evaluator->dead;
    return NCA_OK;
}

static bool branches_off(const nca_evaluate_options *options)
{
    return options->cuts || options->circles > 0 || options->exchange;
}

// The next step at which something is measured or cut; -1 at the end.
static int next_moment(const judging *evaluator, int measured)
{
    const nca_evaluate_options *options = evaluator->options;
    int next = -1;
    if (measured < options->steps_count)
        next = options->steps[measured];
    if (branches_off(options) && options->cut_at > evaluator->done &&
        (next < 0 || options->cut_at < next))
        next = options->cut_at;
    if (options->long_run > evaluator->done && (next < 0 || options->long_run < next))
        next = options->long_run;
    return next;
}

// Every sample is a new one.
static nca_status begin(judging *evaluator, nca_error *error)
{
    const nca_key key = {.seed = evaluator->options->seed};
    const size_t state = batch_size(evaluator) / (size_t)evaluator->options->seeds;
    for (int i = 0; i < evaluator->options->seeds; i++) {
        evaluator->starts[i] = nca_subject_draw(&evaluator->subject, key, (uint32_t)i);
        nca_subject_start(&evaluator->subject, &evaluator->starts[i],
                          evaluator->kept + (size_t)i * state);
    }
    NCA_TRY(nca_subject_upload_targets(&evaluator->subject, evaluator->starts, error));
    return evaluator->backend->upload(evaluator->session, NCA_BATCH, 0, batch_size(evaluator),
                                      evaluator->kept, error);
}

// Whether what died out exploded before: from the start again, step by step.
static nca_status look_for_explosion(judging *evaluator, nca_error *error)
{
    enum { STEPS = 200 };
    if (!evaluator->has_died)
        return NCA_OK;
    NCA_TRY(begin(evaluator, error));
    for (int step = 0; step < STEPS && evaluator->max_state <= NCA_STATE_BOUND; step++)
        NCA_TRY(take_steps(evaluator, step, 1, error));
    return NCA_OK;
}

static nca_status judge(judging *evaluator, nca_evaluation *out, nca_error *error)
{
    const nca_evaluate_options *options = evaluator->options;
    NCA_TRY(begin(evaluator, error));
    bool has_branched = !branches_off(options);
    for (int next; (next = next_moment(evaluator, out->steps_count)) >= 0;) {
        NCA_TRY(go_on(evaluator, evaluator->done, next - evaluator->done, error));
        evaluator->done = next;
        while (out->steps_count < options->steps_count &&
               options->steps[out->steps_count] == next) {
            const int at = out->steps_count++;
            out->step[at] = next;
            NCA_TRY(measure(evaluator, &out->loss_at[at], out->figure_at[at], error));
            out->dead_at[at] = evaluator->dead;
            NCA_TRY(show(evaluator, NCA_EVALUATED_STEP, next, error));
            if (out->steps_count == options->steps_count)
                NCA_TRY(confuse(evaluator, next, &out->confusion, error));
        }
        if (!has_branched && next == options->cut_at) {
            NCA_TRY(branch_off(evaluator, out, error));
            has_branched = true;
        }
        if (options->long_run > 0 && next == options->long_run)
            NCA_TRY(finish_long_run(evaluator, out, error));
    }
    return look_for_explosion(evaluator, error);
}

static nca_status open_judging(judging *evaluator, const nca_model *model,
                               const nca_compute *compute, nca_error *error)
{
    const size_t seeds = (size_t)evaluator->options->seeds;
    char what[96];
    snprintf(what, sizeof what, "--seeds %d on a grid of %dx%d", evaluator->shape.batch,
             evaluator->shape.height, evaluator->shape.width);
    NCA_TRY(nca_session_open(compute, &evaluator->shape,
                             batch_size(evaluator) * sizeof *evaluator->kept, what,
                             &evaluator->session, error));
    evaluator->kept = malloc(batch_size(evaluator) * sizeof *evaluator->kept);
    evaluator->starts = calloc(seeds, sizeof *evaluator->starts);
    evaluator->samples = calloc(seeds, sizeof *evaluator->samples);
    evaluator->losses = calloc(3 * seeds, sizeof *evaluator->losses);
    evaluator->seen = malloc(batch_size(evaluator) / seeds * sizeof *evaluator->seen);
    evaluator->item = calloc(nca_values_size(&evaluator->shape), sizeof *evaluator->item);
    if (!evaluator->kept || !evaluator->starts || !evaluator->samples || !evaluator->losses ||
        !evaluator->seen || !evaluator->item)
        return nca_fail(error, NCA_MEMORY, "--seeds %zu: no memory for their states", seeds);
    evaluator->whole = evaluator->losses + seeds;
    evaluator->values = evaluator->whole + seeds;
    evaluator->subject.session = evaluator->session;
    evaluator->subject.values = evaluator->item;
    return nca_subject_upload_rules(&evaluator->subject, model->parameters, error);
}

static long count_steps(const nca_evaluate_options *options)
{
    long last = options->steps_count > 0 ? options->steps[options->steps_count - 1] : 0;
    if (branches_off(options) && options->cut_at > last)
        last = options->cut_at;
    if (options->long_run > last)
        last = options->long_run;
    const int damages = (options->cuts ? NCA_CUT_COUNT : 0) + options->circles;
    const int branches = (damages > 0 ? damages + 1 : 0) + options->exchange;
    return last + (long)branches * options->heal_steps;
}

nca_status nca_evaluate(const nca_model *model, const nca_task *task, const void *content,
                        const nca_evaluate_options *options, const nca_compute *compute,
                        nca_evaluation *out, nca_error *error)
{
    judging evaluator = {.options = options,
                         .backend = compute->backend,
                         .shape = nca_judging_shape(task, options->config, &model->spec,
                                                    options->seeds, &options->grid),
                         .subject = {.task = task, .content = content, .backend = compute->backend},
                         .total = count_steps(options)};
    nca_evaluation evaluation = {0};
    nca_status status;
    evaluator.subject.shape = &evaluator.shape;
    if (options->exchange && !task->frozen)
        NCA_GO(nca_fail(error, NCA_ARGUMENT,
                        "--exchange: samples of the task %s have nothing to exchange; leave it out",
                        task->name));
    if (task->check)
        NCA_GO(task->check(content, &evaluator.shape, error));
    NCA_GO(open_judging(&evaluator, model, compute, error));
    NCA_GO(judge(&evaluator, &evaluation, error));
    evaluation.max_state = evaluator.max_state;
    *out = evaluation;
cleanup:
    evaluator.backend->destroy(evaluator.session);
    free(evaluator.kept);
    free(evaluator.seen);
    free(evaluator.item);
    free(evaluator.starts);
    free(evaluator.samples);
    free(evaluator.losses);
    return status;
}
