// When training goes wrong it is noticed in the same update, named, and undone: a NaN in weights or
// gradient, a pool that explodes or dies. What is left is always a finite rule and a living pool.
#include "health_spy.h"

#include <float.h>

static bool are_finite(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

// Every row of the pool finite, within the bound, and alive somewhere.
static void assert_pool_is_sound(training *run)
{
    const size_t state = state_of(&run->shape), channels = (size_t)run->shape.spec.channels;
    float *pool = read_of(run, NCA_POOL);
    for (size_t n = 0; n < (size_t)run->shape.pool; n++) {
        bool is_alive = false;
        for (size_t i = 0; i < state; i++) {
            assert_true(fabsf(pool[n * state + i]) <= 1e5f);
            is_alive |= i % channels == NCA_ALPHA && pool[n * state + i] > NCA_ALIVE_THRESHOLD;
        }
        assert_true(is_alive);
    }
    free(pool);
}

static void assert_rule_is_sound(training *run)
{
    static const nca_buffer buffers[] = {NCA_PARAMETERS, NCA_OPTIMIZER};
    for (int i = 0; i < 2; i++) {
        float *x = read_of(run, buffers[i]);
        assert_true(are_finite(x, (size_t)(i + 1) * total_of(&run->shape)));
        free(x);
    }
}

// A training that has learnt for a while; no damage, so that no seed is cut away.
static void start_good(training *run, int updates)
{
    nca_config config = small_config();
    config.damaged = 0;
    start_training(run, &config, 2);
    for (int i = 0; i < updates; i++)
        assert_int_equal(advance(run).event, NCA_EVENT_NONE);
}

static void test_a_bad_gradient_is_skipped_and_nothing_changes(void **state)
{
    (void)state;
    training run;
    start_good(&run, 8);
    kept before = keep(&run);
    for (int i = 1; i <= 4; i++) {
        spy.spoil = 1;
        const nca_update_result result = advance(&run);
        assert_event(&result, NCA_EVENT_SKIPPED, "gradient is not finite");
        assert_false(isfinite(result.gradient_norm));
        assert_int_equal(result.update, 8 + i);
        for (int b = 0; b < KEPT; b++)
            assert_true(is_kept(&run, &before, b));
    }
    // A good one ends the row: four more do not roll back. Adam's time has not moved meanwhile.
    assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    assert_int_equal(spy.step.time, 9);
    spy.spoil = 4;
    for (int i = 0; i < 4; i++)
        assert_int_equal(advance(&run).event, NCA_EVENT_SKIPPED);
    assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    free_kept(&before);
    end_training(&run);
}

// Where the rule cannot make the loss finite, whatever the weight: noticed at once, back in five.
static void check_broken_weight(size_t at, float value)
{
    training run;
    start_good(&run, 3);
    put(&run, NCA_PARAMETERS, at, value);
    int skipped = 0;
    nca_update_result result;
    do {
        result = advance(&run);
        assert_true(result.event != NCA_EVENT_NONE && *result.event_text);
        assert_pool_is_sound(&run);
    } while (++skipped < 5 && result.event != NCA_EVENT_ROLLED_BACK);
    assert_event(&result, NCA_EVENT_ROLLED_BACK, "back to the rule of update 0");
    assert_rule_is_sound(&run);
    assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    end_training(&run);
}

static void test_a_broken_weight_is_noticed_at_once(void **state)
{
    (void)state;
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(8, 16));
    static const float values[] = {NAN, INFINITY, -INFINITY, 1e30f};
    for (int t = 0; t < layout.tensors; t++)
        for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
            // An infinite or huge bias that a ReLU or the update makes nothing of is no harm.
            if (t == NCA_HIDDEN_WEIGHT && i > 0)
                continue;
            if (t == NCA_HIDDEN_BIAS && i == 2)
                continue;
            check_broken_weight(layout.offset[t] + layout.size[t] / 2, values[i]);
        }
}

// An update that leaves the rule itself not finite cannot be skipped any more: back at once.
static void test_a_rule_that_overflows_goes_back_at_once(void **state)
{
    (void)state;
    training run;
    start_good(&run, 3);
    kept start = keep(&run);
    put(&run, NCA_PARAMETERS, 5, -FLT_MAX);   // of a hidden unit that stays silent
    put(&run, NCA_PARAMETERS, nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).offset[NCA_HIDDEN_BIAS],
        -FLT_MAX);
    put(&run, NCA_OPTIMIZER, 5, INFINITY);
    const nca_update_result result = advance(&run);
    assert_event(&result, NCA_EVENT_ROLLED_BACK, "the rule is not finite");
    assert_rule_is_sound(&run);
    assert_pool_is_sound(&run);
    free_kept(&start);
    end_training(&run);
}

