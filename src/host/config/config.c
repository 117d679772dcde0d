// Hyper-parameters: defaults, what they mean together, and whether they can.
#include "nca/config.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schedule.h"

enum { GRID_MAX = 65536 };

nca_config nca_config_default(void)
{
    return (nca_config){
#define TEXT_DEFAULT(name, standard, ...) .name = standard,
#define NUMBER_DEFAULT(name, standard, ...) .name = standard,
        NCA_CONFIG_FIELDS(TEXT_DEFAULT, NUMBER_DEFAULT, NUMBER_DEFAULT, NUMBER_DEFAULT)
#undef TEXT_DEFAULT
#undef NUMBER_DEFAULT
    };
}

nca_spec nca_config_spec(const nca_config *config)
{
    return nca_spec_growing((int)config->channels, (int)config->hidden);
}

// A side of the grid; moves on behind it.
static bool read_side(const char **text, int *side)
{
    char *end;
    const long value = strtol(*text, &end, 10);
    const bool is_number = end != *text && **text >= '0' && **text <= '9';
    *text = end;
    *side = (int)value;
    return is_number && value >= 1 && value <= GRID_MAX;
}

nca_status nca_config_grid(const nca_config *config, int *height, int *width, nca_error *error)
{
    const char *text = config->grid;
    if (strcmp(text, "auto") == 0) {
        *height = *width = (int)(config->target_size + 2 * config->padding);
        return NCA_OK;
    }
    int h, w;
    bool is_grid = read_side(&text, &h);
    w = h;
    if (is_grid && (*text == 'x' || *text == 'X')) {
        text++;
        is_grid = read_side(&text, &w);
    }
    if (!is_grid || *text)
        return nca_fail(error, NCA_ARGUMENT,
                        "--grid %.40s: must be N, HxW or auto, each side 1..%d", config->grid,
                        GRID_MAX);
    *height = h;
    *width = w;
    return NCA_OK;
}

static nca_status fail_range(const char *name, double value, double min, double max,
                             nca_error *error)
{
    char option[64];
    snprintf(option, sizeof option, "%s", name);
    for (char *c = option; *c; c++)
        *c = *c == '_' ? '-' : *c;
    return nca_fail(error, NCA_ARGUMENT, "--%s %.10g: must be %.10g to %.10g", option, value, min,
                    max);
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

static nca_status check_texts(const nca_config *config, nca_error *error)
{
    nca_optimizer_step rules;
    double rate;
    NCA_TRY(nca_gradient_rules_parse(config->gradient, &rules, error));
    NCA_TRY(nca_schedule_rate(config->schedule, config->rate, 1, config->updates, &rate, error));
    if (!*config->target)
        return nca_fail(error, NCA_ARGUMENT, "--target: empty; give a picture or an emoji");
    return NCA_OK;
}

static nca_status check_grid(const nca_config *config, nca_error *error)
{
    int height, width;
    NCA_TRY(nca_config_grid(config, &height, &width, error));
    if (config->target_size > height && config->target_size > width)
        return nca_fail(error, NCA_ARGUMENT,
                        "--target-size %lld: larger than the grid of %dx%d; shrink one or grow "
                        "the other",
                        (long long)config->target_size, height, width);
    if (config->channels % 4 || config->hidden % 4)
        return nca_fail(error, NCA_ARGUMENT, "--%s %lld: must be a multiple of 4",
                        config->channels % 4 ? "channels" : "hidden",
                        (long long)(config->channels % 4 ? config->channels : config->hidden));
    return NCA_OK;
}

static nca_status check_batch(const nca_config *config, nca_error *error)
{
    if (config->reseeded + config->damaged > config->batch)
        return nca_fail(error, NCA_ARGUMENT,
                        "--reseeded %lld and --damaged %lld: together more than --batch %lld",
                        (long long)config->reseeded, (long long)config->damaged,
                        (long long)config->batch);
    if (config->pool > 0 && config->batch > config->pool && !config->pool_replacement)
        return nca_fail(error, NCA_ARGUMENT,
                        "--batch %lld: more than --pool %lld; give a larger pool, or "
                        "--pool-replacement",
                        (long long)config->batch, (long long)config->pool);
    if (config->steps_min > config->steps_max)
        return nca_fail(error, NCA_ARGUMENT, "--steps-min %lld: more than --steps-max %lld",
                        (long long)config->steps_min, (long long)config->steps_max);
    if (config->damage_radius_min > config->damage_radius_max)
        return nca_fail(error, NCA_ARGUMENT,
                        "--damage-radius-min %g: more than --damage-radius-max %g",
                        config->damage_radius_min, config->damage_radius_max);
    return NCA_OK;
}

nca_status nca_config_check(const nca_config *config, nca_error *error)
{
    NCA_TRY(check_ranges(config, error));
    NCA_TRY(check_texts(config, error));
    NCA_TRY(check_grid(config, error));
    return check_batch(config, error);
}

bool nca_config_matters(const char *name, const nca_config *config)
{
    if (strcmp(name, "updates") == 0)
        return nca_schedule_needs_updates(config->schedule);
    return strcmp(name, "preset") != 0 && strcmp(name, "checkpoint_every") != 0 &&
           strcmp(name, "pictures_every") != 0;
}

const char *nca_config_difference(const nca_config *a, const nca_config *b)
{
#define TEXT_DIFFERS(name, ...)                                        \
    if (nca_config_matters(#name, a) && strcmp(a->name, b->name) != 0) \
        return #name;
#define NUMBER_DIFFERS(name, ...)                           \
    if (nca_config_matters(#name, a) && a->name != b->name) \
        return #name;
    NCA_CONFIG_FIELDS(TEXT_DIFFERS, NUMBER_DIFFERS, NUMBER_DIFFERS, NUMBER_DIFFERS)
#undef TEXT_DIFFERS
#undef NUMBER_DIFFERS
    return NULL;
}
