// The contract of nca/backend.h, for every backend of this build: what moves between pool and
// batch, and what is refused and leaves everything as it was.
#include "seam_bench.h"

static nca_rollout short_rollout(void)
{
    return (nca_rollout){.steps = 3,
                         .key = {.seed = 3},
                         .fire_rate = 0.5,
                         .step_size = 1,
                         .alive_threshold = NCA_ALIVE_THRESHOLD,
                         .keep_tape = true};
}

static float *read_pool(const seam_bench *bench)
{
    return read_buffer(&bench->on, bench->session, NCA_POOL, state_of(&small) * (size_t)small.pool);
}

static void check_gather_and_scatter(seam_bench *bench)
{
    const size_t state = state_of(&small);
    const int out[] = {4, 1, 4}, in[] = {2, 0, 2};
    float *pool = read_pool(bench);
    assert_ok(bench->backend->gather(bench->session, out, error));
    float *batch = read_batch(bench);
    for (size_t b = 0; b < 3; b++)
        assert_equal(batch + b * state, pool + (size_t)out[b] * state, state);
    // One more cell in the last sample: of two that go to one row the last stays.
    const float one = 1;
    assert_ok(bench->backend->upload(bench->session, NCA_BATCH, 3 * state - 1, 1, &one, error));
    float *seeded = read_batch(bench);
    assert_memory_not_equal(seeded, batch, batch_of(&small) * sizeof *batch);
    assert_ok(bench->backend->scatter(bench->session, in, error));
    float *after = read_pool(bench);
    assert_equal(after + 2 * state, seeded + 2 * state, state);
    assert_equal(after, seeded + state, state);
    assert_equal(after + state, pool + state, state);
    assert_equal(after + 3 * state, pool + 3 * state, 2 * state);
    free(pool), free(batch), free(seeded), free(after);
}

static void test_gather_and_scatter_move_rows(void **state)
{
    (void)state;
    for_every_backend(check_gather_and_scatter);
}

static void check_damage(seam_bench *bench)
{
    const size_t state = state_of(&small), channels = (size_t)small.spec.channels;
    float *batch = read_batch(bench);
    const nca_region box = {.kind = NCA_REGION_BOX, .top = 2, .left = -3, .bottom = 99, .right = 4};
    const nca_region circle = {
        .kind = NCA_REGION_CIRCLE, .center_y = 4, .center_x = 2.5, .radius_y = 3, .radius_x = 1.5};
    assert_ok(bench->backend->damage(bench->session, 0, &box, error));
    assert_ok(bench->backend->damage(bench->session, 1, &circle, error));
    for (size_t i = 0; i < batch_of(&small); i++) {
        const size_t cell = i / channels % cells_of(&small);
        const int y = (int)(cell / 7), x = (int)(cell % 7);
        const double dy = (y - 4.0) / 3, dx = (x - 2.5) / 1.5;
        const bool is_cleared = i < state ? y >= 2 && x < 4 : dy * dy + dx * dx < 1;
        if (i < 2 * state)
            batch[i] = is_cleared ? 0 : batch[i];
    }
    float *got = read_batch(bench);
    assert_equal(got, batch, batch_of(&small));
    free(batch), free(got);
}

static void test_damage_touches_their_cells_only(void **state)
{
    (void)state;
    for_every_backend(check_damage);
}

static void check_pieces(seam_bench *bench)
{
    float piece[5] = {1, 2, 3, 4, 5}, back[5];
    const size_t at = state_of(&small) - 2;   // across two samples
    float *batch = read_batch(bench);
    assert_ok(bench->backend->upload(bench->session, NCA_BATCH, at, 5, piece, error));
    assert_ok(bench->backend->download(bench->session, NCA_BATCH, at, 5, back, error));
    assert_ok(bench->backend->synchronize(bench->session, error));
    assert_equal(back, piece, 5);
    memcpy(batch + at, piece, sizeof piece);
    float *got = read_batch(bench);
    assert_equal(got, batch, batch_of(&small));
    assert_ok(bench->backend->upload(bench->session, NCA_BATCH, batch_of(&small), 0, piece, error));
    free(batch), free(got);
}

static void test_pieces_of_buffers(void **state)
{
    (void)state;
    for_every_backend(check_pieces);
}

static void refuse_buffers(seam_bench *bench)
{
    const nca_backend *b = bench->backend;
    nca_session *s = bench->session;
    float x[4] = {7, 7, 7, 7};
    const size_t pool = state_of(&small) * (size_t)small.pool, total = total_of(&small);
    assert_refused(NCA_ARGUMENT, b->upload(s, NCA_PARAMETERS, total - 3, 4, x, error));
    assert_refused(NCA_ARGUMENT, b->upload(s, NCA_POOL, pool + 1, 0, x, error));
    assert_refused(NCA_ARGUMENT, b->upload(s, NCA_BATCH, SIZE_MAX - 1, 4, x, error));
    assert_refused(NCA_ARGUMENT, b->upload(s, NCA_TARGET, 1, SIZE_MAX, x, error));
    assert_refused(NCA_ARGUMENT, b->upload(s, NCA_BATCH_GRADIENT, 0, 1, x, error));
    assert_refused(NCA_ARGUMENT, b->download(s, NCA_OPTIMIZER, 2 * total, 1, x, error));
    assert_refused(NCA_ARGUMENT, b->download(s, NCA_POOL, pool - 1, 2, x, error));
    assert_true(x[0] == 7 && x[1] == 7);
}

