// Settings: defaults, grids, what does not go together, which differences matter, and the texts of
// schedule and transforms of the gradient.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "config/grid.h"
#include "config/schedule.h"
#include "config/settings.h"
#include "nca/task.h"

static void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

static nca_plan plan;

static void expect_refused(const nca_config *config, const char *message)
{
    nca_error error = {0};
    const nca_plan before = plan;
    assert_int_equal(nca_plan_make(config, &plan, &error), NCA_ARGUMENT);
    assert_string_equal(error.message, message);
    assert_memory_equal(&plan, &before, sizeof plan);
}

static void test_defaults_are_in_order(void **state)
{
    (void)state;
    const nca_config config = nca_config_default();
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_string_equal(config.preset, "healing");
    assert_string_equal(config.target, "\U0001f61d");
    assert_null(nca_config_difference(&config, &config));
}

static void test_grid_is_read_or_made_of_target_and_padding(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int height, width;
    } good[] = {{"auto", 36, 36}, {"56", 56, 56}, {"40x61", 40, 61}, {"1X65536", 1, 65536}};
    nca_config config = nca_config_default();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        nca_grid grid;
        set_text(config.grid, good[i].text);
        assert_int_equal(nca_config_grid(&config, &grid, NULL), NCA_OK);
        assert_int_equal(grid.height, good[i].height);
        assert_int_equal(grid.width, good[i].width);
    }
}

static void test_grids_that_are_none(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "0",
                                      "-5",
                                      "10x",
                                      "x10",
                                      "10x0",
                                      "10y5",
                                      "5 ",
                                      " 5",
                                      "1x2x3",
                                      "65537",
                                      "auto ",
                                      "99999999999999999999",
                                      "+5",
                                      "5x+5",
                                      "0x10"};
    nca_config config = nca_config_default();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nca_grid grid = {-7, -7};
        nca_error error;
        set_text(config.grid, bad[i]);
        assert_int_equal(nca_config_grid(&config, &grid, &error), NCA_ARGUMENT);
        assert_non_null(strstr(error.message, "--grid"));
        assert_int_equal(grid.height, -7);
        assert_int_equal(grid.width, -7);
    }
}

static void test_numbers_out_of_range_are_named(void **state)
{
    (void)state;
    const nca_config standard = nca_config_default();
    nca_config config = standard;
    config.batch = 0;
    expect_refused(&config, "--batch 0: must be 1 to 4096");
    config = standard;
    config.damage_radius_max = NAN;
    expect_refused(&config, "--damage-radius-max nan: must be 0 to 2");
    config = standard;
    config.rate = INFINITY;
    expect_refused(&config, "--rate inf: must be 0 to 10");
    config = standard;
    config.seed = -1;
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_ARGUMENT);
}

static void test_what_does_not_go_together_is_refused(void **state)
{
    (void)state;
    const nca_config standard = nca_config_default();
    nca_config config = standard;
    config.steps_min = 96;
    expect_refused(&config, "--steps-min 96: more than --steps-max 95");
    config = standard;
    config.damage_radius_min = 0.5;
    expect_refused(&config, "--damage-radius-min 0.5: more than --damage-radius-max 0.4");
    config = standard;
    config.damaged = 8;
    expect_refused(&config, "--reseeded 1 and --damaged 8: together more than --batch 8");
    config = standard;
    config.pool = 7;
    expect_refused(&config, "--batch 8: more than --pool 7; give a larger pool, or "
                            "--pool-replacement");
    config.pool_replacement = true;
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    config = standard;
    config.channels = 18;
    expect_refused(&config, "--channels 18: must be a multiple of 4");
    config = standard;
    config.hidden = 130;
    expect_refused(&config, "--hidden 130: must be a multiple of 4");
    config = standard;
    config.average = 9;
    expect_refused(&config, "--average 9: must be 0 or at least 10, since a rule is taken every 10 "
                            "updates");
    config = standard;
    config.hidden2 = 30;
    expect_refused(&config, "--hidden2 30: must be a multiple of 4");
    config = standard;
    set_text(config.perception, "moore");
    config.angle = 90;
    expect_refused(&config,
                   "--angle 90: perception moore has no gradients to rotate; leave it out");
}

