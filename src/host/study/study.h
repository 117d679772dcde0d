// A study: runs of several settings and seeds, how far they are, and what was found of them.
#ifndef NCA_STUDY_STUDY_H
#define NCA_STUDY_STUDY_H

#include "study/regeneration.h"
#include "study/run_log.h"

// How far a run is.
typedef enum nca_study_progress {
    NCA_STUDY_MISSING,    // no folder yet
    NCA_STUDY_BEGUN,      // nca train --resume goes on with it
    NCA_STUDY_COMPLETE,   // all updates are done, or training gave up
} nca_study_progress;

// One run: what it is asked to be, and how far it is.
typedef struct nca_study_run {
    const nca_study_setting *setting;
    int64_t seed;
    char name[96];   // SETTING-seedN
    char folder[NCA_PATH_BYTES];
    nca_config config;
    nca_study_progress progress;
    int64_t updates;   // done, as far as its metrics tell
    bool gave_up;      // training ended before all were done
} nca_study_run;

typedef struct nca_study {
    char folder[NCA_PATH_BYTES];
    bool is_quick;
    nca_config shared;   // only its shared fields count
    nca_study_run *runs;
    int count;
} nca_study;

#endif
