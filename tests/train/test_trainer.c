// The training loop as RECIPES has it: what is drawn from the pool, ranked, reseeded, damaged and
// written back, how many steps and at which rate; that a training repeats itself bit for bit, with
// any number of threads, and that it learns.
#include "spy.h"

static const char *const pool_step = "glgddFlBUS";   // of an update with one reseeded, two damaged

// By the definition, in f64: mean over cells and visible channels of the squared difference.
static double loss_of(const training *run, const float *state)
{
    const size_t cells = cells_of(&run->shape), channels = (size_t)run->shape.spec.channels;
    double sum = 0;
    for (size_t i = 0; i < cells; i++)
        for (size_t k = 0; k < NCA_VISIBLE; k++)
            sum += pow((double)state[i * channels + k] - run->target.pixels[i * 4 + k], 2);
    return sum / (double)(4 * cells);
}

static bool are_distinct(const int *rows, int count)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (rows[i] == rows[j])
                return false;
    return true;
}

static int compare_ints(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void assert_permuted(const int *a, const int *b, int count)
{
    int sorted_a[SPY_BATCH_MAX], sorted_b[SPY_BATCH_MAX];
    memcpy(sorted_a, a, (size_t)count * sizeof *a);
    memcpy(sorted_b, b, (size_t)count * sizeof *b);
    qsort(sorted_a, (size_t)count, sizeof *a, compare_ints);
    qsort(sorted_b, (size_t)count, sizeof *b, compare_ints);
    assert_memory_equal(sorted_a, sorted_b, (size_t)count * sizeof *a);
}

// The seed: channels 3 and up of the cell (H/2, W/2) are one.
static float *make_seed(const training *run)
{
    const size_t channels = (size_t)run->shape.spec.channels;
    float *seed = allocate(state_of(&run->shape), sizeof *seed);
    for (size_t k = 3; k < channels; k++)
        seed[(5 * 9 + 4) * channels + k] = 1;
    return seed;
}

// A state with a circle cleared, in the units of RECIPES: -1..1 from the first to the last cell.
static void clear_circle(const training *run, const nca_region *region, float *state)
{
    const size_t channels = (size_t)run->shape.spec.channels;
    for (int y = 0; y < 11; y++)
        for (int x = 0; x < 9; x++) {
            const double dy = (y / 5.0 - region->center_y / 5.0) / (region->radius_y / 5);
            const double dx = (x / 4.0 - region->center_x / 4.0) / (region->radius_x / 4);
            if (dy * dy + dx * dx < 1)
                memset(state + (size_t)(y * 9 + x) * channels, 0, channels * sizeof *state);
        }
}

// What the rollout began with: the rows drawn, the worst first, seed and damage upon them.
static void check_before(const training *run, const float *pool, const float *before)
{
    const size_t state = state_of(&run->shape);
    float *expected = allocate(5 * state, sizeof *expected), *seed = make_seed(run);
    for (size_t b = 0; b < 5; b++) {
        const float *row = pool + (size_t)spy.scattered[b] * state;
        if (b > 0)
            assert_true(loss_of(run, row) <=
                        loss_of(run, pool + (size_t)spy.scattered[b - 1] * state) + 1e-12);
        memcpy(expected + b * state, row, state * sizeof *row);
    }
    memcpy(expected, seed, state * sizeof *seed);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(spy.damaged[i], 3 + i);
        clear_circle(run, &spy.region[i], expected + (size_t)(3 + i) * state);
    }
    assert_memory_equal(before, expected, 5 * state * sizeof *expected);
    free(expected), free(seed);
}

static bool is_empty(const training *run, const float *state)
{
    for (size_t i = 0; i < state_of(&run->shape); i++)
        if (state[i] != 0)
            return false;
    return true;
}

// The whole batch goes back to the rows that it came from, what began as the seed and died as
// the seed again; the others stay. Returns whether it died.
static bool check_after(const training *run, const float *pool, const float *after,
                        const float *pool_after)
{
    bool is_dead = false;
    const size_t state = state_of(&run->shape);
    float *expected = allocate(12 * state, sizeof *expected), *seed = make_seed(run);
    memcpy(expected, pool, 12 * state * sizeof *pool);
    for (size_t b = 0; b < 5; b++) {
        const bool is_dead_seed = b == 0 && is_empty(run, after);
        memcpy(expected + (size_t)spy.scattered[b] * state, is_dead_seed ? seed : after + b * state,
               state * sizeof *after);
        is_dead |= is_dead_seed;
    }
    assert_int_equal(spy.gathered[1][0], 12);   // the seed, behind the pool
    assert_memory_equal(spy.scattered + 1, spy.gathered[1] + 1, 4 * sizeof(int));
    assert_memory_equal(pool_after, expected, 12 * state * sizeof *expected);
    free(expected), free(seed);
    return is_dead;
}

