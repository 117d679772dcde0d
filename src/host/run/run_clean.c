// A run folder without what it only needed while it was trained.
#include "run/run_clean.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "eval/history.h"
#include "model/safetensors.h"
#include "nca/model.h"
#include "run/run_checkpoints.h"
#include "run/run_files.h"
#include "run/run_folder.h"
#include "run/run_log.h"

// Its updates are done, or training gave up; and its rule can be read.
static nca_status check_finished(const char *folder, nca_error *error)
{
    nca_config config = nca_config_default();
    char path[NCA_PATH_BYTES];
    nca_history history;
    nca_model model;
    NCA_TRY(nca_run_folder_config(folder, &config, NULL, error));
    NCA_TRY(nca_path_join(folder, "metrics.jsonl", path, error));
    NCA_TRY(nca_history_read(path, &history, error));
    const bool is_finished = history.updates >= config.updates || history.gave_up;
    const long long updates = (long long)history.updates;
    nca_history_free(&history);
    if (!is_finished)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: %lld of %lld updates are done, and it goes on from its checkpoints: "
                        "nca train --resume %s",
                        folder, updates, (long long)config.updates, NCA_SHELL_WORD(folder));
    NCA_TRY(nca_model_load(folder, &model, error));
    nca_model_free(&model);
    return NCA_OK;
}

static bool is_run_folder(const char *folder)
{
    char path[NCA_PATH_BYTES];
    return nca_is_folder(folder) && nca_path_join(folder, "config.json", path, NULL) == NCA_OK &&
           access(path, F_OK) == 0;
}

static bool has_others(const char *folder)
{
    char path[NCA_PATH_BYTES];
    for (int place = 2; place <= NCA_CHECKPOINTS_MAX; place++)
        if (nca_checkpoints_name(folder, place, path, NULL) == NCA_OK && access(path, F_OK) == 0)
            return true;
    return false;
}

// Where the latest checkpoint is damaged or missing, the run goes on from the one before it.
static nca_status check_latest(const char *folder, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    nca_tensors tensors;
    nca_error why;
    if (!has_others(folder))
        return NCA_OK;
    NCA_TRY(nca_checkpoints_name(folder, 1, path, error));
    if (nca_tensors_read(path, &tensors, &why) == NCA_OK) {
        nca_tensors_free(&tensors);
        return NCA_OK;
    }
    return nca_fail(error, why.status,
                    "%s; nothing is removed, for the run can go on only from a checkpoint before "
                    "it: nca train --resume %s does, and writes the latest anew",
                    why.message, NCA_SHELL_WORD(folder));
}

static int64_t size_of_latest(const char *folder)
{
    char path[NCA_PATH_BYTES];
    struct stat about;
    return nca_checkpoints_name(folder, 1, path, NULL) == NCA_OK && stat(path, &about) == 0
               ? about.st_size
               : 0;
}

nca_status nca_run_clean(const char *folder, bool all, nca_cleaned *out, nca_error *error)
{
    nca_run_log log;
    nca_status status;
    if (!is_run_folder(folder))
        return nca_fail(error, NCA_FILE, "%s: no such run folder; give one that nca train has made",
                        folder);
    NCA_TRY(nca_run_log_open(folder, &log, error));
    NCA_GO(check_finished(folder, error));
    if (!all)
        NCA_GO(check_latest(folder, error));
    *out = (nca_cleaned){.leftover_bytes = nca_run_files_tidy(folder)};
    out->checkpoint_bytes = nca_checkpoints_remove(folder, all ? 1 : 2, &out->checkpoints);
    out->kept_bytes = size_of_latest(folder);
cleanup:
    nca_run_log_close(&log);
    return status;
}
