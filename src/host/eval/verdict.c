// The verdict on a rule in words.
#include "eval/verdict.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_values.h"
#include "nca/train.h"
#include "task/subject.h"

const char *nca_loss_word(const nca_task *task, double loss)
{
    const nca_grade *grade = task->grades;
    while (grade && grade[1].word && !(loss <= grade->at_most))
        grade++;
    return grade ? grade->word : NULL;
}

// Whether the task calls the loss by its last and worst word.
static bool is_worst(const nca_task *task, double loss)
{
    const nca_grade *last = task->grades;
    while (last && last[1].word)
        last++;
    return last && nca_loss_word(task, loss) == last->word;
}

json_t *nca_grades_json(const nca_task *task)
{
    json_t *list = json_array();
    for (const nca_grade *grade = task->grades; grade && grade->word; grade++)
        json_array_append_new(list,
                              json_pack("{s:o, s:s}", "at_most", nca_json_number(grade->at_most),
                                        "word", grade->word));
    return list;
}

static const char *write_number(double loss, char text[32])
{
    snprintf(text, 32, "%.2f", loss);
    return isfinite(loss) ? text : "inf";
}

const char *nca_loss_text(const nca_task *task, double loss, char text[NCA_LOSS_BYTES])
{
    char number[32];
    const char *word = nca_loss_word(task, loss);
    snprintf(text, NCA_LOSS_BYTES, "%s%s%s%s", write_number(loss, number), word ? " (" : "",
             word ? word : "", word ? ")" : "");
    return text;
}

// -- Of what was measured -------------------------------------------------------------------------

// What did not heal before what did, and then the larger loss.
static int compare_cuts(const void *a, const void *b)
{
    const nca_verdict_cut *first = a, *second = b;
    if (first->is_healed != second->is_healed)
        return first->is_healed ? 1 : -1;
    if (first->loss != second->loss)
        return first->loss > second->loss ? -1 : 1;
    return first->cut - second->cut;
}

static void add_cut(nca_verdict *verdict, int cut, double loss)
{
    const bool is_healed = nca_rule_heals(verdict->task, loss, verdict->whole);
    verdict->cut[verdict->cuts++] = (nca_verdict_cut){
        .cut = cut, .name = nca_cut_name(cut), .loss = loss, .is_healed = is_healed};
    verdict->healed += is_healed;
    verdict->has_exploded |= is_worst(verdict->task, loss);
}

static void finish(nca_verdict *verdict)
{
    qsort(verdict->cut, (size_t)verdict->cuts, sizeof *verdict->cut, compare_cuts);
    verdict->has_exploded |= is_worst(verdict->task, verdict->grown) ||
                             (verdict->held_at > 0 && is_worst(verdict->task, verdict->held));
}

nca_evaluate_options nca_verdict_options(const nca_task *task, const nca_model *model,
                                         const nca_grid *grid, int cut_at, int heal_steps)
{
    const nca_task_judging *usual = nca_task_judging_of(task);
    return (nca_evaluate_options){.grid = *grid,
                                  .seeds = usual->samples,
                                  .seed = 1,
                                  .steps = {cut_at},
                                  .steps_count = 1,
                                  .cut_at = cut_at,
                                  .heal_steps = heal_steps,
                                  .cuts = usual->cuts,
                                  .fire_rate = model->fire_rate,
                                  .angle = model->angle,
                                  .step_size = model->step_size};
}

nca_verdict nca_verdict_evaluated(const nca_task *task, const nca_evaluate_options *options,
                                  const nca_evaluation *evaluation)
{
    nca_verdict verdict = {.task = task,
                           .seeds = options->seeds,
                           .heal_steps = options->heal_steps,
                           .whole = evaluation->whole.median,
                           .has_exploded = !(evaluation->max_state <= NCA_STATE_BOUND)};
    int grown = 0;
    while (grown + 1 < evaluation->steps_count && evaluation->step[grown + 1] <= options->cut_at)
        grown++;
    const int last = evaluation->steps_count - 1;
    verdict.grown_at = evaluation->step[grown];
    verdict.grown = evaluation->loss_at[grown].median;
    memcpy(verdict.figure, evaluation->figure_at[grown], sizeof verdict.figure);
    verdict.is_dead = 2 * evaluation->dead_at[grown] > options->seeds;
    if (last > grown) {
        verdict.held_at = evaluation->step[last];
        verdict.held = evaluation->loss_at[last].median;
    }
    if (evaluation->long_run > verdict.grown_at && evaluation->long_run > verdict.held_at) {
        verdict.held_at = evaluation->long_run;
        verdict.held = evaluation->long_run_loss.median;
    }
    for (int cut = 0; evaluation->has_cuts && cut < NCA_CUT_COUNT; cut++)
        add_cut(&verdict, cut, evaluation->cut[cut].loss.median);
    finish(&verdict);
    return verdict;
}