static void check_update(training *run)
{
    const float *before, *after;
    float *pool = read_of(run, NCA_POOL);
    const int64_t number = nca_trainer_done(run->trainer) + 1;
    const nca_update_result result = advance(run);
    assert_string_equal(spy.calls, pool_step);
    assert_true(are_distinct(spy.gathered[0], 5));
    assert_permuted(spy.gathered[0], spy.scattered, 5);
    assert_ok(nca_trainer_batch(run->trainer, &before, &after, error));
    float *pool_after = read_of(run, NCA_POOL);
    check_before(run, pool, before);
    const bool is_dead = check_after(run, pool, after, pool_after);
    double loss = 0;
    for (size_t b = 0; b < 5; b++)
        loss += loss_of(run, after + b * state_of(&run->shape)) / 5;
    assert_true(fabs(result.loss - loss) <= 1e-9 * loss);
    assert_true(result.update == number && result.steps == spy.rollout.steps);
    assert_true(spy.rollout.key.update == number && spy.rollout.keep_tape && !spy.rollout.fire);
    assert_true(spy.step.time == number && spy.step.rate == result.rate);
    assert_true(result.rate == (number <= 3 ? 0.002 : 0.001));
    assert_true(result.gradient_norm > 0);
    assert_int_equal(result.event, is_dead ? NCA_EVENT_RESEEDED : NCA_EVENT_NONE);
    free(pool), free(pool_after);
}

static void test_an_update_is_the_recipe(void **state)
{
    (void)state;
    training run;
    const nca_config config = small_config();
    start_training(&run, &config, 2);
    nca_trainer_keep_before(run.trainer, true);
    mix_pool(&run);
    for (int i = 0; i < 20; i++)
        check_update(&run);
    assert_int_equal(nca_trainer_done(run.trainer), 20);
    end_training(&run);
}

static void test_the_pool_starts_as_the_seed(void **state)
{
    (void)state;
    training run;
    const nca_config config = small_config();
    start_training(&run, &config, 1);
    float *pool = read_of(&run, NCA_POOL), *seed = make_seed(&run), *row = make_seed(&run);
    for (size_t n = 0; n < 12; n++)
        assert_memory_equal(pool + n * state_of(&run.shape), seed,
                            state_of(&run.shape) * sizeof *seed);
    assert_ok(nca_trainer_pool(run.trainer, 11, 1, row, error));
    assert_memory_equal(row, seed, state_of(&run.shape) * sizeof *seed);
    assert_refused(NCA_ARGUMENT, nca_trainer_pool(run.trainer, 11, 2, row, error));
    assert_refused(NCA_ARGUMENT, nca_trainer_pool(run.trainer, -1, 1, row, error));
    free(pool), free(seed), free(row);
    end_training(&run);
}

// Values of a draw seen over many updates: its range is kept and filled, its mean is the middle.
typedef struct spread {
    double least, most, sum;
    int count;
} spread;

static void add_value(spread *range, double value)
{
    range->least = range->count ? fmin(range->least, value) : value;
    range->most = range->count ? fmax(range->most, value) : value;
    range->sum += value;
    range->count++;
}

static void assert_uniform(const spread *range, double from, double to)
{
    const double width = to - from, deviation = width / sqrt(12.0 * range->count);
    assert_true(range->least >= from && range->least < from + 0.05 * width);
    assert_true(range->most <= to && range->most > to - 0.05 * width);
    assert_true(fabs(range->sum / range->count - (from + to) / 2) < 5 * deviation);
}

