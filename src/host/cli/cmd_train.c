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
#include "run/run_target.h"
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
     "go on with the run of this folder, bit for bit as if never stopped on the same device", NULL},
    NCA_DEVICE_ROWS(train_options, device),
    {"preview", NCA_OPTION_FLAG, offsetof(train_options, preview), 0, 0, NULL,
     "show the batch in the terminal as it trains", NULL},
    {"quiet", NCA_OPTION_FLAG, offsetof(train_options, quiet), 0, 0, NULL,
     "no progress, only what went wrong and where the run lies", NULL},
    {0},
};

static const char details[] =
    "Examples:\n"
    "  nca train                                    the default target, 😝, to regenerate\n"
    "  nca train --target 🦎 --preset persistent\n"
    "  nca train --target logo.png --trim --updates 2000 --out runs/logo\n"
    "  nca train --resume runs/logo --updates 4000\n"
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
    "training ends with it. All of this stands in metrics.jsonl.\n";

static const double event_seconds = 10, preview_seconds = 0.5;

// One run, while it lasts.
typedef struct run {
    nca_call *call;
    train_options options;
    nca_config config;
    nca_plan plan;        // of it
    nca_image target;     // padded to the grid
    char background[8];   // the corner's colour where the picture is opaque all over
    nca_trainer *trainer;
    nca_run_log log;
    nca_progress progress;
    int64_t saved;    // update of the latest checkpoint; negative where there is none
    nca_event said;   // the latest event on the screen, and when it came there
    double said_at;
    double previewed;   // when the terminal last showed the batch
    nca_error *error;
} run;

// `field` is named as in config.json.
static nca_status fail_different(const run *of, const char *field)
{
    char option[64];
    snprintf(option, sizeof option, "%s", field);
    for (char *c = option; *c; c++)
        *c = *c == '_' ? '-' : *c;
    return nca_fail(of->error, NCA_ARGUMENT,
                    "--%s: differs from what %s was trained with; leave it out to resume", option,
                    of->options.resume);
}

// The settings of the run to go on with, with the options laid over them; only what does not
// change its trajectory may differ.
static nca_status read_resumed(run *of)
{
    const nca_call *call = of->call;
    nca_config saved = nca_config_default();
    if (of->options.out)
        return nca_fail(of->error, NCA_ARGUMENT, "--out: --resume goes on in its own folder");
    NCA_TRY(nca_run_folder_config(of->options.resume, &saved, NULL, of->error));
    of->config = saved;
    NCA_TRY(nca_options_apply(call->self, call->argc, call->argv, &of->options, &of->config,
                              of->error));
    const char *different = nca_config_difference(&saved, &of->config);
    if (!different && strcmp(saved.preset, of->config.preset) != 0)
        different = "preset";
    if (different)
        return fail_different(of, different);
    return NCA_OK;
}

// A picture without a clear pixel grows background and all, which is seldom meant.
static void notice_background(run *of, const nca_image *image)
{
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++)
        if (image->pixels[4 * i + 3] < 1)
            return;
    snprintf(of->background, sizeof of->background, "#%02x%02x%02x",
             (unsigned)(image->pixels[0] * 255 + 0.5f) & 255,
             (unsigned)(image->pixels[1] * 255 + 0.5f) & 255,
             (unsigned)(image->pixels[2] * 255 + 0.5f) & 255);
}

static nca_status load_target(run *of)
{
    const nca_config *config = &of->config;
    const nca_grid *grid = &of->plan.grid;
    char path[NCA_PATH_BYTES];
    const nca_target_options options = nca_target_options_of(
        config, of->options.resume ? nca_run_folder_target(of->options.resume, config->target, path)
                                   : config->target);
    nca_image image;
    NCA_TRY(nca_target_load(&options, &image, of->error));
    notice_background(of, &image);
    const nca_status status =
        nca_image_pad(&image, grid->height, grid->width, &of->target, of->error);
    nca_image_free(&image);
    return status;
}

// The lock first: another process may be about to renew the checkpoint.
static nca_status go_on_in_folder(run *of)
{
    char path[NCA_PATH_BYTES];
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", of->options.resume);
    NCA_TRY(nca_run_log_open(of->options.resume, &of->log, of->error));
    NCA_TRY(nca_trainer_restore(of->trainer, path, of->error));
    of->saved = nca_trainer_done(of->trainer);
    if (of->saved > of->config.updates)
        return nca_fail(of->error, NCA_ARGUMENT,
                        "--updates %lld: %s has %lld behind it; give as many, or more",
                        (long long)of->config.updates, of->options.resume, (long long)of->saved);
    NCA_TRY(nca_run_log_continue(&of->log, of->saved, of->error));
    return nca_run_folder_set_config(of->log.folder, &of->config, of->error);
}