// Every row of the pool far outside: each batch is named, and its rows are seeds after it.
static void check_exploded_pool(float value, const char *words)
{
    training run;
    start_good(&run, 3);
    kept rule = keep(&run);
    const size_t row = state_of(&run.shape), cell = (5 * 9 + 4) * 8;
    for (size_t n = 0; n < 12; n++) {
        put(&run, NCA_POOL, n * row + cell + NCA_ALPHA, 1);
        put(&run, NCA_POOL, n * row + cell + 5, value);
    }
    nca_update_result result = advance(&run);
    assert_event(&result, NCA_EVENT_SKIPPED, words);
    assert_null(strstr(result.event_text, "nan"));
    assert_false(result.max_state <= 1e5);
    for (int b = 0; b < 2; b++)
        assert_true(is_kept(&run, &rule, b));
    float *pool = read_of(&run, NCA_POOL);
    for (int b = 1; b < 5; b++)   // the first was a seed already
        assert_memory_equal(pool + (size_t)spy.gathered[1][b] * row, run.trainer->fresh,
                            row * sizeof *pool);
    for (int i = 0; i < 12 && result.event != NCA_EVENT_NONE; i++)
        result = advance(&run);
    assert_int_equal(result.event, NCA_EVENT_NONE);
    free(pool);
    free_kept(&rule);
    end_training(&run);
}

static void test_an_exploded_pool_is_noticed_and_repaired(void **state)
{
    (void)state;
    check_exploded_pool(1e7f, "exploded");
    check_exploded_pool(-1e30f, "exploded");
}

// Rows of nothing: the batch cannot live, whatever the rule.
static void test_a_dead_pool_is_noticed_and_repaired(void **state)
{
    (void)state;
    training run;
    nca_config config = small_config();
    config.reseeded = 0, config.damaged = 0;
    start_training(&run, &config, 1);
    advance(&run);
    kept rule = keep(&run);
    float *nothing = allocate(12 * state_of(&run.shape), sizeof *nothing);
    write_buffer(&run.inner, run.trainer->session, NCA_POOL, 12 * state_of(&run.shape), nothing);
    nca_update_result result = advance(&run);
    assert_event(&result, NCA_EVENT_POOL_REPAIRED, "no cell of the batch lives");
    for (int b = 0; b < 2; b++)
        assert_true(is_kept(&run, &rule, b));
    for (int i = 0; i < 12 && result.event != NCA_EVENT_NONE; i++)
        result = advance(&run);
    assert_int_equal(result.event, NCA_EVENT_NONE);
    free(nothing);
    free_kept(&rule);
    end_training(&run);
}

static void test_a_rule_that_only_kills_the_seed_goes_back(void **state)
{
    (void)state;
    training run;
    start_without_chance(&run, "on");
    for (int i = 0; i < 99; i++)
        assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    // From the good on the seed dies: its rule is never taken for a good one.
    for (int i = 0; i < 19; i++) {
        const nca_update_result result = advance_deadly(&run);
        assert_event(&result, NCA_EVENT_RESEEDED, "what grew from the seed died");
        float *pool = read_of(&run, NCA_POOL);
        assert_memory_equal(pool + (size_t)spy.scattered[0] * state_of(&run.shape),
                            run.trainer->fresh, state_of(&run.shape) * sizeof *pool);
        free(pool);
        assert_int_equal(run.trainer->time, 100 + i);   // the update counts
    }
    const nca_update_result result = advance_deadly(&run);
    assert_event(&result, NCA_EVENT_ROLLED_BACK,
                 "what grew from the seed died too often: back to the rule of update 0");
    assert_rule_is_sound(&run);
    assert_pool_is_sound(&run);
    assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    end_training(&run);
}

static void lose_seed(training *run, const kept *start, double factor)
{
    const nca_update_result result = advance_deadly(run);
    assert_event(&result, NCA_EVENT_RESEEDED, "died");
    assert_true(result.rate_factor == factor);
    for (int b = 0; b < KEPT; b++)
        write_buffer(&run->inner, run->trainer->session, kept_buffers[b], start->count[b],
                     start->buffer[b]);
}

