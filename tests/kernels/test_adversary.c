// Rules that share samples, and states that are mixed before each step: gradients of the reference
// against finite differences, the CPU against the reference, the same bits for any number of
// threads, and what must come out as without either.
#include "support.h"
#if defined(NCA_TEST_EMULATED)
#include "emulator.h"
#endif

enum { BATCH = 2, HEIGHT = 6, WIDTH = 7, STEPS = 5, RULES = 2 };

typedef struct adversary_case {
    const char *name;
    nca_shape shape;
} adversary_case;

#define SIZES .batch = BATCH, .height = HEIGHT, .width = WIDTH, .pool = 3, .tape_steps = STEPS

static const adversary_case cases[] = {
    {"owners of growing cells",
     {SIZES, .spec = NCA_GROWING(8, 8), .rules = RULES, .shares_samples = true}},
    {"owners of growing cells, wide",
     {SIZES, .spec = NCA_GROWING(16, 64), .rules = 3, .shares_samples = true}},
    {"owners of cells that classify",
     {SIZES,
      .spec = {.channels = 12,
               .hidden = {8, 8},
               .perception = NCA_MOORE,
               .frozen = 1,
               .alive = NCA_ALIVE_CHANNEL,
               .noise = 0.02},
      .objective = {.kind = NCA_HALF_SQUARED, .cells = NCA_CELLS_ALIVE, .first = 9, .count = 3},
      .rules = RULES, .shares_samples = true}},
    {"mixed", {SIZES, .spec = {.channels = 8, .hidden = {8}, .mix_bound = 3}}},
    {"mixed and clipped", {SIZES, .spec = {.channels = 8, .hidden = {8}, .mix_bound = 0.4}}},
    {"mixed where all live",
     {SIZES,
      .spec = {.channels = 8, .hidden = {8, 4}, .alive = NCA_ALIVE_EVERYWHERE, .mix_bound = 1}}},
};
enum { CASES = sizeof cases / sizeof *cases };

static const nca_rollout rollout = {.steps = STEPS,
                                    .key = {.seed = 21, .update = 4},
                                    .fire_rate = 0.6,
                                    .angle = 0.4,
                                    .step_size = 0.9,
                                    .alive_threshold = NCA_ALIVE_THRESHOLD,
                                    .keep_tape = true};

static const nca_optimizer_step adam = {.time = 1,
                                        .rate = 1e-3,
                                        .beta1 = 0.9,
                                        .beta2 = 0.999,
                                        .epsilon = 1e-4,
                                        .transforms = 1,
                                        .transform = {{NCA_GRADIENT_GLOBAL, 10}}};

// Draws, with a symmetric matrix near the identity.
static float *draw_parameters(const nca_shape *shape)
{
    const nca_layout layout = nca_layout_of(&shape->spec);
    const size_t rules = (size_t)nca_shape_rules(shape), channels = (size_t)shape->spec.channels;
    float *parameters = uniform(rules * layout.total, 7, 0.3);
    float *mix = parameters + layout.offset[NCA_MIX];
    for (size_t i = 0; layout.size[NCA_MIX] > 0 && i < channels; i++) {
        for (size_t j = 0; j < i; j++)
            mix[i * channels + j] = mix[j * channels + i];
        mix[i * channels + i] += 1;
    }
    return parameters;
}

static float *draw_owners(const nca_shape *shape)
{
    const size_t count = nca_buffer_elements(shape, NCA_OWNER);
    float *owners = allocate(count, sizeof *owners);
    for (size_t i = 0; i < count; i++)
        owners[i] = (float)((i * 7 / 3) % (size_t)nca_shape_rules(shape));
    return owners;
}

static void fill(const nca_compute *on, nca_session *session, const nca_shape *shape)
{
    float *states = mixed_states(shape, 3), *parameters = draw_parameters(shape);
    float *owners = draw_owners(shape);
    float *target = uniform(nca_buffer_elements(shape, NCA_TARGET), 9, 0.5);
    for (size_t i = 0; shape->spec.frozen > 0 && i < batch_of(shape); i++)
        if (i % (size_t)shape->spec.channels == 0)
            states[i] = fabsf(states[i]);
    write_buffer(on, session, NCA_BATCH, batch_of(shape), states);
    write_buffer(on, session, NCA_PARAMETERS, nca_buffer_elements(shape, NCA_PARAMETERS),
                 parameters);
    write_buffer(on, session, NCA_OWNER, nca_buffer_elements(shape, NCA_OWNER), owners);
    write_buffer(on, session, NCA_TARGET, nca_buffer_elements(shape, NCA_TARGET), target);
    free(states), free(parameters), free(owners), free(target);
}

