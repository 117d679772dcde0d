// The regeneration study's parts: its settings are runs that can be trained and stand as the
// question has them; intervals are Wilson's; every verdict follows its rule on made-up figures.
#include "support.h"

#include "config/presets.h"
#include "eval/wilson.h"
#include "sweep/study.h"

// -- Settings -------------------------------------------------------------------------------------

static void test_every_setting_is_a_run_that_can_be_trained(void **state)
{
    (void)state;
    for (int is_quick = 0; is_quick < 2; is_quick++) {
        const nca_config shared = nca_study_shared_default(is_quick);
        for (const nca_study_setting *row = nca_study_settings(); row->name; row++) {
            nca_config config;
            nca_plan plan;
            assert_ok(nca_study_config(row, &shared, is_quick, 7, &config, error));
            assert_ok(nca_plan_make(&config, &plan, error));
            assert_int_equal(config.seed, 7);
            assert_int_equal(config.batch, row->batch);
            assert_int_equal(config.damaged, row->damaged);
            assert_string_equal(config.target, shared.target);
            assert_string_equal(config.schedule, shared.schedule);
            assert_string_equal(config.preset, row->preset);
            assert_true(config.rate == shared.rate && config.updates == shared.updates);
            assert_true(config.pool == shared.pool && config.target_size == shared.target_size);
            assert_true(config.steps_min <= config.steps_max && *row->summary);
        }
    }
}

// batch, damaged, steps_min, steps_max of a setting, and the radii of its damage.
static void check_setting(const char *name, int batch, int damaged, int steps_min, int steps_max,
                          double radius_min, double radius_max)
{
    const nca_config shared = nca_study_shared_default(false);
    const nca_study_setting *row;
    nca_config config;
    assert_ok(nca_study_setting_find(name, strlen(name), &row, error));
    assert_ok(nca_study_config(row, &shared, false, 1, &config, error));
    assert_true(config.batch == batch && config.damaged == damaged);
    assert_true(config.steps_min == steps_min && config.steps_max == steps_max);
    assert_true(config.damage_radius_min == radius_min && config.damage_radius_max == radius_max);
}

static void test_settings_are_those_of_the_question(void **state)
{
    (void)state;
    check_setting("blog-regenerating", 4, 1, 128, 128, 0.05, 0.2);
    check_setting("blog-unstable", 16, 4, 64, 64, 0.05, 0.2);
    check_setting("batch4-damaged1-steps64", 4, 1, 64, 64, 0.05, 0.2);
    check_setting("batch16-damaged4-steps128", 16, 4, 128, 128, 0.05, 0.2);
    check_setting("batch16-damaged1-steps64", 16, 1, 64, 64, 0.05, 0.2);
    check_setting("batch16-damaged1-steps128", 16, 1, 128, 128, 0.05, 0.2);
    check_setting("regenerating", 8, 3, 64, 95, 0.1, 0.4);
    check_setting("healing", 8, 4, 64, 95, 0.1, 0.4);
}

// A setting that is called as a preset is that preset, under the study's schedule.
static void test_a_setting_called_as_a_preset_is_that_preset(void **state)
{
    (void)state;
    int found = 0;
    const nca_config shared = nca_study_shared_default(false);
    for (const nca_study_setting *row = nca_study_settings(); row->name; row++) {
        nca_config config, preset = nca_config_default();
        if (strcmp(row->name, row->preset) != 0)
            continue;
        found++;
        assert_ok(nca_study_config(row, &shared, false, 1, &config, error));
        assert_ok(nca_preset_apply(row->preset, &preset, error));
#define TAKE_TEXT(name, ...) memcpy(preset.name, config.name, sizeof preset.name);
#define TAKE_NUMBER(name, ...) preset.name = config.name;
        NCA_STUDY_SHARED(TAKE_TEXT, TAKE_NUMBER, TAKE_NUMBER)
#undef TAKE_TEXT
#undef TAKE_NUMBER
        assert_null(nca_config_difference(&config, &preset));
    }
    assert_true(found >= 3);
}

