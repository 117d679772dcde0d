// The table of tasks: what the setting `task` can name.
#include <stdio.h>
#include <string.h>

#include "config/presets.h"
#include "config/settings.h"
#include "nca/task.h"
#include "task/perturb.h"

static const nca_task *const tasks[] = {
    &nca_task_grow,           &nca_task_digits,      &nca_task_digits_adversary,
    &nca_task_grow_adversary, &nca_task_grow_matrix, NULL};

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
    return nca_fail(error, NCA_ARGUMENT, "--task %.60s: no such task; there are %s", name, known);
}

const nca_task *nca_task_adversary_of(const nca_task *victim)
{
    const nca_task *const *row = tasks;
    while (*row && !((*row)->victim == victim && (*row)->others))
        row++;
    return *row;
}

void nca_content_free(const nca_task *task, nca_content *content)
{
    if (content->data)
        task->unload(content->data);
    *content = (nca_content){0};
}

const char *nca_task_source(const nca_config *config)
{
    const nca_task *task;
    const bool reads_data =
        nca_task_find(config->task, &task, NULL) == NCA_OK && task->reads_data && *config->data;
    return reads_data ? config->data : config->target;
}

const nca_task_judging *nca_task_judging_of(const nca_task *task)
{
    static const nca_task_judging growing = {.samples_words = "fire seeds",
                                             .steps = "96,200,500,1000,5000",
                                             .samples = 8,
                                             .cuts = true,
                                             .cut_at = 200,
                                             .heal_steps = 400,
                                             .long_run = 10000};
    return task->judging ? task->judging : &growing;
}

// Settings that would change nothing.
static nca_status check_unread(const nca_task *task, const nca_config *config, nca_error *error)
{
    nca_config usual = nca_config_default();
    char option[NCA_OPTION_NAME_BYTES];
    (void)nca_preset_apply(config->preset, &usual, NULL);   // an unknown one leaves the defaults
    for (const char *const *name = task->unread; name && *name; name++)
        if (nca_config_differs(*name, config, &usual))
            return nca_fail(error, NCA_ARGUMENT, "--%s: the task %s does not read it; leave it out",
                            nca_option_spell(*name, option), task->name);
    if (strcmp(config->perturb, "none") == 0 && nca_config_differs("perturbed", config, &usual))
        return nca_fail(error, NCA_ARGUMENT,
                        "--perturbed %lld: there is no --perturb to change samples; give both, or "
                        "leave it out",
                        (long long)config->perturbed);
    return NCA_OK;
}

// What only some tasks can do.
static nca_status check_abilities(const nca_task *task, const nca_config *config,
                                  const nca_plan *plan, nca_error *error)
{
    if (!task->reads_data && *config->data)
        return nca_fail(error, NCA_ARGUMENT, "--data: the task %s has none; leave it out",
                        task->name);
    if (!task->reads_data && config->held_out > 0)
        return nca_fail(error, NCA_ARGUMENT, "--held-out: the task %s has no data; leave it out",
                        task->name);
    if (task->victim && !*config->victim)
        return nca_fail(error, NCA_ARGUMENT,
                        "--victim: needed; give the rule or run that the adversary is to turn");
    if (!task->victim && *config->victim)
        return nca_fail(error, NCA_ARGUMENT,
                        "--victim: the task %s trains no adversary; leave it out", task->name);
    if (task->victim && plan->perturbation.kind == NCA_PERTURB_CELLS)
        return nca_fail(error, NCA_ARGUMENT,
                        "--perturb %.60s: the task %s trains an adversary itself; leave it out",
                        config->perturb, task->name);
    if (!task->frozen && config->exchanged > 0)
        return nca_fail(
            error, NCA_ARGUMENT,
            "--exchanged: samples of the task %s have nothing to exchange; leave it out",
            task->name);
    if (!nca_task_judging_of(task)->cuts && plan->until_healed)
        return nca_fail(error, NCA_ARGUMENT,
                        "--until healed: rules of the task %s are not judged by cuts; leave it out",
                        task->name);
    if (!task->frozen && (nca_perturbs_input(plan->perturbation.kind)))
        return nca_fail(
            error, NCA_ARGUMENT,
            "--perturb %.60s: samples of the task %s have no picture to perturb; choose "
            "state-noise, state-gradient, killed or cells",
            config->perturb, task->name);
    if (!task->classes && plan->is_cross_entropy)
        return nca_fail(error, NCA_ARGUMENT,
                        "--loss cross-entropy: the task %s has no classes; leave it out",
                        task->name);
    if (!task->frozen && plan->spec.alive == NCA_ALIVE_CHANNEL)
        return nca_fail(error, NCA_ARGUMENT,
                        "--alive channel: no channel of the task %s says what lives; choose "
                        "maximum or everywhere",
                        task->name);
    return NCA_OK;
}

nca_status nca_task_plan(const nca_task *task, const nca_config *config, nca_plan *out,
                         nca_error *error)
{
    nca_plan plan;
    NCA_TRY(nca_plan_make(config, &plan, error));
    NCA_TRY(check_abilities(task, config, &plan, error));
    NCA_TRY(check_unread(task, config, error));
    if (plan.seed_at.kind == NCA_SEED_CELL && !task->place)
        return nca_fail(error, NCA_ARGUMENT,
                        "--seed-at %.40s: what the task %s starts from has no place; leave it out",
                        config->seed_at, task->name);
    if (task->plan)
        NCA_TRY(task->plan(config, &plan, error));
    *out = plan;
    return NCA_OK;
}
