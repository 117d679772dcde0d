// The task of an adversary among the cells of a grown picture: a second rule moves a share of the
// cells and learns what makes the others, whose own rule stays as it is, show another picture.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural Cellular
// Automata.
//
// An item is the number of a mask. Samples begin as pictures that the victim has grown.
#include <stdlib.h>
#include <string.h>

#include "nca/task.h"
#include "task/damage.h"
#include "task/victim.h"

enum { GROWN = 16, GROWN_STEPS = 200 };

typedef struct turned_growth {
    nca_growth *growth;   // of the picture that is to be shown; owned
    nca_model victim;     // owned
    float *grown;         // [GROWN,H,W,C] by the victim; owned
    double share;         // of the cells that are visible in the picture, the adversary's
} turned_growth;

// -- Settings and content -------------------------------------------------------------------------

static nca_status complete_plan(const nca_config *config, nca_plan *plan, nca_error *error)
{
    return nca_task_grow.plan(config, plan, error);
}

static void unload(void *data)
{
    turned_growth *turned = data;
    if (!turned)
        return;
    nca_task_grow.unload(turned->growth);
    nca_model_free(&turned->victim);
    free(turned->grown);
    free(turned);
}

static nca_status load(const nca_content_source *source, nca_content *out, nca_error *error)
{
    nca_content content = {0};
    nca_status status;
    turned_growth *turned = calloc(1, sizeof *turned);
    if (!turned)
        return nca_fail(error, NCA_MEMORY, "--victim: no memory for it");
    NCA_GO(nca_victim_load(source, NULL, &turned->victim, error));
    NCA_GO(nca_task_grow.load(source, &content, error));
    turned->growth = content.data;
    turned->share = source->config->share;
    NCA_GO(
        nca_victim_grow(&turned->victim, &content.grid, GROWN, GROWN_STEPS, &turned->grown, error));
    content.data = turned;
    *out = content;
cleanup:
    if (status != NCA_OK)
        unload(turned);
    return status;
}

static nca_status keep(const nca_content_source *source, const char *folder, nca_error *error)
{
    NCA_TRY(nca_task_grow.keep(source, folder, error));
    return nca_victim_keep(source, NULL, folder, error);
}

static void shape_session(const nca_config *config, nca_shape *shape)
{
    (void)config;
    shape->beginnings = GROWN;
    shape->rules = 2;
    shape->shares_samples = true;
}

static nca_status check(const void *content, const nca_shape *shape, nca_error *error)
{
    const turned_growth *turned = content;
    NCA_TRY(nca_task_grow.check(turned->growth, shape, error));
    return nca_victim_check(&turned->victim, shape, error);
}

static const float *numbers(const void *content, const nca_shape *shape, size_t *count)
{
    return nca_task_grow.numbers(((const turned_growth *)content)->growth, shape, count);
}

static int64_t items(const void *content)
{
    (void)content;
    return NCA_MASKS;
}

// -- Samples --------------------------------------------------------------------------------------

static void begin(const void *content, const nca_shape *shape, int beginning, float *state)
{
    const size_t size = nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                                       (size_t)shape->spec.channels);
    memcpy(state, ((const turned_growth *)content)->grown + (size_t)beginning * size,
           size * sizeof *state);
}

static void tell_seed(const void *content, int seed[2])
{
    memcpy(seed, ((const turned_growth *)content)->victim.seed, 2 * sizeof *seed);
}

static void place_seed(const nca_shape *shape, int y, int x, float *state)
{
    nca_task_grow.place(shape, y, x, state);
}

// One of the grown pictures, with a mask of its own.
static nca_sample draw(const nca_task_update *update, uint32_t number)
{
    uint32_t words[4];
    nca_random_words(update->key, NCA_RANDOM_TASK, number, 0, 0, words);
    return (nca_sample){.item = words[0],
                        .beginning =
                            update->config ? (int)(words[1] % GROWN) : (int)(number % GROWN)};
}

static void copy_target(const void *content, const nca_shape *shape, int64_t item, float *values)
{
    nca_task_grow.target(((const turned_growth *)content)->growth, shape, item, values);
}

static const float *victim_of(const void *content)
{
    return ((const turned_growth *)content)->victim.parameters;
}

static void tell_owners(const void *content, const nca_shape *shape, int64_t item, float *owners)
{
    const turned_growth *turned = content;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    for (size_t i = 0; i < cells; i++) {
        const float alpha = turned->growth->target.pixels[i * NCA_VISIBLE + NCA_ALPHA];
        const bool is_adversary =
            alpha >= NCA_ALIVE_THRESHOLD && nca_mask_has(item, i, turned->share);
        owners[i] = is_adversary ? NCA_OWNER_ADVERSARY : NCA_OWNER_VICTIM;
    }
}

// -- An update ------------------------------------------------------------------------------------

static double rank(const nca_sample_report *sample)
{
    return sample->loss;
}

// The worst begin anew with other masks, the best are damaged.
static void prepare(const nca_task_update *update, nca_sample *samples)
{
    const nca_shape *shape = update->shape;
    const nca_damage *damage = nca_damage_of(&update->plan->damage, update->key.update);
    for (int slot = 0; slot < update->config->reseeded; slot++)
        samples[slot] = draw(update, (uint32_t)slot);
    for (int slot = shape->batch - (int)damage->samples; slot < shape->batch; slot++) {
        samples[slot].is_damaged = true;
        samples[slot].region =
            nca_damage_draw(update->key, (uint32_t)slot, damage, shape->height, shape->width);
    }
}

static bool is_dead(const nca_sample_report *sample)
{
    return sample->alive_cells == 0;
}

// -- Judging, and for people ----------------------------------------------------------------------

static const nca_task_judging judging = {
    .samples_words = "grown pictures", .steps = "0,50,100,200,400,1000", .samples = 8};

static const nca_image *picture(const void *content)
{
    return &((const turned_growth *)content)->growth->target;
}

static const char *const channels[] = {"red", "green", "blue", "alpha", NULL};

static const nca_task_film films[] = {
    {.file = "turned.webp", .steps = 400, .every = 4, .damage_at = -1}, {0}};

const nca_task nca_task_grow_adversary = {
    .name = "grow-adversary",
    .summary = "how few cells make the others show another picture",
    .beginning_words = "a grown picture",
    .content_words = "target picture",
    .loss_words = "the mean squared difference to the adversary's picture",
    .preset = "grow-adversary",
    .victim = &nca_task_grow,
    .good_loss = -2,
    .plan = complete_plan,
    .load = load,
    .unload = unload,
    .keep = keep,
    .shape = shape_session,
    .check = check,
    .numbers = numbers,
    .items = items,
    .begin = begin,
    .place = place_seed,
    .seed = tell_seed,
    .draw = draw,
    .target = copy_target,
    .others = victim_of,
    .owners = tell_owners,
    .rank = rank,
    .prepare = prepare,
    .is_dead = is_dead,
    .judging = &judging,
    .paint = nca_image_on_white,
    .channels = channels,
    .picture = picture,
    .films = films,
};
