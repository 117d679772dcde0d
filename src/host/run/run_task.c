// What a rule is judged by.
#include "run/run_task.h"

#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "config/grid.h"
#include "config/presets.h"
#include "model/zoo.h"
#include "run/run_folder.h"
#include "run/run_rules.h"

static void set_text(char to[NCA_TEXT_BYTES], const char *text)
{
    if (text)
        snprintf(to, NCA_TEXT_BYTES, "%s", text);
}

// Settings to judge a rule alone by: those of its task, or of the article's size.
static nca_status assume_settings(const char *name, nca_config *config, nca_error *error)
{
    const nca_task *task;
    if (!name)
        return nca_preset_apply("persistent", config, error);
    NCA_TRY(nca_task_find(name, &task, error));
    NCA_TRY(nca_preset_apply(task->preset ? task->preset : "persistent", config, error));
    config->held_out = 0;   // it was trained elsewhere
    return NCA_OK;
}

// A task that is named must be that of the run, or of a file that says it.
static nca_status check_task(const nca_target_arguments *given, const char *path, const char *task,
                             nca_error *error)
{
    if (!given->task || strcmp(given->task, task) == 0)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "--task %.60s: %s was trained for %s; leave it out",
                    given->task, path, task);
}

// What is in frozen channels, only the task knows.
static nca_status fail_frozen(const char *path, const nca_spec *spec, nca_error *error)
{
    const nca_task *const *row = nca_tasks();
    while (*row && !((*row)->usual && (*row)->usual->frozen == spec->frozen &&
                     (*row)->usual->perception == spec->perception))
        row++;
    return nca_fail(error, NCA_ARGUMENT,
                    "%s: a rule with frozen channels%s%s, and the file does not say what is in "
                    "them; give its run folder, or --task%s%s",
                    path, *row ? ", as those of the task " : "", *row ? (*row)->name : "",
                    *row ? " " : "", *row ? (*row)->name : "");
}

static nca_status read_settings(const nca_target_arguments *given, const char *path,
                                const nca_model *model, nca_config *config, const nca_task **task,
                                nca_error *error)
{
    const char *name = given->task ? given->task : *model->task ? model->task : NULL;
    *config = nca_config_default();
    if (nca_is_folder(path)) {
        NCA_TRY(nca_run_folder_check_config(path, model, error));
        NCA_TRY(nca_run_folder_config(path, config, NULL, error));
    } else if (model->spec.frozen > 0 && !name) {
        return fail_frozen(path, &model->spec, error);
    } else {
        NCA_TRY(assume_settings(name, config, error));
    }
    NCA_TRY(check_task(given, path, *model->task ? model->task : config->task, error));
    return nca_task_find(config->task, task, error);
}

// The file did not load as a growing rule, as `error` says. Where it loads as a rule of another
// task, the error names that task instead.
static nca_status suggest_task(const char *path, nca_error *error)
{
    for (const nca_task *const *row = nca_tasks(); *row; row++) {
        nca_model model;
        if ((*row)->usual && nca_model_load_as(path, (*row)->usual, &model, NULL) == NCA_OK) {
            nca_model_free(&model);
            return nca_fail(error, NCA_ARGUMENT,
                            "%s: looks like a rule of the task %s, which the file does not say "
                            "itself; give --task %s%s",
                            path, (*row)->name, (*row)->name,
                            (*row)->reads_data ? ", and --data DIR where it is to be judged" : "");
        }
    }
    return error->status;
}

nca_status nca_run_rule_load(const nca_target_arguments *given, const char *path, nca_model *out,
                             nca_error *error)
{
    const nca_task *task = NULL;
    nca_config config = nca_config_default();
    if (given->task)
        NCA_TRY(nca_task_find(given->task, &task, error));
    if (given->task && nca_is_folder(path)) {   // before its rule is read as that of another task
        NCA_TRY(nca_run_folder_config(path, &config, NULL, error));
        NCA_TRY(check_task(given, path, config.task, error));
    }
    const nca_status status = nca_model_load_as(path, task ? task->usual : NULL, out, error);
    return status == NCA_ARGUMENT && !task && !nca_is_folder(path) ? suggest_task(path, error)
                                                                   : status;
}

nca_status nca_run_refuse_adversary(const nca_target_arguments *given, const char *path,
                                    const nca_model *model, nca_error *error)
{
    nca_config config = nca_config_default();
    const nca_task *task;
    const char *name = *model->task ? model->task : given->task ? given->task : "";
    if (!*name && nca_is_folder(path)) {
        NCA_TRY(nca_run_folder_config(path, &config, NULL, error));
        name = config.task;
    }
    if (!*name || nca_task_find(name, &task, NULL) != NCA_OK || !task->others)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "%.200s: an adversary, which moves some cells of another rule; give its victim",
                    path);
}

