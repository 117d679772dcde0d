// The task of growing a picture: every sample starts from a seed in the middle, the worst of a
// batch start anew, the best are damaged.
// Source: Mordvintsev et al. 2020, experiments 1 to 3.
#include "nca/image.h"
#include "nca/task.h"
#include "task/damage.h"
#include "task/seed.h"

#include <string.h>

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

const nca_task nca_task_grow = {
    .name = "grow",
    .beginning_words = "the seed",
    .content_words = "target picture",
    .shape = shape_session,
    .check = check,
    .numbers = pixels,
    .begin = put_seed,
    .target = copy_target,
    .rank = rank,
    .prepare = prepare,
    .is_dead = is_dead,
    .paint = nca_image_on_white,
};