static void test_draws_are_uniform(void **state)
{
    (void)state;
    enum { UPDATES = 300 };
    training run;
    nca_config config = small_config();
    int rows[12] = {0}, steps[8] = {0};
    spread y = {0}, x = {0}, radius = {0};
    config.damage_radius_min = 0.1, config.damage_radius_max = 0.4;
    config.rate = 0;
    start_training(&run, &config, 1);
    for (int i = 0; i < UPDATES; i++) {
        steps[advance(&run).steps]++;
        for (int b = 0; b < 5; b++)
            rows[spy.gathered[0][b]]++;
        for (int d = 0; d < 2; d++) {
            add_value(&y, spy.region[d].center_y / 5 - 1);
            add_value(&x, spy.region[d].center_x / 4 - 1);
            add_value(&radius, spy.region[d].radius_y / 5);
            assert_true(fabs(spy.region[d].radius_x / 4 - spy.region[d].radius_y / 5) < 1e-12);
        }
    }
    assert_uniform(&y, -0.5, 0.5);
    assert_uniform(&x, -0.5, 0.5);
    assert_uniform(&radius, 0.1, 0.4);
    for (int n = 0; n < 12; n++)   // 125 expected, deviation 8.5
        assert_true(rows[n] > 80 && rows[n] < 170);
    for (int t = 3; t <= 6; t++)   // 75 expected, deviation 7.5
        assert_true(steps[t] > 35 && steps[t] < 115);
    end_training(&run);
}

// A cut at any angle that clears about half of the cells: the line passes the middle within a tenth
// of half an axis, which is at most 8 of 99 cells from a half, and a row on the line counts to
// either.
static void test_halves_are_cut_at_any_angle(void **state)
{
    (void)state;
    enum { UPDATES = 300 };
    training run;
    nca_config config = small_config();
    int halves = 0;
    spread angle = {0};
    config.rate = 0, config.damage_halves = 0.25;
    start_training(&run, &config, 1);
    for (int i = 0; i < UPDATES; i++) {
        advance(&run);
        for (int d = 0; d < 2; d++) {
            const nca_region *region = &spy.region[d];
            if (region->radius_y < 5 * 2)
                continue;
            halves++;
            add_value(&angle, atan2(region->center_y / 5 - 1, region->center_x / 4 - 1));
            int cleared = 0;
            for (int y = 0; y < 11; y++)
                for (int x = 0; x < 9; x++)
                    cleared += pow((y - region->center_y) / region->radius_y, 2) +
                                   pow((x - region->center_x) / region->radius_x, 2) <
                               1;
            assert_true(cleared >= 35 && cleared <= 64);
        }
    }
    assert_true(halves > 110 && halves < 190);   // 150 expected, deviation 10.6
    assert_uniform(&angle, -3.14159265358979323846, 3.14159265358979323846);
    end_training(&run);
}

// Holes in the middle among the circles, from the update on that is asked for; so many as asked.
static void test_damage_changes_at_its_update(void **state)
{
    (void)state;
    enum { BEFORE = 40, AFTER = 300 };
    training run;
    nca_config config = small_config();
    int holes = 0;
    spread y = {0}, x = {0}, radius = {0};
    config.rate = 0, config.damaged = 1, config.damage_radius_min = config.damage_radius_max = 0.6;
    set_text(config.damage_changes, "40:damaged=3,damage-centred=0.4");
    start_training(&run, &config, 1);
    for (int i = 0; i < BEFORE + AFTER; i++) {
        advance(&run);
        assert_int_equal(spy.damages, i < BEFORE ? 1 : 3);
        for (int d = 0; d < spy.damages; d++) {
            if (fabs(spy.region[d].radius_y / 5 - 0.6) < 1e-12)
                continue;
            assert_true(i >= BEFORE);
            holes++;
            add_value(&y, spy.region[d].center_y / 5 - 1);
            add_value(&x, spy.region[d].center_x / 4 - 1);
            add_value(&radius, spy.region[d].radius_y / 5);
            assert_true(fabs(spy.region[d].radius_x / 4 - spy.region[d].radius_y / 5) < 1e-12);
        }
    }
    assert_true(holes > 290 && holes < 430);   // 360 expected, deviation 14.7
    assert_uniform(&y, -0.1, 0.1);
    assert_uniform(&x, -0.1, 0.1);
    assert_uniform(&radius, 0.15, 0.35);
    end_training(&run);
}

