// The regeneration study: which settings are trained side by side, under which schedule. The one
// table of settings is in regeneration.c.
#ifndef NCA_SWEEP_REGENERATION_H
#define NCA_SWEEP_REGENERATION_H

#include <stddef.h>

#include "nca/config.h"
#include "nca/task.h"

// What tells the settings apart. Everything else comes from the column of their preset, and what
// all of them share from the command.
typedef struct nca_study_setting {
    const char *name;
    const char *summary;   // one line
    const char *preset;    // whose column it starts from
    int batch, damaged, steps_min, steps_max;
    bool is_main;   // one of those that the question is about: it gets more seeds
} nca_study_setting;

// What it is about.
const nca_task *nca_study_task(void);

// All settings, ended by a row without a name.
const nca_study_setting *nca_study_settings(void);
// NCA_ARGUMENT names the settings there are.
nca_status nca_study_setting_find(const char *name, size_t length, const nca_study_setting **out,
                                  nca_error *error);

// What all settings share, by its name in nca/config.h; the options of the command that change it,
// with their defaults for the study and for its quick form, are made from this list.
//   TEXT(name, default, quick, value, help)
//   INT, REAL(name, default, quick, min, max, value, help)
#define NCA_STUDY_SHARED(TEXT, INT, REAL)                                                       \
    TEXT(target, "\xF0\x9F\x98\x9D", "\xF0\x9F\x98\x9D", "FILE|EMOJI", "what is grown")         \
    INT(target_size, 20, 6, 1, 4096, "CELLS", "longer side of the target")                      \
    TEXT(grid, "28", "12", "N|HxW|auto", "grid in cells; auto is target size + 2 x padding")    \
    INT(padding, 8, 3, 0, 4096, "CELLS", "empty cells around the target, where --grid is auto") \
    INT(pool, 1024, 24, 1, 1048576, "N", "past states to train from")                           \
    INT(updates, 5000, 20, 1, 100000000, "N", "updates of every run")                           \
    REAL(rate, 0.002, 0.002, 0, 10, "X", "learning rate at the start")                          \
    TEXT(schedule, "steps:3500x0.3,4500x0.1", "steps:10x0.3,15x0.1", "SCHEDULE",                \
         "constant, cosine, or steps:UPDATExFACTOR[,...]")

// The quick form divides every number of steps by this: it shows the machinery, not the finding.
enum { NCA_STUDY_QUICK_STEPS = 8 };

// A config of which only the shared fields count.
nca_config nca_study_shared_default(bool is_quick);

// Every setting of a run: the preset's column, the row, what is shared, the seed. Refuses a pool
// that is smaller than the batch; the rest is for nca_task_plan() to check.
nca_status nca_study_config(const nca_study_setting *setting, const nca_config *shared,
                            bool is_quick, int64_t seed, nca_config *out, nca_error *error);

#endif
