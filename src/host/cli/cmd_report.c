// nca report: a page about one run or several, side by side, in one file.
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/output_place.h"
#include "base/stop.h"
#include "cli/command.h"
#include "cli/eval_map.h"
#include "cli/printable.h"
#include "cli/progress.h"
#include "cli/target_options.h"
#include "config/config_json.h"
#include "report/page.h"
#include "report/tensorboard.h"
#include "run/run_folder.h"

enum { RUNS_MAX = 8 };

typedef struct report_options {
    const char *output, *tensorboard;
    nca_option_list cells;
    int64_t cut_at, heal_steps, seed;
    bool force;
    nca_map_arguments map;
    nca_device_arguments device;
} report_options;

static const nca_option rows[] = {
    {"output", NCA_OPTION_STRING, offsetof(report_options, output), 0, 0, "FILE",
     "the page to write; - is standard output [report.html]", "Page"},
    {"force", NCA_OPTION_FLAG, offsetof(report_options, force), 0, 0, NULL,
     "write over a file that exists", NULL},
    {"tensorboard", NCA_OPTION_STRING, offsetof(report_options, tensorboard), 0, 0, "DIR",
     "instead of the page: event files for TensorBoard, a folder for each run", NULL},
    {"cell", NCA_OPTION_LIST, offsetof(report_options, cells), 0, 0, "Y,X",
     "cell whose channels are drawn at every step; up to three times [centre, halfway to the edge "
     "and edge, leftwards]",
     NULL},
    {"cut-at", NCA_OPTION_INT, offsetof(report_options, cut_at), 1, 10000, "T",
     "step of the five cuts, or of the exchange [200]", "Rollouts"},
    {"heal-steps", NCA_OPTION_INT, offsetof(report_options, heal_steps), 1, 10000, "T",
     "steps after that [400; digits: 200]", NULL},
    {"seed", NCA_OPTION_INT, offsetof(report_options, seed), 0, NCA_SEED_MAX, "N",
     "random seed of the fire masks, and of the digit [1]", NULL},
    NCA_MAP_ROWS(report_options, map),
    NCA_DEVICE_ROWS(report_options, device),
    {0},
};

static const char details[] =
    "The page is one file that needs no network and no other file: settings, loss curve, batches\n"
    "and pool, growth and the five cuts, every channel over time, how a step works; of digits the\n"
    "figures of 500, which digits the cells say, and one that is exchanged for another. A run "
    "takes\n"
    "2 to 5 MB on a usual grid; the rule runs for cut-at + heal-steps steps to make it.\n"
    "\n"
    "Examples:\n"
    "  nca report runs/lizard-regenerating\n"
    "  nca report runs/a runs/b -o compared.html\n"
    "  nca report runs/a runs/b --tensorboard events; tensorboard --logdir events\n"
    "  nca report runs/a --cell 28,28 --cell 28,18 --cell 28,11 -o traces.html\n";

// All that is held for one run while its page is made.
typedef struct report_run {
    nca_model model;
    nca_run_task judged;
    nca_history history;
    nca_observe_options options;
    nca_observation observation;
    nca_verdict verdict;
    nca_evaluation evaluation;
    nca_heal_map heal_map;
    char *config_json, *machine_json;
} report_run;

static void free_run(report_run *run)
{
    nca_model_free(&run->model);
    nca_run_task_free(&run->judged);
    nca_history_free(&run->history);
    nca_observation_free(&run->observation);
    free(run->config_json);
    free(run->machine_json);
}

static nca_status read_model(const char *folder, const nca_config *config, const nca_grid *grid,
                             nca_model *out, nca_error *error)
{
    NCA_TRY(nca_model_load(folder, out, error));
    if (out->spec.channels == config->channels && out->spec.hidden[0] == config->hidden &&
        (out->grid_height == 0 || out->grid_height == grid->height) &&
        (out->grid_width == 0 || out->grid_width == grid->width))
        return NCA_OK;
    return nca_fail(error, NCA_FORMAT,
                    "%s/model.safetensors: %d channels, %d hidden units, grid %dx%d, and "
                    "config.json says %d, %d, %dx%d; it is of another run: put this run's back",
                    folder, out->spec.channels, out->spec.hidden[0], out->grid_height,
                    out->grid_width, (int)config->channels, (int)config->hidden, grid->height,
                    grid->width);
}