static nca_status start_folder(run *of)
{
    char path[NCA_PATH_BYTES], *json;
    if (of->options.out)
        snprintf(path, sizeof path, "%s", of->options.out);
    else
        nca_run_folder_choose(&of->config, path);
    NCA_TRY(nca_config_to_json(&of->config, &json, of->error));
    const nca_status status = nca_run_log_create(path, json, &of->log, of->error);
    free(json);
    NCA_TRY(status);
    return nca_run_folder_keep_target(of->log.folder, of->config.target, of->error);
}

// The same numbers elsewhere differ in their last bits, and training makes much of that.
static void say_other_arithmetic(run *of)
{
    const char *saved = nca_trainer_other_arithmetic(of->trainer);
    if (saved)
        nca_progress_say(
            &of->progress,
            "warning: this run was trained on %s, which rounds differently from %s: it "
            "goes on, but not bit for bit as if never stopped",
            saved, nca_trainer_session_info(of->trainer).arithmetic);
}

// What the device chose where it was left to it.
static void say_choices(run *of)
{
    const nca_session_info about = nca_trainer_session_info(of->trainer);
    nca_device_info info;
    of->call->compute.backend->info(of->call->compute.device, &info);
    if (strncmp(info.variant, "auto", 4) == 0)
        nca_progress_say(&of->progress, "--cuda-path auto: %s", about.variant);
    if (about.tape_every > 1 && of->options.device.tape_every == 0)
        nca_progress_say(&of->progress,
                         "the states of a rollout do not all fit into the device's free memory: "
                         "one in %d is kept and those between are computed again, which takes one "
                         "more forward pass at most (--tape-every N chooses)",
                         about.tape_every);
}

// How far a reduced precision is from f32 here.
static nca_status say_precision(run *of)
{
    const nca_device_options options = nca_device_options_of(&of->options.device);
    nca_precision_errors errors;
    char words[NCA_PRECISION_BYTES];
    if (!nca_precision_is_reduced(&options))
        return NCA_OK;
    NCA_TRY(nca_precision_measure(of->options.device.name, &options, &of->call->compute,
                                  &of->plan.spec, &errors, of->error));
    nca_progress_say(&of->progress, "%s", nca_precision_words(options.precision, &errors, words));
    return NCA_OK;
}

static nca_status say_what_begins(run *of)
{
    nca_device_info info;
    char device[NCA_DEVICE_BYTES];
    of->call->compute.backend->info(of->call->compute.device, &info);
    nca_progress_start(&of->progress, stdout, of->options.quiet, nca_trainer_done(of->trainer),
                       of->config.updates);
    say_other_arithmetic(of);
    if (of->options.quiet)
        return NCA_OK;
    nca_progress_say(&of->progress,
                     "%s %s with preset %s on a grid of %dx%d: %lld updates, batch %lld, pool "
                     "%lld, %lld-%lld steps",
                     of->options.resume ? "Going on with" : "Training", of->config.target,
                     of->config.preset, of->target.height, of->target.width,
                     (long long)of->config.updates, (long long)of->config.batch,
                     (long long)of->config.pool, (long long)of->config.steps_min,
                     (long long)of->config.steps_max);
    nca_progress_say(&of->progress, "on %s, into %s", nca_device_words(&info, device),
                     of->log.folder);
    say_choices(of);
    NCA_TRY(say_precision(of));
    if (*of->background && !of->options.resume)
        nca_progress_say(&of->progress,
                         "%s has no clear pixel, so its background grows as well; --background "
                         "%s makes that colour clear",
                         of->config.target, of->background);
    if (nca_trainer_done(of->trainer) >= of->config.updates)
        nca_progress_say(&of->progress, "all %lld updates are done already; --updates N trains on",
                         (long long)nca_trainer_done(of->trainer));
    return NCA_OK;
}

// Model and checkpoint: everything before them is on the disk first.
static nca_status save(run *of, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    nca_model model;
    nca_status status;
    NCA_TRY(nca_run_log_sync(&of->log, error));
    NCA_TRY(nca_trainer_model(of->trainer, &model, error));
    NCA_GO(nca_path_join(of->log.folder, "model.safetensors", path, error));
    NCA_GO(nca_model_save(&model, path, error));
    NCA_GO(nca_path_join(of->log.folder, "checkpoint.safetensors", path, error));
    NCA_GO(nca_trainer_save(of->trainer, path, error));
    of->saved = nca_trainer_done(of->trainer);
cleanup:
    nca_model_free(&model);
    return status;
}

