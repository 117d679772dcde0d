// The optimizer by hand: what a transform of the gradient makes of small numbers, in the order
// given, and what Adam makes of that; and the schedules of the two recipes against the oracle's
// learning rates.
#include "seam_bench.h"

#include <unistd.h>

#include "config/schedule.h"
#include "model/safetensors.h"

enum { PUT = 3 };   // numbers that are put into a tensor; the others are zero

// A gradient with 3 and 4 in one tensor, and 12 in another.
static void put_gradient(seam_bench *bench)
{
    const nca_layout layout = nca_layout_of(&small.spec);
    const float one[] = {3, -4}, other = 12;
    float *zeros = allocate(layout.total, sizeof *zeros);
    write_buffer(&bench->on, bench->session, NCA_GRADIENT, layout.total, zeros);
    assert_ok(bench->backend->upload(bench->session, NCA_GRADIENT, 5, 2, one, error));
    assert_ok(bench->backend->upload(bench->session, NCA_GRADIENT,
                                     layout.offset[NCA_OUTPUT_WEIGHT] + 7, 1, &other, error));
    free(zeros);
}

// The three numbers of a buffer.
static void read_put(const seam_bench *bench, nca_buffer buffer, size_t first, double out[PUT])
{
    const nca_layout layout = nca_layout_of(&small.spec);
    float *all = read_part(&bench->on, bench->session, buffer, first, layout.total);
    out[0] = all[5], out[1] = all[6], out[2] = all[layout.offset[NCA_OUTPUT_WEIGHT] + 7];
    free(all);
}

typedef struct rule_case {
    const char *rules;
    double expected[PUT];   // of 3, -4 and 12, after the rules
} rule_case;

static const rule_case rule_cases[] = {
    {"none", {3, -4, 12}},
    {"normalize", {0.6, -0.8, 1}},
    {"clip:3.5", {3, -3.5, 3.5}},
    {"global:26", {3, -4, 12}},   // the norm over all tensors is 13
    {"global:6.5", {1.5, -2, 6}},
    {"normalize,clip:0.7", {0.6, -0.7, 0.7}},
    {"clip:3,normalize", {0.70710678118, -0.70710678118, 1}},
    {"clip:3,global:1", {0.57735026919, -0.57735026919, 0.57735026919}},
    {"global:1.3,clip:0.5", {0.3, -0.4, 0.5}},
    {"global:6.5,clip:3,normalize,global:0.1", {0.04242640687, -0.05656854249, 0.07071067812}},
};

// From moments of zero, the first update: m = g / 10, v = g^2 / 1000, and the parameter moves by
// rate * g / (|g| + epsilon); with an epsilon of 1 the size of g counts.
static void check_first_update(seam_bench *bench, const rule_case *rule)
{
    nca_optimizer_step step = {.time = 1, .rate = 0.5, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1};
    double before[PUT], after[PUT], mean[PUT], square[PUT], raw[PUT];
    float *zeros = allocate(2 * total_of(&small), sizeof *zeros);
    assert_ok(nca_transforms_parse(rule->rules, &step, error));
    write_buffer(&bench->on, bench->session, NCA_OPTIMIZER, 2 * total_of(&small), zeros);
    put_gradient(bench);
    read_put(bench, NCA_PARAMETERS, 0, before);
    nca_update_report report;
    assert_ok(bench->backend->update(bench->session, &step, &report, error));
    read_put(bench, NCA_PARAMETERS, 0, after);
    read_put(bench, NCA_OPTIMIZER, 0, mean);
    read_put(bench, NCA_OPTIMIZER, total_of(&small), square);
    read_put(bench, NCA_GRADIENT, 0, raw);
    for (int i = 0; i < PUT; i++) {
        const double g = rule->expected[i], moved = 0.5 * g / (fabs(g) + 1);
        if (!(fabs(mean[i] - g / 10) <= 1e-7 * 12) || !(fabs(square[i] - g * g / 1000) <= 1e-7) ||
            !(fabs(before[i] - after[i] - moved) <= 3e-7))
            fail_msg("%s, %s: number %d: moments %g, %g, moved by %g; expected of %g",
                     bench->on.backend->name, rule->rules, i, mean[i], square[i],
                     before[i] - after[i], g);
    }
    assert_true(raw[0] == 3 && raw[1] == -4 && raw[2] == 12);   // as before any rule
    assert_true(report.gradient_norm[NCA_HIDDEN_WEIGHT] == 5);
    assert_true(report.gradient_norm[NCA_OUTPUT_WEIGHT] == 12);
    assert_true(report.gradient_norm[NCA_HIDDEN_BIAS] == 0 && report.applied);
    free(zeros);
}

