// nca train: one run, from its target to its run folder.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "cli/command.h"
#include "cli/preview.h"
#include "cli/progress.h"
#include "config/config_json.h"
#include "run/run_folder.h"
#include "run/train_pictures.h"
#include "verify/precision.h"

typedef struct train_options {
    const char *out, *resume;
    bool preview, quiet;
    nca_device_arguments device;
} train_options;

static const nca_option rows[] = {
    {"out", NCA_OPTION_STRING, offsetof(train_options, out), 0, 0, "DIR",
     "run folder to make [runs/TARGET-PRESET]", "Run"},
    {"resume", NCA_OPTION_STRING, offsetof(train_options, resume), 0, 0, "DIR",
     "continue the run of this folder; on the same device it gives the same bits as a run that "
     "never stopped",
     NULL},
    NCA_DEVICE_ROWS(train_options, device),
    {"preview", NCA_OPTION_FLAG, offsetof(train_options, preview), 0, 0, NULL,
     "show the batch in the terminal as it trains", NULL},
    {"quiet", NCA_OPTION_FLAG, offsetof(train_options, quiet), 0, 0, NULL,
     "no progress, only what went wrong and the run folder", NULL},
    {0},
};

static const char details[] =
    "Examples:\n"
    "  nca train                                    the default target, 😝, to regenerate\n"
    "  nca train --target 🦎 --preset persistent\n"
    "  nca train --target logo.png --trim --updates 2000 --out runs/logo\n"
    "  nca train --resume runs/logo --updates 4000\n"
    "  nca train --task digits --data mnist         cells that agree which digit they are part of\n"
    "\n"
    "Ctrl-C finishes the update, writes a checkpoint and says how to go on; a second one stops at\n"
    "once. Exit code 0 when trained, 1 when training went wrong, 2 for bad input, 129, 130 or 143\n"
    "when a signal ended it.\n"
    "\n"
    "When a loss, gradient or state is not finite, a state is beyond 1e5 or no cell lives,\n"
    "nothing of the update is kept, and the rows of the pool that went wrong become the seed.\n"
    "After 5 lost updates in a row, after 20 in which what grew from the seed died, or at once\n"
    "where the rule is not finite, the rule goes back to the last good one (renewed every 100\n"
    "updates) and the pool to the seed; when that is due a fourth time with no renewal between,\n"
    "training ends with it. metrics.jsonl records all of this.\n"
    "\n"
    "With --health off nothing of this is done, as in the 2023 replication: exploded and dead "
    "states\n"
    "stay in the pool, and metrics.jsonl says \"left alone\" where they would not have. Training "
    "then\n"
    "ends only with a gradient or rule that is not finite, since no later rule would be finite: "
    "it\n"
    "keeps the last one that was.\n";

static const double event_seconds = 10, preview_seconds = 0.5;

// One run, while it lasts.
typedef struct train_run {
    nca_call *call;
    train_options options;
    nca_config config;
    const nca_task *task;
    nca_plan plan;   // of the settings
    nca_content content;
    nca_trainer *trainer;
    nca_run_log log;
    nca_progress progress;
    int64_t saved;    // update of the latest checkpoint; negative where there is none
    nca_event said;   // the latest event on the screen, and when it came there
    double said_at;
    double previewed;   // when the terminal last showed the batch
    nca_error *error;
} train_run;

// `field` is named as in config.json.
static nca_status fail_different(const train_run *run, const char *field)
{
    char option[NCA_OPTION_NAME_BYTES];
    return nca_fail(run->error, NCA_ARGUMENT,
                    "--%s: differs from what %s was trained with; leave it out to resume",
                    nca_option_spell(field, option), run->options.resume);
}

