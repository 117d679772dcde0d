// The metrics of a run read back: curves thin enough to draw, and every event.
#ifndef NCA_EVAL_HISTORY_H
#define NCA_EVAL_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"

// Some updates that follow each other. Losses are log10, medians over the updates; NaN where there
// is none that is finite.
typedef struct nca_history_point {
    int64_t update;   // the last of them
    double loss, loss_low, loss_high;
    double gradient_norm, active_fraction;
} nca_history_point;

typedef struct nca_history_event {
    int64_t update;
    char name[32];    // as in metrics.jsonl
    char text[256];   // the same in words
} nca_history_event;

typedef struct nca_history {
    int64_t updates;   // done
    double seconds;    // of all of them
    int64_t updates_a_point;
    size_t count;
    nca_history_point *point;
    size_t explosions;   // events in which a number was not finite or a state beyond the bound
    size_t deaths;       // events in which only cells died
    bool gave_up;        // the last update is the one that ended training
    size_t not_finite;   // updates whose loss or largest |x| was not
    double max_state;    // largest |x| of any batch that was finite
    size_t events;       // all; the first NCA_HISTORY_EVENTS are kept
    nca_history_event *event;
} nca_history;

enum { NCA_HISTORY_POINTS = 2000, NCA_HISTORY_EVENTS = 400 };

// Whether an event, by its name and words in metrics.jsonl, says that a loss, gradient, state or
// rule was not finite or beyond its bound, and not only that cells died. Giving up counts.
bool nca_history_is_explosion(const char *name, const char *text);

// Reads a metrics.jsonl. Refuses one that is missing, empty, not of this program, that does not
// count from 1, or whose last line is not whole; the message names the line and the way out.
nca_status nca_history_read(const char *path, nca_history *out, nca_error *error);
void nca_history_free(nca_history *history);

#endif
