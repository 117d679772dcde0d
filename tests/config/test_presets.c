// The presets against the published recipes, number by number: a preset is a whole column, whatever
// was set before.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/presets.h"
#include "nca/plan.h"

// What a preset sets, but for the target, its preparation, the seed and how often to save.
typedef struct column {
    const char *name, *task, *digits;   // the loss of one about digits; NULL: it grows
    int grid, target_size;
    int pool, batch, reseeded, damaged;
    bool replacement;
    double radius_min, radius_max, halves;
    int steps_min, steps_max, updates;
    double rate;
    const char *schedule, *gradient;
    double epsilon;
} column;

// clang-format off
static const column columns[] = {
    {"healing", "grow", NULL, 36, 20, 1024, 8, 1, 4, false, 0.1, 0.4, 0.5, 64, 95, 5000, 2e-3,
     "steps:40%x0.3,74%x0.33,92%x0.33", "normalize", 1e-7},
    {"healing-40", "grow", NULL, 72, 40, 1024, 8, 1, 3, false, 0.1, 0.4, 0, 64, 95, 16000, 2e-3,
     "steps:18.75%x0.3,50%x0.5,75%x0.33,93.75%x0.33", "normalize", 1e-7},
    {"growing", "grow", NULL, 72, 40, 0, 8, 0, 0, false, 0.1, 0.4, 0, 64, 95, 8000, 2e-3,
     "steps:2000x0.1", "normalize", 1e-7},
    {"persistent", "grow", NULL, 72, 40, 1024, 8, 1, 0, false, 0.1, 0.4, 0, 64, 95, 8000, 2e-3,
     "steps:2000x0.1", "normalize", 1e-7},
    {"regenerating", "grow", NULL, 72, 40, 1024, 8, 1, 3, false, 0.1, 0.4, 0, 64, 95, 8000, 2e-3,
     "steps:2000x0.1", "normalize", 1e-7},
    {"blog-regenerating", "grow", NULL, 56, 40, 1024, 4, 1, 1, true, 0.05, 0.2, 0, 128, 128, 100000,
     1e-4, "cosine", "normalize,clip:0.5", 1e-8},
    {"blog-unstable", "grow", NULL, 56, 40, 1024, 16, 1, 4, true, 0.05, 0.2, 0, 64, 64, 100000,
     1e-4, "cosine", "normalize,clip:0.5", 1e-8},
    {"digits", "digits", "squared", 28, 40, 160, 16, 4, 0, false, 0.1, 0.4, 0, 20, 20, 100000, 1e-3,
     "steps:30000x0.1,70000x0.1", "normalize", 1e-7},
    {"digits-cross-entropy", "digits", "cross-entropy", 28, 40, 160, 16, 4, 0, false, 0.1, 0.4, 0,
     20, 20, 100000, 1e-3, "steps:30000x0.1,70000x0.1", "normalize", 1e-7},
    {"digits-adversary", "digits-adversary", "squared", 28, 40, 160, 16, 4, 0, false, 0.1, 0.4, 0,
     20, 20, 2000, 1e-3, "steps:30000x0.1,70000x0.1", "normalize", 1e-7},
    {"grow-adversary", "grow-adversary", NULL, 72, 40, 1024, 8, 1, 3, false, 0.1, 0.4, 0, 64, 95,
     8000, 2e-3, "steps:2000x0.1", "normalize", 1e-7},
    {"grow-matrix", "grow-matrix", NULL, 72, 40, 1024, 8, 2, 0, false, 0.1, 0.4, 0, 64, 95, 8000,
     2e-3, "steps:2000x0.1", "normalize", 1e-7},
};
// clang-format on
enum { COLUMNS = sizeof columns / sizeof *columns };

// What only two of them have.
typedef struct lasting {
    const char *name;
    double centred;
    const char *changes;
    int average;
} lasting;

static const lasting lastings[] = {
    {"healing", 0.2, "none", 300},
    {"healing-40", 0, "31.25%:damaged=4,damage-halves=0.5,damage-centred=0.3", 500},
    {NULL, 0, "none", 0},
};

static const lasting *find_lasting(const char *name)
{
    const lasting *row = lastings;
    while (row->name && strcmp(row->name, name) != 0)
        row++;
    return row;
}

// Every number at a value that no column has.
static nca_config spoiled(void)
{
    nca_config config = nca_config_default();
    config.target_size = config.padding = 7;
    config.channels = config.hidden = config.hidden2 = 28;
    config.noise = 0.7;
    strcpy(config.task, "other");
    strcpy(config.loss, "other");
    config.held_out = config.exchanged = config.say = 7;
    config.share = 0.7;
    strcpy(config.perception, "moore");
    strcpy(config.alive, "everywhere");
    config.fire_rate = config.angle = config.step_size = 0.7;
    config.batch = config.pool = config.reseeded = config.damaged = 7;
    config.pool_replacement = true;
    config.damage_radius_min = config.damage_radius_max = config.damage_halves = 0.7;
    config.steps_min = config.steps_max = config.updates = 7;
    config.rate = config.beta1 = config.beta2 = config.epsilon = 0.7;
    config.damage_centred = 0.7;
    config.average = 70;
    strcpy(config.until, "healed");
    strcpy(config.damage_changes, "7:damaged=1");
    strcpy(config.perturb, "killed:0.7");
    config.perturbed = 7;
    strcpy(config.perception, "moore");
    strcpy(config.grid, "77");
    strcpy(config.schedule, "constant");
    strcpy(config.gradient, "none");
    strcpy(config.target, "mine.png");
    config.seed = 77;
    return config;
}

