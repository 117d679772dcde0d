// What must hold of any rule on any grid: a rotated grid grows rotated, a shifted seed grows
// shifted, neither threads nor neighbours in the batch change a bit, and fire bits are those of
// nca/rng.h.
#include "support.h"

// A rollout to be computed, and what comes out of it; all arrays owned by whoever made them.
typedef struct growth_case {
    nca_shape shape;
    nca_rollout rollout;
    const float *parameters, *before, *target;
    float *after, *gradient, *state_gradient;
    nca_sample_report samples[8];
} growth_case;

static const nca_rollout half_fire = {.key = {.seed = 99, .update = 4},
                                      .fire_rate = 0.5,
                                      .step_size = 1,
                                      .alive_threshold = NCA_ALIVE_THRESHOLD,
                                      .keep_tape = true};

static void grow(const nca_compute *on, growth_case *growth)
{
    nca_session *session = open_session(on, &growth->shape);
    growth->rollout.steps = growth->shape.tape_steps;
    write_buffer(on, session, NCA_PARAMETERS, total_of(&growth->shape), growth->parameters);
    write_buffer(on, session, NCA_BATCH, batch_of(&growth->shape), growth->before);
    write_buffer(on, session, NCA_TARGET, cells_of(&growth->shape) * NCA_VISIBLE, growth->target);
    assert_ok(on->backend->forward(session, &growth->rollout, NULL, error));
    assert_ok(on->backend->loss(session, growth->samples, error));
    assert_ok(on->backend->backward(session, NULL, error));
    growth->after = read_buffer(on, session, NCA_BATCH, batch_of(&growth->shape));
    growth->gradient = read_buffer(on, session, NCA_GRADIENT, total_of(&growth->shape));
    growth->state_gradient = read_buffer(on, session, NCA_BATCH_GRADIENT, batch_of(&growth->shape));
    assert_false(is_all_zero(growth->after, batch_of(&growth->shape)));
    on->backend->destroy(session);
}

static void free_growth(growth_case *growth)
{
    free(growth->after);
    free(growth->gradient);
    free(growth->state_gradient);
}

static void for_every_isa(void (*check)(const nca_compute *on))
{
    for (int i = 0; isas[i]; i++) {
        nca_compute on;
        if (!open_cpu(isas[i], 2, &on))
            continue;
        check(&on);
        nca_compute_close(&on);
    }
}

// `count` grids [height,width] of cells, turned by 90 degrees: [width,height] with
// turned(y, x) = grid(x, width - 1 - y).
static void *turn(const void *grids, size_t count, int height, int width, size_t cell_bytes)
{
    const size_t h = (size_t)height, w = (size_t)width;
    char *turned = allocate(count * h * w, cell_bytes);
    for (size_t i = 0; i < count; i++)
        for (size_t y = 0; y < w; y++)
            for (size_t x = 0; x < h; x++)
                memcpy(turned + ((i * w + y) * h + x) * cell_bytes,
                       (const char *)grids + ((i * h + x) * w + w - 1 - y) * cell_bytes,
                       cell_bytes);
    return turned;
}

// The turned grid's x-gradient is the y-gradient, and its y-gradient minus the x-gradient: the rule
// that perceives (x, y) so takes its two groups of weights exchanged, one of them negated.
static float *turn_rule(const nca_shape *shape, const float *parameters)
{
    const size_t c = (size_t)shape->spec.channels, total = total_of(shape);
    float *turned = allocate(total, sizeof *turned);
    memcpy(turned, parameters, total * sizeof *turned);
    for (size_t j = 0; j < (size_t)shape->spec.hidden[0]; j++)
        for (size_t k = 0; k < c; k++) {
            turned[j * 3 * c + c + k] = parameters[j * 3 * c + 2 * c + k];
            turned[j * 3 * c + 2 * c + k] = -parameters[j * 3 * c + c + k];
        }
    return turned;
}

