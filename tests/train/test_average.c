// The average of the rules that training passes through: what is written, while training itself
// goes on as without it; what the health checks find fault with never enters; a checkpoint has it.
#include "spy.h"

#include "model/safetensors.h"

enum { AVERAGED = 40, SPACING = 10 };

static void start_averaged(training *run, int updates)
{
    nca_config config = small_config();
    config.damaged = 0, config.average = AVERAGED;
    start_training(run, &config, 2);
    for (int i = 0; i < updates; i++)
        assert_int_equal(advance(run).event, NCA_EVENT_NONE);
}

// The rule of the run; the caller frees it.
static float *read_model(training *run)
{
    nca_model model;
    assert_ok(nca_trainer_model(run->trainer, &model, error));
    return model.parameters;
}

// By the definition: weights that fall by 1 - 10/40 from one taken rule to the one before.
static void assert_average(training *run, float *const *rule, int count)
{
    float *found = read_model(run);
    for (size_t i = 0; i < total_of(&run->shape); i++) {
        double sum = 0, weights = 0, weight = 1;
        for (int k = count - 1; k >= 0; k--, weight *= 0.75) {
            sum += weight * (double)rule[k][i];
            weights += weight;
        }
        assert_true(fabs((double)found[i] - sum / weights) <= 1e-7 + 1e-6 * fabs(sum / weights));
    }
    free(found);
}

static void assert_same_rule(training *run, const float *expected)
{
    float *found = read_model(run);
    assert_memory_equal(found, expected, total_of(&run->shape) * sizeof *found);
    free(found);
}

static void test_every_tenth_rule_counts(void **state)
{
    (void)state;
    enum { RULES = 7 };
    training run;
    float *rule[RULES];
    start_averaged(&run, SPACING - 1);
    float *current = read_of(&run, NCA_PARAMETERS);
    assert_same_rule(&run, current);   // there is no average yet
    free(current);
    for (int k = 0; k < RULES; k++) {
        advance(&run);
        rule[k] = read_of(&run, NCA_PARAMETERS);
        assert_average(&run, rule, k + 1);
        for (int i = 1; i < SPACING; i++)
            advance(&run);
        assert_average(&run, rule, k + 1);
    }
    for (int k = 0; k < RULES; k++)
        free(rule[k]);
    end_training(&run);
}

static void test_training_goes_on_without_it(void **state)
{
    (void)state;
    static const nca_buffer buffers[] = {NCA_PARAMETERS, NCA_OPTIMIZER, NCA_POOL};
    training run, plain;
    nca_config config = small_config();
    config.damaged = 0;
    start_averaged(&run, 45);
    start_training(&plain, &config, 1);
    for (int i = 0; i < 45; i++)
        advance(&plain);
    for (int b = 0; b < 3; b++) {
        float *with = read_of(&run, buffers[b]), *without = read_of(&plain, buffers[b]);
        const size_t count =
            b == 2 ? 12 * state_of(&run.shape) : (size_t)(b + 1) * total_of(&run.shape);
        assert_memory_equal(with, without, count * sizeof *with);
        free(with), free(without);
    }
    end_training(&run), end_training(&plain);
}

static void test_a_skipped_update_does_not_enter(void **state)
{
    (void)state;
    training run;
    start_averaged(&run, 2 * SPACING - 1);
    float *before = read_model(&run);
    spy.spoil = 1;
    assert_int_equal(advance(&run).event, NCA_EVENT_SKIPPED);
    assert_int_equal(nca_trainer_done(run.trainer), 2 * SPACING);
    assert_same_rule(&run, before);
    free(before);
    end_training(&run);
}

// Nor does a rule under which the seed dies, though its update counts.
static void test_a_deadly_rule_does_not_enter(void **state)
{
    (void)state;
    training run;
    nca_config config = small_config();
    config.damaged = 0, config.average = AVERAGED, config.fire_rate = 1;
    start_training(&run, &config, 2);
    for (int i = 0; i < 2 * SPACING - 1; i++)
        advance(&run);
    float *before = read_model(&run);
    const size_t row = state_of(&run.shape), channels = (size_t)run.shape.spec.channels;
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(8, 16));
    float *pool = read_of(&run, NCA_POOL);
    const float deadly = -9;
    for (size_t i = NCA_ALPHA; i < 12 * row; i += channels)
        pool[i] = 1000;
    write_buffer(&run.inner, run.trainer->session, NCA_POOL, 12 * row, pool);
    assert_ok(run.inner.backend->upload(run.trainer->session, NCA_PARAMETERS,
                                        layout.offset[NCA_OUTPUT_BIAS] + NCA_ALPHA, 1, &deadly,
                                        error));
    assert_int_equal(advance(&run).event, NCA_EVENT_RESEEDED);
    assert_same_rule(&run, before);
    free(pool), free(before);
    end_training(&run);
}

