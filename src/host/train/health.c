// Health checks: what is done when training goes wrong, in the update in which it shows.
//
//   1. Skip. Where a loss or gradient is not finite, a state is beyond its bound, or the whole
//      batch is dead after its rollout, nothing of the update is kept: rule, moments and pool stay,
//      but the pool's rows that went wrong become new samples, so that they cannot do it again. (A
//      state that is not finite mostly shows as death: NaN is never above the alive threshold.)
//   2. Reseed. Where a sample died that must live, such as what grew from a seed, and others live,
//      the update counts, and its row becomes a new sample: an empty grid stays empty and teaches
//      nothing. (That others die, cut or not, is no fault: ranked as the worst, they are replaced
//      when they are drawn again.)
//   3. Roll back. After SKIPS_IN_A_ROW skipped updates, where samples that must live die too often,
//      or at once where the rule itself is no longer finite, rule and moments return to the last
//      good ones. Too often is DEATHS in a row, or so many more than one update in ten: each adds
//      one to an account, from which every update without takes a tenth. The good rule is renewed
//      after GOOD_UPDATES updates in which none dies; one in which some does takes DEATH_UPDATES of
//      them back. So a rule that grows seeds by luck is no good one: trainings that went on from
//      one that had done so for 100 updates lost most of their seeds at any rate (docs/results.md).
//      The pool starts anew, and every later random draw is another one. The rate falls to a
//      quarter of what it was: at that rate, trainings that had gone wrong again and again did not
//      (docs/regeneration.md). It stays there for SLOWED_UPDATES updates and doubles after every so
//      many until it is the schedule's; after each further return all of this takes twice as long.
//      A sample that dies and must live puts the next doubling off by DEATH_UPDATES updates.
//   4. Give up. Where that is due again after ROLLBACKS_IN_A_ROW returns to the same good rule,
//      training ends there.
//
// With --health off none of this is done, as in the 2023 replication: what would have been done is
// noted, the update counts, and the pool keeps what the rollout left. In the replication a gradient
// that is not finite makes the rule so for good; here training ends with the last finite rule.
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/trainer_state.h"

static const char *const words[] = {
#define EVENT_WORD(name, word) word,
    NCA_EVENTS(EVENT_WORD)
#undef EVENT_WORD
};

const char *nca_event_word(nca_event event)
{
    return words[event];
}

nca_event nca_event_find(const char *word)
{
    int event = NCA_EVENT_NONE;
    while (word && ++event < NCA_EVENT_COUNT)
        if (strcmp(word, words[event]) == 0)
            return (nca_event)event;
    return NCA_EVENT_NONE;
}

enum {
    SKIPS_IN_A_ROW = 5,
    DEATHS = 20,
    ROLLBACKS_IN_A_ROW = 3,
    GOOD_UPDATES = 300,
    DEATH_UPDATES = 20,
    SLOWED_UPDATES = 500,
    HALVINGS = 2,            // of the rate in a return
    HALVINGS_MAX = 6,        // as low as returns to one good rule bring it
    LONGER_ROLLBACKS = 10,   // after so many more it takes no longer still
};

static bool is_good(const nca_sample_report *sample)
{
    return isfinite(sample->loss) && sample->max_state <= NCA_STATE_BOUND;
}

// It goes into the metrics' JSON as it is.
static void say(nca_update_result *out, nca_event event, const char *text)
{
    assert(!strpbrk(text, "\"\\\n"));
    out->event = event;
    snprintf(out->event_text, sizeof out->event_text, "%s", text);
}

// Not "-nan", as printf has it.
static const char *write_number(double value, char text[32])
{
    if (isnan(value))
        return "not a number";
    snprintf(text, 32, "%.3g", value);
    return text;
}

static bool is_dead(const nca_trainer *trainer, int slot)
{
    return trainer->task->is_dead && trainer->task->is_dead(&trainer->samples[slot]);
}

static bool is_batch_dead(const nca_trainer *trainer)
{
    for (int b = 0; b < trainer->shape.batch; b++)
        if (!is_dead(trainer, b))
            return false;
    return true;
}

// The first sample that exploded, or -1.
static int find_exploded(const nca_trainer *trainer)
{
    for (int b = 0; b < trainer->shape.batch; b++)
        if (!is_good(&trainer->samples[b]))
            return b;
    return -1;
}

bool nca_health_states_are_good(const nca_trainer *trainer, nca_update_result *out)
{
    const bool repairs = trainer->plan.repairs;
    const int exploded = find_exploded(trainer);
    char text[160], loss[32], state[32];
    if (exploded >= 0) {
        snprintf(text, sizeof text, "sample %d exploded: loss %s, largest state %s%s", exploded,
                 write_number(trainer->samples[exploded].loss, loss),
                 write_number(trainer->samples[exploded].max_state, state),
                 repairs ? "; the update is skipped" : "");
        say(out, repairs ? NCA_EVENT_SKIPPED : NCA_EVENT_LEFT_ALONE, text);
        return !repairs;
    }
    if (is_batch_dead(trainer)) {
        snprintf(text, sizeof text, NCA_WORDS_BATCH_DIED "%s%.30s",
                 repairs ? ": the update is skipped, and its rows become " : "",
                 repairs ? trainer->task->beginning_words : "");
        say(out, repairs ? NCA_EVENT_POOL_REPAIRED : NCA_EVENT_LEFT_ALONE, text);
        return !repairs;
    }
    return true;
}

