// nca attack: how well a rule withstands what it was not trained for.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "attack/attack.h"
#include "attack/paint.h"
#include "base/output_place.h"
#include "base/stop.h"
#include "cli/command.h"
#include "cli/help_page.h"
#include "cli/printable.h"
#include "cli/progress.h"
#include "cli/target_options.h"

typedef struct attack_options {
    nca_target_arguments target;
    const char *adversary, *tensor, *strengths, *output, *curve;
    int64_t samples, steps, seed, shown;
    bool json, force;
    nca_device_arguments device;
} attack_options;

static const nca_option rows[] = {
    {"adversary", NCA_OPTION_STRING, offsetof(attack_options, adversary), 0, 0, "RULE|RUN",
     "the trained adversary or matrix of the attack", "Attack"},
    {"tensor", NCA_OPTION_STRING, offsetof(attack_options, tensor), 0, 0, "NAME",
     "of the attack matrix: which matrix of a file that holds several", NULL},
    {"strengths", NCA_OPTION_STRING, offsetof(attack_options, strengths), 0, 0, "X,...",
     "strengths to attack with, rising [the attack's usual ones]", NULL},
    {"samples", NCA_OPTION_INT, offsetof(attack_options, samples), 1, 100000, "N",
     "samples, each with its own draws, as nca eval --seeds has them [8; 500 digits]", NULL},
    {"steps", NCA_OPTION_INT, offsetof(attack_options, steps), 0, 1000000, "T",
     "steps after which a state is judged [200]", NULL},
    {"seed", NCA_OPTION_INT, offsetof(attack_options, seed), 0, NCA_SEED_MAX, "N",
     "random seed of all draws [1]", NULL},
    {"output", NCA_OPTION_STRING, offsetof(attack_options, output), 0, 0, "FILE.png",
     "a picture of the last states: a row for each strength", "Files"},
    {"shown", NCA_OPTION_INT, offsetof(attack_options, shown), 1, 64, "N",
     "samples that the picture shows [8]", NULL},
    {"curve", NCA_OPTION_STRING, offsetof(attack_options, curve), 0, 0, "FILE.png",
     "the figures over the strength", NULL},
    {"force", NCA_OPTION_FLAG, offsetof(attack_options, force), 0, 0, NULL,
     "write over files that exist", NULL},
    {"json", NCA_OPTION_FLAG, offsetof(attack_options, json), 0, 0, NULL,
     "JSON instead of a table: attack, samples, steps, and points with strength and figures", NULL},
    NCA_TARGET_ROWS_SAYING(attack_options, target,
                           "what RULE should have grown; of the attacks cells and matrix, the "
                           "picture that the attacker wants [the run's own]"),
    NCA_DEVICE_ROWS(attack_options, device),
    {0},
};

static const char details[] = "RULE is a rule's file or a run folder. KIND is one of these:\n";

static void describe_attacks(const nca_help_page *page)
{
    char text[600];
    page->heading(page->to, "Attacks");
    for (const nca_attack *const *row = nca_attacks(); *row; row++) {
        snprintf(text, sizeof text, "%s; strength: %s, usually %s", (*row)->summary,
                 (*row)->strength_words, (*row)->strengths);
        page->row(page->to, (*row)->name, text);
    }
    page->text(
        page->to,
        "nca train trains adversaries and matrices, with the presets digits-adversary,\n"
        "grow-adversary and grow-matrix.\n"
        "\n"
        "Examples:\n"
        "  nca train --preset digits-adversary --victim digits.safetensors --data mnist "
        "--out runs/eight\n"
        "  nca attack cells digits.safetensors --task digits --data mnist "
        "--adversary runs/eight\n"
        "  nca train --preset grow-matrix --victim lizard.safetensors --target no_tail.png "
        "--out runs/no-tail\n"
        "  nca attack matrix lizard.safetensors --adversary runs/no-tail --output states.png\n");
}

