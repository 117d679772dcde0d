// Which runs a study has, and how far their folders are.
#include "sweep/study_runs.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "run/run_checkpoints.h"
#include "run/run_files.h"
#include "run/run_folder.h"
#include "run/run_log.h"

enum { TAIL_BYTES = 4096, RUNS_MAX = 1000 };

// -- Plan -----------------------------------------------------------------------------------------

static bool is_listed(const char *list, const char *name)
{
    const size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',')) {
        at += *at == ',';
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || !at[length]))
            return true;
    }
    return false;
}

static nca_status check_list(const char *list, nca_error *error)
{
    for (const char *at = list; at; at = strchr(at, ',')) {
        const nca_study_setting *found;
        at += at != list;
        NCA_TRY(nca_study_setting_find(at, strcspn(at, ","), &found, error));
    }
    return NCA_OK;
}

static int seeds_of(const nca_study_plan *plan, const nca_study_setting *setting)
{
    if (plan->settings && !is_listed(plan->settings, setting->name))
        return 0;
    return setting->is_main ? plan->seeds : plan->other_seeds;
}

static nca_status add_run(const nca_study_plan *plan, const nca_study_setting *setting,
                          int64_t seed, nca_study *study, nca_error *error)
{
    nca_study_run *run = &study->runs[study->count];
    run->setting = setting;
    run->seed = seed;
    snprintf(run->name, sizeof run->name, "%.64s-seed%lld", setting->name, (long long)seed);
    if (snprintf(run->folder, sizeof run->folder, "%s/%s", study->folder, run->name) >=
        (int)sizeof run->folder - 64)
        return nca_fail(error, NCA_ARGUMENT, "--out %.60s...: too long for a path", study->folder);
    NCA_TRY(nca_study_config(setting, &plan->shared, plan->is_quick, seed, &run->config, error));
    NCA_TRY(nca_task_find(run->config.task, &run->task, error));
    NCA_TRY(nca_task_plan(run->task, &run->config, &run->plan, error));
    study->count++;
    return NCA_OK;
}

nca_status nca_study_plan_runs(const nca_study_plan *plan, nca_study *out, nca_error *error)
{
    nca_study study = {.is_quick = plan->is_quick,
                       .shared = plan->shared,
                       .criteria = nca_judge_criteria_of(nca_study_task(), plan->is_quick)};
    int most = 0, total = 0;
    NCA_TRY(check_list(plan->settings, error));
    snprintf(study.folder, sizeof study.folder, "%s", plan->folder);
    for (const nca_study_setting *row = nca_study_settings(); row->name; row++) {
        const int seeds = seeds_of(plan, row);
        total += seeds;
        most = seeds > most ? seeds : most;
    }
    if (total == 0 || total > RUNS_MAX)
        return nca_fail(error, NCA_ARGUMENT,
                        "--seeds, --other-seeds: %d runs in all; it must be 1 to %d", total,
                        RUNS_MAX);
    study.runs = calloc((size_t)total, sizeof *study.runs);
    nca_status status;
    if (!study.runs)
        return nca_fail(error, NCA_MEMORY, "%d runs: no memory for them", total);
    for (int seed = 1; seed <= most; seed++)
        for (const nca_study_setting *row = nca_study_settings(); row->name; row++)
            if (seed <= seeds_of(plan, row))
                NCA_GO(add_run(plan, row, seed, &study, error));
    *out = study;
    return NCA_OK;
cleanup:
    nca_study_free(&study);
    return status;
}

// -- How far they are -----------------------------------------------------------------------------

// The last whole line of the metrics, by its update and whether training gave up there.
static void read_last_update(nca_study_run *run)
{
    char path[NCA_PATH_BYTES + 32], tail[TAIL_BYTES + 1];
    nca_input input;
    snprintf(path, sizeof path, "%s/metrics.jsonl", run->folder);
    run->updates = 0;
    run->gave_up = false;
    if (nca_input_open(path, &input, NULL) != NCA_OK)
        return;
    const uint64_t size = input.size_bytes < TAIL_BYTES ? input.size_bytes : TAIL_BYTES;
    const bool is_read =
        nca_input_read(&input, input.size_bytes - size, tail, size, NULL) == NCA_OK;
    nca_input_close(&input);
    tail[is_read ? size : 0] = 0;
    char *end = strrchr(tail, '\n');
    if (!end)
        return;
    *end = 0;
    const char *before = strrchr(tail, '\n');
    const char *last = before ? before + 1 : tail + nca_text_mark(tail);
    json_t *line = json_loads(last, 0, NULL);
    const char *event = json_string_value(json_object_get(line, "event"));
    run->updates = json_integer_value(json_object_get(line, "update"));
    run->gave_up = nca_event_find(event) == NCA_EVENT_GAVE_UP;
    json_decref(line);
}

// The films come last: where they are, the checkpoint is of the last update.
static bool has_films(const nca_study_run *run)
{
    char path[NCA_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/healing.webp", run->folder);
    return access(path, F_OK) == 0;
}

// A run older than the setting has its seed in the middle and goes on so, whatever `auto` would
// choose today.
static void keep_older_seed(nca_config *saved, const nca_config *asked)
{
    if (strcmp(saved->seed_at, "middle") == 0 && strcmp(asked->seed_at, "auto") == 0)
        snprintf(saved->seed_at, sizeof saved->seed_at, "auto");
}

static nca_status look_at_run(nca_study_run *run, const char *precision, nca_error *error)
{
    nca_config saved = nca_config_default();
    char path[NCA_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/config.json", run->folder);
    run->progress = NCA_STUDY_MISSING;
    if (access(path, F_OK) != 0) {
        if (!nca_run_files_exist(run->folder) || nca_run_log_is_busy(run->folder))   // it begins
            return NCA_OK;
        return nca_fail(error, NCA_FILE,
                        "%s: no config.json, so it is no run to go on with; remove it and give the "
                        "same command again, or another --out",
                        run->folder);
    }
    NCA_TRY(nca_run_folder_config(run->folder, &saved, NULL, error));
    read_last_update(run);
    keep_older_seed(&saved, &run->config);
    const char *different = nca_config_difference(&saved, &run->config);
    if (!different && run->updates > run->config.updates)
        different = "updates";
    if (different)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: %s was trained with another \"%s\" than the study asks for; give the "
                        "options of that study, or another --out",
                        run->folder, run->setting->name, different);
    const char *trained = *precision ? nca_checkpoints_precision(run->folder) : NULL;
    if (trained && strcmp(trained, precision) != 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: trained in %s, not in %s; give --precision %s, or another --out",
                        run->folder, trained, precision, trained);
    const bool is_done = run->updates >= run->config.updates && has_films(run);
    run->progress = run->gave_up || is_done ? NCA_STUDY_COMPLETE : NCA_STUDY_BEGUN;
    return NCA_OK;
}

// A study and a run in one folder would mix their files.
static nca_status check_folder(const nca_study *study, nca_error *error)
{
    char path[NCA_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/metrics.jsonl", study->folder);
    if (access(path, F_OK) != 0)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "--out %s: a run of nca train; give the study a folder of its own",
                    study->folder);
}

nca_status nca_study_look(nca_study *study, nca_error *error)
{
    NCA_TRY(check_folder(study, error));
    for (int i = 0; i < study->count; i++)
        NCA_TRY(look_at_run(&study->runs[i], study->precision, error));
    return NCA_OK;
}
