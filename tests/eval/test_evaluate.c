// How a rule is judged: the five cuts clear exactly their cells, the spread over the seeds is what
// it says, and every figure of an evaluation is that of plain rollouts.
#include "seam_bench.h"

#include "eval/evaluate.h"
#include "nca/image.h"
#include "nca/train.h"
#include "task/seed.h"

// The cells a cut clears, in words of its own: halves without the middle line, the middle square.
static bool is_cut(int cut, int y, int x, int height, int width)
{
    // The centre of 72 is 16: two ninths, to the nearest cell.
    const int tall = (int)floor(height * 2 / 9.0 + 0.5), wide = (int)floor(width * 2 / 9.0 + 0.5);
    switch (cut) {
    case NCA_CUT_UPPER:
        return y < height / 2;
    case NCA_CUT_LOWER:
        return y >= height / 2;
    case NCA_CUT_LEFT:
        return x < width / 2;
    case NCA_CUT_RIGHT:
        return x >= width / 2;
    default:
        return y >= (height - tall) / 2 && y < (height - tall) / 2 + tall &&
               x >= (width - wide) / 2 && x < (width - wide) / 2 + wide;
    }
}

static void check_cut(const nca_compute *on, int cut, int height, int width)
{
    const nca_shape shape = NCA_GROWING_SHAPE(1, height, width, 0, 0, 4, 4);
    const nca_region region = nca_cut_region(cut, height, width);
    nca_session *session = open_session(on, &shape);
    float *states = allocate(batch_of(&shape), sizeof *states);
    for (size_t i = 0; i < batch_of(&shape); i++)
        states[i] = (float)(i + 1);
    write_buffer(on, session, NCA_BATCH, batch_of(&shape), states);
    assert_ok(on->backend->damage(session, 0, &region, error));
    float *cut_states = read_buffer(on, session, NCA_BATCH, batch_of(&shape));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            for (int k = 0; k < 4; k++) {
                const int i = (y * width + x) * 4 + k;
                assert_true(cut_states[i] == (is_cut(cut, y, x, height, width) ? 0 : states[i]));
            }
    free(states), free(cut_states);
    on->backend->destroy(session);
}

static void test_cuts_clear_exactly_their_cells(void **state)
{
    (void)state;
    static const int grids[][2] = {{72, 72}, {56, 56}, {9, 7}, {20, 33}, {2, 3}, {1, 1}};
    nca_compute on;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        for (size_t g = 0; g < sizeof grids / sizeof *grids; g++)
            check_cut(&on, cut, grids[g][0], grids[g][1]);
    nca_compute_close(&on);
    assert_string_equal(nca_cut_name(NCA_CUT_UPPER), "upper");
    assert_string_equal(nca_cut_name(NCA_CUT_CENTER), "center");
    const nca_region center = nca_cut_region(NCA_CUT_CENTER, 72, 72);   // the article's 16x16
    assert_true(center.top == 28 && center.bottom == 44 && center.left == 28 && center.right == 44);
}

static void test_spread_is_median_and_range(void **state)
{
    (void)state;
    double odd[] = {3, -1, 2}, even[] = {4, 1, 3, 2}, one[] = {-7};
    double wild[] = {INFINITY, 1, 2, INFINITY, 3};
    nca_spread spread = nca_spread_of(odd, 3);
    assert_true(spread.median == 2 && spread.min == -1 && spread.max == 3);
    spread = nca_spread_of(even, 4);
    assert_true(spread.median == 2.5 && spread.min == 1 && spread.max == 4);
    spread = nca_spread_of(one, 1);
    assert_true(spread.median == -7 && spread.min == -7 && spread.max == -7);
    spread = nca_spread_of(wild, 5);
    assert_true(spread.median == 3 && spread.min == 1 && isinf(spread.max));
}

static void test_healed_is_within_a_factor_of_two(void **state)
{
    (void)state;
    assert_true(nca_is_healed(-3.7, -4) && nca_is_healed(-5, -4) && nca_is_healed(-4, -4));
    assert_false(nca_is_healed(-3.69, -4));
    assert_false(nca_is_healed(INFINITY, INFINITY));
    assert_false(nca_is_healed(NAN, -4));
}

