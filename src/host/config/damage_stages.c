// Damage that changes as training goes on: "4000:damaged=4,damage-halves=0.5,9000:damaged=2".
#include "config/damage_stages.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/settings.h"

static nca_status fail_text(const nca_config *config, nca_error *error)
{
    return nca_fail(error, NCA_ARGUMENT,
                    "--damage-changes %.80s: must be none, or UPDATE:SETTING=VALUE[,...] with "
                    "rising updates and settings from damaged and damage-..., as "
                    "4000:damaged=4,damage-halves=0.5",
                    config->damage_changes);
}

// The settings of one stage.
static nca_status check(const nca_config *config, nca_error *error)
{
    if (config->reseeded + config->damaged > config->batch)
        return nca_fail(error, NCA_ARGUMENT,
                        "--reseeded %lld and --damaged %lld: together more than --batch %lld",
                        (long long)config->reseeded, (long long)config->damaged,
                        (long long)config->batch);
    if (config->damage_radius_min > config->damage_radius_max)
        return nca_fail(error, NCA_ARGUMENT,
                        "--damage-radius-min %g: more than --damage-radius-max %g",
                        config->damage_radius_min, config->damage_radius_max);
    return NCA_OK;
}

static nca_status add_stage(const nca_config *config, int64_t after, nca_damage_stages *out,
                            nca_error *error)
{
    nca_error why;
    if (check(config, &why) != NCA_OK)
        return out->stages == 0
                   ? nca_fail(error, NCA_ARGUMENT, "%s", why.message)
                   : nca_fail(error, NCA_ARGUMENT, "--damage-changes: after update %lld, %s",
                              (long long)after, why.message);
    assert(out->stages < NCA_DAMAGE_STAGES_MAX);
    out->stage[out->stages].after = after;
    out->stage[out->stages++].damage = (nca_damage){
        .radius_min = config->damage_radius_min,
        .radius_max = config->damage_radius_max,
        .halves = config->damage_halves,
        .centred = config->damage_centred,
        .samples = config->damaged,
    };
    return NCA_OK;
}

// "4000:", where the text begins with it; *rest is what follows.
static bool read_update(const char *text, int64_t *update, const char **rest)
{
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || digits > 18 || text[digits] != ':')
        return false;
    *update = strtoll(text, NULL, 10);
    *rest = text + digits + 1;
    return true;
}

// A number that ends the item; a whole one for a whole setting.
static bool read_value(const char *text, const nca_option *row, double *out)
{
    char *end;
    *out = strtod(text, &end);
    return end == text + strspn(text, "+-.eE0123456789") && end != text &&
           (*end == 0 || *end == ',') && isfinite(*out) &&
           (row->kind != NCA_OPTION_INT || *out == floor(*out));
}

// The setting that a name stands for, where damage follows from it and it is a number.
static const nca_option *find_setting(const char *name, size_t length)
{
    const nca_option *row = nca_option_find(nca_config_options(), name, length);
    const bool is_damage = row && strncmp(row->name, "damage", strlen("damage")) == 0;
    return is_damage && row->kind != NCA_OPTION_TEXT ? row : NULL;
}

// "damage-halves=0.5" into the settings; *rest is what follows.
static nca_status change(const char *text, nca_config *config, const char **rest, nca_error *error)
{
    const size_t length = strcspn(text, "=,");
    const nca_option *row = find_setting(text, length);
    double value;
    if (!row || text[length] != '=' || !read_value(text + length + 1, row, &value))
        return fail_text(config, error);
    if (!(value >= row->min && value <= row->max)) {
        char range[80];
        nca_option_range(row, range, sizeof range);
        return nca_fail(error, NCA_ARGUMENT, "--damage-changes: %.*s: must be %s",
                        (int)strcspn(text, ","), text, range);
    }
    void *field = (char *)config + row->target;
    if (row->kind == NCA_OPTION_INT)
        *(int64_t *)field = (int64_t)value;
    else
        *(double *)field = value;
    *rest = text + strcspn(text, ",");
    return NCA_OK;
}

// All stages but the first; `config` is changed from stage to stage.
static nca_status read_changes(nca_config *config, nca_damage_stages *out, nca_error *error)
{
    int64_t after = -1;
    for (const char *item = config->damage_changes;; item++) {
        int64_t next = after;
        const bool begins = read_update(item, &next, &item);
        if (next < 0 || (begins && next <= after))
            return fail_text(config, error);
        if (begins && after >= 0)
            NCA_TRY(add_stage(config, after, out, error));
        after = next;
        NCA_TRY(change(item, config, &item, error));
        if (!*item)
            return add_stage(config, after, out, error);
    }
}

nca_status nca_damage_stages_make(const nca_config *config, nca_damage_stages *out,
                                  nca_error *error)
{
    nca_config changing = *config;
    out->stages = 0;
    NCA_TRY(add_stage(config, 0, out, error));
    return strcmp(config->damage_changes, "none") == 0 ? NCA_OK
                                                       : read_changes(&changing, out, error);
}

const nca_damage *nca_damage_of(const nca_damage_stages *stages, int64_t update)
{
    int stage = stages->stages - 1;
    while (stage > 0 && update <= stages->stage[stage].after)
        stage--;
    return &stages->stage[stage].damage;
}