// Compares a growth with its turned twin: the same pattern, the same losses, the same gradient of
// the states, all turned. Some 1e-7 comes of the other order of the sums.
static void assert_turned(const growth_case *growth, const growth_case *twin)
{
    static const double allowance = 5e-6;
    const nca_shape *shape = &growth->shape;
    const size_t batch = (size_t)shape->batch, cell = (size_t)shape->spec.channels * sizeof(float);
    float *states = turn(growth->after, batch, shape->height, shape->width, cell);
    float *gradient = turn(growth->state_gradient, batch, shape->height, shape->width, cell);
    assert_close(twin->after, states, batch_of(shape), allowance, "turned states");
    assert_close(twin->state_gradient, gradient, batch_of(shape), allowance, "turned gradient");
    for (size_t b = 0; b < batch; b++) {
        assert_int_equal(twin->samples[b].alive_cells, growth->samples[b].alive_cells);
        assert_true(fabs(twin->samples[b].loss - growth->samples[b].loss) <=
                    1e-6 * growth->samples[b].loss);
    }
    free(states), free(gradient);
}

static void check_turning(const nca_compute *on)
{
    growth_case growth = {.shape = NCA_GROWING_SHAPE(2, 17, 12, 0, 10, 16, 128),
                          .rollout = half_fire};
    const size_t cells = cells_of(&growth.shape), channels = 16 * sizeof(float);
    float *parameters = uniform(total_of(&growth.shape), 1, 0.08),
          *before = mixed_states(&growth.shape, 2);
    float *target = uniform(cells * NCA_VISIBLE, 3, 0.5);
    uint8_t *fire = draw_bits(10 * 2 * cells, 4, 0.5);
    growth.parameters = parameters, growth.before = before, growth.target = target,
    growth.rollout.fire = fire;
    growth.rollout.angle = 0.3;
    grow(on, &growth);

    growth_case twin = growth;
    float *turned_before = turn(before, 2, 17, 12, channels);
    float *turned_target = turn(target, 1, 17, 12, NCA_VISIBLE * sizeof(float));
    uint8_t *turned_fire = turn(fire, 10 * 2, 17, 12, 1);
    twin.shape.height = 12, twin.shape.width = 17;
    twin.before = turned_before, twin.target = turned_target, twin.rollout.fire = turned_fire;
    twin.rollout.angle = 0.3 + acos(0);   // perception turns with the grid
    grow(on, &twin);
    assert_turned(&growth, &twin);
    assert_close(twin.gradient, growth.gradient, total_of(&growth.shape), 5e-6,
                 "the rule's gradient");
    free_growth(&growth), free_growth(&twin);

    // And with the weights instead of the angle.
    float *turned_parameters = turn_rule(&growth.shape, parameters);
    growth.rollout.angle = twin.rollout.angle = 0;
    twin.parameters = turned_parameters;
    grow(on, &growth);
    grow(on, &twin);
    assert_turned(&growth, &twin);
    float *turned_gradient = turn_rule(&growth.shape, growth.gradient);
    assert_close(twin.gradient, turned_gradient, total_of(&growth.shape), 5e-6,
                 "its turned gradient");
    free_growth(&growth), free_growth(&twin);
    free(turned_parameters), free(turned_gradient);
    free(parameters), free(before), free(target), free(fire);
    free(turned_before), free(turned_target), free(turned_fire);
}

static void test_a_turned_grid_grows_turned(void **state)
{
    (void)state;
    for_every_isa(check_turning);
}

// A rule that grows from a seed: alpha spreads by a cell a step, hidden channels take any course.
static float *growing_rule(const nca_shape *shape)
{
    float *parameters = uniform(total_of(shape), 11, 0.1);
    parameters[nca_layout_of(&shape->spec).offset[NCA_OUTPUT_BIAS] + NCA_ALPHA] = 0.3f;
    return parameters;
}

