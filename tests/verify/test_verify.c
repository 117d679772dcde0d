// The built-in checks: what they take for a variant that is not here, and what for a failure.
#include "support.h"

#include <unistd.h>

#include "nca/model.h"
#include "verify/cases.h"
#include "verify/verify.h"

// Runs them all on the reference, which takes any options; the verdict's text is thrown away.
static nca_status verify(const nca_device_options *options, nca_verdict *out, nca_error *error)
{
    char *text;
    size_t size;
    nca_compute on = open_reference();
    *out = (nca_verdict){.to = open_memstream(&text, &size)};
    assert_non_null(out->to);
    const nca_status status = nca_verify_built_in(&on, options, out, error);
    fclose(out->to);
    free(text);
    nca_compute_close(&on);
    return status;
}

// Every variant of every backend but the plainest is checked, or counted as not here.
static void test_every_variant_is_checked_or_counted(void **state)
{
    (void)state;
    const nca_device_options options = {.threads = 1};
    int missing = 0, variants = 0;
    nca_verdict verdict;
    for (const nca_backend *const *backend = nca_backends(); *backend; backend++)
        for (int i = 1; (*backend)->variants && (*backend)->variants[i]; i++) {
            const nca_device_options asked = {.threads = 1, .isa = (*backend)->variants[i]};
            nca_compute on = {0};
            const nca_status status = nca_compute_open((*backend)->name, &asked, &on, NULL);
            assert_true(status == NCA_OK || status == NCA_DEVICE || status == NCA_ABSENT);
            missing += status != NCA_OK;
            variants++;
            nca_compute_close(&on);
        }
    assert_ok(verify(&options, &verdict, error));
    assert_int_equal(verdict.failed, 0);
    assert_int_equal(verdict.unavailable, missing);
    // Gradients of every tensor and of the state where there is a loss, and three arrays a variant,
    // in each case.
    int cases = 0, checks = 0, mixed = 0;
    for (const nca_case *test_case = nca_cases; test_case->name; test_case++)
        if (nca_case_is_verified(test_case)) {
            const nca_layout layout = nca_layout_of(&test_case->shape.spec);
            const bool has_loss = test_case->shape.objective.kind != NCA_GIVEN;
            for (int tensor = 0; has_loss && tensor < layout.tensors; tensor++)
                checks += layout.size[tensor] > 0;
            checks += has_loss;
            mixed += has_loss && layout.size[NCA_MIX] > 0;
            checks += 3 * (variants - missing);
            cases++;
        }
    assert_int_equal(verdict.checked, checks);
    assert_true(cases >= 7 && mixed >= 2);
}

static void test_a_variant_that_cannot_be_opened_is_a_failure(void **state)
{
    (void)state;
    const nca_device_options options = {.threads = 1025};
    nca_verdict verdict;
    assert_refused(NCA_ARGUMENT, verify(&options, &verdict, error));
}

// Errors of a rollout in less than f32 are reported beside f32's allowance and cannot fail;
// numbers that are not finite still do.
static void test_errors_of_a_reduced_precision_cannot_fail(void **state)
{
    (void)state;
    char *text;
    size_t size;
    nca_verdict verdict = {.to = open_memstream(&text, &size), .is_reduced = true};
    assert_non_null(verdict.to);
    nca_verdict_add_rollout(&verdict, "far", 0.5, 1e-5);
    nca_verdict_add_rollout(&verdict, "near", 1e-7, 1e-5);
    assert_true(verdict.reported == 2 && verdict.checked == 0 && verdict.failed == 0);
    nca_verdict_add_rollout(&verdict, "nan", NAN, 1e-5);
    nca_verdict_add(&verdict, "an optimizer", 0.5, 1e-5);
    assert_true(verdict.reported == 2 && verdict.checked == 2 && verdict.failed == 2);
    verdict.is_reduced = false;
    nca_verdict_add_rollout(&verdict, "in f32", 0.5, 1e-5);
    assert_true(verdict.reported == 2 && verdict.checked == 3 && verdict.failed == 3);
    fclose(verdict.to);
    assert_non_null(strstr(text, "reported only"));
    free(text);
}

// The errors of the rule's rollouts on a device, in the order of the lines.
static int read_rule_errors(const nca_compute *on, const char *path, double *errors, int most)
{
    char *text;
    size_t size;
    int count = 0;
    nca_verdict verdict = {.to = open_memstream(&text, &size)};
    assert_non_null(verdict.to);
    assert_ok(nca_verify_rule(path, on, &verdict, error));
    fclose(verdict.to);
    for (char *at = text; (at = strstr(at, " error ")) && count < most; count++)
        errors[count] = strtod(at + strlen(" error "), &at);
    assert_int_equal(verdict.reported, count);
    assert_int_equal(verdict.failed, 0);
    free(text);
    return count;
}

// A trained rule: four tensors, states and the first state's gradient, over 8, 64 and 128 steps.
// f32 stays near f64; bf16 by the definition is far from it, and the farther the longer.
static void test_a_rule_says_how_far_a_precision_is_from_f64(void **state)
{
    enum { A_LENGTH = 6, LINES = 3 * A_LENGTH };
    static const char path[] = "zoo/eye.safetensors";
    double exact[LINES + 1], f32[LINES + 1], bf16[LINES + 1];
    nca_compute on[] = {open_reference(), {0}, {0}};
    const nca_device_options options[] = {{.isa = "scalar"},
                                          {.isa = "scalar", .precision = "bf16"}};
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_ok(nca_compute_open("cpu", &options[i], &on[1 + i], error));
    assert_int_equal(read_rule_errors(&on[0], path, exact, LINES + 1), LINES);
    assert_int_equal(read_rule_errors(&on[1], path, f32, LINES + 1), LINES);
    assert_int_equal(read_rule_errors(&on[2], path, bf16, LINES + 1), LINES);
    for (int i = 0; i < LINES; i++) {
        assert_true(exact[i] == 0);
        assert_true(f32[i] > 0 && f32[i] < 1e-3);
        assert_true(bf16[i] > 1e-4 && bf16[i] > 100 * f32[i]);
    }
    assert_true(bf16[LINES - 1] > bf16[A_LENGTH - 1]);
    for (size_t i = 0; i < sizeof on / sizeof *on; i++)
        nca_compute_close(&on[i]);
}

// The file says where the seed stands, from the middle of a grid that it need not name.
static void test_a_rule_whose_seed_is_off_the_grid_is_refused(void **state)
{
    static const char path[] = "off_the_grid.safetensors";
    nca_compute on = open_reference();
    nca_verdict verdict = {.to = stdout};
    nca_model rule;
    (void)state;
    assert_ok(nca_model_load("zoo/eye.safetensors", &rule, error));
    rule.grid_height = rule.grid_width = 0;
    rule.seed[0] = 30;
    assert_ok(nca_model_save(&rule, path, error));
    assert_refused(NCA_ARGUMENT, nca_verify_rule(path, &on, &verdict, error));
    unlink(path);
    nca_model_free(&rule);
    nca_compute_close(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_variant_is_checked_or_counted),
        cmocka_unit_test(test_a_variant_that_cannot_be_opened_is_a_failure),
        cmocka_unit_test(test_errors_of_a_reduced_precision_cannot_fail),
        cmocka_unit_test(test_a_rule_says_how_far_a_precision_is_from_f64),
        cmocka_unit_test(test_a_rule_whose_seed_is_off_the_grid_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
