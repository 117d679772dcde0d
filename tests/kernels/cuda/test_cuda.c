// The CUDA backend on the emulated device, and where there is a GPU on that: both paths against the
// cpu and the reference, and against themselves in shuffled orders and with thinned tapes. Training
// is compared through the program, by emulated.sh and scripts/gpu_check.sh.
#include "device_under_test.h"
#include "launches.h"
#include "model/session.h"
#include "verify/cases.h"

static const char *const paths[] = {"fused", "cublas"};

static nca_compute open_any_cpu(void)
{
    const nca_device_options options = {.threads = 1};
    nca_compute on;
    assert_ok(nca_compute_open("cpu", &options, &on, error));
    return on;
}

// -- Against the other backends

// What the emulator goes through with every access checked, in some seconds.
enum { CELL_STEPS_MAX = 40000, REFERENCE_MAX = 20000 };

static bool is_tested(const nca_case *test_case)
{
    return nca_case_cell_steps(test_case) <= CELL_STEPS_MAX;
}

static bool is_for(const nca_case *test_case, const char *path)
{
    const nca_spec *spec = &test_case->shape.spec;
    return strcmp(path, "cublas") == 0 ||
           (spec->channels == 16 && spec->hidden[0] == 128 && spec->perception != NCA_MOORE &&
            test_case->shape.objective.kind != NCA_GIVEN);
}

static const nca_case *find_case(const char *name)
{
    const nca_case *const found = nca_case_find(name);
    assert_non_null(found);
    return found;
}

// Everything that comes out of a rollout, its gradients and an update.
typedef struct cuda_result {
    float *states, *gradient, *batch_gradient, *parameters;
    nca_sample_report samples[8];
    float *kept;
    nca_pass_report forward, backward;
    nca_update_report update;
} cuda_result;

static void free_result(cuda_result *result)
{
    free(result->states);
    free(result->gradient);
    free(result->batch_gradient);
    free(result->parameters);
    free(result->kept);
}

static nca_session *open_case(const nca_case *test_case, const nca_case_start *start,
                              const nca_compute *on)
{
    const nca_shape *shape = &test_case->shape;
    nca_session *session = open_session(on, shape);
    write_buffer(on, session, NCA_PARAMETERS, total_of(shape), start->parameters);
    write_buffer(on, session, NCA_BATCH, batch_of(shape), start->states);
    const nca_buffer target = nca_case_target(shape);
    write_buffer(on, session, target, nca_buffer_elements(shape, target), start->target);
    return session;
}

static cuda_result compute(const nca_case *test_case, const nca_compute *on)
{
    const nca_shape *shape = &test_case->shape;
    nca_case_start start;
    assert_ok(nca_case_begin(test_case, &start, error));
    const nca_rollout rollout = nca_case_rollout(test_case, &start);
    const nca_optimizer_step step = {
        .time = 3,
        .rate = 0.01,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-7,
        .transforms = 2,
        .transform = {{NCA_GRADIENT_NORMALIZE, 0}, {NCA_GRADIENT_CLIP, 0.02}}};
    nca_session *session = open_case(test_case, &start, on);
    cuda_result got = {0};
    assert_ok(on->backend->forward(session, &rollout, &got.forward, error));
    nca_case_free(&start);
    assert_ok(on->backend->loss(session, got.samples, error));
    got.states = read_buffer(on, session, NCA_BATCH, batch_of(shape));
    got.kept = read_buffer(on, session, NCA_KEPT, nca_buffer_elements(shape, NCA_KEPT));
    if (shape->tape_steps > 0) {
        assert_ok(on->backend->backward(session, &got.backward, error));
        assert_ok(on->backend->update(session, &step, &got.update, error));
        got.gradient = read_buffer(on, session, NCA_GRADIENT, total_of(shape));
        got.batch_gradient = read_buffer(on, session, NCA_BATCH_GRADIENT, batch_of(shape));
        got.parameters = read_buffer(on, session, NCA_PARAMETERS, total_of(shape));
    }
    on->backend->destroy(session);
    return got;
}

static void compare_samples(const nca_case *test_case, const cuda_result *got,
                            const cuda_result *expected)
{
    for (int b = 0; b < test_case->shape.batch; b++) {
        const nca_sample_report *a = &got->samples[b], *e = &expected->samples[b];
        if (!(fabs(a->loss - e->loss) <= 1e-6 * e->loss) || a->alive_cells != e->alive_cells ||
            !(fabs(a->max_state - e->max_state) <= 1e-5 * e->max_state))
            fail_msg("%s: sample %d: loss %g %g, living %d %d, largest %g %g", test_case->name, b,
                     a->loss, e->loss, a->alive_cells, e->alive_cells, a->max_state, e->max_state);
    }
}

