// How a study goes, on the terminal, and the tables of what it found.
#ifndef NCA_CLI_STUDY_SCREEN_H
#define NCA_CLI_STUDY_SCREEN_H

#include "cli/progress.h"
#include "sweep/study_runs.h"

typedef struct nca_study_screen {
    bool is_drawn;   // a line that is drawn anew stands on the terminal
    nca_percent percent;
} nca_study_screen;

// A watch that prints into `screen`, which outlives it; one that says nothing where it is quiet.
nca_study_watch nca_study_watch_by(nca_study_screen *screen, bool is_quiet);
// Removes the line that was drawn last.
void nca_study_screen_end(nca_study_screen *screen);

// The table on standard output, and what is missing.
void nca_study_print(const nca_study *study);

#endif