// -- Against finite differences -------------------------------------------------------------------

static double loss_now(const nca_compute *on, nca_session *session)
{
    nca_sample_report samples[BATCH];
    double loss = 0;
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    assert_ok(on->backend->loss(session, samples, error));
    for (int b = 0; b < BATCH; b++)
        loss += samples[b].loss / BATCH;
    return loss;
}

// The other number that moves with number `at` of a rule's parameters: its mirror in the matrix, or
// itself.
static size_t mirror_of(const nca_shape *shape, size_t at)
{
    const nca_layout layout = nca_layout_of(&shape->spec);
    const size_t channels = (size_t)shape->spec.channels, first = layout.offset[NCA_MIX];
    if (at < first || layout.size[NCA_MIX] == 0)
        return at;
    return first + (at - first) % channels * channels + (at - first) / channels;
}

// Moves a parameter and its mirror by +-h. False: the loss has a corner there.
static bool check_number(const nca_compute *on, nca_session *session, const adversary_case *tested,
                         const float *values, size_t at, const float *gradient)
{
    const float h = 0x1p-14f;
    const size_t mirror = mirror_of(&tested->shape, at);
    double losses[3];
    for (int i = 0; i < 3; i++) {
        const float moved = values[at] + (float)(i - 1) * h;
        fill(on, session, &tested->shape);
        assert_ok(on->backend->upload(session, NCA_PARAMETERS, at, 1, &moved, error));
        assert_ok(on->backend->upload(session, NCA_PARAMETERS, mirror, 1, &moved, error));
        losses[i] = loss_now(on, session);
    }
    const double expected = gradient[at] * (mirror == at ? 1.0 : 2.0);
    const double found = (losses[2] - losses[0]) / (2 * (double)h);
    const double bend = (losses[2] - 2 * losses[1] + losses[0]) / (double)h;
    const double allowed = 5e-5 * (fabs(expected) + 0.02);
    if (fabs(found - expected) <= allowed)
        return true;
    if (fabs(bend) <= 1.5 * allowed)
        fail_msg("%s: parameter %zu: the loss changes by %.9g, the gradient is %.9g", tested->name,
                 at, found, expected);
    return false;
}

static void test_gradients_match_finite_differences(void **state)
{
    (void)state;
    nca_compute on = open_reference();
    for (int i = 0; i < CASES; i++) {
        const nca_shape *shape = &cases[i].shape;
        const size_t all = nca_buffer_elements(shape, NCA_PARAMETERS), total = total_of(shape);
        nca_session *session = open_session(&on, shape);
        float *values = draw_parameters(shape);
        fill(&on, session, shape);
        loss_now(&on, session);
        assert_ok(on.backend->backward(session, NULL, error));
        float *gradient = read_buffer(&on, session, NCA_GRADIENT, all);
        int corners = 0, checked = 0;
        for (int rule = 0; rule < nca_shape_rules(shape); rule++)
            assert_false(is_all_zero(gradient + (size_t)rule * total, total));
        for (size_t at = 0; at < all; at += 1 + all / 90, checked++)
            corners += !check_number(&on, session, &cases[i], values, at, gradient);
        for (size_t at = nca_layout_of(&shape->spec).offset[NCA_MIX]; at < total; at += 5)
            corners += !check_number(&on, session, &cases[i], values, at, gradient);
        assert_true(checked > 60 && corners <= 6);
        free(values), free(gradient);
        on.backend->destroy(session);
    }
    nca_compute_close(&on);
}

// -- The CPU against the reference ----------------------------------------------------------------

static const nca_buffer outcomes[] = {NCA_BATCH, NCA_GRADIENT, NCA_BATCH_GRADIENT, NCA_PARAMETERS,
                                      NCA_OPTIMIZER};
enum { OUTCOMES = sizeof outcomes / sizeof *outcomes };

