// The cpu backend against the f64 reference through the seam: rollouts, losses, gradients and
// updates on odd shapes, and what goes into pool and batch. Every number a caller can see.
#include "support.h"

// Some 1e-7 comes of f32 over a few steps; a wrong term makes 1e-2.
static const double allowance = 1e-5;

typedef struct seam_case {
    const char *name;
    nca_shape shape;
    double fire_rate, angle, step_size;
    int first_step;
    bool is_given;   // the fire bits are the caller's
    bool is_loud;    // dead cells propose alpha above the threshold, living ones below
} seam_case;

static const seam_case seam_cases[] = {
    {"one cell", {1, 1, 1, 16, 128, 2, 3}, 1, 0, 1, 0, false, false},
    {"one cell, batch 7", {7, 1, 1, 4, 4, 7, 3}, 0.2, 0.4, 1, 5, false, false},
    {"3x5", {7, 3, 5, 16, 64, 9, 5}, 0.2, 0, 1, 0, false, false},
    {"3x5, all fire", {1, 3, 5, 16, 192, 1, 5}, 1, 0, 1, 0, false, false},
    {"17x13, angle", {1, 17, 13, 16, 128, 1, 9}, 0.5, 0.7, 1, 3, false, false},
    {"13x17, given bits", {2, 13, 17, 16, 128, 3, 6}, 0.5, 2.5, 0.5, 0, true, false},
    {"17x13, 4 channels", {2, 17, 13, 4, 4, 2, 6}, 1, -1.1, 0.25, 0, false, false},
    {"17x13, 8 channels", {7, 17, 13, 8, 64, 7, 4}, 0.2, 0, 2, 900, false, false},
    {"17x13, 20 channels", {1, 17, 13, 20, 132, 2, 5}, 0.5, 0.3, 1, 0, false, false},
    {"132 hidden", {2, 9, 9, 16, 132, 2, 5}, 1, 0, 1, 0, false, false},
    {"a row", {1, 1, 41, 16, 128, 1, 6}, 0.5, 0, 1, 0, false, false},
    {"a column", {1, 41, 1, 16, 128, 1, 6}, 0.5, 0, 1, 0, false, false},
    {"no steps", {2, 5, 4, 16, 64, 2, 0}, 0.5, 0, 1, 0, false, false},
    {"loud dead cells", {3, 17, 13, 16, 128, 1, 4}, 0.5, 0, 1, 0, false, true},
    {"loud dead cells, all fire", {1, 11, 12, 4, 8, 1, 3}, 1, 0.2, 1, 0, true, true},
    {"loud dead cells, 20 channels", {7, 5, 9, 20, 64, 1, 3}, 0.2, 0, 0.5, 0, false, true},
};
enum { SEAM_CASES = sizeof seam_cases / sizeof *seam_cases };

// What a case starts from; owned.
typedef struct given {
    float *parameters, *states, *target;
    uint8_t *fire;
} given;

static void free_given(given *of)
{
    free(of->parameters);
    free(of->states);
    free(of->target);
    free(of->fire);
}

// Few living cells of low alpha, which a rule of -5 alpha + 0.2 lowers below the threshold and
// lifts dead ones above it: who lives on hangs on dead neighbours that fire.
static void make_loud(const nca_shape *shape, given *of)
{
    const size_t channels = (size_t)shape->channels, inputs = NCA_PERCEIVED * channels;
    const nca_layout layout = nca_layout_of(shape->channels, shape->hidden);
    for (size_t i = 0; i < batch_of(shape) / channels; i++)
        of->states[i * channels + NCA_ALPHA] = i % 11 == 3 ? 0.12f : 0.01f * (float)(i % 5);
    of->parameters[layout.offset[NCA_HIDDEN_WEIGHT] + NCA_ALPHA] = 5;
    for (size_t k = 0; k < inputs; k++)
        if (k != NCA_ALPHA)
            of->parameters[layout.offset[NCA_HIDDEN_WEIGHT] + k] = 0;
    of->parameters[layout.offset[NCA_HIDDEN_BIAS]] = 0;
    of->parameters[layout.offset[NCA_OUTPUT_WEIGHT] + NCA_ALPHA * (size_t)shape->hidden] = -1;
    of->parameters[layout.offset[NCA_OUTPUT_BIAS] + NCA_ALPHA] = 0.25f;
}

// Draws in which no hidden unit comes so near to its change of sign that f32 takes the other side:
// one such unit in one cell counts some 1e-4 of the gradient.
static given make_given(const seam_case *of)
{
    const nca_shape *shape = &of->shape;
    const uint32_t draw = 10 + 10 * (uint32_t)(of - seam_cases);
    given made = {.parameters = uniform(total_of(shape), draw, of->is_loud ? 0.03 : 0.08),
                  .states = mixed_states(shape, draw + 1),
                  .target = uniform(cells_of(shape) * NCA_VISIBLE, draw + 2, 0.5)};
    if (of->is_given)
        made.fire = draw_bits((size_t)shape->tape_steps * (size_t)shape->batch * cells_of(shape),
                              draw + 3, of->fire_rate);
    if (of->is_loud)
        make_loud(shape, &made);
    return made;
}

