// One run of nca train, shared by the files that make the command.
#ifndef NCA_CLI_TRAIN_RUN_H
#define NCA_CLI_TRAIN_RUN_H

#include "base/checksum.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "nca/task.h"
#include "run/run_estimate.h"
#include "run/run_log.h"
#include "run/train_pictures.h"

typedef struct train_options {
    const char *out, *resume;
    bool preview, quiet;
    nca_device_arguments device;
} train_options;

// One run, while it lasts.
typedef struct train_run {
    nca_call *call;
    train_options options;
    nca_config config;
    const nca_task *task;
    nca_plan plan;   // of the settings
    nca_content content;
    nca_model from;                       // the rule that it begins with; none where it is drawn
    nca_model adversary;                  // of --perturb cells; none otherwise
    char kept_rule[NCA_CHECKSUM_BYTES];   // of the adversary or the victim; empty: there is none
    nca_trainer *trainer;
    nca_run_log log;
    nca_run_estimate estimate;   // zero where there is none
    nca_progress progress;
    int64_t saved;   // update of the latest checkpoint; negative where there is none
    bool is_stale;   // what the folder holds is to be written anew before the run goes on
    char notice[2 * NCA_TEXT_BYTES];   // what was wrong with the folder; empty: nothing
    nca_event said;                    // the latest event on the screen, and when it came there
    double said_at;
    double rate_factor;   // of the latest update; 0 before the first
    bool is_healed;       // by the latest look of --until healed
    double previewed;     // when the terminal last showed the batch
    nca_error *error;
} train_run;

// -- train_folder.c: the run folder, begun or gone on with ---------------------------------------

// The settings of the run to go on with, with the options laid over them; only what does not
// change its trajectory may differ.
nca_status nca_train_read_resumed(train_run *run);
// Takes the folder of --resume up where its latest whole checkpoint left it.
nca_status nca_train_go_on(train_run *run);
// Makes the folder of a new run.
nca_status nca_train_begin(train_run *run);
// Model and checkpoint: everything before them is on the disk first.
nca_status nca_train_save(train_run *run, nca_error *error);
// Whether the folder has no rule that can be read; the checkpoint has it as well.
bool nca_train_lacks_model(const train_run *run);
// A failed run: removes its folder where it did not begin, otherwise adds how to resume.
void nca_train_leave(train_run *run);

// -- train_words.c: what is said -----------------------------------------------------------------

nca_status nca_train_say_beginning(train_run *run);
// What went wrong in an update, on a line of its own; at most every 10 s where it repeats. The
// metrics have all of it.
void nca_train_say_event(train_run *run, const nca_update_result *result);
// The rate rises again after a return to a good rule, which has said itself how far it fell.
void nca_train_say_rate(train_run *run, const nca_update_result *result);
void nca_train_say_saved(train_run *run);
void nca_train_say_stopped(train_run *run);
// "nca train --resume FOLDER", for a shell, with what else decides the bits on this machine:
// NCA_CPU_ISA, --device, --cuda-path and --precision where they were given.
enum { NCA_RESUME_BYTES = 4 * NCA_PATH_BYTES };
const char *nca_train_resume_words(const train_run *run, char words[NCA_RESUME_BYTES]);
void nca_train_say_end(train_run *run, const nca_train_pictures *pictures);

#endif
