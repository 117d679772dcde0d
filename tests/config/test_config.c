// Settings: defaults, grids, words, what does not go together, and which differences matter.
#include "config/planning.h"

#include <math.h>

#include "config/grid.h"
#include "config/settings.h"
#include "nca/task.h"

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
        cmocka_unit_test(test_perceptions_by_name),
        cmocka_unit_test(test_alive_masks_by_name),
        cmocka_unit_test(test_rows_offer_every_word),
        cmocka_unit_test(test_health_is_on_or_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
