// The task of growing a picture: every sample starts from a seed, the worst of a batch start anew,
// the best are damaged.
// Source: Mordvintsev et al. 2020, experiments 1 to 3.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nca/image.h"
#include "nca/task.h"
#include "task/cuts.h"
#include "task/damage.h"
#include "task/kept_target.h"
#include "task/seed.h"

static nca_status check_settings(const nca_config *config, nca_plan *plan, nca_error *error)
{
    const nca_grid *grid = &plan->grid;
    if (!*config->target)
        return nca_fail(error, NCA_ARGUMENT, "--target: empty; give a picture or an emoji");
    if (config->target_size > grid->height && config->target_size > grid->width)
        return nca_fail(error, NCA_ARGUMENT,
                        "--target-size %lld: larger than the grid of %dx%d; shrink one or grow "
                        "the other",
                        (long long)config->target_size, grid->height, grid->width);
    return NCA_OK;
}

// -- The target -----------------------------------------------------------------------------------

// A picture without a transparent pixel grows with its background, which is seldom meant.
static void notice_background(const nca_config *config, const nca_image *image,
                              nca_content *content)
{
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++)
        if (image->pixels[4 * i + 3] < 1)
            return;
    snprintf(content->notice, sizeof content->notice,
             "%s has no clear pixel, so its background grows as well; --background #%02x%02x%02x "
             "makes that colour clear",
             config->target, (unsigned)(image->pixels[0] * 255 + 0.5f) & 255,
             (unsigned)(image->pixels[1] * 255 + 0.5f) & 255,
             (unsigned)(image->pixels[2] * 255 + 0.5f) & 255);
}

// A seed that is not where one would look for it.
static void notice_seed(const nca_content_source *source, const nca_growth *growth,
                        nca_content *content)
{
    if (source->seed_at.kind != NCA_SEED_AUTO || (growth->seed[0] == 0 && growth->seed[1] == 0))
        return;
    snprintf(content->notice, sizeof content->notice,
             "%s is clear in the middle: the seed stands on the visible cell nearest to it, %d,%d "
             "(--seed-at Y,X chooses another)",
             source->config->target, content->grid.height / 2 + growth->seed[0],
             content->grid.width / 2 + growth->seed[1]);
}

static void unload(void *data)
{
    nca_growth *growth = data;
    if (growth)
        nca_image_free(&growth->target);
    free(growth);
}

static bool can_die(const nca_config *config)
{
    return strcmp(config->alive, "maximum") == 0;
}

// Where the seed stands: of itself in the middle, unless the target is clear there.
static nca_status place_seed_of(const nca_content_source *source, nca_growth *growth,
                                nca_error *error)
{
    const nca_grid grid = {growth->target.height, growth->target.width};
    int place[2];
    NCA_TRY(nca_seed_cell(&source->seed_at, &grid, place, error));
    if (source->seed_at.kind == NCA_SEED_AUTO && can_die(source->config))
        (void)nca_seed_find(&growth->target, place);   // without a visible cell it stays
    growth->seed[0] = place[0] - grid.height / 2;
    growth->seed[1] = place[1] - grid.width / 2;
    return NCA_OK;
}

// The picture in the middle of its grid.
static nca_status place_picture(const nca_content_source *source, const nca_image *image,
                                nca_content *out, nca_error *error)
{
    const nca_grid *other = &source->other_grid;
    const bool fits = image->height <= other->height && image->width <= other->width;
    nca_content content = {.grid = fits ? *other : source->grid};
    nca_growth *growth = calloc(1, sizeof *growth);
    nca_status status;
    if (!growth)
        return nca_fail(error, NCA_MEMORY, "%.200s: no memory for it", source->config->target);
    NCA_GO(nca_image_pad(image, content.grid.height, content.grid.width, &growth->target, error));
    NCA_GO(place_seed_of(source, growth, error));
    notice_background(source->config, image, &content);
    notice_seed(source, growth, &content);
    content.data = growth;
    *out = content;
    return NCA_OK;
cleanup:
    unload(growth);
    return status;
}

