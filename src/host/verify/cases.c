// The cases that are verified, tested and timed, and what each starts from.
#include "verify/cases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SUMMED_SHAPE(b, h, w, t, c, k)                                             \
    {                                                                              \
        .batch = (b), .height = (h), .width = (w), .pool = (b), .tape_steps = (t), \
        .spec = {.channels = (c), .perception = NCA_SUMMED, .hidden = {(k)}},      \
    }

// The sizes of any other, in an initializer.
#define SIZES(b, h, w, t) .batch = (b), .height = (h), .width = (w), .pool = (b), .tape_steps = (t)

// The draws are such that no hidden unit comes so near to its change of sign that f32 takes the
// other side: one such unit in one cell counts some 1e-4 of the gradient.
// clang-format off
const nca_case nca_cases[] = {
    // The sizes of the benches' figures; too large to be checked against f64 in a test.
    {"4x56x56", NCA_GROWING_SHAPE(4, 56, 56, 4, 128, 16, 128), 0.5, 0, 1, 0, 0, 0, 0.22},
    {"8x72x72", NCA_GROWING_SHAPE(8, 72, 72, 8, 80, 16, 128), 0.5, 0, 1, 0, 0, 0, 0.2},
    {"digits",
     {.batch = 16, .height = 28, .width = 28, .pool = 16, .tape_steps = 20,
      .spec = {.channels = 20, .perception = NCA_MOORE, .hidden = {80, 80}, .frozen = 1, .alive = NCA_ALIVE_CHANNEL,
               .noise = 0.02}}, 0.5, 0, 1, 0, 27, 0, 0.1},
    // Real sizes of the rule, small grids.
    {"one-cell", NCA_GROWING_SHAPE(1, 1, 1, 2, 3, 16, 128), 1, 0, 1, 0, 0, 0, 1},
    {"3x5", NCA_GROWING_SHAPE(7, 3, 5, 9, 5, 16, 64), 0.2, 0, 1, 0, 2, 0, 0.1},
    {"3x5-all-fire", NCA_GROWING_SHAPE(1, 3, 5, 1, 5, 16, 192), 1, 0, 1, 0, 3, 0, 0.5},
    {"17x13-angle", NCA_GROWING_SHAPE(2, 17, 13, 2, 9, 16, 128), 0.5, 0.7, 1, 3, 4, 0, 0.2},
    {"13x17-given-bits", NCA_GROWING_SHAPE(2, 13, 17, 3, 6, 16, 128), 0.5, 2.5, 0.5, 0, 112, NCA_CASE_GIVEN, 0.2},
    {"row", NCA_GROWING_SHAPE(1, 1, 41, 1, 6, 16, 128), 0.5, 0, 1, 0, 10, 0, 0.2},
    {"column", NCA_GROWING_SHAPE(2, 41, 1, 2, 6, 16, 128), 0.2, 0, 1, 900, 11, 0, 0.1},
    {"3x41", NCA_GROWING_SHAPE(1, 3, 41, 1, 6, 16, 128), 0.5, 0, 1, 0, 12, 0, 0.2},
    {"no-steps", NCA_GROWING_SHAPE(2, 5, 4, 2, 0, 16, 128), 0.5, 0, 1, 0, 13, 0, 0.2},
    {"24x24-few-fire", NCA_GROWING_SHAPE(3, 24, 24, 3, 12, 16, 128), 0.2, 0, 1, 0, 116, 0, 0.1},
    {"24x24-32-steps", NCA_GROWING_SHAPE(2, 24, 24, 2, 32, 16, 128), 0.5, 0, 1, 0, 118, 0, 0.2},
    {"72x9-small-step", NCA_GROWING_SHAPE(1, 72, 9, 1, 10, 16, 64), 0.5, 0, 0.25, 0, 16, 0, 0.1},
    // Sizes that no fast kernel is for.
    {"one-cell-4-channels", NCA_GROWING_SHAPE(7, 1, 1, 7, 3, 4, 4), 0.2, 0.4, 1, 5, 1, 0, 0.2},
    {"17x13-4-channels", NCA_GROWING_SHAPE(2, 17, 13, 2, 6, 4, 4), 1, -1.1, 0.25, 0, 6, 0, 0.5},
    {"11x7-4-channels", NCA_GROWING_SHAPE(2, 11, 7, 2, 6, 4, 8), 0.5, 0, 1, 0, 17, 0, 0.2},
    {"17x13-8-channels", NCA_GROWING_SHAPE(7, 17, 13, 7, 4, 8, 64), 0.2, 0, 2, 900, 108, 0, 0.1},
    {"17x13-20-channels", NCA_GROWING_SHAPE(1, 17, 13, 2, 5, 20, 132), 0.5, 0.3, 1, 0, 8, 0, 0.2},
    {"9x9-132-hidden", NCA_GROWING_SHAPE(2, 9, 9, 2, 5, 16, 132), 1, 0, 1, 0, 9, 0, 0.5},
    // Cells that survive only through an updating dead neighbour.
    {"loud", NCA_GROWING_SHAPE(3, 17, 13, 3, 4, 16, 128), 0.5, 0, 1, 0, 18, NCA_CASE_LOUD, 0.2},
    {"loud-all-fire", NCA_GROWING_SHAPE(1, 11, 12, 1, 3, 16, 128), 1, 0.2, 1, 0, 19, NCA_CASE_LOUD, 0.5},
    {"loud-4-channels", NCA_GROWING_SHAPE(1, 11, 12, 1, 3, 4, 8), 1, 0.2, 1, 0, 20,
     NCA_CASE_LOUD | NCA_CASE_GIVEN, 0.5},
    {"loud-20-channels", NCA_GROWING_SHAPE(7, 5, 9, 1, 3, 20, 64), 0.2, 0, 0.5, 0, 21, NCA_CASE_LOUD, 0.1},
    {"loud-33-columns", NCA_GROWING_SHAPE(2, 9, 33, 2, 4, 20, 132), 0.5, 0.3, 1, 0, 22, NCA_CASE_LOUD, 0.2},
    {"loud-150x70", NCA_GROWING_SHAPE(1, 150, 70, 1, 2, 16, 128), 0.5, 0.1, 1, 0, 23, NCA_CASE_LOUD, 0.2},
    // The gradients of the sum over channels.
    {"summed", SUMMED_SHAPE(2, 17, 13, 8, 16, 128), 0.5, 0, 1, 0, 24, 0, 0.2},
    {"summed-angle", SUMMED_SHAPE(3, 9, 33, 6, 16, 128), 0.5, 0.7, 1, 3, 25, 0, 0.2},
    {"summed-20-channels", SUMMED_SHAPE(2, 13, 11, 6, 20, 132), 0.5, 0.3, 1, 0, 26, 0, 0.2},
    // Every other spec and objective. The digits' rule, by both of its losses.
    {"moore", {SIZES(2, 17, 13, 6), .spec = {.channels = 16, .perception = NCA_MOORE, .hidden = {64}}},
     0.5, 0, 1, 0, 30, 0, 0.2},
    {"loud-moore", {SIZES(2, 9, 33, 4), .spec = {.channels = 12, .perception = NCA_MOORE, .hidden = {64}}},
     0.5, 0, 1, 0, 31, NCA_CASE_LOUD, 0.2},
    {"two-layers", {SIZES(2, 13, 17, 6), .spec = {.channels = 16, .hidden = {64, 32}}}, 0.5, 0.7, 1, 3, 32, 0, 0.2},
    {"digits-squared",
     {SIZES(3, 14, 11, 8),
      .spec = {.channels = 20, .perception = NCA_MOORE, .hidden = {80, 80}, .frozen = 1, .alive = NCA_ALIVE_CHANNEL,
               .noise = 0.02},
      .objective = {NCA_HALF_SQUARED, NCA_CELLS_ALIVE, 10, 10, true}}, 0.5, 0, 1, 0, 33, 0, 0.2},
    {"digits-cross-entropy",
     {SIZES(3, 11, 14, 8),
      .spec = {.channels = 20, .perception = NCA_MOORE, .hidden = {80, 80}, .frozen = 1, .alive = NCA_ALIVE_CHANNEL,
               .noise = 0.02},
      .objective = {NCA_CROSS_ENTROPY, NCA_CELLS_ALIVE, 10, 10, false}}, 0.5, 0, 1, 900, 34, 0, 0.2},
    {"everywhere",
     {SIZES(2, 9, 35, 5),
      .spec = {.channels = 12, .perception = NCA_SUMMED, .hidden = {16, 24}, .frozen = 2,
               .alive = NCA_ALIVE_EVERYWHERE, .noise = 0.1},
      .objective = {NCA_MEAN_SQUARED, NCA_CELLS_ALL, 3, 6, true}}, 0.5, 0.4, 0.5, 0, 35, 0, 0.5},
    {"frozen-alpha",
     {SIZES(2, 11, 9, 5), .spec = {.channels = 12, .hidden = {16}, .frozen = 5},
      .objective = {NCA_CROSS_ENTROPY, NCA_CELLS_ALIVE, 6, 5, false}}, 0.5, 0, 1, 0, 36, 0, 0.2},
    {"living-labels",
     {SIZES(2, 13, 9, 6), .spec = NCA_GROWING(16, 128), .objective = {NCA_CROSS_ENTROPY, NCA_CELLS_ALIVE, 3, 7, false}},
     0.5, 0, 1, 0, 39, 0, 0.2},
    {"kept-steps",
     {SIZES(2, 13, 9, 7), .spec = NCA_GROWING(16, 128), .objective = {.kind = NCA_GIVEN}, .kept = 4},
     0.5, 0.3, 1, 0, 37, 0, 0.2},
    {"kept-steps-of-digits",
     {SIZES(2, 9, 9, 4),
      .spec = {.channels = 20, .perception = NCA_MOORE, .hidden = {80, 80}, .frozen = 1, .alive = NCA_ALIVE_CHANNEL},
      .objective = {.kind = NCA_GIVEN}, .kept = 4}, 0.5, 0, 1, 0, 38, 0, 0.2},
    // Rows that fill no vector of either instruction set, in every layer.
    {"7x5-part-vectors",
     {SIZES(3, 7, 5, 5), .spec = {.channels = 12, .perception = NCA_MOORE, .hidden = {36, 20}, .frozen = 2}},
     0.5, 0, 1, 0, 40, 0, 0.2},
    {"5x11-part-vectors",
     {SIZES(2, 5, 11, 5),
      .spec = {.channels = 28, .hidden = {4, 92}, .frozen = 3, .alive = NCA_ALIVE_CHANNEL, .alive_channel = 2},
      .objective = {NCA_MEAN_SQUARED, NCA_CELLS_ALL, 9, 13, false}}, 0.5, 0.7, 1, 0, 41, 0, 0.2},
    // A matrix mixes the states before each step: few reach the first bound, many the second.
    {"mixed", {SIZES(2, 13, 9, 6), .spec = {.channels = 16, .hidden = {64}, .mix_bound = 1}}, 0.5, 0.3, 1, 0, 42, 0, 0.2},
    {"mixed-everywhere",
     {SIZES(2, 7, 11, 5),
      .spec = {.channels = 12, .hidden = {36, 20}, .alive = NCA_ALIVE_EVERYWHERE, .mix_bound = 0.3}},
     0.5, 0, 1, 0, 43, 0, 0.5},
    {0},
};
// clang-format on

