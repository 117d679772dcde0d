// Rules of every spec and objective: the reference against finite differences in f64, the CPU
// against the reference, rules side by side against each alone, and frozen channels exchanged.
#include "support.h"

#include "verify/verify.h"

typedef struct spec_variant {
    const char *name;
    nca_spec spec;
    nca_objective objective;
    int kept;
} spec_variant;

enum { BATCH = 2, HEIGHT = 5, WIDTH = 6, STEPS = 4, KEPT = 3 };
static const int kept_after[KEPT] = {0, 2, 4};

static const spec_variant variants[] = {
    {"sobel", NCA_GROWING(8, 8), {0}, 0},
    {"moore", {.channels = 8, .hidden = {8}, .perception = NCA_MOORE}, {0}, 0},
    {"summed", {.channels = 8, .hidden = {8}, .perception = NCA_SUMMED}, {0}, 0},
    {"two layers", {.channels = 8, .hidden = {12, 8}}, {0}, 0},
    {"moore, two layers", {.channels = 12, .hidden = {8, 12}, .perception = NCA_MOORE}, {0}, 0},
    {"frozen",
     {.channels = 8, .hidden = {8}, .frozen = 1, .alive = NCA_ALIVE_EVERYWHERE},
     {.first = 2, .count = 3},
     0},
    {"a frozen channel says what is alive",
     {.channels = 8, .hidden = {8}, .frozen = 2, .alive = NCA_ALIVE_CHANNEL, .alive_channel = 1},
     {.first = 3, .count = 5, .cells = NCA_CELLS_ALIVE, .is_per_sample = true},
     0},
    {"frozen alpha", {.channels = 8, .hidden = {8}, .frozen = 5}, {.first = 5, .count = 2}, 0},
    {"half squared", NCA_GROWING(8, 8), {.kind = NCA_HALF_SQUARED, .is_per_sample = true}, 0},
    {"half squared of the living",
     NCA_GROWING(8, 8),
     {.kind = NCA_HALF_SQUARED, .cells = NCA_CELLS_ALIVE, .first = 1, .count = 2},
     0},
    {"cross entropy",
     {.channels = 8, .hidden = {8}, .perception = NCA_MOORE, .alive = NCA_ALIVE_EVERYWHERE},
     {.kind = NCA_CROSS_ENTROPY, .first = 4, .count = 3},
     0},
    {"cross entropy of the living",
     NCA_GROWING(8, 8),
     {.kind = NCA_CROSS_ENTROPY, .cells = NCA_CELLS_ALIVE, .first = 4, .count = 4},
     0},
    {"given", NCA_GROWING(8, 8), {.kind = NCA_GIVEN}, KEPT},
    {"noise", {.channels = 8, .hidden = {8}, .noise = 0.05}, {0}, 0},
    {"as cells that classify",
     {.channels = 12,
      .hidden = {8, 8},
      .perception = NCA_MOORE,
      .frozen = 1,
      .alive = NCA_ALIVE_CHANNEL,
      .noise = 0.02},
     {.kind = NCA_HALF_SQUARED,
      .cells = NCA_CELLS_ALIVE,
      .first = 9,
      .count = 3,
      .is_per_sample = true},
     0},
    {"noise on two layers",
     {.channels = 8, .hidden = {8, 4}, .noise = 0.3, .frozen = 2, .alive = NCA_ALIVE_EVERYWHERE},
     {.first = 4, .count = 4},
     0},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

// -- A session of a variant -----------------------------------------------------------------------

static nca_shape shape_of(const spec_variant *variant, int rules)
{
    return (nca_shape){.batch = BATCH,
                       .height = HEIGHT,
                       .width = WIDTH,
                       .pool = 3,
                       .tape_steps = STEPS,
                       .spec = variant->spec,
                       .objective = variant->objective,
                       .rules = rules,
                       .kept = variant->kept,
                       .keeps_sample_gradients = true};
}

static nca_rollout rollout_of(const spec_variant *variant)
{
    return (nca_rollout){.steps = STEPS,
                         .key = {.seed = 21, .update = 4},
                         .fire_rate = 0.6,
                         .angle = 0.4,
                         .step_size = 0.9,
                         .alive_threshold = NCA_ALIVE_THRESHOLD,
                         .kept = variant->kept ? kept_after : NULL,
                         .keep_tape = true};
}

// Fills buffer elements first..first+count-1 with draws.
static void fill(const nca_compute *on, nca_session *session, nca_buffer buffer, size_t first,
                 size_t count, uint32_t draw, double size)
{
    float *x = uniform(count, draw, size);
    if (buffer == NCA_LABELS)
        for (size_t i = 0; i < count; i++)
            x[i] = (float)((draw + i) % 3);
    if (count > 0)
        assert_ok(on->backend->upload(session, buffer, first, count, x, error));
    free(x);
}

// Everything that one rule starts from, at its place among R.
static void fill_rule(const nca_compute *on, nca_session *session, const nca_shape *shape, int rule,
                      uint32_t draw)
{
    const int rules = nca_shape_rules(shape);
    const size_t total = total_of(shape), batch = batch_of(shape), at = (size_t)rule;
    float *states = mixed_states(shape, draw);
    assert_ok(on->backend->upload(session, NCA_BATCH, at * batch, batch, states, error));
    free(states);
    fill(on, session, NCA_PARAMETERS, at * total, total, draw + 1, 0.3);
    static const nca_buffer shared[] = {NCA_LABELS, NCA_TARGET};
    for (int i = 0; i < 2; i++) {
        const size_t all = nca_buffer_elements(shape, shared[i]);
        const bool is_shared = shared[i] == NCA_TARGET && !shape->objective.is_per_sample;
        const size_t own = is_shared ? all : all / (size_t)rules;
        fill(on, session, shared[i], is_shared ? 0 : at * own, own, is_shared ? 99 : draw + 2, 0.5);
    }
    for (int k = 0; k < shape->kept; k++)
        fill(on, session, NCA_KEPT_GRADIENT, ((size_t)k * (size_t)rules + at) * batch, batch,
             draw + 3 + (uint32_t)k, 0.2);
}

static nca_session *begin(const nca_compute *on, const nca_shape *shape)
{
    nca_session *session = open_session(on, shape);
    for (int rule = 0; rule < nca_shape_rules(shape); rule++)
        fill_rule(on, session, shape, rule, 100 * (uint32_t)(rule + 1));
    return session;
}

// -- Against finite differences -------------------------------------------------------------------

// The loss in f64 digits as far as reports give them; of given gradients their product with the
// states.
static double loss_now(const nca_compute *on, nca_session *session, const nca_shape *shape,
                       const nca_rollout *rollout)
{
    nca_sample_report samples[BATCH];
    double loss = 0;
    assert_ok(on->backend->forward(session, rollout, NULL, error));
    assert_ok(on->backend->loss(session, samples, error));
    for (int b = 0; b < BATCH; b++)
        loss += samples[b].loss / BATCH;
    if (shape->objective.kind != NCA_GIVEN)
        return loss;
    const size_t count = nca_buffer_elements(shape, NCA_KEPT);
    float *kept = read_buffer(on, session, NCA_KEPT, count);
    float *given = read_buffer(on, session, NCA_KEPT_GRADIENT, count);
    for (size_t i = 0; i < count; i++)
        loss += (double)kept[i] * given[i];
    free(kept), free(given);
    return loss;
}

// Moves one number by +-h and compares the change of the loss with the gradient. False: its changes
// up and down differ, at a corner of a ReLU. A given objective's states are read back in f32, so it
// has a larger h and allowance.
static bool check_number(const nca_compute *on, nca_session *session, const nca_shape *shape,
                         const nca_rollout *rollout, const spec_variant *variant, nca_buffer buffer,
                         const float *values, size_t at, double gradient)
{
    const bool in_f32 = variant->objective.kind == NCA_GIVEN;
    const float h = in_f32 ? 0x1p-12f : 0x1p-14f;
    const float moved[3] = {values[at] - h, values[at], values[at] + h};
    double losses[3];
    for (int i = 0; i < 3; i++) {
        fill_rule(on, session, shape, 0, 100);   // the batch and all else anew
        assert_ok(on->backend->upload(session, buffer, at, 1, &moved[i], error));
        losses[i] = loss_now(on, session, shape, rollout);
    }
    const double down = (losses[1] - losses[0]) / ((double)moved[1] - moved[0]);
    const double up = (losses[2] - losses[1]) / ((double)moved[2] - moved[1]);
    const double found = (losses[2] - losses[0]) / ((double)moved[2] - moved[0]);
    const double allowed = (in_f32 ? 5e-3 : 2e-5) * (fabs(gradient) + 0.02);
    if (fabs(found - gradient) <= allowed)
        return true;
    if (fabs(up - down) <= 1.5 * allowed)
        fail_msg("%s: buffer %d, number %zu: the loss changes by %.9g, the gradient is %.9g",
                 variant->name, (int)buffer, at, found, gradient);
    return false;
}

static void test_gradients_match_finite_differences(void **state)
{
    (void)state;
    nca_compute on = open_reference();
    for (int v = 0; v < VARIANTS; v++) {
        const spec_variant *variant = &variants[v];
        const nca_shape shape = shape_of(variant, 0);
        const nca_rollout rollout = rollout_of(variant);
        nca_session *session = begin(&on, &shape);
        const size_t total = total_of(&shape), batch = batch_of(&shape);
        float *parameters = read_buffer(&on, session, NCA_PARAMETERS, total);
        float *states = read_buffer(&on, session, NCA_BATCH, batch);
        loss_now(&on, session, &shape, &rollout);
        assert_ok(on.backend->backward(session, NULL, error));
        float *gradient = read_buffer(&on, session, NCA_GRADIENT, total);
        float *before = read_buffer(&on, session, NCA_BATCH_GRADIENT, batch);
        assert_false(is_all_zero(gradient, total));
        int corners = 0;
        for (size_t i = 0; i < total; i += 1 + total / 60)
            corners += !check_number(&on, session, &shape, &rollout, variant, NCA_PARAMETERS,
                                     parameters, i, gradient[i]);
        for (size_t i = 0; i < batch; i += 1 + batch / 40)
            corners += !check_number(&on, session, &shape, &rollout, variant, NCA_BATCH, states, i,
                                     before[i]);
        assert_true(corners <= 4);
        free(parameters), free(states), free(gradient), free(before);
        on.backend->destroy(session);
    }
    nca_compute_close(&on);
}

// -- The CPU against the reference, and rules side by side ----------------------------------------

static const nca_buffer outcomes[] = {
    NCA_BATCH,     NCA_GRADIENT, NCA_SAMPLE_GRADIENTS, NCA_BATCH_GRADIENT, NCA_PARAMETERS,
    NCA_OPTIMIZER, NCA_KEPT};
enum { OUTCOMES = sizeof outcomes / sizeof *outcomes };

// Returns how many times the flop of the forward pass the backward pass took.
static double go(const nca_compute *on, nca_session *session, const nca_rollout *rollout,
                 const nca_optimizer_step *step, nca_sample_report *samples)
{
    nca_update_report reports[4];
    nca_pass_report forward, backward;
    assert_ok(on->backend->forward(session, rollout, &forward, error));
    assert_ok(on->backend->loss(session, samples, error));
    assert_ok(on->backend->backward(session, &backward, error));
    assert_ok(on->backend->update(session, step, reports, error));
    return (double)backward.mlp_flop / (double)forward.mlp_flop;
}

static const nca_optimizer_step adam = {.time = 1,
                                        .rate = 1e-3,
                                        .beta1 = 0.9,
                                        .beta2 = 0.999,
                                        .epsilon = 1e-4,
                                        .transforms = 1,
                                        .transform = {{NCA_GRADIENT_GLOBAL, 10}}};

// Returns what go() does; 0 where this processor lacks the instruction set.
static double compare_with_reference(const spec_variant *variant, const char *isa, nca_shape shape,
                                     nca_rollout rollout)
{
    double times = 0;
    nca_compute reference = open_reference(), cpu;
    nca_sample_report expected[BATCH], got[BATCH];
    if (open_cpu(isa, 2, &cpu)) {
        nca_session *a = begin(&cpu, &shape), *e = begin(&reference, &shape);
        times = go(&cpu, a, &rollout, &adam, got);
        go(&reference, e, &rollout, &adam, expected);
        for (int i = 0; i < OUTCOMES; i++) {
            const size_t count = nca_buffer_elements(&shape, outcomes[i]);
            float *x = read_buffer(&cpu, a, outcomes[i], count);
            float *y = read_buffer(&reference, e, outcomes[i], count);
            char what[96];
            snprintf(what, sizeof what, "%s, %s: buffer %d", variant->name, isa, (int)outcomes[i]);
            assert_close(x, y, count, 1e-5, what);
            free(x), free(y);
        }
        for (int b = 0; b < BATCH; b++)
            assert_true(fabs(got[b].loss - expected[b].loss) <= 1e-5 * fabs(expected[b].loss) &&
                        got[b].alive_cells == expected[b].alive_cells);
        cpu.backend->destroy(a);
        reference.backend->destroy(e);
        nca_compute_close(&cpu);
    }
    nca_compute_close(&reference);
    return times;
}

static void test_every_spec_matches_the_reference(void **state)
{
    (void)state;
    for (int v = 0; v < VARIANTS; v++)
        for (int i = 0; isas[i]; i++)
            compare_with_reference(&variants[v], isas[i], shape_of(&variants[v], 0),
                                   rollout_of(&variants[v]));
}

// Where no cell is cleared, the backward pass computes hidden units again only where more cells
// fire than it has room for; and with room or without, it gives what the reference does.
static void test_hidden_units_are_kept(void **state)
{
    (void)state;
    static const spec_variant variant = {
        "moore, alive everywhere",
        {.channels = 12, .hidden = {8, 4}, .perception = NCA_MOORE, .alive = NCA_ALIVE_EVERYWHERE},
        {0},
        0};
    const double first = 9 * 12 * 8 + 8 * 4, again = first / (first + 4 * 12);
    nca_shape shape = shape_of(&variant, 0);
    nca_rollout rollout = rollout_of(&variant);
    shape.height = 8, shape.width = 40;
    for (int i = 0; isas[i]; i++) {
        rollout.fire_rate = 0.1;
        const double few = compare_with_reference(&variant, isas[i], shape, rollout);
        rollout.fire_rate = 1;
        const double many = compare_with_reference(&variant, isas[i], shape, rollout);
        assert_true(few == 0 || (few == 2 && many > 2.2 && many < 2 + 0.9 * again));
    }
}

// The tape outlives its backward pass: another over it gives the same bits.
static void test_going_back_again_gives_the_same(void **state)
{
    (void)state;
    for (int v = 0; v < VARIANTS; v++)
        for (int i = 0; isas[i]; i++) {
            const nca_shape shape = shape_of(&variants[v], 0);
            const nca_rollout rollout = rollout_of(&variants[v]);
            nca_compute on;
            if (!open_cpu(isas[i], 2, &on))
                continue;
            nca_session *session = begin(&on, &shape);
            float *gradient[2], *before[2];
            assert_ok(on.backend->forward(session, &rollout, NULL, error));
            for (int k = 0; k < 2; k++) {
                assert_ok(on.backend->backward(session, NULL, error));
                gradient[k] = read_buffer(&on, session, NCA_GRADIENT, total_of(&shape));
                before[k] = read_buffer(&on, session, NCA_BATCH_GRADIENT, batch_of(&shape));
            }
            assert_memory_equal(gradient[0], gradient[1], total_of(&shape) * sizeof(float));
            assert_memory_equal(before[0], before[1], batch_of(&shape) * sizeof(float));
            free(gradient[0]), free(gradient[1]), free(before[0]), free(before[1]);
            on.backend->destroy(session);
            nca_compute_close(&on);
        }
}

// Two rules with another length, key, first step, rate and time each, and one that is not updated.
static void check_side_by_side(const spec_variant *variant, const nca_compute *on)
{
    static const nca_rule_rollout each[3] = {{4, 0, {21, 4}}, {2, 7, {5, 9}}, {3, 1, {8, 1}}};
    static const nca_rule_update updates[3] = {{1, 1e-3, true}, {6, 2e-3, true}, {3, 1e-2, false}};
    const nca_shape together = shape_of(variant, 3), alone = shape_of(variant, 0);
    nca_session *all = begin(on, &together);
    nca_rollout rollout = rollout_of(variant);
    nca_optimizer_step step = adam;
    nca_sample_report samples[3 * BATCH], own[BATCH];
    rollout.each = each, step.each = updates;
    go(on, all, &rollout, &step, samples);
    for (int rule = 0; rule < 3; rule++) {
        nca_session *one = open_session(on, &alone);
        nca_rollout of_one = rollout_of(variant);
        nca_optimizer_step of_step = adam;
        fill_rule(on, one, &alone, 0, 100 * (uint32_t)(rule + 1));
        of_one.each = &each[rule], of_step.each = &updates[rule];
        go(on, one, &of_one, &of_step, own);
        for (int i = 0; i < OUTCOMES; i++) {
            const size_t count = nca_buffer_elements(&alone, outcomes[i]);
            const size_t blocks = outcomes[i] == NCA_KEPT ? (size_t)variant->kept : 1;
            for (size_t k = 0; k < blocks && count > 0; k++) {
                const size_t part = count / blocks;
                float *x = read_part(on, all, outcomes[i], (k * 3 + (size_t)rule) * part, part);
                float *y = read_part(on, one, outcomes[i], k * part, part);
                assert_memory_equal(x, y, part * sizeof *x);
                free(x), free(y);
            }
        }
        assert_memory_equal(samples + rule * BATCH, own, sizeof own);
        on->backend->destroy(one);
    }
    on->backend->destroy(all);
}

static void test_rules_side_by_side_are_each_alone(void **state)
{
    (void)state;
    for (int v = 0; v < VARIANTS; v++)
        for (int i = 0; isas[i]; i++) {
            nca_compute on;
            if (!open_cpu(isas[i], 2, &on))
                continue;
            check_side_by_side(&variants[v], &on);
            nca_compute_close(&on);
        }
}

// -- Samples of a larger batch --------------------------------------------------------------------

// Samples 1 and 2 of three are the second and third of the whole batch: same bits, gradients by the
// number of all.
static void test_a_part_of_a_batch_is_the_batchs_part(void **state)
{
    (void)state;
    nca_compute on;
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    nca_shape whole = {.batch = 3,
                       .height = HEIGHT,
                       .width = WIDTH,
                       .tape_steps = STEPS,
                       .spec = {.channels = 8, .hidden = {8}, .noise = 0.1},
                       .keeps_sample_gradients = true};
    nca_shape part = whole;
    part.batch = 2;
    nca_rollout rollout = rollout_of(&variants[0]);
    nca_session *a = begin(&on, &whole), *b = open_session(&on, &part);
    float *parameters = read_buffer(&on, a, NCA_PARAMETERS, total_of(&whole));
    float *states = read_buffer(&on, a, NCA_BATCH, batch_of(&whole));
    float *target = read_buffer(&on, a, NCA_TARGET, cells_of(&whole) * NCA_VISIBLE);
    write_buffer(&on, b, NCA_PARAMETERS, total_of(&part), parameters);
    write_buffer(&on, b, NCA_BATCH, batch_of(&part), states + state_of(&whole));
    write_buffer(&on, b, NCA_TARGET, cells_of(&part) * NCA_VISIBLE, target);
    assert_ok(on.backend->forward(a, &rollout, NULL, error));
    assert_ok(on.backend->backward(a, NULL, error));
    rollout.first_sample = 1, rollout.samples = 3;
    assert_ok(on.backend->forward(b, &rollout, NULL, error));
    assert_ok(on.backend->backward(b, NULL, error));
    static const nca_buffer same[] = {NCA_BATCH, NCA_BATCH_GRADIENT, NCA_SAMPLE_GRADIENTS};
    for (int i = 0; i < 3; i++) {
        const size_t count = nca_buffer_elements(&part, same[i]);
        float *x = read_buffer(&on, b, same[i], count);
        float *y = read_part(&on, a, same[i], count / 2, count);
        assert_memory_equal(x, y, count * sizeof *x);
        free(x), free(y);
    }
    free(parameters), free(states), free(target);
    on.backend->destroy(a);
    on.backend->destroy(b);
    nca_compute_close(&on);
}

// -- Exchange -------------------------------------------------------------------------------------

static void check_exchange(const nca_compute *on)
{
    const nca_shape shape = {
        .batch = 2,
        .height = 3,
        .width = 4,
        .spec = {.channels = 8, .hidden = {8}, .frozen = 2, .alive = NCA_ALIVE_CHANNEL}};
    nca_session *session = open_session(on, &shape);
    float *states = uniform(batch_of(&shape), 3, 1), values[3 * 4 * 2];
    for (int i = 0; i < 24; i++)
        values[i] = (float)(i % 3) / 2;
    write_buffer(on, session, NCA_BATCH, batch_of(&shape), states);
    assert_ok(on->backend->exchange(session, 1, values, 0.1, error));
    assert_refused(NCA_ARGUMENT, on->backend->exchange(session, 2, values, 0.1, error));
    float *got = read_buffer(on, session, NCA_BATCH, batch_of(&shape));
    assert_memory_equal(got, states, state_of(&shape) * sizeof *got);
    for (size_t cell = 0; cell < 12; cell++)
        for (size_t k = 0; k < 8; k++) {
            const size_t at = state_of(&shape) + cell * 8 + k;
            const float kept = values[2 * cell] > 0.1f ? states[at] : 0;
            assert_true(got[at] == (k < 2 ? values[2 * cell + k] : kept));
        }
    free(states), free(got);
    on->backend->destroy(session);
}

static void test_an_exchange_keeps_the_living_state(void **state)
{
    (void)state;
    nca_compute cpu, reference = open_reference();
    assert_ok(nca_compute_open("cpu", NULL, &cpu, error));
    check_exchange(&cpu);
    check_exchange(&reference);
    nca_compute_close(&cpu);
    nca_compute_close(&reference);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_match_finite_differences),
        cmocka_unit_test(test_every_spec_matches_the_reference),
        cmocka_unit_test(test_hidden_units_are_kept),
        cmocka_unit_test(test_going_back_again_gives_the_same),
        cmocka_unit_test(test_rules_side_by_side_are_each_alone),
        cmocka_unit_test(test_a_part_of_a_batch_is_the_batchs_part),
        cmocka_unit_test(test_an_exchange_keeps_the_living_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
