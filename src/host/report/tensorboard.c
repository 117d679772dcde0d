// Event files of TensorBoard: records, each with its length and two checksums, of messages of
// Protocol Buffers. Source: tensorflow/core/util/event.proto, framework/summary.proto, and
// lib/io/record_writer.h, whose field numbers and framing stand here.
#define _GNU_SOURCE   // open_memstream
#include "report/tensorboard.h"

#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crc32c.h"
#include "base/protobuf.h"
#include "eval/history.h"

#define EVENT_FILE "events.out.tfevents.nca"

enum { METRICS_LIMIT = 1 << 30, PICTURE_LIMIT = 64 << 20, PICTURE_HEAD_BYTES = 24, RGB = 3 };

// An event file on its way.
typedef struct events {
    FILE *to;
    double began;   // when the run began, in seconds since 1970
    bool is_short;
} events;

// -- Records --------------------------------------------------------------------------------------

// Checksums of data that hold checksums themselves are turned and shifted.
static uint32_t masked(const void *bytes, size_t size_bytes)
{
    const uint32_t sum = nca_crc32c(bytes, size_bytes);
    return (sum >> 15 | sum << 17) + 0xa282ead8;
}

// Little endian, as this machine is. Frees the message.
static void write_record(events *all, nca_message *event)
{
    const uint64_t length = event->size_bytes;
    const uint32_t sums[] = {masked(&length, sizeof length),
                             masked(event->bytes, event->size_bytes)};
    all->is_short |= event->is_short;
    fwrite(&length, sizeof length, 1, all->to);
    fwrite(&sums[0], sizeof *sums, 1, all->to);
    fwrite(event->bytes, 1, event->size_bytes, all->to);
    fwrite(&sums[1], sizeof *sums, 1, all->to);
    nca_message_free(event);
}

static void write_summary(events *all, double seconds, int64_t update, nca_message *summary)
{
    nca_message event = {0};
    nca_message_double(&event, 1, all->began + seconds);
    nca_message_whole(&event, 2, update);
    nca_message_part(&event, 5, summary);
    write_record(all, &event);
}

static void write_version(events *all)
{
    nca_message event = {0};
    nca_message_double(&event, 1, all->began);
    nca_message_text(&event, 3, "brain.Event:2");
    write_record(all, &event);
}

// -- Numbers --------------------------------------------------------------------------------------

static void add_scalar(nca_message *summary, const char *tag, double number)
{
    nca_message value = {0};
    nca_message_text(&value, 1, tag);
    nca_message_float(&value, 2, (float)number);
    nca_message_part(summary, 1, &value);
}

// All numbers of a line that are finite, under their names there. Returns the seconds of the
// update.
static double write_line(events *all, const json_t *line, double seconds)
{
    nca_message summary = {0};
    const char *name;
    json_t *value;
    const double took = json_number_value(json_object_get(line, "seconds"));
    json_object_foreach((json_t *)line, name, value)
    {
        if (json_is_number(value) && strcmp(name, "update") != 0)
            add_scalar(&summary, name, json_number_value(value));
    }
    write_summary(all, seconds + took, json_integer_value(json_object_get(line, "update")),
                  &summary);
    return took;
}

// The lines are as nca_history_read() has found them.
static void write_numbers(events *all, const char *text)
{
    double seconds = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        json_t *line = json_loadb(text, (size_t)(end - text), 0, NULL);
        seconds += write_line(all, line, seconds);
        json_decref(line);
    }
}

// -- Pictures -------------------------------------------------------------------------------------

