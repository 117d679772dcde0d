// nca eval: whether a rule grows, holds and heals, over several fire seeds.
#include <math.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/eval_figures.h"
#include "cli/eval_map.h"
#include "cli/printable.h"
#include "cli/progress.h"
#include "cli/target_options.h"
#include "eval/verdict.h"

typedef struct eval_options {
    nca_target_arguments target;
    nca_map_arguments map;
    int64_t seeds, seed, cut_at, heal_steps, circles, long_run;
    const char *steps;
    int cuts, exchange;   // negative: the task's
    bool json;
    double fire_rate, angle, step_size;   // NaN: the model's
    nca_device_arguments device;
} eval_options;

static const nca_option rows[] = {
    NCA_TARGET_ROWS(eval_options, target),
    {"steps", NCA_OPTION_STRING, offsetof(eval_options, steps), 0, 0, "T,...",
     "steps at which the loss is measured [96,200,500,1000,5000; digits: 0 to 200 by 20]",
     "Evaluation"},
    {"seeds", NCA_OPTION_INT, offsetof(eval_options, seeds), 1, 100000, "N",
     "samples, each with its own draws of the cells that update; median and range are shown [8; "
     "500 digits]",
     NULL},
    {"seed", NCA_OPTION_INT, offsetof(eval_options, seed), 0, NCA_SEED_MAX, "N",
     "random seed that all of them are drawn from [1]", NULL},
    {"cuts", NCA_OPTION_SWITCH, offsetof(eval_options, cuts), 0, 0, NULL,
     "the five cuts and their healing (--no-cuts leaves them out) [on; off for digits]", NULL},
    {"exchange", NCA_OPTION_SWITCH, offsetof(eval_options, exchange), 0, 0, NULL,
     "at --cut-at exchange the digit under every state, and measure --heal-steps later [on for "
     "digits]",
     NULL},
    {"circles", NCA_OPTION_INT, offsetof(eval_options, circles), 0, NCA_EVALUATE_CIRCLES_MAX, "N",
     "circles as training damages, drawn at random, each cut by itself [0]", NULL},
    {"cut-at", NCA_OPTION_INT, offsetof(eval_options, cut_at), 1, 1000000, "T",
     "step of cuts and circles [200]", NULL},
    {"heal-steps", NCA_OPTION_INT, offsetof(eval_options, heal_steps), 1, 1000000, "T",
     "steps after them [400; digits: 200]", NULL},
    {"long-run", NCA_OPTION_INT, offsetof(eval_options, long_run), 0, 10000000, "T",
     "steps of a long run, 0 for none [10000; digits: 0]", NULL},
    {"fire-rate", NCA_OPTION_REAL, offsetof(eval_options, fire_rate), 0.0001, 1, "P",
     "probability that a cell updates [the model's]", NULL},
    {"angle", NCA_OPTION_REAL, offsetof(eval_options, angle), -360, 360, "DEGREES",
     "rotation of perception [the model's]", NULL},
    {"step-size", NCA_OPTION_REAL, offsetof(eval_options, step_size), 0.0001, 100, "X",
     "multiplies every update [the model's]", NULL},
    NCA_MAP_ROWS(eval_options, map),
    {"map-picture", NCA_OPTION_STRING, offsetof(eval_options, map.picture), 0, 0, "FILE",
     "draw the heal map into this .png", NULL},
    {"force", NCA_OPTION_FLAG, offsetof(eval_options, map.force), 0, 0, NULL,
     "write the picture over a file that exists", NULL},
    NCA_DEVICE_ROWS(eval_options, device),
    {"json", NCA_OPTION_FLAG, offsetof(eval_options, json), 0, 0, NULL,
     "JSON instead: loss_at, healed, undamaged, circles, long_run and heal_map, with median, min "
     "and max of log10 losses",
     NULL},
    {0},
};

