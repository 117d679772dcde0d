// The settings of a training in its checkpoint: a line "name=value" for each.
#ifndef NCA_TRAIN_SAVED_SETTINGS_H
#define NCA_TRAIN_SAVED_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "nca/config.h"

// The caller frees it; NULL without memory.
char *nca_settings_describe(const nca_config *config);

// Whether these are lines of settings at all.
bool nca_settings_are_whole(const char *saved);

// Names the settings in which `config` differs: "\"seed\" (1, not 2), \"rate\" (0.002, not 0.1)";
// of what was saved first, as much as fits. A setting that was not saved is younger than the
// checkpoint, which was trained as if it had not been there.
//   all     also those that do not change the trajectory
//   words   out; empty where nothing differs
// False without memory.
bool nca_settings_compare(const char *saved, const nca_config *config, bool all, char *words,
                          size_t size);

#endif
