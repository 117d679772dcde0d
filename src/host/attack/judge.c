// Judges an attack that is a rule itself, by new samples of its task after some steps.
#include "attack/judge.h"

#include <string.h>

#include "attack/paint.h"
#include "eval/evaluate.h"

// Of tasks that have no figures of their own.
static const nca_figure losses[] = {{"log10_loss", "log10 loss, median"},
                                    {"log10_loss_max", "worst"},
                                    {"died_out", "died out"},
                                    {NULL, NULL}};

const nca_figure *nca_attack_figures(const nca_task *task)
{
    return task->figures ? task->figures : losses;
}

nca_status nca_attack_judge(const nca_attack_job *job, const nca_model *model,
                            const nca_run_task *judged, nca_attack_point *out, nca_error *error)
{
    static nca_evaluation found;
    nca_attack_painter painter = {.paint = judged->task->paint,
                                  .grid = judged->content.grid,
                                  .channels = model->spec.channels};
    const nca_evaluate_options options = {.grid = judged->content.grid,
                                          .seeds = job->samples,
                                          .seed = job->seed,
                                          .steps = {job->steps},
                                          .steps_count = 1,
                                          .fire_rate = model->fire_rate,
                                          .angle = model->angle,
                                          .step_size = model->step_size,
                                          .stop = job->stop,
                                          .look = job->shown > 0 ? nca_attack_look : NULL,
                                          .look_context = &painter,
                                          .shown = job->shown};
    NCA_TRY(nca_attack_paint_begin(&painter, job->shown, out, error));
    NCA_TRY(nca_evaluate(model, judged->task, judged->content.data, &options, job->compute, &found,
                         error));
    if (judged->task->figures) {
        memcpy(out->figure, found.figure_at[0], sizeof found.figure_at[0]);
        return NCA_OK;
    }
    out->figure[0] = found.loss_at[0].median;
    out->figure[1] = found.loss_at[0].max;
    out->figure[2] = (double)found.dead_at[0] / job->samples;
    return NCA_OK;
}
