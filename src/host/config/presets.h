// Presets: many settings at once, most from published experiments. The one table is in presets.c.
#ifndef NCA_CONFIG_PRESETS_H
#define NCA_CONFIG_PRESETS_H

#include "nca/config.h"

typedef struct nca_preset {
    const char *name;
    const char *summary;   // one line with the source
    void (*apply)(nca_config *config);
} nca_preset;

// All presets, ended by a row without a name.
const nca_preset *nca_presets(void);

// Sets the fields of the preset; NCA_ARGUMENT names the presets there are.
nca_status nca_preset_apply(const char *name, nca_config *config, nca_error *error);

#endif