// -- What is asked for ----------------------------------------------------------------------------

// One attack of the command, and what it found.
typedef struct attacking {
    const attack_options *options;
    const nca_attack *attack;
    nca_attack_job job;
    const nca_figure *figures;
    double strength[NCA_STRENGTHS_MAX];
    nca_attack_point point[NCA_STRENGTHS_MAX];
    int points;
    char picture[NCA_PATH_BYTES], curve[NCA_PATH_BYTES];
} attacking;

static int either(int64_t given, int otherwise)
{
    return given >= 0 ? (int)given : otherwise;
}

// A picture's place.
static nca_status check_picture(nca_call *call, const char *option, const char *path,
                                char place[NCA_PATH_BYTES], nca_error *error)
{
    const attack_options *options = call->options;
    if (!path)
        return NCA_OK;
    NCA_TRY(nca_output_check_picture(option, path, options->force, place, error));
    NCA_TRY(nca_output_check_source(option, place, options->adversary, error));
    NCA_TRY(nca_output_check_source(option, place, options->target.target, error));
    return nca_output_check_source(option, place, call->arguments.item[1], error);
}

// Everything that can be refused before anything is read.
static nca_status read_options(nca_call *call, attacking *asked, nca_error *error)
{
    const attack_options *options = asked->options;
    NCA_TRY(nca_attack_find(call->arguments.item[0], &asked->attack, error));
    NCA_TRY(nca_attack_read_strengths(
        asked->attack, options->strengths ? options->strengths : asked->attack->strengths,
        asked->strength, &asked->points, error));
    if (options->target.victim || options->target.share >= 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "--%s: RULE is the victim, and the shares are --strengths; leave it out",
                        options->target.victim ? "victim" : "share");
    if (options->shown > 0 && !options->output)
        return nca_fail(
            error, NCA_ARGUMENT,
            "--shown %lld: there is no picture to show them; give --output FILE.png, or "
            "leave it out",
            (long long)options->shown);
    NCA_TRY(check_picture(call, "output", options->output, asked->picture, error));
    NCA_TRY(check_picture(call, "curve", options->curve, asked->curve, error));
    if (options->output && options->curve && nca_output_is_same(asked->curve, asked->picture))
        return nca_fail(error, NCA_ARGUMENT, "--curve %s: is --output too; choose another name",
                        options->curve);
    return NCA_OK;
}

static nca_status plan_job(nca_call *call, const nca_model *model, attacking *asked,
                           nca_error *error)
{
    const attack_options *options = asked->options;
    nca_target_arguments own = options->target;
    nca_run_task found;
    own.say = -1;   // the adversary's
    NCA_TRY(nca_run_refuse_adversary(&own, call->arguments.item[1], model, error));
    NCA_TRY(nca_run_task_find(&own, call->arguments.item[1], model, &found, error));
    asked->job = (nca_attack_job){
        .attack = asked->attack,
        .rule = call->arguments.item[1],
        .model = model,
        .task = found.task,
        .given = options->target,
        .adversary = options->adversary,
        .tensor = options->tensor,
        .samples = either(options->samples, nca_task_judging_of(found.task)->samples),
        .steps = (int)options->steps,
        .seed = (uint64_t)options->seed,
        .compute = &call->compute,
        .stop = &nca_stop_signal,
    };
    asked->job.shown = options->output ? either(options->shown, 8) : 0;
    if (asked->job.shown > asked->job.samples)
        asked->job.shown = asked->job.samples;
    NCA_TRY(nca_attack_check(asked->attack, &asked->job, error));
    asked->figures = asked->attack->figures(found.task);
    return NCA_OK;
}

// -- What was found -------------------------------------------------------------------------------