// Somebody removed it: the checkpoint has the rule as well.
static bool is_model_missing(const run *of)
{
    char path[NCA_PATH_BYTES];
    return nca_path_join(of->log.folder, "model.safetensors", path, NULL) == NCA_OK &&
           access(path, F_OK) != 0;
}

static bool is_moment(int64_t done, int64_t every, int64_t total)
{
    return done % every == 0 || done == total;
}

// What went wrong in an update, on a line of its own; where the same goes wrong again and again,
// now and then. All of it stands in the metrics.
static void say_event(run *of, const nca_update_result *result)
{
    const double now = nca_clock();
    const bool is_news = result->event != of->said || now - of->said_at >= event_seconds;
    if (nca_event_is_fault(result->event) && is_news) {
        nca_progress_say(&of->progress, "update %lld: %s", (long long)result->update,
                         result->event_text);
        of->said = result->event;
        of->said_at = now;
    }
}

// Training gave up: the last good rule is what stays, and the curve shows how it came to that. What
// fails here is not told, for the reason of the end is.
static nca_status end_with_good_rule(run *of, nca_train_pictures *pictures,
                                     const nca_update_result *result)
{
    nca_error failed;
    if (nca_run_log_add(&of->log, result, &failed) != NCA_OK || save(of, &failed) != NCA_OK ||
        nca_train_pictures_curve(pictures, &failed) != NCA_OK) {
        *of->error = failed;
        return failed.status;
    }
    return NCA_NUMERIC;
}

static bool is_preview_due(const run *of)
{
    return of->options.preview && of->progress.is_terminal &&
           nca_clock() - of->previewed >= preview_seconds;
}

// The batch in the terminal, above the bar.
static nca_status preview(run *of)
{
    const float *before, *after;
    nca_preview shown = {.paint = nca_trainer_task(of->trainer)->paint,
                         .batch = (int)of->config.batch,
                         .height = of->target.height,
                         .width = of->target.width,
                         .channels = (int)of->config.channels};
    char *text;
    int lines;
    NCA_TRY(nca_trainer_batch(of->trainer, &before, &after, of->error));
    shown.states = after;
    nca_progress_size(&of->progress, &shown.columns, &shown.lines);
    shown.lines -= 2;   // the bar's, and the one the cursor may need
    NCA_TRY(nca_preview_draw(&shown, &text, &lines, of->error));
    nca_progress_picture(&of->progress, text, lines);
    of->previewed = nca_clock();
    free(text);
    return NCA_OK;
}

// One update and what belongs to it.
static nca_status advance(run *of, nca_train_pictures *pictures)
{
    const int64_t next = nca_trainer_done(of->trainer) + 1;
    const bool is_picture = is_moment(next, of->config.pictures_every, of->config.updates);
    const bool is_shown = is_preview_due(of);
    nca_update_result result;
    nca_trainer_keep_before(of->trainer, is_picture || is_shown);
    const nca_status status = nca_trainer_update(of->trainer, &result, of->error);
    if (status != NCA_OK && status != NCA_NUMERIC)
        return status;
    say_event(of, &result);
    if (status == NCA_NUMERIC)
        return end_with_good_rule(of, pictures, &result);
    NCA_TRY(nca_run_log_add(&of->log, &result, of->error));
    if (is_shown)
        NCA_TRY(preview(of));
    nca_progress_update(&of->progress, &result);
    if (is_picture)
        NCA_TRY(nca_train_pictures_write(pictures, of->error));
    if (is_moment(result.update, of->config.checkpoint_every, of->config.updates))
        NCA_TRY(save(of, of->error));
    return NCA_OK;
}

// Ended by a signal: everything is saved, and the way on is said.
static nca_status stop(run *of, nca_train_pictures *pictures)
{
    const int64_t done = nca_trainer_done(of->trainer);
    NCA_TRY(save(of, of->error));
    NCA_TRY(nca_train_pictures_curve(pictures, of->error));
    nca_progress_say(&of->progress, "stopped after update %lld of %lld; saved in %s",
                     (long long)done, (long long)of->config.updates, of->log.folder);
    nca_progress_say(&of->progress, "go on with: nca train --resume %s", of->log.folder);
    return NCA_OK;
}