// Four bytes of a PNG, the largest first.
static int64_t read_size(const uint8_t *bytes)
{
    return (int64_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
}

// "batch-000400.png" is the picture "batch" of update 400; a name without a number is of all.
static void name_picture(const char *file, char *tag, size_t size, int64_t *update)
{
    const char *dash = strrchr(file, '-');
    char *end = NULL;
    *update = dash ? strtoll(dash + 1, &end, 10) : 0;
    const bool has_number = dash && end > dash + 1 && strcmp(end, ".png") == 0;
    const char *name_end = has_number ? dash : strrchr(file, '.');
    *update = has_number ? *update : 0;
    snprintf(tag, size, "%.*s", (int)(name_end - file), file);
}

static nca_status write_picture(events *all, const char *folder, const char *file, double seconds,
                                nca_error *error)
{
    char path[NCA_PATH_BYTES], tag[64];
    uint8_t *bytes;
    size_t size_bytes;
    int64_t update;
    nca_message image = {0}, value = {0}, summary = {0};
    NCA_TRY(nca_path_join(folder, file, path, error));
    NCA_TRY(nca_file_read(path, PICTURE_LIMIT, &bytes, &size_bytes, error));
    if (size_bytes >= PICTURE_HEAD_BYTES && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0) {
        name_picture(file, tag, sizeof tag, &update);
        nca_message_whole(&image, 1, read_size(bytes + 20));
        nca_message_whole(&image, 2, read_size(bytes + 16));
        nca_message_whole(&image, 3, RGB);
        nca_message_bytes(&image, 4, bytes, size_bytes);
        nca_message_text(&value, 1, tag);
        nca_message_part(&value, 4, &image);
        nca_message_part(&summary, 1, &value);
        write_summary(all, update > 0 ? seconds : 0, update, &summary);
    }
    free(bytes);
    return NCA_OK;
}

static int is_picture(const struct dirent *entry)
{
    const size_t length = strlen(entry->d_name);
    return length > 4 && strcmp(entry->d_name + length - 4, ".png") == 0;
}

// In the order of their names, which is that of their updates.
static nca_status write_pictures(events *all, const char *run, double seconds, nca_error *error)
{
    char folder[NCA_PATH_BYTES];
    struct dirent **files = NULL;
    nca_status status = NCA_OK;
    NCA_TRY(nca_path_join(run, "pictures", folder, error));
    const int count = scandir(folder, &files, is_picture, alphasort);
    for (int i = 0; i < count; i++) {
        if (status == NCA_OK)
            status = write_picture(all, folder, files[i]->d_name, seconds, error);
        free(files[i]);
    }
    free(files);
    return status;
}

// -- Files ----------------------------------------------------------------------------------------

static nca_status fill(events *all, const char *run, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    struct stat about;
    nca_history history;
    uint8_t *text;
    size_t size_bytes;
    NCA_TRY(nca_path_join(run, "metrics.jsonl", path, error));
    NCA_TRY(nca_history_read(path, &history, error));
    const double took = history.seconds;
    nca_history_free(&history);
    NCA_TRY(nca_text_read(path, METRICS_LIMIT, &text, &size_bytes, error));
    all->began = stat(path, &about) == 0 ? (double)about.st_mtime - took : 0;
    write_version(all);
    write_numbers(all, (const char *)text);
    free(text);
    return write_pictures(all, run, took, error);
}

nca_status nca_tensorboard_place(const char *folder, const char *run, char place[NCA_PATH_BYTES],
                                 nca_error *error)
{
    char *whole = realpath(run, NULL);   // "." and ".." have names, too
    if (!whole)
        return nca_fail(error, NCA_FILE, "%s: no such run folder; give one that nca train has made",
                        run);
    const nca_status status = nca_path_join(folder, strrchr(whole, '/') + 1, place, error);
    free(whole);
    return status;
}

nca_status nca_tensorboard_write(const char *run, const char *place, nca_error *error)
{
    char path[NCA_PATH_BYTES], *bytes = NULL;
    size_t size_bytes = 0;
    events all = {.to = open_memstream(&bytes, &size_bytes)};
    nca_status status = all.to ? fill(&all, run, error) : NCA_OK;
    const bool is_whole = all.to && !ferror(all.to) && !all.is_short;
    if ((all.to && fclose(all.to) != 0) || (status == NCA_OK && !is_whole))
        status = nca_fail(error, NCA_MEMORY, "%s: no memory for its events", run);
    if (status == NCA_OK && !nca_is_folder(place))
        status = nca_folder_create(place, NULL, error);
    if (status == NCA_OK)
        status = nca_path_join(place, EVENT_FILE, path, error);
    if (status == NCA_OK)
        status = nca_file_write(path, bytes, size_bytes, error);
    free(bytes);
    return status;
}