static void check_rules(seam_bench *bench)
{
    for (size_t i = 0; i < sizeof rule_cases / sizeof *rule_cases; i++)
        check_first_update(bench, &rule_cases[i]);
}

static void test_rules_are_applied_in_their_order(void **state)
{
    (void)state;
    for_every_backend(check_rules);
}

// Three updates of one parameter by hand: gradients 1, 2, -1, rate 0.1, betas 0.5 and 0.75.
//   m  0.5  1.25  0.125     / (1 - 0.5^t)    1  5/3   1/7
//   v  0.25 1.1875 1.140625 / (1 - 0.75^t)   1  19/7  73/37
static void check_adam(seam_bench *bench)
{
    static const float gradients[] = {1, 2, -1};
    static const double means[] = {1, 5.0 / 3, 1.0 / 7}, squares[] = {1, 19.0 / 7, 73.0 / 37};
    nca_optimizer_step step = {.rate = 0.1, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 1e-8};
    float *zeros = allocate(2 * total_of(&small), sizeof *zeros);
    double expected = 0;
    write_buffer(&bench->on, bench->session, NCA_PARAMETERS, total_of(&small), zeros);
    for (step.time = 1; step.time <= 3; step.time++) {
        const int i = (int)step.time - 1;
        float got;
        write_buffer(&bench->on, bench->session, NCA_GRADIENT, total_of(&small), zeros);
        write_buffer(&bench->on, bench->session, NCA_GRADIENT, 1, &gradients[i]);
        assert_ok(bench->backend->update(bench->session, &step, NULL, error));
        assert_ok(bench->backend->download(bench->session, NCA_PARAMETERS, 0, 1, &got, error));
        expected -= 0.1 * means[i] / (sqrt(squares[i]) + 1e-8);
        assert_true(fabs(got - expected) <= 1e-7);
    }
    free(zeros);
}

static void test_adam_by_hand(void **state)
{
    (void)state;
    for_every_backend(check_adam);
}

// No gradient: nothing moves, and nothing becomes NaN, under any rule.
static void check_zero_gradient(seam_bench *bench)
{
    float *zeros = allocate(2 * total_of(&small), sizeof *zeros);
    float *before = read_buffer(&bench->on, bench->session, NCA_PARAMETERS, total_of(&small));
    for (size_t i = 0; i < sizeof rule_cases / sizeof *rule_cases; i++) {
        nca_optimizer_step step = plain_step;
        nca_update_report report;
        assert_ok(nca_transforms_parse(rule_cases[i].rules, &step, error));
        write_buffer(&bench->on, bench->session, NCA_GRADIENT, total_of(&small), zeros);
        assert_ok(bench->backend->update(bench->session, &step, &report, error));
        assert_ok(bench->backend->synchronize(bench->session, error));
        assert_true(report.applied);
        float *after = read_buffer(&bench->on, bench->session, NCA_PARAMETERS, total_of(&small));
        assert_equal(after, before, total_of(&small));
        free(after);
    }
    free(zeros), free(before);
}

static void test_no_gradient_moves_nothing(void **state)
{
    (void)state;
    for_every_backend(check_zero_gradient);
}

// The oracle's optimizer cases were made with the schedules of the two recipes, shortened.
static void check_schedule(const char *path, const char *text, double rate, int64_t updates)
{
    nca_schedule schedule = {.rate = rate, .updates = updates};
    nca_tensors tensors;
    assert_ok(nca_schedule_parse(text, &schedule, error));
    assert_ok(nca_tensors_read(path, &tensors, error));
    const nca_tensor *rates = nca_tensors_find(&tensors, "learning_rate");
    assert_non_null(rates);
    assert_true(rates->dtype == NCA_F64 && rates->elements >= 3);
    for (size_t i = 0; i < rates->elements; i++) {
        const double expected = ((const double *)rates->data)[i];
        assert_true(fabs(nca_schedule_rate(&schedule, (int64_t)i + 1) - expected) <= 1e-15);
    }
    nca_tensors_free(&tensors);
}

static void test_schedules_are_those_of_the_oracle(void **state)
{
    (void)state;
    if (access("../shared/oracle/cases", R_OK) != 0) {
        print_message("no oracle: skipped\n");
        skip();
    }
    check_schedule("../shared/oracle/cases/adam_piecewise.safetensors", "steps:2x0.1", 2e-3, 5);
    check_schedule("../shared/oracle/cases/adam_cosine.safetensors", "cosine", 1e-4, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rules_are_applied_in_their_order),
        cmocka_unit_test(test_adam_by_hand),
        cmocka_unit_test(test_no_gradient_moves_nothing),
        cmocka_unit_test(test_schedules_are_those_of_the_oracle),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
