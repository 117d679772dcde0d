// Sessions beside each other on the CUDA backend: of other grids, on other devices, used by another
// thread; cuBLAS for several at once; and a pass that fails. What a session computes is what it
// computes alone.
#include "cuda/bench.h"
#include "device_under_test.h"

#include <pthread.h>
#if defined(NCA_TEST_EMULATED)
#include <cuda_runtime_api.h>
#endif

#include "model/session.h"

static const char *const paths[] = {"fused", "cublas"};
static const char *const precisions[] = {"f32", "tf32", "bf16"};
enum { PATHS = sizeof paths / sizeof *paths, PRECISIONS = 3 };

// More shared memory than a grid of 24x24 needs, and as little as one may.
static const nca_shape large = NCA_GROWING_SHAPE(1, 72, 72, 2, 2, 16, 128),
                       small = NCA_GROWING_SHAPE(2, 9, 8, 2, 2, 16, 128);

// -- A session, and everything that a backend does with one

typedef struct session_subject {
    const nca_compute *on;
    const nca_shape *shape;
    nca_session *session;
} session_subject;

static session_subject begin(const nca_compute *on, const nca_shape *shape)
{
    session_subject subject = {on, shape, open_session(on, shape)};
    float *parameters = uniform(total_of(shape), 1, 0.08);
    float *pool = uniform(state_of(shape) * (size_t)shape->pool, 2, 0.5);
    float *target = uniform(cells_of(shape) * NCA_VISIBLE, 3, 0.5);
    write_buffer(on, subject.session, NCA_PARAMETERS, total_of(shape), parameters);
    write_buffer(on, subject.session, NCA_POOL, state_of(shape) * (size_t)shape->pool, pool);
    write_buffer(on, subject.session, NCA_TARGET, cells_of(shape) * NCA_VISIBLE, target);
    free(parameters), free(pool), free(target);
    return subject;
}

static nca_rollout rollout_of(const session_subject *subject)
{
    return (nca_rollout){.steps = subject->shape->tape_steps,
                         .key = {.seed = 11, .update = 5},
                         .fire_rate = 0.5,
                         .step_size = 1,
                         .alive_threshold = NCA_ALIVE_THRESHOLD,
                         .keep_tape = true};
}

// A session of another device that is used before each call, so that its device is current then.
static const session_subject *distraction;

static const nca_backend *distracted(const session_subject *subject)
{
    const float zero = 0;
    if (distraction) {
        write_buffer(distraction->on, distraction->session, NCA_BATCH, 1, &zero);
        assert_ok(distraction->on->backend->synchronize(distraction->session, error));
    }
    return subject->on->backend;
}

// A whole update by every entry of the seam that works on the device.
static void update(const session_subject *subject)
{
    const nca_rollout rollout = rollout_of(subject);
    const nca_region box = {.kind = NCA_REGION_BOX, .bottom = 2, .right = 3};
    const nca_optimizer_step step = {
        .time = 1, .rate = 0.01, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-7};
    const int rows[] = {1, 0};
    nca_pass_report forward, backward;
    nca_sample_report samples[2];
    nca_update_report updated;
    assert_ok(distracted(subject)->gather(subject->session, rows, error));
    assert_ok(distracted(subject)->damage(subject->session, 0, &box, error));
    assert_ok(distracted(subject)->forward(subject->session, &rollout, &forward, error));
    assert_ok(distracted(subject)->loss(subject->session, samples, error));
    assert_ok(distracted(subject)->backward(subject->session, &backward, error));
    assert_ok(distracted(subject)->update(subject->session, &step, &updated, error));
    assert_ok(distracted(subject)->scatter(subject->session, rows, error));
    assert_ok(distracted(subject)->synchronize(subject->session, error));
    assert_true(updated.applied && forward.active_cells > 0 && samples[0].loss > 0);
}

// What has come of it: the parameters, then the pool.
static float *end(session_subject *subject)
{
    const size_t total = total_of(subject->shape);
    const size_t pool = state_of(subject->shape) * (size_t)subject->shape->pool;
    float *all = allocate(total + pool, sizeof *all);
    const nca_backend *backend = subject->on->backend;
    assert_ok(backend->download(subject->session, NCA_PARAMETERS, 0, total, all, error));
    assert_ok(backend->download(subject->session, NCA_POOL, 0, pool, all + total, error));
    assert_ok(backend->synchronize(subject->session, error));
    backend->destroy(subject->session);
    return all;
}