// `count` grids of cells moved by (dy, dx); what enters is clear, what leaves is lost.
static void *move(const void *grids, size_t count, const nca_shape *shape, int dy, int dx,
                  size_t cell_bytes)
{
    char *moved = allocate(count * cells_of(shape), cell_bytes);
    for (size_t i = 0; i < count; i++)
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++)
                if (y >= dy && y - dy < shape->height && x >= dx && x - dx < shape->width)
                    memcpy(moved +
                               (i * cells_of(shape) + (size_t)(y * shape->width + x)) * cell_bytes,
                           (const char *)grids +
                               (i * cells_of(shape) + (size_t)((y - dy) * shape->width + x - dx)) *
                                   cell_bytes,
                           cell_bytes);
    return moved;
}

static void check_moving(const nca_compute *on)
{
    enum { STEPS = 8 };
    growth_case growth = {.shape = NCA_GROWING_SHAPE(1, 31, 27, 0, STEPS, 16, 64),
                          .rollout = half_fire};
    const nca_shape *shape = &growth.shape;
    const size_t cell = 16 * sizeof(float);
    float *parameters = growing_rule(shape), *before = allocate(batch_of(shape), sizeof *before);
    float *target = uniform(cells_of(shape) * NCA_VISIBLE, 3, 0.5);
    uint8_t *fire = draw_bits(STEPS * cells_of(shape), 4, 0.5);
    for (size_t k = NCA_ALPHA; k < 16; k++)
        before[(13 * 27 + 12) * 16 + k] = 1;
    growth.parameters = parameters, growth.before = before, growth.target = target,
    growth.rollout.fire = fire;
    grow(on, &growth);
    assert_true(growth.samples[0].alive_cells > 20);   // something grew

    static const int ways[][2] = {{1, 0}, {0, 1}, {-4, 3}, {5, -2}};   // across bands of rows
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        const int dy = ways[i][0], dx = ways[i][1];
        growth_case twin = growth;
        float *moved_before = move(before, 1, shape, dy, dx, cell);
        uint8_t *moved_fire = move(fire, STEPS, shape, dy, dx, 1);
        twin.before = moved_before, twin.rollout.fire = moved_fire;
        grow(on, &twin);
        float *expected = move(growth.after, 1, shape, dy, dx, cell);
        assert_memory_equal(twin.after, expected, batch_of(shape) * sizeof *expected);
        free(moved_before), free(moved_fire), free(expected);
        free_growth(&twin);
    }
    free_growth(&growth);
    free(parameters), free(before), free(target), free(fire);
}

static void test_a_moved_seed_grows_moved(void **state)
{
    (void)state;
    for_every_isa(check_moving);
}

// A few updates from one batch on; returns what is left, [P] parameters and then the batch.
static float *train(const char *isa, int threads, const nca_shape *shape)
{
    const size_t total = total_of(shape), batch = batch_of(shape);
    float *parameters = uniform(total, 1, 0.08), *states = mixed_states(shape, 2);
    float *target = uniform(cells_of(shape) * NCA_VISIBLE, 3, 0.5);
    float *left = allocate(total + 2 * batch, sizeof *left);
    nca_sample_report samples[8];
    nca_compute on;
    assert_true(open_cpu(isa, threads, &on));
    nca_session *session = open_session(&on, shape);
    write_buffer(&on, session, NCA_PARAMETERS, total, parameters);
    write_buffer(&on, session, NCA_BATCH, batch, states);
    write_buffer(&on, session, NCA_TARGET, cells_of(shape) * NCA_VISIBLE, target);
    for (int update = 1; update <= 3; update++) {
        nca_rollout rollout = half_fire;
        const nca_optimizer_step step = {.time = update,
                                         .rate = 2e-3,
                                         .beta1 = 0.9,
                                         .beta2 = 0.999,
                                         .epsilon = 1e-7,
                                         .transforms = 1,
                                         .transform = {{NCA_GRADIENT_NORMALIZE, 0}}};
        rollout.steps = shape->tape_steps;
        rollout.key.update = (uint32_t)update;
        assert_ok(on.backend->forward(session, &rollout, NULL, error));
        assert_ok(on.backend->loss(session, samples, error));
        assert_ok(on.backend->backward(session, NULL, error));
        assert_ok(on.backend->update(session, &step, NULL, error));
    }
    assert_ok(on.backend->download(session, NCA_PARAMETERS, 0, total, left, error));
    assert_ok(on.backend->download(session, NCA_BATCH, 0, batch, left + total, error));
    assert_ok(
        on.backend->download(session, NCA_BATCH_GRADIENT, 0, batch, left + total + batch, error));
    on.backend->destroy(session);
    nca_compute_close(&on);
    free(parameters), free(states), free(target);
    return left;
}