// The settings of the run to go on with, with the options laid over them; only what does not
// change its trajectory may differ.
static nca_status read_resumed(train_run *run)
{
    const nca_call *call = run->call;
    nca_config saved = nca_config_default();
    if (run->options.out)
        return nca_fail(run->error, NCA_ARGUMENT, "--out: --resume goes on in its own folder");
    NCA_TRY(nca_run_folder_config(run->options.resume, &saved, NULL, run->error));
    run->config = saved;
    NCA_TRY(nca_options_apply(call->self, call->argc, call->argv, &run->options, &run->config,
                              run->error));
    nca_run_folder_keep_paths(&saved);
    nca_run_folder_keep_paths(&run->config);
    const char *different = nca_config_difference(&saved, &run->config);
    if (!different && strcmp(saved.preset, run->config.preset) != 0)
        different = "preset";
    if (different)
        return fail_different(run, different);
    return NCA_OK;
}

static nca_status load_content(train_run *run)
{
    const nca_content_source source = {
        .config = &run->config, .folder = run->options.resume, .grid = run->plan.grid};
    return run->task->load(&source, &run->content, run->error);
}

// The lock first: another process may be about to renew the checkpoint.
static nca_status go_on_in_folder(train_run *run)
{
    char path[NCA_PATH_BYTES];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", run->options.resume);
    NCA_TRY(nca_run_log_open(run->options.resume, &run->log, run->error));
    NCA_TRY(nca_trainer_restore(run->trainer, path, run->error));
    run->saved = nca_trainer_done(run->trainer);
    if (run->saved > run->config.updates)
        return nca_fail(run->error, NCA_ARGUMENT,
                        "--updates %lld: %s already did %lld updates; ask for at least that many",
                        (long long)run->config.updates, run->options.resume, (long long)run->saved);
    NCA_TRY(nca_run_log_continue(&run->log, run->saved, run->error));
    return nca_run_folder_set_config(run->log.folder, &run->config, run->error);
}

static nca_status start_folder(train_run *run)
{
    char path[NCA_PATH_BYTES], *json;
    if (run->options.out)
        snprintf(path, sizeof path, "%s", run->options.out);
    else
        nca_run_folder_choose(&run->config, path);
    NCA_TRY(nca_config_to_json(&run->config, &json, run->error));
    const nca_status status = nca_run_log_create(path, json, &run->log, run->error);
    free(json);
    NCA_TRY(status);
    if (run->task->keep)
        NCA_TRY(run->task->keep(&run->config, run->log.folder, run->error));
    return NCA_OK;
}

// Elsewhere the last bits differ, and training amplifies them.
static void say_other_arithmetic(train_run *run)
{
    const char *saved = nca_trainer_other_arithmetic(run->trainer);
    if (saved)
        nca_progress_say(
            &run->progress,
            "warning: this run was trained on %s, which rounds differently from %s: it "
            "goes on, but not bit for bit as if never stopped",
            saved, nca_trainer_session_info(run->trainer).arithmetic);
}

// What the device chose by itself.
static void say_choices(train_run *run)
{
    const nca_session_info about = nca_trainer_session_info(run->trainer);
    nca_device_info info;
    run->call->compute.backend->info(run->call->compute.device, &info);
    if (strncmp(info.variant, "auto", 4) == 0)
        nca_progress_say(&run->progress, "--cuda-path auto: %s", about.variant);
    if (about.tape_every > 1 && run->options.device.tape_every == 0)
        nca_progress_say(&run->progress,
                         "the states of a rollout do not all fit into the device's free memory: "
                         "one in %d is kept and those between are computed again, which takes one "
                         "more forward pass at most (--tape-every N chooses)",
                         about.tape_every);
}

// How far a reduced precision is from f32 here.
static nca_status say_precision(train_run *run)
{
    const nca_device_options options = nca_device_options_of(&run->options.device);
    nca_precision_errors errors;
    char words[NCA_PRECISION_BYTES];
    if (!nca_precision_is_reduced(&options))
        return NCA_OK;
    NCA_TRY(nca_precision_measure(run->options.device.name, &options, &run->call->compute,
                                  &run->plan.spec, &errors, run->error));
    nca_progress_say(&run->progress, "%s", nca_precision_words(options.precision, &errors, words));
    return NCA_OK;
}