static float *alone(const nca_compute *on, const nca_shape *shape)
{
    session_subject subject = begin(on, shape);
    update(&subject);
    return end(&subject);
}

static void assert_as_alone(session_subject *subject, const float *expected)
{
    float *got = end(subject);
    assert_memory_equal(
        got, expected,
        (total_of(subject->shape) + state_of(subject->shape) * (size_t)subject->shape->pool) *
            sizeof(float));
    free(got);
}

// -- On one device

// A smaller session that is opened later takes nothing from a larger one, on any path.
static void test_sessions_of_different_grids_live_side_by_side(void **state)
{
    (void)state;
    for (int path = 0; path < PATHS; path++)
        for (int p = 0; p < PRECISIONS; p++) {
            nca_compute on = open_device_as(paths[path], precisions[p], 0);
            float *by_large = alone(&on, &large), *by_small = alone(&on, &small);
            session_subject first = begin(&on, &large), second = begin(&on, &small);
            update(&first);
            update(&second);
            assert_as_alone(&first, by_large);
            assert_as_alone(&second, by_small);
            free(by_large), free(by_small);
            nca_compute_close(&on);
        }
}

// Nothing of cuBLAS is shared by two sessions, and a device that closes leaves it to the others.
static void test_cublas_serves_sessions_in_turn(void **state)
{
    (void)state;
    nca_compute on = open_device("cublas", 0), other = open_device("cublas", 0);
    float *expected = alone(&on, &small);
    session_subject a = begin(&on, &small), b = begin(&on, &small), c = begin(&other, &small);
    const nca_rollout rollout = rollout_of(&a);
    // Calls of two sessions, one after the other.
    update(&a);
    assert_ok(on.backend->forward(b.session, &rollout, NULL, error));
    assert_ok(on.backend->synchronize(b.session, error));
    update(&c);
    assert_as_alone(&a, expected);
    assert_as_alone(&c, expected);
    nca_compute_close(&other);
    update(&b);
    assert_as_alone(&b, expected);
    free(expected);
    nca_compute_close(&on);
}

// -- Devices and threads

static void *update_in_thread(void *subject)
{
    update(subject);
    return NULL;
}

// The seam may be used by any thread, one at a time, whatever device that thread has used before.
static void test_another_thread_goes_on_with_a_session(void **state)
{
    (void)state;
    for (int path = 0; path < PATHS; path++) {
        nca_compute on = open_device(paths[path], 0);
        float *expected = alone(&on, &small);
        session_subject subject = begin(&on, &small);
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, update_in_thread, &subject), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_as_alone(&subject, expected);
        free(expected);
        nca_compute_close(&on);
    }
}

// Two sessions whose sums have another order say so; a run that goes on is told by these words.
static void test_arithmetic_is_named(void **state)
{
    (void)state;
    char seen[PATHS][NCA_ARITHMETIC_BYTES];
    for (int path = 0; path < PATHS; path++) {
        nca_compute on = open_device(paths[path], 0);
        nca_session *session = open_session(&on, &small);
        const nca_session_info about = nca_session_about(&on, session);
        on.backend->destroy(session);
        nca_compute_close(&on);
        assert_true(strncmp(about.arithmetic, paths[path], strlen(paths[path])) == 0);
        strcpy(seen[path], about.arithmetic);
    }
    assert_string_not_equal(seen[0], seen[1]);
}

#if defined(NCA_TEST_EMULATED)
static nca_compute open_second(const char *path)
{
    const nca_device_options options = {.cuda_path = path};
    nca_compute on;
    assert_ok(nca_compute_open(DEVICE_NAME ":1", &options, &on, error));
    return on;
}

