// nca train: one run, from its target to its run folder.
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/stop.h"
#include "cli/preview.h"
#include "cli/train_run.h"
#include "cli/train_verdict.h"
#include "run/run_checkpoints.h"
#include "run/run_folder.h"
#include "run/run_rules.h"
#include "run/run_until.h"

static const nca_option rows[] = {
    {"out", NCA_OPTION_STRING, offsetof(train_options, out), 0, 0, "DIR",
     "run folder to make [runs/TARGET-PRESET]", "Run"},
    {"resume", NCA_OPTION_STRING, offsetof(train_options, resume), 0, 0, "DIR",
     "continue the run of this folder; on the same CPU or GPU it gives the same bits as a run that "
     "never stopped",
     NULL},
    NCA_DEVICE_ROWS_AS(train_options, device,
                       "auto to grow a picture, else f32; with --resume the run's own"),
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
    "  nca train --from runs/logo --target other.png --rate 0.0005\n"
    "  nca train --target 🦎 --until healed\n"
    "  nca train --task digits --data mnist         cells that agree on which digit they form\n"
    "\n"
    "UPDATE in --schedule and --damage-changes may be a share of all updates, such as 40%.\n"
    "\n"
    "Ctrl-C finishes the update, writes a checkpoint and says how to go on; a second one stops at\n"
    "once. SIGUSR1 writes a checkpoint, and training goes on. Exit code: 0 when trained, 1 when\n"
    "training went wrong, 2 for bad input, 129, 130 or 143 when a signal ended it.\n"
    "\n"
    "When a loss, gradient or state is not finite, a state is beyond 1e5 or no cell lives,\n"
    "nothing of the update is kept, and the rows of the pool that went wrong become the seed.\n"
    "After 5 lost updates in a row, where what grows from the seed dies too often, or at once\n"
    "where the rule is not finite, the rule goes back to the last good one, the pool to the seed\n"
    "and the rate to a quarter. Too often is in 20 updates in a row, or in 20 more than a tenth\n"
    "of them. A rule is good once 300 updates kept their seeds; one that loses a seed takes 20 of\n"
    "them back. The rate stays there for 500 updates and doubles after every 500 until it is the\n"
    "schedule's, later where seeds die; each further return takes twice as long, and 1/64 is the\n"
    "lowest. When a return is due a fourth time without a new good rule between, training ends\n"
    "with the good one. metrics.jsonl records all of this.\n"
    "\n"
    "With --health off none of this is done, as in the 2023 replication: exploded and dead\n"
    "states stay in the pool, and metrics.jsonl says \"left alone\" where training would have\n"
    "stepped in. Training then ends only when a gradient or the rule is not finite, since no\n"
    "later rule would be finite, and keeps the last finite rule.\n"
    "\n"
    "--until healed checks the rule every 200 updates and ends training once it grows, holds\n"
    "and heals every cut: by medians of 8 fire seeds, the log10 loss is at most -2 at steps 200,\n"
    "1000 and 5000, and 400 steps after each of the five cuts it is within 0.3 of the loss\n"
    "without a cut. Eight other fire seeds must confirm it. --updates is the most that is\n"
    "trained. Rules that cannot be healed yet are found by quicker checks and not judged.\n"
    "\n"
    "With --average N the rule that is saved, filmed and judged is an average over about the\n"
    "last N updates. Training itself goes on with the current rule; the losses on the screen\n"
    "and in metrics.jsonl are those of the current rule. Every 10 updates the current rule\n"
    "enters the average with the weight 10 / N, unless a sample died in that update; the\n"
    "weights of earlier rules shrink accordingly, so late updates count most. Where training\n"
    "goes back to the last good rule, the average goes back with it.\n";

static const double preview_seconds = 0.5;

static nca_status load_content(train_run *run)
{
    const nca_content_source source = {.config = &run->config,
                                       .folder = run->options.resume,
                                       .grid = run->plan.grid,
                                       .seed_at = run->plan.seed_at};
    return run->task->load(&source, &run->content, run->error);
}

static bool is_moment(int64_t done, int64_t every, int64_t total)
{
    return done % every == 0 || done == total;
}

// Training gave up: saves the last good rule and the curve. NCA_NUMERIC with the update's message,
// or what failed in saving.
static nca_status end_with_good_rule(train_run *run, nca_train_pictures *pictures,
                                     const nca_update_result *result)
{
    nca_error failed;
    if (nca_run_log_add(&run->log, result, &failed) != NCA_OK ||
        nca_train_save(run, &failed) != NCA_OK ||
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

// Whether the rule is healed, where it is time to look.
static nca_status look(train_run *run)
{
    const int64_t done = nca_trainer_done(run->trainer);
    const nca_until until = {.trainer = run->trainer,
                             .content = run->content.data,
                             .grid = run->plan.grid,
                             .log = &run->log,
                             .compute = nca_call_judging(run->call),
                             .criteria = nca_judge_criteria_of(run->task, false),
                             .stop = &nca_stop_signal};
    nca_until_verdict verdict;
    if (!nca_until_is_due(&run->plan, done))
        return NCA_OK;
    NCA_TRY(nca_until_look(&until, &verdict, run->error));
    run->is_healed = verdict.is_healed;
    if (verdict.is_judged)
        nca_progress_say(&run->progress, "update %lld: %s%s", (long long)done,
                         verdict.is_healed ? "healed: " : "", verdict.words);
    return NCA_OK;
}

// One update and what belongs to it.
static nca_status advance(train_run *run, nca_train_pictures *pictures)
{
    const int64_t next = nca_trainer_done(run->trainer) + 1;
    const bool is_picture = is_moment(next, run->config.pictures_every, run->config.updates);
    const bool is_shown = is_preview_due(run);
    nca_update_result result;
    nca_trainer_keep_before(run->trainer,
                            is_picture || is_shown || nca_until_is_due(&run->plan, next));
    const nca_status status = nca_trainer_update(run->trainer, &result, run->error);
    if (status != NCA_OK && status != NCA_NUMERIC)
        return status;
    nca_train_say_rate(run, &result);
    nca_train_say_event(run, &result);
    if (status == NCA_NUMERIC)
        return end_with_good_rule(run, pictures, &result);
    NCA_TRY(nca_run_log_add(&run->log, &result, run->error));
    if (is_shown)
        NCA_TRY(preview(run));
    nca_progress_update(&run->progress, &result);
    NCA_TRY(look(run));
    if (is_picture || run->is_healed) {
        NCA_TRY(nca_run_log_check_place(&run->log, run->error));
        NCA_TRY(nca_train_pictures_write(pictures, run->error));
    }
    if (run->is_healed ||
        is_moment(result.update, run->config.checkpoint_every, run->config.updates))
        NCA_TRY(nca_train_save(run, run->error));
    return NCA_OK;
}

// SIGUSR1: a checkpoint of now, and on.
static nca_status save_where_asked(train_run *run)
{
    if (!nca_save_signal)
        return NCA_OK;
    nca_save_signal = 0;
    if (run->saved != nca_trainer_done(run->trainer))
        NCA_TRY(nca_train_save(run, run->error));
    nca_train_say_saved(run);
    return NCA_OK;
}

// Ended by a signal: everything is saved, and the way on is said.
static nca_status stop(train_run *run, nca_train_pictures *pictures)
{
    NCA_TRY(nca_train_save(run, run->error));
    NCA_TRY(nca_train_pictures_curve(pictures, run->error));
    nca_train_say_stopped(run);
    return NCA_OK;
}

static nca_status train(train_run *run)
{
    nca_train_pictures pictures = {.config = &run->config,
                                   .trainer = run->trainer,
                                   .content = run->content.data,
                                   .log = &run->log,
                                   .compute = nca_call_judging(run->call),
                                   .height = run->plan.grid.height,
                                   .width = run->plan.grid.width,
                                   .stop = &nca_stop_signal};
    if (run->saved < 0)   // a run that has a checkpoint has all that is written once
        NCA_TRY(nca_train_pictures_target(&pictures, run->error));
    if (run->saved < 0 || run->is_stale || nca_train_lacks_model(run))
        NCA_TRY(nca_train_save(run, run->error));
    if (run->options.resume)   // the look that a signal cut short, or that it ended with
        NCA_TRY(look(run));
    while (!nca_stop_signal && !run->is_healed &&
           nca_trainer_done(run->trainer) < run->config.updates) {
        NCA_TRY(advance(run, &pictures));
        NCA_TRY(save_where_asked(run));
    }
    nca_progress_finish(&run->progress);
    const nca_status status =
        nca_stop_signal ? NCA_OK : nca_train_pictures_finish(&pictures, run->error);
    if (nca_stop_signal)
        return stop(run, &pictures);
    NCA_TRY(status);
    nca_train_say_end(run, &pictures);
    return run->options.quiet
               ? NCA_OK
               : nca_train_say_verdict(run->call, &run->config, run->task, &run->content,
                                       run->log.folder, &run->progress);
}

// Before the training has its memory. Where nothing can be timed, nothing is said.
static void estimate(train_run *run)
{
    const nca_image *picture = run->task->picture ? run->task->picture(run->content.data) : NULL;
    if (!run->options.quiet)
        nca_run_estimate_make(&run->config, &run->plan, picture, &run->call->compute,
                              &run->estimate, NULL);
}

static bool can_compute(const train_run *run, const char *precision)
{
    nca_device_arguments device = run->options.device;
    nca_compute tried = {0};
    device.precision = precision;
    const nca_device_options options = nca_device_options_of(&device);
    const bool can = nca_compute_open(device.name, &options, &tried, NULL) == NCA_OK;
    nca_compute_close(&tried);
    return can;
}

// Where none is given: a run goes on in its own, if this device has it; a new one takes the task's.
static void choose_precision(train_run *run)
{
    const char **precision = &run->options.device.precision;
    if (*precision)
        return;
    const char *trained =
        run->options.resume ? nca_checkpoints_precision(run->options.resume) : NULL;
    if (!trained)
        *precision = run->task->precision;
    else if (strcmp(trained, "f32") != 0 && can_compute(run, trained))
        *precision = trained;
}

static nca_status open_devices(train_run *run)
{
    nca_device_options exact = nca_device_options_of(&run->options.device);
    nca_device_info info;
    exact.precision = NULL;
    choose_precision(run);
    NCA_TRY(nca_device_open(&run->options.device, &run->call->compute, run->error));
    run->call->compute.backend->info(run->call->compute.device, &info);
    if (!nca_precision_is_reduced(&info))
        return NCA_OK;
    return nca_compute_open(run->options.device.name, &exact, &run->call->judging, run->error);
}

static nca_status prepare(train_run *run)
{
    if (run->options.out)
        NCA_TRY(nca_folder_check_name("out", run->options.out, run->error));
    if (run->options.preview && !isatty(STDOUT_FILENO))
        return nca_fail(run->error, NCA_ARGUMENT,
                        "--preview: standard output is no terminal; leave it out");
    NCA_TRY(nca_task_find(run->config.task, &run->task, run->error));
    NCA_TRY(nca_task_plan(run->task, &run->config, &run->plan, run->error));
    NCA_TRY(open_devices(run));
    // Before any memory is taken.
    NCA_TRY(nca_trainer_check_memory(&run->config, &run->plan, run->task, &run->call->compute,
                                     run->error));
    NCA_TRY(load_content(run));
    estimate(run);
    NCA_TRY(nca_trainer_create(&run->config, &run->plan, run->task, run->content.data,
                               &run->call->compute, &run->trainer, run->error));
    NCA_TRY(nca_run_adversary_begin(&run->config, run->options.resume, run->trainer,
                                    &run->adversary, run->error));
    if (!run->options.resume) {
        NCA_TRY(nca_run_from_begin(&run->config, NULL, run->trainer, &run->from, run->error));
        NCA_TRY(nca_trainer_check_start(run->trainer, run->error));
    }
    nca_stop_by_signals();
    nca_save_by_signal();
    signal(SIGPIPE, SIG_IGN);
    NCA_TRY(run->options.resume ? nca_train_go_on(run) : nca_train_begin(run));
    if (nca_trainer_done(run->trainer) >= run->config.updates)   // this machine adds nothing
        return NCA_OK;
    return nca_run_folder_set_machine(run->log.folder, &run->call->compute, run->error);
}

// What config.json keeps: whole paths, and updates instead of shares of them.
static nca_status settle(train_run *run)
{
    nca_run_folder_keep_paths(&run->config);
    return nca_config_settle(&run->config, run->error);
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
        NCA_GO(nca_train_read_resumed(&current));
    else
        NCA_GO(settle(&current));
    NCA_GO(prepare(&current));
    NCA_GO(nca_train_say_beginning(&current));
    status = train(&current);
    nca_progress_finish(&current.progress);
cleanup:
    if (status != NCA_OK && current.log.metrics)
        nca_train_leave(&current);
    nca_run_log_close(&current.log);
    nca_trainer_free(current.trainer);
    nca_content_free(current.task, &current.content);
    nca_model_free(&current.from);
    nca_model_free(&current.adversary);
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