static const char details[] =
    "MODEL is a model.safetensors, a rule of the zoo (zoo:lizard), or a run folder, which says\n"
    "itself what it was trained on.\n"
    "The loss is the mean squared difference to the target over the four visible channels; other\n"
    "tasks have other losses. Its log10 is shown, and below it the task's own figures. In JSON a\n"
    "loss that is not finite is null.\n"
    "A rule of digits is judged by the share of living cells that say the right class, and by the\n"
    "share of digits whose cells all say the same. A run is judged on the digits it held out.\n"
    "A heal map says which circles and halves the rule heals, and up to which radius with at\n"
    "least 99 %. It makes some 4,000 trials, which takes minutes on a grid of 72x72.\n"
    "\n"
    "Examples:\n"
    "  nca eval runs/lizard-regenerating\n"
    "  nca eval runs/lizard-regenerating --map --map-picture map.png\n"
    "  nca eval rule.safetensors --target lizard.png --steps 200,1000 --seeds 16 --json\n"
    "  nca eval digits.safetensors --task digits --data mnist --seeds 10000 --json\n";

enum { WORD_COLUMNS = 20 };

static const char *word_of(const nca_task *task, const nca_spread *spread)
{
    const char *word = nca_loss_word(task, spread->median);
    return word ? word : "";
}

static void print_row(const nca_task *task, const char *name, const nca_spread *spread)
{
    printf("  %-22s %8.2f   %8.2f to %-8.2f %s\n", name, spread->median, spread->min, spread->max,
           word_of(task, spread));
}

// What was never there cannot be healed.
static void print_damage(const nca_task *task, const char *name, const nca_healing *healing,
                         const nca_spread *whole, int seeds)
{
    const bool can_heal = nca_rule_heals(task, whole->median, whole->median);
    printf("  %-22s %8.2f   %8.2f to %-8.2f %-*s ", name, healing->loss.median, healing->loss.min,
           healing->loss.max, task->grades ? WORD_COLUMNS : 0, word_of(task, &healing->loss));
    if (can_heal)
        printf("%d of %d healed\n", healing->seeds_healed, seeds);
    else
        printf("nothing to heal\n");
}

static void print_healing(const nca_task *task, const nca_evaluate_options *options,
                          const nca_evaluation *found)
{
    char name[64];
    printf("\n  cut at %d, after %d steps\n", options->cut_at, options->heal_steps);
    print_row(task, "undamaged", &found->whole);
    nca_eval_print_figures(task, found->whole_figure);
    for (int cut = 0; found->has_cuts && cut < NCA_CUT_COUNT; cut++) {
        print_damage(task, nca_cut_name(cut), &found->cut[cut], &found->whole, options->seeds);
        nca_eval_print_figures(task, found->cut[cut].figure);
    }
    for (int i = 0; i < found->circles; i++) {
        const nca_region *circle = &found->circle_region[i];
        snprintf(name, sizeof name, "circle %.0f,%.0f,%.1f", circle->center_y, circle->center_x,
                 circle->radius_y);
        print_damage(task, name, &found->circle[i], &found->whole, options->seeds);
        nca_eval_print_figures(task, found->circle[i].figure);
    }
}

static void print_verdict(const nca_task *task, const nca_evaluate_options *options,
                          const nca_evaluation *found)
{
    char line[NCA_VERDICT_LINES][NCA_VERDICT_BYTES];
    const nca_verdict verdict = nca_verdict_evaluated(task, options, found);
    const int lines = nca_verdict_write(&verdict, line);
    printf("\n  verdict\n");
    for (int i = 0; i < lines; i++)
        printf("  %s\n", line[i]);
}

static void print_table(const nca_model *model, const nca_task *task,
                        const nca_evaluate_options *options, const nca_evaluation *found)
{
    char name[64];
    nca_print_safely(stdout, *model->name ? model->name : "rule");
    printf(", grid %dx%d, %d %s; log10 loss\n\n", options->grid.height, options->grid.width,
           options->seeds, nca_task_judging_of(task)->samples_words);
    snprintf(name, sizeof name, "from %s", task->beginning_words);
    printf("  %-22s %8s   %s\n", name, "median", "range");
    for (int i = 0; i < found->steps_count; i++) {
        snprintf(name, sizeof name, "step %d", found->step[i]);
        print_row(task, name, &found->loss_at[i]);
        nca_eval_print_figures(task, found->figure_at[i]);
    }
    nca_eval_print_exchange(task, options, found);
    if (found->has_cuts || found->circles > 0)
        print_healing(task, options, found);
    if (found->long_run > 0) {
        printf("\n  long run\n");
        snprintf(name, sizeof name, "step %d", found->long_run);
        print_row(task, name, &found->long_run_loss);
        nca_eval_print_figures(task, found->long_run_figure);
        printf("  %-22s %8.3g\n", "largest |state|", found->long_run_max_state);
        printf("  %-22s %8d of %d\n", "died out", found->long_run_dead, options->seeds);
    }
    print_verdict(task, options, found);
}