static void test_what_is_no_setting_is_refused(void **state)
{
    (void)state;
    const nca_study_setting *row = NULL;
    nca_config shared = nca_study_shared_default(false), config;
    nca_plan plan;
    assert_refused(NCA_ARGUMENT, nca_study_setting_find("blog", 4, &row, error));
    assert_null(row);
    assert_ok(nca_study_setting_find("regenerating,more", 12, &row, error));
    snprintf(shared.grid, sizeof shared.grid, "12");   // the target has 20
    assert_ok(nca_study_config(row, &shared, false, 1, &config, error));
    assert_refused(NCA_ARGUMENT, nca_task_plan(&nca_task_grow, &config, &plan, error));
    snprintf(shared.grid, sizeof shared.grid, "auto");
    assert_ok(nca_study_config(row, &shared, false, 1, &config, error));
    assert_ok(nca_task_plan(&nca_task_grow, &config, &plan, error));
    assert_true(plan.grid.height == 36 && plan.grid.width == 36);
}

// -- Intervals ------------------------------------------------------------------------------------

static void check_interval(int hits, int total, double low, double high)
{
    const nca_interval got = nca_wilson(hits, total);
    assert_true(fabs(got.low - low) < 1e-4 && fabs(got.high - high) < 1e-4);
}

// Figures of R's prop.test without continuity correction, to four digits.
static void test_intervals_are_wilsons(void **state)
{
    (void)state;
    check_interval(0, 3, 0, 0.5615);
    check_interval(3, 3, 0.4385, 1);
    check_interval(1, 3, 0.0615, 0.7923);
    check_interval(5, 10, 0.2366, 0.7634);
    check_interval(1, 1, 0.2065, 1);
    check_interval(57, 60, 0.8630, 0.9829);
    check_interval(0, 0, 0, 1);
    for (int n = 1; n < 40; n++)
        for (int k = 0; k <= n; k++) {
            const nca_interval one = nca_wilson(k, n), other = nca_wilson(n - k, n);
            assert_true(one.low >= 0 && one.low <= (double)k / n && one.high >= (double)k / n);
            assert_true(one.high <= 1 && fabs(one.low + other.high - 1) < 1e-12);
        }
}

// -- Verdicts -------------------------------------------------------------------------------------

static nca_spread all(double loss)
{
    return (nca_spread){loss, loss, loss};
}

// A run that is good in every way: it grows, holds and heals.
static nca_judgement good_run(const nca_judge_criteria *criteria)
{
    nca_judgement judgement = {.evaluation = {.steps_count = 3,
                                              .has_cuts = true,
                                              .circles = criteria->circles,
                                              .whole = all(-4),
                                              .max_state = 50},
                               .pool = {.slots = 100, .untouched = 20, .distorted = 4}};
    for (int i = 0; i < 3; i++)
        judgement.evaluation.loss_at[i] = all(-4);
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        judgement.evaluation.cut[cut].loss = all(-3.8);
    for (int i = 0; i < criteria->circles; i++)
        judgement.evaluation.circle[i].loss = all(-3.9);
    return judgement;
}

static void test_a_good_run_is_judged_good(void **state)
{
    (void)state;
    const nca_judge_criteria criteria = nca_judge_criteria_of(&nca_task_grow, false);
    const nca_history history = {0};
    nca_judgement judgement = good_run(&criteria);
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_false(judgement.exploded);
    assert_true(judgement.grows && judgement.holds && judgement.heals_all);
    assert_int_equal(judgement.cuts_healed, NCA_CUT_COUNT);
    assert_int_equal(judgement.circles_healed, 20);
    assert_true(fabs(judgement.distorted_share - 4 / 80.0) < 1e-12);   // the untouched left out
    nca_judge_verdict(&criteria, &history, &judgement);                // twice is the same
    assert_int_equal(judgement.circles_healed, 20);
}

static void test_each_verdict_follows_its_rule(void **state)
{
    (void)state;
    const nca_judge_criteria criteria = nca_judge_criteria_of(&nca_task_grow, false);
    const nca_history history = {0};
    nca_judgement judgement = good_run(&criteria);
    judgement.evaluation.loss_at[0] = (nca_spread){-1.99, -4, -1};   // the median counts
    judgement.evaluation.loss_at[2] = all(-2);                       // at most
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_true(!judgement.grows && judgement.holds && judgement.heals_all);
    judgement.evaluation.loss_at[2] = all(INFINITY);
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_false(judgement.holds);
    judgement = good_run(&criteria);
    judgement.evaluation.loss_at[1] = all(-1.5);
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_true(judgement.grows && !judgement.holds);

    judgement = good_run(&criteria);
    judgement.evaluation.cut[NCA_CUT_LEFT].loss = all(-3.69);   // 0.31 above the whole
    judgement.evaluation.cut[NCA_CUT_UPPER].loss = all(-3.71);
    judgement.evaluation.circle[5].loss = all(INFINITY);
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_true(!judgement.heals_all && !judgement.cut_healed[NCA_CUT_LEFT] &&
                judgement.cut_healed[NCA_CUT_UPPER]);
    assert_true(judgement.cuts_healed == NCA_CUT_COUNT - 1 && judgement.circles_healed == 19);
}

