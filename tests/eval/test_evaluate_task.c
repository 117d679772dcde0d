// A rule is judged by its own task: the samples that it draws, its objective and figures, what it
// calls dead, and which loss it calls good.
#include "tasks.h"

#include "eval/judge.h"

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
    double near = 0;
    for (uint32_t i = 0; i < SEEDS; i++) {
        float mean[CELLS];
        mean_task.target(&content, &shape, mean_task.draw(&update, i).item, mean);
        least = fmin(least, 2 * log10(mean[0])), most = fmax(most, 2 * log10(mean[0]));
        near += (mean[0] < 0.1f) / (double)SEEDS;
    }
    assert_true(least < most);
    for (int i = 0; i < 2; i++) {
        assert_near(got.loss_at[i].min, least);
        assert_near(got.loss_at[i].max, most);
    }
    assert_near(got.cut[NCA_CUT_LEFT].loss.max, most);
    assert_int_equal(got.long_run_dead, 0);   // though no alpha is above the threshold
    const double *const figures[] = {got.figure_at[1], got.whole_figure, got.long_run_figure};
    for (int i = 0; i < 3; i++) {   // all cells of a seed are near, or none
        assert_near(figures[i][0], near);
        assert_true(figures[i][1] == 0);
    }
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

// -- Judging runs ---------------------------------------------------------------------------------

enum { CHANNELS = 8, STATE = CELLS * CHANNELS, SLOTS = 4 };

// A state of an item whose cells say its mean and so much more.
static void say_mean(const pictures *content, int64_t item, float more, float *state)
{
    const nca_shape shape = {.batch = 1, .height = SIDE, .width = SIDE};
    float mean[CELLS];
    mean_task.target(content, &shape, item, mean);
    for (int i = 0; i < CELLS; i++) {
        state[i * CHANNELS] = content->pixels[item][i];
        state[i * CHANNELS + 1] = mean[i] + more;
    }
}

static nca_spec spec_of_mean(void)
{
    nca_shape shape = {.spec = NCA_GROWING(CHANNELS, 8)};
    mean_task.shape(NULL, &shape);
    return shape.spec;
}

// Slots are new samples, right, and wrong, each of an item of its own.
static void test_a_pool_is_judged_by_its_task(void **state)
{
    (void)state;
    static float states[SLOTS][STATE];
    int64_t items[SLOTS] = {3, 29, 0, 7};
    const pictures content = draw_noise();
    const nca_spec spec = spec_of_mean();
    nca_judged_pool pool = {
        .states = states[0], .items = items, .slots = SLOTS, .grid = {SIDE, SIDE}};
    nca_pool_judgement got;
    for (int i = 0; i < CELLS; i++)   // untouched
        states[0][i * CHANNELS] = content.pixels[items[0]][i];
    say_mean(&content, items[1], 0.01f, states[1]);   // good: log10 loss -4
    say_mean(&content, items[2], 0.5f, states[2]);
    say_mean(&content, items[3], NAN, states[3]);
    assert_ok(nca_judge_pool(&mean_task, &content, &spec, &pool, &got, error));
    assert_true(got.slots == SLOTS && got.untouched == 1 && got.distorted == 2);
    assert_true(fabs(got.median - 2 * log10(0.5)) < 1e-5);
    items[1] = PICTURES;
    assert_refused(NCA_FORMAT, nca_judge_pool(&mean_task, &content, &spec, &pool, &got, error));
    pool.grid.width++;
    items[1] = 0;
    assert_refused(NCA_ARGUMENT, nca_judge_pool(&mean_task, &content, &spec, &pool, &got, error));
}

// A rule that adds a bias to every number where a cell fires, judged from evaluation to verdict.
static void judge(float bias, nca_judgement *out)
{
    const nca_judge_criteria criteria = nca_judge_criteria_of(&mean_task, true);
    const pictures content = draw_noise();
    const nca_spec spec = spec_of_mean();
    const nca_history history = {0};
    nca_compute on;
    nca_model model;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    assert_ok(nca_model_create(&spec, &model, error));
    model.parameters[nca_layout_of(&spec).offset[NCA_OUTPUT_BIAS]] = bias;
    nca_evaluate_options options = nca_judge_evaluation(&criteria, &model);
    options.grid = (nca_grid){SIDE, SIDE};
    *out = (nca_judgement){.pool = {.slots = 2, .untouched = 1, .distorted = 1}};
    assert_ok(nca_evaluate(&model, &mean_task, &content, &options, &on, &out->evaluation, error));
    nca_judge_verdict(&criteria, &history, out);
    nca_compute_close(&on);
    nca_model_free(&model);
}

static void test_a_verdict_knows_which_loss_is_good(void **state)
{
    (void)state;
    nca_judgement judgement;
    judge(0, &judgement);
    assert_true(!judgement.grows && !judgement.holds && !judgement.exploded);
    assert_true(judgement.distorted_share == 1);
    assert_true(judgement.evaluation.figure_at[0][1] == 0);   // all cells say the same
    judge(0.02f, &judgement);   // they differ, by how often they fired
    assert_true(judgement.evaluation.figure_at[0][1] > 0);
    nca_judge_criteria criteria = nca_judge_criteria_of(&mean_task, false);
    char text[600];
    assert_non_null(strstr(nca_judge_criterion_text(&criteria, 1, text, sizeof text),
                           "above -2 (distorted); slots that still hold an empty grid"));
    // The same losses, judged by a task that asks for less.
    nca_task lenient = mean_task;
    lenient.good_loss = 0;
    criteria.task = &lenient;
    judge(0, &judgement);
    nca_judge_verdict(&criteria, &(nca_history){0}, &judgement);
    assert_true(judgement.grows && judgement.holds && judgement.heals_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_rule_is_judged_by_its_task),
        cmocka_unit_test(test_a_pool_is_judged_by_its_task),
        cmocka_unit_test(test_a_verdict_knows_which_loss_is_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
