// metrics.jsonl read back: a line an update, joined to as many points as a curve can show.
#include "eval/history.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/files.h"
#include "base/spread.h"
#include "base/text.h"
#include "nca/train.h"

enum { METRICS_LIMIT_BYTES = 1 << 30 };

// The updates of one point while they are collected.
typedef struct bin {
    size_t count;
    int64_t update;
    double *loss, *gradient, *active;   // room for [updates_a_point]; the finite ones
    size_t losses, gradients, actives;
} bin;

// Closes the bin and opens the next.
static void add_point(nca_history *history, bin *now)
{
    const nca_spread loss = nca_spread_of(now->loss, now->losses);
    history->point[history->count++] =
        (nca_history_point){.update = now->update,
                            .loss = loss.median,
                            .loss_low = loss.min,
                            .loss_high = loss.max,
                            .gradient_norm = nca_spread_of(now->gradient, now->gradients).median,
                            .active_fraction = nca_spread_of(now->active, now->actives).median};
    now->count = now->losses = now->gradients = now->actives = 0;
}

static void collect(double *values, size_t *count, const json_t *number)
{
    if (json_is_number(number) && isfinite(json_number_value(number)))
        values[(*count)++] = json_number_value(number);
}

static bool begins_with(const char *text, const char *words)
{
    return strncmp(text, words, strlen(words)) == 0;
}

bool nca_history_is_explosion(const char *name, const char *text)
{
    const nca_event event = nca_event_find(name);
    if (event == NCA_EVENT_ROLLED_BACK || event == NCA_EVENT_LEFT_ALONE)
        return !begins_with(text, NCA_WORDS_BATCH_DIED) &&
               !begins_with(text, NCA_WORDS_GROWTH_DIED);
    return event == NCA_EVENT_SKIPPED || event == NCA_EVENT_GAVE_UP;
}

static nca_status add_event(nca_history *history, const json_t *line, int64_t update,
                            nca_error *error)
{
    const char *name = json_string_value(json_object_get(line, "event"));
    const char *text = json_string_value(json_object_get(line, "event_text"));
    history->gave_up = nca_event_find(name) == NCA_EVENT_GAVE_UP;
    if (!name)
        return NCA_OK;
    if (nca_history_is_explosion(name, text ? text : ""))
        history->explosions++;
    else
        history->deaths++;
    if (history->events++ >= NCA_HISTORY_EVENTS)
        return NCA_OK;
    if (!history->event)
        history->event = calloc(NCA_HISTORY_EVENTS, sizeof *history->event);
    if (!history->event)
        return nca_fail(error, NCA_MEMORY, "metrics.jsonl: no memory for its events");
    nca_history_event *event = &history->event[history->events - 1];
    event->update = update;
    nca_text_copy(event->name, sizeof event->name, name);
    nca_text_copy(event->text, sizeof event->text, text ? text : "");
    return NCA_OK;
}

static nca_status fail_line(const char *path, int64_t number, nca_error *error)
{
    return nca_fail(error, NCA_FORMAT,
                    "%s: line %lld is not that of update %lld as it was written; the file is "
                    "damaged: put a whole "
                    "copy in its place, or give another run",
                    path, (long long)number, (long long)number);
}

static nca_status read_line(const char *path, const char *text, size_t length, nca_history *history,
                            bin *now, nca_error *error)
{
    json_t *line = nca_checksum_line_holds(text, length) ? json_loadb(text, length, 0, NULL) : NULL;
    const json_t *update = json_object_get(line, "update");
    const json_t *log_loss = json_object_get(line, "log10_loss");
    nca_status status = NCA_OK;
    if (!json_is_integer(update) || json_integer_value(update) != history->updates + 1 ||
        !(json_is_number(log_loss) || json_is_null(log_loss))) {
        json_decref(line);
        return fail_line(path, history->updates + 1, error);
    }
    history->updates++;
    now->count++;
    now->update = history->updates;
    collect(now->loss, &now->losses, log_loss);
    collect(now->gradient, &now->gradients, json_object_get(line, "gradient_norm"));
    collect(now->active, &now->actives, json_object_get(line, "active_fraction"));
    history->seconds += json_number_value(json_object_get(line, "seconds"));
    history->not_finite +=
        json_is_null(log_loss) || json_is_null(json_object_get(line, "max_state"));
    history->max_state =
        fmax(history->max_state, json_number_value(json_object_get(line, "max_state")));
    status = add_event(history, line, history->updates, error);
    json_decref(line);
    if (now->count == (size_t)history->updates_a_point)
        add_point(history, now);
    return status;
}

static size_t count_lines(const char *text, size_t size_bytes)
{
    size_t lines = 0;
    for (const char *at = text; (at = memchr(at, '\n', size_bytes - (size_t)(at - text))); at++)
        lines++;
    return lines;
}

static bool allocate(nca_history *history, bin *now, size_t lines)
{
    history->updates_a_point = (int64_t)((lines + NCA_HISTORY_POINTS - 1) / NCA_HISTORY_POINTS);
    const size_t width = (size_t)history->updates_a_point;
    history->point = calloc(lines / width + 1, sizeof *history->point);
    now->loss = calloc(width * 3, sizeof *now->loss);
    if (!history->point || !now->loss)
        return false;
    now->gradient = now->loss + width;
    now->active = now->gradient + width;
    return true;
}

static nca_status read_lines(const char *path, const char *text, size_t size_bytes,
                             nca_history *history, nca_error *error)
{
    bin now = {0};
    const size_t lines = count_lines(text, size_bytes);
    nca_status status = NCA_OK;
    if (size_bytes == 0)
        return nca_fail(error, NCA_FORMAT,
                        "%s: empty: no update is done, or it is damaged; nca train --resume goes "
                        "on, or says what is lost",
                        path);
    if (text[size_bytes - 1] != '\n')
        return nca_fail(error, NCA_FORMAT,
                        "%s: its last line, %zu, is cut short; nca train --resume mends it, or "
                        "says what is lost",
                        path, lines + 1);
    if (!allocate(history, &now, lines))
        NCA_GO(nca_fail(error, NCA_MEMORY, "%s: no memory for its %zu lines", path, lines));
    for (const char *at = text; at < text + size_bytes;) {
        const size_t length =
            (size_t)((const char *)memchr(at, '\n', (size_t)(text + size_bytes - at)) - at);
        NCA_GO(read_line(path, at, length, history, &now, error));
        at += length + 1;
    }
    if (now.count > 0)
        add_point(history, &now);
cleanup:
    free(now.loss);
    return status;
}

nca_status nca_history_read(const char *path, nca_history *out, nca_error *error)
{
    nca_history history = {0};
    uint8_t *bytes;
    size_t size_bytes;
    NCA_TRY(nca_text_read(path, METRICS_LIMIT_BYTES, &bytes, &size_bytes, error));
    const nca_status status = read_lines(path, (const char *)bytes, size_bytes, &history, error);
    free(bytes);
    if (status == NCA_OK)
        *out = history;
    else
        nca_history_free(&history);
    return status;
}

void nca_history_free(nca_history *history)
{
    free(history->point);
    free(history->event);
    *history = (nca_history){0};
}
