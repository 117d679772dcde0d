// Training that ends when the judge says so.
#include "run/run_until.h"

#include <math.h>
#include <stdio.h>

#include "base/spread.h"

// Updates whose median loss is the first screen, and how far above the judge's limit it may be: the
// batch has seeds that have not grown yet and damage that has not healed.
enum { SCREENED_UPDATES = 50, SCREEN_SEEDS = 2 };
static const double screen_margin = 0.5;

static bool may_be_healed(const nca_run_log *log, double good_loss)
{
    double losses[SCREENED_UPDATES];
    size_t count = 0;
    for (size_t i = log->count; i > 0 && count < SCREENED_UPDATES; i--)
        if (isfinite(log->points[i - 1].loss))
            losses[count++] = log10(log->points[i - 1].loss);
    return count > 0 && nca_spread_of(losses, count).median <= good_loss + screen_margin;
}

// Judges by the criteria; what was interrupted is no verdict.
static nca_status judge(const nca_until *until, const nca_model *model,
                        const nca_judge_criteria *criteria, bool is_screen, nca_judgement *out,
                        nca_error *error)
{
    const nca_history nothing = {0};
    nca_evaluate_options options = nca_judge_evaluation(criteria, model);
    *out = (nca_judgement){0};
    options.grid = until->grid;
    options.stop = until->stop;
    if (is_screen)
        options.steps_count = 1;
    NCA_TRY(nca_evaluate(model, nca_trainer_task(until->trainer), until->content, &options,
                         until->compute, &out->evaluation, error));
    for (int i = 0; is_screen && i < NCA_JUDGE_HOLDS; i++)
        out->evaluation.loss_at[1 + i] = out->evaluation.loss_at[0];
    nca_judge_verdict(criteria, &nothing, out);
    return NCA_OK;
}

// The cut that the fewest fire seeds heal; of several, the one with the worst loss.
static int worst_cut(const nca_evaluation *found)
{
    int worst = 0;
    for (int cut = 1; cut < NCA_CUT_COUNT; cut++) {
        const nca_healing *this = &found->cut[cut], *other = &found->cut[worst];
        if (this->seeds_healed < other->seeds_healed ||
            (this->seeds_healed == other->seeds_healed &&
             !(this->loss.median <= other->loss.median)))
            worst = cut;
    }
    return worst;
}

// The judge goes by the median, which a cut that half of all fire seeds heal passes now and then.
// So seven in eight of the fire seeds must heal every cut as well.
static bool is_passed(const nca_judgement *judgement, int seeds)
{
    const nca_evaluation *found = &judgement->evaluation;
    return judgement->grows && judgement->holds && judgement->heals_all && !judgement->exploded &&
           8 * found->cut[worst_cut(found)].seeds_healed >= 7 * seeds;
}

// "grows -3.10, holds -3.05 and -2.97, heals 4 of 5 cuts (worst: center -1.20, 1 of 8 fire seeds)"
static void describe(const nca_judgement *judgement, int seeds, char words[NCA_UNTIL_BYTES])
{
    const nca_evaluation *found = &judgement->evaluation;
    const int worst = worst_cut(found);
    snprintf(
        words, NCA_UNTIL_BYTES,
        "%s %.2f, %s %.2f and %.2f, heals %d of %d cuts (worst: %s %.2f, %d of %d fire seeds)%s",
        judgement->grows ? "grows" : "does not grow", found->loss_at[0].median,
        judgement->holds ? "holds" : "does not hold", found->loss_at[1].median,
        found->loss_at[2].median, judgement->cuts_healed, NCA_CUT_COUNT, nca_cut_name(worst),
        found->cut[worst].loss.median, found->cut[worst].seeds_healed, seeds,
        judgement->exploded ? ", explodes" : "");
}

// The judge's own criteria, but for the circles, which are no part of the verdict; by other seeds,
// or by few.
static nca_judge_criteria criteria_of(const nca_until *until, uint64_t seed, int seeds)
{
    nca_judge_criteria criteria = until->criteria;
    criteria.circles = 0;
    criteria.seed = seed;
    criteria.seeds = seeds;
    return criteria;
}

static nca_status look(const nca_until *until, const nca_model *model, nca_until_verdict *out,
                       nca_error *error)
{
    const nca_judge_criteria own = criteria_of(until, until->criteria.seed, until->criteria.seeds);
    const nca_judge_criteria others =
        criteria_of(until, until->criteria.seed + 1, until->criteria.seeds);
    const nca_judge_criteria few = criteria_of(until, until->criteria.seed, SCREEN_SEEDS);
    nca_judgement found;
    NCA_TRY(judge(until, model, &few, true, &found, error));
    if (!is_passed(&found, few.seeds))
        return NCA_OK;
    NCA_TRY(judge(until, model, &own, false, &found, error));
    out->is_judged = true;
    describe(&found, own.seeds, out->words);
    if (!is_passed(&found, own.seeds))
        return NCA_OK;
    NCA_TRY(judge(until, model, &others, false, &found, error));
    out->is_healed = is_passed(&found, others.seeds);
    if (!out->is_healed)
        describe(&found, others.seeds, out->words);
    return NCA_OK;
}

nca_status nca_until_look(const nca_until *until, nca_until_verdict *out, nca_error *error)
{
    nca_model model;
    nca_error why;
    *out = (nca_until_verdict){0};
    if (!may_be_healed(until->log, nca_trainer_task(until->trainer)->good_loss))
        return NCA_OK;
    NCA_TRY(nca_trainer_model(until->trainer, &model, error));
    const nca_status status = look(until, &model, out, &why);
    nca_model_free(&model);
    if (status == NCA_INTERRUPTED) {
        *out = (nca_until_verdict){0};
        return NCA_OK;
    }
    return status == NCA_OK ? NCA_OK : nca_fail(error, status, "--until healed: %s", why.message);
}
