// Kernels of the CUDA backend one by one, as the bench asks for them: every one of them is there,
// with every access checked, and what it has to do is what a calculation by hand gives.
#include "cuda/bench.h"
#include "launches.h"

static const nca_shape growing = NCA_GROWING_SHAPE(2, 5, 8, 2, 5, 16, 128);
// What growing does without.
static const nca_shape other = {.batch = 2,
                                .height = 5,
                                .width = 8,
                                .pool = 2,
                                .tape_steps = 5,
                                .spec = {.channels = 16,
                                         .perception = NCA_MOORE,
                                         .hidden = {12, 8},
                                         .frozen = 1,
                                         .alive = NCA_ALIVE_CHANNEL,
                                         .noise = 0.1},
                                .objective = {.kind = NCA_GIVEN},
                                .kept = 1};
static const nca_shape mixed = {.batch = 2,
                                .height = 5,
                                .width = 8,
                                .pool = 2,
                                .tape_steps = 5,
                                .spec = {.channels = 16, .hidden = {12}, .mix_bound = 3}};

// A rollout there and back, in which every cell lives and fires.
static nca_session *open_living(const nca_compute *on, const nca_shape *shape)
{
    const int kept[] = {3};
    const nca_rollout rollout = {.steps = shape->tape_steps,
                                 .kept = shape->kept > 0 ? kept : NULL,
                                 .fire_rate = 1,
                                 .step_size = 1,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD,
                                 .keep_tape = true};
    nca_session *session = open_session(on, shape);
    float *parameters = uniform(total_of(shape), 1, 0.01), *states = uniform(batch_of(shape), 2, 1);
    const size_t matrix = nca_layout_of(&shape->spec).size[NCA_MIX];
    for (size_t i = 0; i < matrix; i += 17)
        parameters[total_of(shape) - matrix + i] += 1;   // near the identity
    for (size_t i = 0; i < batch_of(shape); i += 16)
        states[i] = states[i + NCA_ALPHA] = 1;
    write_buffer(on, session, NCA_PARAMETERS, total_of(shape), parameters);
    write_buffer(on, session, NCA_BATCH, batch_of(shape), states);
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    assert_ok(on->backend->backward(session, NULL, error));
    assert_ok(on->backend->synchronize(session, error));
    free(parameters);
    free(states);
    return session;
}

// Runs all of them; reports [64].
static int run_kernels(nca_session *session, nca_kernel_report *reports)
{
    for (int i = 0; i < 64; i++) {
        assert_ok(nca_cuda_kernel(session, i, 2, &reports[i], error));
        if (!reports[i].name)
            return i;
        assert_true(reports[i].seconds > 0 && reports[i].bytes > 0 && reports[i].flop >= 0);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(reports[j].name, reports[i].name);
    }
    fail_msg("more than 64 kernels");
    return 0;
}

static void check_work(const nca_kernel_report *reports, int count, const char *name, double flop,
                       double bytes)
{
    for (int i = 0; i < count; i++)
        if (strcmp(reports[i].name, name) == 0) {
            assert_true(reports[i].flop == flop);
            assert_true(reports[i].bytes == bytes);
            return;
        }
    fail_msg("no kernel %s", name);
}

