// The task of an adversary among the cells of a grown picture: a second rule moves a share of the
// cells and learns what makes the others, whose own rule stays as it is, show another picture.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural
// Cellular Automata.
//
// An item is the number of a mask. Samples begin as pictures that the victim has grown.
#include "nca/task.h"
#include "task/turned_growth.h"
#include "task/victim.h"

// -- Settings and content -------------------------------------------------------------------------

static nca_status complete_plan(const nca_config *config, nca_plan *plan, nca_error *error)
{
    return nca_task_grow.plan(config, plan, error);
}

static void shape_session(const nca_config *config, nca_shape *shape)
{
    (void)config;
    shape->beginnings = NCA_TURNED_GROWN;
    shape->rules = 2;
    shape->shares_samples = true;
}

static int64_t items(const void *content)
{
    (void)content;
    return NCA_MASKS;
}

// -- Samples --------------------------------------------------------------------------------------

static void begin(const void *content, const nca_shape *shape, int beginning, float *state)
{
    nca_turned_growth_begin(content, shape, beginning, state);
}

// One of the grown pictures, with a mask of its own.
static nca_sample draw(const nca_task_update *update, uint32_t number)
{
    uint32_t words[4];
    nca_random_words(update->key, NCA_RANDOM_TASK, number, 0, 0, words);
    return (nca_sample){.item = words[0],
                        .beginning = update->config ? (int)(words[1] % NCA_TURNED_GROWN)
                                                    : (int)(number % NCA_TURNED_GROWN)};
}

static const float *victim_of(const void *content)
{
    return ((const nca_turned_growth *)content)->victim.parameters;
}

static void tell_owners(const void *content, const nca_shape *shape, int64_t item, float *owners)
{
    const nca_turned_growth *turned = content;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    for (size_t i = 0; i < cells; i++) {
        const bool is_adversary = nca_adversary_may_move(&turned->growth->target, i) &&
                                  nca_mask_has(item, i, turned->share);
        owners[i] = is_adversary ? NCA_OWNER_ADVERSARY : NCA_OWNER_VICTIM;
    }
}

// -- An update ------------------------------------------------------------------------------------

// The worst begin anew with other masks, the best are damaged.
static void prepare(const nca_task_update *update, nca_sample *samples)
{
    for (int slot = 0; slot < update->config->reseeded; slot++)
        samples[slot] = draw(update, (uint32_t)slot);
    nca_turned_growth_damage(update, samples);
}

// -- For people -----------------------------------------------------------------------------------

static const char *say_loss(const nca_shape *shape)
{
    (void)shape;
    return "the mean squared difference to the adversary's picture";
}

static const char *const unread[] = {"say", NULL};

const nca_task nca_task_grow_adversary = {
    .name = "grow-adversary",
    .summary = "how few cells make the others show another picture",
    .beginning_words = "a grown picture",
    .content_words = "target picture",
    .loss_words = say_loss,
    .preset = "grow-adversary",
    .unread = unread,
    .victim = &nca_task_grow,
    .good_loss = -2,
    .plan = complete_plan,
    .load = nca_turned_growth_load,
    .unload = nca_turned_growth_unload,
    .keep = nca_turned_growth_keep,
    .shape = shape_session,
    .check = nca_turned_growth_check,
    .numbers = nca_turned_growth_numbers,
    .items = items,
    .begin = begin,
    .place = nca_turned_growth_place,
    .seed = nca_turned_growth_seed,
    .draw = draw,
    .target = nca_turned_growth_target,
    .others = victim_of,
    .owners = tell_owners,
    .rank = nca_turned_growth_rank,
    .prepare = prepare,
    .is_dead = nca_turned_growth_is_dead,
    .judging = &nca_turned_growth_judging,
    .paint = nca_image_on_white,
    .channels = nca_turned_growth_channels,
    .picture = nca_turned_growth_picture,
    .films = nca_turned_growth_films,
};