static void expect_refused_by_task(const nca_config *config, const char *message)
{
    nca_error error = {0};
    const nca_plan before = plan;
    assert_int_equal(nca_task_plan(&nca_task_grow, config, &plan, &error), NCA_ARGUMENT);
    assert_string_equal(error.message, message);
    assert_memory_equal(&plan, &before, sizeof plan);
}

static void test_the_task_refuses_its_own_settings(void **state)
{
    (void)state;
    const nca_config standard = nca_config_default();
    nca_config config = standard;
    set_text(config.grid, "19");
    expect_refused_by_task(&config, "--target-size 20: larger than the grid of 19x19; shrink one "
                                    "or grow the other");
    config = standard;
    config.target[0] = 0;
    expect_refused_by_task(&config, "--target: empty; give a picture or an emoji");
    config = standard;
    config.batch = 0;
    expect_refused_by_task(&config, "--batch 0: must be 1 to 4096");
    assert_int_equal(nca_task_plan(&nca_task_grow, &standard, &plan, NULL), NCA_OK);
    assert_true(plan.grid.height == 36 && plan.grid.width == 36);
}

static void test_tasks_are_found_by_their_names(void **state)
{
    (void)state;
    const nca_task *task = NULL;
    nca_error error;
    for (const nca_task *const *row = nca_tasks(); *row; row++) {
        assert_int_equal(nca_task_find((*row)->name, &task, NULL), NCA_OK);
        assert_ptr_equal(task, *row);
    }
    char expected[512] = "--task Grow: no such task; there are ";
    for (const nca_task *const *row = nca_tasks(); *row; row++) {
        const size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s%s", row == nca_tasks() ? "" : ", ",
                 (*row)->name);
    }
    assert_int_equal(nca_task_find("Grow", &task, &error), NCA_ARGUMENT);
    assert_string_equal(error.message, expected);
    const nca_config standard = nca_config_default();
    assert_int_equal(nca_task_find(standard.task, &task, NULL), NCA_OK);
    assert_ptr_equal(task, &nca_task_grow);
}

static void test_texts_are_checked(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    nca_error error;
    set_text(config.schedule, "sometimes");
    assert_int_equal(nca_plan_make(&config, &plan, &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "--schedule sometimes"));
    config = nca_config_default();
    set_text(config.gradient, "clip");
    assert_int_equal(nca_plan_make(&config, &plan, &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "--gradient clip"));
    config = nca_config_default();
    set_text(config.until, "heals");
    expect_refused(&config, "--until heals: must be updates or healed");
    config = nca_config_default();
    set_text(config.loss, "absolute");
    expect_refused(&config, "--loss absolute: must be squared or cross-entropy");
}

static void test_only_what_changes_the_trajectory_is_a_difference(void **state)
{
    (void)state;
    nca_config a = nca_config_default();
    assert_int_equal(nca_config_settle(&a, NULL), NCA_OK);
    nca_config b = a;
    set_text(b.preset, "growing");
    b.updates = 9;
    b.checkpoint_every = 9;
    b.pictures_every = 9;
    set_text(b.until, "healed");
    assert_null(nca_config_difference(&a, &b));
    b.beta2 = nextafter(b.beta2, 0);
    assert_string_equal(nca_config_difference(&a, &b), "beta2");
    b = a;
    set_text(b.target, "x.png");
    assert_string_equal(nca_config_difference(&a, &b), "target");

    // A cosine looks at the number of updates; so they matter there.
    nca_config c = a;
    set_text(c.schedule, "cosine");
    nca_config d = c;
    d.updates = 9;
    assert_string_equal(nca_config_difference(&c, &d), "updates");
}

