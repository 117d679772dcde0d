// The run folder and its metrics, a JSON object a line.
#define _GNU_SOURCE   // getline, ftruncate, open_memstream
#include "run/run_log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/files.h"
#include "base/text.h"
#include "run/run_files.h"

static nca_status fail_metrics(const nca_run_log *log, nca_error *error)
{
    return nca_fail(error, NCA_FILE, "%s/metrics.jsonl: cannot be written: %s", log->folder,
                    strerror(errno));
}

// Where the metrics are lost, the settings are not.
#define ANEW "; train anew with: nca train --config %s/config.json"

static nca_status fail_open(const nca_run_log *log, const char *path, nca_error *error)
{
    if (errno == ENOENT && !log->is_new)
        return nca_fail(error, NCA_FILE, "%s: missing" ANEW, path, NCA_SHELL_WORD(log->folder));
    if (errno == ELOOP)
        return nca_fail(error, NCA_FILE,
                        "%s: a link, and what it names may be another's; put the file itself in "
                        "its place",
                        path);
    return nca_fail(error, NCA_FILE, "%s: cannot be opened: %s", path, strerror(errno));
}

static nca_status fail_taken(const nca_run_log *log, nca_error *error)
{
    return nca_fail(error, NCA_FILE, "%s: another nca train began in it; choose another name",
                    log->folder);
}

// Whether the metrics are still those of the folder's name.
static bool is_in_place(const nca_run_log *log, int file)
{
    char path[NCA_PATH_BYTES];
    struct stat here, there;
    return nca_path_join(log->folder, "metrics.jsonl", path, NULL) == NCA_OK &&
           fstat(file, &here) == 0 && stat(path, &there) == 0 && here.st_ino == there.st_ino &&
           here.st_dev == there.st_dev;
}

// Two runs in one folder would overwrite each other's checkpoints. The lock ends with the process.
static nca_status lock(const nca_run_log *log, int file, const char *path, nca_error *error)
{
    struct stat about;
    if (fstat(file, &about) == 0 && !S_ISREG(about.st_mode))
        return nca_fail(error, NCA_FILE, "%s: not a file", path);
    if (flock(file, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return nca_fail(error, NCA_FILE,
                        "%s: another nca train is at work in this folder; wait for it or stop it",
                        log->folder);
    // Whoever had the lock before may have removed the file.
    return is_in_place(log, file) ? NCA_OK : fail_taken(log, error);
}

static nca_status open_metrics(nca_run_log *log, int flags, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    NCA_TRY(nca_path_join(log->folder, "metrics.jsonl", path, error));
    const int file =
        open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | flags, 0666);
    if (file < 0)
        return fail_open(log, path, error);
    nca_status status = lock(log, file, path, error);
    log->metrics = status == NCA_OK ? fdopen(file, "r+") : NULL;
    if (status == NCA_OK && !log->metrics)
        status = fail_metrics(log, error);
    if (status != NCA_OK)
        close(file);
    return status;
}

bool nca_run_log_is_empty(const nca_run_log *log)
{
    struct stat about;
    return fstat(fileno(log->metrics), &about) == 0 && about.st_size == 0;
}

nca_status nca_run_log_check_place(const nca_run_log *log, nca_error *error)
{
    if (is_in_place(log, fileno(log->metrics)))
        return NCA_OK;
    return nca_fail(error, NCA_FILE,
                    "%s: moved or removed while it was trained; nothing more is written there. "
                    "Move it back, or name its new place with --resume",
                    log->folder);
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
    nca_run_files_tidy(log->folder);
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
    if (!nca_run_files_are_abandoned(folder))
        NCA_TRY(nca_folder_create(folder, &log.folders_made, error));
    nca_status status = open_metrics(&log, O_CREAT, error);
    // Another process may have found the folder empty as well, and have begun or ended meanwhile.
    if (status == NCA_OK && !nca_run_files_are_abandoned(folder)) {
        fclose(log.metrics);
        status = fail_taken(&log, error);
    }
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

void nca_run_log_discard(nca_run_log *log)
{
    char path[NCA_PATH_BYTES];
    if (log->is_new) {
        nca_run_files_remove(log->folder);
        if (nca_path_join(log->folder, "metrics.jsonl", path, NULL) == NCA_OK)
            unlink(path);   // last: then the folder is another's
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
        if (line[length - 1] != '\n' || !nca_checksum_line_holds(line, (size_t)length - 1) ||
            !read_point(line, &point) || point.update != (int64_t)log->count + 1)
            break;
        NCA_GO(add_point(log, &point, error));
        keep += length;
    }
    if ((int64_t)log->count < done)
        NCA_GO(nca_fail(error, NCA_FORMAT,
                        "%s/metrics.jsonl: line %zu is not that of update %zu; it is damaged, and "
                        "the checkpoint is of update %lld" ANEW,
                        log->folder, log->count + 1, log->count + 1, (long long)done,
                        NCA_SHELL_WORD(log->folder)));
    if (ftruncate(fileno(log->metrics), keep) != 0 || fseeko(log->metrics, keep, SEEK_SET) != 0)
        NCA_GO(fail_metrics(log, error));
cleanup:
    free(line);
    return status;
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
    nca_run_files_tidy(log->folder);
    return NCA_OK;
}

bool nca_run_log_gave_up(const nca_run_log *log)
{
    return log->count > 0 && log->points[log->count - 1].event == NCA_EVENT_GAVE_UP;
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

// All of a line but its end.
static void print_line(FILE *to, const nca_update_result *result)
{
    fprintf(to, "{\"update\": %lld, \"steps\": %d", (long long)result->update, result->steps);
    print_number(to, "loss", result->loss);
    print_number(to, "log10_loss", log10(result->loss));
    print_number(to, "gradient_norm", result->gradient_norm);
    print_number(to, "rate", result->rate);
    if (result->rate_factor > 0 && result->rate_factor < 1)
        print_number(to, "rate_factor", result->rate_factor);
    print_number(to, "active_fraction", result->active_fraction);
    print_number(to, "max_state", result->max_state);
    print_number(to, "seconds", result->seconds);
    if (result->event != NCA_EVENT_NONE)
        fprintf(to, ", \"event\": \"%s\", \"event_text\": \"%s\"", nca_event_word(result->event),
                result->event_text);
}

static nca_status write_line(nca_run_log *log, const nca_update_result *result, nca_error *error)
{
    char *line = NULL, checksum[NCA_CHECKSUM_BYTES];
    size_t length;
    FILE *to = open_memstream(&line, &length);
    if (to)
        print_line(to, result);
    if (!to || fclose(to) != 0) {
        free(line);
        return nca_fail(error, NCA_MEMORY, "%s/metrics.jsonl: no memory for a line", log->folder);
    }
    nca_checksum(&(nca_bytes){line, length}, 1, checksum);
    fputs(line, log->metrics);
    fprintf(log->metrics, NCA_CHECKSUM_LINE_END, checksum);
    free(line);
    return fflush(log->metrics) == 0 ? NCA_OK : fail_metrics(log, error);
}

nca_status nca_run_log_add(nca_run_log *log, const nca_update_result *result, nca_error *error)
{
    const nca_curve_point point = {
        .update = result->update, .loss = as_written(result->loss), .event = result->event};
    NCA_TRY(add_point(log, &point, error));
    return write_line(log, result, error);
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
