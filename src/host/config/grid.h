// The grid's text: how many cells it asks for.
#ifndef NCA_CONFIG_GRID_H
#define NCA_CONFIG_GRID_H

#include "nca/plan.h"

// "N" or "HxW".
nca_status nca_grid_read(const char *text, nca_grid *out, nca_error *error);

// Whether the target and its padding make the grid.
bool nca_grid_is_auto(const nca_config *config);
nca_grid nca_grid_auto(const nca_config *config);

// The grid of these settings.
nca_status nca_config_grid(const nca_config *config, nca_grid *out, nca_error *error);

#endif