const nca_case *nca_case_find(const char *name)
{
    for (const nca_case *test_case = nca_cases; test_case->name; test_case++)
        if (strcmp(test_case->name, name) == 0)
            return test_case;
    return NULL;
}

// What f64 goes through in a moment.
enum { VERIFIED_CELL_STEPS_MAX = 25000 };

bool nca_case_is_verified(const nca_case *test_case)
{
    return !test_case->kind && test_case->shape.tape_steps > 0 &&
           nca_case_cell_steps(test_case) <= VERIFIED_CELL_STEPS_MAX;
}

static size_t cells_of(const nca_shape *shape)
{
    return (size_t)shape->height * (size_t)shape->width;
}

uint64_t nca_case_cell_steps(const nca_case *test_case)
{
    return (uint64_t)test_case->shape.batch * cells_of(&test_case->shape) *
           (uint64_t)test_case->shape.tape_steps;
}

nca_buffer nca_case_target(const nca_shape *shape)
{
    switch (shape->objective.kind) {
    case NCA_CROSS_ENTROPY:
        return NCA_LABELS;
    case NCA_GIVEN:
        return NCA_KEPT_GRADIENT;
    default:
        return NCA_TARGET;
    }
}

// Each of a case's arrays has draws of its own.
enum { PARAMETERS, STATES, TARGET, FIRE, ARRAYS };