static void say_what_became(run *of, const nca_train_pictures *pictures)
{
    char elapsed[32];
    const char *folder = of->log.folder;
    if (pictures->is_dead)
        nca_progress_say(
            &of->progress,
            "beware: nothing lives 200 steps after the seed; the rule forgot how to grow "
            "(README: when training goes wrong)");
    if (of->options.quiet) {
        nca_progress_say(&of->progress, "%s", folder);
        return;
    }
    nca_format_duration(nca_clock() - of->progress.started, elapsed, sizeof elapsed);
    nca_progress_say(&of->progress, "trained in %s: %s/model.safetensors", elapsed, folder);
    nca_progress_say(&of->progress,
                     "look at %s/growth.webp, healing.webp, loss.png, pictures/; judge it with: "
                     "nca eval %s",
                     folder, folder);
}

static nca_status train(run *of)
{
    nca_train_pictures pictures = {.config = &of->config,
                                   .trainer = of->trainer,
                                   .content = &of->target,
                                   .log = &of->log,
                                   .compute = &of->call->compute,
                                   .height = of->target.height,
                                   .width = of->target.width,
                                   .stop = &nca_stop_signal};
    if (!of->options.resume) {   // a run that can be resumed has all that is written once
        NCA_TRY(nca_train_pictures_target(&pictures, &of->target, of->error));
        NCA_TRY(save(of, of->error));
    }
    if (is_model_missing(of))
        NCA_TRY(save(of, of->error));
    while (!nca_stop_signal && nca_trainer_done(of->trainer) < of->config.updates)
        NCA_TRY(advance(of, &pictures));
    nca_progress_finish(&of->progress);
    const nca_status status =
        nca_stop_signal ? NCA_OK : nca_train_pictures_finish(&pictures, of->error);
    if (nca_stop_signal)
        return stop(of, &pictures);
    NCA_TRY(status);
    say_what_became(of, &pictures);
    return NCA_OK;
}

static nca_status prepare(run *of)
{
    if (of->options.preview && !isatty(STDOUT_FILENO))
        return nca_fail(of->error, NCA_ARGUMENT,
                        "--preview: standard output is no terminal; leave it out");
    NCA_TRY(nca_plan_make(&of->config, &of->plan, of->error));
    NCA_TRY(nca_device_open(&of->options.device, &of->call->compute, of->error));
    // Before any is taken.
    NCA_TRY(nca_trainer_check_memory(&of->config, &of->plan, &nca_task_grow, &of->call->compute,
                                     of->error));
    NCA_TRY(load_target(of));
    NCA_TRY(nca_trainer_create(&of->config, &of->plan, &nca_task_grow, &of->target,
                               &of->call->compute, &of->trainer, of->error));
    nca_stop_by_signals();
    signal(SIGPIPE, SIG_IGN);
    NCA_TRY(of->options.resume ? go_on_in_folder(of) : start_folder(of));
    if (nca_trainer_done(of->trainer) >= of->config.updates)   // this machine adds nothing
        return NCA_OK;
    return nca_run_folder_set_machine(of->log.folder, &of->call->compute, of->error);
}

// What is left of a run that failed: nothing where it did not begin, otherwise the way on.
static void leave(run *of)
{
    const nca_error failed = *of->error;
    if (of->log.is_new && nca_trainer_done(of->trainer) == 0)
        nca_run_log_discard(&of->log);
    else if (of->log.metrics && of->saved >= 0 &&
             (failed.status == NCA_FILE || failed.status == NCA_DEVICE ||
              failed.status == NCA_MEMORY))
        nca_fail(of->error, failed.status,
                 "%s; then go on from update %lld with: nca train --resume %s", failed.message,
                 (long long)of->saved, of->log.folder);
}

static nca_status run_train(nca_call *call)
{
    static run of;
    nca_status status;
    of = (run){.call = call,
               .options = *(const train_options *)call->options,
               .config = call->config,
               .saved = -1,
               .error = &call->error};
    if (of.options.resume)
        NCA_GO(read_resumed(&of));
    NCA_GO(prepare(&of));
    NCA_GO(say_what_begins(&of));
    status = train(&of);
    nca_progress_finish(&of.progress);
cleanup:
    if (status != NCA_OK && of.log.metrics)
        leave(&of);
    nca_run_log_close(&of.log);
    nca_trainer_free(of.trainer);
    nca_image_free(&of.target);
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