// "Y,X" within the grid, in place of those that the task chooses.
static nca_status read_cells(const report_options *options, report_run *run, nca_error *error)
{
    const nca_grid *grid = &run->options.grid;
    nca_observe_choose_cells(run->judged.task, run->judged.content.data, &run->model.spec,
                             &run->options);
    if (options->cells.count > NCA_OBSERVED_CELLS)
        return nca_fail(error, NCA_ARGUMENT, "--cell: given %d times; at most %d",
                        options->cells.count, NCA_OBSERVED_CELLS);
    for (int i = 0; i < options->cells.count; i++)
        NCA_TRY(nca_place_read("--cell", options->cells.item[i], grid->height, grid->width,
                               run->options.cell[i], error));
    return NCA_OK;
}

static nca_status read_run(const report_options *options, const char *folder, report_run *run,
                           nca_error *error)
{
    const nca_target_arguments target = NCA_TARGET_NOT_GIVEN;
    nca_config config = nca_config_default();
    char path[NCA_PATH_BYTES];
    nca_grid grid;
    NCA_TRY(nca_run_folder_config(folder, &config, &grid, error));
    NCA_TRY(nca_config_to_json(&config, &run->config_json, error));
    NCA_TRY(nca_path_join(folder, "metrics.jsonl", path, error));
    NCA_TRY(nca_history_read(path, &run->history, error));
    if (run->history.updates > config.updates)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %lld updates, and config.json says %lld; one of the two is of another "
                        "run: put this run's back",
                        path, (long long)run->history.updates, (long long)config.updates);
    NCA_TRY(nca_run_folder_machine(folder, &run->machine_json, error));
    NCA_TRY(read_model(folder, &config, &grid, &run->model, error));
    NCA_TRY(nca_run_task_load(&target, folder, &run->model, &run->judged, error));
    if (nca_map_is_asked(&options->map))
        NCA_TRY(nca_heal_map_check(run->judged.task, error));
    const nca_task_judging *usual = nca_task_judging_of(run->judged.task);
    run->options = (nca_observe_options){
        .grid = run->judged.content.grid,
        .config = &run->judged.config,
        .seed = (uint64_t)options->seed,
        .cut_at = (int)options->cut_at,
        .heal_steps = options->heal_steps > 0 ? (int)options->heal_steps : usual->heal_steps,
        .traced = usual->cuts ? NCA_CUT_LEFT : 0,
        .stop = &nca_stop_signal,
        .progress = nca_percent_show};
    return read_cells(options, run, error);
}

static nca_status observe_run(report_run *run, const nca_compute *compute, nca_error *error)
{
    nca_percent percent = {.word = "watched"};
    run->options.context = &percent;
    const nca_status status = nca_observe(&run->model, run->judged.task, run->judged.content.data,
                                          &run->options, compute, &run->observation, error);
    if (run->options.progress)
        run->options.progress(&percent, 1);   // clears its line, even after a failure
    return status;
}

// Where the task has figures, they are shown on the way to the cut, and after an exchange there.
static nca_status plan_figures(const report_run *run, nca_evaluate_options *options,
                               nca_error *error)
{
    const nca_task_judging *usual = nca_task_judging_of(run->judged.task);
    if (!run->judged.task->figures)
        return NCA_OK;
    options->steps_count = 0;
    NCA_TRY(nca_evaluate_steps_read(usual->steps, options, error));
    while (options->steps_count > 0 && options->steps[options->steps_count - 1] >= options->cut_at)
        options->steps_count--;
    options->steps[options->steps_count++] = options->cut_at;
    options->exchange = usual->exchange;
    return NCA_OK;
}