// A training step; the caller frees what came out, by buffer.
static void go(const nca_compute *on, const nca_shape *shape, float *out[OUTCOMES])
{
    nca_session *session = open_session(on, shape);
    fill(on, session, shape);
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    assert_ok(on->backend->backward(session, NULL, error));
    assert_ok(on->backend->update(session, &adam, NULL, error));
    for (int i = 0; i < OUTCOMES; i++)
        out[i] = read_buffer(on, session, outcomes[i], nca_buffer_elements(shape, outcomes[i]));
    on->backend->destroy(session);
}

static void free_all(float *out[OUTCOMES])
{
    for (int i = 0; i < OUTCOMES; i++)
        free(out[i]);
}

static void expect_same_bits(const nca_shape *shape, float *a[OUTCOMES], float *b[OUTCOMES])
{
    for (int i = 0; i < OUTCOMES; i++)
        assert_memory_equal(a[i], b[i], nca_buffer_elements(shape, outcomes[i]) * sizeof(float));
}

static void test_the_cpu_matches_the_reference(void **state)
{
    (void)state;
    nca_compute reference = open_reference();
    for (int i = 0; i < CASES; i++)
        for (int k = 0; isas[k]; k++) {
            const nca_shape *shape = &cases[i].shape;
            float *got[OUTCOMES], *expected[OUTCOMES], *on_three[OUTCOMES];
            nca_compute one, three;
            char what[128];
            if (!open_cpu(isas[k], 1, &one) || !open_cpu(isas[k], 3, &three))
                continue;
            go(&reference, shape, expected);
            go(&one, shape, got);
            go(&three, shape, on_three);
            for (int j = 0; j < OUTCOMES; j++) {
                snprintf(what, sizeof what, "%s, %s: buffer %d", cases[i].name, isas[k],
                         (int)outcomes[j]);
                assert_close(got[j], expected[j], nca_buffer_elements(shape, outcomes[j]), 1e-5,
                             what);
            }
            expect_same_bits(shape, got, on_three);
            free_all(got), free_all(expected), free_all(on_three);
            nca_compute_close(&one);
            nca_compute_close(&three);
        }
    nca_compute_close(&reference);
}

#if defined(NCA_TEST_EMULATED)
// By the cuBLAS path, with a whole tape and a thinned one. Every access is checked.
static void match_the_reference(int tape_every)
{
    const nca_device_options options = {.cuda_path = "cublas", .tape_every = tape_every};
    nca_compute reference = open_reference(), on;
    assert_ok(nca_compute_open("emulator", &options, &on, error));
    for (int i = 0; i < CASES; i++) {
        const nca_shape *shape = &cases[i].shape;
        float *got[OUTCOMES], *expected[OUTCOMES];
        go(&reference, shape, expected);
        go(&on, shape, got);
        for (int j = 0; j < OUTCOMES; j++)
            assert_close(got[j], expected[j], nca_buffer_elements(shape, outcomes[j]), 1e-5,
                         cases[i].name);
        free_all(got), free_all(expected);
    }
    nca_compute_close(&on);
    nca_compute_close(&reference);
}

static void test_the_emulator_matches_the_reference(void **state)
{
    static const char *const kernels[] = {"own_cells", "mix", "clip_backward", "mix_backward",
                                          "make_symmetric"};
    (void)state;
    nca_emulator_get()->checks = true;
    for (int every = 1; every <= 3; every++)
        match_the_reference(every);
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        assert_true(nca_emulator_launches_of(kernels[i]) > 0);
    nca_emulator_get()->checks = false;
}
#endif

// -- What changes nothing -------------------------------------------------------------------------