static nca_status say_what_begins(train_run *run)
{
    nca_device_info info;
    char device[NCA_DEVICE_BYTES];
    run->call->compute.backend->info(run->call->compute.device, &info);
    nca_progress_start(&run->progress, stdout, run->options.quiet, nca_trainer_done(run->trainer),
                       run->config.updates);
    say_other_arithmetic(run);
    if (run->options.quiet)
        return NCA_OK;
    nca_progress_say(&run->progress,
                     "%s %s with preset %s on a grid of %dx%d: %lld updates, batch %lld, pool "
                     "%lld, %lld-%lld steps",
                     run->options.resume ? "Going on with" : "Training",
                     nca_task_source(&run->config), run->config.preset, run->plan.grid.height, run->plan.grid.width,
                     (long long)run->config.updates, (long long)run->config.batch,
                     (long long)run->config.pool, (long long)run->config.steps_min,
                     (long long)run->config.steps_max);
    nca_progress_say(&run->progress, "on %s, into %s", nca_device_words(&info, device),
                     run->log.folder);
    say_choices(run);
    NCA_TRY(say_precision(run));
    if (!run->plan.repairs)
        nca_progress_say(&run->progress, "--health off: whatever goes wrong is left alone");
    if (*run->content.notice && !run->options.resume)
        nca_progress_say(&run->progress, "%s", run->content.notice);
    if (nca_trainer_done(run->trainer) >= run->config.updates)
        nca_progress_say(&run->progress, "all %lld updates are done already; --updates N trains on",
                         (long long)nca_trainer_done(run->trainer));
    return NCA_OK;
}

// Model and checkpoint: everything before them is on the disk first.
static nca_status save(train_run *run, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    nca_model model;
    nca_status status;
    NCA_TRY(nca_run_log_sync(&run->log, error));
    NCA_TRY(nca_trainer_model(run->trainer, &model, error));
    NCA_GO(nca_path_join(run->log.folder, "model.safetensors", path, error));
    NCA_GO(nca_model_save(&model, path, error));
    NCA_GO(nca_path_join(run->log.folder, "checkpoint.safetensors", path, error));
    NCA_GO(nca_trainer_save(run->trainer, path, error));
    run->saved = nca_trainer_done(run->trainer);
cleanup:
    nca_model_free(&model);
    return status;
}

// Someone removed it; the checkpoint has the rule as well.
static bool is_model_missing(const train_run *run)
{
    char path[NCA_PATH_BYTES];
    return nca_path_join(run->log.folder, "model.safetensors", path, NULL) == NCA_OK &&
           access(path, F_OK) != 0;
}

static bool is_moment(int64_t done, int64_t every, int64_t total)
{
    return done % every == 0 || done == total;
}

// What went wrong in an update, on a line of its own; at most every 10 s where it repeats. The
// metrics have all of it.
static void say_event(train_run *run, const nca_update_result *result)
{
    const double now = nca_clock();
    const bool is_news = result->event != run->said || now - run->said_at >= event_seconds;
    const bool is_fault =
        nca_event_is_fault(result->event) || result->event == NCA_EVENT_LEFT_ALONE;
    if (is_fault && is_news) {
        nca_progress_say(&run->progress, "update %lld: %s", (long long)result->update,
                         result->event_text);
        run->said = result->event;
        run->said_at = now;
    }
}

// Training gave up: saves the last good rule and the curve. NCA_NUMERIC with the update's message,
// or what failed in saving.
static nca_status end_with_good_rule(train_run *run, nca_train_pictures *pictures,
                                     const nca_update_result *result)
{
    nca_error failed;
    if (nca_run_log_add(&run->log, result, &failed) != NCA_OK || save(run, &failed) != NCA_OK ||
        nca_train_pictures_curve(pictures, &failed) != NCA_OK) {
        *run->error = failed;
        return failed.status;
    }
    return NCA_NUMERIC;
}

static bool is_preview_due(const train_run *run)
{
    return run->options.preview && run->progress.is_terminal &&
           nca_clock() - run->previewed >= preview_seconds;
}