static void print_number(const char *name, double value, const char *after)
{
    if (isfinite(value))
        printf("\"%s\": %.6g%s", name, value, after);
    else
        printf("\"%s\": null%s", name, after);
}

static void print_spread(const nca_spread *spread)
{
    print_number("median", spread->median, ", ");
    print_number("min", spread->min, ", ");
    print_number("max", spread->max, "");
}

// The losses and figures of a moment, which begin its object.
static void print_moment(const nca_task *task, const nca_spread *loss, const double *figure)
{
    print_spread(loss);
    nca_eval_json_figures(task, figure);
}

// The numbers of a damage, which end its object.
static void print_healed(const nca_task *task, const nca_healing *healing, const char *after)
{
    print_moment(task, &healing->loss, healing->figure);
    printf(", \"seeds_healed\": %d}%s\n", healing->seeds_healed, after);
}

static void print_damages(const nca_task *task, const nca_evaluation *found)
{
    for (int cut = 0; found->has_cuts && cut < NCA_CUT_COUNT; cut++) {
        printf("    \"%s\": {", nca_cut_name(cut));
        print_healed(task, &found->cut[cut], cut + 1 < NCA_CUT_COUNT ? "," : "");
    }
    printf("  },\n");
    if (found->has_cuts || found->circles > 0) {
        printf("    \"undamaged\": {");
        print_moment(task, &found->whole, found->whole_figure);
        printf("},\n");
    }
    printf("  \"circles\": [\n");
    for (int i = 0; i < found->circles; i++) {
        const nca_region *circle = &found->circle_region[i];
        printf("    {\"center\": [%.6g, %.6g], \"radius\": [%.6g, %.6g], ", circle->center_y,
               circle->center_x, circle->radius_y, circle->radius_x);
        print_healed(task, &found->circle[i], i + 1 < found->circles ? "," : "");
    }
    printf("  ],\n");
}

static void print_long_run(const nca_task *task, const nca_evaluation *found)
{
    printf("  \"long_run\": ");
    if (found->long_run == 0) {
        printf("null");
        return;
    }
    printf("{\"steps\": %d, ", found->long_run);
    print_moment(task, &found->long_run_loss, found->long_run_figure);
    printf(", ");
    print_number("max_state", found->long_run_max_state, ", ");
    printf("\"died_out\": %d}", found->long_run_dead);
}

static void print_json(const nca_task *task, const nca_evaluate_options *options,
                       const nca_evaluation *found, const nca_heal_map *map)
{
    printf("{\n  \"grid\": [%d, %d],\n  \"seeds\": %d,\n  \"loss_at\": {\n", options->grid.height,
           options->grid.width, options->seeds);
    for (int i = 0; i < found->steps_count; i++) {
        printf("    \"%d\": {", found->step[i]);
        print_moment(task, &found->loss_at[i], found->figure_at[i]);
        printf("}%s\n", i + 1 < found->steps_count ? "," : "");
    }
    printf("  },\n");
    nca_eval_json(task, options, found);
    printf("  \"healed\": {\n");
    print_damages(task, found);
    printf("  \"cut_at\": %d,\n  \"heal_steps\": %d,\n", options->cut_at, options->heal_steps);
    print_long_run(task, found);
    if (map)
        nca_map_print_json(map);
    printf("\n}\n");
}

static int either(int64_t given, int otherwise)
{
    return given >= 0 ? (int)given : otherwise;
}

