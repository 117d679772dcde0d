// Timing kernels one by one, for every backend of this build: what is refused, and what is left
// behind.
#include "kernels/kernels.h"
#include "seam_bench.h"

static nca_status go(seam_bench *bench, bool keep_tape, nca_error *error)
{
    const nca_rollout rollout = {.steps = 3,
                                 .key = {.seed = 3},
                                 .fire_rate = 0.5,
                                 .step_size = 1,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD,
                                 .keep_tape = keep_tape};
    return bench->backend->forward(bench->session, &rollout, NULL, error);
}

// After a rollout there and back only; the rule stays, and what the others hold
// is no longer the rollout's.
static void check_kernels(seam_bench *bench)
{
    const nca_backend *b = bench->backend;
    nca_session *s = bench->session;
    nca_kernel_report report;
    nca_kernel_timer *timer = kernels_timer_of(b);
    if (!timer) {
        assert_string_equal(b->name, "reference");
        return;
    }
    assert_refused(NCA_ARGUMENT, timer(s, 0, 1, &report, error));
    assert_ok(go(bench, true, error));
    assert_refused(NCA_ARGUMENT, timer(s, 0, 1, &report, error));
    assert_ok(b->backward(s, NULL, error));
    assert_refused(NCA_ARGUMENT, timer(s, -1, 1, &report, error));
    assert_refused(NCA_ARGUMENT, timer(s, 0, 0, &report, error));
    float *before = read_buffer(&bench->on, s, NCA_PARAMETERS, total_of(&small));
    for (int i = 0; i < 2; i++)   // a second time it is the same rollout still
        for (int number = 0;; number++) {
            assert_ok(timer(s, number, 2, &report, error));
            if (!report.name)
                break;
            assert_true(report.seconds > 0 && report.bytes > 0 && report.flop >= 0);
        }
    float *after = read_buffer(&bench->on, s, NCA_PARAMETERS, total_of(&small));
    assert_equal(after, before, total_of(&small));
    assert_refused(NCA_ARGUMENT, b->backward(s, NULL, error));
    assert_ok(go(bench, false, error));
    assert_refused(NCA_ARGUMENT, timer(s, 0, 1, &report, error));
    free(before), free(after);
}

static void test_kernels_one_by_one(void **state)
{
    (void)state;
    for_every_backend(check_kernels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernels_one_by_one)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