static void refuse_rows(seam_bench *bench)
{
    const nca_backend *b = bench->backend;
    const int bad[][3] = {{0, 5, 0}, {-1, 0, 0}, {0, 0, INT32_MAX}};
    const nca_region box = {.kind = NCA_REGION_BOX, .bottom = 9, .right = 9};
    for (int i = 0; i < 3; i++) {
        assert_refused(NCA_ARGUMENT, b->gather(bench->session, bad[i], error));
        assert_refused(NCA_ARGUMENT, b->scatter(bench->session, bad[i], error));
    }
    assert_refused(NCA_ARGUMENT, b->damage(bench->session, 3, &box, error));
    assert_refused(NCA_ARGUMENT, b->damage(bench->session, -1, &box, error));
}

static void refuse_rollouts(seam_bench *bench)
{
    const nca_rollout good = short_rollout();
    nca_rollout bad[11];
    for (int i = 0; i < 11; i++)
        bad[i] = good;
    bad[0].steps = -1;
    bad[1].steps = 5;   // the tape holds 4
    bad[2].fire_rate = NAN;
    bad[3].fire_rate = 1.5;
    bad[4].fire_rate = -0.5;
    bad[5].angle = INFINITY;
    bad[6].step_size = NAN;
    bad[7].first_step = -1;
    bad[8].first_step = (int)NCA_RANDOM_STEPS_LIMIT - 2;
    bad[9].alive_threshold = NAN;
    bad[10].alive_threshold = -0.1;   // a clear cell would be alive
    for (int i = 0; i < 11; i++)
        assert_refused(NCA_ARGUMENT, bench->backend->forward(bench->session, &bad[i], NULL, error));
}

// Not even a rollout of no step can keep its tape where there is none.
static void check_session_without_tape(seam_bench *bench)
{
    nca_shape shape = small;
    shape.tape_steps = 0;
    nca_session *session = open_session(&bench->on, &shape);
    nca_rollout rollout = short_rollout();
    for (rollout.steps = 0; rollout.steps < 2; rollout.steps++)
        assert_refused(NCA_ARGUMENT, bench->backend->forward(session, &rollout, NULL, error));
    rollout.keep_tape = false;
    assert_ok(bench->backend->forward(session, &rollout, NULL, error));
    assert_refused(NCA_ARGUMENT, bench->backend->backward(session, NULL, error));
    bench->backend->destroy(session);
}

static void test_no_tape_is_kept_without_one(void **state)
{
    (void)state;
    for_every_backend(check_session_without_tape);
}

static void refuse_updates(seam_bench *bench)
{
    nca_optimizer_step bad = plain_step;
    bad.time = 0;
    assert_refused(NCA_ARGUMENT, bench->backend->update(bench->session, &bad, NULL, error));
    bad = plain_step;
    bad.transforms = NCA_TRANSFORMS_MAX + 1;
    assert_refused(NCA_ARGUMENT, bench->backend->update(bench->session, &bad, NULL, error));
    bad.transforms = -1;
    assert_refused(NCA_ARGUMENT, bench->backend->update(bench->session, &bad, NULL, error));
    bad = plain_step;
    bad.kind = (nca_optimizer_kind)(NCA_ADAM + 1);
    nca_error refused = {0};
    assert_int_equal(bench->backend->update(bench->session, &bad, NULL, &refused), NCA_ARGUMENT);
    assert_string_equal(refused.message, "an optimizer of kind 1: there is only Adam, kind 0");
}

static void check_refusals(seam_bench *bench)
{
    float *parameters = read_buffer(&bench->on, bench->session, NCA_PARAMETERS, total_of(&small));
    float *pool = read_pool(bench), *batch = read_batch(bench);
    refuse_buffers(bench);
    refuse_rows(bench);
    refuse_rollouts(bench);
    refuse_updates(bench);
    float *after[] = {read_buffer(&bench->on, bench->session, NCA_PARAMETERS, total_of(&small)),
                      read_pool(bench), read_batch(bench)};
    assert_equal(after[0], parameters, total_of(&small));
    assert_equal(after[1], pool, state_of(&small) * (size_t)small.pool);
    assert_equal(after[2], batch, batch_of(&small));
    free(parameters), free(pool), free(batch);
    free(after[0]), free(after[1]), free(after[2]);
}

static void test_what_is_out_of_range_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    for_every_backend(check_refusals);
}

static nca_status go(seam_bench *bench, bool keep_tape, nca_error *error)
{
    nca_rollout rollout = short_rollout();
    rollout.keep_tape = keep_tape;
    return bench->backend->forward(bench->session, &rollout, NULL, error);
}