// As the run keeps it, or made by the settings.
static nca_status load_picture(const nca_content_source *source, nca_image *out, nca_error *error)
{
    const nca_config *config = source->config;
    char path[NCA_PATH_BYTES];
    if (source->folder && !source->is_changed && nca_kept_target_is_there(source->folder))
        return nca_kept_target_read(source->folder, out, error);
    const nca_target_options options = {
        .source = source->folder ? nca_kept_target_find(source->folder, config->target, path)
                                 : config->target,
        .font = config->font,
        .background = config->background,
        .target_size = (int)config->target_size,
        .trim = config->trim};
    return nca_target_load(&options, out, error);
}

static nca_status load(const nca_content_source *source, nca_content *out, nca_error *error)
{
    nca_image image;
    NCA_TRY(load_picture(source, &image, error));
    const nca_status status = place_picture(source, &image, out, error);
    nca_image_free(&image);
    return status;
}

static nca_status keep(const nca_content_source *source, const char *folder, nca_error *error)
{
    nca_image image;
    if (nca_kept_target_is_there(folder))
        return NCA_OK;
    NCA_TRY(load_picture(source, &image, error));
    const nca_status status = nca_kept_target_write(folder, &image, error);
    nca_image_free(&image);
    return status;
}

// -- Samples --------------------------------------------------------------------------------------

static void shape_session(const nca_config *config, nca_shape *shape)
{
    (void)config;
    shape->beginnings = 1;
}

static const char *say_loss(const nca_shape *shape)
{
    (void)shape;
    return "the mean squared difference to the target";
}

static nca_status check(const void *content, const nca_shape *shape, nca_error *error)
{
    const nca_image *target = &((const nca_growth *)content)->target;
    if (target->height == shape->height && target->width == shape->width)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "a target of %dx%d for a grid of %dx%d", target->height,
                    target->width, shape->height, shape->width);
}

// Where the target is clear, training makes cells clear, and those live by their alpha alone.
static nca_status check_start(const nca_config *config, const void *content, nca_error *error)
{
    const nca_growth *growth = content;
    const int y = growth->target.height / 2 + growth->seed[0];
    const int x = growth->target.width / 2 + growth->seed[1];
    int nearest[2] = {0};
    if (!can_die(config) || nca_seed_can_live(&growth->target, y, x))
        return NCA_OK;
    if (!nca_seed_find(&growth->target, nearest))
        return nca_fail(error, NCA_ARGUMENT,
                        "%.200s: at %lld cells none of it has an alpha above %g, so nothing of it "
                        "can live; cut its empty border away with --trim, give it a larger "
                        "--target-size, or make it more opaque",
                        config->target, (long long)config->target_size,
                        (double)NCA_ALIVE_THRESHOLD);
    return nca_fail(
        error, NCA_ARGUMENT,
        "--seed-at %.40s: the seed lies in a clear part of %.200s, where nothing can "
        "live; leave it out, or give a visible cell: %d,%d is the nearest to the middle",
        config->seed_at, config->target, nearest[0], nearest[1]);
}

static const float *pixels(const void *content, const nca_shape *shape, size_t *count)
{
    *count = (size_t)shape->height * (size_t)shape->width * NCA_VISIBLE;
    return ((const nca_growth *)content)->target.pixels;
}

static void put_seed(const void *content, const nca_shape *shape, int beginning, float *state)
{
    const nca_growth *growth = content;
    (void)beginning;
    nca_seed_put(state, shape->width, shape->spec.channels,
                 shape->height / 2 + (growth ? growth->seed[0] : 0),
                 shape->width / 2 + (growth ? growth->seed[1] : 0));
}

static void tell_seed(const void *content, int seed[2])
{
    memcpy(seed, ((const nca_growth *)content)->seed, 2 * sizeof *seed);
}

static void place_seed(const nca_shape *shape, int y, int x, float *state)
{
    nca_seed_put(state, shape->width, shape->spec.channels, y, x);
}

