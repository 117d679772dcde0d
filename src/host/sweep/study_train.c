// The runs of a study, trained: each a process of its own, some at once.
#define _GNU_SOURCE   // O_DIRECTORY
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/files.h"
#include "base/stop.h"
#include "config/config_json.h"
#include "run/run_log.h"
#include "sweep/children.h"
#include "sweep/study_runs.h"

enum { WORDS_MAX = 12, WORD_BYTES = NCA_PATH_BYTES + 64, LOG_LIMIT_BYTES = 1 << 26 };

static const double look_seconds = 2, busy_seconds = 60;

// A run at work.
typedef struct job {
    nca_study_run *run;   // NULL: none
    pid_t child;
    double started;
} job;

typedef struct training_state {
    nca_study *study;
    const nca_study_training *asked;
    job *jobs;   // [asked->jobs]
    int next;    // the first run that was not looked at yet
    int done;    // complete, of the study
    double shown;
    const nca_study_run **at_work;   // [asked->jobs]
    nca_error *error;
} training_state;

// -- What is told ---------------------------------------------------------------------------------

static void say(training_state *training, const job *at, const char *what)
{
    char line[256];
    snprintf(line, sizeof line, "%d of %d complete; %s %s", training->done, training->study->count,
             at->run->name, what);
    if (training->asked->watch->say)
        training->asked->watch->say(training->asked->watch->context, line);
}

// How far every run at work is, now and then.
static void show(training_state *training)
{
    const nca_study_watch *watch = training->asked->watch;
    int count = 0;
    if (!watch->at_work || nca_clock() - training->shown < look_seconds)
        return;
    training->shown = nca_clock();
    nca_study_look(training->study, NULL);
    for (int i = 0; i < training->asked->jobs; i++)
        if (training->jobs[i].run)
            training->at_work[count++] = training->jobs[i].run;
    watch->at_work(watch->context, training->at_work, count);
}

// -- Children -------------------------------------------------------------------------------------

// FOLDER/KIND/RUN.EXTENSION
static nca_status name_file(const nca_study *study, const char *kind, const char *run,
                            const char *extension, char path[NCA_PATH_BYTES], nca_error *error)
{
    char name[NCA_PATH_BYTES];
    snprintf(name, sizeof name, "%s/%s.%s", kind, run, extension);
    return nca_path_join(study->folder, name, path, error);
}

typedef struct words {
    char text[WORDS_MAX][WORD_BYTES];
    const char *list[WORDS_MAX + 1];
    int count;
} words;

static void NCA_PRINTF(2, 3) add_word(words *to, const char *format, ...)
{
    va_list values;
    assert(to->count < WORDS_MAX);
    va_start(values, format);
    vsnprintf(to->text[to->count], WORD_BYTES, format, values);
    va_end(values);
    to->list[to->count] = to->text[to->count];
    to->list[++to->count] = NULL;
}

static void add_device(words *to, const nca_device_arguments *device)
{
    add_word(to, "--threads=%lld", (long long)device->threads);
    if (device->name)
        add_word(to, "--device=%s", device->name);
    if (device->cuda_path)
        add_word(to, "--cuda-path=%s", device->cuda_path);
    // f32 unless told otherwise: the published findings are.
    add_word(to, "--precision=%s", device->precision ? device->precision : "f32");
    if (device->tape_every)
        add_word(to, "--tape-every=%lld", (long long)device->tape_every);
}

static void doze(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL);
}

// A training whose study was killed is still writing its checkpoint.
static nca_status wait_for_folder(const training_state *training, const nca_study_run *run)
{
    const double began = nca_clock();
    if (!nca_run_log_is_busy(run->folder))
        return NCA_OK;
    while (!nca_stop_signal && nca_run_log_is_busy(run->folder)) {
        if (nca_clock() - began > busy_seconds)
            return nca_fail(training->error, NCA_FILE,
                            "%s: another nca train is at work in this folder; wait for it or stop "
                            "it, and give the same command again",
                            run->folder);
        doze();
    }
    nca_study_look(training->study, NULL);   // how far it is now
    return NCA_OK;
}

