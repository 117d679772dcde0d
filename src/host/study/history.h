// The metrics of a run read back: curves thin enough to draw, and every event.
#ifndef NCA_STUDY_HISTORY_H
#define NCA_STUDY_HISTORY_H

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
    double rate;       // of the last
    int64_t updates_a_point;
    size_t count;
    nca_history_point *point;
    size_t events;   // all; the first NCA_HISTORY_EVENTS are kept
    nca_history_event *event;
} nca_history;

enum { NCA_HISTORY_POINTS = 2000, NCA_HISTORY_EVENTS = 400 };

// Reads a metrics.jsonl. Refuses one that is missing, empty, not of this program, that does not
// count from 1, or whose last line is not whole; the message names the line and the way out.
nca_status nca_history_read(const char *path, nca_history *out, nca_error *error);
void nca_history_free(nca_history *of);

#endif
