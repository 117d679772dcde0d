// The folder of a run of nca train: made, or taken up where the latest whole checkpoint left it.
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/train_run.h"
#include "config/config_json.h"
#include "run/run_checkpoints.h"
#include "run/run_files.h"
#include "run/run_folder.h"
#include "run/run_rules.h"

// `field` is named as in config.json.
static nca_status fail_different(const train_run *run, const char *field)
{
    char option[NCA_OPTION_NAME_BYTES];
    return nca_fail(run->error, NCA_ARGUMENT,
                    "--%s: differs from what %s was trained with; leave it out to resume",
                    nca_option_spell(field, option), run->options.resume);
}

// Refuses a folder whose victim or adversary was replaced. Without a readable rule the checkpoint
// refuses it later, but cannot say which file changed.
static nca_status check_other_rule(train_run *run)
{
    nca_model model;
    if (nca_model_load(run->options.resume, &model, NULL) != NCA_OK)
        return NCA_OK;
    const nca_status status =
        nca_run_other_check(&run->config, run->options.resume, &model, run->error);
    nca_model_free(&model);
    return status;
}

nca_status nca_train_read_resumed(train_run *run)
{
    const nca_call *call = run->call;
    nca_config saved = nca_config_default();
    if (run->options.out)
        return nca_fail(run->error, NCA_ARGUMENT, "--out: --resume goes on in its own folder");
    if (nca_run_files_are_abandoned(run->options.resume))
        return nca_fail(
            run->error, NCA_FILE,
            "%s: was killed before it had written its settings; begin it again with the "
            "same command as then, and --out %s",
            run->options.resume, run->options.resume);
    NCA_TRY(nca_run_folder_config(run->options.resume, &saved, NULL, run->error));
    run->config = saved;
    NCA_TRY(nca_options_apply(call->self, call->argc, call->argv, &run->options, &run->config,
                              run->error));
    NCA_TRY(nca_config_settle(&run->config, run->error));
    NCA_TRY(nca_run_rules_recognize(&saved, run->options.resume, &run->config, run->error));
    nca_config then = saved, now = run->config;
    nca_run_folder_keep_paths(&then);   // the same file by two names is no difference
    nca_run_folder_keep_paths(&now);
    const char *different = nca_config_difference(&then, &now);
    if (!different && strcmp(saved.preset, run->config.preset) != 0)
        different = "preset";
    if (different)
        return fail_different(run, different);
    memcpy(run->config.font, saved.font, sizeof saved.font);
    memcpy(run->config.data, now.data, sizeof now.data);
    return check_other_rule(run);
}

// What the run is given is kept where it was not.
static nca_status keep_content(train_run *run)
{
    const nca_content_source source = {
        .config = &run->config, .folder = run->options.resume, .grid = run->plan.grid};
    if (run->task->keep)
        NCA_TRY(run->task->keep(&source, run->log.folder, run->error));
    NCA_TRY(nca_run_rules_keep(run->log.folder, &run->from, &run->adversary, run->error));
    return nca_run_other_checksum(&run->config, run->log.folder, run->kept_rule, run->error);
}

// The settings are those of now.
static nca_status keep_settings(train_run *run)
{
    NCA_TRY(keep_content(run));
    return nca_run_folder_set_config(run->log.folder, &run->config, run->error);
}

// Killed before there was anything to go on from.
static nca_status begin_again(train_run *run)
{
    const char *folder = run->log.folder;
    if (!nca_run_log_is_empty(&run->log))
        return nca_fail(
            run->error, NCA_FILE,
            "%s/checkpoint.safetensors: missing, and its metrics.jsonl has updates: put "
            "it back, or train anew with: nca train --config %s/config.json",
            folder, NCA_SHELL_WORD(folder));
    NCA_TRY(nca_run_from_begin(&run->config, folder, run->trainer, &run->from, run->error));
    NCA_TRY(nca_run_log_continue(&run->log, 0, run->error));
    snprintf(run->notice, sizeof run->notice,
             "%s has no checkpoint and no update yet: it begins again from its config.json",
             folder);
    return keep_settings(run);
}

// Adds to what is said of the folder.
static void NCA_PRINTF(2, 3) note(train_run *run, const char *format, ...)
{
    const size_t used = strlen(run->notice);
    va_list values;
    va_start(values, format);
    vsnprintf(run->notice + used, sizeof run->notice - used, format, values);
    va_end(values);
}

// Whether config.json is the one that the checkpoint was made beside, and what of it is not.
static nca_status compare_config(train_run *run)
{
    char checksum[NCA_CHECKSUM_BYTES], words[NCA_DIFFERENCES_BYTES];
    const char *then = nca_trainer_restored_config(run->trainer), *folder = run->log.folder;
    nca_config saved = nca_config_default();
    NCA_TRY(nca_run_folder_checksum(folder, checksum, run->error));
    NCA_TRY(nca_run_folder_config(folder, &saved, NULL, run->error));
    if (strcmp(then, checksum) == 0)
        return NCA_OK;
    nca_trainer_differences(run->trainer, &saved, words);
    if (*words)
        note(run,
             "warning: %s/config.json is not as the checkpoint knew it: %s; the run goes on as "
             "config.json and the options say now",
             folder, words);
    else if (*then)
        note(run,
             "%s/config.json was changed since the checkpoint, and says the same: it is written "
             "anew",
             folder);
    return NCA_OK;
}