// Whatever comes between a forward pass and its backward pass and changes the batch.
static void check_tape(seam_bench *bench)
{
    const nca_backend *b = bench->backend;
    nca_session *s = bench->session;
    const int rows[] = {0, 1, 2};
    const float x = 0.5f;
    const nca_region box = {.kind = NCA_REGION_BOX, .bottom = 2, .right = 2};
    assert_refused(NCA_ARGUMENT, b->backward(s, NULL, error));
    assert_ok(go(bench, false, error));
    assert_refused(NCA_ARGUMENT, b->backward(s, NULL, error));
    for (int i = 0; i < 5; i++) {
        assert_ok(go(bench, true, error));
        assert_ok(b->backward(s, NULL, error));
        assert_ok(i == 0   ? b->upload(s, NCA_BATCH, 9, 1, &x, error)
                  : i == 1 ? b->gather(s, rows, error)
                  : i == 2
                      ? b->scatter(s, rows, error) == NCA_OK ? b->gather(s, rows, error) : NCA_FILE
                  : i == 3 ? b->damage(s, 0, &box, error)
                           : go(bench, false, error));
        assert_refused(NCA_ARGUMENT, b->backward(s, NULL, error));
    }
}

static void test_backward_needs_its_tape(void **state)
{
    (void)state;
    for_every_backend(check_tape);
}

static void check_shapes(seam_bench *bench)
{
    static const nca_shape bad[] = {
        NCA_GROWING_SHAPE(0, 9, 7, 5, 4, 4, 8),  NCA_GROWING_SHAPE(3, 0, 7, 5, 4, 4, 8),
        NCA_GROWING_SHAPE(3, 9, -7, 5, 4, 4, 8), NCA_GROWING_SHAPE(3, 9, 7, 5, 4, 6, 8),
        NCA_GROWING_SHAPE(3, 9, 7, 5, 4, 0, 8),  NCA_GROWING_SHAPE(3, 9, 7, 5, 4, 4, 2),
        NCA_GROWING_SHAPE(3, 9, 7, -1, 4, 4, 8), NCA_GROWING_SHAPE(3, 9, 7, 5, -1, 4, 8)};
    static const nca_shape large[] = {
        NCA_GROWING_SHAPE(1, 60000, 60000, 0, 95, 256, 128),
        NCA_GROWING_SHAPE(1, 72, 72, INT32_MAX, 95, 16, 128),
        NCA_GROWING_SHAPE(4096, 65536, 65536, 1 << 20, 65536, 256, 4096)};
    nca_session *untouched = bench->session;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_refused(NCA_ARGUMENT,
                       bench->backend->create(bench->on.device, &bad[i], &untouched, error));
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        assert_true(bench->backend->session_bytes(bench->on.device, &large[i]) > (uint64_t)1 << 40);
        assert_refused(NCA_MEMORY,
                       bench->backend->create(bench->on.device, &large[i], &untouched, error));
    }
    assert_ptr_equal(untouched, bench->session);
}

// Whatever holds a number for each parameter is counted: the four buffers, and what the gradient
// rules work in, in f32 or, in the reference, in f64.
static void check_bytes(seam_bench *bench)
{
    const nca_shape rule = NCA_GROWING_SHAPE(1, 1, 1, 0, 1, 256, 4096);
    const size_t number = strcmp(bench->backend->name, "reference") == 0 ? 8 : 4;
    assert_true(bench->backend->session_bytes(bench->on.device, &rule) >=
                5 * number * total_of(&rule));
}

static void test_bytes_count_what_parameters_need(void **state)
{
    (void)state;
    for_every_backend(check_bytes);
}

static void test_shapes_that_cannot_be_are_refused(void **state)
{
    (void)state;
    for_every_backend(check_shapes);
}

static void test_devices_that_are_not_there_are_refused(void **state)
{
    (void)state;
    nca_compute out = {0};
    nca_device_options options = {.isa = "mmx"};
    assert_refused(NCA_ARGUMENT, nca_compute_open("cpu", &options, &out, error));
    options = (nca_device_options){.number = 1};
    assert_refused(NCA_DEVICE, nca_compute_open("cpu", &options, &out, error));
    assert_refused(NCA_DEVICE, nca_compute_open("reference", &options, &out, error));
    options = (nca_device_options){.threads = -1};
    assert_refused(NCA_ARGUMENT, nca_compute_open("cpu", &options, &out, error));
    options = (nca_device_options){.threads = 1025};
    assert_refused(NCA_ARGUMENT, nca_compute_open("cpu", &options, &out, error));
    assert_refused(NCA_ARGUMENT, nca_compute_open("abacus", NULL, &out, error));
    assert_null(out.backend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather_and_scatter_move_rows),
        cmocka_unit_test(test_damage_touches_their_cells_only),
        cmocka_unit_test(test_pieces_of_buffers),
        cmocka_unit_test(test_what_is_out_of_range_is_refused_and_changes_nothing),
        cmocka_unit_test(test_backward_needs_its_tape),
        cmocka_unit_test(test_no_tape_is_kept_without_one),
        cmocka_unit_test(test_bytes_count_what_parameters_need),
        cmocka_unit_test(test_shapes_that_cannot_be_are_refused),
        cmocka_unit_test(test_devices_that_are_not_there_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
