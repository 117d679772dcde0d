// The table of tasks: what the setting `task` can name.
#include <stdio.h>
#include <string.h>

#include "nca/task.h"

static const nca_task *const tasks[] = {&nca_task_grow, NULL};

const nca_task *const *nca_tasks(void)
{
    return tasks;
}

nca_status nca_task_find(const char *name, const nca_task **out, nca_error *error)
{
    char known[256] = "";
    for (const nca_task *const *row = tasks; *row; row++) {
        if (strcmp((*row)->name, name) == 0) {
            *out = *row;
            return NCA_OK;
        }
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", (*row)->name);
    }
    return nca_fail(error, NCA_ARGUMENT, "--task %.60s: no such task; there is %s", name, known);
}

void nca_content_free(const nca_task *task, nca_content *content)
{
    if (content->data)
        task->unload(content->data);
    *content = (nca_content){0};
}

nca_status nca_task_plan(const nca_task *task, const nca_config *config, nca_plan *out,
                         nca_error *error)
{
    nca_plan plan;
    NCA_TRY(nca_plan_make(config, &plan, error));
    if (plan.seed_at.kind == NCA_SEED_CELL && !task->place)
        return nca_fail(error, NCA_ARGUMENT,
                        "--seed-at %.40s: what the task %s starts from has no place; leave it out",
                        config->seed_at, task->name);
    if (task->plan)
        NCA_TRY(task->plan(config, &plan, error));
    *out = plan;
    return NCA_OK;
}