// Where one rule owns all cells, the states are those of that rule alone.
static void test_one_owner_of_all_is_its_rule_alone(void **state)
{
    (void)state;
    nca_compute on;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    const nca_shape shared = cases[0].shape;
    nca_shape alone = shared;
    alone.rules = 0, alone.shares_samples = false;
    float *parameters = draw_parameters(&shared);
    float *owners = allocate(nca_buffer_elements(&shared, NCA_OWNER), sizeof *owners);
    for (size_t i = 0; i < nca_buffer_elements(&shared, NCA_OWNER); i++)
        owners[i] = 1;
    nca_session *a = open_session(&on, &shared), *b = open_session(&on, &alone);
    fill(&on, a, &shared);
    fill(&on, b, &alone);
    write_buffer(&on, a, NCA_OWNER, nca_buffer_elements(&shared, NCA_OWNER), owners);
    write_buffer(&on, b, NCA_PARAMETERS, total_of(&alone), parameters + total_of(&alone));
    assert_ok(on.backend->forward(a, &rollout, NULL, error));
    assert_ok(on.backend->forward(b, &rollout, NULL, error));
    assert_ok(on.backend->backward(a, NULL, error));
    assert_ok(on.backend->backward(b, NULL, error));
    float *x = read_buffer(&on, a, NCA_BATCH, batch_of(&alone));
    float *y = read_buffer(&on, b, NCA_BATCH, batch_of(&alone));
    float *dx = read_buffer(&on, a, NCA_GRADIENT, 2 * total_of(&alone));
    float *dy = read_buffer(&on, b, NCA_GRADIENT, total_of(&alone));
    assert_memory_equal(x, y, batch_of(&alone) * sizeof *x);
    assert_true(is_all_zero(dx, total_of(&alone)));
    assert_memory_equal(dx + total_of(&alone), dy, total_of(&alone) * sizeof *dy);
    free(x), free(y), free(dx), free(dy), free(parameters), free(owners);
    on.backend->destroy(a);
    on.backend->destroy(b);
    nca_compute_close(&on);
}

// One rule that is said to share its samples computes what it does alone. Rows are wide, so that a
// list of their cells written where there is no room for it does harm.
static void test_a_rule_may_share_with_none(void **state)
{
    (void)state;
    nca_compute on;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    nca_shape shape = cases[0].shape;
    shape.width = 300, shape.rules = 1, shape.spec.alive = NCA_ALIVE_EVERYWHERE;
    float *states[2], *gradients[2];
    for (int i = 0; i < 2; i++) {
        shape.shares_samples = i == 0;
        nca_session *session = open_session(&on, &shape);
        fill(&on, session, &shape);
        assert_ok(on.backend->forward(session, &rollout, NULL, error));
        assert_ok(on.backend->backward(session, NULL, error));
        states[i] = read_buffer(&on, session, NCA_BATCH, batch_of(&shape));
        gradients[i] = read_buffer(&on, session, NCA_GRADIENT, total_of(&shape));
        on.backend->destroy(session);
    }
    assert_memory_equal(states[0], states[1], batch_of(&shape) * sizeof(float));
    assert_memory_equal(gradients[0], gradients[1], total_of(&shape) * sizeof(float));
    free(states[0]), free(states[1]), free(gradients[0]), free(gradients[1]);
    nca_compute_close(&on);
}

// The identity within a wide bound mixes nothing.
static void test_the_identity_mixes_nothing(void **state)
{
    (void)state;
    nca_compute on;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    const nca_shape mixed = cases[3].shape;
    nca_shape plain = mixed;
    plain.spec.mix_bound = 0;
    const nca_layout layout = nca_layout_of(&mixed.spec);
    float *identity = allocate(layout.size[NCA_MIX], sizeof *identity);
    for (size_t i = 0; i < layout.size[NCA_MIX]; i += (size_t)mixed.spec.channels + 1)
        identity[i] = 1;
    nca_session *a = open_session(&on, &mixed), *b = open_session(&on, &plain);
    fill(&on, a, &mixed);
    fill(&on, b, &plain);
    float *parameters = draw_parameters(&mixed);
    write_buffer(&on, b, NCA_PARAMETERS, total_of(&plain), parameters);
    assert_ok(on.backend->upload(a, NCA_PARAMETERS, layout.offset[NCA_MIX], layout.size[NCA_MIX],
                                 identity, error));
    assert_ok(on.backend->forward(a, &rollout, NULL, error));
    assert_ok(on.backend->forward(b, &rollout, NULL, error));
    float *x = read_buffer(&on, a, NCA_BATCH, batch_of(&plain));
    float *y = read_buffer(&on, b, NCA_BATCH, batch_of(&plain));
    assert_memory_equal(x, y, batch_of(&plain) * sizeof *x);
    free(x), free(y), free(identity), free(parameters);
    on.backend->destroy(a);
    on.backend->destroy(b);
    nca_compute_close(&on);
}

