// Figures beside the loss, the exchange of items and the confusion of classes, as nca eval prints
// them.
#include "cli/eval_figures.h"

#include <math.h>
#include <stdio.h>

void nca_eval_print_figures(const nca_task *task, const double *figure)
{
    for (const nca_figure *row = task->figures; row && row->name; row++, figure++)
        printf("    %-20s %8.4f\n", row->words, *figure);
}

static void print_confusion(const nca_task *task, const nca_confusion *confusion)
{
    const int classes = confusion->classes;
    printf(
        "\n  cells at step %d, in percent of a row: by the class that they should say, what they "
        "say\n        ",
        confusion->step);
    for (int k = 0; k <= classes; k++)
        printf("%7s", k < classes ? task->classes[k] : "none");
    printf("\n");
    for (int i = 0; i < classes; i++) {
        const int64_t *row = confusion->cells + i * (classes + 1);
        int64_t sum = 0;
        for (int k = 0; k <= classes; k++)
            sum += row[k];
        printf("  %6s", task->classes[i]);
        for (int k = 0; k <= classes; k++)
            printf("%7.2f", sum > 0 ? 100.0 * (double)row[k] / (double)sum : 0);
        printf("\n");
    }
}

void nca_eval_print_exchange(const nca_task *task, const nca_evaluate_options *options,
                             const nca_evaluation *found)
{
    const nca_exchange *exchange = &found->exchange;
    if (exchange->is_done) {
        printf("\n  exchanged at step %d, before\n  %-22s %8.2f\n", options->cut_at, "loss",
               exchange->loss_before.median);
        nca_eval_print_figures(task, exchange->figure_before);
        printf("  %d steps after\n  %-22s %8.2f\n", options->heal_steps, "loss",
               exchange->loss_after.median);
        nca_eval_print_figures(task, exchange->figure_after);
    }
    if (found->confusion.classes > 0)
        print_confusion(task, &found->confusion);
}

void nca_eval_json_figures(const nca_task *task, const double *figure)
{
    for (const nca_figure *row = task->figures; row && row->name; row++, figure++)
        if (isfinite(*figure))
            printf(", \"%s\": %.6g", row->name, *figure);
        else
            printf(", \"%s\": null", row->name);
}

static void json_exchange(const nca_task *task, const nca_evaluate_options *options,
                          const nca_exchange *exchange)
{
    printf("  \"exchange\": {\"before\": {\"step\": %d", options->cut_at);
    nca_eval_json_figures(task, exchange->figure_before);
    printf("}, \"after\": {\"step\": %d", options->cut_at + options->heal_steps);
    nca_eval_json_figures(task, exchange->figure_after);
    printf("}},\n");
}

static void json_confusion(const nca_task *task, const nca_confusion *confusion)
{
    const int classes = confusion->classes;
    printf("  \"confusion\": {\"step\": %d, \"classes\": [", confusion->step);
    for (int i = 0; i < classes; i++)
        printf("%s\"%s\"", i > 0 ? ", " : "", task->classes[i]);
    printf("], \"cells\": [");
    for (int i = 0; i < classes; i++) {
        printf("%s\n    [", i > 0 ? "," : "");
        for (int k = 0; k <= classes; k++)
            printf("%s%lld", k > 0 ? ", " : "", (long long)confusion->cells[i * (classes + 1) + k]);
        printf("]");
    }
    printf("]},\n");
}

void nca_eval_json(const nca_task *task, const nca_evaluate_options *options,
                   const nca_evaluation *found)
{
    if (!task->figures)
        return;
    printf("  \"figures\": [");
    for (int i = 0; i < found->steps_count; i++) {
        printf("%s\n    {\"step\": %d", i > 0 ? "," : "", found->step[i]);
        nca_eval_json_figures(task, found->figure_at[i]);
        printf("}");
    }
    printf("],\n");
    if (found->exchange.is_done)
        json_exchange(task, options, &found->exchange);
    if (found->confusion.classes > 0)
        json_confusion(task, &found->confusion);
}
