// A study: runs of several settings and seeds, how far they are, and what was found of them.
#ifndef NCA_SWEEP_STUDY_H
#define NCA_SWEEP_STUDY_H

#include <jansson.h>

#include "eval/judge.h"
#include "run/run_log.h"
#include "sweep/regeneration.h"

// How far a run is: X(enum, word in study.json).
//   MISSING    no folder yet
//   BEGUN      nca train --resume goes on with it
//   COMPLETE   all updates are done, or training gave up
#define NCA_STUDY_PROGRESS(X) \
    X(MISSING, "missing")     \
    X(BEGUN, "begun")         \
    X(COMPLETE, "complete")

typedef enum nca_study_progress {
#define NCA_STUDY_PROGRESS_ENUM(name, word) NCA_STUDY_##name,
    NCA_STUDY_PROGRESS(NCA_STUDY_PROGRESS_ENUM)
#undef NCA_STUDY_PROGRESS_ENUM
} nca_study_progress;

// States of the first fire seed that the page shows.
enum {
    NCA_STUDY_GROWN,   // at criteria.grown_at
    NCA_STUDY_HELD,    // at the last of criteria.held_at
    NCA_STUDY_WHOLE,   // at the moment of the cuts' judgement, without a cut
    NCA_STUDY_CUT,     // and one for every cut
    NCA_STUDY_PICTURES = NCA_STUDY_CUT + NCA_CUT_COUNT,
};

// RGB [H,W,3] on white, owned; NULL where there is none.
typedef struct nca_study_picture {
    uint8_t *rgb;
    int height, width;
} nca_study_picture;

// One run: what it is asked to be, how far it is, and where it was judged what was found.
typedef struct nca_study_run {
    const nca_study_setting *setting;
    int64_t seed;
    char name[96];   // SETTING-seedN
    char folder[NCA_PATH_BYTES];
    nca_config config;
    const nca_task *task;   // what it learns
    nca_plan plan;          // of the config
    nca_study_progress progress;
    int64_t updates;   // done, as far as its metrics tell
    bool gave_up;      // training ended before all were done

    bool is_judged;
    nca_judgement judgement;
    nca_history history;
    char *config_json, *machine_json;   // whole; the second NULL where the folder does not say
    nca_study_picture picture[NCA_STUDY_PICTURES], pool;
} nca_study_run;

typedef struct nca_study {
    char folder[NCA_PATH_BYTES];
    bool is_quick;
    nca_config shared;   // only its shared fields count
    nca_judge_criteria criteria;
    nca_study_picture target;   // of the first run that was judged, where its task has one
    nca_study_run *runs;
    int count;
    char precision[16];   // to train in, as nca_device_info has it; empty: nothing is trained
} nca_study;

void nca_study_free(nca_study *study);

// What was found of the runs of one setting.
typedef struct nca_study_tally {
    int runs, judged;   // the others are not complete
    int exploded, gave_up, grows, holds, heals_all;
    int cut_healed[NCA_CUT_COUNT];
    int circles, circles_healed;   // of all its runs
    double distorted_share;        // median over the runs; NaN where there is none
} nca_study_tally;
nca_study_tally nca_study_count(const nca_study *study, const nca_study_setting *setting);

// What is said of a study beside its runs; both as texts of JSON objects.
typedef struct nca_study_about {
    const char *command;   // as it was given
    const char *machine;   // what judged
} nca_study_about;

// study.json: options, rules, every setting's counts with their intervals, every run's settings,
// figures and verdicts. The caller owns `out`.
nca_status nca_study_json(const nca_study *study, const nca_study_about *about, json_t **out,
                          nca_error *error);

#endif