// `is_cpu`: the expected also counts active cells.
static void compare(const nca_case *test_case, const cuda_result *got, const cuda_result *expected,
                    bool is_cpu)
{
    const nca_shape *shape = &test_case->shape;
    const nca_layout layout = nca_layout_of(&shape->spec);
    for (size_t i = 0; i < batch_of(shape); i++)
        if ((got->states[i] == 0) != (expected->states[i] == 0))
            fail_msg("%s: element %zu is %g and not %g", test_case->name, i, got->states[i],
                     expected->states[i]);
    assert_close(got->states, expected->states, batch_of(shape), 1e-6, test_case->name);
    for (int i = 0; i < shape->kept; i++)
        assert_close(got->kept + (size_t)i * batch_of(shape),
                     expected->kept + (size_t)i * batch_of(shape), batch_of(shape), 1e-6,
                     test_case->name);
    compare_samples(test_case, got, expected);
    if (is_cpu)
        assert_true(got->forward.active_cells == expected->forward.active_cells &&
                    got->backward.active_cells == expected->backward.active_cells &&
                    got->forward.mlp_flop == expected->forward.mlp_flop);
    for (int t = 0; t < layout.tensors && shape->tape_steps > 0; t++) {
        assert_close(got->gradient + layout.offset[t], expected->gradient + layout.offset[t],
                     layout.size[t], 1e-5, test_case->name);
        assert_true(fabs(got->update.gradient_norm[t] - expected->update.gradient_norm[t]) <=
                    1e-5 * expected->update.gradient_norm[t]);
    }
    if (shape->tape_steps == 0)
        return;
    assert_close(got->batch_gradient, expected->batch_gradient, batch_of(shape), 1e-5,
                 test_case->name);
    assert_true(got->update.applied && expected->update.applied);
    assert_close(got->parameters, expected->parameters, layout.total, 1e-4, test_case->name);
}

static void test_both_paths_match_cpu_and_reference(void **state)
{
    (void)state;
    nca_compute cpu = open_any_cpu(), reference = open_reference();
    for (const nca_case *test_case = nca_cases; test_case->name; test_case++) {
        if (!is_tested(test_case))
            continue;
        cuda_result by_cpu = compute(test_case, &cpu), by_reference = {0};
        if (nca_case_cell_steps(test_case) <= REFERENCE_MAX)
            by_reference = compute(test_case, &reference);
        for (int i = 0; i < 2; i++) {
            if (!is_for(test_case, paths[i]))
                continue;
            nca_compute on = open_device(paths[i], 0);
            cuda_result got = compute(test_case, &on);
            compare(test_case, &got, &by_cpu, true);
            if (by_reference.states)
                compare(test_case, &got, &by_reference, false);
            free_result(&got);
            nca_compute_close(&on);
        }
        free_result(&by_cpu);
        free_result(&by_reference);
    }
    nca_compute_close(&cpu);
    nca_compute_close(&reference);
}

// A cell whose alpha is near the threshold may live in one and die in the other, with its
// neighbours.
static bool is_about(uint64_t got, uint64_t expected)
{
    return fabs((double)got - (double)expected) <= 0.05 * (double)expected;
}

// What the kernels for tensor cores touch; test_precision.c is about their numbers. A thousandth
// and a hundredth are a few roundoffs.
static void test_reduced_precisions_are_near_the_cpu(void **state)
{
    (void)state;
    static const struct {
        const char *precision;
        double allowance;
    } ways[] = {{"tf32", 1e-3}, {"bf16", 1e-2}};
    const nca_case *test_case = nca_case_find("17x13-angle");
    nca_compute cpu = open_any_cpu();
    cuda_result expected = compute(test_case, &cpu);
    for (int i = 0; i < 2; i++) {
        nca_compute on = open_device_as("fused", ways[i].precision, 2);
        cuda_result got = compute(test_case, &on);
        assert_close(got.states, expected.states, batch_of(&test_case->shape), ways[i].allowance,
                     test_case->name);
        assert_true(is_about(got.forward.active_cells, expected.forward.active_cells) &&
                    is_about(got.backward.active_cells, expected.backward.active_cells));
        free_result(&got);
        nca_compute_close(&on);
    }
    free_result(&expected);
    nca_compute_close(&cpu);
}

