// How an attack that is a rule itself is judged: by the figures of its task, or by losses.
#ifndef NCA_ATTACK_JUDGE_H
#define NCA_ATTACK_JUDGE_H

#include "attack/attack.h"

// What is measured with a task: its figures, or where it has none the log10 loss and how many died.
const nca_figure *nca_attack_figures(const nca_task *task);
// The job's samples of this task, moved by `model` for the job's steps: figures and painted states.
nca_status nca_attack_judge(const nca_attack_job *job, const nca_model *model,
                            const nca_run_task *judged, nca_attack_point *out, nca_error *error);

#endif