// The batch in the terminal, above the bar.
static nca_status preview(train_run *run)
{
    const float *before, *after;
    nca_preview shown = {.paint = nca_trainer_task(run->trainer)->paint,
                         .has_true_colour = nca_terminal_has_true_colour(),
                         .batch = (int)run->config.batch,
                         .height = run->plan.grid.height,
                         .width = run->plan.grid.width,
                         .channels = (int)run->config.channels};
    char *text;
    int lines;
    NCA_TRY(nca_trainer_batch(run->trainer, &before, &after, run->error));
    shown.states = after;
    nca_progress_size(&run->progress, &shown.columns, &shown.lines);
    shown.lines -= 2;   // the bar's, and the one the cursor may need
    NCA_TRY(nca_preview_draw(&shown, &text, &lines, run->error));
    nca_progress_picture(&run->progress, text, lines);
    run->previewed = nca_clock();
    free(text);
    return NCA_OK;
}

// One update and what belongs to it.
static nca_status advance(train_run *run, nca_train_pictures *pictures)
{
    const int64_t next = nca_trainer_done(run->trainer) + 1;
    const bool is_picture = is_moment(next, run->config.pictures_every, run->config.updates);
    const bool is_shown = is_preview_due(run);
    nca_update_result result;
    nca_trainer_keep_before(run->trainer, is_picture || is_shown);
    const nca_status status = nca_trainer_update(run->trainer, &result, run->error);
    if (status != NCA_OK && status != NCA_NUMERIC)
        return status;
    say_event(run, &result);
    if (status == NCA_NUMERIC)
        return end_with_good_rule(run, pictures, &result);
    NCA_TRY(nca_run_log_add(&run->log, &result, run->error));
    if (is_shown)
        NCA_TRY(preview(run));
    nca_progress_update(&run->progress, &result);
    if (is_picture)
        NCA_TRY(nca_train_pictures_write(pictures, run->error));
    if (is_moment(result.update, run->config.checkpoint_every, run->config.updates))
        NCA_TRY(save(run, run->error));
    return NCA_OK;
}

// Ended by a signal: everything is saved, and the way on is said.
static nca_status stop(train_run *run, nca_train_pictures *pictures)
{
    const int64_t done = nca_trainer_done(run->trainer);
    NCA_TRY(save(run, run->error));
    NCA_TRY(nca_train_pictures_curve(pictures, run->error));
    nca_progress_say(&run->progress, "stopped after update %lld of %lld; saved in %s",
                     (long long)done, (long long)run->config.updates, run->log.folder);
    nca_progress_say(&run->progress, "go on with: nca train --resume %s", run->log.folder);
    return NCA_OK;
}

// "growth.webp, healing.webp, "
static void list_films(const nca_task *task, char *text, size_t size)
{
    text[0] = 0;
    for (const nca_task_film *film = task->films; film && film->file; film++) {
        const size_t used = strlen(text);
        snprintf(text + used, size - used, "%s, ", film->file);
    }
}

static void say_what_became(train_run *run, const nca_train_pictures *pictures)
{
    char elapsed[32], films[256];
    const char *folder = run->log.folder;
    if (pictures->is_dead)
        nca_progress_say(&run->progress,
                         "warning: no cell is alive %d steps after %s: the rule no longer grows; "
                         "see \"When training goes wrong\" in docs/training.md",
                         run->task->films->steps, run->task->beginning_words);
    if (run->options.quiet) {
        nca_progress_say(&run->progress, "%s", folder);
        return;
    }
    nca_format_duration(nca_clock() - run->progress.started, elapsed, sizeof elapsed);
    nca_progress_say(&run->progress, "trained in %s: %s/model.safetensors", elapsed, folder);
    list_films(run->task, films, sizeof films);
    nca_progress_say(&run->progress, "look at %s/%sloss.png, pictures/; judge it with: nca eval %s",
                     folder, films, folder);
}

