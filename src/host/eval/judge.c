// The criteria by which runs are judged.
#include "eval/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "model/session.h"
#include "task/subject.h"

nca_judge_criteria nca_judge_criteria_of(const nca_task *task, bool is_quick)
{
    if (is_quick)
        return (nca_judge_criteria){.task = task,
                                    .seeds = 2,
                                    .grown_at = 20,
                                    .held_at = {40, 80},
                                    .cut_at = 20,
                                    .heal_steps = 20,
                                    .circles = 4,
                                    .seed = 1};
    return (nca_judge_criteria){.task = task,
                                .seeds = 8,
                                .grown_at = 200,
                                .held_at = {1000, 5000},
                                .cut_at = 200,
                                .heal_steps = 400,
                                .circles = 20,
                                .seed = 1};
}

const char *nca_judge_criterion_text(const nca_judge_criteria *criteria, int number, char *text,
                                     size_t size)
{
    const double good = criteria->task->good_loss;
    switch (number) {
    case 0:
        snprintf(
            text, size,
            "exploded: in training a loss, gradient, state or the rule itself was not finite, a "
            "state was beyond %.0f or training gave up; or a state of the evaluation is beyond "
            "that",
            NCA_STATE_BOUND);
        return text;
    case 1:
        snprintf(
            text, size,
            "pool: share of the pool's states with a log10 loss above %g (distorted); slots that "
            "still hold %s are left out",
            good, criteria->task->beginning_words);
        return text;
    case 2:
        snprintf(text, size, "grows: log10 loss at most %g at step %d, median of %d fire seeds",
                 good, criteria->grown_at, criteria->seeds);
        return text;
    case 3:
        snprintf(text, size, "holds: the same at steps %d and %d", criteria->held_at[0],
                 criteria->held_at[1]);
        return text;
    case 4:
        snprintf(text, size,
                 "heals: cut at step %d (upper, lower, left, right half, centre; and %d random "
                 "circles, centre within half the grid, radius %g to %g of half of it), the median "
                 "loss %d steps later is within %g of that of the same moment without a cut, and "
                 "that is at most %g",
                 criteria->cut_at, criteria->circles, NCA_CIRCLE_RADIUS_MIN, NCA_CIRCLE_RADIUS_MAX,
                 criteria->heal_steps, NCA_HEALED_WITHIN, good);
        return text;
    case 5:
        snprintf(text, size,
                 "intervals: Wilson, 95 %%; circles are counted over all runs of a "
                 "setting, and those of one run are not independent");
        return text;
    default:
        return NULL;
    }
}

// -- Pool -----------------------------------------------------------------------------------------

// A checkpoint may name items that there are not.
static nca_status check_items(const nca_task *task, const void *content,
                              const nca_judged_pool *pool, nca_error *error)
{
    const int64_t count = pool->items && task->items ? task->items(content) : INT64_MAX;
    for (int i = 0; pool->items && i < pool->slots; i++)
        if (pool->items[i] < 0 || pool->items[i] >= count)
            return nca_fail(error, NCA_FORMAT, "row %d of a pool: of item %lld, of %lld", i,
                            (long long)pool->items[i], (long long)count);
    return NCA_OK;
}

// A pool while it is judged.
typedef struct pool_judging {
    nca_compute compute;
    nca_session *session;
    nca_shape shape;   // of it: one sample
    nca_subject subject;
    int beginnings;
    size_t state;    // elements of one
    float *values;   // of one item, to work in
    float *fresh;    // [H,W,C] a beginning
} pool_judging;

static nca_status open_judging(pool_judging *judging, nca_error *error)
{
    const nca_shape *shape = &judging->shape;
    char what[64];
    snprintf(what, sizeof what, "a grid of %dx%d to judge a pool", shape->height, shape->width);
    NCA_TRY(nca_compute_open("reference", &(nca_device_options){0}, &judging->compute, error));
    NCA_TRY(nca_session_open(&judging->compute, shape, 0, what, &judging->session, error));
    judging->state = nca_buffer_elements(shape, NCA_BATCH);
    judging->fresh = calloc(judging->state, sizeof *judging->fresh);
    judging->values = calloc(nca_values_size(shape), sizeof *judging->values);
    if (!judging->fresh || !judging->values)
        return nca_fail(error, NCA_MEMORY, "a pool: no memory to judge it");
    judging->subject.shape = shape;
    judging->subject.backend = judging->compute.backend;
    judging->subject.session = judging->session;
    judging->subject.values = judging->values;
    return NCA_OK;
}

static void close_judging(pool_judging *judging)
{
    if (judging->compute.backend)
        judging->compute.backend->destroy(judging->session);
    nca_compute_close(&judging->compute);
    free(judging->fresh);
    free(judging->values);
}

