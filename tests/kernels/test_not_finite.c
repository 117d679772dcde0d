// Whatever is not finite is seen, on every backend: in a state, in a gradient, in a parameter, in
// any band, tensor and channel. The health checks of training stand on it.
#include "seam_bench.h"

// One number of one channel of one cell, wherever it is, shows in its sample's report.
static void check_nan_in_states(seam_bench *bench)
{
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    float *batch = read_batch(bench);
    for (size_t cell = 0; cell < 3 * cells_of(&small); cell++) {
        const size_t slot = cell / cells_of(&small),
                     at = cell * (size_t)small.spec.channels + cell % 3;
        nca_sample_report samples[3];
        write_buffer(&bench->on, bench->session, NCA_BATCH, batch_of(&small), batch);
        assert_ok(
            bench->backend->upload(bench->session, NCA_BATCH, at, 1, &spoilt[cell % 3], error));
        assert_ok(bench->backend->loss(bench->session, samples, error));
        assert_ok(bench->backend->synchronize(bench->session, error));
        for (size_t b = 0; b < 3; b++)
            assert_true((isfinite(samples[b].max_state) != 0) == (b != slot));
    }
    free(batch);
}

// A hidden channel, which the loss does not look at: 20 channels, several bands of rows.
static void check_nan_in_hidden_channels(seam_bench *bench)
{
    const nca_shape shape = NCA_GROWING_SHAPE(1, 13, 3, 0, 0, 20, 8);
    nca_session *session = open_session(&bench->on, &shape);
    float *zeros = allocate(batch_of(&shape), sizeof *zeros);
    for (size_t cell = 0; cell < cells_of(&shape); cell++) {
        const float nothing = NAN;
        nca_sample_report sample;
        write_buffer(&bench->on, session, NCA_BATCH, batch_of(&shape), zeros);
        assert_ok(bench->backend->upload(session, NCA_BATCH, cell * 20 + 19, 1, &nothing, error));
        assert_ok(bench->backend->loss(session, &sample, error));
        assert_ok(bench->backend->synchronize(session, error));
        assert_true(sample.loss == 0);
        assert_false(isfinite(sample.max_state));
    }
    free(zeros);
    bench->backend->destroy(session);
}

static void test_states_that_are_not_finite_are_reported(void **state)
{
    (void)state;
    for_every_backend(check_nan_in_states);
    for_every_backend(check_nan_in_hidden_channels);
}

// In any tensor: nothing is applied, whatever the rules would make of it.
static void check_nan_in_gradients(seam_bench *bench)
{
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    const nca_layout layout = nca_layout_of(&small.spec);
    nca_optimizer_step step = plain_step;
    step.transforms = 1;
    step.transform[0].kind = NCA_GRADIENT_CLIP;
    step.transform[0].value = 1;
    float *before = read_buffer(&bench->on, bench->session, NCA_PARAMETERS, layout.total);
    for (int i = 0; i < 3 * NCA_TENSORS_OF_ONE_LAYER; i++) {
        const int t = i / 3;
        float *gradient = uniform(layout.total, 9, 1);
        nca_update_report report = {.applied = true};
        gradient[layout.offset[t] + layout.size[t] - 1] = spoilt[i % 3];
        write_buffer(&bench->on, bench->session, NCA_GRADIENT, layout.total, gradient);
        assert_ok(bench->backend->update(bench->session, &step, &report, error));
        assert_ok(bench->backend->synchronize(bench->session, error));
        assert_false(report.applied);
        for (int other = 0; other < NCA_TENSORS_OF_ONE_LAYER; other++)
            assert_true((isfinite(report.gradient_norm[other]) != 0) == (other != t));
        float *after = read_buffer(&bench->on, bench->session, NCA_PARAMETERS, layout.total);
        float *moment =
            read_part(&bench->on, bench->session, NCA_OPTIMIZER, layout.total, layout.total);
        assert_equal(after, before, layout.total);
        assert_true(is_all_zero(moment, layout.total));
        free(gradient), free(after), free(moment);
    }
    free(before);
}

static void test_gradients_that_are_not_finite_are_not_applied(void **state)
{
    (void)state;
    for_every_backend(check_nan_in_gradients);
}

// A gradient whose square is beyond f32 would make a moment infinite, and its parameter stand still
// for ever.
static void check_huge_gradients(seam_bench *bench)
{
    const size_t total = total_of(&small);
    float *gradient = uniform(total, 9, 1);
    nca_update_report report = {.applied = true};
    gradient[total / 2] = 1e25f;
    write_buffer(&bench->on, bench->session, NCA_GRADIENT, total, gradient);
    assert_ok(bench->backend->update(bench->session, &plain_step, &report, error));
    assert_ok(bench->backend->synchronize(bench->session, error));
    assert_false(report.applied);
    float *moment = read_part(&bench->on, bench->session, NCA_OPTIMIZER, total, total);
    assert_true(is_all_zero(moment, total));
    nca_optimizer_step clipped = plain_step;
    clipped.transforms = 1;
    clipped.transform[0].kind = NCA_GRADIENT_CLIP;
    clipped.transform[0].value = 1;
    assert_ok(bench->backend->update(bench->session, &clipped, &report, error));
    assert_ok(bench->backend->synchronize(bench->session, error));
    assert_true(report.applied);   // a rule that makes it small makes it good
    free(gradient), free(moment);
}

static void test_gradients_beyond_f32_are_not_applied(void **state)
{
    (void)state;
    for_every_backend(check_huge_gradients);
}

static void check_nan_in_parameters(seam_bench *bench)
{
    static const float spoilt[] = {NAN, INFINITY, -INFINITY};
    const size_t total = total_of(&small);
    for (size_t i = 0; i < total; i += 17) {
        float *parameters = uniform(total, 1, 0.2), *gradient = uniform(total, 9, 1);
        nca_update_report report = {0};
        parameters[i] = spoilt[i % 3];
        write_buffer(&bench->on, bench->session, NCA_PARAMETERS, total, parameters);
        write_buffer(&bench->on, bench->session, NCA_GRADIENT, total, gradient);
        assert_ok(bench->backend->update(bench->session, &plain_step, &report, error));
        assert_ok(bench->backend->synchronize(bench->session, error));
        assert_false(isfinite(report.parameter_max));
        free(parameters), free(gradient);
    }
}

static void test_parameters_that_are_not_finite_are_reported(void **state)
{
    (void)state;
    for_every_backend(check_nan_in_parameters);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_that_are_not_finite_are_reported),
        cmocka_unit_test(test_gradients_that_are_not_finite_are_not_applied),
        cmocka_unit_test(test_gradients_beyond_f32_are_not_applied),
        cmocka_unit_test(test_parameters_that_are_not_finite_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