bool nca_health_rule_is_good(nca_trainer *trainer, const nca_update_report *report,
                             nca_update_result *out)
{
    if (report->applied && isfinite(report->parameter_max))
        return true;
    if (report->applied)
        trainer->health.skipped_in_a_row = SKIPS_IN_A_ROW;   // no later update would be better
    say(out, NCA_EVENT_SKIPPED,
        report->applied         ? "the rule is not finite"
        : trainer->plan.repairs ? "the gradient is not finite; the update is skipped"
                                : "the gradient is not finite");
    return false;
}

// The pool's rows that went wrong become new samples.
static nca_status repair_rows(nca_trainer *trainer, nca_error *error)
{
    const bool is_all_dead = is_batch_dead(trainer);
    for (int b = 0; b < trainer->shape.batch && trainer->shape.pool > 0; b++)
        if (is_all_dead || !is_good(&trainer->samples[b]))
            NCA_TRY(nca_pool_renew_row(trainer, trainer->rows[b], error));
    return NCA_OK;
}

static nca_status move_rule(nca_trainer *trainer, bool back, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const size_t total = trainer->layout.total;
    const struct {
        nca_buffer buffer;
        float *kept;
        size_t count;
    } parts[] = {{NCA_PARAMETERS, trainer->good.parameters, total},
                 {NCA_OPTIMIZER, trainer->good.optimizer, NCA_OPTIMIZER_BLOCKS * total}};
    nca_average_move(trainer, back);
    for (int i = 0; i < 2; i++)
        NCA_TRY(back ? backend->upload(trainer->session, parts[i].buffer, 0, parts[i].count,
                                       parts[i].kept, error)
                     : backend->download(trainer->session, parts[i].buffer, 0, parts[i].count,
                                         parts[i].kept, error));
    return backend->synchronize(trainer->session, error);
}

nca_status nca_health_remember(nca_trainer *trainer, nca_error *error)
{
    NCA_TRY(move_rule(trainer, false, error));
    trainer->good.update = trainer->done;
    trainer->good.time = trainer->time;
    trainer->health.rollbacks_in_a_row = 0;
    trainer->health.good_since_rollback = 0;
    return NCA_OK;
}

// Updates between two doublings of the rate.
static int64_t updates_per_doubling(const nca_health *health)
{
    const int64_t further = health->rollbacks > 0 ? health->rollbacks - 1 : 0;
    return (int64_t)SLOWED_UPDATES << (further < LONGER_ROLLBACKS ? further : LONGER_ROLLBACKS);
}

static int64_t halvings_left(const nca_health *health, int64_t update)
{
    const int64_t risen = (update - health->slowed_at - 1) / updates_per_doubling(health);
    return health->halvings > risen ? health->halvings - risen : 0;
}

double nca_health_rate_factor(const nca_trainer *trainer, int64_t update)
{
    return ldexp(1, -(int)halvings_left(&trainer->health, update));
}

// `rollbacks` counts this one already. The factor is a power of two, so the rate keeps its bits.
static void slow_down(nca_trainer *trainer, int64_t halvings)
{
    const int64_t fallen = halvings + HALVINGS;
    trainer->health.halvings = fallen < HALVINGS_MAX ? fallen : HALVINGS_MAX;
    trainer->health.slowed_at = trainer->done;
}

// Deaths put the next doubling off, for as long as the whole of it at most: what has risen stays.
static void put_off_rise(nca_trainer *trainer)
{
    nca_health *health = &trainer->health;
    if (halvings_left(health, trainer->done + 1) == 0)
        return;
    const int64_t gone = (trainer->done - health->slowed_at) % updates_per_doubling(health);
    health->slowed_at += gone < DEATH_UPDATES ? gone : DEATH_UPDATES;
}

// What may help where going back did not. Where rules share cells, clipping does not: one of them
// drives the other, and learns to.
const char *nca_trainer_advice(const nca_trainer *trainer)
{
    if (!trainer->plan.repairs)
        return "--health on, which goes back and lowers the rate";
    if (trainer->task->victim)
        return "a lower --rate, or with another --victim";
    if (trainer->has_adversary)
        return "a lower --rate, or with a smaller share of --perturb cells";
    return "another --seed, or clip the gradient with --gradient";
}