static void print_table(const attacking *found)
{
    printf("%s against ", found->attack->name);
    nca_print_safely(stdout, found->job.rule);
    printf(", %d sample%s, after %d step%s\n\n  %-20s", found->job.samples,
           found->job.samples == 1 ? "" : "s", found->job.steps, found->job.steps == 1 ? "" : "s",
           found->attack->strength_words);
    for (const nca_figure *row = found->figures; row->name; row++)
        printf("  %20s", row->words);
    printf("\n");
    for (int i = 0; i < found->points; i++) {
        printf("  %-20g", found->point[i].strength);
        for (int k = 0; found->figures[k].name; k++)
            printf("  %20.4f", found->point[i].figure[k]);
        printf("\n");
    }
}

static void print_json(const attacking *found)
{
    printf("{\n  \"attack\": \"%s\",\n  \"task\": \"%s\",\n  \"samples\": %d,\n  \"steps\": %d,\n"
           "  \"points\": [\n",
           found->attack->name, found->job.task->name, found->job.samples, found->job.steps);
    for (int i = 0; i < found->points; i++) {
        printf("    {\"strength\": %.6g", found->point[i].strength);
        for (int k = 0; found->figures[k].name; k++)
            if (isfinite(found->point[i].figure[k]))
                printf(", \"%s\": %.6g", found->figures[k].name, found->point[i].figure[k]);
            else
                printf(", \"%s\": null", found->figures[k].name);
        printf("}%s\n", i + 1 < found->points ? "," : "");
    }
    printf("  ]\n}\n");
}

// If the curve fails, a picture that was not there before is removed again.
static nca_status write_pictures(const attacking *found, nca_error *error)
{
    const bool is_new = *found->picture && access(found->picture, F_OK) != 0;
    nca_status status = NCA_OK;
    if (*found->picture)
        NCA_TRY(nca_attack_picture_write(found->picture, found->point, found->points,
                                         found->job.shown, error));
    if (*found->curve)
        status = nca_attack_curve_write(found->curve, found->attack, found->figures, found->point,
                                        found->points, error);
    if (status != NCA_OK && is_new)
        unlink(found->picture);
    return status;
}

static nca_status measure_all(attacking *asked, nca_error *error)
{
    nca_percent percent = {.word = "attacked"};
    nca_status status = NCA_OK;
    nca_percent_show(&percent, 0);
    for (int i = 0; i < asked->points && status == NCA_OK; i++) {
        asked->point[i].strength = asked->strength[i];
        status = asked->attack->measure(&asked->job, &asked->point[i], error);
        nca_percent_show(&percent, (double)(i + 1) / asked->points);
    }
    nca_percent_show(&percent, 1);   // clears its line, even after a failure
    return status;
}

static nca_status attack(nca_call *call)
{
    static attacking current;
    nca_error *error = &call->error;
    nca_model model = {0};
    nca_status status;
    current = (attacking){.options = call->options};
    NCA_TRY(read_options(call, &current, error));
    NCA_TRY(nca_run_rule_load(&current.options->target, call->arguments.item[1], &model, error));
    NCA_GO(plan_job(call, &model, &current, error));
    NCA_GO(measure_all(&current, error));
    NCA_GO(write_pictures(&current, error));
    if (current.options->json)
        print_json(&current);
    else
        print_table(&current);
cleanup:
    for (int i = 0; i < current.points; i++)
        free(current.point[i].rgb);
    nca_model_free(&model);
    return status;
}

static const attack_options defaults = {
    .target = NCA_TARGET_NOT_GIVEN, .samples = -1, .steps = 200, .seed = 1, .shown = -1};

const nca_command nca_command_attack = {
    .name = "attack",
    .arguments = "KIND RULE",
    .summary = "Attacks a rule and measures how well it withstands that",
    .details = details,
    .describe = describe_attacks,
    .options = rows,
    .arguments_min = 2,
    .arguments_max = 2,
    .options_bytes = sizeof(attack_options),
    .defaults = &defaults,
    .device = offsetof(attack_options, device),
    .opens_device = true,
    .stops = true,
    .work = attack,
};