// Back with the rule: to what it was when that one was taken for good, at update 300.
static void test_it_goes_back_with_the_rule(void **state)
{
    (void)state;
    training run;
    start_averaged(&run, 305);
    float *later = read_model(&run);
    nca_update_result result = {0};
    for (int i = 0; i < 17; i++)
        advance(&run);
    spy.spoil = 5;
    for (int i = 0; i < 5; i++)
        result = advance(&run);
    assert_int_equal(result.event, NCA_EVENT_ROLLED_BACK);
    float *back = read_model(&run);
    const nca_average *good = &run.trainer->good.average;
    assert_int_equal(run.trainer->average.taken, good->taken);
    assert_memory_equal(run.trainer->average.sum, good->sum,
                        total_of(&run.shape) * sizeof *good->sum);
    // Rule 300 was taken for good before it joined the average.
    assert_int_equal(good->taken, 29);
    assert_memory_not_equal(back, later, total_of(&run.shape) * sizeof *back);
    free(later), free(back);
    end_training(&run);
}

static void test_it_is_resumed_bit_for_bit(void **state)
{
    (void)state;
    training straight, stopped, resumed;
    char path[64];
    name_scratch("average", path);
    start_averaged(&straight, 57);
    start_averaged(&stopped, 33);
    assert_ok(nca_trainer_save(stopped.trainer, path, error));
    end_training(&stopped);
    start_averaged(&resumed, 21);   // whatever it was before does not count
    assert_ok(nca_trainer_restore(resumed.trainer, path, error));
    for (int i = 33; i < 57; i++)
        advance(&resumed);
    assert_true(are_equal_trainings(&straight, &resumed));
    float *expected = read_model(&straight);
    assert_same_rule(&resumed, expected);
    free(expected);
    unlink(path);
    end_training(&straight), end_training(&resumed);
}

static void expect_damaged(training *run, const nca_tensors *file, const char *path,
                           const char *words)
{
    nca_error why = {0};
    assert_ok(nca_tensors_write(path, file->tensor, file->count, file->metadata,
                                file->metadata_count, error));
    assert_int_equal(nca_trainer_restore(run->trainer, path, &why), NCA_FORMAT);
    if (!strstr(why.message, words))
        fail_msg("\"%s\" does not say \"%s\"", why.message, words);
}

static void test_damaged_averages_are_refused(void **state)
{
    (void)state;
    training run;
    nca_tensors file;
    char path[64];
    const int64_t negative[] = {2, -1};
    name_scratch("damaged", path);
    start_averaged(&run, 25);
    assert_ok(nca_trainer_save(run.trainer, path, error));
    assert_ok(nca_tensors_read(path, &file, error));
    for (size_t i = 0; i < file.count; i++) {
        nca_tensor *tensor = &file.tensor[i];
        const nca_tensor kept = *tensor;
        if (!strstr(kept.name, "average"))
            continue;
        tensor->name = "nobody's";
        expect_damaged(&run, &file, path, kept.name);
        *tensor = kept;
        double *numbers = allocate(kept.elements, sizeof *numbers);
        numbers[kept.elements - 1] = NAN;
        tensor->data = tensor->dtype == NCA_I64 ? (const void *)negative : numbers;
        expect_damaged(&run, &file, path, "holds what no training leaves");
        *tensor = kept;
        free(numbers);
    }
    nca_tensors_free(&file);
    unlink(path);
    end_training(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_tenth_rule_counts),
        cmocka_unit_test(test_training_goes_on_without_it),
        cmocka_unit_test(test_a_skipped_update_does_not_enter),
        cmocka_unit_test(test_a_deadly_rule_does_not_enter),
        cmocka_unit_test(test_it_goes_back_with_the_rule),
        cmocka_unit_test(test_it_is_resumed_bit_for_bit),
        cmocka_unit_test(test_damaged_averages_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
