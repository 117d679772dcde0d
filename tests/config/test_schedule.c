// What settings say as a text of several parts: the schedule of the rate, changes of damage, shares
// of the updates, and transforms of the gradient.
#include "config/planning.h"

#include <math.h>

#include "config/schedule.h"

static void expect_damage(int64_t update, nca_damage expected)
{
    const nca_damage *damage = nca_damage_of(&plan.damage, update);
    assert_int_equal(damage->samples, expected.samples);
    assert_true(damage->radius_min == expected.radius_min);
    assert_true(damage->radius_max == expected.radius_max);
    assert_true(damage->halves == expected.halves && damage->centred == expected.centred);
}

// After so many updates, as with the rate; what a change does not name stays.
static void test_damage_changes(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    config.damaged = 3, config.damage_halves = config.damage_centred = 0;
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    expect_damage(1, (nca_damage){0.1, 0.4, 0, 0, 3});
    expect_damage(INT64_MAX, (nca_damage){0.1, 0.4, 0, 0, 3});
    set_text(config.damage_changes, "4000:damaged=4,damage-halves=0.5,5000:damage_centred=2.5e-1,"
                                    "damage-radius-max=1,9000:damaged=0");
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    expect_damage(1, (nca_damage){0.1, 0.4, 0, 0, 3});
    expect_damage(4000, (nca_damage){0.1, 0.4, 0, 0, 3});
    expect_damage(4001, (nca_damage){0.1, 0.4, 0.5, 0, 4});
    expect_damage(5000, (nca_damage){0.1, 0.4, 0.5, 0, 4});
    expect_damage(9000, (nca_damage){0.1, 1, 0.5, 0.25, 4});
    expect_damage(9001, (nca_damage){0.1, 1, 0.5, 0.25, 0});
    set_text(config.damage_changes, "0:damaged=1");
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    expect_damage(1, (nca_damage){0.1, 0.4, 0, 0, 1});
}

// As long as a setting can be.
static void test_a_text_full_of_changes_is_taken(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    size_t used = 0;
    for (int update = 0; used + 14 < NCA_TEXT_BYTES; update++)
        used += (size_t)snprintf(config.damage_changes + used, NCA_TEXT_BYTES - used,
                                 "%s%d:damaged=2", update ? "," : "", update);
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_true(plan.damage.stages > 70 && plan.damage.stages <= NCA_DAMAGE_STAGES_MAX);
    expect_damage(1, (nca_damage){0.1, 0.4, 0.5, 0.2, 2});
}

static void test_changes_of_damage_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"None",
                                      "none,",
                                      "5",
                                      "5:",
                                      ":damaged=1",
                                      "damaged=1",
                                      "5:damaged",
                                      "5:damaged=",
                                      "5:damaged=x",
                                      "5:damaged=1,",
                                      "5:damaged=1.5",
                                      "5:damaged=1 ",
                                      "-5:damaged=1",
                                      "5:damage-halves=nan",
                                      "5:damage-changes=none",
                                      "5:batch=1",
                                      "5:damaged=1,5:damaged=2",
                                      "5:damaged=1,4:damaged=2",
                                      "5:damaged=1,7:",
                                      "9999999999999999999:damaged=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nca_config config = nca_config_default();
        nca_error error = {0};
        set_text(config.damage_changes, bad[i]);
        assert_int_equal(nca_plan_make(&config, &plan, &error), NCA_ARGUMENT);
        assert_non_null(strstr(error.message, "--damage-changes"));
    }
    nca_config config = nca_config_default();
    set_text(config.damage_changes, "5:damage-halves=1.5");
    expect_refused(&config, "--damage-changes: damage-halves=1.5: must be 0 to 1");
    set_text(config.damage_changes, "5:damaged=8");
    expect_refused(&config, "--damage-changes: after update 5, --reseeded 1 and --damaged 8: "
                            "together more than --batch 8");
    set_text(config.damage_changes, "5:damage-radius-max=0.05,7:damage-radius-max=1");
    expect_refused(&config, "--damage-changes: after update 5, --damage-radius-min 0.1: more than "
                            "--damage-radius-max 0.05");
}

static void expect_rate(const char *text, int64_t update, int64_t updates, double expected)
{
    nca_schedule schedule = {.rate = 0.002, .updates = updates};
    assert_int_equal(nca_schedule_parse(text, &schedule, NULL), NCA_OK);
    assert_true(fabs(nca_schedule_rate(&schedule, update) - expected) <= 1e-15);
}

static void test_schedules(void **state)
{
    (void)state;
    expect_rate("constant", 7999, 8000, 0.002);
    expect_rate("cosine", 1, 100, 0.002);
    expect_rate("cosine", 51, 100, 0.001);
    expect_rate("cosine", 101, 100, 0);
    // After 2,000 updates: the 2,000th is the last one at the full rate.
    expect_rate("steps:2000x0.1", 1, 8000, 0.002);
    expect_rate("steps:2000x0.1", 2000, 8000, 0.002);
    expect_rate("steps:2000x0.1", 2001, 8000, 0.0002);
    expect_rate("steps:2000x0.1,4000x0.5", 4001, 8000, 0.0001);
    expect_rate("steps:0x0.5", 1, 8000, 0.001);
}

// As long as a setting can be.
static void test_a_text_full_of_steps_is_a_schedule(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    strcpy(config.schedule, "steps:0x1");
    for (size_t used = strlen(config.schedule); used + 4 < NCA_TEXT_BYTES; used += 4)
        strcpy(config.schedule + used, ",0x1");
    config.schedule[strlen(config.schedule) - 1] = '5';
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_int_equal(plan.schedule.steps, 254);
    assert_true(nca_schedule_rate(&plan.schedule, 1) == config.rate * 5);
}

