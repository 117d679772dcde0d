// What nca train says of a run: what begins, what goes wrong, how it ended.
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/printable.h"
#include "cli/train_run.h"
#include "run/run_checkpoints.h"
#include "run/run_rules.h"
#include "verify/precision.h"

static const double event_seconds = 10;

// What was given, as opposed to what was chosen.
static const char *given_precision(const train_run *run)
{
    return ((const train_options *)run->call->options)->device.precision;
}

// Elsewhere the last bits differ, and training amplifies them.
static void say_other_arithmetic(train_run *run)
{
    const char *saved = nca_trainer_other_arithmetic(run->trainer);
    const nca_session_info own = nca_trainer_session_info(run->trainer);
    const char *precision = saved ? nca_precision_of(saved) : "";
    const bool is_other = saved && strcmp(precision, nca_precision_of(own.arithmetic)) != 0;
    if (saved)
        nca_progress_say(
            &run->progress,
            "warning: this run was trained on %s, which rounds differently from %s: it "
            "goes on, but not bit for bit as if never stopped%s%s%s",
            saved, own.arithmetic, is_other ? "; it was trained with --precision " : "",
            is_other ? precision : "",
            is_other && !given_precision(run) ? ", which this device lacks" : "");
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

// What auto took, or the run had before. How far it is from f32 only where it is asked for.
static nca_status say_precision(train_run *run)
{
    const nca_device_options options = nca_device_options_of(&run->options.device);
    nca_precision_errors errors;
    char words[NCA_PRECISION_BYTES];
    char chosen[NCA_AUTO_BYTES];
    nca_device_info info;
    run->call->compute.backend->info(run->call->compute.device, &info);
    if (*nca_device_auto_words(&run->options.device, &run->call->compute, chosen))
        nca_progress_say(&run->progress, "%s", chosen);
    if (nca_precision_is_reduced(&info) && !*chosen && !given_precision(run))
        nca_progress_say(&run->progress, "--precision %s, as before", info.precision);
    if (!nca_precision_is_reduced(&info) || !given_precision(run))
        return NCA_OK;
    NCA_TRY(nca_precision_measure(run->options.device.name, &options, &run->call->compute,
                                  &run->plan.spec, &errors, run->error));
    nca_progress_say(&run->progress, "%s", nca_precision_words(info.precision, &errors, words));
    return NCA_OK;
}

// How long it will take and how large the folder will be.
static void say_estimate(train_run *run)
{
    const nca_run_estimate *estimate = &run->estimate;
    char duration[32], size[NCA_SIZE_BYTES];
    if (estimate->update_seconds <= 0)
        return;
    const int64_t left = run->config.updates - nca_trainer_done(run->trainer);
    nca_format_duration((double)left * estimate->update_seconds, duration, sizeof duration);
    nca_format_size(estimate->bytes, size);
    nca_progress_say(&run->progress, "it will take %s %s, and the folder about %s",
                     run->plan.until_healed ? "at most about" : "about", duration, size);
}

// Says that a change is not reached, and returns true, where it comes after the last update. The
// run may be resumed with more updates.
static bool say_if_beyond(train_run *run, const char *option, int64_t after)
{
    if (after < run->config.updates)
        return false;
    nca_progress_say(
        &run->progress,
        "--%s: the change after update %lld is not reached: this run ends at update %lld; "
        "resume it with more --updates to get there",
        option, (long long)after, (long long)run->config.updates);
    return true;
}

// Of each option the first one.
static void say_changes_beyond(train_run *run)
{
    const nca_schedule *schedule = &run->plan.schedule;
    const nca_damage_stages *damage = &run->plan.damage;
    for (int i = 0; schedule->kind == NCA_SCHEDULE_STEPS && i < schedule->steps; i++)
        if (say_if_beyond(run, "schedule", schedule->step[i].after))
            break;
    for (int i = 1; i < damage->stages; i++)
        if (say_if_beyond(run, "damage-changes", damage->stage[i].after))
            break;
}

// What the settings make of the run that whoever looks at its figures should know.
static void say_settings(train_run *run)
{
    char from[NCA_FROM_BYTES];
    say_changes_beyond(run);
    if (run->from.parameters)
        nca_progress_say(&run->progress, "%s", nca_run_from_words(&run->config, &run->from, from));
    if (run->config.average > run->config.updates)
        nca_progress_say(&run->progress,
                         "--average %lld: more than the %lld updates of this run; what is written "
                         "and judged is the average over all of them, the first ones included",
                         (long long)run->config.average, (long long)run->config.updates);
    else if (run->config.average > 0)
        nca_progress_say(&run->progress,
                         "--average %lld: what is written and judged is the average over about the "
                         "last %lld updates; losses shown here are of the rule in training",
                         (long long)run->config.average, (long long)run->config.average);
    if (run->plan.perturbation.kind != NCA_PERTURB_NONE)
        nca_progress_say(
            &run->progress, "--perturb %s: changes %lld of the %lld samples%s%s",
            run->config.perturb, (long long)run->config.perturbed, (long long)run->config.batch,
            *run->config.adversary ? ", by the adversary " : "", run->config.adversary);
    if (!run->plan.repairs)
        nca_progress_say(&run->progress, "--health off: whatever goes wrong is left alone");
}

nca_status nca_train_say_beginning(train_run *run)
{
    nca_device_info info;
    char device[NCA_DEVICE_BYTES];
    run->call->compute.backend->info(run->call->compute.device, &info);
    nca_progress_start(&run->progress, stdout, run->options.quiet, nca_trainer_done(run->trainer),
                       run->config.updates);
    if (*run->notice && (!run->options.quiet || strncmp(run->notice, "warning", 7) == 0))
        nca_progress_say(&run->progress, "%s", run->notice);
    say_other_arithmetic(run);
    if (run->options.quiet)
        return NCA_OK;
    nca_progress_say(&run->progress,
                     "%s %s with preset %s on a grid of %dx%d: %lld updates, batch %lld, pool "
                     "%lld, %lld-%lld steps",
                     run->options.resume ? "Going on with" : "Training",
                     nca_task_source(&run->config), run->config.preset, run->plan.grid.height,
                     run->plan.grid.width, (long long)run->config.updates,
                     (long long)run->config.batch, (long long)run->config.pool,
                     (long long)run->config.steps_min, (long long)run->config.steps_max);
    nca_progress_say(&run->progress, "on %s, into %s", nca_device_words(&info, device),
                     run->log.folder);
    say_choices(run);
    NCA_TRY(say_precision(run));
    say_settings(run);
    if (*run->content.notice && !run->options.resume)
        nca_progress_say(&run->progress, "%s", run->content.notice);
    if (nca_trainer_done(run->trainer) >= run->config.updates)
        nca_progress_say(&run->progress, "all %lld updates are done already; --updates N trains on",
                         (long long)nca_trainer_done(run->trainer));
    else
        say_estimate(run);
    return NCA_OK;
}

void nca_train_say_event(train_run *run, const nca_update_result *result)
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

void nca_train_say_rate(train_run *run, const nca_update_result *result)
{
    if (result->rate_factor > run->rate_factor && run->rate_factor > 0)
        nca_progress_say(&run->progress, "update %lld: the rate rises to %g%s",
                         (long long)result->update, result->rate,
                         result->rate_factor < 1 ? "" : ", as the schedule has it");
    run->rate_factor = result->rate_factor;
}

void nca_train_say_saved(train_run *run)
{
    if (!run->options.quiet)
        nca_progress_say(&run->progress, "saved after update %lld of %lld", (long long)run->saved,
                         (long long)run->config.updates);
}

static void add_option(char words[NCA_RESUME_BYTES], const char *option, const char *value)
{
    const size_t used = strlen(words);
    if (value)
        snprintf(words + used, NCA_RESUME_BYTES - used, " --%s %s", option, value);
}

// With all that decides the last bits and is not in config.json. A device that --device auto passed
// over may be free again.
const char *nca_train_resume_words(const train_run *run, char words[NCA_RESUME_BYTES])
{
    const nca_device_arguments *device = &run->options.device;
    const nca_compute *on = &run->call->compute;
    const char *isa = on->backend->variants ? getenv("NCA_CPU_ISA") : NULL;
    char folder[NCA_RESUME_BYTES / 2];
    const bool has_isa = isa && *isa;
    snprintf(words, NCA_RESUME_BYTES, "%s%s%snca train --resume %s", has_isa ? "NCA_CPU_ISA=" : "",
             has_isa ? isa : "", has_isa ? " " : "",
             nca_shell_word(run->log.folder, folder, sizeof folder));
    add_option(words, "device", *on->passed_over ? on->backend->name : device->name);
    add_option(words, "cuda-path", *on->passed_over ? NULL : device->cuda_path);
    add_option(words, "precision", given_precision(run));
    return words;
}

void nca_train_say_stopped(train_run *run)
{
    char words[NCA_RESUME_BYTES];
    nca_device_info info;
    run->call->compute.backend->info(run->call->compute.device, &info);
    const bool is_f64 = !*info.precision;
    nca_progress_say(&run->progress, "stopped after update %lld of %lld; saved in %s",
                     (long long)run->saved, (long long)run->config.updates, run->log.folder);
    nca_progress_say(&run->progress, "to go on%s: %s",
                     is_f64 ? " (not bit for bit: checkpoints are f32, this device computes in f64)"
                            : ", bit for bit as if it had not stopped",
                     nca_train_resume_words(run, words));
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

void nca_train_say_end(train_run *run, const nca_train_pictures *pictures)
{
    char elapsed[32], films[256], words[NCA_RESUME_BYTES];
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
    if (run->plan.until_healed && !run->is_healed)
        nca_progress_say(&run->progress, "not healed within %lld updates; %s --updates N trains on",
                         (long long)run->config.updates, nca_train_resume_words(run, words));
    nca_format_duration(nca_clock() - run->progress.started, elapsed, sizeof elapsed);
    nca_progress_say(&run->progress, "trained in %s: %s/model.safetensors%s", elapsed, folder,
                     run->config.average > 0 ? ", the average" : "");
    list_films(run->task, films, sizeof films);
    nca_progress_say(&run->progress, "look at %s/%sloss.png, pictures/; judge it with: nca eval %s",
                     folder, films, NCA_SHELL_WORD(folder));
}