// What was given, and otherwise what is usual for the task.
static nca_status plan_evaluation(const eval_options *given, const nca_run_task *judged,
                                  const nca_model *model, nca_evaluate_options *out,
                                  nca_error *error)
{
    const nca_task_judging *usual = nca_task_judging_of(judged->task);
    out->config = judged->is_of_run ? &judged->config : NULL;
    out->seeds = either(given->seeds, usual->samples);
    out->seed = (uint64_t)given->seed;
    out->cut_at = either(given->cut_at, usual->cut_at);
    out->heal_steps = either(given->heal_steps, usual->heal_steps);
    out->cuts = either(given->cuts, usual->cuts);
    out->exchange = either(given->exchange, usual->exchange);
    out->circles = (int)given->circles;
    out->long_run = either(given->long_run, usual->long_run);
    out->fire_rate = isnan(given->fire_rate) ? model->fire_rate : given->fire_rate;
    out->angle = isnan(given->angle) ? model->angle : given->angle;
    out->step_size = isnan(given->step_size) ? model->step_size : given->step_size;
    return nca_evaluate_steps_read(given->steps ? given->steps : usual->steps, out, error);
}

static nca_status judge(const nca_model *model, const nca_run_task *judged,
                        const nca_evaluate_options *asked, nca_call *call, nca_evaluation *out)
{
    nca_percent percent = {.word = "evaluated"};
    nca_evaluate_options own = *asked;
    own.progress = nca_percent_show;
    own.context = &percent;
    const nca_status status = nca_evaluate(model, judged->task, judged->content.data, &own,
                                           &call->compute, out, &call->error);
    nca_percent_show(&percent, 1);   // clears its line, even after a failure
    return status;
}

static nca_status evaluate(nca_call *call)
{
    const eval_options *options = call->options;
    const char *path = call->arguments.item[0];
    nca_error *error = &call->error;
    nca_evaluate_options asked = {0};
    nca_model model;
    nca_run_task judged = {0};
    static nca_evaluation found;
    static nca_heal_map map;
    char picture[NCA_PATH_BYTES];
    const bool has_map = nca_map_is_asked(&options->map);
    nca_status status;
    NCA_TRY(nca_map_check_picture(&options->map, picture, error));
    if (*picture) {
        NCA_TRY(nca_output_check_source("map-picture", picture, path, error));
        NCA_TRY(nca_output_check_source("map-picture", picture, options->target.target, error));
    }
    if (options->steps)   // before anything is read
        NCA_TRY(nca_evaluate_steps_read(options->steps, &(nca_evaluate_options){0}, error));
    NCA_TRY(nca_run_rule_load(&options->target, path, &model, error));
    NCA_GO(nca_run_task_load(&options->target, path, &model, &judged, error));
    NCA_GO(plan_evaluation(options, &judged, &model, &asked, error));
    asked.grid = judged.content.grid;
    if (has_map)   // before the evaluation, which takes long
        NCA_GO(nca_heal_map_check(judged.task, error));
    NCA_GO(judge(&model, &judged, &asked, call, &found));
    if (has_map)
        NCA_GO(nca_map_make(&options->map, &model, &judged, &asked, &call->compute, &map, error));
    if (has_map)
        NCA_GO(nca_map_write_picture(&map, &judged, picture, error));
    if (options->json)
        print_json(judged.task, &asked, &found, has_map ? &map : NULL);
    else
        print_table(&model, judged.task, &asked, &found);
    if (has_map && !options->json)
        nca_map_print(&map);
cleanup:
    nca_run_task_free(&judged);
    nca_model_free(&model);
    return status;
}

static const eval_options defaults = {.target = NCA_TARGET_NOT_GIVEN,
                                      .map = NCA_MAP_NOT_GIVEN,
                                      .seeds = -1,
                                      .seed = 1,
                                      .cut_at = -1,
                                      .heal_steps = -1,
                                      .long_run = -1,
                                      .cuts = -1,
                                      .exchange = -1,
                                      .fire_rate = NAN,
                                      .angle = NAN,
                                      .step_size = NAN};

const nca_command nca_command_eval = {
    .name = "eval",
    .arguments = "MODEL",
    .summary = "Judges a rule: does it grow, hold and heal",
    .details = details,
    .options = rows,
    .arguments_min = 1,
    .arguments_max = 1,
    .options_bytes = sizeof(eval_options),
    .defaults = &defaults,
    .device = offsetof(eval_options, device),
    .opens_device = true,
    .work = evaluate,
};