static nca_status train(train_run *run)
{
    nca_train_pictures pictures = {.config = &run->config,
                                   .trainer = run->trainer,
                                   .content = run->content.data,
                                   .log = &run->log,
                                   .compute = &run->call->compute,
                                   .height = run->plan.grid.height,
                                   .width = run->plan.grid.width,
                                   .stop = &nca_stop_signal};
    if (!run->options.resume) {   // a run that can be resumed has all that is written once
        NCA_TRY(nca_train_pictures_target(&pictures, run->error));
        NCA_TRY(save(run, run->error));
    }
    if (is_model_missing(run))
        NCA_TRY(save(run, run->error));
    while (!nca_stop_signal && nca_trainer_done(run->trainer) < run->config.updates)
        NCA_TRY(advance(run, &pictures));
    nca_progress_finish(&run->progress);
    const nca_status status =
        nca_stop_signal ? NCA_OK : nca_train_pictures_finish(&pictures, run->error);
    if (nca_stop_signal)
        return stop(run, &pictures);
    NCA_TRY(status);
    say_what_became(run, &pictures);
    return NCA_OK;
}

static nca_status prepare(train_run *run)
{
    if (run->options.out)
        NCA_TRY(nca_folder_check_name(run->options.out, run->error));
    if (run->options.preview && !isatty(STDOUT_FILENO))
        return nca_fail(run->error, NCA_ARGUMENT,
                        "--preview: standard output is no terminal; leave it out");
    NCA_TRY(nca_task_find(run->config.task, &run->task, run->error));
    NCA_TRY(nca_task_plan(run->task, &run->config, &run->plan, run->error));
    NCA_TRY(nca_device_open(&run->options.device, &run->call->compute, run->error));
    // Before any memory is taken.
    NCA_TRY(nca_trainer_check_memory(&run->config, &run->plan, run->task, &run->call->compute,
                                     run->error));
    NCA_TRY(load_content(run));
    NCA_TRY(nca_trainer_create(&run->config, &run->plan, run->task, run->content.data,
                               &run->call->compute, &run->trainer, run->error));
    nca_stop_by_signals();
    signal(SIGPIPE, SIG_IGN);
    NCA_TRY(run->options.resume ? go_on_in_folder(run) : start_folder(run));
    if (nca_trainer_done(run->trainer) >= run->config.updates)   // this machine adds nothing
        return NCA_OK;
    return nca_run_folder_set_machine(run->log.folder, &run->call->compute, run->error);
}

// A failed run: removes its folder where it did not begin, otherwise adds how to resume.
static void leave(train_run *run)
{
    const nca_error failed = *run->error;
    if (run->log.is_new && nca_trainer_done(run->trainer) == 0)
        nca_run_log_discard(&run->log);
    else if (run->log.metrics && run->saved >= 0 &&
             (failed.status == NCA_FILE || failed.status == NCA_DEVICE ||
              failed.status == NCA_MEMORY))
        nca_fail(run->error, failed.status,
                 "%s; then go on from update %lld with: nca train --resume %s", failed.message,
                 (long long)run->saved, run->log.folder);
}

static nca_status run_train(nca_call *call)
{
    static train_run current;
    nca_status status;
    current = (train_run){.call = call,
                          .options = *(const train_options *)call->options,
                          .config = call->config,
                          .saved = -1,
                          .error = &call->error};
    if (current.options.resume)
        NCA_GO(read_resumed(&current));
    else
        nca_run_folder_keep_paths(&current.config);
    NCA_GO(prepare(&current));
    NCA_GO(say_what_begins(&current));
    status = train(&current);
    nca_progress_finish(&current.progress);
cleanup:
    if (status != NCA_OK && current.log.metrics)
        leave(&current);
    nca_run_log_close(&current.log);
    nca_trainer_free(current.trainer);
    nca_content_free(current.task, &current.content);
    call->code = nca_stop_signal ? 128 + nca_stop_signal : 0;
    return status;
}

const nca_command nca_command_train = {
    .name = "train",
    .arguments = "",
    .summary = "Trains a rule to grow, hold and heal a target",
    .details = details,
    .options = rows,
    .has_config = true,
    .options_bytes = sizeof(train_options),
    .work = run_train,
};
