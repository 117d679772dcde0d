// Settings become a plan: every text is read here, once, and what cannot be is refused.
#include "nca/plan.h"

#include <stdio.h>
#include <string.h>

#include "config/damage_stages.h"
#include "config/grid.h"
#include "config/perturbation.h"
#include "config/schedule.h"
#include "config/settings.h"

static nca_status fail_range(const char *name, double value, double min, double max,
                             nca_error *error)
{
    char option[NCA_OPTION_NAME_BYTES];
    return nca_fail(error, NCA_ARGUMENT, "--%s %.10g: must be %.10g to %.10g",
                    nca_option_spell(name, option), value, min, max);
}

static nca_status check_ranges(const nca_config *config, nca_error *error)
{
#define NOTHING(...)
#define RANGE(name, standard, min, max, ...)                                               \
    if (!((double)config->name >= (double)(min) && (double)config->name <= (double)(max))) \
        return fail_range(#name, (double)config->name, (double)(min), (double)(max), error);
    NCA_CONFIG_FIELDS(NOTHING, RANGE, RANGE, NOTHING)
#undef RANGE
#undef NOTHING
    return NCA_OK;
}

static nca_status read_loss(const char *text, bool *is_cross_entropy, nca_error *error)
{
    *is_cross_entropy = strcmp(text, "cross-entropy") == 0;
    if (*is_cross_entropy || strcmp(text, "squared") == 0)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "--loss %.60s: must be squared or cross-entropy", text);
}

static nca_status read_health(const char *text, bool *repairs, nca_error *error)
{
    *repairs = strcmp(text, "on") == 0;
    if (*repairs || strcmp(text, "off") == 0)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "--health %.60s: must be on or off", text);
}

static nca_status read_until(const char *text, bool *until_healed, nca_error *error)
{
    *until_healed = strcmp(text, "healed") == 0;
    if (*until_healed || strcmp(text, "updates") == 0)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "--until %.60s: must be updates or healed", text);
}

// What the texts mean.
static nca_status read_texts(const nca_config *config, nca_plan *out, nca_error *error)
{
    NCA_TRY(nca_transforms_parse(config->gradient, &out->optimizer, error));
    NCA_TRY(nca_schedule_parse(config->schedule, &out->schedule, error));
    NCA_TRY(read_health(config->health, &out->repairs, error));
    NCA_TRY(nca_seed_at_read(config->seed_at, &out->seed_at, error));
    NCA_TRY(read_until(config->until, &out->until_healed, error));
    NCA_TRY(read_loss(config->loss, &out->is_cross_entropy, error));
    NCA_TRY(nca_perturbation_read(config->perturb, &out->perturbation, error));
    return nca_config_grid(config, &out->grid, error);
}

enum { WORDS_BYTES = 256 };

// "sobel, moore or summed"
static const char *join_words(const char *const *words, char text[WORDS_BYTES])
{
    size_t used = 0;
    for (int i = 0; words[i] && used < WORDS_BYTES; i++)
        used += (size_t)snprintf(text + used, WORDS_BYTES - used, "%s%s",
                                 i == 0         ? ""
                                 : words[i + 1] ? ", "
                                                : " or ",
                                 words[i]);
    return text;
}

// The place of a setting's text among the words that it may be.
static nca_status find_word(const char *option, const char *text, const char *const *words,
                            int *out, nca_error *error)
{
    char known[WORDS_BYTES];
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0) {
            *out = i;
            return NCA_OK;
        }
    return nca_fail(error, NCA_ARGUMENT, "--%s %.60s: must be %s", option, text,
                    join_words(words, known));
}

static nca_status check_multiple(const char *option, int64_t value, nca_error *error)
{
    return value % 4 == 0 ? NCA_OK
                          : nca_fail(error, NCA_ARGUMENT, "--%s %lld: must be a multiple of 4",
                                     option, (long long)value);
}