// `count` says how often it went wrong, in words that follow the event's; empty where once.
static nca_status roll_back(nca_trainer *trainer, const char *count, nca_update_result *out,
                            nca_error *error)
{
    nca_health *health = &trainer->health;
    const int64_t halvings = halvings_left(health, trainer->done);
    char text[sizeof out->event_text];
    NCA_TRY(move_rule(trainer, true, error));
    NCA_TRY(nca_pool_renew(trainer, error));
    trainer->time = trainer->good.time;
    health->skipped_in_a_row = 0;
    health->tenths_of_deaths = 0;
    health->good_since_rollback = 0;
    health->rollbacks++;
    if (health->rollbacks_in_a_row++ < ROLLBACKS_IN_A_ROW) {
        slow_down(trainer, halvings);
        snprintf(text, sizeof text,
                 "%.90s%s: back to the rule of update %lld, the pool to %.30s, the rate to 1/%.0f "
                 "for %lld updates",
                 out->event_text, count, (long long)trainer->good.update,
                 trainer->task->beginning_words, ldexp(1, (int)health->halvings),
                 (long long)updates_per_doubling(health));
        say(out, NCA_EVENT_ROLLED_BACK, text);
        return NCA_OK;
    }
    snprintf(
        text, sizeof text,
        "rolling back %d times did not help, nor did 1/%.0f of the rate: training ends with the "
        "rule of update %lld",
        ROLLBACKS_IN_A_ROW, ldexp(1, (int)halvings), (long long)trainer->good.update);
    say(out, NCA_EVENT_GAVE_UP, text);
    return nca_fail(error, NCA_NUMERIC, "update %lld: %s; train anew with %s",
                    (long long)out->update, text, nca_trainer_advice(trainer));
}

// Where nothing is repaired: no later rule would be finite either. One that is not goes back to the
// last good one, so that there is a rule to look at.
static nca_status end(nca_trainer *trainer, nca_update_result *out, nca_error *error)
{
    const bool is_lost = trainer->health.skipped_in_a_row == SKIPS_IN_A_ROW;
    char text[sizeof out->event_text];
    if (is_lost) {
        NCA_TRY(move_rule(trainer, true, error));
        trainer->time = trainer->good.time;
    }
    trainer->health.skipped_in_a_row = 0;
    snprintf(text, sizeof text, "%.160s: training ends with the rule of update %lld",
             out->event_text, (long long)(is_lost ? trainer->good.update : out->update - 1));
    say(out, NCA_EVENT_GAVE_UP, text);
    return nca_fail(error, NCA_NUMERIC, "update %lld: %s; train anew with %s",
                    (long long)out->update, text, nca_trainer_advice(trainer));
}

nca_status nca_health_skip(nca_trainer *trainer, nca_update_result *out, nca_error *error)
{
    if (!trainer->plan.repairs)
        return end(trainer, out, error);
    NCA_TRY(repair_rows(trainer, error));
    if (++trainer->health.skipped_in_a_row < SKIPS_IN_A_ROW)
        return NCA_OK;
    // A rule that is not finite goes back at once: no count to tell.
    const bool is_counted = trainer->health.skipped_in_a_row == SKIPS_IN_A_ROW;
    _Static_assert(SKIPS_IN_A_ROW == 5, "the words below");
    return roll_back(trainer, is_counted ? ", the 5th in a row" : "", out, error);
}

// Whether a later slot of the batch has the row of this one: drawing with replacement can do that,
// and the row then holds what the later one left.
static bool is_drawn_again(const nca_trainer *trainer, int slot)
{
    for (int b = slot + 1; b < trainer->shape.batch; b++)
        if (trainer->rows[b] == trainer->rows[slot])
            return true;
    return false;
}

// Samples that died and must live: their rows become new ones, where that is allowed. Says so, and
// how many they were.
static nca_status renew_dead(nca_trainer *trainer, nca_update_result *out, int *count,
                             nca_error *error)
{
    char text[160];
    *count = 0;
    for (int b = 0; b < trainer->shape.batch; b++) {
        if (!trainer->starts[b].must_live || !is_dead(trainer, b))
            continue;
        ++*count;
        if (trainer->plan.repairs && trainer->shape.pool > 0 && !is_drawn_again(trainer, b))
            NCA_TRY(nca_pool_renew_row(trainer, trainer->rows[b], error));
    }
    snprintf(text, sizeof text, NCA_WORDS_GROWTH_DIED " %.30s died",
             trainer->task->beginning_words);
    if (*count > 0 && out->event == NCA_EVENT_NONE)
        say(out, trainer->plan.repairs ? NCA_EVENT_RESEEDED : NCA_EVENT_LEFT_ALONE, text);
    return NCA_OK;
}

nca_status nca_health_keep(nca_trainer *trainer, nca_update_result *out, nca_error *error)
{
    nca_health *health = &trainer->health;
    int dead;
    NCA_TRY(renew_dead(trainer, out, &dead, error));
    health->skipped_in_a_row = 0;
    health->tenths_of_deaths += dead > 0 ? 10 : health->tenths_of_deaths > 0 ? -1 : 0;
    if (health->tenths_of_deaths >= 10 * DEATHS && trainer->plan.repairs)
        return roll_back(trainer, " too often", out, error);
    if (dead > 0)
        put_off_rise(trainer);
    const bool is_good = dead == 0 || !trainer->plan.repairs;
    health->good_since_rollback += is_good ? 1 : -DEATH_UPDATES;
    if (health->good_since_rollback < 0)
        health->good_since_rollback = 0;
    if (health->good_since_rollback < GOOD_UPDATES)
        return NCA_OK;
    return nca_health_remember(trainer, error);
}