static void assert_same(const nca_case *test_case, const cuda_result *a, const cuda_result *b)
{
    assert_memory_equal(a->states, b->states, batch_of(&test_case->shape) * sizeof(float));
    assert_memory_equal(a->gradient, b->gradient, total_of(&test_case->shape) * sizeof(float));
    assert_memory_equal(a->batch_gradient, b->batch_gradient,
                        batch_of(&test_case->shape) * sizeof(float));
    assert_memory_equal(a->parameters, b->parameters, total_of(&test_case->shape) * sizeof(float));
    assert_memory_equal(a->kept, b->kept,
                        nca_buffer_elements(&test_case->shape, NCA_KEPT) * sizeof(float));
    assert_true(a->forward.active_cells == b->forward.active_cells);
}

// Neither the order of blocks, warps and lanes nor a thinned tape changes a bit.
static void test_orders_and_thinned_tapes_give_the_same_bits(void **state)
{
    (void)state;
    if (IS_SANITIZED)   // about numbers, by kernels that have run before
        skip();
    static const char *const chosen[] = {"17x13-angle", "loud", "digits-squared", "kept-steps"};
    static const struct {
        uint64_t seed;
        int every;
    } ways[] = {{1, 0}, {7, 0}, {12345, 0}, {0, 1}, {0, 2}, {0, 3}, {0, 100}, {9, 2}};
    for (int i = 0; i < 2; i++)
        for (size_t c = 0; c < 4; c++) {
            const nca_case *test_case = find_case(chosen[c]);
            if (!is_for(test_case, paths[i]))
                continue;
            nca_compute plain = open_device(paths[i], 0);
            order_by(0);
            cuda_result expected = compute(test_case, &plain);
            for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
                nca_compute on = open_device(paths[i], ways[w].every);
                order_by(ways[w].seed);
                // Here steps forward are followed by steps backward, and may overlap with them.
                check_accesses(ways[w].every == 3);
                cuda_result got = compute(test_case, &on);
                order_by(0);
                check_accesses(false);
                assert_same(test_case, &got, &expected);
                free_result(&got);
                nca_compute_close(&on);
            }
            free_result(&expected);
            nca_compute_close(&plain);
        }
}

// After every one of 32 steps the same cells are alive, as many were active, and states agree.
static void test_masks_are_the_cpus_in_every_step(void **state)
{
    (void)state;
    if (IS_SANITIZED)   // about numbers, by kernels that have run before
        skip();
    const nca_case *test_case = find_case("24x24-32-steps");
    const nca_shape *shape = &test_case->shape;
    nca_case_start start;
    assert_ok(nca_case_begin(test_case, &start, error));
    nca_compute cpu = open_any_cpu();
    for (int i = 0; i < 2; i++) {
        nca_compute on = open_device(paths[i], 0);
        nca_session *a = open_case(test_case, &start, &on), *e = open_case(test_case, &start, &cpu);
        for (int step = 0; step < 32; step++) {
            nca_rollout rollout = nca_case_rollout(test_case, &start);
            nca_pass_report got, expected;
            rollout.steps = 1;
            rollout.first_step = step;
            rollout.keep_tape = step % 2 == 0;
            assert_ok(on.backend->forward(a, &rollout, &got, error));
            assert_ok(cpu.backend->forward(e, &rollout, &expected, error));
            float *x = read_buffer(&on, a, NCA_BATCH, batch_of(shape));
            float *y = read_buffer(&cpu, e, NCA_BATCH, batch_of(shape));
            assert_true(got.active_cells == expected.active_cells);
            for (size_t k = 0; k < batch_of(shape); k++)
                assert_true((x[k] == 0) == (y[k] == 0));
            assert_close(x, y, batch_of(shape), 1e-6, "a step");
            free(x);
            free(y);
        }
        on.backend->destroy(a);
        cpu.backend->destroy(e);
        nca_compute_close(&on);
    }
    nca_case_free(&start);
    nca_compute_close(&cpu);
}

// -- Pool and batch, bit for bit

