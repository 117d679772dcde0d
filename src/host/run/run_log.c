// The run folder and its metrics, a JSON object a line.
#define _GNU_SOURCE   // getline, ftruncate
#include "run/run_log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"

static nca_status fail_metrics(const nca_run_log *log, nca_error *error)
{
    return nca_fail(error, NCA_FILE, "%s/metrics.jsonl: cannot be written: %s", log->folder,
                    strerror(errno));
}

// Where the metrics are lost, the settings are not.
#define ANEW "; train anew with: nca train --config %s/config.json"

static nca_status fail_open(const nca_run_log *log, const char *path, nca_error *error)
{
    if (errno == EEXIST)
        return nca_fail(error, NCA_FILE, "%s: another nca train began in it; choose another name",
                        log->folder);
    if (errno == ENOENT && !log->is_new)
        return nca_fail(error, NCA_FILE, "%s: missing" ANEW, path, log->folder);
    return nca_fail(error, NCA_FILE, "%s: cannot be opened: %s", path, strerror(errno));
}

static nca_status open_metrics(nca_run_log *log, int flags, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    struct stat about;
    NCA_TRY(nca_path_join(log->folder, "metrics.jsonl", path, error));
    const int file =
        open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | flags, 0666);
    if (file < 0)
        return fail_open(log, path, error);
    if (fstat(file, &about) == 0 && !S_ISREG(about.st_mode)) {
        close(file);
        return nca_fail(error, NCA_FILE, "%s: not a file", path);
    }
    // Two runs in one folder would overwrite each other's checkpoints. The lock ends with the
    // process.
    if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
        close(file);
        return nca_fail(error, NCA_FILE,
                        "%s: another nca train is at work in this folder; wait for it or stop it",
                        log->folder);
    }
    log->metrics = fdopen(file, "r+");
    if (!log->metrics) {
        close(file);
        return fail_metrics(log, error);
    }
    return NCA_OK;
}

