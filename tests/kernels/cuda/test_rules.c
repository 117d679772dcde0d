// What rules other than the article's ask of the CUDA backend, besides the cases that test_cuda.c
// goes through: noise, kept states, a rollout that a rule has for itself, and states of which no
// cell counts.
#include "device_under_test.h"

static nca_compute open_any_cpu(void)
{
    const nca_device_options options = {.threads = 1};
    nca_compute on;
    assert_ok(nca_compute_open("cpu", &options, &on, error));
    return on;
}

static nca_rollout rollout_of(int steps, bool keep_tape)
{
    return (nca_rollout){.steps = steps,
                         .key = {.seed = 0x9876543210u, .update = 5},
                         .fire_rate = 0.5,
                         .step_size = 1,
                         .alive_threshold = NCA_ALIVE_THRESHOLD,
                         .keep_tape = keep_tape};
}

// A session with a batch of mixed alpha, and with parameters up to `size`.
static nca_session *begin(const nca_compute *on, const nca_shape *shape, double size)
{
    nca_session *session = open_session(on, shape);
    float *states = mixed_states(shape, 3), *parameters = uniform(total_of(shape), 4, size);
    write_buffer(on, session, NCA_BATCH, batch_of(shape), states);
    write_buffer(on, session, NCA_PARAMETERS, total_of(shape), parameters);
    free(states), free(parameters);
    return session;
}

static float *batch_after(const nca_compute *on, const nca_shape *shape, double size,
                          const nca_rollout *rollout)
{
    nca_session *session = begin(on, shape, size);
    assert_ok(on->backend->forward(session, rollout, NULL, error));
    float *states = read_buffer(on, session, NCA_BATCH, batch_of(shape));
    on->backend->destroy(session);
    return states;
}

// A rule that proposes nothing moves by its noise alone: the CPU's bits.
static void test_noise_is_the_cpus(void **state)
{
    (void)state;
    static const nca_spec specs[] = {
        {.channels = 16, .hidden = {64}, .noise = 0.5},
        {.channels = 20,
         .perception = NCA_MOORE,
         .hidden = {8, 4},
         .frozen = 1,
         .alive = NCA_ALIVE_CHANNEL,
         .noise = 0.02},
        {.channels = 12, .hidden = {8}, .frozen = 3, .alive = NCA_ALIVE_EVERYWHERE, .noise = 3}};
    nca_compute cpu = open_any_cpu(), on = open_device("auto", 0);
    for (int i = 0; i < 3; i++) {
        const nca_shape shape = {.batch = 2, .height = 9, .width = 35, .spec = specs[i]};
        nca_rollout rollout = rollout_of(5, false);
        rollout.first_step = 70000, rollout.first_sample = 3, rollout.samples = 9;
        float *expected = batch_after(&cpu, &shape, 0, &rollout);
        float *got = batch_after(&on, &shape, 0, &rollout);
        float *before = mixed_states(&shape, 3);
        assert_memory_not_equal(expected, before, batch_of(&shape) * sizeof *before);
        assert_memory_equal(got, expected, batch_of(&shape) * sizeof *got);
        free(expected), free(got), free(before);
    }
    nca_compute_close(&cpu);
    nca_compute_close(&on);
}

// By either path a kept state is the batch after a rollout that ends there.
static void test_kept_states_are_those_of_shorter_rollouts(void **state)
{
    (void)state;
    static const int kept[] = {0, 2, 2, 9};   // of five steps
    nca_shape shape = NCA_GROWING_SHAPE(2, 17, 13, 0, 5, 16, 128);
    shape.kept = 4;
    for (int path = 0; path < 2; path++) {
        nca_compute on = open_device(path ? "cublas" : "fused", 2);
        nca_rollout rollout = rollout_of(5, true);
        rollout.kept = kept;
        nca_session *session = begin(&on, &shape, 0.1);
        assert_ok(on.backend->forward(session, &rollout, NULL, error));
        float *states = read_buffer(&on, session, NCA_KEPT, 4 * batch_of(&shape));
        rollout.kept = NULL;
        for (int i = 0; i < 4; i++) {
            rollout.steps = kept[i] < 5 ? kept[i] : 5;
            float *expected = batch_after(&on, &shape, 0.1, &rollout);
            assert_false(is_all_zero(expected, batch_of(&shape)));
            assert_memory_equal(states + (size_t)i * batch_of(&shape), expected,
                                batch_of(&shape) * sizeof *expected);
            free(expected);
        }
        free(states);
        on.backend->destroy(session);
        nca_compute_close(&on);
    }
}

// The only rule of a session may have its rollout as one of several has it.
static void test_one_rule_may_have_a_rollout_of_its_own(void **state)
{
    (void)state;
    nca_shape shape = NCA_GROWING_SHAPE(2, 9, 8, 0, 5, 16, 128);
    shape.rules = 1;
    for (int path = 0; path < 2; path++) {
        nca_compute on = open_device(path ? "cublas" : "fused", 0);
        nca_rollout plain = rollout_of(4, true), other = rollout_of(1, true);
        plain.first_step = 6;
        const nca_rule_rollout own = {plain.steps, plain.first_step, plain.key};
        other.key.seed = 1, other.each = &own;
        float *expected = batch_after(&on, &shape, 0.1, &plain);
        float *got = batch_after(&on, &shape, 0.1, &other);
        assert_memory_equal(got, expected, batch_of(&shape) * sizeof *got);
        free(expected), free(got);
        nca_compute_close(&on);
    }
}

// A mean over no cell is 0, and so is its gradient.
static void test_no_cell_may_count(void **state)
{
    (void)state;
    static const nca_objective_kind kinds[] = {NCA_MEAN_SQUARED, NCA_HALF_SQUARED,
                                               NCA_CROSS_ENTROPY};
    nca_compute on = open_device("cublas", 0);
    for (int i = 0; i < 3; i++) {
        nca_shape shape = NCA_GROWING_SHAPE(2, 5, 6, 0, 2, 8, 8);
        shape.objective = (nca_objective){.kind = kinds[i], .cells = NCA_CELLS_ALIVE};
        const nca_rollout rollout = rollout_of(2, true);
        nca_session *session = open_session(&on, &shape);
        nca_sample_report samples[2];
        assert_ok(on.backend->forward(session, &rollout, NULL, error));
        assert_ok(on.backend->loss(session, samples, error));
        assert_ok(on.backend->backward(session, NULL, error));
        assert_ok(on.backend->synchronize(session, error));
        float *gradient = read_buffer(&on, session, NCA_BATCH_GRADIENT, batch_of(&shape));
        assert_true(is_all_zero(gradient, batch_of(&shape)));
        assert_true(samples[0].loss == 0 && samples[1].loss == 0 && samples[0].alive_cells == 0);
        free(gradient);
        on.backend->destroy(session);
    }
    nca_compute_close(&on);
}

int main(void)
{
    if (!IS_EMULATED && !has_device(NULL))
        return SKIPPED;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise_is_the_cpus),
        cmocka_unit_test(test_kept_states_are_those_of_shorter_rollouts),
        cmocka_unit_test(test_one_rule_may_have_a_rollout_of_its_own),
        cmocka_unit_test(test_no_cell_may_count),
    };
    check_accesses(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
