// The task of digits: cells on a handwritten digit see its grey around them, talk, and agree on
// which digit they are part of.
// Source: Randazzo, Mordvintsev, Niklasson, Levin, Greydanus 2020, Self-classifying MNIST Digits.
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nca/task.h"
#include "task/digit_set.h"
#include "task/digits.h"

// -- Settings and content -------------------------------------------------------------------------

// The picture says which cells live, the last channels are the classes, one besides is hidden.
static nca_status complete_plan(const nca_config *config, nca_plan *plan, nca_error *error)
{
    if (!*config->data)
        return nca_fail(error, NCA_ARGUMENT,
                        "--data: needed; give the folder with MNIST's files of digits");
    if (plan->spec.alive != NCA_ALIVE_CHANNEL)
        return nca_fail(error, NCA_ARGUMENT,
                        "--alive %s: the picture says here which cells live; give channel",
                        config->alive);
    if (plan->spec.channels < NCA_DIGIT_CLASSES + 2)
        return nca_fail(error, NCA_ARGUMENT,
                        "--channels %d: a picture, %d classes and what is hidden need %d at least",
                        plan->spec.channels, NCA_DIGIT_CLASSES, NCA_DIGIT_CLASSES + 2);
    if (plan->damage.stages > 1)
        return nca_fail(error, NCA_ARGUMENT,
                        "--damage-changes: digits are exchanged, not damaged; leave it out");
    if (config->damaged > 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "--damaged: digits are exchanged, not damaged; give 0 and --exchanged");
    if (config->reseeded + config->exchanged > config->batch)
        return nca_fail(error, NCA_ARGUMENT,
                        "--reseeded %lld and --exchanged %lld: together more than --batch %lld",
                        (long long)config->reseeded, (long long)config->exchanged,
                        (long long)config->batch);
    plan->spec.frozen = 1;
    plan->spec.alive_channel = 0;
    return NCA_OK;
}

static void unload(void *data)
{
    nca_digits_free(data);
    free(data);
}

static nca_status load(const nca_content_source *source, nca_content *out, nca_error *error)
{
    const nca_config *config = source->config;
    nca_digits *digits = calloc(1, sizeof *digits);
    if (!digits)
        return nca_fail(error, NCA_MEMORY, "--data %s: no memory for it", config->data);
    const nca_status status = nca_digits_load(config->data, config->held_out, digits, error);
    if (status != NCA_OK) {
        free(digits);
        return status;
    }
    *out = (nca_content){.data = digits, .grid = {digits->height, digits->width}};
    return NCA_OK;
}

static void shape_session(const nca_config *config, nca_shape *shape)
{
    const bool is_cross_entropy = config && strcmp(config->loss, "cross-entropy") == 0;
    shape->spec.frozen = 1;
    shape->spec.alive = NCA_ALIVE_CHANNEL;
    shape->spec.alive_channel = 0;
    shape->beginnings = 1;
    shape->objective =
        (nca_objective){.kind = is_cross_entropy ? NCA_CROSS_ENTROPY : NCA_HALF_SQUARED,
                        .cells = NCA_CELLS_ALIVE,
                        .first = shape->spec.channels - NCA_DIGIT_CLASSES,
                        .count = NCA_DIGIT_CLASSES,
                        .is_per_sample = !is_cross_entropy};
}

static const char *say_loss(const nca_shape *shape)
{
    return shape->objective.kind == NCA_CROSS_ENTROPY
               ? "the cross entropy with the digit's class, as a mean over the living cells"
               : "half the squared difference to the digit's class, summed over the living cells";
}

static nca_status check(const void *content, const nca_shape *shape, nca_error *error)
{
    const nca_digits *digits = content;
    const nca_spec *spec = &shape->spec;
    if (spec->channels < NCA_DIGIT_CLASSES + 2 || spec->frozen != 1 ||
        spec->alive != NCA_ALIVE_CHANNEL)
        return nca_fail(error, NCA_ARGUMENT,
                        "a rule of %d channels, %d frozen, alive by %s: one for digits has %d or "
                        "more, freezes the picture and lives by it",
                        spec->channels, spec->frozen, nca_alive_words[spec->alive],
                        NCA_DIGIT_CLASSES + 2);
    if (digits->height != shape->height || digits->width != shape->width)
        return nca_fail(error, NCA_ARGUMENT,
                        "digits of %dx%d for a grid of %dx%d: give --grid %dx%d", digits->height,
                        digits->width, shape->height, shape->width, digits->height, digits->width);
    return NCA_OK;
}

