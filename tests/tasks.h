// Two small tasks: cells that agree on the mean of a frozen channel, and cells that say which way
// the stripes of a picture run. Each has pictures in a frozen channel, a target of its own for
// every sample, no cell that dies, and samples whose picture is exchanged under their state.
#ifndef NCA_TESTS_TASKS_H
#define NCA_TESTS_TASKS_H

#include "support.h"

#include "nca/nca.h"

enum {
    SIDE = 6,
    CELLS = SIDE * SIDE,
    PICTURES = 30,
    CLASSES = 3,
    ROWS = 12,
    BATCH = 6,
    FRESH = 2,
    CHANGED = 2
};

typedef struct pictures {
    float pixels[PICTURES][CELLS];
} pictures;

static double draw(uint32_t sample, uint32_t index)
{
    return nca_random_uniform((nca_key){.seed = 3}, NCA_RANDOM_TEST, sample, 0, index);
}

// Black and white at a share of its own.
static pictures draw_noise(void)
{
    pictures all;
    for (uint32_t item = 0; item < PICTURES; item++)
        for (uint32_t i = 0; i < CELLS; i++)
            all.pixels[item][i] = draw(item, i) < (item + 0.5) / PICTURES;
    return all;
}

// Stripes of class item % 3: along x, along y, across; one cell in twenty is wrong.
static pictures draw_stripes(void)
{
    pictures all;
    for (uint32_t item = 0; item < PICTURES; item++)
        for (uint32_t i = 0; i < CELLS; i++) {
            const uint32_t y = i / SIDE, x = i % SIDE, along[CLASSES] = {y, x, y + x};
            const bool is_white = (along[item % CLASSES] + item / CLASSES) % 3 == 0;
            all.pixels[item][i] = is_white != (draw(100 + item, i) < 0.05);
        }
    return all;
}

// -- What both tasks share ------------------------------------------------------------------------

static nca_spec make_spec(const nca_shape *shape)
{
    return (nca_spec){.channels = shape->spec.channels,
                      .hidden = {shape->spec.hidden[0]},
                      .perception = NCA_MOORE,
                      .frozen = 1,
                      .alive = NCA_ALIVE_EVERYWHERE};
}

static nca_status check(const void *content, const nca_shape *shape, nca_error *error)
{
    (void)content;
    return shape->height == SIDE && shape->width == SIDE
               ? NCA_OK
               : nca_fail(error, NCA_ARGUMENT, "pictures of %dx%d for a grid of %dx%d", SIDE, SIDE,
                          shape->height, shape->width);
}

static const float *numbers(const void *content, const nca_shape *shape, size_t *count)
{
    (void)shape;
    *count = PICTURES * CELLS;
    return ((const pictures *)content)->pixels[0];
}

static int64_t items(const void *content)
{
    (void)content;
    return PICTURES;
}

// All zero: the picture comes as the item's.
static void begin(const void *content, const nca_shape *shape, int beginning, float *state)
{
    (void)content, (void)shape, (void)state;
    assert_int_equal(beginning, 0);
}

static nca_sample draw_sample(const nca_task_update *update, uint32_t number)
{
    const double x = nca_random_uniform(update->key, NCA_RANDOM_TASK, number, 0, 0);
    return (nca_sample){.item = (int64_t)(x * PICTURES)};
}

static void frozen(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    (void)shape;
    memcpy(values, ((const pictures *)content)->pixels[item], CELLS * sizeof *values);
}

static void prepare(const nca_task_update *update, nca_sample *samples)
{
    for (int slot = 0; slot < FRESH; slot++)
        samples[slot] = draw_sample(update, (uint32_t)slot);
    for (int slot = BATCH - CHANGED; slot < BATCH; slot++)
        samples[slot].item = draw_sample(update, (uint32_t)slot).item;
}

static double rank(const nca_sample_report *sample)
{
    return sample->loss;
}

// -- The mean: a task that ranks its samples ------------------------------------------------------

static void shape_mean(const nca_config *config, nca_shape *shape)
{
    (void)config;
    shape->spec = make_spec(shape);
    shape->objective = (nca_objective){.first = 1, .count = 1, .is_per_sample = true};
    shape->beginnings = 1;
}

static void mean_of(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    double sum = 0;
    (void)shape;
    for (int i = 0; i < CELLS; i++)
        sum += ((const pictures *)content)->pixels[item][i];
    for (int i = 0; i < CELLS; i++)
        values[i] = (float)(sum / CELLS);
}

// What both tasks have alike.
#define TASK_OF_PICTURES                                                                          \
    .beginning_words = "an empty grid", .content_words = "set of pictures", .exchange_limit = -1, \
    .check = check, .numbers = numbers, .items = items, .begin = begin, .draw = draw_sample,      \
    .frozen = frozen, .prepare = prepare

static const nca_task mean_task = {
    TASK_OF_PICTURES, .name = "mean", .shape = shape_mean, .target = mean_of, .rank = rank,
};

// -- The stripes: a task of labels, in the order drawn --------------------------------------------

static void shape_stripes(const nca_config *config, nca_shape *shape)
{
    (void)config;
    shape->spec = make_spec(shape);
    shape->objective = (nca_objective){.kind = NCA_CROSS_ENTROPY, .first = 4, .count = CLASSES};
    shape->beginnings = 1;
}

static void label_of(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    (void)content, (void)shape;
    *values = (float)(item % CLASSES);
}

static const nca_task stripes_task = {
    TASK_OF_PICTURES,
    .name = "stripes",
    .shape = shape_stripes,
    .target = label_of,
};

#endif
