// The task of growing a picture: every sample starts from a seed in the middle, the worst of a
// batch start anew, the best are damaged.
// Source: Mordvintsev et al. 2020, experiments 1 to 3.
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

static void unload(void *data)
{
    nca_image_free(data);
    free(data);
}

// The picture in the middle of its grid.
static nca_status place_picture(const nca_content_source *source, const nca_image *image,
                                nca_content *out, nca_error *error)
{
    const nca_grid *other = &source->other_grid;
    const bool fits = image->height <= other->height && image->width <= other->width;
    nca_content content = {.grid = fits ? *other : source->grid};
    nca_image *target = calloc(1, sizeof *target);
    if (!target)
        return nca_fail(error, NCA_MEMORY, "%.200s: no memory for it", source->config->target);
    const nca_status status =
        nca_image_pad(image, content.grid.height, content.grid.width, target, error);
    if (status != NCA_OK) {
        free(target);
        return status;
    }
    notice_background(source->config, image, &content);
    content.data = target;
    *out = content;
    return NCA_OK;
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

static nca_status check(const void *content, const nca_shape *shape, nca_error *error)
{
    const nca_image *target = content;
    if (target->height == shape->height && target->width == shape->width)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "a target of %dx%d for a grid of %dx%d", target->height,
                    target->width, shape->height, shape->width);
}

static const float *pixels(const void *content, const nca_shape *shape, size_t *count)
{
    *count = (size_t)shape->height * (size_t)shape->width * NCA_VISIBLE;
    return ((const nca_image *)content)->pixels;
}

static void put_seed(const void *content, const nca_shape *shape, int beginning, float *state)
{
    (void)content, (void)beginning;
    nca_seed_put(state, shape->width, shape->spec.channels, shape->height / 2, shape->width / 2);
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
    return content;
}

// Centre, halfway to the edge, and edge: on the row of the centre, leftwards, so that a cut of the
// left half goes through the last two. The edge is the last cell of the target with alpha above the
// threshold.
static void choose_cells(const void *content, const nca_grid *grid, int cell[NCA_TASK_CELLS][2])
{
    const nca_image *target = content;
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

static const nca_task_film films[] = {
    {.file = "growth.webp", .steps = 200, .every = 2, .damage_at = -1},
    {.file = "healing.webp", .steps = 600, .every = 4, .damage_at = 200, .region = left_half},
    {0},
};

static const char *const channels[] = {"red", "green", "blue", "alpha", NULL};

const nca_task nca_task_grow = {
    .name = "grow",
    .summary = "a picture from a seed",
    .beginning_words = "the seed",
    .content_words = "target picture",
    .loss_words = "the mean squared difference to the target",
    .good_loss = -2,   // at that a picture can be recognised
    .plan = check_settings,
    .load = load,
    .unload = unload,
    .keep = keep,
    .shape = shape_session,
    .check = check,
    .numbers = pixels,
    .begin = put_seed,
    .place = place_seed,
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