// An empty grid stays what it was, cut or not: that is no healing.
static void test_what_never_grew_does_not_heal(void **state)
{
    (void)state;
    const nca_judge_criteria criteria = nca_judge_criteria_of(&nca_task_grow, true);
    const nca_history history = {0};
    nca_judgement judgement = good_run(&criteria);
    judgement.evaluation.whole = all(-0.9);
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        judgement.evaluation.cut[cut].loss = all(-0.9);
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_true(judgement.cuts_healed == 0 && judgement.circles_healed == 0 &&
                !judgement.heals_all);
}

static void test_explosions_are_those_of_training_and_evaluation(void **state)
{
    (void)state;
    const nca_judge_criteria criteria = nca_judge_criteria_of(&nca_task_grow, false);
    const double states[] = {NAN, INFINITY, 1.1e5};
    nca_history history = {.deaths = 9, .events = 9};
    nca_judgement judgement = good_run(&criteria);
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_false(judgement.exploded);
    history.explosions = 1;
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_true(judgement.exploded);
    history.explosions = 0;
    for (int i = 0; i < 3; i++) {
        judgement.evaluation.max_state = states[i];
        nca_judge_verdict(&criteria, &history, &judgement);
        assert_true(judgement.exploded);
    }
    judgement.evaluation.max_state = 1e5;
    nca_judge_verdict(&criteria, &history, &judgement);
    assert_false(judgement.exploded);
}

static void test_events_that_are_explosions(void **state)
{
    (void)state;
    assert_true(nca_history_is_explosion("skipped", "sample 0 exploded: loss 1, ..."));
    assert_true(nca_history_is_explosion("skipped", "the gradient is not finite; ..."));
    assert_true(nca_history_is_explosion("rolled back", "the rule is not finite: back to ..."));
    assert_true(
        nca_history_is_explosion("rolled back", "sample 3 exploded: ..., the 5th in a row"));
    assert_true(nca_history_is_explosion("gave up", "rolling back 3 times did not help"));
    assert_false(nca_history_is_explosion("reseeded", NCA_WORDS_GROWTH_DIED " the seed died"));
    assert_false(nca_history_is_explosion("pool repaired", NCA_WORDS_BATCH_DIED ": ..."));
    assert_false(nca_history_is_explosion("rolled back", NCA_WORDS_GROWTH_DIED " the seed died"
                                                                               " too often"));
    assert_false(nca_history_is_explosion("rolled back", NCA_WORDS_BATCH_DIED ", the 5th"));
}

// -- Pool -----------------------------------------------------------------------------------------

enum { SIDE = 6, CHANNELS = 8, STATE = SIDE * SIDE * CHANNELS, SLOTS = 5 };

static void put_seed(float *state)
{
    for (int k = NCA_ALPHA; k < CHANNELS; k++)
        state[(SIDE / 2 * SIDE + SIDE / 2) * CHANNELS + k] = 1;
}

