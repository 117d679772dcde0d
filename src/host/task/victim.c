// The victim of an adversary, and the cells that the adversary moves.
#include "task/victim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/kept_rule.h"
#include "model/session.h"
#include "task/seed.h"

nca_status nca_victim_load(const nca_content_source *source, const nca_spec *usual, nca_model *out,
                           nca_error *error)
{
    const char *folder = source->is_victim_given ? NULL : source->folder;
    nca_model victim;
    NCA_TRY(nca_kept_rule_load("victim", source->config->victim, folder, usual, &victim, error));
    if (*victim.task) {
        const nca_status status =
            nca_fail(error, NCA_ARGUMENT,
                     "--victim: an adversary itself, of the task %s; give the rule that it turns",
                     victim.task);
        nca_model_free(&victim);
        return status;
    }
    *out = victim;
    return NCA_OK;
}

nca_status nca_victim_keep(const nca_content_source *source, const nca_spec *usual,
                           const char *folder, nca_error *error)
{
    nca_model victim;
    NCA_TRY(nca_victim_load(source, usual, &victim, error));
    const nca_status status = nca_kept_rule_save("victim", &victim, folder, error);
    nca_model_free(&victim);
    return status;
}

// Settings in which two rules differ, as options: " --hidden 128 --noise 0.02", and of the other.
typedef struct differences {
    char own[160], other[160];
} differences;

static void add_word(differences *found, const char *setting, const char *own, const char *other)
{
    const size_t used = strlen(found->own), other_used = strlen(found->other);
    if (strcmp(own, other) == 0)
        return;
    snprintf(found->own + used, sizeof found->own - used, " --%s %s", setting, own);
    snprintf(found->other + other_used, sizeof found->other - other_used, " --%s %s", setting,
             other);
}

static void add_number(differences *found, const char *setting, double own, double other)
{
    char words[2][32];
    snprintf(words[0], sizeof words[0], "%.10g", own);
    snprintf(words[1], sizeof words[1], "%.10g", other);
    add_word(found, setting, words[0], words[1]);
}

nca_status nca_frozen_rule_check(const char *option, const nca_model *rule, const nca_shape *shape,
                                 nca_error *error)
{
    const nca_spec *own = &rule->spec, *spec = &shape->spec;
    differences found = {"", ""};
    if (own->mix_bound > 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "--%s: its states are mixed by a matrix already; give the rule without",
                        option);
    if (own->frozen != spec->frozen)
        return nca_fail(error, NCA_ARGUMENT,
                        "--%s: a rule with %d of its channels frozen, beside one with %d; rules "
                        "that share cells must be alike: give one of the same task",
                        option, own->frozen, spec->frozen);
    add_number(&found, "channels", own->channels, spec->channels);
    add_word(&found, "perception", nca_perception_words[own->perception],
             nca_perception_words[spec->perception]);
    add_word(&found, "alive", nca_alive_words[own->alive], nca_alive_words[spec->alive]);
    add_number(&found, "hidden", own->hidden[0], spec->hidden[0]);
    add_number(&found, "hidden2", own->hidden[1], spec->hidden[1]);
    add_number(&found, "noise", own->noise, spec->noise);
    if (!*found.own)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "--%s: a rule of%s, beside one of%s; rules that share cells must be alike: "
                    "train with%s, or give another rule",
                    option, found.own, found.other, found.own);
}

// Seeds, and the rollout of them.
static nca_status grow(const nca_model *victim, const nca_compute *cpu, nca_session *session,
                       const nca_shape *shape, int steps, float *states, nca_error *error)
{
    const size_t all = nca_buffer_elements(shape, NCA_BATCH), each = all / (size_t)shape->batch;
    const nca_backend *backend = cpu->backend;
    const nca_rollout rollout = {.steps = steps,
                                 .fire_rate = victim->fire_rate,
                                 .angle = nca_radians(victim->angle),
                                 .step_size = victim->step_size,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    for (int i = 0; i < shape->batch; i++)
        nca_seed_put(states + (size_t)i * each, shape->width, shape->spec.channels,
                     shape->height / 2 + victim->seed[0], shape->width / 2 + victim->seed[1]);
    NCA_TRY(backend->upload(session, NCA_PARAMETERS, 0, nca_layout_of(&shape->spec).total,
                            victim->parameters, error));
    NCA_TRY(backend->upload(session, NCA_BATCH, 0, all, states, error));
    NCA_TRY(backend->forward(session, &rollout, NULL, error));
    NCA_TRY(backend->download(session, NCA_BATCH, 0, all, states, error));
    return backend->synchronize(session, error);
}

nca_status nca_victim_grow(const nca_model *victim, const nca_grid *grid, int count, int steps,
                           float **states, nca_error *error)
{
    const nca_shape shape = {
        .batch = count, .height = grid->height, .width = grid->width, .spec = victim->spec};
    const int y = grid->height / 2 + victim->seed[0], x = grid->width / 2 + victim->seed[1];
    nca_compute cpu = {0};
    nca_session *session = NULL;
    float *grown = NULL;
    nca_status status;
    if (y < 0 || x < 0 || y >= grid->height || x >= grid->width)
        return nca_fail(error, NCA_ARGUMENT,
                        "--victim: its seed stands at %d,%d, outside the grid of %dx%d; give a "
                        "larger --grid",
                        y, x, grid->height, grid->width);
    NCA_TRY(nca_compute_open("cpu", NULL, &cpu, error));
    NCA_GO(nca_session_open(&cpu, &shape, 0, "what the victim grows", &session, error));
    grown = calloc(nca_buffer_elements(&shape, NCA_BATCH), sizeof *grown);
    if (!grown)
        NCA_GO(nca_fail(error, NCA_MEMORY, "what the victim grows: no memory for it"));
    NCA_GO(grow(victim, &cpu, session, &shape, steps, grown, error));
    *states = grown;
    grown = NULL;
cleanup:
    cpu.backend->destroy(session);
    nca_compute_close(&cpu);
    free(grown);
    return status;
}

bool nca_mask_has(int64_t mask, size_t cell, double share)
{
    const nca_key key = {.seed = 0, .update = (uint32_t)mask};
    return nca_random_uniform(key, NCA_RANDOM_TASK, 0, 1, (uint32_t)cell) < share;
}

bool nca_adversary_may_move(const nca_image *picture, size_t cell)
{
    return !picture || picture->pixels[cell * NCA_VISIBLE + NCA_ALPHA] >= NCA_ALIVE_THRESHOLD;
}
