// The rules by which runs are judged.
#include "eval/judge.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

nca_judge_rules nca_judge_rules_of(bool is_quick)
{
    if (is_quick)
        return (nca_judge_rules){.seeds = 2,
                                 .grown_at = 20,
                                 .held_at = {40, 80},
                                 .cut_at = 20,
                                 .heal_steps = 20,
                                 .circles = 4,
                                 .seed = 1};
    return (nca_judge_rules){.seeds = 8,
                             .grown_at = 200,
                             .held_at = {1000, 5000},
                             .cut_at = 200,
                             .heal_steps = 400,
                             .circles = 20,
                             .seed = 1};
}

const char *nca_judge_rule_text(const nca_judge_rules *rules, int number, char *text, size_t size)
{
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
            "still hold the seed are left out",
            NCA_JUDGE_GOOD_LOSS);
        return text;
    case 2:
        snprintf(text, size, "grows: log10 loss at most %g at step %d, median of %d fire seeds",
                 NCA_JUDGE_GOOD_LOSS, rules->grown_at, rules->seeds);
        return text;
    case 3:
        snprintf(text, size, "holds: the same at steps %d and %d", rules->held_at[0],
                 rules->held_at[1]);
        return text;
    case 4:
        snprintf(text, size,
                 "heals: cut at step %d (upper, lower, left, right half, centre; and %d random "
                 "circles, centre within half the grid, radius %g to %g of half of it), the median "
                 "loss %d steps later is within %g of that of the same moment without a cut, and "
                 "that is at most %g",
                 rules->cut_at, rules->circles, NCA_CIRCLE_RADIUS_MIN, NCA_CIRCLE_RADIUS_MAX,
                 rules->heal_steps, NCA_HEALED_WITHIN, NCA_JUDGE_GOOD_LOSS);
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

double nca_judge_loss(const float *state, const nca_image *target, int channels)
{
    const size_t cells = (size_t)target->height * (size_t)target->width;
    double sum = 0;
    for (size_t i = 0; i < cells; i++)
        for (size_t k = 0; k < NCA_VISIBLE; k++) {
            const double error =
                (double)state[i * (size_t)channels + k] - target->pixels[i * NCA_VISIBLE + k];
            sum += error * error;
        }
    return log10(sum / (double)(cells * NCA_VISIBLE));
}

// Channels 3 and up of the cell in the middle are one, and all else is zero.
static bool is_seed(const float *state, int height, int width, int channels)
{
    const size_t middle =
        ((size_t)(height / 2) * (size_t)width + (size_t)(width / 2)) * (size_t)channels;
    const size_t size = (size_t)height * (size_t)width * (size_t)channels;
    for (size_t i = 0; i < size; i++) {
        const bool is_one = i >= middle + NCA_ALPHA && i < middle + (size_t)channels;
        if (state[i] != (is_one ? 1.0f : 0.0f))
            return false;
    }
    return true;
}

nca_status nca_judge_pool(const float *pool, int slots, const nca_image *target, int channels,
                          nca_pool_judgement *out, nca_error *error)
{
    const size_t state =
        nca_state_size(1, (size_t)target->height, (size_t)target->width, (size_t)channels);
    nca_pool_judgement found = {.slots = slots, .median = NAN};
    double *losses = calloc((size_t)slots + 1, sizeof *losses);
    int touched = 0;
    if (!losses)
        return nca_fail(error, NCA_MEMORY, "a pool of %d: no memory to judge it", slots);
    for (int i = 0; i < slots; i++) {
        const float *one = pool + (size_t)i * state;
        if (is_seed(one, target->height, target->width, channels)) {
            found.untouched++;
            continue;
        }
        const double loss = nca_judge_loss(one, target, channels);
        losses[touched++] = isfinite(loss) ? loss : INFINITY;
        found.distorted += !(loss <= NCA_JUDGE_GOOD_LOSS);   // NaN is
    }
    if (touched > 0)
        found.median = nca_spread_of(losses, touched).median;
    free(losses);
    *out = found;
    return NCA_OK;
}

// -- Verdict --------------------------------------------------------------------------------------

static bool is_good(const nca_spread *loss)
{
    return loss->median <= NCA_JUDGE_GOOD_LOSS;
}

bool nca_judge_is_healed(const nca_evaluation *evaluation, const nca_healing *healing)
{
    return is_good(&evaluation->whole) &&
           nca_is_healed(healing->loss.median, evaluation->whole.median);
}

void nca_judge_verdict(const nca_judge_rules *rules, const nca_history *history,
                       nca_judgement *judgement)
{
    const nca_evaluation *evaluation = &judgement->evaluation;
    const nca_pool_judgement *pool = &judgement->pool;
    const int touched = pool->slots - pool->untouched;
    judgement->distorted_share = touched > 0 ? (double)pool->distorted / touched : NAN;
    judgement->exploded = history->explosions > 0 || !(evaluation->max_state <= NCA_STATE_BOUND);
    judgement->grows = is_good(&evaluation->loss_at[0]);
    judgement->holds = true;
    for (int i = 0; i < NCA_JUDGE_HOLDS; i++)
        judgement->holds &= is_good(&evaluation->loss_at[1 + i]);
    judgement->cuts_healed = judgement->circles_healed = 0;
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++) {
        judgement->cut_healed[cut] = nca_judge_is_healed(evaluation, &evaluation->cut[cut]);
        judgement->cuts_healed += judgement->cut_healed[cut];
    }
    judgement->heals_all = judgement->cuts_healed == NCA_CUT_COUNT;
    for (int i = 0; i < rules->circles; i++)
        judgement->circles_healed += nca_judge_is_healed(evaluation, &evaluation->circle[i]);
}

nca_evaluate_options nca_judge_evaluation(const nca_judge_rules *rules, const nca_model *model)
{
    return (nca_evaluate_options){.seeds = rules->seeds,
                                  .seed = rules->seed,
                                  .steps = {rules->grown_at, rules->held_at[0], rules->held_at[1]},
                                  .steps_count = 1 + NCA_JUDGE_HOLDS,
                                  .cut_at = rules->cut_at,
                                  .heal_steps = rules->heal_steps,
                                  .cuts = true,
                                  .circles = rules->circles,
                                  .fire_rate = model->fire_rate,
                                  .angle = model->angle,
                                  .step_size = model->step_size};
}