static nca_rollout rollout_of(const seam_case *of, const given *from)
{
    return (nca_rollout){.steps = of->shape.tape_steps,
                         .first_step = of->first_step,
                         .key = {.seed = 0x123456789abcdef0u, .update = 77},
                         .fire_rate = of->fire_rate,
                         .angle = of->angle,
                         .step_size = of->step_size,
                         .alive_threshold = NCA_ALIVE_THRESHOLD,
                         .fire = from->fire,
                         .keep_tape = of->shape.tape_steps > 0};
}

// A session that has gone forward and backward; owned, but for `on`.
typedef struct passed {
    const nca_compute *on;
    nca_session *session;
    float *states, *gradient, *state_gradient;
    nca_sample_report samples[7];
    nca_pass_report forward, backward;
} passed;

static passed pass(const nca_compute *on, const seam_case *of, const given *from)
{
    const nca_shape *shape = &of->shape;
    const nca_rollout rollout = rollout_of(of, from);
    passed got = {.on = on, .session = open_session(on, shape)};
    write_buffer(on, got.session, NCA_PARAMETERS, total_of(shape), from->parameters);
    write_buffer(on, got.session, NCA_BATCH, batch_of(shape), from->states);
    write_buffer(on, got.session, NCA_TARGET, cells_of(shape) * NCA_VISIBLE, from->target);
    assert_ok(on->backend->forward(got.session, &rollout, &got.forward, error));
    assert_ok(on->backend->loss(got.session, got.samples, error));
    got.states = read_buffer(on, got.session, NCA_BATCH, batch_of(shape));
    if (shape->tape_steps == 0)
        return got;
    assert_ok(on->backend->backward(got.session, &got.backward, error));
    got.gradient = read_buffer(on, got.session, NCA_GRADIENT, total_of(shape));
    got.state_gradient = read_buffer(on, got.session, NCA_BATCH_GRADIENT, batch_of(shape));
    return got;
}

static void close_passed(passed *of)
{
    of->on->backend->destroy(of->session);
    free(of->states);
    free(of->gradient);
    free(of->state_gradient);
}

static void compare_samples(const seam_case *of, const passed *got, const passed *expected)
{
    for (int b = 0; b < of->shape.batch; b++) {
        const nca_sample_report *a = &got->samples[b], *e = &expected->samples[b];
        if (!(fabs(a->loss - e->loss) <= 1e-6 * e->loss) || a->alive_cells != e->alive_cells ||
            !(fabs(a->max_state - e->max_state) <= 1e-5 * e->max_state))
            fail_msg("%s: sample %d: loss %g %g, living %d %d, largest %g %g", of->name, b, a->loss,
                     e->loss, a->alive_cells, e->alive_cells, a->max_state, e->max_state);
    }
    // Active cells are some of all, and what goes back is no more than what went forward.
    assert_true(got->forward.cell_steps == expected->forward.cell_steps);
    assert_true(got->forward.active_cells <= got->forward.cell_steps);
    assert_true(got->backward.active_cells <= got->forward.active_cells);
}

static void compare_passed(const seam_case *of, const passed *got, const passed *expected)
{
    const nca_shape *shape = &of->shape;
    const nca_layout layout = nca_layout_of(shape->channels, shape->hidden);
    char what[96];
    for (size_t i = 0; i < batch_of(shape); i++)   // the same cells are cleared
        assert_true((got->states[i] == 0) == (expected->states[i] == 0));
    assert_close(got->states, expected->states, batch_of(shape), allowance, of->name);
    compare_samples(of, got, expected);
    if (shape->tape_steps == 0)
        return;
    for (int t = 0; t < NCA_TENSORS; t++) {
        snprintf(what, sizeof what, "%s: gradient of tensor %d", of->name, t);
        assert_false(is_all_zero(expected->gradient + layout.offset[t], layout.size[t]));
        assert_close(got->gradient + layout.offset[t], expected->gradient + layout.offset[t],
                     layout.size[t], allowance, what);
    }
    assert_close(got->state_gradient, expected->state_gradient, batch_of(shape), allowance,
                 of->name);
}

static void check_case(const seam_case *of, const nca_compute *on, const nca_compute *reference)
{
    given from = make_given(of);
    passed expected = pass(reference, of, &from), got = pass(on, of, &from);
    assert_false(is_all_zero(expected.states, batch_of(&of->shape)));
    compare_passed(of, &got, &expected);
    close_passed(&got);
    close_passed(&expected);
    free_given(&from);
}

static void test_rollouts_match_the_reference(void **state)
{
    (void)state;
    nca_compute reference = open_reference(), on;
    for (int i = 0; isas[i]; i++)
        if (open_cpu(isas[i], 2, &on)) {
            for (int c = 0; c < SEAM_CASES; c++)
                check_case(&seam_cases[c], &on, &reference);
            nca_compute_close(&on);
        }
    nca_compute_close(&reference);
}