static void check_threads(const nca_compute *on)
{
    static const nca_shape shapes[] = {NCA_GROWING_SHAPE(1, 37, 11, 0, 6, 16, 128),
                                       NCA_GROWING_SHAPE(5, 19, 13, 0, 6, 16, 64)};
    static const int threads[] = {2, 3, 7};
    nca_device_info info;
    on->backend->info(on->device, &info);
    for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
        const size_t count = total_of(&shapes[s]) + 2 * batch_of(&shapes[s]);
        float *one = train(info.variant, 1, &shapes[s]);
        for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
            float *many = train(info.variant, threads[t], &shapes[s]);
            assert_memory_equal(many, one, count * sizeof *one);
            free(many);
        }
        free(one);
    }
}

static void test_threads_do_not_change_a_bit(void **state)
{
    (void)state;
    for_every_isa(check_threads);
}

// The bits of sample `slot` of [T,B,H,W].
static uint8_t *bits_of_slot(const uint8_t *fire, const nca_shape *shape, size_t slot)
{
    const size_t cells = cells_of(shape);
    uint8_t *own = allocate((size_t)shape->tape_steps * cells, 1);
    for (size_t t = 0; t < (size_t)shape->tape_steps; t++)
        memcpy(own + t * cells, fire + (t * (size_t)shape->batch + slot) * cells, cells);
    return own;
}

static void check_neighbours(const nca_compute *on)
{
    growth_case growth = {.shape = NCA_GROWING_SHAPE(4, 13, 9, 0, 7, 16, 128),
                          .rollout = half_fire};
    const size_t state = state_of(&growth.shape);
    float *parameters = uniform(total_of(&growth.shape), 1, 0.08),
          *before = mixed_states(&growth.shape, 2);
    float *target = uniform(cells_of(&growth.shape) * NCA_VISIBLE, 3, 0.5);
    uint8_t *fire = draw_bits(7 * 4 * cells_of(&growth.shape), 4, 0.5);
    before[2 * state] = NAN;   // whatever is wrong with one sample stays there
    growth.parameters = parameters, growth.before = before, growth.target = target,
    growth.rollout.fire = fire;
    grow(on, &growth);
    for (size_t slot = 0; slot < 4; slot++) {
        growth_case alone = growth;
        uint8_t *own = bits_of_slot(fire, &growth.shape, slot);
        if (slot == 2) {
            free(own);
            continue;
        }
        alone.shape.batch = 1;
        alone.before = before + slot * state, alone.rollout.fire = own;
        grow(on, &alone);
        assert_memory_equal(alone.after, growth.after + slot * state, state * sizeof(float));
        // Of a mean over 4 samples it is a quarter, which is exact.
        for (size_t i = 0; i < state; i++)
            assert_true(alone.state_gradient[i] == 4 * growth.state_gradient[slot * state + i]);
        free(own);
        free_growth(&alone);
    }
    free_growth(&growth);
    free(parameters), free(before), free(target), free(fire);
}

static void test_neighbours_in_the_batch_do_not_matter(void **state)
{
    (void)state;
    for_every_isa(check_neighbours);
}

// The bit as nca/rng.h defines it.
static bool fires(nca_key key, size_t sample, size_t step, size_t cell, double rate)
{
    uint32_t words[4];
    nca_random_words(key, NCA_RANDOM_FIRE, (uint32_t)sample, (uint32_t)step, (uint32_t)cell / 8,
                     words);
    const uint32_t half = words[cell % 8 / 2] >> (cell % 2 * 16) & 0xffff;
    return half < nca_fire_threshold(rate);
}