// An update in which it lives takes a tenth of a death back: eleven in twenty are too many, and one
// in twenty is not.
static void test_seeds_may_die_now_and_then(void **state)
{
    (void)state;
    training run;
    start_without_chance(&run, "on");
    kept start = keep(&run);
    for (int i = 0; i < 30; i++) {
        lose_seed(&run, &start, 1);
        for (int k = 0; k < 19; k++)
            assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    }
    for (int i = 0; i < 21; i++) {
        lose_seed(&run, &start, 1);
        assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    }
    lose_seed(&run, &start, 1);   // 22 deaths, and 21 tenths back
    const nca_update_result result = advance_deadly(&run);
    assert_event(&result, NCA_EVENT_ROLLED_BACK, "died too often");
    free_kept(&start);
    end_training(&run);
}

// A death takes twenty good updates back, so that a rule that loses its seeds does not pass for a
// good one.
static void test_a_death_defers_the_good_rule(void **state)
{
    (void)state;
    training run;
    start_without_chance(&run, "on");
    kept start = keep(&run);
    for (int i = 0; i < 295; i++)
        assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    advance_deadly(&run);
    for (int b = 0; b < KEPT; b++)
        write_buffer(&run.inner, run.trainer->session, kept_buffers[b], start.count[b],
                     start.buffer[b]);
    for (int i = 0; i < 24; i++)
        assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    assert_int_equal(run.trainer->good.update, 0);
    advance(&run);
    assert_int_equal(run.trainer->good.update, 321);
    free_kept(&start);
    end_training(&run);
}

// Good updates, the last of which has another rate than those before it.
static void expect_rise(training *run, int updates, double from, double to)
{
    for (int i = 1; i <= updates; i++) {
        const nca_update_result result = advance(run);
        assert_int_equal(result.event, NCA_EVENT_NONE);
        assert_true(result.rate_factor == (i < updates ? from : to));
    }
}

// A seed that dies puts the next doubling of the rate off by twenty updates, or by all that were
// gone where they were fewer; what has risen stays.
static void test_a_death_puts_the_rise_off(void **state)
{
    (void)state;
    training run;
    start_without_chance(&run, "on");
    kept start = keep(&run);
    spy.spoil = 5;
    for (int i = 0; i < 5; i++)
        advance(&run);
    assert_int_equal(run.trainer->health.rollbacks, 1);
    for (int i = 0; i < 99; i++)
        assert_true(advance(&run).rate_factor == 0.25);
    lose_seed(&run, &start, 0.25);
    expect_rise(&run, 421, 0.25, 0.5);
    lose_seed(&run, &start, 0.5);   // the second since the rise: 500 more
    expect_rise(&run, 501, 0.5, 1);
    lose_seed(&run, &start, 1);
    assert_true(advance(&run).rate_factor == 1);
    free_kept(&start);
    end_training(&run);
}

// A rule that kills every seed learns nothing ever again, for no gradient reaches it.
static void check_deadly_rule(int64_t pool)
{
    training run;
    nca_config config = small_config();
    config.damaged = 0, config.pool = pool, config.reseeded = pool > 0, config.fire_rate = 1;
    start_training(&run, &config, 1);
    advance(&run);
    put(&run, NCA_PARAMETERS,
        nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).offset[NCA_OUTPUT_BIAS] + NCA_ALPHA, -9);
    for (int i = 0; i < 4; i++) {
        const nca_update_result result = advance(&run);
        assert_event(&result, NCA_EVENT_POOL_REPAIRED, "no cell of the batch lives");
    }
    const nca_update_result result = advance(&run);
    assert_event(&result, NCA_EVENT_ROLLED_BACK, "the 5th in a row: back to the rule of update 0");
    assert_int_equal(advance(&run).event, NCA_EVENT_NONE);
    end_training(&run);
}

static void test_a_deadly_rule_goes_back(void **state)
{
    (void)state;
    check_deadly_rule(12);
    check_deadly_rule(0);
}

