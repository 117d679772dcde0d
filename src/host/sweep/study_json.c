// study.json: all that a study asked, found and judged.
#include "base/json_values.h"
#include "eval/verdict.h"
#include "eval/wilson.h"
#include "nca/nca.h"
#include "sweep/study.h"

// A value that could not be made leaves its key out; the whole is then refused at the end.
typedef struct json_builder {
    bool failed;
} json_builder;

static void put(json_builder *builder, json_t *object, const char *key, json_t *value)
{
    builder->failed |= json_object_set_new(object, key, value) != 0;
}

static void add(json_builder *builder, json_t *array, json_t *value)
{
    builder->failed |= json_array_append_new(array, value) != 0;
}

static json_t *spread_of(const nca_spread *spread)
{
    return json_pack("{s:o, s:o, s:o}", "median", nca_json_number(spread->median), "min",
                     nca_json_number(spread->min), "max", nca_json_number(spread->max));
}

static json_t *share_of(int hits, int total)
{
    const nca_interval interval = nca_wilson(hits, total);
    return json_pack("{s:i, s:i, s:f, s:f}", "count", hits, "of", total, "low", interval.low,
                     "high", interval.high);
}

// -- Settings -------------------------------------------------------------------------------------

static json_t *setting_of(json_builder *builder, const nca_study *study,
                          const nca_study_setting *setting)
{
    const nca_study_tally tally = nca_study_count(study, setting);
    json_t *cuts = json_object();
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        put(builder, cuts, nca_cut_name(cut), share_of(tally.cut_healed[cut], tally.judged));
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "name", setting->name, "summary",
        setting->summary, "preset", setting->preset, "batch", setting->batch, "damaged",
        setting->damaged, "steps_min", setting->steps_min, "steps_max", setting->steps_max, "runs",
        tally.runs, "judged", tally.judged, "gave_up", tally.gave_up);
    put(builder, object, "exploded", share_of(tally.exploded, tally.judged));
    put(builder, object, "grows", share_of(tally.grows, tally.judged));
    put(builder, object, "holds", share_of(tally.holds, tally.judged));
    put(builder, object, "heals_all", share_of(tally.heals_all, tally.judged));
    put(builder, object, "cuts", cuts);
    put(builder, object, "circles", share_of(tally.circles_healed, tally.circles));
    put(builder, object, "distorted", nca_json_number(tally.distorted_share));
    return object;
}

static json_t *settings_of(json_builder *builder, const nca_study *study)
{
    json_t *list = json_array();
    for (const nca_study_setting *row = nca_study_settings(); row->name; row++)
        if (nca_study_count(study, row).runs > 0)
            add(builder, list, setting_of(builder, study, row));
    return list;
}

// -- Runs -----------------------------------------------------------------------------------------

static json_t *healing_of(json_builder *builder, const nca_healing *healing, bool is_healed)
{
    json_t *object = spread_of(&healing->loss);
    put(builder, object, "seeds_healed", json_integer(healing->seeds_healed));
    put(builder, object, "healed", json_boolean(is_healed));
    return object;
}

static json_t *circles_of(json_builder *builder, const nca_judge_criteria *criteria,
                          const nca_judgement *judgement)
{
    const nca_evaluation *found = &judgement->evaluation;
    json_t *list = json_array();
    for (int i = 0; i < found->circles; i++) {
        const nca_region *circle = &found->circle_region[i];
        json_t *object = healing_of(builder, &found->circle[i],
                                    nca_judge_is_healed(criteria, found, &found->circle[i]));
        put(builder, object, "center", json_pack("[f,f]", circle->center_y, circle->center_x));
        put(builder, object, "radius", json_pack("[f,f]", circle->radius_y, circle->radius_x));
        add(builder, list, object);
    }
    return list;
}

static void put_evaluation(json_builder *builder, json_t *run, const nca_judge_criteria *criteria,
                           const nca_judgement *judgement)
{
    const nca_evaluation *found = &judgement->evaluation;
    json_t *losses = json_object(), *cuts = json_object();
    for (int i = 0; i < found->steps_count; i++) {
        char step[16];
        snprintf(step, sizeof step, "%d", found->step[i]);
        put(builder, losses, step, spread_of(&found->loss_at[i]));
    }
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        put(builder, cuts, nca_cut_name(cut),
            healing_of(builder, &found->cut[cut], judgement->cut_healed[cut]));
    put(builder, run, "loss_at", losses);
    put(builder, run, "undamaged", spread_of(&found->whole));
    put(builder, run, "cuts", cuts);
    put(builder, run, "circles", circles_of(builder, criteria, judgement));
    put(builder, run, "max_state_evaluated", nca_json_number(found->max_state));
}

