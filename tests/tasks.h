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
static inline pictures draw_noise(void)
{
    pictures all;
    for (uint32_t item = 0; item < PICTURES; item++)
        for (uint32_t i = 0; i < CELLS; i++)
            all.pixels[item][i] = draw(item, i) < (item + 0.5) / PICTURES;
    return all;
}

// Stripes of class item % 3: along x, along y, across; one cell in twenty is wrong.
static inline pictures draw_stripes(void)
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

// Black and white as the picture, and red as the second channel.
static void paint_cells(const float *state, int height, int width, int channels, uint8_t *rgb)
{
    for (int i = 0; i < height * width; i++, state += channels, rgb += 3) {
        rgb[0] = (uint8_t)(255 * fmin(fmax(state[1], 0), 1));
        rgb[1] = rgb[2] = state[0] > 0.5f ? 255 : 0;
    }
}

// -- The mean: a task that ranks its samples, and has figures and films --------------------------

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

// Which share of the cells is right within a tenth, and how far they are from each other.
static void measure_mean(const void *content, const nca_shape *shape, int64_t item,
                         const float *state, nca_measured *values)
{
    float mean[CELLS];
    double near = 0, least = INFINITY, most = -INFINITY;
    mean_of(content, shape, item, mean);
    for (int i = 0; i < CELLS; i++) {
        const double said = state[(size_t)i * (size_t)shape->spec.channels + 1];
        near += fabs(said - mean[i]) < 0.1;
        least = fmin(least, said), most = fmax(most, said);
    }
    values[0] = (nca_measured){near / CELLS, CELLS};
    values[1] = (nca_measured){most - least, 1};
}

static const nca_figure mean_figures[] = {
    {"cells_near", "cells near"}, {"spread", "spread"}, {NULL, NULL}};
static const char *const mean_channels[] = {"picture", "mean", NULL};
static const nca_task_film mean_films[] = {{.file = "agreement.webp", .steps = 8, .every = 2}, {0}};

// What both tasks have alike.
#define TASK_OF_PICTURES                                                                          \
    .beginning_words = "an empty grid", .content_words = "set of pictures", .exchange_limit = -1, \
    .check = check, .numbers = numbers, .items = items, .begin = begin, .draw = draw_sample,      \
    .frozen = frozen, .prepare = prepare, .paint = paint_cells

static const nca_task mean_task = {
    TASK_OF_PICTURES,
    .name = "mean",
    .shape = shape_mean,
    .target = mean_of,
    .rank = rank,
    .good_loss = -2,
    .figures = mean_figures,
    .measure = measure_mean,
    .channels = mean_channels,
    .films = mean_films,
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