static void expect_settled(const char *text, int64_t updates, const char *expected)
{
    nca_config config = nca_config_default();
    config.updates = updates;
    set_text(config.schedule, text);
    set_text(config.damage_changes, text);
    assert_int_equal(nca_config_settle(&config, NULL), NCA_OK);
    assert_string_equal(config.schedule, expected);
    assert_string_equal(config.damage_changes, expected);
}

static void test_shares_become_updates(void **state)
{
    (void)state;
    expect_settled("steps:40%x0.3,74%x0.33", 5000, "steps:2000x0.3,3700x0.33");
    expect_settled("18.75%:damaged=4,damage-halves=0.5,100%:damaged=2", 16000,
                   "3000:damaged=4,damage-halves=0.5,16000:damaged=2");
    expect_settled("steps:50%x0.5,90%x0.1", 3, "steps:2x0.5,3x0.1");
    expect_settled("steps:2000x0.3", 10, "steps:2000x0.3");
    expect_settled("none", 10, "none");
    expect_settled("steps:40%%x0.3,4.x%,x7%", 10, "steps:40%%x0.3,4.x%,x7%");
}

// The rate of an update then depends on how many there are, until it is settled.
static void test_the_number_of_updates_matters_to_shares(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    set_text(config.schedule, "steps:40%x0.5");
    config.updates = 100;
    assert_true(nca_config_matters("updates", &config));
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_int_equal(plan.schedule.step[0].after, 40);
    assert_int_equal(nca_config_settle(&config, NULL), NCA_OK);
    assert_false(nca_config_matters("updates", &config));
    config.updates = 200;
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_int_equal(plan.schedule.step[0].after, 40);
}

static void test_shares_above_all_are_refused(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    nca_error error;
    set_text(config.schedule, "steps:40%x0.5,101%x0.1");
    assert_int_equal(nca_config_settle(&config, &error), NCA_ARGUMENT);
    assert_string_equal(error.message, "--schedule: 101%: at most 100% of the updates");
    memset(config.schedule, 0, sizeof config.schedule);
    for (size_t used = 0; used + 4 < NCA_TEXT_BYTES; used += 3)
        memcpy(config.schedule + used, "9%,", 3);
    config.updates = 100000000;
    assert_int_equal(nca_config_settle(&config, &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "too long"));
}

static void test_schedules_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "Constant",
                                      "cosine ",
                                      "steps:",
                                      "steps:5",
                                      "steps:5x",
                                      "steps:x0.1",
                                      "steps:5x0.1,",
                                      "steps:-5x1",
                                      "steps:5xnan",
                                      "steps:5x-0.1",
                                      "steps:5x0",
                                      "steps:5x0.1 ",
                                      "steps",
                                      "steps:5x0x10",
                                      "steps: 5x0.1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nca_schedule schedule = {.rate = 1, .updates = 10};
        nca_error error;
        assert_int_equal(nca_schedule_parse(bad[i], &schedule, &error), NCA_ARGUMENT);
        assert_non_null(strstr(error.message, "--schedule"));
    }
}

static void test_gradient_rules_keep_their_order(void **state)
{
    (void)state;
    nca_optimizer_step step;
    assert_int_equal(nca_transforms_parse("none", &step, NULL), NCA_OK);
    assert_int_equal(step.transforms, 0);
    assert_int_equal(nca_transforms_parse("normalize,clip:0.5,global:2e1", &step, NULL), NCA_OK);
    assert_int_equal(step.transforms, 3);
    assert_int_equal(step.transform[0].kind, NCA_GRADIENT_NORMALIZE);
    assert_int_equal(step.transform[1].kind, NCA_GRADIENT_CLIP);
    assert_true(step.transform[1].value == 0.5);
    assert_int_equal(step.transform[2].kind, NCA_GRADIENT_GLOBAL);
    assert_true(step.transform[2].value == 20);
    assert_int_equal(nca_transforms_parse("clip:1,normalize", &step, NULL), NCA_OK);
    assert_int_equal(step.transform[0].kind, NCA_GRADIENT_CLIP);
}

static void test_gradient_rules_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "clip",     "clip:",       "clip:0",
        "clip:-1",    "clip:nan", "clip:inf",    "clip:0x1",
        "normalize,", ",",        "none,none",   "normalise",
        "clip:1 ",    "clip: 1",  "normalize:2", "clip:1,clip:1,clip:1,clip:1,clip:1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nca_optimizer_step step;
        nca_error error;
        assert_int_equal(nca_transforms_parse(bad[i], &step, &error), NCA_ARGUMENT);
        assert_non_null(strstr(error.message, "--gradient"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage_changes),
        cmocka_unit_test(test_a_text_full_of_changes_is_taken),
        cmocka_unit_test(test_changes_of_damage_that_are_none),
        cmocka_unit_test(test_schedules),
        cmocka_unit_test(test_a_text_full_of_steps_is_a_schedule),
        cmocka_unit_test(test_shares_become_updates),
        cmocka_unit_test(test_the_number_of_updates_matters_to_shares),
        cmocka_unit_test(test_shares_above_all_are_refused),
        cmocka_unit_test(test_schedules_that_are_none),
        cmocka_unit_test(test_gradient_rules_keep_their_order),
        cmocka_unit_test(test_gradient_rules_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