// 4 of 5 rows: with replacement some batch holds a row twice, and rows are alike often.
static void test_draws_with_replacement(void **state)
{
    (void)state;
    training run;
    nca_config config = small_config();
    int twice = 0, rows[5] = {0};
    config.pool = 5, config.batch = 4, config.pool_replacement = true;
    start_training(&run, &config, 1);
    for (int i = 0; i < 200; i++) {
        advance(&run);
        twice += !are_distinct(spy.gathered[0], 4);
        for (int b = 0; b < 4; b++)
            rows[spy.gathered[0][b]]++;
    }
    // The chance that four of five are distinct is 24/125.
    assert_true(twice > 130 && twice < 190);
    for (int n = 0; n < 5; n++)   // 160 expected, deviation 11.3
        assert_true(rows[n] > 100 && rows[n] < 220);
    end_training(&run);
}

static void test_without_a_pool_every_sample_is_the_seed(void **state)
{
    (void)state;
    training run;
    nca_config config = small_config();
    const float *before, *after;
    config.pool = 0, config.reseeded = 0, config.damaged = 0;
    start_training(&run, &config, 1);
    nca_trainer_keep_before(run.trainer, true);
    float *seed = make_seed(&run);
    for (int i = 0; i < 3; i++) {
        advance(&run);
        assert_string_equal(spy.calls, "gFlBU");
        assert_ok(nca_trainer_batch(run.trainer, &before, &after, error));
        for (size_t b = 0; b < 5; b++)
            assert_memory_equal(before + b * state_of(&run.shape), seed,
                                state_of(&run.shape) * sizeof *seed);
    }
    free(seed);
    end_training(&run);
}

static void advance_by(training *run, int updates)
{
    for (int i = 0; i < updates; i++)
        advance(run);
}

static void test_a_training_repeats_itself(void **state)
{
    (void)state;
    training one, again, other;
    nca_config config = small_config();
    start_training(&one, &config, 1);
    advance_by(&one, 15);
    start_training(&again, &config, 3);
    advance_by(&again, 15);
    assert_true(are_equal_trainings(&one, &again));
    advance_by(&again, 1);
    assert_false(are_equal_trainings(&one, &again));
    config.seed = 2;
    start_training(&other, &config, 1);
    advance_by(&other, 15);
    float *a = read_of(&one, NCA_PARAMETERS), *b = read_of(&other, NCA_PARAMETERS);
    assert_memory_not_equal(a, b, total_of(&one.shape) * sizeof *a);
    free(a), free(b);
    end_training(&one), end_training(&again), end_training(&other);
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median_loss(training *run, int updates)
{
    double losses[64];
    for (int i = 0; i < updates; i++)
        losses[i] = advance(run).loss;
    qsort(losses, (size_t)updates, sizeof *losses, compare_doubles);
    return losses[updates / 2];
}

static void test_the_loss_goes_down(void **state)
{
    (void)state;
    training run;
    nca_config config = small_config();
    set_text(config.schedule, "constant");
    config.batch = 4, config.damaged = 1, config.hidden = 32;
    config.steps_min = 8, config.steps_max = 12;
    start_training(&run, &config, 2);
    const double first = median_loss(&run, 20);
    advance_by(&run, 260);
    const double last = median_loss(&run, 20);
    print_message("loss %.4f, after 300 updates %.4f\n", first, last);
    assert_true(last < 0.3 * first);
    end_training(&run);
}

static void test_a_target_of_another_size_is_refused(void **state)
{
    (void)state;
    const nca_config config = small_config();
    nca_image target = make_target(9, 11);
    const nca_growth growth = {.target = target};
    nca_compute on;
    nca_trainer *trainer = NULL;
    nca_plan plan;
    assert_ok(nca_plan_make(&config, &plan, error));
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    assert_refused(NCA_ARGUMENT, nca_trainer_create(&config, &plan, &nca_task_grow, &growth, &on,
                                                    &trainer, error));
    assert_null(trainer);
    nca_compute_close(&on);
    nca_image_free(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_update_is_the_recipe),
        cmocka_unit_test(test_the_pool_starts_as_the_seed),
        cmocka_unit_test(test_draws_are_uniform),
        cmocka_unit_test(test_halves_are_cut_at_any_angle),
        cmocka_unit_test(test_damage_changes_at_its_update),
        cmocka_unit_test(test_draws_with_replacement),
        cmocka_unit_test(test_without_a_pool_every_sample_is_the_seed),
        cmocka_unit_test(test_a_training_repeats_itself),
        cmocka_unit_test(test_the_loss_goes_down),
        cmocka_unit_test(test_a_target_of_another_size_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
