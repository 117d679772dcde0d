// The task of a matrix that turns a grown picture into another: it mixes the channels of every
// living state before each step, and is all that is learnt. The rule stays as it is, and the file
// that training writes is that rule with the matrix.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural
// Cellular Automata.
#include <string.h>

#include "nca/task.h"
#include "task/turned_growth.h"
#include "task/victim.h"

// Beginnings: the seed, then what the victim has grown.
enum { SEED, GROWN, BEGINNINGS = GROWN + NCA_TURNED_GROWN };

static nca_status complete_plan(const nca_config *config, nca_plan *plan, nca_error *error)
{
    NCA_TRY(nca_task_grow.plan(config, plan, error));
    if (*config->from)
        return nca_fail(error, NCA_ARGUMENT,
                        "--from: a matrix is learnt for the rule of --victim; leave it out");
    plan->spec.mix_bound = NCA_MIX_BOUND;
    plan->optimizer.moved = NCA_MOVED_MIX;
    return NCA_OK;
}

static void shape_session(const nca_config *config, nca_shape *shape)
{
    (void)config;
    shape->beginnings = BEGINNINGS;
}

// The matrix begins as the identity.
static void first_rule(const void *content, nca_model *model)
{
    const nca_model *victim = &((const nca_turned_growth *)content)->victim;
    memcpy(model->parameters, victim->parameters,
           nca_layout_of(&victim->spec).total * sizeof *model->parameters);
}

static void begin(const void *content, const nca_shape *shape, int beginning, float *state)
{
    if (beginning == SEED)
        nca_task_grow.begin(((const nca_turned_growth *)content)->growth, shape, 0, state);
    else
        nca_turned_growth_begin(content, shape, beginning - GROWN, state);
}

// Half are seeds. A rule is judged by what it has grown.
static nca_sample draw(const nca_task_update *update, uint32_t number)
{
    uint32_t words[4];
    nca_random_words(update->key, NCA_RANDOM_TASK, number, 0, 0, words);
    if (!update->config)
        return (nca_sample){.beginning = GROWN + (int)(number % NCA_TURNED_GROWN)};
    return (nca_sample){.beginning =
                            words[0] % 2 ? SEED : GROWN + (int)(words[1] % NCA_TURNED_GROWN)};
}

// The worst becomes the seed, the next one a grown picture, and so on.
static void prepare(const nca_task_update *update, nca_sample *samples)
{
    uint32_t words[4];
    for (int slot = 0; slot < update->config->reseeded; slot++) {
        nca_random_words(update->key, NCA_RANDOM_TASK, (uint32_t)slot, 1, 0, words);
        samples[slot].beginning = slot % 2 == 0 ? SEED : GROWN + (int)(words[0] % NCA_TURNED_GROWN);
    }
    nca_turned_growth_damage(update, samples);
}

static const char *say_loss(const nca_shape *shape)
{
    (void)shape;
    return "the mean squared difference to the picture that is to be shown";
}

static const char *const unread[] = {"share", "say", NULL};

const nca_task nca_task_grow_matrix = {
    .name = "grow-matrix",
    .summary = "a matrix on all states that makes a grown picture another",
    .beginning_words = "a grown picture",
    .content_words = "target picture",
    .loss_words = say_loss,
    .preset = "grow-matrix",
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
    .first_rule = first_rule,
    .begin = begin,
    .place = nca_turned_growth_place,
    .seed = nca_turned_growth_seed,
    .draw = draw,
    .target = nca_turned_growth_target,
    .rank = nca_turned_growth_rank,
    .prepare = prepare,
    .is_dead = nca_turned_growth_is_dead,
    .judging = &nca_turned_growth_judging,
    .paint = nca_image_on_white,
    .channels = nca_turned_growth_channels,
    .picture = nca_turned_growth_picture,
    .films = nca_turned_growth_films,
};
