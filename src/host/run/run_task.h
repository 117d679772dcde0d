// What a rule is judged by: its task and the content of it, the run folder's own or others.
#ifndef NCA_RUN_RUN_TASK_H
#define NCA_RUN_RUN_TASK_H

#include "nca/config.h"
#include "nca/model.h"
#include "nca/task.h"

typedef struct nca_target_arguments {
    const char *task, *data, *target, *background, *font, *grid, *seed_at, *victim;
    int64_t target_size, padding, held_out, say;   // negative: not given
    double share;                                  // negative: not given
    int trim;                                      // negative: not given
} nca_target_arguments;

#define NCA_TARGET_NOT_GIVEN                                                                 \
    {                                                                                        \
        .target_size = -1, .padding = -1, .held_out = -1, .say = -1, .share = -1, .trim = -1 \
    }

typedef struct nca_run_task {
    const nca_task *task;
    nca_content content;   // owned
    bool is_of_run;        // a run folder's, with its settings
    nca_config config;     // what it is judged by; of a rule alone these are assumed
} nca_run_task;

// The rule of a file or of a run folder. Where a task is given, a file need not say itself what the
// task's rules perceive, freeze and so on.
nca_status nca_run_rule_load(const nca_target_arguments *arguments, const char *path,
                             nca_model *out, nca_error *error);
// NCA_ARGUMENT where the rule is an adversary, by its file, the task that is given or its run
// folder: it moves some cells of another rule, and does nothing alone.
nca_status nca_run_refuse_adversary(const nca_target_arguments *given, const char *path,
                                    const nca_model *model, nca_error *error);
// The task of a rule, without its content. `path` is the model: a run folder says itself what it
// was trained on; a rule alone is of the task that its file says, else of the one that is given,
// else it grows, and one with frozen channels is refused.
nca_status nca_run_task_find(const nca_target_arguments *arguments, const char *path,
                             const nca_model *model, nca_run_task *out, nca_error *error);
// The same with its content, made for the grid that is given, else for the model's where the
// content fits into that, else for that of the settings.
nca_status nca_run_task_load(const nca_target_arguments *arguments, const char *path,
                             const nca_model *model, nca_run_task *out, nca_error *error);
void nca_run_task_free(nca_run_task *task);

#endif
