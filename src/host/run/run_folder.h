// The folder of a run, as commands see it: its name, its settings and its machine.
#ifndef NCA_RUN_RUN_FOLDER_H
#define NCA_RUN_RUN_FOLDER_H

#include "base/checksum.h"
#include "nca/backend.h"
#include "nca/model.h"
#include "nca/plan.h"
#include "run/run_log.h"

// runs/TARGET-PRESET, runs/TARGET-PRESET-2, ...: the name of a run for which none is given, from
// number 1. False where that is the last one.
bool nca_run_folder_name(const nca_config *config, int number, char path[NCA_PATH_BYTES]);

// config.json of the folder, and the grid that it asks for; what it does not say is as its preset
// has it. NCA_FILE where there is no such folder. `grid` may be NULL.
nca_status nca_run_folder_config(const char *folder, nca_config *config, nca_grid *grid,
                                 nca_error *error);
// Makes the paths of a font and of data whole, so that a folder's run finds them from anywhere; one
// that is not there stays as it is, for the message.
void nca_run_folder_keep_paths(nca_config *config);
nca_status nca_run_folder_set_config(const char *folder, const nca_config *config,
                                     nca_error *error);

// The device, what runs there, its threads and this program's version, as JSON that the caller
// frees.
nca_status nca_machine_to_json(const nca_compute *compute, char **json, nca_error *error);
// The same as the folder's machine.json. A run that goes on elsewhere has the latest.
nca_status nca_run_folder_set_machine(const char *folder, const nca_compute *compute,
                                      nca_error *error);
// The text of machine.json, a JSON object, which the caller frees; NULL where the folder has none.
nca_status nca_run_folder_machine(const char *folder, char **json, nca_error *error);

// The checksum of the folder's config.json as it lies there.
nca_status nca_run_folder_checksum(const char *folder, char checksum[NCA_CHECKSUM_BYTES],
                                   nca_error *error);
// Refuses a folder whose config.json is not the one that its rule was saved with, with the way out.
nca_status nca_run_folder_check_config(const char *folder, const nca_model *model,
                                       nca_error *error);

#endif
