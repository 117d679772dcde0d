// The page about runs: one HTML file that needs nothing else and may ask for nothing else.
#ifndef NCA_REPORT_PAGE_H
#define NCA_REPORT_PAGE_H

#include <stdbool.h>

#include "eval/heal_map.h"
#include "eval/history.h"
#include "eval/observe.h"
#include "eval/verdict.h"
#include "nca/model.h"
#include "nca/task.h"
#include "report/html.h"

// A run as the page shows it; everything is the caller's.
typedef struct nca_page_run {
    const char *name;           // the folder as it was given
    const char *folder;         // where its pictures/ are
    const char *config_json;    // whole
    const char *machine_json;   // what it was trained on; NULL where the folder does not say
    const nca_model *model;
    const nca_task *task;
    const void *content;   // of it
    const nca_history *history;
    const nca_verdict *verdict;         // on the rule
    const nca_evaluation *evaluation;   // that it rests on; NULL: the page shows none of it
    const nca_heal_map *heal_map;       // of it; NULL: none was made
    const nca_observation *observation;
    const nca_observe_options *observed;   // how it was watched
} nca_page_run;

// Writes the page, whole or not at all. Texts may hold anything; they are shown, never run.
nca_status nca_page_write(const char *path, const nca_page_run *runs, int count, nca_error *error);

#endif