static nca_status judge_run(report_run *run, const nca_compute *compute, nca_error *error)
{
    nca_percent percent = {.word = "judged"};
    nca_evaluate_options options =
        nca_verdict_options(run->judged.task, &run->model, &run->options.grid, run->options.cut_at,
                            run->options.heal_steps);
    options.config = run->options.config;
    options.seed = run->options.seed;
    options.stop = &nca_stop_signal;
    options.progress = nca_percent_show;
    options.context = &percent;
    NCA_TRY(plan_figures(run, &options, error));
    const nca_status status = nca_evaluate(&run->model, run->judged.task, run->judged.content.data,
                                           &options, compute, &run->evaluation, error);
    if (options.progress)
        options.progress(&percent, 1);   // clears its line, even after a failure
    if (status == NCA_OK)
        run->verdict = nca_verdict_evaluated(run->judged.task, &options, &run->evaluation);
    return status;
}

static nca_status map_run(const report_options *options, report_run *run,
                          const nca_compute *compute, nca_error *error)
{
    nca_evaluate_options own =
        nca_verdict_options(run->judged.task, &run->model, &run->options.grid, run->options.cut_at,
                            run->options.heal_steps);
    own.seed = run->options.seed;
    own.stop = &nca_stop_signal;
    if (!nca_map_is_asked(&options->map))
        return NCA_OK;
    return nca_map_make(&options->map, &run->model, &run->judged, &own, compute, &run->heal_map,
                        error);
}

// Where the page goes, before anything is computed for it: never over a file that it is made from.
static nca_status check_output(const report_options *options, const nca_arguments *folders,
                               char page[NCA_PATH_BYTES], nca_error *error)
{
    char path[NCA_PATH_BYTES];
    struct stat place, source;
    NCA_TRY(nca_output_check("output", options->output, options->force, page, error));
    if (nca_is_standard_output(page))
        return NCA_OK;
    const char *dot = strrchr(page, '.');
    snprintf(path, sizeof path, "%s", page);
    const char *folder = dirname(path);
    const bool is_page = dot && strcmp(dot, ".html") == 0;
    for (int i = 0; i < folders->count && !is_page; i++)
        if (stat(folder, &place) == 0 && stat(folders->item[i], &source) == 0 &&
            source.st_ino == place.st_ino && source.st_dev == place.st_dev)
            return nca_fail(error, NCA_FILE,
                            "--output %s: among the files of the run itself; end the name with "
                            ".html, or choose another folder",
                            options->output);
    return NCA_OK;
}

static void say_what_was_written(const report_options *options, int runs)
{
    struct stat about;
    FILE *to = nca_output_words(options->output);
    nca_print_safely(to, options->output);
    fprintf(to, ": %d run%s", runs, runs == 1 ? "" : "s");
    if (to == stdout && stat(options->output, &about) == 0)
        fprintf(to, ", %.1f MB; open it in a browser", (double)about.st_size / 1e6);
    fprintf(to, "\n");
    if (!nca_page_has_charts())
        fprintf(to, "without charts: this build did not find dygraphs (Debian: libjs-dygraphs)\n");
}

// Events lie beside runs, never among the files of one.
static nca_status check_no_run(const report_options *options, const char *folder, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    NCA_TRY(nca_path_join(folder, "metrics.jsonl", path, error));
    if (access(path, F_OK) != 0)
        return NCA_OK;
    return nca_fail(error, NCA_FILE,
                    "--tensorboard %s: events would lie in the run folder %s; choose another name",
                    options->tensorboard, folder);
}

// Two runs of one name would be one in TensorBoard, and files that are there stay.
static nca_status check_places(const report_options *options, const nca_arguments *folders,
                               char place[RUNS_MAX][NCA_PATH_BYTES], nca_error *error)
{
    for (int i = 0; i < folders->count; i++) {
        NCA_TRY(nca_tensorboard_place(options->tensorboard, folders->item[i], place[i], error));
        NCA_TRY(check_no_run(options, place[i], error));
        for (int k = 0; k < i; k++)
            if (strcmp(place[k], place[i]) == 0)
                return nca_fail(error, NCA_ARGUMENT,
                                "%s and %s: of one name, so that TensorBoard would show one run; "
                                "write them into two folders",
                                folders->item[k], folders->item[i]);
        if (nca_is_folder(place[i]) && !nca_folder_is_empty(place[i]) && !options->force)
            return nca_fail(error, NCA_FILE,
                            "--tensorboard %s: has the run %s already; choose another name, or "
                            "--force",
                            options->tensorboard, place[i]);
    }
    return NCA_OK;
}