static void go_through_pool(const nca_compute *on, const nca_shape *shape, float **batch,
                            float **pool)
{
    static const int out[] = {6, 0, 6}, in[] = {2, 3, 2};   // 6: the second beginning
    const nca_region circle = {.kind = NCA_REGION_CIRCLE,
                               .center_y = 4.2,
                               .center_x = 5.1,
                               .radius_y = 3.3,
                               .radius_x = 2.7};
    const nca_region box = {.kind = NCA_REGION_BOX, .top = 1, .left = 2, .bottom = 4, .right = 30};
    nca_session *session = open_session(on, shape);
    const size_t elements = nca_buffer_elements(shape, NCA_POOL);
    float *states = uniform(elements, 3, 1);
    float *values = uniform(cells_of(shape) * (size_t)shape->spec.frozen, 4, 1);
    write_buffer(on, session, NCA_POOL, elements, states);
    free(states);
    assert_ok(on->backend->gather(session, out, error));
    assert_ok(on->backend->damage(session, 0, &circle, error));
    assert_ok(on->backend->damage(session, 1, &box, error));
    assert_ok(on->backend->exchange(session, 2, values, 0.2, error));
    free(values);
    assert_ok(on->backend->scatter(session, in, error));
    *batch = read_buffer(on, session, NCA_BATCH, batch_of(shape));
    *pool = read_buffer(on, session, NCA_POOL, elements);
    assert_refused(NCA_ARGUMENT, on->backend->gather(session, (const int[]){0, 7, 0}, error));
    assert_refused(NCA_ARGUMENT, on->backend->scatter(session, (const int[]){0, 5, 0}, error));
    on->backend->destroy(session);
}

static void test_pool_damage_and_exchange_are_the_cpus(void **state)
{
    (void)state;
    nca_shape shape = NCA_GROWING_SHAPE(3, 9, 11, 5, 0, 20, 8);
    shape.beginnings = 2;
    shape.spec.frozen = 3;
    nca_compute cpu = open_any_cpu(), on = open_device("cublas", 0);
    float *batch[2], *pool[2];
    go_through_pool(&cpu, &shape, &batch[0], &pool[0]);
    go_through_pool(&on, &shape, &batch[1], &pool[1]);
    assert_memory_equal(batch[0], batch[1], batch_of(&shape) * sizeof(float));
    assert_memory_equal(pool[0], pool[1], 7 * state_of(&shape) * sizeof(float));
    for (int i = 0; i < 2; i++) {
        free(batch[i]);
        free(pool[i]);
    }
    nca_compute_close(&cpu);
    nca_compute_close(&on);
}

// -- Failures

static void test_failures_are_one_line(void **state)
{
    (void)state;
    const nca_shape huge = NCA_GROWING_SHAPE(8, 72, 72, 100000000, 95, 16, 128);
    nca_session *session;
    nca_compute out;
    const nca_device_options wrong = {.cuda_path = "quick"}, negative = {.tape_every = -1};
    nca_compute on = open_device("fused", 0);
    // What no path can, and what the fused one cannot.
    nca_shape others[9];
    for (int i = 0; i < 9; i++)
        others[i] = (nca_shape)NCA_GROWING_SHAPE(1, 4, 4, 0, 1, 16, 128);
    others[0].rules = 2;
    others[1].keeps_sample_gradients = true;
    others[2].spec.perception = NCA_MOORE;
    others[3].spec.hidden[1] = 8;
    others[4].spec.frozen = 1;
    others[5].spec.noise = 0.1;
    others[6].spec.alive = NCA_ALIVE_EVERYWHERE;
    others[7].objective.kind = NCA_GIVEN;
    others[8].spec.mix_bound = 3;
    for (int i = 0; i < 9; i++)
        assert_refused(NCA_ARGUMENT, on.backend->create(on.device, &others[i], &session, error));
    assert_refused(NCA_MEMORY, on.backend->create(on.device, &huge, &session, error));
    assert_refused(NCA_ARGUMENT, nca_compute_open(DEVICE_NAME, &wrong, &out, error));
    assert_refused(NCA_ARGUMENT, nca_compute_open(DEVICE_NAME, &negative, &out, error));
    assert_refused(NCA_DEVICE, nca_compute_open(DEVICE_NAME ":99", NULL, &out, error));
    assert_refused(NCA_ARGUMENT, nca_compute_open(DEVICE_NAME ":x", NULL, &out, error));
    assert_refused(NCA_ARGUMENT, nca_compute_open(DEVICE_NAME ":", NULL, &out, error));
    nca_compute_close(&on);
}

