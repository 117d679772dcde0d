// What the seam asks of the CUDA backend besides the cases that test_cuda.c goes through: noise,
// kept states, a rollout that a rule has for itself, a part of a batch, a rule that stands still,
// and states of which no cell counts.
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

// Samples 1 and 2 of three by themselves: the same states, and gradients by the number of all.
static void check_part(const nca_compute *on, double noise)
{
    nca_shape whole = NCA_GROWING_SHAPE(3, 17, 13, 0, 4, 16, 128);
    whole.spec.noise = noise;
    nca_shape part = whole;
    part.batch = 2;
    nca_session *a = open_session(on, &whole), *b = open_session(on, &part);
    nca_rollout rollout = rollout_of(4, true);
    float *parameters = uniform(total_of(&whole), 5, 0.1), *states = mixed_states(&whole, 6);
    write_buffer(on, a, NCA_PARAMETERS, total_of(&whole), parameters);
    write_buffer(on, b, NCA_PARAMETERS, total_of(&whole), parameters);
    write_buffer(on, a, NCA_BATCH, batch_of(&whole), states);
    write_buffer(on, b, NCA_BATCH, batch_of(&part), states + state_of(&whole));
    assert_ok(on->backend->forward(a, &rollout, NULL, error));
    assert_ok(on->backend->backward(a, NULL, error));
    rollout.first_sample = 1, rollout.samples = 3;
    assert_ok(on->backend->forward(b, &rollout, NULL, error));
    assert_ok(on->backend->backward(b, NULL, error));
    static const nca_buffer same[] = {NCA_BATCH, NCA_BATCH_GRADIENT};
    for (int i = 0; i < 2; i++) {
        float *x = read_buffer(on, a, same[i], batch_of(&whole));
        float *y = read_buffer(on, b, same[i], batch_of(&part));
        assert_false(is_all_zero(y, batch_of(&part)));
        assert_memory_equal(x + state_of(&whole), y, batch_of(&part) * sizeof *y);
        free(x), free(y);
    }
    free(parameters), free(states);
    on->backend->destroy(a);
    on->backend->destroy(b);
}

static void test_a_part_of_a_batch_is_the_batchs_part(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        nca_compute on = open_device(i ? "cublas" : "fused", 0);
        check_part(&on, i ? 0.1 : 0);
        nca_compute_close(&on);
    }
}

static void test_a_rule_may_stand_still(void **state)
{
    (void)state;
    const nca_shape shape = NCA_GROWING_SHAPE(1, 4, 4, 0, 1, 16, 128);
    nca_compute on = open_device("fused", 0);
    nca_session *session = open_session(&on, &shape);
    const nca_rule_update own = {.time = 2, .rate = 1};
    nca_optimizer_step step = {
        .time = 2, .rate = 1, .each = &own, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7};
    float *gradient = uniform(total_of(&shape), 7, 1);
    nca_update_report report;
    write_buffer(&on, session, NCA_GRADIENT, total_of(&shape), gradient);
    for (int moves = 0; moves < 2; moves++) {
        assert_ok(on.backend->update(session, &step, &report, error));
        assert_ok(on.backend->synchronize(session, error));
        float *parameters = read_buffer(&on, session, NCA_PARAMETERS, total_of(&shape));
        assert_true(report.gradient_norm[0] > 0 && report.applied == (moves > 0));
        assert_true(is_all_zero(parameters, total_of(&shape)) == (moves == 0));
        free(parameters);
        step.each = NULL;
    }
    free(gradient);
    on.backend->destroy(session);
    nca_compute_close(&on);
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
        cmocka_unit_test(test_a_part_of_a_batch_is_the_batchs_part),
        cmocka_unit_test(test_a_rule_may_stand_still),
        cmocka_unit_test(test_no_cell_may_count),
    };
    check_accesses(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