// An update of the matrix alone leaves the rest of the rule bit for bit, and keeps the matrix
// symmetric; one of the rule alone leaves the matrix.
static void check_moved(const nca_compute *on, nca_moved moved)
{
    const nca_shape *shape = &cases[3].shape;
    const nca_layout layout = nca_layout_of(&shape->spec);
    const size_t rest = layout.offset[NCA_MIX], channels = (size_t)shape->spec.channels;
    nca_optimizer_step step = adam;
    nca_session *session = open_session(on, shape);
    float *before = draw_parameters(shape);
    step.moved = moved;
    fill(on, session, shape);
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    assert_ok(on->backend->backward(session, NULL, error));
    assert_ok(on->backend->update(session, &step, NULL, error));
    float *after = read_buffer(on, session, NCA_PARAMETERS, layout.total);
    const bool is_rule_same = memcmp(after, before, rest * sizeof *after) == 0;
    const bool is_mix_same =
        memcmp(after + rest, before + rest, layout.size[NCA_MIX] * sizeof *after) == 0;
    assert_int_equal(is_rule_same, moved == NCA_MOVED_MIX);
    assert_int_equal(is_mix_same, moved == NCA_MOVED_RULE);
    for (size_t i = 0; i < channels; i++)
        for (size_t j = 0; j < i; j++)
            assert_true(after[rest + i * channels + j] == after[rest + j * channels + i]);
    free(before), free(after);
    on->backend->destroy(session);
}

static void test_an_update_moves_what_it_is_asked_to(void **state)
{
    (void)state;
    nca_compute cpu, reference = open_reference();
    assert_ok(nca_compute_open("cpu", NULL, &cpu, error));
    for (int moved = NCA_MOVED_ALL; moved <= NCA_MOVED_RULE; moved++) {
        check_moved(&cpu, (nca_moved)moved);
        check_moved(&reference, (nca_moved)moved);
    }
#if defined(NCA_TEST_EMULATED)
    nca_compute cuda;
    assert_ok(nca_compute_open("emulator", NULL, &cuda, error));
    for (int moved = NCA_MOVED_ALL; moved <= NCA_MOVED_RULE; moved++)
        check_moved(&cuda, (nca_moved)moved);
    nca_compute_close(&cuda);
#endif
    nca_compute_close(&cpu);
    nca_compute_close(&reference);
}

// -- What is refused ------------------------------------------------------------------------------

static void test_what_cannot_be_shared_or_mixed_is_refused(void **state)
{
    (void)state;
    static const nca_rule_rollout each[RULES] = {{1, 0, {1, 1}}, {1, 0, {1, 1}}};
    nca_compute on;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    nca_shape shape = cases[0].shape;
    nca_session *session = open_session(&on, &shape), *none;
    nca_rollout other = rollout;
    const float owner = RULES, half = 0.5f;
    assert_refused(NCA_ARGUMENT, on.backend->upload(session, NCA_OWNER, 0, 1, &owner, error));
    assert_refused(NCA_ARGUMENT, on.backend->upload(session, NCA_OWNER, 0, 1, &half, error));
    other.each = each;
    assert_refused(NCA_ARGUMENT, on.backend->forward(session, &other, NULL, error));
    on.backend->destroy(session);
    shape.rules = NCA_OWNERS_MAX + 1;
    assert_refused(NCA_ARGUMENT, on.backend->create(on.device, &shape, &none, error));
    shape = cases[0].shape;
    shape.keeps_sample_gradients = true;
    assert_refused(NCA_ARGUMENT, on.backend->create(on.device, &shape, &none, error));
    shape = cases[3].shape;
    shape.spec.frozen = 1;
    assert_refused(NCA_ARGUMENT, on.backend->create(on.device, &shape, &none, error));
    shape = cases[3].shape;
    shape.spec.mix_bound = NAN;
    assert_refused(NCA_ARGUMENT, on.backend->create(on.device, &shape, &none, error));
    nca_compute_close(&on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_match_finite_differences),
        cmocka_unit_test(test_the_cpu_matches_the_reference),
#if defined(NCA_TEST_EMULATED)
        cmocka_unit_test(test_the_emulator_matches_the_reference),
#endif
        cmocka_unit_test(test_one_owner_of_all_is_its_rule_alone),
        cmocka_unit_test(test_a_rule_may_share_with_none),
        cmocka_unit_test(test_the_identity_mixes_nothing),
        cmocka_unit_test(test_an_update_moves_what_it_is_asked_to),
        cmocka_unit_test(test_what_cannot_be_shared_or_mixed_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