static void copy_target(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    size_t count;
    (void)item;
    const float *from = pixels(content, shape, &count);
    memcpy(values, from, count * sizeof *values);
}

static double rank(const nca_sample_report *sample)
{
    return sample->loss;
}

// What grew from the seed without a cut has to live. Where some begin as the seed the first does.
static void prepare(const nca_task_update *update, nca_sample *samples)
{
    const nca_config *config = update->config;
    const nca_shape *shape = update->shape;
    const nca_damage *damage = nca_damage_of(&update->plan->damage, update->key.update);
    for (int slot = 0; slot < config->reseeded; slot++)
        samples[slot].beginning = 0;
    for (int slot = shape->batch - (int)damage->samples; slot < shape->batch; slot++) {
        samples[slot].is_damaged = true;
        samples[slot].region =
            nca_damage_draw(update->key, (uint32_t)slot, damage, shape->height, shape->width);
    }
    samples[0].must_live = config->reseeded > 0 || (shape->pool == 0 && damage->samples == 0);
}

static bool is_dead(const nca_sample_report *sample)
{
    return sample->alive_cells == 0;
}

// -- For people -----------------------------------------------------------------------------------

static const nca_image *picture(const void *content)
{
    return &((const nca_growth *)content)->target;
}

// Centre, halfway to the edge, and edge: on the row of the centre, leftwards, so that a cut of the
// left half goes through the last two. The edge is the last cell of the target with alpha above the
// threshold.
static void choose_cells(const void *content, const nca_grid *grid, int64_t item,
                         int cell[NCA_TASK_CELLS][2])
{
    (void)item;
    const nca_image *target = picture(content);
    const int y = grid->height / 2, middle = grid->width / 2;
    int edge = 0;
    while (edge < middle &&
           target->pixels[((size_t)y * (size_t)grid->width + (size_t)edge) * NCA_VISIBLE +
                          NCA_ALPHA] <= NCA_ALIVE_THRESHOLD)
        edge++;
    if (edge == middle)   // nothing of the target lies there
        edge = middle / 2;
    const int column[NCA_TASK_CELLS] = {middle, (middle + edge) / 2, edge};
    for (int i = 0; i < NCA_TASK_CELLS; i++) {
        cell[i][0] = y;
        cell[i][1] = column[i];
    }
}

static nca_region left_half(int height, int width)
{
    return nca_cut_region(NCA_CUT_LEFT, height, width);
}

static const char *const unread[] = {"share", "say", NULL};

static const nca_task_film films[] = {
    {.file = "growth.webp", .steps = 200, .every = 2},
    {.file = "healing.webp", .steps = 600, .every = 4, .damage_at = 200, .region = left_half},
    {0},
};

// Of the mean squared difference, where colours reach from 0 to 1. Its root is a tenth at -2, a
// thirtieth at -3, a hundredth at -4; above 0 it is more than any picture can differ by.
static const nca_grade grades[] = {
    {-4, "hard to tell apart"}, {-3, "good"},           {-2, "blurred"},
    {0, "not recognisable"},    {INFINITY, "exploded"}, {0, NULL},
};

static const char *const channels[] = {"red", "green", "blue", "alpha", NULL};

const nca_task nca_task_grow = {
    .name = "grow",
    .summary = "a picture from a seed",
    .beginning_words = "the seed",
    .content_words = "target picture",
    .precision = NCA_PRECISION_AUTO,   // docs/precision.md has the trainings
    .good_loss = -2,                   // at that a picture can be recognised
    .grades = grades,
    .plan = check_settings,
    .load = load,
    .unload = unload,
    .keep = keep,
    .unread = unread,
    .shape = shape_session,
    .loss_words = say_loss,
    .check = check,
    .check_start = check_start,
    .numbers = pixels,
    .begin = put_seed,
    .place = place_seed,
    .seed = tell_seed,
    .target = copy_target,
    .rank = rank,
    .prepare = prepare,
    .is_dead = is_dead,
    .paint = nca_image_on_white,
    .channels = channels,
    .picture = picture,
    .choose_cells = choose_cells,
    .films = films,
};
