// Presets: many settings at once, most from published experiments. The one table is in presets.c.
#ifndef NCA_CONFIG_PRESETS_H
#define NCA_CONFIG_PRESETS_H

#include "nca/config.h"

typedef struct nca_experiment {
    const char *name;
    const char *summary;   // one line with the source
    void (*apply)(nca_config *config);
} nca_experiment;

// All presets, ended by a row without a name.
const nca_experiment *nca_experiments(void);

// Sets every field of the preset's column; NCA_ARGUMENT names the presets there are.
nca_status nca_experiment_apply(const char *name, nca_config *config, nca_error *error);

#endif