static double draw(const nca_case *test_case, int array, size_t i)
{
    return nca_random_uniform((nca_key){.seed = 5}, NCA_RANDOM_TEST,
                              ARRAYS * test_case->draw + (uint32_t)array, 0, (uint32_t)i);
}

// Uniform in -size..size.
static void fill(const nca_case *test_case, int array, double size, float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(size * (2 * draw(test_case, array, i) - 1));
}

// Some alpha, or what else says who lives, is near the threshold, so that cells die, live and lift
// others.
static void mix_alpha(const nca_shape *shape, float *states)
{
    const size_t channels = (size_t)shape->spec.channels,
                 cells = cells_of(shape) * (size_t)shape->batch;
    const size_t life = shape->spec.alive == NCA_ALIVE_CHANNEL ? (size_t)shape->spec.alive_channel
                                                               : (size_t)NCA_ALPHA;
    for (size_t i = 0; i < cells; i++) {
        float *alpha = &states[i * channels + life];
        *alpha = i % 7 < 2 ? 0.8f + 0.4f * *alpha : i % 7 < 4 ? 0.1f + 0.1f * *alpha : 0;
    }
}

// Few living cells of low alpha, which a rule of -5 alpha + 0.25 lowers below the threshold and
// lifts dead ones above it.
static void make_loud(const nca_shape *shape, nca_case_start *start)
{
    const size_t channels = (size_t)shape->spec.channels,
                 cells = cells_of(shape) * (size_t)shape->batch;
    const nca_layout layout = nca_layout_of(&shape->spec);
    float *first_unit = start->parameters + layout.offset[NCA_HIDDEN_WEIGHT];
    for (size_t i = 0; i < cells; i++)
        start->states[i * channels + NCA_ALPHA] = i % 11 == 3 ? 0.12f : 0.01f * (float)(i % 5);
    const size_t own = shape->spec.perception == NCA_MOORE ? 4 * channels : 0;   // the cell itself
    for (size_t k = 0; k < (size_t)nca_spec_inputs(&shape->spec); k++)
        first_unit[k] = k == own + NCA_ALPHA ? 5 : 0;
    start->parameters[layout.offset[NCA_HIDDEN_BIAS]] = 0;
    start
        ->parameters[layout.offset[NCA_OUTPUT_WEIGHT] + NCA_ALPHA * (size_t)shape->spec.hidden[0]] =
        -1;
    start->parameters[layout.offset[NCA_OUTPUT_BIAS] + NCA_ALPHA] = 0.25f;
}