static const float *numbers(const void *content, const nca_shape *shape, size_t *count)
{
    const nca_digits *digits = content;
    *count = (size_t)digits->count * ((size_t)shape->height * (size_t)shape->width + 1);
    return digits->values;
}

static int64_t items(const void *content)
{
    return ((const nca_digits *)content)->count;
}

// -- Samples --------------------------------------------------------------------------------------

// All zero: the grey comes as the digit's.
static void begin(const void *content, const nca_shape *shape, int beginning, float *state)
{
    (void)content, (void)shape, (void)beginning, (void)state;
}

// To train, any of those that are not held out; to judge, one after the other of those that are.
static nca_sample draw(const nca_task_update *update, uint32_t number)
{
    const nca_digits *digits = update->content;
    uint32_t words[4];
    if (!update->config) {
        nca_random_words(update->key, NCA_RANDOM_TASK, 0, 0, 0, words);
        return (nca_sample){.item = nca_digits_judged(digits, words[0], number)};
    }
    nca_random_words(update->key, NCA_RANDOM_TASK, number, 0, 0, words);
    const uint64_t bits = (uint64_t)words[1] << 32 | words[0];
    const uint64_t count = (uint64_t)(digits->count - digits->held_out);
    return (nca_sample){.item = (int64_t)(((__uint128_t)bits * count) >> 64)};
}

static void copy_grey(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    memcpy(values, nca_digits_grey(content, item), cells * sizeof *values);
}

// One in the channel of the digit's class, or its label. Dead cells do not count.
static void make_target(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    const int label = nca_digits_label(content, item);
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    if (shape->objective.kind == NCA_CROSS_ENTROPY) {
        *values = (float)label;
        return;
    }
    memset(values, 0, cells * NCA_DIGIT_CLASSES * sizeof *values);
    for (size_t i = 0; i < cells; i++)
        values[i * NCA_DIGIT_CLASSES + (size_t)label] = 1;
}

// The first of a batch start anew, the last get another digit under their state.
static void prepare(const nca_task_update *update, nca_sample *samples)
{
    const nca_config *config = update->config;
    const int batch = update->shape->batch;
    for (int slot = 0; slot < config->reseeded; slot++)
        samples[slot] = draw(update, (uint32_t)slot);
    for (int slot = batch - (int)config->exchanged; slot < batch; slot++)
        samples[slot].item = draw(update, (uint32_t)slot).item;
}

// -- Judging --------------------------------------------------------------------------------------

int nca_digit_said(const float *cell, int channels)
{
    const float *class = cell + channels - NCA_DIGIT_CLASSES;
    int best = 0, ties = 0;
    for (int i = 1; i < NCA_DIGIT_CLASSES; i++) {
        ties = class[i] > class[best] ? 0 : ties + (class[i] == class[best]);
        best = class[i] > class[best] ? i : best;
    }
    return ties == 0 && class[best] == class[best] ? best : -1;
}

static void measure(const void *content, const nca_shape *shape, int64_t item, const float *state,
                    nca_measured *values)
{
    const int label = nca_digits_label(content, item), channels = shape->spec.channels;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    int living = 0, right = 0, first = -1;
    bool agree = true;
    for (size_t i = 0; i < cells; i++, state += channels) {
        if (!(state[0] > NCA_DIGIT_GREY_LIMIT))
            continue;
        const int class = nca_digit_said(state, channels);
        first = living == 0 ? class : first;
        agree &= class >= 0 && class == first;
        right += class == label;
        living++;
    }
    values[0] = (nca_measured){living > 0 ? (double)right / living : 0, living};
    values[1] = (nca_measured){agree && living > 0, 1};
}

static const nca_figure figures[] = {
    {"cells_right", "cells right"}, {"agreement", "total agreement"}, {NULL, NULL}};