static void test_a_pool_is_counted_slot_by_slot(void **state)
{
    (void)state;
    static float pool[SLOTS * STATE], pixels[SIDE * SIDE * NCA_VISIBLE];
    const nca_growth growth = {.target = {SIDE, SIDE, pixels}};
    nca_pool_judgement got;
    for (int i = 0; i < SIDE * SIDE * NCA_VISIBLE; i++)
        pixels[i] = (float)(i % 3) / 3;
    put_seed(pool);           // 0: untouched
    put_seed(pool + STATE);   // 1: touched, if by little
    pool[STATE + CHANNELS - 1] = 1e-6f;
    for (int slot = 2; slot < SLOTS; slot++)   // 2: as the target, but for 0.05
        for (int i = 0; i < SIDE * SIDE; i++)
            for (int k = 0; k < NCA_VISIBLE; k++)
                pool[slot * STATE + i * CHANNELS + k] = pixels[i * NCA_VISIBLE + k] + 0.05f;
    pool[3 * STATE + 4] = 1e30f;   // 3: the same, for hidden channels do not count
    pool[4 * STATE] = NAN;         // 4: torn
    const nca_spec spec = NCA_GROWING(CHANNELS, 4);
    nca_judged_pool judged = {.states = pool, .slots = SLOTS, .grid = {SIDE, SIDE}};
    assert_ok(nca_judge_pool(&nca_task_grow, &growth, &spec, &judged, &got, error));
    assert_true(got.slots == SLOTS && got.untouched == 1 && got.distorted == 2);
    judged.states = pool + 2 * STATE, judged.slots = 2;
    assert_ok(nca_judge_pool(&nca_task_grow, &growth, &spec, &judged, &got, error));
    assert_true(fabs(got.median - 2 * log10(0.05)) < 1e-5);
    judged.states = pool, judged.slots = 1;
    assert_ok(nca_judge_pool(&nca_task_grow, &growth, &spec, &judged, &got, error));
    assert_true(got.slots == 1 && got.untouched == 1 && got.distorted == 0 && isnan(got.median));
}

// -- JSON -----------------------------------------------------------------------------------------

static void test_a_study_counts_its_runs_and_says_so(void **state)
{
    (void)state;
    const nca_study_setting *rows = nca_study_settings();
    nca_study study = {.shared = nca_study_shared_default(false),
                       .criteria = nca_judge_criteria_of(&nca_task_grow, false),
                       .runs = calloc(4, sizeof *study.runs),
                       .count = 4};
    const nca_study_about about = {.command = "nca study regeneration", .machine = "{}"};
    assert_non_null(study.runs);
    for (int i = 0; i < 4; i++) {
        nca_study_run *run = &study.runs[i];
        run->setting = &rows[i == 3];
        run->is_judged = i != 2;   // the third is still at work
        run->progress = run->is_judged ? NCA_STUDY_COMPLETE : NCA_STUDY_BEGUN;
        run->judgement = good_run(&study.criteria);
        run->judgement.evaluation.max_state = i == 1 ? INFINITY : 5;
        nca_judge_verdict(&study.criteria, &run->history, &run->judgement);
    }
    const nca_study_tally tally = nca_study_count(&study, &rows[0]);
    assert_true(tally.runs == 3 && tally.judged == 2 && tally.exploded == 1 && tally.grows == 2);
    assert_true(tally.circles == 40 && tally.circles_healed == 40 && tally.distorted_share == 0.05);
    json_t *json = NULL;
    assert_ok(nca_study_json(&study, &about, &json, error));
    json_t *settings = json_object_get(json, "settings"), *runs = json_object_get(json, "runs");
    assert_true(json_array_size(settings) == 2 && json_array_size(runs) == 4);
    json_t *exploded = json_object_get(json_array_get(settings, 0), "exploded");
    assert_int_equal(json_integer_value(json_object_get(exploded, "count")), 1);
    assert_int_equal(json_integer_value(json_object_get(exploded, "of")), 2);
    assert_true(json_is_null(json_object_get(json_array_get(runs, 1), "max_state_evaluated")));
    assert_null(json_object_get(json_array_get(runs, 2), "verdict"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(runs, 2), "progress")),
                        "begun");
    char *text = json_dumps(json, 0);   // nothing in it that JSON cannot say
    assert_non_null(text);
    free(text);
    json_decref(json);
    nca_study_free(&study);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_setting_is_a_run_that_can_be_trained),
        cmocka_unit_test(test_settings_are_those_of_the_question),
        cmocka_unit_test(test_a_setting_called_as_a_preset_is_that_preset),
        cmocka_unit_test(test_what_is_no_setting_is_refused),
        cmocka_unit_test(test_intervals_are_wilsons),
        cmocka_unit_test(test_a_good_run_is_judged_good),
        cmocka_unit_test(test_each_verdict_follows_its_rule),
        cmocka_unit_test(test_what_never_grew_does_not_heal),
        cmocka_unit_test(test_explosions_are_those_of_training_and_evaluation),
        cmocka_unit_test(test_events_that_are_explosions),
        cmocka_unit_test(test_a_pool_is_counted_slot_by_slot),
        cmocka_unit_test(test_a_study_counts_its_runs_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