static nca_status read_spec(const nca_config *config, nca_spec *out, nca_error *error)
{
    int perception, alive;
    NCA_TRY(check_multiple("channels", config->channels, error));
    NCA_TRY(check_multiple("hidden", config->hidden, error));
    NCA_TRY(check_multiple("hidden2", config->hidden2, error));
    NCA_TRY(find_word("perception", config->perception, nca_perception_words, &perception, error));
    NCA_TRY(find_word("alive", config->alive, nca_alive_words, &alive, error));
    if (perception == NCA_MOORE && config->angle != 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "--angle %g: perception moore has no gradients to rotate; leave it out",
                        config->angle);
    *out = (nca_spec){.channels = (int)config->channels,
                      .perception = (nca_perception)perception,
                      .hidden = {(int)config->hidden, (int)config->hidden2},
                      .alive = (nca_alive)alive,
                      .noise = config->noise};
    return NCA_OK;
}

static nca_status check_average(const nca_config *config, nca_error *error)
{
    if (config->average == 0 || config->average >= NCA_AVERAGE_EVERY)
        return NCA_OK;
    return nca_fail(
        error, NCA_ARGUMENT,
        "--average %lld: must be 0 or at least %d, since a rule is taken every %d updates",
        (long long)config->average, NCA_AVERAGE_EVERY, NCA_AVERAGE_EVERY);
}

static nca_status check_batch(const nca_config *config, nca_error *error)
{
    if (config->pool > 0 && config->batch > config->pool && !config->pool_replacement)
        return nca_fail(error, NCA_ARGUMENT,
                        "--batch %lld: more than --pool %lld; give a larger pool, or "
                        "--pool-replacement",
                        (long long)config->batch, (long long)config->pool);
    if (strcmp(config->perturb, "none") != 0 && config->perturbed == 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "--perturbed 0: --perturb would change no sample; give at least 1, or "
                        "leave both out");
    if (strcmp(config->perturb, "none") != 0 && config->perturbed > config->batch)
        return nca_fail(error, NCA_ARGUMENT, "--perturbed %lld: more than --batch %lld",
                        (long long)config->perturbed, (long long)config->batch);
    if (config->steps_min > config->steps_max)
        return nca_fail(error, NCA_ARGUMENT, "--steps-min %lld: more than --steps-max %lld",
                        (long long)config->steps_min, (long long)config->steps_max);
    return NCA_OK;
}

static nca_status check_adversary(const nca_config *config, const nca_plan *plan, nca_error *error)
{
    const bool is_given = *config->adversary;
    const bool is_needed = plan->perturbation.kind == NCA_PERTURB_CELLS;
    if (is_needed && plan->perturbation.strength >= 1 && config->perturbed >= config->batch)
        return nca_fail(error, NCA_ARGUMENT,
                        "--perturb %.60s: the adversary would move all cells of the whole batch, "
                        "and nothing would be learnt; give a smaller share, or --perturbed below "
                        "--batch %lld",
                        config->perturb, (long long)config->batch);
    if (is_given == is_needed)
        return NCA_OK;
    if (is_needed)
        return nca_fail(error, NCA_ARGUMENT,
                        "--perturb %.60s: needs the rule that moves these cells; give it as "
                        "--adversary",
                        config->perturb);
    return nca_fail(error, NCA_ARGUMENT,
                    "--adversary: moves only the cells of --perturb cells:SHARE; give both, or "
                    "leave it out");
}

nca_status nca_plan_make(const nca_config *config, nca_plan *out, nca_error *error)
{
    nca_config settled = *config;
    nca_plan plan = {
        .optimizer = {.beta1 = config->beta1, .beta2 = config->beta2, .epsilon = config->epsilon},
        .schedule = {.rate = config->rate, .updates = config->updates}};
    NCA_TRY(check_ranges(config, error));
    NCA_TRY(nca_config_settle(&settled, error));
    NCA_TRY(read_texts(&settled, &plan, error));
    NCA_TRY(read_spec(config, &plan.spec, error));
    NCA_TRY(nca_damage_stages_make(&settled, &plan.damage, error));
    NCA_TRY(check_batch(config, error));
    NCA_TRY(check_adversary(config, &plan, error));
    NCA_TRY(check_average(config, error));
    *out = plan;
    return NCA_OK;
}