enum { SEEDS = 3, SIDE = 15, CUT_AT = 20, HEAL = 110 };

static nca_model make_model(void)
{
    nca_model model;
    assert_ok(nca_model_create(&(nca_spec)NCA_GROWING(8, 16), &model, error));
    const size_t total = nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).total;
    float *draws = uniform(total, 41, 0.12);
    memcpy(model.parameters, draws, total * sizeof *draws);
    model.parameters[nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).offset[NCA_OUTPUT_BIAS] +
                     NCA_ALPHA] = 0.05f;
    free(draws);
    return model;
}

static nca_evaluate_options some_options(void)
{
    return (nca_evaluate_options){.grid = {SIDE, SIDE},
                                  .seeds = SEEDS,
                                  .seed = 77,
                                  .steps = {0, 5, CUT_AT, 30},
                                  .steps_count = 4,
                                  .cut_at = CUT_AT,
                                  .heal_steps = HEAL,
                                  .cuts = true,
                                  .circles = 3,
                                  .long_run = 140,
                                  .fire_rate = 0.5,
                                  .angle = 40,
                                  .step_size = 0.9};
}

// One plain rollout after another: `steps` steps from the seed, the region cleared in between where
// there is one.
static nca_spread roll(const nca_compute *on, const nca_model *model, const float *target,
                       const nca_region *region, int steps, nca_sample_report samples[SEEDS])
{
    const nca_shape shape = NCA_GROWING_SHAPE(SEEDS, SIDE, SIDE, 0, 0, 8, 16);
    double losses[SEEDS];
    nca_session *session = open_session(on, &shape);
    nca_rollout rollout = {.key = {.seed = 77},
                           .steps = region ? CUT_AT : steps,
                           .fire_rate = 0.5,
                           .angle = 40 * acos(-1) / 180,
                           .step_size = 0.9,
                           .alive_threshold = NCA_ALIVE_THRESHOLD};
    write_buffer(on, session, NCA_PARAMETERS, total_of(&shape), model->parameters);
    write_buffer(on, session, NCA_TARGET, SIDE * SIDE * 4, target);
    float *seeds = allocate(batch_of(&shape), sizeof *seeds);
    for (size_t b = 0; b < SEEDS; b++)
        nca_seed_put(seeds + b * state_of(&shape), SIDE, shape.spec.channels, SIDE / 2, SIDE / 2);
    write_buffer(on, session, NCA_BATCH, batch_of(&shape), seeds);
    free(seeds);
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    if (region) {
        for (int b = 0; b < SEEDS; b++)
            assert_ok(on->backend->damage(session, b, region, error));
        rollout.first_step = CUT_AT, rollout.steps = steps - CUT_AT;
        assert_ok(on->backend->forward(session, &rollout, NULL, error));
    }
    assert_ok(on->backend->loss(session, samples, error));
    on->backend->destroy(session);
    for (int b = 0; b < SEEDS; b++)
        losses[b] = log10(samples[b].loss);
    return nca_spread_of(losses, SEEDS);
}

static void assert_same(nca_spread got, nca_spread expected)
{
    assert_true(isfinite(expected.median));
    assert_true(got.median == expected.median && got.min == expected.min &&
                got.max == expected.max);
}

// What an evaluation says of a damage, against rollouts with it and without.
static void check_damage(const nca_compute *on, const nca_model *model, const float *target,
                         nca_region region, const nca_healing *got)
{
    nca_sample_report damaged[SEEDS], whole[SEEDS];
    int healed = 0;
    assert_same(got->loss, roll(on, model, target, &region, CUT_AT + HEAL, damaged));
    roll(on, model, target, NULL, CUT_AT + HEAL, whole);
    for (int b = 0; b < SEEDS; b++)
        healed += damaged[b].loss <= pow(10, NCA_HEALED_WITHIN) * whole[b].loss;
    assert_int_equal(got->seeds_healed, healed);
}

// The article's damage on a grid of SIDE: centre within a quarter of the middle.
static void check_circle(const nca_region *circle)
{
    const double half = (SIDE - 1) / 2.0;
    assert_true(circle->kind == NCA_REGION_CIRCLE && circle->radius_y == circle->radius_x);
    assert_true(circle->radius_y >= 0.1 * half && circle->radius_y <= 0.4 * half);
    assert_true(fabs(circle->center_y - half) <= half / 2);
    assert_true(fabs(circle->center_x - half) <= half / 2);
}

