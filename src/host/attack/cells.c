// The attack by cells: a trained adversary moves a share of the cells, the rule all others.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural
// Cellular Automata.
#include "attack/judge.h"

static const nca_figure *figures(const nca_task *task)
{
    const nca_task *adversary = nca_task_adversary_of(task);
    return adversary ? nca_attack_figures(adversary) : NULL;
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
    NCA_GO(nca_run_rule_load(&given, job->adversary, &adversary, error));
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
