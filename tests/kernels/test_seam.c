// The cpu backend against the f64 reference through the seam: rollouts, losses, gradients and
// updates on odd shapes, and what goes into pool and batch. Every number a caller can see.
#include "support.h"
#include "verify/cases.h"

// Some 1e-7 comes of f32 over a few steps; a wrong term makes 1e-2.
static const double allowance = 1e-5;

// What f64 goes through in a moment.
enum { CELL_STEPS_MAX = 25000 };

static bool is_tested(const nca_case *test_case)
{
    return nca_case_cell_steps(test_case) <= CELL_STEPS_MAX;
}

// A session that has gone forward and backward; owned, but for `on`.
typedef struct passed_case {
    const nca_compute *on;
    nca_session *session;
    float *states, *gradient, *state_gradient;
    nca_sample_report samples[7];
    nca_pass_report forward, backward;
} passed_case;

static passed_case pass(const nca_compute *on, const nca_case *test_case,
                        const nca_case_start *from)
{
    const nca_shape *shape = &test_case->shape;
    const nca_rollout rollout = nca_case_rollout(test_case, from);
    passed_case got = {.on = on, .session = open_session(on, shape)};
    write_buffer(on, got.session, NCA_PARAMETERS, total_of(shape), from->parameters);
    write_buffer(on, got.session, NCA_BATCH, batch_of(shape), from->states);
    const nca_buffer target = nca_case_target(shape);
    write_buffer(on, got.session, target, nca_buffer_elements(shape, target), from->target);
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

static void close_passed(passed_case *passed)
{
    passed->on->backend->destroy(passed->session);
    free(passed->states);
    free(passed->gradient);
    free(passed->state_gradient);
}

static void compare_samples(const nca_case *test_case, const passed_case *got,
                            const passed_case *expected)
{
    for (int b = 0; b < test_case->shape.batch; b++) {
        const nca_sample_report *a = &got->samples[b], *e = &expected->samples[b];
        if (!(fabs(a->loss - e->loss) <= 1e-6 * e->loss) || a->alive_cells != e->alive_cells ||
            !(fabs(a->max_state - e->max_state) <= 1e-5 * e->max_state))
            fail_msg("%s: sample %d: loss %g %g, living %d %d, largest %g %g", test_case->name, b,
                     a->loss, e->loss, a->alive_cells, e->alive_cells, a->max_state, e->max_state);
    }
    // Active cells are some of all, and what goes back is no more than what went forward.
    assert_true(got->forward.cell_steps == expected->forward.cell_steps);
    assert_true(got->forward.active_cells <= got->forward.cell_steps);
    assert_true(got->backward.active_cells <= got->forward.active_cells);
}

static void compare_passed(const nca_case *test_case, const passed_case *got,
                           const passed_case *expected)
{
    const nca_shape *shape = &test_case->shape;
    const nca_layout layout = nca_layout_of(&shape->spec);
    char what[96];
    for (size_t i = 0; i < batch_of(shape); i++)   // the same cells are cleared
        assert_true((got->states[i] == 0) == (expected->states[i] == 0));
    assert_close(got->states, expected->states, batch_of(shape), allowance, test_case->name);
    compare_samples(test_case, got, expected);
    if (shape->tape_steps == 0)
        return;
    for (int t = 0; t < layout.tensors; t++) {
        snprintf(what, sizeof what, "%s: gradient of tensor %d", test_case->name, t);
        assert_false(layout.size[t] > 0 &&
                     is_all_zero(expected->gradient + layout.offset[t], layout.size[t]));
        assert_close(got->gradient + layout.offset[t], expected->gradient + layout.offset[t],
                     layout.size[t], allowance, what);
    }
    assert_close(got->state_gradient, expected->state_gradient, batch_of(shape), allowance,
                 test_case->name);
}

static void check_case(const nca_case *test_case, const nca_compute *on,
                       const nca_compute *reference)
{
    nca_case_start from;
    assert_ok(nca_case_begin(test_case, &from, error));
    passed_case expected = pass(reference, test_case, &from), got = pass(on, test_case, &from);
    assert_false(is_all_zero(expected.states, batch_of(&test_case->shape)));
    compare_passed(test_case, &got, &expected);
    close_passed(&got);
    close_passed(&expected);
    nca_case_free(&from);
}

static void test_rollouts_match_the_reference(void **state)
{
    (void)state;
    nca_compute reference = open_reference(), on;
    for (int i = 0; isas[i]; i++)
        if (open_cpu(isas[i], 2, &on)) {
            for (const nca_case *test_case = nca_cases; test_case->name; test_case++)
                if (is_tested(test_case))
                    check_case(test_case, &on, &reference);
            nca_compute_close(&on);
        }
    nca_compute_close(&reference);
}

// The loud cases do what they are for: a backend that left dead cells out would clear living ones.
static void test_loud_dead_cells_decide_who_lives(void **state)
{
    (void)state;
    nca_compute reference = open_reference();
    for (const nca_case *test_case = nca_cases; test_case->name; test_case++) {
        if (!(test_case->kind & NCA_CASE_LOUD) || !is_tested(test_case))
            continue;
        nca_case_start from;
        assert_ok(nca_case_begin(test_case, &from, error));
        passed_case speaking = pass(&reference, test_case, &from);
        const size_t bias =
            nca_layout_of(&test_case->shape.spec).offset[NCA_OUTPUT_BIAS] + NCA_ALPHA;
        from.parameters[bias] = 0;
        passed_case silent = pass(&reference, test_case, &from);
        int more = 0;
        for (int b = 0; b < test_case->shape.batch; b++)
            more += speaking.samples[b].alive_cells - silent.samples[b].alive_cells;
        assert_true(more > 0);
        close_passed(&speaking);
        close_passed(&silent);
        nca_case_free(&from);
    }
    nca_compute_close(&reference);
}

static const nca_optimizer_step updates[] = {
    {.transforms = 0},
    {.transforms = 1, .transform = {{NCA_GRADIENT_NORMALIZE, 0}}},
    {.transforms = 1, .transform = {{NCA_GRADIENT_CLIP, 1e-3}}},
    {.transforms = 1, .transform = {{NCA_GRADIENT_GLOBAL, 1e-2}}},
    {.transforms = 1, .transform = {{NCA_GRADIENT_GLOBAL, 1e9}}},
    {.transforms = 2, .transform = {{NCA_GRADIENT_NORMALIZE, 0}, {NCA_GRADIENT_CLIP, 0.02}}},
    {.transforms = 2, .transform = {{NCA_GRADIENT_CLIP, 1e-3}, {NCA_GRADIENT_NORMALIZE, 0}}},
    {.transforms = 2, .transform = {{NCA_GRADIENT_GLOBAL, 1e-2}, {NCA_GRADIENT_CLIP, 1e-3}}},
    {.transforms = 4,
     .transform = {{NCA_GRADIENT_CLIP, 1e-3},
                   {NCA_GRADIENT_GLOBAL, 5e-3},
                   {NCA_GRADIENT_NORMALIZE, 0},
                   {NCA_GRADIENT_CLIP, 0.02}}},
};

static void compare_after_update(const passed_case *got, const passed_case *expected, size_t total)
{
    static const nca_buffer buffers[] = {NCA_PARAMETERS, NCA_OPTIMIZER, NCA_OPTIMIZER,
                                         NCA_GRADIENT};
    static const char *const names[] = {"parameters", "mean", "square", "raw gradient"};
    for (int i = 0; i < 4; i++) {
        const size_t first = i == 2 ? total : 0;
        float *a = read_part(got->on, got->session, buffers[i], first, total);
        float *e = read_part(expected->on, expected->session, buffers[i], first, total);
        assert_close(a, e, total, allowance, names[i]);
        free(a), free(e);
    }
}

// Two updates with one gradient, so that moments and Adam's time count.
static void update_both(passed_case *got, passed_case *expected, nca_optimizer_step step,
                        size_t total)
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
    static const char *const some[] = {"3x5", "17x13-4-channels", "17x13-20-channels"};
    nca_compute reference = open_reference(), on;
    if (!open_cpu(isas[0], 2, &on))
        return;
    for (size_t c = 0; c < sizeof some / sizeof *some; c++) {
        const nca_case *test_case = nca_case_find(some[c]);
        assert_non_null(test_case);
        nca_case_start from;
        assert_ok(nca_case_begin(test_case, &from, error));
        for (size_t u = 0; u < sizeof updates / sizeof *updates; u++) {
            passed_case expected = pass(&reference, test_case, &from),
                        got = pass(&on, test_case, &from);
            update_both(&got, &expected, updates[u], total_of(&test_case->shape));
            close_passed(&got);
            close_passed(&expected);
        }
        nca_case_free(&from);
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
