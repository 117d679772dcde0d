// nca study: settings side by side, several training seeds each, judged by the same criteria.
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/stop.h"
#include "cli/command.h"
#include "cli/help_page.h"
#include "cli/study_screen.h"
#include "report/study_page.h"
#include "run/run_folder.h"

typedef struct study_options {
    const char *out, *settings;
    int64_t seeds, other_seeds, jobs;   // negative: not given
    bool quick, judge, quiet;
    nca_config shared;
    nca_device_arguments device;
} study_options;

enum { SEEDS_MAX = 100, JOBS_MAX = 256, THREADS_MAX = 1024 };

// clang-format off
#define TEXT_ROW(name, standard, quick, value, help)                                              \
    {#name, NCA_OPTION_TEXT, offsetof(study_options, shared.name), 1, NCA_TEXT_BYTES - 1, value,   \
     help " [" standard "]", NULL},
#define INT_ROW(name, standard, quick, min, max, value, help)                                     \
    {#name, NCA_OPTION_INT, offsetof(study_options, shared.name), min, max, value,                 \
     help " [" #standard "]", NULL},
#define REAL_ROW(name, standard, quick, min, max, value, help)                                    \
    {#name, NCA_OPTION_REAL, offsetof(study_options, shared.name), min, max, value,                \
     help " [" #standard "]", NULL},
// clang-format on

static const nca_option rows[] = {
    {"out", NCA_OPTION_STRING, offsetof(study_options, out), 0, 0, "DIR",
     "folder of the study: a run folder for every run [runs/study-regeneration]", "Study"},
    {"settings", NCA_OPTION_STRING, offsetof(study_options, settings), 0, 0, "NAME,...",
     "some of the settings below [all]", NULL},
    {"seeds", NCA_OPTION_INT, offsetof(study_options, seeds), 0, SEEDS_MAX, "N",
     "runs of each of the two settings that the question is about [3]", NULL},
    {"other_seeds", NCA_OPTION_INT, offsetof(study_options, other_seeds), 0, SEEDS_MAX, "N",
     "runs of each of the others [1]", NULL},
    // clang-format off
    NCA_STUDY_SHARED(TEXT_ROW, INT_ROW, REAL_ROW)
    // clang-format on
    {"quick", NCA_OPTION_FLAG, offsetof(study_options, quick), 0, 0, NULL,
     "a tiny grid, two seeds, few and short updates: to see the machinery work, in a minute", NULL},
    {"judge", NCA_OPTION_FLAG, offsetof(study_options, judge), 0, 0, NULL,
     "train nothing: judge the runs that are complete, and say what is missing", NULL},
    {"quiet", NCA_OPTION_FLAG, offsetof(study_options, quiet), 0, 0, NULL,
     "no progress and no table, only what went wrong and the folder of the study", NULL},
    {"jobs", NCA_OPTION_INT, offsetof(study_options, jobs), 1, JOBS_MAX, "N",
     "runs trained at once [CPU: as the cores allow; GPU: 1]", "Machine"},
    {"threads", NCA_OPTION_INT, offsetof(study_options, device.threads), 1, THREADS_MAX, "N",
     "CPU threads of each; the result does not depend on them [1]", NULL},
    NCA_DEVICE_KIND_ROWS(study_options, device, "f32"),
    {0},
};

static const char details[] =
    "regeneration asks: does a rule learn to heal, and what makes training explode? The\n"
    "settings of the 2023 replication, the cross of what they differ in, the article's and the\n"
    "default preset, under one schedule. Every run is a folder DIR/SETTING-seedN as nca train\n"
    "makes it. The same command, given again, continues and trains only what is missing.\n"
    "\n"
    "Examples:\n"
    "  nca study regeneration --quick --out runs/quick\n"
    "  nca study regeneration --jobs 2\n"
    "  nca study regeneration --judge\n"
    "  nca study regeneration --settings blog-regenerating --seeds 1 --updates 100000 \\\n"
    "      --rate 1e-4 --schedule cosine --target-size 40 --grid 56 --out runs/study-full\n"
    "\n"
    "Exit code 0 when all is trained and judged (a run that explodes is a result), 2 for bad\n"
    "input or a run that failed, 129, 130 or 143 when a signal ended it.\n";

// A study while the command lasts.
typedef struct study_work {
    const nca_call *call;
    study_options options;
    nca_study study;
    char *machine;   // JSON
    nca_error *error;
} study_work;

// The options over the defaults of the quick form, or of the whole.
static nca_status read_options(study_work *work, bool is_quick)
{
    const nca_call *call = work->call;
    work->options = (study_options){.out = "runs/study-regeneration",
                                    .seeds = is_quick ? 2 : 3,
                                    .other_seeds = 1,
                                    .jobs = -1,
                                    .shared = nca_study_shared_default(is_quick),
                                    .device = {.threads = 1}};
    NCA_TRY(
        nca_options_apply(call->self, call->argc, call->argv, &work->options, NULL, work->error));
    if (strcmp(call->arguments.item[0], "regeneration") == 0)
        return NCA_OK;
    return nca_fail(work->error, NCA_ARGUMENT, "%.60s: no such study; there is regeneration",
                    call->arguments.item[0]);
}

// As many runs at once as there are cores for; on a GPU one. And what --precision comes to.
static nca_status choose_jobs(study_work *work)
{
    nca_device_arguments all = work->options.device;
    nca_compute compute = {0};
    nca_device_info info;
    all.threads = 0;
    NCA_TRY(nca_device_open(&all, &compute, work->error));
    compute.backend->info(compute.device, &info);
    nca_compute_close(&compute);
    if (!work->options.judge)
        snprintf(work->study.precision, sizeof work->study.precision, "%s",
                 *info.precision ? info.precision : "f32");
    const int64_t fitting = info.threads / work->options.device.threads;
    if (work->options.jobs < 0)
        work->options.jobs = !info.uses_host_memory || fitting < 1 ? 1 : fitting;
    return NCA_OK;
}

static nca_status check_complete(const study_work *work)
{
    for (int i = 0; i < work->study.count; i++)
        if (work->study.runs[i].progress == NCA_STUDY_COMPLETE)
            return NCA_OK;
    return nca_fail(work->error, NCA_FILE, "%s: no run of the study is complete; leave --judge out",
                    work->study.folder);
}

// In f32, with as many threads as the trainings had among them.
static nca_status judge(study_work *work, const nca_study_watch *watch)
{
    nca_device_options device = nca_device_options_of(&work->options.device);
    nca_compute compute = {0};
    device.precision = NULL;
    const int64_t threads = work->options.device.threads * work->options.jobs;
    device.threads = threads < THREADS_MAX ? (int)threads : THREADS_MAX;
    NCA_TRY(nca_compute_open(work->options.device.name, &device, &compute, work->error));
    nca_status status;
    NCA_GO(nca_study_judge(&work->study, &compute, watch, work->error));
    NCA_GO(nca_machine_to_json(&compute, &work->machine, work->error));
cleanup:
    nca_compute_close(&compute);
    return status;
}

// Settings and criteria, from their tables.
static void describe(const nca_help_page *page)
{
    const nca_judge_criteria criteria = nca_judge_criteria_of(nca_study_task(), false);
    char text[600];
    page->heading(page->to, "Settings (batch, damaged, steps)");
    for (const nca_study_setting *row = nca_study_settings(); row->name; row++) {
        char steps[32] = "";
        if (row->steps_min != row->steps_max)
            snprintf(steps, sizeof steps, "-%d", row->steps_max);
        snprintf(text, sizeof text, "%d, %d, %d%s: %s", row->batch, row->damaged, row->steps_min,
                 steps, row->summary);
        page->row(page->to, row->name, text);
    }
    page->heading(page->to, "How a run is judged");
    for (int i = 0; nca_judge_criterion_text(&criteria, i, text, sizeof text); i++) {
        char *colon = strchr(text, ':');
        *colon = 0;
        page->row(page->to, text, colon + 2);
    }
    page->text(page->to,
               "At a log10 loss of -2 a picture can be recognised; at -4 it can hardly be "
               "told from the\ntarget.\n");
}

static nca_status write_json(const study_work *work, const json_t *json, const char *path)
{
    char *text = json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
    if (!text)
        return nca_fail(work->error, NCA_MEMORY, "%s: no memory to write it", path);
    const nca_status status = nca_file_write(path, text, strlen(text), work->error);
    free(text);
    return status;
}

// The command line as it was, for people; words with blanks are not quoted.
static char *join_command(const study_work *work)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    fprintf(to, "nca study");
    for (int i = 0; i < work->call->argc; i++)
        fprintf(to, " %s", work->call->argv[i]);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

// study.json, and the page that shows it.
static nca_status write_study(study_work *work)
{
    char path[NCA_PATH_BYTES + 32];
    char *command = join_command(work);
    const nca_study_about about = {.command = command ? command : "", .machine = work->machine};
    json_t *json = NULL;
    nca_status status;
    NCA_GO(nca_study_json(&work->study, &about, &json, work->error));
    snprintf(path, sizeof path, "%s/study.json", work->study.folder);
    NCA_GO(write_json(work, json, path));
    snprintf(path, sizeof path, "%s/study.html", work->study.folder);
    NCA_GO(nca_study_page_write(path, &work->study, json, work->error));
cleanup:
    free(command);
    json_decref(json);
    return status;
}

static void say_what_was_found(const study_work *work)
{
    if (work->options.quiet) {
        printf("%s\n", work->study.folder);
        return;
    }
    nca_study_print(&work->study);
    printf("\n%s/study.json holds every number; open %s/study.html in a browser\n",
           work->study.folder, work->study.folder);
    if (!nca_page_has_charts())
        printf("without charts: this build did not find dygraphs (Debian: libjs-dygraphs)\n");
}

static nca_status study(study_work *work)
{
    const study_options *options = &work->options;
    const nca_study_plan plan = {.folder = options->out,
                                 .settings = options->settings,
                                 .seeds = (int)options->seeds,
                                 .other_seeds = (int)options->other_seeds,
                                 .is_quick = options->quick,
                                 .shared = options->shared};
    NCA_TRY(nca_folder_check_name("out", options->out, work->error));
    NCA_TRY(nca_study_plan_runs(&plan, &work->study, work->error));
    NCA_TRY(choose_jobs(work));
    NCA_TRY(nca_study_look(&work->study, work->error));
    nca_stop_by_signals();
    nca_study_screen screen;
    const nca_study_watch watch = nca_study_watch_by(&screen, options->quiet);
    const nca_study_training training = {
        .jobs = (int)options->jobs, .device = options->device, .watch = &watch};
    if (!options->judge) {
        const nca_status status = nca_study_train(&work->study, &training, work->error);
        nca_study_screen_end(&screen);
        NCA_TRY(status);
    }
    NCA_TRY(check_complete(work));
    NCA_TRY(judge(work, &watch));
    NCA_TRY(write_study(work));
    say_what_was_found(work);
    return NCA_OK;
}

// What was given is read twice: first to learn which defaults it stands over.
static nca_status run_study(nca_call *call)
{
    static study_work current;
    nca_status status;
    current = (study_work){.call = call, .error = &call->error};
    NCA_GO(read_options(&current, ((const study_options *)call->options)->quick));
    NCA_GO(study(&current));
cleanup:
    nca_study_free(&current.study);
    free(current.machine);
    return status;
}

const nca_command nca_command_study = {
    .name = "study",
    .arguments = "regeneration",
    .summary =
        "Trains settings side by side, several seeds each, and judges them by the same criteria",
    .details = details,
    .describe = describe,
    .options = rows,
    .arguments_min = 1,
    .arguments_max = 1,
    .options_bytes = sizeof(study_options),
    .work = run_study,
};