// Every entry of the seam works on its session's device, whichever was used last.
static void test_two_devices_in_turn(void **state)
{
    (void)state;
    nca_emulator_get()->devices = 2;
    for (int path = 0; path < PATHS; path++) {
        nca_compute second = open_second(paths[path]), first = open_device(paths[path], 0);
        float *expected = alone(&first, &small);
        session_subject a = begin(&second, &small), b = begin(&first, &small);
        session_subject timed = begin(&second, &small);
        nca_kernel_report kernel;
        distraction = &b;
        update(&a);
        update(&timed);
        distracted(&timed);
        assert_ok(nca_cuda_kernel(timed.session, 0, 1, &kernel, error));
        assert_non_null(kernel.name);
        distracted(&timed)->destroy(timed.session);
        assert_ok(distracted(&a)->synchronize(a.session, error));
        distraction = NULL;
        first.backend->destroy(b.session);
        assert_as_alone(&a, expected);
        free(expected);
        nca_compute_close(&first);
        nca_compute_close(&second);
    }
    nca_emulator_get()->devices = 1;
}

static void test_a_thread_begins_on_the_first_device(void **state)
{
    (void)state;
    nca_emulator_get()->devices = 2;
    nca_compute second = open_second("fused"), first = open_device("fused", 0);
    float *expected = alone(&first, &small);
    session_subject subject = begin(&second, &small);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, update_in_thread, &subject), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_as_alone(&subject, expected);
    free(expected);
    nca_compute_close(&first);
    nca_compute_close(&second);
    nca_emulator_get()->devices = 1;
}

// The report of a pass that failed is the caller's again, who may free it.
static void test_a_failed_pass_leaves_no_report(void **state)
{
    (void)state;
    nca_emulator_settings *settings = nca_emulator_get();
    nca_compute on = open_device("fused", 0);
    session_subject subject = begin(&on, &small);
    const nca_rollout rollout = rollout_of(&subject);
    nca_pass_report report, untouched;
    memset(&report, 0x5a, sizeof report);
    memcpy(&untouched, &report, sizeof report);
    settings->full_at_taking = 1;   // no graph can be made
    assert_refused(NCA_MEMORY, on.backend->forward(subject.session, &rollout, &report, error));
    settings->full_at_taking = 0;
    assert_ok(on.backend->synchronize(subject.session, error));
    assert_memory_equal(&report, &untouched, sizeof report);
    on.backend->destroy(subject.session);
    nca_compute_close(&on);
}

// Only kernels that were compiled for 9.0 can wait for the launch before: the launches of others do
// not overlap. The image changes below a session whose launches do, so that it is seen that they
// do.
static void test_old_kernels_do_not_overlap(void **state)
{
    (void)state;
    nca_emulator_settings *settings = nca_emulator_get();
    nca_compute on = open_device("fused", 0);
    float *expected = alone(&on, &small);
    settings->image = 80;
    session_subject subject = begin(&on, &small);
    update(&subject);
    assert_as_alone(&subject, expected);
    settings->image = 90;
    subject = begin(&on, &small);
    const nca_rollout rollout = rollout_of(&subject);
    settings->image = 80;
    assert_refused(NCA_DEVICE, on.backend->forward(subject.session, &rollout, NULL, error));
    settings->image = 90;
    assert_non_null(strstr(nca_emulator_message(), "returns without nca_wait_for_last()"));
    on.backend->destroy(subject.session);
    nca_compute_close(&on);
    free(expected);
    assert_int_equal(cudaDeviceReset(), cudaSuccess);
}

// One block's shared memory a multiprocessor would be the driver's choice.
static void test_kernels_ask_for_shared_memory(void **state)
{
    (void)state;
    assert_true(nca_emulator_launches_of("step_forward") > 0);
    assert_true(nca_emulator_launches_of("step_backward") > 0);
    assert_true(nca_emulator_uncarved_launches() == 0);
}
#endif

int main(void)
{
    if (!IS_EMULATED && !has_device("tf32"))
        return SKIPPED;
    check_accesses(false);   // test_cuda looks at them
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sessions_of_different_grids_live_side_by_side),
        cmocka_unit_test(test_cublas_serves_sessions_in_turn),
        cmocka_unit_test(test_another_thread_goes_on_with_a_session),
        cmocka_unit_test(test_arithmetic_is_named),
#if defined(NCA_TEST_EMULATED)
        cmocka_unit_test(test_two_devices_in_turn),
        cmocka_unit_test(test_a_thread_begins_on_the_first_device),
        cmocka_unit_test(test_a_failed_pass_leaves_no_report),
        cmocka_unit_test(test_old_kernels_do_not_overlap),
        cmocka_unit_test(test_kernels_ask_for_shared_memory),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