// The loud cases do what they are for: a backend that left dead cells out would clear living ones.
static void test_loud_dead_cells_decide_who_lives(void **state)
{
    (void)state;
    nca_compute reference = open_reference();
    for (int c = 0; c < SEAM_CASES; c++) {
        const seam_case *of = &seam_cases[c];
        if (!of->is_loud)
            continue;
        given from = make_given(of);
        passed speaking = pass(&reference, of, &from);
        const size_t bias =
            nca_layout_of(of->shape.channels, of->shape.hidden).offset[NCA_OUTPUT_BIAS] + NCA_ALPHA;
        from.parameters[bias] = 0;
        passed silent = pass(&reference, of, &from);
        int more = 0;
        for (int b = 0; b < of->shape.batch; b++)
            more += speaking.samples[b].alive_cells - silent.samples[b].alive_cells;
        assert_true(more > 0);
        close_passed(&speaking);
        close_passed(&silent);
        free_given(&from);
    }
    nca_compute_close(&reference);
}

static const nca_optimizer_step updates[] = {
    {.rules = 0},
    {.rules = 1, .rule = {{NCA_GRADIENT_NORMALIZE, 0}}},
    {.rules = 1, .rule = {{NCA_GRADIENT_CLIP, 1e-3}}},
    {.rules = 1, .rule = {{NCA_GRADIENT_GLOBAL, 1e-2}}},
    {.rules = 1, .rule = {{NCA_GRADIENT_GLOBAL, 1e9}}},
    {.rules = 2, .rule = {{NCA_GRADIENT_NORMALIZE, 0}, {NCA_GRADIENT_CLIP, 0.02}}},
    {.rules = 2, .rule = {{NCA_GRADIENT_CLIP, 1e-3}, {NCA_GRADIENT_NORMALIZE, 0}}},
    {.rules = 2, .rule = {{NCA_GRADIENT_GLOBAL, 1e-2}, {NCA_GRADIENT_CLIP, 1e-3}}},
    {.rules = 4,
     .rule = {{NCA_GRADIENT_CLIP, 1e-3},
              {NCA_GRADIENT_GLOBAL, 5e-3},
              {NCA_GRADIENT_NORMALIZE, 0},
              {NCA_GRADIENT_CLIP, 0.02}}},
};

static void compare_after_update(const passed *got, const passed *expected, size_t total)
{
    static const nca_buffer buffers[] = {NCA_PARAMETERS, NCA_MOMENT1, NCA_MOMENT2, NCA_GRADIENT};
    static const char *const names[] = {"parameters", "moment 1", "moment 2", "raw gradient"};
    for (int i = 0; i < 4; i++) {
        float *a = read_buffer(got->on, got->session, buffers[i], total);
        float *e = read_buffer(expected->on, expected->session, buffers[i], total);
        assert_close(a, e, total, allowance, names[i]);
        free(a), free(e);
    }
}

// Two updates with one gradient, so that moments and Adam's time count.
static void update_both(passed *got, passed *expected, nca_optimizer_step step, size_t total)
{
    step.rate = 2e-3, step.beta1 = 0.9, step.beta2 = 0.999, step.epsilon = 1e-3;
    for (step.time = 1; step.time <= 2; step.time++) {
        nca_update_report a, e;
        write_buffer(got->on, got->session, NCA_GRADIENT, total, expected->gradient);
        write_buffer(expected->on, expected->session, NCA_GRADIENT, total, expected->gradient);
        assert_ok(got->on->backend->update(got->session, &step, &a, error));
        assert_ok(expected->on->backend->update(expected->session, &step, &e, error));
        assert_true(a.applied && e.applied);
        assert_true(fabs(a.parameter_max - e.parameter_max) <= 1e-6 * e.parameter_max);
        for (int t = 0; t < NCA_TENSORS; t++)
            assert_true(fabs(a.gradient_norm[t] - e.gradient_norm[t]) <= 1e-6 * e.gradient_norm[t]);
        compare_after_update(got, expected, total);
    }
}

static void test_updates_match_the_reference(void **state)
{
    (void)state;
    static const int some[] = {2, 6, 8};
    nca_compute reference = open_reference(), on;
    if (!open_cpu(isas[0], 2, &on))
        return;
    for (size_t c = 0; c < sizeof some / sizeof *some; c++) {
        const seam_case *of = &seam_cases[some[c]];
        given from = make_given(of);
        for (size_t u = 0; u < sizeof updates / sizeof *updates; u++) {
            passed expected = pass(&reference, of, &from), got = pass(&on, of, &from);
            update_both(&got, &expected, updates[u], total_of(&of->shape));
            close_passed(&got);
            close_passed(&expected);
        }
        free_given(&from);
    }
    nca_compute_close(&on);
    nca_compute_close(&reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rollouts_match_the_reference),
        cmocka_unit_test(test_loud_dead_cells_decide_who_lives),
        cmocka_unit_test(test_updates_match_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
