// Where a seed can stand, and what a training does that is dead from the start.
#include <string.h>

#include "nca/task.h"
#include "nca/train.h"
#include "support.h"
#include "task/seed.h"

enum { SIDE = 9 };

static float *alpha_of(nca_image *target, int y, int x)
{
    return &target->pixels[(y * SIDE + x) * NCA_VISIBLE + NCA_ALPHA];
}

// A clear square but for one cell.
static nca_image make_target(float pixels[SIDE * SIDE * NCA_VISIBLE], int y, int x, float alpha)
{
    nca_image target = {SIDE, SIDE, pixels};
    memset(pixels, 0, SIDE * SIDE * NCA_VISIBLE * sizeof *pixels);
    *alpha_of(&target, y, x) = alpha;
    return target;
}

static void test_a_seed_lives_beside_a_visible_cell(void **state)
{
    (void)state;
    float pixels[SIDE * SIDE * NCA_VISIBLE];
    const nca_image target = make_target(pixels, 4, 6, 0.2f);
    assert_true(nca_seed_can_live(&target, 4, 6));
    assert_true(nca_seed_can_live(&target, 5, 5));
    assert_false(nca_seed_can_live(&target, 4, 4));
    const nca_image faint = make_target(pixels, 4, 6, 0.1f);   // not above the threshold
    assert_false(nca_seed_can_live(&faint, 4, 6));
    const nca_image corner = make_target(pixels, 0, 0, 1);
    assert_true(nca_seed_can_live(&corner, 0, 0));
    assert_false(nca_seed_can_live(&corner, SIDE - 1, SIDE - 1));
}

static void test_the_nearest_visible_cell_is_found(void **state)
{
    (void)state;
    float pixels[SIDE * SIDE * NCA_VISIBLE];
    int place[2] = {-7, -7};
    nca_image target = make_target(pixels, 4, 8, 1);
    *alpha_of(&target, 6, 6) = 1;      // nearer, if diagonal
    *alpha_of(&target, 5, 4) = 0.1f;   // not visible
    assert_true(nca_seed_find(&target, place));
    assert_int_equal(place[0], 6);
    assert_int_equal(place[1], 6);
    *alpha_of(&target, 2, 2) = 1;   // as near, and first
    assert_true(nca_seed_find(&target, place));
    assert_int_equal(place[0], 2);
    *alpha_of(&target, SIDE / 2, SIDE / 2) = 0.11f;   // the middle itself
    assert_true(nca_seed_find(&target, place));
    assert_true(place[0] == SIDE / 2 && place[1] == SIDE / 2);
    const nca_image clear = make_target(pixels, 0, 0, 0);
    place[0] = -7;
    assert_false(nca_seed_find(&clear, place));
    assert_int_equal(place[0], -7);
}

static void test_a_seed_stands_on_a_cell_of_the_grid(void **state)
{
    (void)state;
    const nca_grid grid = {SIDE, 4};
    int place[2];
    assert_ok(nca_seed_cell(&(nca_seed_at){0}, &grid, place, error));
    assert_int_equal(place[0], SIDE / 2);
    assert_int_equal(place[1], 2);
    assert_ok(nca_seed_cell(&(nca_seed_at){NCA_SEED_FROM_MIDDLE, -4, 1}, &grid, place, error));
    assert_int_equal(place[0], 0);
    assert_int_equal(place[1], 3);
    assert_refused(NCA_ARGUMENT,
                   nca_seed_cell(&(nca_seed_at){NCA_SEED_FROM_MIDDLE, -5, 0}, &grid, place, error));
    assert_ok(nca_seed_cell(&(nca_seed_at){NCA_SEED_CELL, 8, 0}, &grid, place, error));
    assert_int_equal(place[0], 8);
    assert_refused(NCA_ARGUMENT,
                   nca_seed_cell(&(nca_seed_at){NCA_SEED_CELL, 0, 4}, &grid, place, error));
}

static void test_the_first_state_has_the_seed_where_it_stands(void **state)
{
    (void)state;
    float pixels[SIDE * SIDE * NCA_VISIBLE], grown[SIDE * SIDE * 16] = {0};
    const nca_growth growth = {.target = make_target(pixels, 0, 0, 1), .seed = {-1, 3}};
    const nca_shape shape = {.batch = 1, .height = SIDE, .width = SIDE, .spec = {.channels = 16}};
    nca_task_grow.begin(&growth, &shape, 0, grown);
    for (int i = 0; i < SIDE * SIDE; i++)
        assert_true(grown[i * 16 + NCA_ALPHA] == (i == 3 * SIDE + 7));
    memset(grown, 0, sizeof grown);
    nca_task_grow.begin(NULL, &shape, 0, grown);
    assert_true(grown[(4 * SIDE + 4) * 16 + NCA_ALPHA] == 1);
}