static nca_status start(training_state *training, job *at, nca_study_run *run)
{
    static words arguments;
    char settings[NCA_PATH_BYTES], log[NCA_PATH_BYTES];
    NCA_TRY(wait_for_folder(training, run));
    if (nca_stop_signal)
        return NCA_OK;
    NCA_TRY(name_file(training->study, "settings", run->name, "json", settings, training->error));
    NCA_TRY(name_file(training->study, "logs", run->name, "log", log, training->error));
    NCA_TRY(nca_config_write(settings, &run->config, training->error));
    arguments.count = 0;
    add_word(&arguments, "train");
    add_word(&arguments, "--quiet");
    if (run->progress == NCA_STUDY_BEGUN) {
        add_word(&arguments, "--resume=%s", run->folder);
        add_word(&arguments, "--updates=%lld", (long long)run->config.updates);
    } else {
        add_word(&arguments, "--config=%s", settings);
        add_word(&arguments, "--out=%s", run->folder);
    }
    add_device(&arguments, &training->asked->device);
    NCA_TRY(nca_child_start(arguments.list, log, &at->child, training->error));
    at->run = run;
    at->started = nca_clock();
    say(training, at, run->progress == NCA_STUDY_BEGUN ? "goes on" : "begins");
    return NCA_OK;
}

// The last line that the child has printed, which says why it failed.
static nca_status fail_child(const training_state *training, const job *at, int code,
                             nca_error *error)
{
    char log[NCA_PATH_BYTES], said[400] = "";
    uint8_t *bytes;
    size_t size;
    if (name_file(training->study, "logs", at->run->name, "log", log, NULL) == NCA_OK &&
        nca_file_read(log, LOG_LIMIT_BYTES, &bytes, &size, NULL) == NCA_OK) {
        char *text = (char *)bytes;
        while (size > 0 && text[size - 1] == '\n')
            text[--size] = 0;
        const char *last = strrchr(text, '\n');
        snprintf(said, sizeof said, "%s", last ? last + 1 : text);
        free(bytes);
    }
    if (code > 128)
        return nca_fail(error, NCA_FILE,
                        "%s: its training was ended by signal %d; give the same command again to "
                        "go on",
                        at->run->name, code - 128);
    const char *folder = at->run->folder;
    if (at->run->progress == NCA_STUDY_MISSING)
        return nca_fail(error, NCA_FILE, "%s: its training failed: %s", at->run->name,
                        *said ? said : log);
    return nca_fail(error, NCA_FILE,
                    "%s: its training failed: %s; to train it anew, remove %s and give the same "
                    "command again",
                    at->run->name, *said ? said : log, folder);
}

// Exit code 1 says that training went wrong, which is what a study is there to see.
static nca_status finish(training_state *training, job *at, int code, nca_error *error)
{
    char text[64], duration[32];
    nca_study_run *run = at->run;
    nca_status status = nca_study_look(training->study, error);
    nca_format_duration(nca_clock() - at->started, duration, sizeof duration);
    training->done += run->progress == NCA_STUDY_COMPLETE;
    if (run->progress == NCA_STUDY_COMPLETE)
        snprintf(text, sizeof text, "%s after %s", run->gave_up ? "gave up" : "is trained",
                 duration);
    else
        snprintf(text, sizeof text, "stopped after update %lld", (long long)run->updates);
    if (run->progress == NCA_STUDY_COMPLETE || nca_stop_signal)
        say(training, at, text);
    if (status == NCA_OK && run->progress != NCA_STUDY_COMPLETE && !nca_stop_signal)
        status = fail_child(training, at, code, error);
    at->run = NULL;
    return status;
}

static bool is_at_work(const training_state *training)
{
    for (int i = 0; i < training->asked->jobs; i++)
        if (training->jobs[i].run)
            return true;
    return false;
}

// Each leaves a checkpoint and ends by itself.
static void stop_children(const training_state *training)
{
    for (int i = 0; i < training->asked->jobs; i++)
        if (training->jobs[i].run)
            kill(training->jobs[i].child, SIGTERM);
}

static nca_study_run *next_run(training_state *training)
{
    while (training->next < training->study->count) {
        nca_study_run *run = &training->study->runs[training->next++];
        if (run->progress != NCA_STUDY_COMPLETE)
            return run;
    }
    return NULL;
}

