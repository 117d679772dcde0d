// With --health off nothing is repaired: updates count, and the pool keeps what the rollout left.
#include "health_spy.h"

#include "eval/history.h"

#include <float.h>

static void start_unwatched(training *run, int updates)
{
    start_without_chance(run, "off");
    for (int i = 0; i < updates; i++)
        assert_int_equal(advance(run).event, NCA_EVENT_NONE);
}

// Far outside: the update counts, and the pool keeps it.
static void test_an_exploded_pool_is_left_alone(void **state)
{
    (void)state;
    training run;
    start_unwatched(&run, 3);
    const size_t row = state_of(&run.shape), cell = (5 * 9 + 4) * 8;
    for (size_t n = 0; n < 12; n++) {
        put(&run, NCA_POOL, n * row + cell + NCA_ALPHA, 1);
        put(&run, NCA_POOL, n * row + cell + 5, 1e7f);
    }
    const nca_update_result result = advance(&run);
    assert_event(&result, NCA_EVENT_LEFT_ALONE, "exploded");
    assert_null(strstr(result.event_text, "skipped"));
    assert_true(nca_history_is_explosion(nca_event_word(result.event), result.event_text));
    assert_string_equal(spy.calls, "glgFlBUS");
    assert_int_equal(run.trainer->time, 4);
    float *pool = read_of(&run, NCA_POOL);
    float largest = 0;   // the first was a seed
    for (size_t i = 0; i < row; i++)
        largest = fmaxf(largest, fabsf(pool[(size_t)spy.scattered[1] * row + i]));
    assert_true(largest > 1e5f);
    free(pool);
    end_training(&run);
}

// A batch of nothing counts, again and again.
static void test_a_dead_pool_is_left_alone(void **state)
{
    (void)state;
    training run;
    start_unwatched(&run, 1);
    put(&run, NCA_PARAMETERS,
        nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).offset[NCA_OUTPUT_BIAS] + NCA_ALPHA, -9);
    for (int i = 0; i < 30; i++) {
        const nca_update_result result = advance(&run);
        assert_event(&result, NCA_EVENT_LEFT_ALONE, "no cell of the batch lives");
        assert_false(nca_history_is_explosion(nca_event_word(result.event), result.event_text));
        assert_int_equal(run.trainer->time, 2 + i);
        float *pool = read_of(&run, NCA_POOL);
        for (int b = 0; b < 5; b++)
            for (size_t k = 0; k < state_of(&run.shape); k++)
                assert_true(pool[(size_t)spy.scattered[b] * state_of(&run.shape) + k] == 0);
        free(pool);
    }
    end_training(&run);
}

static void test_a_seed_that_dies_is_left_alone(void **state)
{
    (void)state;
    training run;
    start_unwatched(&run, 1);
    for (int i = 0; i < 25; i++) {
        const nca_update_result result = advance_deadly(&run);
        assert_event(&result, NCA_EVENT_LEFT_ALONE, "what grew from the seed died");
        assert_int_equal(run.trainer->time, 2 + i);
    }
    end_training(&run);
}

// No rule after it would be finite: the end, with the rule before it.
static void test_a_bad_gradient_ends_what_is_not_repaired(void **state)
{
    (void)state;
    training run;
    nca_update_result result;
    nca_error error = {0};
    start_unwatched(&run, 8);
    kept before = keep(&run);
    spy.spoil = 1;
    forget_calls();
    assert_int_equal(nca_trainer_update(run.trainer, &result, &error), NCA_NUMERIC);
    assert_event(&result, NCA_EVENT_GAVE_UP,
                 "the gradient is not finite: training ends with the rule of update 8");
    assert_string_equal(
        error.message,
        "update 9: the gradient is not finite: training ends with the rule of "
        "update 8; train anew with --health on, which goes back and lowers the rate");
    for (int b = 0; b < KEPT; b++)
        assert_true(is_kept(&run, &before, b));
    free_kept(&before);
    end_training(&run);
}

static void test_a_rule_that_overflows_ends_what_is_not_repaired(void **state)
{
    (void)state;
    training run;
    nca_update_result result;
    nca_error error = {0};
    start_unwatched(&run, 300);
    kept good = keep(&run);
    advance(&run);
    put(&run, NCA_PARAMETERS, 5, -FLT_MAX);   // of a hidden unit that stays silent
    put(&run, NCA_PARAMETERS, nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).offset[NCA_HIDDEN_BIAS],
        -FLT_MAX);
    put(&run, NCA_OPTIMIZER, 5, INFINITY);
    assert_int_equal(nca_trainer_update(run.trainer, &result, &error), NCA_NUMERIC);
    assert_event(&result, NCA_EVENT_GAVE_UP,
                 "the rule is not finite: training ends with the rule of update 300");
    for (int b = 0; b < 2; b++)
        assert_true(is_kept(&run, &good, b));
    free_kept(&good);
    end_training(&run);
}

// What is not a number ranks as the worst, and so becomes the seed.
static void test_what_is_not_a_number_is_reseeded_first(void **state)
{
    (void)state;
    training run;
    start_unwatched(&run, 3);
    const size_t row = state_of(&run.shape), cell = (5 * 9 + 4) * 8;
    advance(&run);
    const int drawn = spy.scattered[3];
    for (size_t n = 0; n < 12; n++)
        if (n == (size_t)drawn)
            put(&run, NCA_POOL, n * row + cell, NAN);
    for (int i = 0; i < 20; i++) {
        advance(&run);
        for (int b = 0; b < 5; b++)
            if (spy.gathered[0][b] == drawn) {
                assert_int_equal(spy.scattered[0], drawn);
                end_training(&run);
                return;
            }
    }
    fail_msg("row %d is never drawn", drawn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_exploded_pool_is_left_alone),
        cmocka_unit_test(test_a_dead_pool_is_left_alone),
        cmocka_unit_test(test_a_seed_that_dies_is_left_alone),
        cmocka_unit_test(test_a_bad_gradient_ends_what_is_not_repaired),
        cmocka_unit_test(test_a_rule_that_overflows_ends_what_is_not_repaired),
        cmocka_unit_test(test_what_is_not_a_number_is_reseeded_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