// -- In words -------------------------------------------------------------------------------------

const char *nca_verdict_word(const nca_verdict *verdict)
{
    return verdict->has_exploded ? "exploded"
           : verdict->is_dead    ? "died out"
                                 : nca_loss_word(verdict->task, verdict->grown);
}

static void write_growth(const nca_verdict *verdict, char line[NCA_VERDICT_BYTES])
{
    char loss[32];
    const char *word = nca_verdict_word(verdict);
    // The loss of an empty grid looks ordinary, so the line says that most fire seeds died.
    const char *cause = verdict->has_exploded && verdict->is_dead
                            ? "numbers grew without bound, and most fire seeds died; "
                        : verdict->has_exploded ? "numbers grow without bound; "
                        : verdict->is_dead      ? "most fire seeds have no living cell; "
                                                : "";
    snprintf(line, NCA_VERDICT_BYTES, "%s%s%slog10 loss %s at step %d%s", word ? word : "",
             word ? ": " : "", cause, write_number(verdict->grown, loss), verdict->grown_at,
             verdict->is_dead ? " (an empty grid)" : "");
}

// "cells right 0.953, total agreement 0.88"
static void write_figures(const nca_verdict *verdict, char line[NCA_VERDICT_BYTES])
{
    size_t used = 0;
    line[0] = 0;
    for (int i = 0; i < nca_task_figures(verdict->task) && used < NCA_VERDICT_BYTES; i++)
        used +=
            (size_t)snprintf(line + used, NCA_VERDICT_BYTES - used, "%s%s %.3f", i > 0 ? ", " : "",
                             verdict->task->figures[i].words, verdict->figure[i]);
}

static void write_holding(const nca_verdict *verdict, char line[NCA_VERDICT_BYTES])
{
    char loss[NCA_LOSS_BYTES];
    const double good = verdict->task->good_loss;
    snprintf(line, NCA_VERDICT_BYTES, "%s: %s at step %d",
             verdict->held <= good    ? "holds"
             : verdict->grown <= good ? "does not hold"
                                      : "later",
             nca_loss_text(verdict->task, verdict->held, loss), verdict->held_at);
}

static bool has_something_to_heal(const nca_verdict *verdict)
{
    return nca_rule_heals(verdict->task, verdict->whole, verdict->whole);
}

static void write_healing(const nca_verdict *verdict, char line[NCA_VERDICT_BYTES])
{
    char loss[NCA_LOSS_BYTES];
    if (has_something_to_heal(verdict))
        snprintf(line, NCA_VERDICT_BYTES,
                 "heals %d of %d cuts, %d steps after each; worst first:", verdict->healed,
                 verdict->cuts, verdict->heal_steps);
    else
        snprintf(line, NCA_VERDICT_BYTES,
                 "heals none of %d cuts: even without a cut it is at %s by then", verdict->cuts,
                 nca_loss_text(verdict->task, verdict->whole, loss));
}

static void write_cut(const nca_verdict *verdict, const nca_verdict_cut *cut,
                      char line[NCA_VERDICT_BYTES])
{
    char loss[NCA_LOSS_BYTES];
    snprintf(line, NCA_VERDICT_BYTES, "  %-7s %-11s %s", cut->name,
             cut->is_healed ? "healed" : "not healed",
             nca_loss_text(verdict->task, cut->loss, loss));
}

int nca_verdict_write(const nca_verdict *verdict, char line[NCA_VERDICT_LINES][NCA_VERDICT_BYTES])
{
    int lines = 0;
    write_growth(verdict, line[lines++]);
    if (nca_task_figures(verdict->task) > 0)
        write_figures(verdict, line[lines++]);
    if (verdict->held_at > 0)
        write_holding(verdict, line[lines++]);
    if (verdict->cuts > 0)
        write_healing(verdict, line[lines++]);
    for (int i = 0; i < verdict->cuts && has_something_to_heal(verdict); i++)
        write_cut(verdict, &verdict->cut[i], line[lines++]);
    return lines;
}
