// How training goes, on the terminal: one bar redrawn in place, with a picture above it where there
// is one; elsewhere a line now and then.
#ifndef NCA_CLI_PROGRESS_H
#define NCA_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdio.h>

#include "nca/train.h"

enum { NCA_PROGRESS_UPDATES = 20 };   // about so many latest updates are in the loss shown

typedef struct nca_progress {
    FILE *to;
    bool is_terminal, is_quiet, is_drawn;
    int64_t first, total;    // updates done at the start, and at the end
    double started, drawn;   // seconds of the clock
    int64_t updates;         // seen
    double update_seconds;   // what one takes, smoothed
    double loss;             // log10, exponential mean over about NCA_PROGRESS_UPDATES updates
    double last_line;        // when a plain line was last written
    int picture_lines;       // of the picture that stands above the bar
} nca_progress;

// Whether a stream is a terminal that can move its cursor: TERM=dumb says that it cannot.
bool nca_is_terminal(FILE *to);

void nca_progress_start(nca_progress *progress, FILE *to, bool is_quiet, int64_t first,
                        int64_t total);
void nca_progress_update(nca_progress *progress, const nca_update_result *result);
// A line of text that stays, above picture and bar. Harmless whatever names it holds.
void nca_progress_say(nca_progress *progress, const char *format, ...) NCA_PRINTF(2, 3);
// Shows `text`, which has `lines` lines, above the bar, in place of the picture before it.
void nca_progress_picture(nca_progress *progress, const char *text, int lines);
void nca_progress_finish(nca_progress *progress);

// "35% evaluated, 0:12 left" on standard error: for what takes a while and has nothing else to say.
// On a terminal it is redrawn in place and gone at the end; elsewhere it is a line after ten
// seconds and then every half minute. `context` is a nca_percent, `done` 0..1.
typedef struct nca_percent {
    const char *word;
    double started, drawn;   // seconds of the clock; 0: not yet
    double first;            // what was done at the start
} nca_percent;
typedef void nca_percent_function(void *context, double done);
nca_percent_function nca_percent_show;

// Characters of the terminal; 80x24 where it does not say.
void nca_progress_size(const nca_progress *progress, int *columns, int *lines);

#endif