// Five skips: rule, moments and Adam's time of the start, the pool all seeds, and other draws.
static void test_five_skips_in_a_row_roll_back(void **state)
{
    (void)state;
    training run, twin;
    start_good(&run, 0);
    kept start = keep(&run);
    for (int i = 0; i < 6; i++)
        advance(&run);
    assert_false(is_kept(&run, &start, 2));
    spy.spoil = 5;
    for (int i = 0; i < 4; i++)
        assert_int_equal(advance(&run).event, NCA_EVENT_SKIPPED);
    const nca_update_result result = advance(&run);
    assert_event(&result, NCA_EVENT_ROLLED_BACK, "back to the rule of update 0");
    for (int b = 0; b < KEPT; b++)
        assert_true(is_kept(&run, &start, b));
    const nca_key key = spy.rollout.key;
    advance(&run);
    assert_true(spy.step.time == 1 && spy.rollout.key.seed != key.seed);
    int rows[5];
    memcpy(rows, spy.gathered[0], sizeof rows);
    start_good(&twin, 11);   // the twelfth update of a training that never went wrong
    advance(&twin);
    assert_memory_not_equal(rows, spy.gathered[0], sizeof rows);
    free_kept(&start);
    end_training(&run), end_training(&twin);
}

// The rule to go back to is renewed every three hundred good updates.
static void test_it_goes_back_to_the_last_good_rule(void **state)
{
    (void)state;
    training run;
    start_good(&run, 300);
    kept good = keep(&run);
    for (int i = 0; i < 7; i++)
        advance(&run);
    assert_false(is_kept(&run, &good, 0));
    spy.spoil = 5;
    nca_update_result result = {0};
    for (int i = 0; i < 5; i++)
        result = advance(&run);
    assert_event(&result, NCA_EVENT_ROLLED_BACK, "back to the rule of update 300");
    for (int b = 0; b < 2; b++)
        assert_true(is_kept(&run, &good, b));
    advance(&run);
    assert_int_equal(spy.step.time, 301);
    free_kept(&good);
    end_training(&run);
}

// Nothing helps: after three returns training ends, with the last good rule, and says so. Stopped
// on the way and gone on with, it ends at the same update with the same bytes.
static void test_it_gives_up_in_the_end(void **state)
{
    (void)state;
    training run, resumed;
    char path[64];
    nca_update_result result = {0};
    nca_error error = {0};
    name_scratch("health", path);
    start_good(&run, 2);
    spy.spoil = 1000;
    for (int i = 0; i < 19; i++) {
        result = advance(&run);
        assert_int_equal(result.event, i % 5 == 4 ? NCA_EVENT_ROLLED_BACK : NCA_EVENT_SKIPPED);
        if (i == 11)
            assert_int_equal(nca_trainer_save(run.trainer, path, &error), NCA_OK);
    }
    forget_calls();
    assert_int_equal(nca_trainer_update(run.trainer, &result, &error), NCA_NUMERIC);
    assert_event(&result, NCA_EVENT_GAVE_UP, "did not help");
    assert_non_null(strstr(error.message, "update 22"));
    assert_rule_is_sound(&run);
    assert_pool_is_sound(&run);
    start_good(&resumed, 0);
    assert_int_equal(nca_trainer_restore(resumed.trainer, path, &error), NCA_OK);
    spy.spoil = 1000;
    for (int i = 12; i < 19; i++)
        advance(&resumed);
    forget_calls();
    assert_int_equal(nca_trainer_update(resumed.trainer, &result, &error), NCA_NUMERIC);
    assert_true(are_equal_trainings(&run, &resumed));
    unlink(path);
    end_training(&run), end_training(&resumed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bad_gradient_is_skipped_and_nothing_changes),
        cmocka_unit_test(test_a_broken_weight_is_noticed_at_once),
        cmocka_unit_test(test_a_rule_that_overflows_goes_back_at_once),
        cmocka_unit_test(test_an_exploded_pool_is_noticed_and_repaired),
        cmocka_unit_test(test_a_dead_pool_is_noticed_and_repaired),
        cmocka_unit_test(test_a_rule_that_only_kills_the_seed_goes_back),
        cmocka_unit_test(test_seeds_may_die_now_and_then),
        cmocka_unit_test(test_a_death_defers_the_good_rule),
        cmocka_unit_test(test_a_death_puts_the_rise_off),
        cmocka_unit_test(test_a_deadly_rule_goes_back),
        cmocka_unit_test(test_five_skips_in_a_row_roll_back),
        cmocka_unit_test(test_it_goes_back_to_the_last_good_rule),
        cmocka_unit_test(test_it_gives_up_in_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