// Makes a matrix of draws symmetric and nearly the identity, so that states live through it.
static void make_mix(int channels, float *mix)
{
    const size_t size = (size_t)channels;
    for (size_t i = 0; i < size; i++) {
        for (size_t j = 0; j < i; j++)
            mix[i * size + j] = mix[j * size + i];
        mix[i * size + i] += 1;
    }
}

// What the objective measures states against: a target, labels, or given gradients.
static void fill_target(const nca_case *test_case, nca_case_start *out)
{
    const nca_shape *shape = &test_case->shape;
    const nca_buffer buffer = nca_case_target(shape);
    const size_t count = nca_buffer_elements(shape, buffer);
    const int classes = nca_objective_channels(&shape->objective);
    fill(test_case, TARGET, 0.5, out->target, count);
    for (size_t i = 0; buffer == NCA_LABELS && i < count; i++)
        out->target[i] = floorf((float)classes * (out->target[i] + 0.5f) * 0.999f);
}

static void fill_start(const nca_case *test_case, nca_case_start *out, size_t bits)
{
    const nca_shape *shape = &test_case->shape;
    const bool is_loud = test_case->kind & NCA_CASE_LOUD;
    const size_t states = cells_of(shape) * (size_t)shape->batch * (size_t)shape->spec.channels;
    const nca_layout layout = nca_layout_of(&shape->spec);
    fill(test_case, PARAMETERS, is_loud ? 0.03 : 0.08, out->parameters, layout.total);
    if (layout.size[NCA_MIX] > 0)
        make_mix(shape->spec.channels, out->parameters + layout.offset[NCA_MIX]);
    fill(test_case, STATES, 0.5, out->states, states);
    fill_target(test_case, out);
    mix_alpha(shape, out->states);
    if (is_loud)
        make_loud(shape, out);
    for (size_t i = 0; i < bits; i++)
        out->fire[i] = draw(test_case, FIRE, i) < test_case->fire_rate;
    for (int i = 0; i < shape->kept; i++)   // the first state and the last ones
        out->kept[i] = i * (shape->tape_steps + 1) / (shape->kept - 1);
}