static void test_a_plan_is_what_the_settings_say(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    set_text(config.grid, "24x30");
    set_text(config.gradient, "clip:0.5,global:2");
    set_text(config.schedule, "cosine");
    config.channels = 20, config.hidden = 80, config.updates = 77, config.rate = 0.125;
    config.beta1 = 0.25, config.beta2 = 0.5, config.epsilon = 0.75;
    set_text(config.perception, "summed");
    set_text(config.alive, "everywhere");
    config.hidden2 = 44, config.noise = 0.5;
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_true(plan.grid.height == 24 && plan.grid.width == 30);
    assert_true(plan.spec.channels == 20 && plan.spec.hidden[0] == 80 && plan.spec.hidden[1] == 44);
    assert_true(plan.spec.perception == NCA_SUMMED && plan.spec.alive == NCA_ALIVE_EVERYWHERE);
    assert_true(plan.spec.noise == 0.5 && plan.spec.frozen == 0);
    assert_true(plan.optimizer.beta1 == 0.25 && plan.optimizer.beta2 == 0.5);
    assert_true(plan.optimizer.epsilon == 0.75 && plan.optimizer.transforms == 2);
    assert_true(plan.optimizer.transform[1].kind == NCA_GRADIENT_GLOBAL);
    assert_true(plan.schedule.kind == NCA_SCHEDULE_COSINE && plan.schedule.updates == 77);
    assert_true(nca_schedule_rate(&plan.schedule, 1) == 0.125);
}

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

// A refusal that ends in a list of words: "a, b or c".
static void expect_refused_with(const nca_config *config, const char *message,
                                const char *const *words, int count)
{
    char expected[512];
    size_t used = (size_t)snprintf(expected, sizeof expected, "%s%s", message, words[0]);
    for (int i = 1; i < count; i++)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s",
                                 i == count - 1 ? " or " : ", ", words[i]);
    expect_refused(config, expected);
}

static void test_perceptions_by_name(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    for (int i = 0; i < NCA_PERCEPTIONS; i++) {
        assert_non_null(nca_perception_words[i]);
        set_text(config.perception, nca_perception_words[i]);
        assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
        assert_int_equal(plan.spec.perception, i);
    }
    assert_null(nca_perception_words[NCA_PERCEPTIONS]);
    assert_string_equal(nca_perception_words[NCA_SUMMED], "summed");
    set_text(config.perception, "sum");
    expect_refused_with(&config, "--perception sum: must be ", nca_perception_words,
                        NCA_PERCEPTIONS);
}

// Help and shell completion offer what the row of a setting says: "a|b|c".
static void expect_row_offers(const char *name, const char *const *words)
{
    char expected[512] = "";
    for (int i = 0; words[i]; i++) {
        const size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s%s", used ? "|" : "", words[i]);
    }
    assert_string_equal(nca_option_find(nca_config_options(), name, strlen(name))->value, expected);
}

static void test_rows_offer_every_word(void **state)
{
    (void)state;
    expect_row_offers("perception", nca_perception_words);
    expect_row_offers("alive", nca_alive_words);
}

static void test_alive_masks_by_name(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    for (int i = 0; i < NCA_ALIVES; i++) {
        assert_non_null(nca_alive_words[i]);
        set_text(config.alive, nca_alive_words[i]);
        assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
        assert_int_equal(plan.spec.alive, i);
    }
    assert_null(nca_alive_words[NCA_ALIVES]);
    set_text(config.alive, "never");
    expect_refused_with(&config, "--alive never: must be ", nca_alive_words, NCA_ALIVES);
}

static void test_health_is_on_or_off(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_true(plan.repairs);
    set_text(config.health, "off");
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_false(plan.repairs);
    set_text(config.health, "no");
    expect_refused(&config, "--health no: must be on or off");
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
        cmocka_unit_test(test_defaults_are_in_order),
        cmocka_unit_test(test_grid_is_read_or_made_of_target_and_padding),
        cmocka_unit_test(test_grids_that_are_none),
        cmocka_unit_test(test_numbers_out_of_range_are_named),
        cmocka_unit_test(test_what_does_not_go_together_is_refused),
        cmocka_unit_test(test_the_task_refuses_its_own_settings),
        cmocka_unit_test(test_tasks_are_found_by_their_names),
        cmocka_unit_test(test_texts_are_checked),
        cmocka_unit_test(test_only_what_changes_the_trajectory_is_a_difference),
        cmocka_unit_test(test_a_plan_is_what_the_settings_say),
        cmocka_unit_test(test_damage_changes),
        cmocka_unit_test(test_a_text_full_of_changes_is_taken),
        cmocka_unit_test(test_changes_of_damage_that_are_none),
        cmocka_unit_test(test_perceptions_by_name),
        cmocka_unit_test(test_alive_masks_by_name),
        cmocka_unit_test(test_rows_offer_every_word),
        cmocka_unit_test(test_health_is_on_or_off),
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