static bool is_untouched(const pool_judging *judging, nca_sample sample, const float *state)
{
    for (int i = 0; i < judging->beginnings; i++) {
        size_t same = 0;
        sample.beginning = i;
        nca_subject_start(&judging->subject, &sample, judging->fresh);
        while (same < judging->state && state[same] == judging->fresh[same])
            same++;
        if (same == judging->state)
            return true;
    }
    return false;
}

static nca_status measure_loss(const pool_judging *judging, const nca_sample *sample,
                               const float *state, double *out, nca_error *error)
{
    const nca_backend *backend = judging->compute.backend;
    nca_sample_report report;
    NCA_TRY(nca_subject_upload_targets(&judging->subject, sample, error));
    NCA_TRY(backend->upload(judging->session, NCA_BATCH, 0, judging->state, state, error));
    NCA_TRY(backend->loss(judging->session, &report, error));
    NCA_TRY(backend->synchronize(judging->session, error));
    *out = isfinite(report.loss) ? log10(report.loss) : INFINITY;
    return NCA_OK;
}

nca_status nca_judge_pool(const nca_task *task, const void *content, const nca_spec *spec,
                          const nca_judged_pool *pool, nca_pool_judgement *out, nca_error *error)
{
    const nca_grid *grid = &pool->grid;
    pool_judging judging = {.shape = nca_judging_shape(task, NULL, spec, 1, grid),
                            .subject = {.task = task, .content = content},
                            .beginnings = nca_task_beginnings(task, spec, grid)};
    nca_pool_judgement found = {.slots = pool->slots, .median = NAN};
    double *losses = calloc((size_t)pool->slots + 1, sizeof *losses);
    int touched = 0;
    nca_status status;
    if (!losses)
        NCA_GO(nca_fail(error, NCA_MEMORY, "a pool of %d: no memory to judge it", pool->slots));
    if (task->check)
        NCA_GO(task->check(content, &judging.shape, error));
    NCA_GO(check_items(task, content, pool, error));
    NCA_GO(open_judging(&judging, error));
    for (int i = 0; i < pool->slots; i++) {
        const nca_sample sample = {.item = pool->items ? pool->items[i] : 0};
        const float *state = pool->states + (size_t)i * judging.state;
        if (is_untouched(&judging, sample, state)) {
            found.untouched++;
            continue;
        }
        NCA_GO(measure_loss(&judging, &sample, state, &losses[touched], error));
        found.distorted += !(losses[touched++] <= task->good_loss);
    }
    if (touched > 0)
        found.median = nca_spread_of(losses, touched).median;
    *out = found;
cleanup:
    close_judging(&judging);
    free(losses);
    return status;
}

// -- Verdict --------------------------------------------------------------------------------------

static bool is_good(const nca_judge_criteria *criteria, const nca_spread *loss)
{
    return loss->median <= criteria->task->good_loss;
}

bool nca_judge_is_healed(const nca_judge_criteria *criteria, const nca_evaluation *evaluation,
                         const nca_healing *healing)
{
    return nca_rule_heals(criteria->task, healing->loss.median, evaluation->whole.median);
}

void nca_judge_verdict(const nca_judge_criteria *criteria, const nca_history *history,
                       nca_judgement *judgement)
{
    const nca_evaluation *evaluation = &judgement->evaluation;
    const nca_pool_judgement *pool = &judgement->pool;
    const int touched = pool->slots - pool->untouched;
    judgement->distorted_share = touched > 0 ? (double)pool->distorted / touched : NAN;
    judgement->exploded = history->explosions > 0 || !(evaluation->max_state <= NCA_STATE_BOUND);
    judgement->grows = is_good(criteria, &evaluation->loss_at[0]);
    judgement->holds = true;
    for (int i = 0; i < NCA_JUDGE_HOLDS; i++)
        judgement->holds &= is_good(criteria, &evaluation->loss_at[1 + i]);
    judgement->cuts_healed = judgement->circles_healed = 0;
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++) {
        judgement->cut_healed[cut] =
            nca_judge_is_healed(criteria, evaluation, &evaluation->cut[cut]);
        judgement->cuts_healed += judgement->cut_healed[cut];
    }
    judgement->heals_all = judgement->cuts_healed == NCA_CUT_COUNT;
    for (int i = 0; i < criteria->circles; i++)
        judgement->circles_healed +=
            nca_judge_is_healed(criteria, evaluation, &evaluation->circle[i]);
}

nca_evaluate_options nca_judge_evaluation(const nca_judge_criteria *criteria,
                                          const nca_model *model)
{
    return (nca_evaluate_options){
        .seeds = criteria->seeds,
        .seed = criteria->seed,
        .steps = {criteria->grown_at, criteria->held_at[0], criteria->held_at[1]},
        .steps_count = 1 + NCA_JUDGE_HOLDS,
        .cut_at = criteria->cut_at,
        .heal_steps = criteria->heal_steps,
        .cuts = true,
        .circles = criteria->circles,
        .fire_rate = model->fire_rate,
        .angle = model->angle,
        .step_size = model->step_size};
}