nca_status nca_case_begin(const nca_case *test_case, nca_case_start *out, nca_error *error)
{
    const nca_shape *shape = &test_case->shape;
    const size_t cells = cells_of(shape), batch = (size_t)shape->batch;
    const size_t bits =
        test_case->kind & NCA_CASE_GIVEN ? (size_t)nca_case_cell_steps(test_case) : 0;
    nca_case_start made = {
        .parameters = malloc(nca_layout_of(&shape->spec).total * sizeof(float)),
        .states = malloc(cells * batch * (size_t)shape->spec.channels * sizeof(float)),
        .target = malloc(nca_buffer_elements(shape, nca_case_target(shape)) * sizeof(float)),
        .kept = calloc((size_t)shape->kept + 1, sizeof(int)),
        .fire = bits > 0 ? malloc(bits) : NULL};
    if (!made.parameters || !made.states || !made.target || !made.kept ||
        (bits > 0 && !made.fire)) {
        nca_case_free(&made);
        return nca_fail(error, NCA_MEMORY, "case %s: no memory for it", test_case->name);
    }
    fill_start(test_case, &made, bits);
    *out = made;
    return NCA_OK;
}

void nca_case_free(nca_case_start *start)
{
    free(start->parameters);
    free(start->states);
    free(start->target);
    free(start->kept);
    free(start->fire);
    *start = (nca_case_start){0};
}

nca_rollout nca_case_rollout(const nca_case *test_case, const nca_case_start *start)
{
    return (nca_rollout){.steps = test_case->shape.tape_steps,
                         .first_step = test_case->first_step,
                         .key = {.seed = 0x123456789abcdef0u, .update = 77},
                         .fire_rate = test_case->fire_rate,
                         .angle = test_case->angle,
                         .step_size = test_case->step_size,
                         .alive_threshold = NCA_ALIVE_THRESHOLD,
                         .kept = test_case->shape.kept > 0 ? start->kept : NULL,
                         .fire = start->fire,
                         .keep_tape = test_case->shape.tape_steps > 0};
}
