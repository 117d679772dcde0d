// What the tasks that turn a grown picture into another share.
#include "task/turned_growth.h"

#include <stdlib.h>
#include <string.h>

#include "task/damage.h"
#include "task/victim.h"

enum { GROWN_STEPS = 200 };

const nca_task_judging nca_turned_growth_judging = {.samples_words = "grown pictures",
                                                    .steps = "0,50,100,200,400,1000",
                                                    .samples = 8,
                                                    .cut_at = 200};

const char *const nca_turned_growth_channels[] = {"red", "green", "blue", "alpha", NULL};

const nca_task_film nca_turned_growth_films[] = {
    {.file = "turned.webp", .steps = 400, .every = 4, .damage_at = -1}, {0}};

void nca_turned_growth_unload(void *data)
{
    nca_turned_growth *turned = data;
    if (!turned)
        return;
    nca_task_grow.unload(turned->growth);
    nca_model_free(&turned->victim);
    free(turned->grown);
    free(turned);
}

nca_status nca_turned_growth_load(const nca_content_source *source, nca_content *out,
                                  nca_error *error)
{
    nca_content content = {0};
    nca_status status;
    nca_turned_growth *turned = calloc(1, sizeof *turned);
    if (!turned)
        return nca_fail(error, NCA_MEMORY, "--victim: no memory for it");
    NCA_GO(nca_victim_load(source, NULL, &turned->victim, error));
    NCA_GO(nca_task_grow.load(source, &content, error));
    turned->growth = content.data;
    turned->share = source->config->share;
    NCA_GO(nca_victim_grow(&turned->victim, &content.grid, NCA_TURNED_GROWN, GROWN_STEPS,
                           &turned->grown, error));
    content.data = turned;
    *out = content;
cleanup:
    if (status != NCA_OK)
        nca_turned_growth_unload(turned);
    return status;
}

nca_status nca_turned_growth_keep(const nca_content_source *source, const char *folder,
                                  nca_error *error)
{
    NCA_TRY(nca_task_grow.keep(source, folder, error));
    return nca_victim_keep(source, NULL, folder, error);
}

nca_status nca_turned_growth_check(const void *content, const nca_shape *shape, nca_error *error)
{
    const nca_turned_growth *turned = content;
    NCA_TRY(nca_task_grow.check(turned->growth, shape, error));
    return nca_frozen_rule_check("victim", &turned->victim, shape, error);
}

const float *nca_turned_growth_numbers(const void *content, const nca_shape *shape, size_t *count)
{
    return nca_task_grow.numbers(((const nca_turned_growth *)content)->growth, shape, count);
}

void nca_turned_growth_seed(const void *content, int seed[2])
{
    memcpy(seed, ((const nca_turned_growth *)content)->victim.seed, 2 * sizeof *seed);
}

void nca_turned_growth_target(const void *content, const nca_shape *shape, int64_t item,
                              float *values)
{
    nca_task_grow.target(((const nca_turned_growth *)content)->growth, shape, item, values);
}

const nca_image *nca_turned_growth_picture(const void *content)
{
    return &((const nca_turned_growth *)content)->growth->target;
}

void nca_turned_growth_place(const nca_shape *shape, int y, int x, float *state)
{
    nca_task_grow.place(shape, y, x, state);
}

double nca_turned_growth_rank(const nca_sample_report *sample)
{
    return sample->loss;
}

bool nca_turned_growth_is_dead(const nca_sample_report *sample)
{
    return sample->alive_cells == 0;
}

void nca_turned_growth_begin(const nca_turned_growth *turned, const nca_shape *shape, int number,
                             float *state)
{
    const size_t size = nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                                       (size_t)shape->spec.channels);
    memcpy(state, turned->grown + (size_t)number * size, size * sizeof *state);
}

void nca_turned_growth_damage(const nca_task_update *update, nca_sample *samples)
{
    const nca_shape *shape = update->shape;
    const nca_damage *damage = nca_damage_of(&update->plan->damage, update->key.update);
    for (int slot = shape->batch - (int)damage->samples; slot < shape->batch; slot++) {
        samples[slot].is_damaged = true;
        samples[slot].region =
            nca_damage_draw(update->key, (uint32_t)slot, damage, shape->height, shape->width);
    }
}
