// study.json: all that a study asked, found and judged.
#include "base/json_values.h"
#include "eval/wilson.h"
#include "nca/nca.h"
#include "sweep/study.h"

// A value that could not be made leaves its key out; the whole is then refused at the end.
typedef struct building {
    bool failed;
} building;

static void put(building *of, json_t *object, const char *key, json_t *value)
{
    of->failed |= json_object_set_new(object, key, value) != 0;
}

static void add(building *of, json_t *array, json_t *value)
{
    of->failed |= json_array_append_new(array, value) != 0;
}

static json_t *spread_of(const nca_spread *of)
{
    return json_pack("{s:o, s:o, s:o}", "median", nca_json_number(of->median), "min",
                     nca_json_number(of->min), "max", nca_json_number(of->max));
}

static json_t *share_of(int hits, int total)
{
    const nca_interval interval = nca_wilson(hits, total);
    return json_pack("{s:i, s:i, s:f, s:f}", "count", hits, "of", total, "low", interval.low,
                     "high", interval.high);
}

// -- Settings -------------------------------------------------------------------------------------

static json_t *setting_of(building *of, const nca_study *study, const nca_study_setting *setting)
{
    const nca_study_tally tally = nca_study_count(study, setting);
    json_t *cuts = json_object();
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        put(of, cuts, nca_cut_name(cut), share_of(tally.cut_healed[cut], tally.judged));
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "name", setting->name, "summary",
        setting->summary, "preset", setting->preset, "batch", setting->batch, "damaged",
        setting->damaged, "steps_min", setting->steps_min, "steps_max", setting->steps_max, "runs",
        tally.runs, "judged", tally.judged, "gave_up", tally.gave_up);
    put(of, object, "exploded", share_of(tally.exploded, tally.judged));
    put(of, object, "grows", share_of(tally.grows, tally.judged));
    put(of, object, "holds", share_of(tally.holds, tally.judged));
    put(of, object, "heals_all", share_of(tally.heals_all, tally.judged));
    put(of, object, "cuts", cuts);
    put(of, object, "circles", share_of(tally.circles_healed, tally.circles));
    put(of, object, "distorted", nca_json_number(tally.distorted_share));
    return object;
}

static json_t *settings_of(building *of, const nca_study *study)
{
    json_t *list = json_array();
    for (const nca_study_setting *row = nca_study_settings(); row->name; row++)
        if (nca_study_count(study, row).runs > 0)
            add(of, list, setting_of(of, study, row));
    return list;
}

// -- Runs -----------------------------------------------------------------------------------------

static json_t *healing_of(building *of, const nca_healing *healing, bool is_healed)
{
    json_t *object = spread_of(&healing->loss);
    put(of, object, "seeds_healed", json_integer(healing->seeds_healed));
    put(of, object, "healed", json_boolean(is_healed));
    return object;
}

static json_t *circles_of(building *of, const nca_judgement *judgement)
{
    const nca_evaluation *found = &judgement->evaluation;
    json_t *list = json_array();
    for (int i = 0; i < found->circles; i++) {
        const nca_region *circle = &found->circle_region[i];
        json_t *object =
            healing_of(of, &found->circle[i], nca_judge_is_healed(found, &found->circle[i]));
        put(of, object, "center", json_pack("[f,f]", circle->center_y, circle->center_x));
        put(of, object, "radius", json_pack("[f,f]", circle->radius_y, circle->radius_x));
        add(of, list, object);
    }
    return list;
}

static void put_evaluation(building *of, json_t *run, const nca_judgement *judgement)
{
    const nca_evaluation *found = &judgement->evaluation;
    json_t *losses = json_object(), *cuts = json_object();
    for (int i = 0; i < found->steps_count; i++) {
        char step[16];
        snprintf(step, sizeof step, "%d", found->step[i]);
        put(of, losses, step, spread_of(&found->loss_at[i]));
    }
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        put(of, cuts, nca_cut_name(cut),
            healing_of(of, &found->cut[cut], judgement->cut_healed[cut]));
    put(of, run, "loss_at", losses);
    put(of, run, "undamaged", spread_of(&found->whole));
    put(of, run, "cuts", cuts);
    put(of, run, "circles", circles_of(of, judgement));
    put(of, run, "max_state_evaluated", nca_json_number(found->max_state));
}