// Event files are not a page, and they lie in folders.
static nca_status check_events(const report_options *options, nca_error *error)
{
    const char *of_page = options->output                   ? "output"
                          : options->cells.count > 0        ? "cell"
                          : options->cut_at > 0             ? "cut-at"
                          : options->heal_steps > 0         ? "heal-steps"
                          : options->seed >= 0              ? "seed"
                          : nca_map_is_asked(&options->map) ? "map"
                                                            : NULL;
    if (of_page)
        return nca_fail(error, NCA_ARGUMENT,
                        "--%s: is about the page, and --tensorboard writes none; leave one out",
                        of_page);
    return nca_folder_check_name("tensorboard", options->tensorboard, error);
}

static nca_status write_events(const report_options *options, const nca_arguments *folders,
                               nca_error *error)
{
    char place[RUNS_MAX][NCA_PATH_BYTES];
    NCA_TRY(check_events(options, error));
    NCA_TRY(check_no_run(options, options->tensorboard, error));
    NCA_TRY(check_places(options, folders, place, error));
    for (int i = 0; i < folders->count; i++)
        NCA_TRY(nca_tensorboard_write(folders->item[i], place[i], error));
    nca_print_safely(stdout, options->tensorboard);
    printf(": %d run%s; look at it with: tensorboard --logdir ", folders->count,
           folders->count == 1 ? "" : "s");
    nca_print_safely(stdout, options->tensorboard);
    putchar('\n');
    return NCA_OK;
}

// What was not given is as usual.
static void settle(report_options *options)
{
    options->output = options->output ? options->output : "report.html";
    options->cut_at = options->cut_at > 0 ? options->cut_at : 200;
    options->seed = options->seed >= 0 ? options->seed : 1;
}

// Every folder is read before a rule runs, so that a fault of the last is reported at once.
static nca_status report(nca_call *call)
{
    static report_run runs[RUNS_MAX];
    report_options *options = call->options;
    const nca_arguments *folders = &call->arguments;
    nca_error *error = &call->error;
    nca_page_run pages[RUNS_MAX];
    char page[NCA_PATH_BYTES];
    const bool has_map = nca_map_is_asked(&options->map);
    nca_status status;
    if (options->tensorboard)
        return write_events(options, folders, error);
    settle(options);
    NCA_GO(check_output(options, folders, page, error));
    for (int i = 0; i < folders->count; i++)
        NCA_GO(read_run(options, folders->item[i], &runs[i], error));
    for (int i = 0; i < folders->count; i++) {
        NCA_GO(observe_run(&runs[i], &call->compute, error));
        NCA_GO(judge_run(&runs[i], &call->compute, error));
        NCA_GO(map_run(options, &runs[i], &call->compute, error));
        pages[i] = (nca_page_run){.name = folders->item[i],
                                  .folder = folders->item[i],
                                  .config_json = runs[i].config_json,
                                  .machine_json = runs[i].machine_json,
                                  .model = &runs[i].model,
                                  .task = runs[i].judged.task,
                                  .content = runs[i].judged.content.data,
                                  .history = &runs[i].history,
                                  .verdict = &runs[i].verdict,
                                  .evaluation = &runs[i].evaluation,
                                  .heal_map = has_map ? &runs[i].heal_map : NULL,
                                  .observation = &runs[i].observation,
                                  .observed = &runs[i].options};
    }
    NCA_GO(nca_page_write(page, pages, folders->count, error));
    say_what_was_written(options, folders->count);
cleanup:
    for (int i = 0; i < RUNS_MAX; i++)
        free_run(&runs[i]);
    return status;
}

static const report_options defaults = {
    .map = NCA_MAP_NOT_GIVEN, .cut_at = -1, .heal_steps = -1, .seed = -1};

const nca_command nca_command_report = {
    .name = "report",
    .arguments = "RUN_DIR...",
    .summary = "Makes a page about a run, or several side by side, in one file",
    .details = details,
    .options = rows,
    .arguments_min = 1,
    .arguments_max = RUNS_MAX,
    .options_bytes = sizeof(report_options),
    .defaults = &defaults,
    .device = offsetof(report_options, device),
    .opens_device = true,
    .stops = true,
    .work = report,
};