static void confuse(const void *content, const nca_shape *shape, int64_t item, const float *state,
                    int64_t *cells)
{
    const int channels = shape->spec.channels;
    int64_t *row = cells + nca_digits_label(content, item) * (NCA_DIGIT_CLASSES + 1);
    for (int i = 0; i < shape->height * shape->width; i++, state += channels)
        if (state[0] > NCA_DIGIT_GREY_LIMIT) {
            const int class = nca_digit_said(state, channels);
            row[class >= 0 ? class : NCA_DIGIT_CLASSES]++;
        }
}

// -- For people -----------------------------------------------------------------------------------

static const uint8_t colours[NCA_DIGIT_CLASSES][3] = {
    {214, 40, 57},  {240, 128, 30}, {232, 196, 20}, {140, 198, 30}, {24, 140, 66},
    {20, 180, 190}, {36, 98, 220},  {120, 60, 215}, {222, 60, 180}, {120, 78, 44}};

// A colour for each class on white, black where a cell says none; paler where the digit is.
static void paint(const float *state, int height, int width, int channels, uint8_t *rgb)
{
    for (int i = 0; i < height * width; i++, state += channels, rgb += 3) {
        const int class = state[0] > NCA_DIGIT_GREY_LIMIT ? nca_digit_said(state, channels) : -1;
        const float white =
            state[0] > NCA_DIGIT_GREY_LIMIT ? (state[0] < 1 ? 0.5f * (1 - state[0]) : 0) : 1;
        for (int k = 0; k < 3; k++) {
            const float own = class >= 0 ? nca_digit_colours[class][k] : 30;
            rgb[k] = (uint8_t)(own + (255 - own) * white + 0.5f);
        }
    }
}

static const char *const channels[] = {"grey", NULL};
static const char *const unread[] = {NCA_DIGITS_UNREAD, "share", "say", NULL};
static const char *const classes[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", NULL};

// Living cells of a digit: the middle one as a page is read, and one near each of its ends.
static void choose_cells(const void *content, const nca_grid *grid, int64_t item,
                         int cell[NCA_TASK_CELLS][2])
{
    const float *grey = nca_digits_grey(content, item);
    const int cells = grid->height * grid->width;
    int living = 0;
    for (int i = 0; i < cells; i++)
        living += grey[i] > NCA_DIGIT_GREY_LIMIT;
    const int place[NCA_TASK_CELLS] = {living / 2, living / 10, living * 9 / 10};
    for (int i = 0, seen = 0; i < cells; i++) {
        if (!(grey[i] > NCA_DIGIT_GREY_LIMIT))
            continue;
        for (int k = 0; k < NCA_TASK_CELLS; k++)
            if (place[k] == seen) {
                cell[k][0] = i / grid->width;
                cell[k][1] = i % grid->width;
            }
        seen++;
    }
}

static const nca_task_film films[] = {
    {.file = "digit.webp", .steps = 400, .every = 2, .exchange_at = 200}, {0}};

const nca_spec nca_digits_usual = {.perception = NCA_MOORE,
                                   .frozen = 1,
                                   .alive = NCA_ALIVE_CHANNEL,
                                   .alive_channel = 0,
                                   .noise = 0.02};

static const nca_task_judging judging = {.samples_words = "digits",
                                         .steps = "0,20,40,60,80,100,120,140,160,180,200",
                                         .samples = 500,
                                         .exchange = true,
                                         .cut_at = 200,
                                         .heal_steps = 200};

const nca_task nca_task_digits = {
    .name = "digits",
    .summary = "which handwritten digit the cells form",
    .beginning_words = "a new digit",
    .content_words = "set of digits",
    .preset = "digits",
    .reads_data = true,
    .unread = unread,
    .usual = &nca_digits_usual,
    .exchange_limit = NCA_DIGIT_GREY_LIMIT,
    .good_loss = 1,
    .plan = complete_plan,
    .load = load,
    .unload = unload,
    .shape = shape_session,
    .loss_words = say_loss,
    .check = check,
    .numbers = numbers,
    .items = items,
    .begin = begin,
    .draw = draw,
    .frozen = copy_grey,
    .target = make_target,
    .prepare = prepare,
    .figures = figures,
    .measure = measure,
    .classes = classes,
    .class_colours = colours,
    .confuse = confuse,
    .judging = &judging,
    .paint = paint,
    .channels = channels,
    .choose_cells = choose_cells,
    .films = films,
};