// The states that are shown, by moment.
typedef struct shown {
    int steps, cuts, wholes;
    float first[4];
} shown;

static void look(void *context, nca_evaluate_moment moment, int number, const float *state)
{
    shown *seen = context;
    seen->steps += moment == NCA_EVALUATED_STEP;
    seen->cuts += moment == NCA_EVALUATED_CUT;
    seen->wholes += moment == NCA_EVALUATED_WHOLE;
    if (moment == NCA_EVALUATED_STEP && number == 0)   // the seed, in the middle
        for (int k = 0; k < 4; k++)
            seen->first[k] = state[(SIDE / 2 * SIDE + SIDE / 2) * 8 + k];
}

static double latest_progress;

static void watch_progress(void *context, double done)
{
    assert_true(done >= *(double *)context && done <= 1);
    *(double *)context = done;
}

static void test_figures_are_those_of_plain_rollouts(void **state)
{
    (void)state;
    nca_evaluate_options options = some_options();
    nca_sample_report samples[SEEDS];
    nca_evaluation got;
    nca_compute on;
    nca_model model = make_model();
    float *pixels = uniform(SIDE * SIDE * 4, 3, 0.5);
    const nca_growth growth = {.target = {SIDE, SIDE, pixels}};
    shown seen = {0};
    options.progress = watch_progress, options.context = &latest_progress;
    options.look = look, options.look_context = &seen;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    nca_task easy = nca_task_grow;   // any loss is good
    easy.good_loss = 10;
    assert_ok(nca_evaluate(&model, &easy, &growth, &options, &on, &got, error));
    assert_true(latest_progress == 1);
    assert_int_equal(got.steps_count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(got.step[i], options.steps[i]);
        assert_same(got.loss_at[i], roll(&on, &model, pixels, NULL, options.steps[i], samples));
    }
    assert_true(got.loss_at[3].max > got.loss_at[3].min);   // the seeds are others
    assert_true(got.has_cuts);
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        check_damage(&on, &model, pixels, nca_cut_region(cut, SIDE, SIDE), &got.cut[cut]);
    assert_true(got.cut[NCA_CUT_LEFT].loss.median != got.cut[NCA_CUT_UPPER].loss.median);
    assert_same(got.whole, roll(&on, &model, pixels, NULL, CUT_AT + HEAL, samples));
    assert_int_equal(got.circles, 3);
    for (int i = 0; i < 3; i++) {
        check_circle(&got.circle_region[i]);
        check_damage(&on, &model, pixels, got.circle_region[i], &got.circle[i]);
    }
    assert_true(got.circle_region[0].center_y != got.circle_region[1].center_y);
    assert_int_equal(got.long_run, 140);
    assert_same(got.long_run_loss, roll(&on, &model, pixels, NULL, 140, samples));
    double largest = 0;
    for (int b = 0; b < SEEDS; b++)
        largest = fmax(largest, samples[b].max_state);
    assert_true(got.long_run_max_state == largest && got.long_run_dead == 0);
    assert_true(got.max_state >= largest && isfinite(got.max_state));
    assert_true(seen.steps == 4 && seen.cuts == NCA_CUT_COUNT && seen.wholes == 1);
    assert_true(seen.first[0] == 0 && seen.first[2] == 0 && seen.first[3] == 1);
    // What was never there is not healed.
    options.progress = NULL, options.look = NULL;
    assert_true(got.whole.min > nca_task_grow.good_loss &&
                got.cut[NCA_CUT_CENTER].seeds_healed > 0);
    assert_ok(nca_evaluate(&model, &nca_task_grow, &growth, &options, &on, &got, error));
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        assert_int_equal(got.cut[cut].seeds_healed, 0);
    nca_compute_close(&on);
    nca_model_free(&model);
    free(pixels);
}

