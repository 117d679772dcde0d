// Hyper-parameters: defaults, and which of them make a run another one.
#include "nca/config.h"

#include <string.h>

#include "config/schedule.h"
#include "config/shares.h"

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

nca_status nca_config_settle(nca_config *config, nca_error *error)
{
    NCA_TRY(nca_shares_settle("schedule", config->updates, config->schedule, error));
    return nca_shares_settle("damage-changes", config->updates, config->damage_changes, error);
}

bool nca_config_matters(const char *name, const nca_config *config)
{
    if (strcmp(name, "updates") == 0)
        return nca_schedule_needs_updates(config->schedule) || strchr(config->schedule, '%') ||
               strchr(config->damage_changes, '%');
    // A checkpoint knows the data by what is in it.
    return strcmp(name, "preset") != 0 && strcmp(name, "data") != 0 && strcmp(name, "until") != 0 &&
           strcmp(name, "checkpoint_every") != 0 && strcmp(name, "keep") != 0 &&
           strcmp(name, "pictures_every") != 0;
}

bool nca_config_differs(const char *name, const nca_config *a, const nca_config *b)
{
#define TEXT_DIFFERS(field, ...)   \
    if (strcmp(name, #field) == 0) \
        return strcmp(a->field, b->field) != 0;
#define NUMBER_DIFFERS(field, ...) \
    if (strcmp(name, #field) == 0) \
        return a->field != b->field;
    NCA_CONFIG_FIELDS(TEXT_DIFFERS, NUMBER_DIFFERS, NUMBER_DIFFERS, NUMBER_DIFFERS)
#undef TEXT_DIFFERS
#undef NUMBER_DIFFERS
    return false;
}

const char *nca_config_difference(const nca_config *a, const nca_config *b)
{
#define DIFFERS(name, ...)                                               \
    if (nca_config_matters(#name, a) && nca_config_differs(#name, a, b)) \
        return #name;
    NCA_CONFIG_FIELDS(DIFFERS, DIFFERS, DIFFERS, DIFFERS)
#undef DIFFERS
    return NULL;
}