nca_status nca_run_task_find(const nca_target_arguments *given, const char *path,
                             const nca_model *model, nca_run_task *out, nca_error *error)
{
    nca_config config;
    const nca_task *task;
    NCA_TRY(read_settings(given, path, model, &config, &task, error));
    if (!task->reads_data && (given->data || given->held_out >= 0))
        return nca_fail(error, NCA_ARGUMENT, "--%s: the task %s has no data; leave it out",
                        given->data ? "data" : "held-out", task->name);
    if (!task->victim && (given->victim || given->share >= 0 || given->say >= 0))
        return nca_fail(error, NCA_ARGUMENT, "--%s: the task %s has no adversary; leave it out",
                        given->victim       ? "victim"
                        : given->share >= 0 ? "share"
                                            : "say",
                        task->name);
    *out = (nca_run_task){.task = task};
    return NCA_OK;
}

// What was given, over the settings of the run; padding changes a grid that was given there.
static nca_status lay_over(const nca_target_arguments *given, nca_config *config, nca_error *error)
{
    nca_grid grid;
    if (given->grid)
        NCA_TRY(nca_grid_read(given->grid, &grid, error));   // auto is none here
    set_text(config->grid, given->grid ? given->grid : given->padding >= 0 ? "auto" : NULL);
    set_text(config->target, given->target);
    set_text(config->background, given->background);
    set_text(config->font, given->font);
    set_text(config->data, given->data);
    set_text(config->seed_at, given->seed_at);
    set_text(config->victim, given->victim);
    config->share = given->share >= 0 ? given->share : config->share;
    config->say = given->say >= 0 ? given->say : config->say;
    config->held_out = given->held_out >= 0 ? given->held_out : config->held_out;
    config->target_size = given->target_size > 0 ? given->target_size : config->target_size;
    config->padding = given->padding >= 0 ? given->padding : config->padding;
    config->trim = given->trim < 0 ? config->trim : given->trim;
    return NCA_OK;
}

// Whether the target that the run keeps is not what is asked for.
static bool asks_for_another(const nca_target_arguments *given)
{
    return given->target_size > 0 || given->background || given->font || given->trim >= 0;
}

nca_status nca_run_task_load(const nca_target_arguments *given, const char *path,
                             const nca_model *model, nca_run_task *out, nca_error *error)
{
    const bool is_folder = nca_is_folder(path);
    nca_run_task loaded = {.is_of_run = is_folder};
    nca_config config;
    nca_plan plan;
    NCA_TRY(read_settings(given, path, model, &config, &loaded.task, error));
    if (is_folder && loaded.task->victim && !given->victim)
        NCA_TRY(nca_run_other_check(&config, path, model, error));
    const bool is_of_zoo = !given->target && nca_zoo_is_name(path);
    if (!given->target && !is_folder && !is_of_zoo && !loaded.task->reads_data)
        return nca_fail(error, NCA_ARGUMENT,
                        "--target: needed, for %s does not say what it should have grown", path);
    NCA_TRY(lay_over(given, &config, error));
    if (is_of_zoo) {
        char picture[NCA_PATH_BYTES];
        NCA_TRY(nca_zoo_target(path, picture, error));
        if (snprintf(config.target, sizeof config.target, "%s", picture) >= NCA_TEXT_BYTES)
            return nca_fail(error, NCA_FILE, "%s: its picture lies in a folder too deep", path);
    }
    NCA_TRY(nca_task_plan(loaded.task, &config, &plan, error));
    nca_content_source source = {
        .config = &config,
        .folder = is_folder && !given->target ? path : NULL,
        .is_changed = asks_for_another(given),
        .is_victim_given = given->victim != NULL,
        .grid = plan.grid,
        .seed_at = given->seed_at
                       ? plan.seed_at
                       : (nca_seed_at){NCA_SEED_FROM_MIDDLE, model->seed[0], model->seed[1]}};
    if (!given->grid && given->padding < 0)
        source.other_grid = (nca_grid){model->grid_height, model->grid_width};
    NCA_TRY(loaded.task->load(&source, &loaded.content, error));
    if (given->grid && (loaded.content.grid.height != plan.grid.height ||
                        loaded.content.grid.width != plan.grid.width)) {
        const nca_grid own = loaded.content.grid;
        nca_content_free(loaded.task, &loaded.content);
        return nca_fail(error, NCA_ARGUMENT, "--grid %.40s: the %s is of %dx%d; leave it out",
                        given->grid, loaded.task->content_words, own.height, own.width);
    }
    loaded.config = config;
    *out = loaded;
    return NCA_OK;
}

void nca_run_task_free(nca_run_task *task)
{
    nca_content_free(task->task, &task->content);
}
