// The setting `grid`: its text, and the cells that it asks for.
#ifndef NCA_CONFIG_GRID_H
#define NCA_CONFIG_GRID_H

#include "nca/plan.h"

// "N" or "HxW"; NCA_ARGUMENT for "auto" and anything else.
nca_status nca_grid_read(const char *text, nca_grid *out, nca_error *error);

// "Y,X", whole numbers from 0 on; false for anything else.
bool nca_place_parse(const char *text, int place[2]);

// "auto", "middle" or "Y,X".
nca_status nca_seed_at_read(const char *text, nca_seed_at *out, nca_error *error);

// Whether the grid follows from the target and its padding.
bool nca_grid_is_auto(const nca_config *config);
nca_grid nca_grid_auto(const nca_config *config);

// The grid of these settings.
nca_status nca_config_grid(const nca_config *config, nca_grid *out, nca_error *error);

#endif