// What a check of the start says; empty where it lets the training begin.
static const char *complaint(const nca_config *config, const nca_growth *growth)
{
    static nca_error error;
    error = (nca_error){0};
    const nca_status status = nca_task_grow.check_start(config, growth, &error);
    assert_int_equal(status, *error.message ? NCA_ARGUMENT : NCA_OK);
    return error.message;
}

static void test_what_is_dead_from_the_start_is_refused(void **state)
{
    (void)state;
    float pixels[SIDE * SIDE * NCA_VISIBLE];
    nca_config config = nca_config_default();
    nca_growth growth = {.target = make_target(pixels, 0, 7, 1)};
    assert_non_null(strstr(complaint(&config, &growth), "clear part"));
    assert_non_null(strstr(complaint(&config, &growth), "0,7"));
    growth.seed[0] = -3;   // beside it
    growth.seed[1] = 2;
    assert_string_equal(complaint(&config, &growth), "");
    growth.target = make_target(pixels, 4, 4, 0.1f);
    assert_non_null(strstr(complaint(&config, &growth), "none of it has an alpha above 0.1"));
    snprintf(config.alive, sizeof config.alive, "everywhere");   // there nothing dies
    assert_string_equal(complaint(&config, &growth), "");
}

static bool always(const nca_sample_report *sample)
{
    (void)sample;
    return true;
}

// By whatever cause: a task that finds all dead after the first step.
static void test_a_first_step_that_kills_is_refused(void **state)
{
    (void)state;
    float pixels[SIDE * SIDE * NCA_VISIBLE];
    const nca_growth growth = {.target = make_target(pixels, 4, 4, 1)};
    nca_task dying = nca_task_grow;
    nca_config config = nca_config_default();
    nca_compute on;
    nca_plan plan;
    nca_trainer *trainer;
    nca_update_result result;
    dying.is_dead = always;
    snprintf(config.grid, sizeof config.grid, "%d", SIDE);
    config.target_size = SIDE;
    config.pool = config.batch;
    assert_true(open_cpu("scalar", 1, &on));
    assert_ok(nca_task_plan(&nca_task_grow, &config, &plan, error));
    assert_ok(nca_trainer_create(&config, &plan, &dying, &growth, &on, &trainer, error));
    assert_refused(NCA_ARGUMENT, nca_trainer_check_start(trainer, error));
    nca_trainer_free(trainer);
    assert_ok(nca_trainer_create(&config, &plan, &nca_task_grow, &growth, &on, &trainer, error));
    assert_ok(nca_trainer_check_start(trainer, error));
    assert_ok(nca_trainer_update(trainer, &result, error));
    nca_trainer_free(trainer);
    nca_compute_close(&on);
}

static void test_a_place_is_refused_where_there_is_no_seed(void **state)
{
    (void)state;
    nca_task placeless = nca_task_grow;
    nca_config config = nca_config_default();
    nca_plan plan;
    placeless.place = NULL;
    assert_ok(nca_task_plan(&placeless, &config, &plan, error));
    snprintf(config.seed_at, sizeof config.seed_at, "3,4");
    assert_ok(nca_task_plan(&nca_task_grow, &config, &plan, error));
    assert_true(plan.seed_at.kind == NCA_SEED_CELL && plan.seed_at.y == 3 && plan.seed_at.x == 4);
    assert_refused(NCA_ARGUMENT, nca_task_plan(&placeless, &config, &plan, error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seed_lives_beside_a_visible_cell),
        cmocka_unit_test(test_the_nearest_visible_cell_is_found),
        cmocka_unit_test(test_a_seed_stands_on_a_cell_of_the_grid),
        cmocka_unit_test(test_the_first_state_has_the_seed_where_it_stands),
        cmocka_unit_test(test_what_is_dead_from_the_start_is_refused),
        cmocka_unit_test(test_a_first_step_that_kills_is_refused),
        cmocka_unit_test(test_a_place_is_refused_where_there_is_no_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
