// After a return to the last good rule the rate is a quarter, and rises again by its own schedule;
// a training that never returns has the rates of its schedule.
#include "spy.h"

#include "model/safetensors.h"

static void start_steady(training *run)
{
    nca_config config = small_config();
    set_text(config.schedule, "constant");
    config.damaged = 0, config.steps_min = config.steps_max = 3;
    start_training(run, &config, 2);
}

// Five gradients that are not finite.
static void make_roll_back(training *run)
{
    spy.spoil = 5;
    for (int i = 0; i < 4; i++)
        assert_int_equal(advance(run).event, NCA_EVENT_SKIPPED);
    assert_int_equal(advance(run).event, NCA_EVENT_ROLLED_BACK);
}

// So many updates with this factor of the rate, and every one counts.
static void expect_factor(training *run, double factor, int updates)
{
    for (int i = 0; i < updates; i++) {
        const nca_update_result result = advance(run);
        if (result.rate_factor != factor || result.rate != factor * 0.002 ||
            spy.step.rate != result.rate)
            fail_msg("update %d of %d has %g of the rate, not %g", i + 1, updates,
                     result.rate_factor, factor);
        assert_int_equal(result.event, NCA_EVENT_NONE);
    }
}

static void test_the_rate_falls_to_a_quarter_and_rises(void **state)
{
    (void)state;
    training run;
    start_steady(&run);
    expect_factor(&run, 1, 7);
    make_roll_back(&run);
    expect_factor(&run, 0.25, 500);
    expect_factor(&run, 0.5, 500);
    expect_factor(&run, 1, 100);
    end_training(&run);
}

static void test_a_second_return_takes_twice_as_long(void **state)
{
    (void)state;
    training run;
    start_steady(&run);
    make_roll_back(&run);
    expect_factor(&run, 0.25, 500);
    expect_factor(&run, 0.5, 20);
    make_roll_back(&run);   // from a half to an eighth
    expect_factor(&run, 0.125, 1000);
    expect_factor(&run, 0.25, 1000);
    expect_factor(&run, 0.5, 1000);
    expect_factor(&run, 1, 10);
    end_training(&run);
}

// Quarter by quarter to a 64th, which the words say; no lower.
static void test_returns_in_a_row_go_on_lowering(void **state)
{
    (void)state;
    training run;
    static const char *const words[] = {"the rate to 1/4 for 500 updates",
                                        "the rate to 1/16 for 1000 updates",
                                        "the rate to 1/64 for 2000 updates"};
    start_steady(&run);
    for (int i = 0; i < 3; i++) {
        spy.spoil = 5;
        nca_update_result result = {0};
        for (int k = 0; k < 5; k++)
            result = advance(&run);
        if (!strstr(result.event_text, words[i]))
            fail_msg("\"%s\" does not say \"%s\"", result.event_text, words[i]);
    }
    expect_factor(&run, 1.0 / 64, 320);   // a good rule is there again
    make_roll_back(&run);
    expect_factor(&run, 1.0 / 64, 120);
    end_training(&run);
}

static void test_the_end_does_not_ask_for_what_was_done(void **state)
{
    (void)state;
    training run;
    nca_update_result result;
    nca_error error = {0};
    start_steady(&run);
    spy.spoil = 20;
    for (int i = 0; i < 19; i++)
        advance(&run);
    assert_int_equal(nca_trainer_update(run.trainer, &result, &error), NCA_NUMERIC);
    assert_non_null(strstr(error.message, "did not help, nor did 1/64 of the rate"));
    assert_null(strstr(error.message, "--rate"));
    end_training(&run);
}

static void test_it_is_resumed_bit_for_bit(void **state)
{
    (void)state;
    training straight, resumed;
    char path[64];
    name_scratch("slowed", path);
    start_steady(&straight);
    expect_factor(&straight, 1, 3);
    make_roll_back(&straight);
    expect_factor(&straight, 0.25, 480);
    assert_ok(nca_trainer_save(straight.trainer, path, error));
    expect_factor(&straight, 0.25, 20);
    expect_factor(&straight, 0.5, 10);
    start_steady(&resumed);
    assert_ok(nca_trainer_restore(resumed.trainer, path, error));
    expect_factor(&resumed, 0.25, 20);
    expect_factor(&resumed, 0.5, 10);
    assert_true(are_equal_trainings(&straight, &resumed));
    end_training(&straight);
    unlink(path);
    // One that never went back holds nothing of it, and takes it away.
    training plain;
    start_steady(&plain);
    expect_factor(&plain, 1, 3);
    assert_ok(nca_trainer_save(plain.trainer, path, error));
    assert_ok(nca_trainer_restore(resumed.trainer, path, error));
    expect_factor(&resumed, 1, 5), expect_factor(&plain, 1, 5);
    assert_true(are_equal_trainings(&plain, &resumed));
    end_training(&plain), end_training(&resumed);
    unlink(path);
}

static void test_a_damaged_one_is_refused(void **state)
{
    (void)state;
    training run;
    nca_tensors file;
    nca_error why = {0};
    char path[64];
    const int64_t bad[] = {-1, 5};
    name_scratch("slowed", path);
    start_steady(&run);
    make_roll_back(&run);
    assert_ok(nca_trainer_save(run.trainer, path, error));
    assert_ok(nca_tensors_read(path, &file, error));
    bool is_there = false;
    for (size_t i = 0; i < file.count; i++)
        if (strcmp(file.tensor[i].name, "slowed") == 0) {
            file.tensor[i].data = bad;
            is_there = true;
        }
    assert_true(is_there);
    assert_ok(nca_tensors_write(path, file.tensor, file.count, file.metadata, file.metadata_count,
                                error));
    assert_int_equal(nca_trainer_restore(run.trainer, path, &why), NCA_FORMAT);
    assert_non_null(strstr(why.message, "its \"slowed\" holds what no training leaves"));
    nca_tensors_free(&file);
    unlink(path);
    end_training(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_rate_falls_to_a_quarter_and_rises),
        cmocka_unit_test(test_a_second_return_takes_twice_as_long),
        cmocka_unit_test(test_returns_in_a_row_go_on_lowering),
        cmocka_unit_test(test_the_end_does_not_ask_for_what_was_done),
        cmocka_unit_test(test_it_is_resumed_bit_for_bit),
        cmocka_unit_test(test_a_damaged_one_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
