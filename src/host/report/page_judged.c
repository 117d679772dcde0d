// What a task's own figures say of a rule, as JSON: over the steps, before and after an exchange,
// and by classes.
#include "report/page_json.h"
#include "task/subject.h"

// {words: [value of each step]}
static json_t *curves_of(const nca_task *task, const nca_evaluation *found)
{
    json_t *curves = json_object();
    for (int k = 0; k < nca_task_figures(task); k++) {
        json_t *values = json_array();
        for (int i = 0; i < found->steps_count; i++)
            json_array_append_new(values, nca_json_number(found->figure_at[i][k]));
        json_object_set_new(curves, task->figures[k].words, values);
    }
    return curves;
}

// {words: value}
static json_t *figures_of(const nca_task *task, const double *figure)
{
    json_t *object = json_object();
    for (int k = 0; k < nca_task_figures(task); k++)
        json_object_set_new(object, task->figures[k].words, nca_json_number(figure[k]));
    return object;
}

static json_t *exchange_of(const nca_page_run *run)
{
    const nca_exchange *exchange = &run->evaluation->exchange;
    if (!exchange->is_done)
        return NULL;
    return json_pack("{s:i, s:i, s:o, s:o}", "at", run->observation->cut_at, "until",
                     run->observation->steps, "before",
                     figures_of(run->task, exchange->figure_before), "after",
                     figures_of(run->task, exchange->figure_after));
}

static json_t *confusion_of(const nca_page_run *run)
{
    const nca_confusion *confusion = &run->evaluation->confusion;
    const uint8_t(*rgb)[3] = run->task->class_colours;
    json_t *names = json_array(), *rows = json_array(), *colours = json_array();
    for (int i = 0; i < confusion->classes; i++) {
        json_t *row = json_array();
        for (int k = 0; k <= confusion->classes; k++)
            json_array_append_new(
                row, json_integer((json_int_t)confusion->cells[i * (confusion->classes + 1) + k]));
        json_array_append_new(rows, row);
        json_array_append_new(names, json_string(run->task->classes[i]));
        if (rgb)
            json_array_append_new(colours,
                                  json_sprintf("#%02x%02x%02x", rgb[i][0], rgb[i][1], rgb[i][2]));
    }
    return json_pack("{s:i, s:o, s:o, s:o}", "step", confusion->step, "classes", names, "cells",
                     rows, "colours", colours);
}

nca_status nca_page_judged(const nca_page_run *run, json_t *object, nca_error *error)
{
    const nca_evaluation *found = run->evaluation;
    if (nca_task_figures(run->task) == 0 || !found)
        return NCA_OK;
    json_t *steps = json_array();
    for (int i = 0; i < found->steps_count; i++)
        json_array_append_new(steps, json_integer(found->step[i]));
    json_t *judged =
        json_pack("{s:o, s:o, s:o*, s:o*}", "steps", steps, "figures", curves_of(run->task, found),
                  "exchange", exchange_of(run), "confusion",
                  found->confusion.classes > 0 ? confusion_of(run) : NULL);
    if (!nca_json_set(object, "judged", judged))
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its page", run->name);
    return NCA_OK;
}