// 80 cells, all of them alive, active and settled; rows of a plane are one word: 10 of them.
static void test_work_is_what_a_calculation_by_hand_gives(void **state)
{
    (void)state;
    nca_kernel_report reports[64];
    nca_compute fused = open_device("fused", 0), cublas = open_device("cublas", 0);
    nca_session *session = open_living(&fused, &growing);
    int count = run_kernels(session, reports);
    check_work(reports, count, "gather", 0, 2 * 80 * 64);
    check_work(reports, count, "loss", 12 * 80, 80 * 64 + 40 * 16);
    // A product with 48 x 128 and one with 128 x 16 weights, 30 flop of perception and 2 of the
    // update for each of 16 channels; states in and out, 32 KiB of weights, nine planes.
    check_work(reports, count, "fused_forward", 80 * (16384 + 512), 2 * 80 * 64 + 32768 + 360);
    fused.backend->destroy(session);
    session = open_living(&cublas, &growing);
    count = run_kernels(session, reports);
    check_work(reports, count, "hidden_product", 80 * 2 * 48 * 128, 80 * (192 + 512) + 24576);
    check_work(reports, count, "hidden_weight_product", 80 * 2 * 48 * 128,
               80 * (192 + 512) + 2 * 24576);
    check_work(reports, count, "perceive", 80 * 16 * 30, 80 * (64 + 192 + 4) + 40);
    cublas.backend->destroy(session);
    session = open_living(&cublas, &other);
    count = run_kernels(session, reports);
    check_work(reports, count, "hidden_product", 80 * 2 * 144 * 12, 80 * (576 + 48) + 4 * 144 * 12);
    check_work(reports, count, "hidden2_product", 80 * 2 * 12 * 8, 80 * (48 + 32) + 4 * 12 * 8);
    check_work(reports, count, "output_product", 80 * 2 * 8 * 15, 80 * (32 + 60) + 4 * 8 * 15);
    check_work(reports, count, "exchange", 0, 40 * (4 + 64));
    check_work(reports, count, "add_given", 80 * 16, 3 * 80 * 64);
    cublas.backend->destroy(session);
    session = open_living(&cublas, &mixed);
    count = run_kernels(session, reports);
    check_work(reports, count, "mix", 80 * 2 * 256, 2 * 80 * 64 + 1024);
    check_work(reports, count, "matrix_product", 80 * 2 * 256, 2 * 80 * 64 + 2048);
    cublas.backend->destroy(session);
    nca_compute_close(&fused);
    nca_compute_close(&cublas);
}

#if defined(NCA_TEST_EMULATED)
static void note_launches(const char *path, const char *kernel, int number, void *context)
{
    (void)path;
    assert_true(number < 64);
    ((uint64_t *)context)[number] = nca_emulator_launches_of(kernel);
}

static void check_launched_more(const char *path, const char *kernel, int number, void *context)
{
    if (nca_emulator_launches_of(kernel) <= ((const uint64_t *)context)[number])
        fail_msg("%s: %s is no kernel of the bench", path, kernel);
}

// Both paths together, the fused one in less than f32 too and cuBLAS with another rule, and the
// peaks: whatever a .cu file launches.
static void test_every_kernel_of_the_source_is_timed(void **state)
{
    (void)state;
    uint64_t launches[64];
    nca_kernel_report reports[64];
    nca_emulator_get()->multiprocessors = 1;   // a short peak
    nca_compute fused = open_device("fused", 0), cublas = open_device("cublas", 2);
    nca_compute reduced = open_device_as("fused", "tf32", 0);
    nca_session *on_fused = open_living(&fused, &growing);
    nca_session *on_cublas = open_living(&cublas, &growing);
    nca_session *on_other = open_living(&cublas, &other);
    nca_session *on_mixed = open_living(&cublas, &mixed);
    nca_session *on_reduced = open_living(&reduced, &growing);
    visit_kernels(note_launches, launches);
    run_kernels(on_fused, reports);
    run_kernels(on_cublas, reports);
    run_kernels(on_other, reports);
    run_kernels(on_mixed, reports);
    run_kernels(on_reduced, reports);
    assert_true(fused.backend->peak(fused.device) > 0);
    assert_true(fused.backend->peak_bytes(fused.device) > 0);
    print_message("%d kernels\n", visit_kernels(check_launched_more, launches));
    fused.backend->destroy(on_fused);
    cublas.backend->destroy(on_cublas);
    cublas.backend->destroy(on_other);
    cublas.backend->destroy(on_mixed);
    reduced.backend->destroy(on_reduced);
    nca_compute_close(&fused);
    nca_compute_close(&cublas);
    nca_compute_close(&reduced);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_work_is_what_a_calculation_by_hand_gives),
#if defined(NCA_TEST_EMULATED)
        cmocka_unit_test(test_every_kernel_of_the_source_is_timed),
#endif
    };
    check_accesses(true);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
