// What a rule is judged by: its task and the content of it, the run folder's own or others.
#ifndef NCA_RUN_RUN_TASK_H
#define NCA_RUN_RUN_TASK_H

#include "nca/config.h"
#include "nca/model.h"
#include "nca/task.h"

typedef struct nca_target_arguments {
    const char *target, *background, *font, *grid, *seed_at;
    int64_t target_size, padding;   // negative: not given
    int trim;                       // negative: not given
} nca_target_arguments;

#define NCA_TARGET_NOT_GIVEN                         \
    {                                                \
        .target_size = -1, .padding = -1, .trim = -1 \
    }

typedef struct nca_run_task {
    const nca_task *task;
    nca_content content;   // owned
} nca_run_task;

// The task of a rule, without its content. `path` is the model: a run folder says itself what it
// was trained on; a rule alone grows, and one with frozen channels is refused.
nca_status nca_run_task_find(const char *path, const nca_model *model, nca_run_task *out,
                             nca_error *error);
// The same with its content, made for the grid that is given, else for the model's where the
// content fits into that, else for that of the settings.
nca_status nca_run_task_load(const nca_target_arguments *arguments, const char *path,
                             const nca_model *model, nca_run_task *out, nca_error *error);
void nca_run_task_free(nca_run_task *task);

#endif
