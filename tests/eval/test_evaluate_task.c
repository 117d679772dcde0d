// A rule is judged by its own task: the samples that it draws, its objective, and what it calls
// dead.
#include "tasks.h"

#include "eval/evaluate.h"

enum { SEEDS = 5 };

// A rule that changes nothing, judged before and after a few steps, cut, and long after.
static nca_evaluation evaluate(const nca_task *task, const pictures *content, const char *device)
{
    const nca_evaluate_options options = {.grid = {SIDE, SIDE},
                                          .seeds = SEEDS,
                                          .seed = 9,
                                          .steps = {0, 4},
                                          .steps_count = 2,
                                          .cut_at = 3,
                                          .heal_steps = 2,
                                          .cuts = true,
                                          .long_run = 6,
                                          .fire_rate = 0.5,
                                          .step_size = 1};
    nca_shape shape = {.spec = NCA_GROWING(8, 8)};
    nca_evaluation out;
    nca_compute on;
    nca_model model;
    task->shape(NULL, &shape);
    assert_ok(nca_model_create(&shape.spec, &model, error));
    assert_ok(nca_compute_open(device, NULL, &on, error));
    assert_ok(nca_evaluate(&model, task, content, &options, &on, &out, error));
    nca_compute_close(&on);
    nca_model_free(&model);
    return out;
}

static void assert_near(double got, double expected)
{
    assert_true(fabs(got - expected) < 1e-6);
}

// Each cell says 0: the loss of a sample is the square of its own mean.
static void check_means(const char *device)
{
    const pictures content = draw_noise();
    const nca_evaluation got = evaluate(&mean_task, &content, device);
    const nca_shape shape = {.batch = SEEDS, .height = SIDE, .width = SIDE};
    const nca_task_update update = {NULL, NULL, &shape, &content, {.seed = 9}};
    double least = INFINITY, most = -INFINITY;
    for (uint32_t i = 0; i < SEEDS; i++) {
        float mean[CELLS];
        mean_task.target(&content, &shape, mean_task.draw(&update, i).item, mean);
        least = fmin(least, 2 * log10(mean[0])), most = fmax(most, 2 * log10(mean[0]));
    }
    assert_true(least < most);
    for (int i = 0; i < 2; i++) {
        assert_near(got.loss_at[i].min, least);
        assert_near(got.loss_at[i].max, most);
    }
    assert_near(got.cut[NCA_CUT_LEFT].loss.max, most);
    assert_int_equal(got.long_run_dead, 0);   // though no alpha is above the threshold
}

// Cells that know nothing: the loss is the logarithm of three.
static void check_stripes(const char *device)
{
    const pictures content = draw_stripes();
    const nca_evaluation got = evaluate(&stripes_task, &content, device);
    for (int i = 0; i < 2; i++) {
        assert_near(got.loss_at[i].min, log10(log(CLASSES)));
        assert_near(got.loss_at[i].max, log10(log(CLASSES)));
    }
    assert_near(got.long_run_loss.median, log10(log(CLASSES)));
}

static void test_a_rule_is_judged_by_its_task(void **state)
{
    (void)state;
    static const char *const devices[] = {"reference", "cpu"};
    for (int i = 0; i < 2; i++) {
        check_means(devices[i]);
        check_stripes(devices[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_rule_is_judged_by_its_task)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