// What was written last may be damaged: the one before it then takes its place.
static nca_status take_place(train_run *run, int place, const nca_error *damage)
{
    NCA_TRY(nca_checkpoints_go_back(run->log.folder, place, run->error));
    if (place > 1)
        note(run, "warning: %s%sthe checkpoint before it, of update %lld, takes its place",
             damage->message,
             *damage->message ? "; " : "the latest checkpoint is missing: ", (long long)run->saved);
    return NCA_OK;
}

// The lock first: another process may be about to renew the checkpoint.
nca_status nca_train_go_on(train_run *run)
{
    char checksum[NCA_CHECKSUM_BYTES];
    nca_error damage;
    int place;
    NCA_TRY(nca_run_log_open(run->options.resume, &run->log, run->error));
    NCA_TRY(nca_checkpoints_restore(run->trainer, run->log.folder, &place, &damage, run->error));
    if (place == 0)
        return begin_again(run);
    run->saved = nca_trainer_done(run->trainer);
    if (run->saved > run->config.updates)
        return nca_fail(run->error, NCA_ARGUMENT,
                        "--updates %lld: %s already did %lld updates; ask for at least that many",
                        (long long)run->config.updates, run->options.resume, (long long)run->saved);
    NCA_TRY(nca_run_log_continue(&run->log, run->saved, run->error));
    if (nca_run_log_gave_up(&run->log))   // it ended there, whatever it was asked for
        return nca_fail(run->error, NCA_NUMERIC,
                        "%s: training gave up in update %lld; the folder keeps the last good "
                        "rule; train anew with %s",
                        run->options.resume, (long long)run->saved,
                        nca_trainer_advice(run->trainer));
    NCA_TRY(compare_config(run));
    NCA_TRY(take_place(run, place, &damage));
    NCA_TRY(nca_config_checksum(&run->config, checksum, run->error));
    run->is_stale = strcmp(checksum, nca_trainer_restored_config(run->trainer)) != 0;
    return keep_settings(run);
}

// In the folder of --out, or in the first one whose name is free: another process may take a name
// at the same moment.
static nca_status make_folder(train_run *run, const char *json)
{
    char path[NCA_PATH_BYTES];
    if (run->options.out)
        return nca_run_log_create(run->options.out, json, &run->log, run->error);
    for (int number = 1;; number++) {
        const bool is_last = !nca_run_folder_name(&run->config, number, path);
        if (!is_last && nca_run_files_exist(path))
            continue;
        const nca_status status = nca_run_log_create(path, json, &run->log, run->error);
        const bool is_taken = nca_run_log_is_busy(path) || nca_run_files_exist(path);
        if (status == NCA_OK || is_last || !is_taken)
            return status;
    }
}

nca_status nca_train_begin(train_run *run)
{
    char *json;
    NCA_TRY(nca_config_to_json(&run->config, &json, run->error));
    const nca_status status = make_folder(run, json);
    free(json);
    NCA_TRY(status);
    return keep_content(run);
}

nca_status nca_train_save(train_run *run, nca_error *error)
{
    const int64_t done = nca_trainer_done(run->trainer);
    char path[NCA_PATH_BYTES];
    nca_model model;
    nca_status status;
    NCA_TRY(nca_run_log_check_place(&run->log, error));
    NCA_TRY(nca_run_log_sync(&run->log, error));
    NCA_TRY(nca_trainer_model(run->trainer, &model, error));
    snprintf(model.kept_rule, sizeof model.kept_rule, "%s", run->kept_rule);
    NCA_GO(nca_path_join(run->log.folder, "model.safetensors", path, error));
    NCA_GO(nca_model_save(&model, path, error));
    NCA_GO(nca_checkpoints_save(run->trainer, run->log.folder, (int)run->config.keep,
                                run->saved == done, error));
    run->saved = done;
    run->is_stale = false;
cleanup:
    nca_model_free(&model);
    return status;
}

bool nca_train_lacks_model(const train_run *run)
{
    nca_model model;
    if (nca_model_load(run->log.folder, &model, NULL) != NCA_OK)
        return true;
    nca_model_free(&model);
    return false;
}

void nca_train_leave(train_run *run)
{
    const nca_error failed = *run->error;
    char words[NCA_RESUME_BYTES];
    if (run->log.is_new && nca_trainer_done(run->trainer) == 0)
        nca_run_log_discard(&run->log);
    else if (run->log.metrics && run->saved >= 0 &&
             nca_run_log_check_place(&run->log, NULL) == NCA_OK &&
             (failed.status == NCA_FILE || failed.status == NCA_DEVICE ||
              failed.status == NCA_MEMORY))
        nca_fail(run->error, failed.status, "%s; then go on from update %lld with: %s",
                 failed.message, (long long)run->saved, nca_train_resume_words(run, words));
}