static void put_training(json_builder *builder, json_t *run, const nca_history *history)
{
    put(builder, run, "seconds", nca_json_number(history->seconds));
    put(builder, run, "events", json_integer((json_int_t)history->events));
    put(builder, run, "explosions", json_integer((json_int_t)history->explosions));
    put(builder, run, "deaths", json_integer((json_int_t)history->deaths));
    put(builder, run, "not_finite", json_integer((json_int_t)history->not_finite));
    put(builder, run, "max_state_trained", nca_json_number(history->max_state));
}

static json_t *pool_of(const nca_judgement *judgement)
{
    const nca_pool_judgement *pool = &judgement->pool;
    return json_pack("{s:i, s:i, s:i, s:o, s:o}", "slots", pool->slots, "untouched",
                     pool->untouched, "distorted", pool->distorted, "share",
                     nca_json_number(judgement->distorted_share), "median",
                     nca_json_number(pool->median));
}

static json_t *verdict_of(const nca_judgement *judgement)
{
    return json_pack("{s:b, s:b, s:b, s:b, s:i, s:i}", "exploded", judgement->exploded, "grows",
                     judgement->grows, "holds", judgement->holds, "heals_all", judgement->heals_all,
                     "cuts_healed", judgement->cuts_healed, "circles_healed",
                     judgement->circles_healed);
}

static json_t *run_of(json_builder *builder, const nca_judge_criteria *criteria,
                      const nca_study_run *run)
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
    put(builder, object, "config", nca_json_parsed(run->config_json));
    put(builder, object, "machine", nca_json_parsed(run->machine_json));
    if (!run->is_judged)
        return object;
    put_training(builder, object, &run->history);
    put(builder, object, "pool", pool_of(&run->judgement));
    put_evaluation(builder, object, criteria, &run->judgement);
    put(builder, object, "verdict", verdict_of(&run->judgement));
    return object;
}

// -- The whole ------------------------------------------------------------------------------------

static json_t *shared_of(json_builder *builder, const nca_config *shared)
{
    json_t *object = json_object();
#define PUT_TEXT(name, ...) put(builder, object, #name, nca_json_text(shared->name));
#define PUT_INT(name, ...) put(builder, object, #name, json_integer(shared->name));
#define PUT_REAL(name, ...) put(builder, object, #name, json_real(shared->name));
    NCA_STUDY_SHARED(PUT_TEXT, PUT_INT, PUT_REAL)
#undef PUT_TEXT
#undef PUT_INT
#undef PUT_REAL
    return object;
}

static json_t *criteria_of(json_builder *builder, const nca_judge_criteria *criteria)
{
    char words[600];
    json_t *list = json_array();
    for (int i = 0; nca_judge_criterion_text(criteria, i, words, sizeof words); i++)
        add(builder, list, json_string(words));
    return json_pack("{s:o, s:o, s:f, s:f, s:f, s:i, s:i, s:[i,i], s:i, s:i, s:i}", "words", list,
                     "grades", nca_grades_json(criteria->task), "state_bound", NCA_STATE_BOUND,
                     "good_loss", criteria->task->good_loss, "healed_within", NCA_HEALED_WITHIN,
                     "seeds", criteria->seeds, "grown_at", criteria->grown_at, "held_at",
                     criteria->held_at[0], criteria->held_at[1], "cut_at", criteria->cut_at,
                     "heal_steps", criteria->heal_steps, "circles", criteria->circles);
}

nca_status nca_study_json(const nca_study *study, const nca_study_about *about, json_t **out,
                          nca_error *error)
{
    json_builder builder = {0};
    json_t *runs = json_array(), *object = json_object();
    for (int i = 0; i < study->count; i++)
        add(&builder, runs, run_of(&builder, &study->criteria, &study->runs[i]));
    put(&builder, object, "study", json_string("regeneration"));
    put(&builder, object, "nca", json_string(NCA_VERSION));
    put(&builder, object, "command", nca_json_text(about->command));
    put(&builder, object, "quick", json_boolean(study->is_quick));
    put(&builder, object, "judged_on", nca_json_parsed(about->machine));
    put(&builder, object, "shared", shared_of(&builder, &study->shared));
    put(&builder, object, "rules", criteria_of(&builder, &study->criteria));
    put(&builder, object, "settings", settings_of(&builder, study));
    put(&builder, object, "runs", runs);
    if (!builder.failed) {
        *out = object;
        return NCA_OK;
    }
    json_decref(object);
    return nca_fail(error, NCA_MEMORY, "study.json: no memory to write it");
}
