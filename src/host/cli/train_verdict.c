// What nca train says at its end of how good the rule is.
#include "cli/train_verdict.h"

#include <math.h>

#include "base/stop.h"
#include "eval/verdict.h"

enum { SEEDS = 8, CUT_AT = 200, HEAL_STEPS = 400 };

// Whether judging takes at most a tenth of what training took: an update costs about three times
// its rollouts.
static bool is_worth_it(const nca_config *config)
{
    const double judged = SEEDS * (CUT_AT + (NCA_CUT_COUNT + 1.0) * HEAL_STEPS);
    const double trained = 3.0 * (double)config->updates * (double)config->batch *
                           (double)(config->steps_min + config->steps_max) / 2;
    return 10 * judged <= trained;
}

static nca_status judge(nca_call *call, const nca_config *config, const nca_model *model,
                        const nca_task *task, const nca_content *content, nca_verdict *out,
                        nca_error *error)
{
    nca_evaluate_options options =
        nca_verdict_options(task, model, &content->grid, CUT_AT, HEAL_STEPS);
    nca_percent percent = {.word = "judged"};
    options.config = config;
    options.stop = &nca_stop_signal;
    options.progress = nca_percent_show;
    options.context = &percent;
    nca_evaluation found;
    const nca_status status =
        nca_evaluate(model, task, content->data, &options, nca_call_judging(call), &found, error);
    if (options.progress)
        options.progress(options.context, 1);   // whatever became of it, its line goes
    if (status == NCA_OK)
        *out = nca_verdict_evaluated(task, &options, &found);
    return status;
}

static void say_last_loss(const nca_task *task, nca_progress *progress)
{
    char loss[NCA_LOSS_BYTES];
    if (!isnan(progress->loss))
        nca_progress_say(progress, "log10 loss in training, mean of about the last %d updates: %s",
                         NCA_PROGRESS_UPDATES, nca_loss_text(task, progress->loss, loss));
}

static void say(const nca_verdict *verdict, nca_progress *progress)
{
    char line[NCA_VERDICT_LINES][NCA_VERDICT_BYTES];
    const int lines = nca_verdict_write(verdict, line);
    nca_progress_say(progress, "verdict, by medians of %d %s:", verdict->seeds,
                     nca_task_judging_of(verdict->task)->samples_words);
    for (int i = 0; i < lines; i++)
        nca_progress_say(progress, "  %s", line[i]);
}

nca_status nca_train_say_verdict(nca_call *call, const nca_config *config, const nca_task *task,
                                 const nca_content *content, const char *folder,
                                 nca_progress *progress)
{
    nca_model model;
    nca_verdict verdict;
    nca_error why;
    if (!is_worth_it(config)) {
        say_last_loss(task, progress);
        return NCA_OK;
    }
    NCA_TRY(nca_model_load(folder, &model, &call->error));
    const nca_status status = judge(call, config, &model, task, content, &verdict, &why);
    nca_model_free(&model);
    if (status == NCA_OK)
        say(&verdict, progress);
    else if (status == NCA_INTERRUPTED || status == NCA_MEMORY)   // all that was trained is kept
        say_last_loss(task, progress);
    else
        return nca_fail(&call->error, status, "%s", why.message);
    return NCA_OK;
}