// A rule that adds 1 to channel 4 of every cell that fires, in one step of a grid all alive.
static void check_fire_bits(const nca_compute *on)
{
    static const double rates[] = {0, 0.2, 0.5, 1};
    const nca_shape shape = NCA_GROWING_SHAPE(2, 9, 21, 0, 0, 16, 64);
    float *parameters = allocate(total_of(&shape), sizeof *parameters);
    float *before = allocate(batch_of(&shape), sizeof *before);
    parameters[nca_layout_of(&(nca_spec)NCA_GROWING(16, 64)).offset[NCA_OUTPUT_BIAS] + 4] = 1;
    for (size_t cell = 0; cell < 2 * cells_of(&shape); cell++)
        before[cell * 16 + NCA_ALPHA] = 1;
    nca_session *session = open_session(on, &shape);
    write_buffer(on, session, NCA_PARAMETERS, total_of(&shape), parameters);
    for (int step = 0; step < 8; step++) {
        nca_rollout rollout = half_fire;
        rollout.steps = 1, rollout.first_step = step * 1000, rollout.keep_tape = false;
        rollout.fire_rate = rates[step % 4];
        write_buffer(on, session, NCA_BATCH, batch_of(&shape), before);
        assert_ok(on->backend->forward(session, &rollout, NULL, error));
        float *after = read_buffer(on, session, NCA_BATCH, batch_of(&shape));
        for (size_t i = 0; i < 2 * cells_of(&shape); i++)
            assert_true((after[i * 16 + 4] == 1) == fires(rollout.key, i / cells_of(&shape),
                                                          (size_t)step * 1000, i % cells_of(&shape),
                                                          rollout.fire_rate));
        free(after);
    }
    on->backend->destroy(session);
    free(parameters), free(before);
}

static void test_fire_bits_are_those_of_the_definition(void **state)
{
    (void)state;
    for_every_isa(check_fire_bits);
    nca_compute reference = open_reference();
    check_fire_bits(&reference);
    nca_compute_close(&reference);
}

// A rollout in pieces, each beginning where the one before ended, is the whole rollout.
static void check_pieces(const nca_compute *on)
{
    static const int pieces[] = {1, 5, 0, 7};
    const nca_shape shape = NCA_GROWING_SHAPE(2, 15, 10, 0, 0, 16, 128);
    float *parameters = uniform(total_of(&shape), 1, 0.08), *before = mixed_states(&shape, 2);
    nca_session *session = open_session(on, &shape);
    nca_rollout rollout = half_fire;
    rollout.keep_tape = false, rollout.steps = 13;
    write_buffer(on, session, NCA_PARAMETERS, total_of(&shape), parameters);
    write_buffer(on, session, NCA_BATCH, batch_of(&shape), before);
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    float *whole = read_buffer(on, session, NCA_BATCH, batch_of(&shape));
    write_buffer(on, session, NCA_BATCH, batch_of(&shape), before);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        rollout.steps = pieces[i];
        assert_ok(on->backend->forward(session, &rollout, NULL, error));
        rollout.first_step += pieces[i];
    }
    float *pieced = read_buffer(on, session, NCA_BATCH, batch_of(&shape));
    assert_memory_equal(pieced, whole, batch_of(&shape) * sizeof *whole);
    on->backend->destroy(session);
    free(parameters), free(before), free(whole), free(pieced);
}

static void test_a_rollout_can_be_cut_into_pieces(void **state)
{
    (void)state;
    for_every_isa(check_pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_turned_grid_grows_turned),
        cmocka_unit_test(test_a_moved_seed_grows_moved),
        cmocka_unit_test(test_threads_do_not_change_a_bit),
        cmocka_unit_test(test_neighbours_in_the_batch_do_not_matter),
        cmocka_unit_test(test_fire_bits_are_those_of_the_definition),
        cmocka_unit_test(test_a_rollout_can_be_cut_into_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
