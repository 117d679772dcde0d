// A run folder: everything to repeat and to go on with a training run.
//
//   config.json              every setting
//   machine.json             what it was trained on
//   target.safetensors       the target's pixels
//   metrics.jsonl            a JSON object for each update
//   model.safetensors        the rule, renewed at every checkpoint
//   checkpoint.safetensors   what --resume goes on from; those before it: checkpoint-2, -3 ...
//   loss.png, pictures/      what a person looks at
#ifndef NCA_RUN_RUN_LOG_H
#define NCA_RUN_RUN_LOG_H

#include <stdbool.h>
#include <stdio.h>

#include "base/files.h"
#include "media/curve.h"
#include "nca/train.h"

typedef struct nca_run_log {
    char folder[NCA_PATH_BYTES];
    FILE *metrics;             // locked: one process at a time trains in a folder
    nca_curve_point *points;   // of the loss curve, every update
    size_t count, room;
    bool is_new;        // made by this process
    int folders_made;   // for it
} nca_run_log;

// A new folder with config.json (the text) in it. Refuses one that exists and is not empty, unless
// all that it holds is what a process left that was killed in here. Of two processes that make the
// same folder at once, one gets it, and the other changes nothing in it.
nca_status nca_run_log_create(const char *folder, const char *config_json, nca_run_log *out,
                              nca_error *error);
// Whether a process trains in the folder.
bool nca_run_log_is_busy(const char *folder);
// The folder of a run to go on with, locked; refuses one in which another process trains. Nothing
// of it is read or changed before nca_run_log_continue().
nca_status nca_run_log_open(const char *folder, nca_run_log *out, nca_error *error);
// Whether no update is in the metrics.
bool nca_run_log_is_empty(const nca_run_log *log);
// Whether the folder still has the name under which it was opened. Somebody may have moved it away,
// and begun another run there, into which nothing may be written.
nca_status nca_run_log_check_place(const nca_run_log *log, nca_error *error);
// Takes up the metrics after update `done`: what follows it is cut off, and what a killed process
// left half written is removed. Refuses metrics that do not reach that update.
nca_status nca_run_log_continue(nca_run_log *log, int64_t done, nca_error *error);
// Whether training gave up in the last update of the metrics; after nca_run_log_continue().
bool nca_run_log_gave_up(const nca_run_log *log);
nca_status nca_run_log_add(nca_run_log *log, const nca_update_result *result, nca_error *error);
// Everything added so far is on the disk.
nca_status nca_run_log_sync(nca_run_log *log, nca_error *error);
void nca_run_log_close(nca_run_log *log);
// Closes a new folder and removes the files of a run in it, and no others: a run that could not
// begin leaves nothing.
void nca_run_log_discard(nca_run_log *log);

#endif