static void put_training(building *of, json_t *run, const nca_history *history)
{
    put(of, run, "seconds", nca_json_number(history->seconds));
    put(of, run, "events", json_integer((json_int_t)history->events));
    put(of, run, "explosions", json_integer((json_int_t)history->explosions));
    put(of, run, "deaths", json_integer((json_int_t)history->deaths));
    put(of, run, "not_finite", json_integer((json_int_t)history->not_finite));
    put(of, run, "max_state_trained", nca_json_number(history->max_state));
}

static json_t *pool_of(const nca_judgement *judgement)
{
    const nca_pool_judgement *pool = &judgement->pool;
    return json_pack("{s:i, s:i, s:i, s:o, s:o}", "slots", pool->slots, "untouched",
                     pool->untouched, "distorted", pool->distorted, "share",
                     nca_json_number(judgement->distorted_share), "median",
                     nca_json_number(pool->median));
}

static json_t *verdict_of(const nca_judgement *of)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:i, s:i}", "exploded", of->exploded, "grows", of->grows,
                     "holds", of->holds, "heals_all", of->heals_all, "cuts_healed", of->cuts_healed,
                     "circles_healed", of->circles_healed);
}

static json_t *run_of(building *of, const nca_study_run *run)
{
    static const char *const words[] = {
#define PROGRESS_WORD(name, word) word,
        NCA_STUDY_PROGRESS(PROGRESS_WORD)
#undef PROGRESS_WORD
    };
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:s, s:I, s:I, s:b, s:b}", "name", run->name, "setting",
        run->setting->name, "seed", (json_int_t)run->seed, "progress", words[run->progress],
        "updates", (json_int_t)run->updates, "updates_asked", (json_int_t)run->config.updates,
        "gave_up", run->gave_up, "judged", run->is_judged);
    put(of, object, "config", nca_json_parsed(run->config_json));
    put(of, object, "machine", nca_json_parsed(run->machine_json));
    if (!run->is_judged)
        return object;
    put_training(of, object, &run->history);
    put(of, object, "pool", pool_of(&run->judgement));
    put_evaluation(of, object, &run->judgement);
    put(of, object, "verdict", verdict_of(&run->judgement));
    return object;
}

// -- The whole ------------------------------------------------------------------------------------

static json_t *shared_of(building *of, const nca_config *shared)
{
    json_t *object = json_object();
#define PUT_TEXT(name, ...) put(of, object, #name, nca_json_text(shared->name));
#define PUT_INT(name, ...) put(of, object, #name, json_integer(shared->name));
#define PUT_REAL(name, ...) put(of, object, #name, json_real(shared->name));
    NCA_STUDY_SHARED(PUT_TEXT, PUT_INT, PUT_REAL)
#undef PUT_TEXT
#undef PUT_INT
#undef PUT_REAL
    return object;
}

static json_t *rules_of(building *of, const nca_judge_rules *rules)
{
    char words[600];
    json_t *list = json_array();
    for (int i = 0; nca_judge_rule_text(rules, i, words, sizeof words); i++)
        add(of, list, json_string(words));
    return json_pack("{s:o, s:f, s:f, s:f, s:i, s:i, s:[i,i], s:i, s:i, s:i}", "words", list,
                     "state_bound", NCA_STATE_BOUND, "good_loss", NCA_JUDGE_GOOD_LOSS,
                     "healed_within", NCA_HEALED_WITHIN, "seeds", rules->seeds, "grown_at",
                     rules->grown_at, "held_at", rules->held_at[0], rules->held_at[1], "cut_at",
                     rules->cut_at, "heal_steps", rules->heal_steps, "circles", rules->circles);
}

nca_status nca_study_json(const nca_study *study, const nca_study_about *about, json_t **out,
                          nca_error *error)
{
    building of = {0};
    json_t *runs = json_array(), *object = json_object();
    for (int i = 0; i < study->count; i++)
        add(&of, runs, run_of(&of, &study->runs[i]));
    put(&of, object, "study", json_string("regeneration"));
    put(&of, object, "nca", json_string(NCA_VERSION));
    put(&of, object, "command", nca_json_text(about->command));
    put(&of, object, "quick", json_boolean(study->is_quick));
    put(&of, object, "judged_on", nca_json_parsed(about->machine));
    put(&of, object, "shared", shared_of(&of, &study->shared));
    put(&of, object, "rules", rules_of(&of, &study->rules));
    put(&of, object, "settings", settings_of(&of, study));
    put(&of, object, "runs", runs);
    if (!of.failed) {
        *out = object;
        return NCA_OK;
    }
    json_decref(object);
    return nca_fail(error, NCA_MEMORY, "study.json: no memory to write it");
}
