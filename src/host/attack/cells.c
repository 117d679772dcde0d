// The attack by cells: a trained adversary moves a share of the cells, the rule all others.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural
// Cellular Automata.
#include <stdio.h>
#include <string.h>

#include "attack/judge.h"
#include "base/files.h"
#include "run/run_folder.h"
#include "task/victim.h"

static const nca_figure *figures(const nca_task *task)
{
    const nca_task *adversary = nca_task_adversary_of(task);
    return adversary ? nca_attack_figures(adversary) : NULL;
}

// What the adversary was trained for, by its run folder or its file; empty where that does not say
// it, or cannot be read.
static nca_status find_task(const nca_attack_job *job, const nca_task *task,
                            char name[NCA_TEXT_BYTES], nca_error *error)
{
    nca_config config = nca_config_default();
    nca_model adversary = {0};
    const bool is_run = nca_is_folder(job->adversary);
    if (is_run)
        NCA_TRY(nca_run_folder_config(job->adversary, &config, NULL, error));
    else
        nca_model_load_as(job->adversary, task->usual, &adversary, NULL);
    snprintf(name, NCA_TEXT_BYTES, "%s", is_run ? config.task : adversary.task);
    nca_model_free(&adversary);
    return NCA_OK;
}

static nca_status check_task(const nca_attack_job *job, const nca_task *task, nca_error *error)
{
    char trained[NCA_TEXT_BYTES];
    NCA_TRY(find_task(job, task, trained, error));
    if (!*trained || strcmp(trained, task->name) == 0)
        return NCA_OK;
    return nca_fail(
        error, NCA_ARGUMENT,
        "--adversary %.200s: a rule of the task %s, not an adversary for %.200s; give one trained "
        "by nca train --preset %s --victim",
        job->adversary, trained, job->rule, task->preset);
}

static nca_status measure(const nca_attack_job *job, nca_attack_point *out, nca_error *error)
{
    const nca_task *task = nca_task_adversary_of(job->task);
    nca_target_arguments given = job->given;
    nca_run_task judged = {.task = task};
    nca_model adversary = {0};
    nca_status status;
    given.task = task->name;
    given.victim = job->rule;
    given.share = out->strength;
    NCA_GO(check_task(job, task, error));
    NCA_GO(nca_run_rule_load(&given, job->adversary, &adversary, error));
    NCA_GO(nca_frozen_rule_check("adversary", &adversary, &(nca_shape){.spec = job->model->spec},
                                 error));
    NCA_GO(nca_run_task_load(&given, job->adversary, &adversary, &judged, error));
    NCA_GO(nca_attack_judge(job, &adversary, &judged, out, error));
cleanup:
    nca_run_task_free(&judged);
    nca_model_free(&adversary);
    return status;
}

const nca_attack nca_attack_cells = {
    .name = "cells",
    .summary = "a trained adversary moves a share of the cells",
    .strength_words = "share of the cells",
    .strengths = "0,0.01,0.02,0.05,0.1,0.2",
    .strength_max = 1,
    .needs_adversary = true,
    .figures = figures,
    .measure = measure,
};