static void test_cuts_and_long_run_can_be_left_out(void **state)
{
    (void)state;
    nca_evaluate_options options = some_options();
    nca_evaluation got;
    nca_compute on;
    nca_model model = make_model();
    float *pixels = uniform(SIDE * SIDE * 4, 3, 0.5);
    const nca_growth growth = {.target = {SIDE, SIDE, pixels}};
    options.cuts = false, options.circles = 0, options.long_run = 0, options.steps_count = 2;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    assert_ok(nca_evaluate(&model, &nca_task_grow, &growth, &options, &on, &got, error));
    assert_true(!got.has_cuts && got.circles == 0 && got.long_run == 0 && got.steps_count == 2);
    options.circles = 1;
    assert_ok(nca_evaluate(&model, &nca_task_grow, &growth, &options, &on, &got, error));
    assert_true(!got.has_cuts && got.circles == 1 && isfinite(got.circle[0].loss.median));
    nca_compute_close(&on);
    nca_model_free(&model);
    free(pixels);
}

// Death and explosion are figures too.
static void test_a_rule_that_dies_or_explodes_is_judged(void **state)
{
    (void)state;
    const size_t bias = nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).offset[NCA_OUTPUT_BIAS];
    nca_evaluate_options options = some_options();
    nca_evaluation got;
    nca_compute on;
    nca_model model = make_model();
    float *pixels = uniform(SIDE * SIDE * 4, 3, 0.5);
    const nca_growth growth = {.target = {SIDE, SIDE, pixels}};
    options.cuts = false, options.circles = 0;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    model.parameters[bias + NCA_ALPHA] = -9;
    assert_ok(nca_evaluate(&model, &nca_task_grow, &growth, &options, &on, &got, error));
    assert_true(got.long_run_dead == SEEDS && got.long_run_max_state == 0);
    assert_true(got.dead_at[0] == 0 && got.dead_at[3] == SEEDS);
    assert_true(got.max_state <= NCA_STATE_BOUND);
    // Channel 1 is beyond f32 after two updates of every cell.
    memset(model.parameters, 0, bias * sizeof(float));   // all weights
    model.parameters[bias + NCA_ALPHA] = 1;
    model.parameters[bias + 1] = 3e38f;
    options.steps[0] = 1, options.steps[1] = options.long_run = 2, options.steps_count = 2;
    options.fire_rate = options.step_size = 1;
    assert_ok(nca_evaluate(&model, &nca_task_grow, &growth, &options, &on, &got, error));
    assert_true(got.loss_at[0].median > 70 && isfinite(got.loss_at[0].max));
    assert_true(isinf(got.loss_at[1].min) && isinf(got.long_run_loss.min));
    assert_true(!isfinite(got.long_run_max_state) && got.long_run_dead == 0);
    assert_true(!isfinite(got.max_state));
    nca_compute_close(&on);
    nca_model_free(&model);
    free(pixels);
}

// What is no number is dead a step later: at the moments that are measured nothing is left of it.
static void test_an_explosion_that_ends_in_death_is_seen(void **state)
{
    (void)state;
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(8, 16));
    nca_evaluate_options options = some_options();
    nca_evaluation got;
    nca_compute on;
    nca_model model = make_model();
    float *pixels = uniform(SIDE * SIDE * 4, 3, 0.5);
    const nca_growth growth = {.target = {SIDE, SIDE, pixels}};
    options.cuts = false, options.circles = 0, options.long_run = 0;
    options.steps[0] = 100, options.steps_count = 1;
    for (size_t i = 0; i < layout.size[NCA_OUTPUT_WEIGHT]; i++)
        model.parameters[layout.offset[NCA_OUTPUT_WEIGHT] + i] *= 1000;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    assert_ok(nca_evaluate(&model, &nca_task_grow, &growth, &options, &on, &got, error));
    assert_int_equal(got.dead_at[0], SEEDS);
    assert_true(isfinite(got.loss_at[0].max) && !(got.max_state <= NCA_STATE_BOUND));
    nca_compute_close(&on);
    nca_model_free(&model);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cuts_clear_exactly_their_cells),
        cmocka_unit_test(test_spread_is_median_and_range),
        cmocka_unit_test(test_healed_is_within_a_factor_of_two),
        cmocka_unit_test(test_figures_are_those_of_plain_rollouts),
        cmocka_unit_test(test_cuts_and_long_run_can_be_left_out),
        cmocka_unit_test(test_a_rule_that_dies_or_explodes_is_judged),
        cmocka_unit_test(test_an_explosion_that_ends_in_death_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
