// The runs of a study: which there are, how far their folders are, and their training.
#ifndef NCA_SWEEP_STUDY_RUNS_H
#define NCA_SWEEP_STUDY_RUNS_H

#include "base/devices.h"
#include "sweep/study.h"

// What is asked for.
typedef struct nca_study_plan {
    const char *folder;
    const char *settings;   // "NAME,NAME"; NULL: all
    int seeds;              // of the main settings
    int other_seeds;        // of the others
    bool is_quick;
    nca_config shared;
} nca_study_plan;

// The runs, in the order in which they are trained: the first seed of every setting before the
// second of any. The caller frees `out`.
nca_status nca_study_plan_runs(const nca_study_plan *plan, nca_study *out, nca_error *error);

// Looks how far every run is. Refuses a folder that was trained with other settings, naming the
// setting and the field.
nca_status nca_study_look(nca_study *study, nca_error *error);

// What is called as a study goes on; each function may be NULL.
typedef struct nca_study_watch {
    void (*say)(void *context, const char *line);   // what a run began or came to
    void (*at_work)(void *context, const nca_study_run *const *runs, int count);   // every 2 s
    void (*judged)(void *context, double done);                                    // 0..1 of a run
    void *context;
} nca_study_watch;

typedef struct nca_study_training {
    int jobs;   // at once
    nca_device_arguments device;
    const nca_study_watch *watch;
} nca_study_training;

// Trains what is not complete. NCA_INTERRUPTED after a signal, when every child has left its
// checkpoint; NCA_FILE where one failed.
nca_status nca_study_train(nca_study *study, const nca_study_training *training, nca_error *error);

// Judges every run that is complete, and keeps its pictures. NCA_INTERRUPTED after a signal.
nca_status nca_study_judge(nca_study *study, const nca_compute *compute,
                           const nca_study_watch *watch, nca_error *error);

#endif