// What only a device that is emulated can be made to do.
#if defined(NCA_TEST_EMULATED)
static void test_missing_devices_and_old_drivers_are_one_line(void **state)
{
    (void)state;
    nca_emulator_settings *settings = nca_emulator_get();
    nca_compute out;
    settings->devices = 0;
    assert_refused(NCA_ABSENT, nca_compute_open(DEVICE_NAME, NULL, &out, error));
    settings->devices = 1;
    settings->driver_version = 12000;
    assert_refused(NCA_DEVICE, nca_compute_open(DEVICE_NAME, NULL, &out, error));
    settings->driver_version = 13000;
}

static nca_session_info about_case(const nca_case *test_case, const nca_compute *on)
{
    nca_session *session = open_session(on, &test_case->shape);
    const nca_session_info about = nca_session_about(on, session);
    on->backend->destroy(session);
    return about;
}

// A tape that does not fit is thinned by itself, says so, and gives the same numbers.
static void test_a_tape_that_does_not_fit_is_thinned(void **state)
{
    (void)state;
    const nca_case *test_case = find_case("24x24-32-steps");
    nca_compute on = open_device("fused", 0);
    const uint64_t whole = on.backend->session_bytes(on.device, &test_case->shape);
    const size_t memory = nca_emulator_get()->memory_bytes;
    const nca_session_info roomy = about_case(test_case, &on);
    assert_int_equal(roomy.tape_every, 1);
    assert_string_equal(roomy.variant, "fused");
    cuda_result expected = compute(test_case, &on);
    nca_emulator_get()->memory_bytes = whole * 3 / 4;
    nca_compute small = open_device("fused", 0);
    assert_true(on.backend->session_bytes(small.device, &test_case->shape) < whole);
    assert_true(about_case(test_case, &small).tape_every > 1);
    cuda_result got = compute(test_case, &small);
    nca_emulator_get()->memory_bytes = memory;
    assert_same(test_case, &got, &expected);
    free_result(&got);
    free_result(&expected);
    nca_compute_close(&small);
    nca_compute_close(&on);
}

static void check_launched(const char *path, const char *kernel, int number, void *context)
{
    (void)number, (void)context;
    static const char *const elsewhere[] = {// test_adversary has them
                                            "own_cells", "mix", "clip_backward", "mix_backward",
                                            "make_symmetric"};
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
        if (strcmp(kernel, elsewhere[i]) == 0)
            return;
    if (nca_emulator_launches_of(kernel) == 0)
        fail_msg("%s: no test launched %s", path, kernel);
}

// Comes last: by then every kernel of every .cu file has run.
static void test_every_kernel_was_launched(void **state)
{
    (void)state;
    print_message("%d kernels\n", visit_kernels(check_launched, NULL));
}
#endif

static void test_the_peak_is_measured(void **state)
{
    (void)state;
#if defined(NCA_TEST_EMULATED)
    nca_emulator_get()->multiprocessors = 1;   // fewer blocks
#endif
    nca_compute on = open_device("fused", 0);
    const double peak = on.backend->peak(on.device);
    assert_true(peak > 1e6 && isfinite(peak));
    nca_compute_close(&on);
}

static int check_every_access(void **state)
{
    (void)state;
    check_accesses(true);
    return 0;
}

// Of what every kind of launch has been checked for already; these are about numbers.
static int check_numbers(void **state)
{
    (void)state;
    check_accesses(false);
    return 0;
}

int main(void)
{
    if (!IS_EMULATED && !has_device(NULL))
        return SKIPPED;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_both_paths_match_cpu_and_reference, check_every_access),
        cmocka_unit_test_setup(test_reduced_precisions_are_near_the_cpu, check_every_access),
        cmocka_unit_test_setup(test_pool_damage_and_exchange_are_the_cpus, check_every_access),
        cmocka_unit_test_setup(test_orders_and_thinned_tapes_give_the_same_bits, check_numbers),
        cmocka_unit_test_setup(test_masks_are_the_cpus_in_every_step, check_numbers),
        cmocka_unit_test(test_failures_are_one_line),
        cmocka_unit_test(test_the_peak_is_measured),
#if defined(NCA_TEST_EMULATED)
        cmocka_unit_test(test_missing_devices_and_old_drivers_are_one_line),
        cmocka_unit_test_setup(test_a_tape_that_does_not_fit_is_thinned, check_numbers),
        cmocka_unit_test(test_every_kernel_was_launched),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