// Gives every free place a run, until one fails or a signal comes; then those at work are stopped,
// and waited for. Only the first failure is told: what ended after it was stopped by us.
static nca_status train_all(training_state *training)
{
    nca_status status = NCA_OK;
    bool is_stopping = false;
    for (bool is_first = true; is_first || is_at_work(training); is_first = false) {
        for (int i = 0; i < training->asked->jobs; i++) {
            job *at = &training->jobs[i];
            int code;
            if (at->run && nca_child_has_ended(at->child, &code)) {
                nca_error *error = status == NCA_OK ? training->error : NULL;
                const nca_status ended = finish(training, at, code, error);
                status = status == NCA_OK ? ended : status;
            }
            nca_study_run *run =
                at->run || status != NCA_OK || nca_stop_signal ? NULL : next_run(training);
            if (run)
                status = start(training, at, run);
        }
        if (!is_stopping && (status != NCA_OK || nca_stop_signal)) {
            stop_children(training);
            is_stopping = true;
        }
        show(training);
        doze();
    }
    return status;
}

static nca_status make_folder(const char *path, nca_error *error)
{
    return nca_is_folder(path) ? NCA_OK : nca_folder_create(path, NULL, error);
}

static nca_status make_folders(const nca_study *study, nca_error *error)
{
    static const char *const names[] = {"settings", "logs"};
    NCA_TRY(make_folder(study->folder, error));
    for (size_t i = 0; i < 2; i++) {
        char path[NCA_PATH_BYTES];
        NCA_TRY(nca_path_join(study->folder, names[i], path, error));
        NCA_TRY(make_folder(path, error));
    }
    return NCA_OK;
}

// One study at a time is trained in a folder; the lock goes with the process.
static nca_status lock_folder(const nca_study *study, int *lock, nca_error *error)
{
    *lock = open(study->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*lock >= 0 && flock(*lock, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(*lock);
        *lock = -1;
        return nca_fail(error, NCA_FILE,
                        "%s: another nca study is at work in this folder; wait for it, or choose "
                        "another --out",
                        study->folder);
    }
    return NCA_OK;   // a file system without locks has none
}

// Every run learns the same: what cannot be loaded is refused before there is a folder.
static nca_status check_content(const nca_study *study, nca_error *error)
{
    const nca_study_run *run = study->runs;
    while (run < study->runs + study->count && run->progress != NCA_STUDY_MISSING)
        run++;
    if (run == study->runs + study->count)
        return NCA_OK;
    const nca_content_source source = {
        .config = &run->config, .grid = run->plan.grid, .seed_at = run->plan.seed_at};
    nca_content content;
    NCA_TRY(run->task->load(&source, &content, error));
    const nca_status status =
        run->task->check_start ? run->task->check_start(&run->config, content.data, error) : NCA_OK;
    nca_content_free(run->task, &content);
    return status;
}

nca_status nca_study_train(nca_study *study, const nca_study_training *asked, nca_error *error)
{
    training_state training = {.study = study, .asked = asked, .error = error};
    NCA_TRY(check_content(study, error));
    NCA_TRY(make_folders(study, error));
    int lock;
    nca_status status = NCA_OK;
    NCA_TRY(lock_folder(study, &lock, error));
    training.jobs = calloc((size_t)asked->jobs, sizeof *training.jobs);
    training.at_work = calloc((size_t)asked->jobs, sizeof *training.at_work);
    if (!training.jobs || !training.at_work)
        NCA_GO(nca_fail(error, NCA_MEMORY, "--jobs %d: no memory for them", asked->jobs));
    for (int i = 0; i < study->count; i++)
        training.done += study->runs[i].progress == NCA_STUDY_COMPLETE;
    NCA_GO(train_all(&training));
    if (nca_stop_signal)
        NCA_GO(nca_fail(error, NCA_INTERRUPTED,
                        "stopped with %d of %d runs complete; every run at work has a checkpoint: "
                        "give the same command again to go on",
                        training.done, study->count));
cleanup:
    free(training.jobs);
    free(training.at_work);
    if (lock >= 0)
        close(lock);
    return status;
}