bool nca_run_log_is_busy(const char *folder)
{
    char path[NCA_PATH_BYTES];
    if (nca_path_join(folder, "metrics.jsonl", path, NULL) != NCA_OK)
        return false;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    const bool is_busy = file >= 0 && flock(file, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (file >= 0)
        close(file);
    return is_busy;
}

// Behind the lock: config.json, and room for pictures.
static nca_status fill_folder(const nca_run_log *log, const char *config_json, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    NCA_TRY(nca_path_join(log->folder, "config.json", path, error));
    NCA_TRY(nca_file_write(path, config_json, strlen(config_json), error));
    NCA_TRY(nca_path_join(log->folder, "pictures", path, error));
    return nca_folder_create(path, NULL, error);
}

nca_status nca_run_log_create(const char *folder, const char *config_json, nca_run_log *out,
                              nca_error *error)
{
    nca_run_log log = {.is_new = true};
    if (strlen(folder) >= sizeof log.folder - 64)
        return nca_fail(error, NCA_ARGUMENT, "--out %.60s...: too long for a path", folder);
    snprintf(log.folder, sizeof log.folder, "%s", folder);
    NCA_TRY(nca_folder_create(folder, &log.folders_made, error));
    // Another process may have found the folder empty as well: it is that one's whose metrics these
    // are, and nobody else writes or removes anything there.
    nca_status status = open_metrics(&log, O_CREAT | O_EXCL, error);
    if (status != NCA_OK) {
        nca_folder_unmake(folder, log.folders_made);
        return status;
    }
    status = fill_folder(&log, config_json, error);
    if (status == NCA_OK)
        *out = log;
    else
        nca_run_log_discard(&log);
    return status;
}

// What a run has written before its first update is done; the metrics, which are the lock, aside.
static const char *const first_files[] = {
    "config.json", "machine.json",        "model.safetensors", "checkpoint.safetensors",
    "loss.png",    "pictures/target.png", "from.safetensors"};

static void remove_file(const nca_run_log *log, const char *name)
{
    char path[NCA_PATH_BYTES];
    if (nca_path_join(log->folder, name, path, NULL) == NCA_OK)
        unlink(path);
}

// The copy of the target, whatever its extension.
static void remove_target(const nca_run_log *log)
{
    DIR *folder = opendir(log->folder);
    for (const struct dirent *entry; folder && (entry = readdir(folder));)
        if (strcmp(entry->d_name, "target") == 0 || strncmp(entry->d_name, "target.", 7) == 0)
            unlinkat(dirfd(folder), entry->d_name, 0);
    if (folder)
        closedir(folder);
}

void nca_run_log_discard(nca_run_log *log)
{
    char path[NCA_PATH_BYTES];
    if (log->is_new) {
        for (size_t i = 0; i < sizeof first_files / sizeof *first_files; i++)
            remove_file(log, first_files[i]);
        remove_target(log);
        if (nca_path_join(log->folder, "pictures", path, NULL) == NCA_OK)
            rmdir(path);
        remove_file(log, "metrics.jsonl");   // last: then the folder is another's
        nca_folder_unmake(log->folder, log->folders_made);
    }
    nca_run_log_close(log);
}

static nca_status add_point(nca_run_log *log, const nca_curve_point *point, nca_error *error)
{
    if (log->count == log->room) {
        const size_t room = log->room ? log->room * 2 : 1024;
        nca_curve_point *grown = realloc(log->points, room * sizeof *grown);
        if (!grown)
            return nca_fail(error, NCA_MEMORY, "the loss curve: no memory for %zu points", room);
        log->points = grown;
        log->room = room;
    }
    log->points[log->count++] = *point;
    return NCA_OK;
}

// One line of the metrics as a point of the curve; false where it is no whole line of ours.
static bool read_point(const char *line, nca_curve_point *point)
{
    json_t *object = json_loads(line + nca_text_mark(line), 0, NULL);
    const json_t *update = json_object_get(object, "update");
    const json_t *loss = json_object_get(object, "loss");
    *point = (nca_curve_point){
        .update = json_integer_value(update),
        .loss = json_is_number(loss) ? json_number_value(loss) : NAN,
        .event = nca_event_find(json_string_value(json_object_get(object, "event")))};
    const bool is_ours = json_is_integer(update);
    json_decref(object);
    return is_ours;
}

// Reads the lines up to update `done`; what follows them is cut off. They were on the disk before
// the checkpoint was, so that one missing means damage.
static nca_status read_metrics(nca_run_log *log, int64_t done, nca_error *error)
{
    char *line = NULL;
    size_t room = 0;
    off_t keep = 0;
    nca_status status = NCA_OK;
    ssize_t length;
    while ((int64_t)log->count < done && (length = getline(&line, &room, log->metrics)) > 0) {
        nca_curve_point point;
        if (line[length - 1] != '\n' || !read_point(line, &point) ||
            point.update != (int64_t)log->count + 1)
            break;
        NCA_GO(add_point(log, &point, error));
        keep += length;
    }
    if ((int64_t)log->count < done)
        NCA_GO(nca_fail(error, NCA_FORMAT,
                        "%s/metrics.jsonl: line %zu is not that of update %zu; it is damaged, and "
                        "the checkpoint is of update %lld" ANEW,
                        log->folder, log->count + 1, log->count + 1, (long long)done, log->folder));
    if (ftruncate(fileno(log->metrics), keep) != 0 || fseeko(log->metrics, keep, SEEK_SET) != 0)
        NCA_GO(fail_metrics(log, error));
cleanup:
    free(line);
    return status;
}

static void remove_leftovers(const nca_run_log *log)
{
    char path[NCA_PATH_BYTES];
    nca_leftovers_remove(log->folder);
    if (nca_path_join(log->folder, "pictures", path, NULL) == NCA_OK)
        nca_leftovers_remove(path);
}

// Somebody else's folder, unpacked here, may hold links to any file of the user's.
static nca_status refuse_links(const nca_run_log *log, nca_error *error)
{
    char pictures[NCA_PATH_BYTES];
    NCA_TRY(nca_folder_check_links(log->folder, error));
    NCA_TRY(nca_path_join(log->folder, "pictures", pictures, error));
    return nca_folder_check_links(pictures, error);
}

nca_status nca_run_log_open(const char *folder, nca_run_log *out, nca_error *error)
{
    nca_run_log log = {0};
    if (strlen(folder) >= sizeof log.folder - 64)
        return nca_fail(error, NCA_ARGUMENT, "--resume %.60s...: too long for a path", folder);
    snprintf(log.folder, sizeof log.folder, "%s", folder);
    NCA_TRY(refuse_links(&log, error));
    NCA_TRY(open_metrics(&log, 0, error));
    *out = log;
    return NCA_OK;
}

// Somebody may have thrown the pictures away, folder and all.
static nca_status make_pictures(const nca_run_log *log, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    NCA_TRY(nca_path_join(log->folder, "pictures", path, error));
    return nca_is_folder(path) ? NCA_OK : nca_folder_create(path, NULL, error);
}

nca_status nca_run_log_continue(nca_run_log *log, int64_t done, nca_error *error)
{
    NCA_TRY(read_metrics(log, done, error));
    NCA_TRY(make_pictures(log, error));
    remove_leftovers(log);
    return NCA_OK;
}

// As it will be read back, so that a resumed run draws the same curve.
static double as_written(double value)
{
    char text[40];
    snprintf(text, sizeof text, "%.9g", value);
    return strtod(text, NULL);
}

// Numbers that JSON cannot say become null.
static void print_number(FILE *to, const char *name, double value)
{
    if (isfinite(value))
        fprintf(to, ", \"%s\": %.9g", name, value);
    else
        fprintf(to, ", \"%s\": null", name);
}

nca_status nca_run_log_add(nca_run_log *log, const nca_update_result *result, nca_error *error)
{
    const nca_curve_point point = {
        .update = result->update, .loss = as_written(result->loss), .event = result->event};
    NCA_TRY(add_point(log, &point, error));
    fprintf(log->metrics, "{\"update\": %lld, \"steps\": %d", (long long)result->update,
            result->steps);
    print_number(log->metrics, "loss", result->loss);
    print_number(log->metrics, "log10_loss", log10(result->loss));
    print_number(log->metrics, "gradient_norm", result->gradient_norm);
    print_number(log->metrics, "rate", result->rate);
    if (result->rate_factor > 0 && result->rate_factor < 1)
        print_number(log->metrics, "rate_factor", result->rate_factor);
    print_number(log->metrics, "active_fraction", result->active_fraction);
    print_number(log->metrics, "max_state", result->max_state);
    print_number(log->metrics, "seconds", result->seconds);
    if (result->event != NCA_EVENT_NONE)
        fprintf(log->metrics, ", \"event\": \"%s\", \"event_text\": \"%s\"",
                nca_event_word(result->event), result->event_text);
    fprintf(log->metrics, "}\n");
    if (fflush(log->metrics) != 0)
        return fail_metrics(log, error);
    return NCA_OK;
}

nca_status nca_run_log_sync(nca_run_log *log, nca_error *error)
{
    if (fflush(log->metrics) != 0 || fsync(fileno(log->metrics)) != 0)
        return fail_metrics(log, error);
    return NCA_OK;
}

void nca_run_log_close(nca_run_log *log)
{
    if (log->metrics)
        fclose(log->metrics);
    free(log->points);
    *log = (nca_run_log){0};
}