// Randazzo et al. 2020: 20/moore/[80,80], a frozen channel that says what lives.
static void expect_rule_of_digits(const nca_config *config, const char *loss)
{
    assert_int_equal(config->channels, 20);
    assert_int_equal(config->hidden, 80);
    assert_int_equal(config->hidden2, 80);
    assert_true(config->noise == 0.02);
    assert_string_equal(config->perception, "moore");
    assert_string_equal(config->alive, "channel");
    assert_string_equal(config->loss, loss);
    assert_int_equal(config->exchanged, 4);
    assert_int_equal(config->held_out, 2000);
}

static void expect_rule_of_the_article(const nca_config *config)
{
    assert_int_equal(config->channels, 16);
    assert_int_equal(config->hidden, 128);
    assert_int_equal(config->hidden2, 0);
    assert_true(config->noise == 0);
    assert_string_equal(config->perception, "sobel");
    assert_string_equal(config->alive, "maximum");
    assert_string_equal(config->loss, "squared");
    assert_int_equal(config->exchanged, 0);
    assert_int_equal(config->held_out, 0);
}

static void expect_column(const column *expected)
{
    nca_config config = spoiled();
    nca_plan plan;
    assert_int_equal(nca_preset_apply(expected->name, &config, NULL), NCA_OK);
    assert_string_equal(config.preset, expected->name);
    assert_string_equal(config.task, expected->task);
    assert_true(config.share == 0.1);
    assert_int_equal(config.say, 8);
    if (expected->digits)
        expect_rule_of_digits(&config, expected->digits);
    else
        expect_rule_of_the_article(&config);
    assert_true(config.fire_rate == 0.5);
    assert_true(config.angle == 0);
    assert_true(config.step_size == 1);
    assert_true(config.beta1 == 0.9);
    assert_true(config.beta2 == 0.999);
    assert_int_equal(nca_plan_make(&config, &plan, NULL), NCA_OK);
    assert_int_equal(plan.grid.height, expected->grid);
    assert_int_equal(plan.grid.width, expected->grid);
    assert_int_equal(config.target_size, expected->target_size);
    assert_int_equal(config.pool, expected->pool);
    assert_int_equal(config.batch, expected->batch);
    assert_int_equal(config.reseeded, expected->reseeded);
    assert_int_equal(config.damaged, expected->damaged);
    assert_int_equal(config.pool_replacement, expected->replacement);
    assert_true(config.damage_radius_min == expected->radius_min);
    assert_true(config.damage_radius_max == expected->radius_max);
    assert_true(config.damage_halves == expected->halves);
    const lasting *rest = find_lasting(expected->name);
    assert_true(config.damage_centred == rest->centred);
    assert_string_equal(config.damage_changes, rest->changes);
    assert_int_equal(config.steps_min, expected->steps_min);
    assert_int_equal(config.steps_max, expected->steps_max);
    assert_int_equal(config.updates, expected->updates);
    assert_true(config.rate == expected->rate);
    assert_string_equal(config.schedule, expected->schedule);
    assert_string_equal(config.gradient, expected->gradient);
    assert_true(config.epsilon == expected->epsilon);
    assert_int_equal(config.average, rest->average);
    assert_string_equal(config.until, "updates");
}

static void test_every_preset_is_its_whole_column(void **state)
{
    (void)state;
    for (int i = 0; i < COLUMNS; i++)
        expect_column(&columns[i]);
}

static void test_every_preset_has_a_column_here(void **state)
{
    (void)state;
    int count = 0;
    for (const nca_preset *row = nca_presets(); row->name; row++, count++)
        assert_string_equal(row->name, columns[count].name);
    assert_int_equal(count, COLUMNS);
}

static void test_target_and_seed_stay(void **state)
{
    (void)state;
    nca_config config = spoiled();
    assert_int_equal(nca_preset_apply("persistent", &config, NULL), NCA_OK);
    assert_string_equal(config.target, "mine.png");
    assert_int_equal(config.seed, 77);
}

static void test_defaults_are_the_default_preset(void **state)
{
    (void)state;
    const nca_config standard = nca_config_default();
    nca_config config = standard;
    assert_int_equal(nca_preset_apply(standard.preset, &config, NULL), NCA_OK);
    assert_null(nca_config_difference(&standard, &config));
    assert_int_equal(standard.updates, config.updates);
}

static void test_unknown_preset_names_those_there_are(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    const nca_config before = config;
    nca_error error;
    char expected[512] = "--preset squirrel: no such preset; there are ";
    for (const nca_preset *row = nca_presets(); row->name; row++) {
        const size_t used = strlen(expected);
        snprintf(expected + used, sizeof expected - used, "%s%s", row == nca_presets() ? "" : ", ",
                 row->name);
    }
    assert_int_equal(nca_preset_apply("squirrel", &config, &error), NCA_ARGUMENT);
    assert_string_equal(error.message, expected);
    assert_int_equal(nca_preset_apply("regenerate", &config, &error), NCA_ARGUMENT);
    assert_string_equal(error.message,
                        "--preset regenerate: no such preset; did you mean regenerating?");
    assert_memory_equal(&config, &before, sizeof config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_preset_is_its_whole_column),
        cmocka_unit_test(test_every_preset_has_a_column_here),
        cmocka_unit_test(test_target_and_seed_stay),
        cmocka_unit_test(test_defaults_are_the_default_preset),
        cmocka_unit_test(test_unknown_preset_names_those_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
