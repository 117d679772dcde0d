// What nca eval prints of a task's own figures, its classes, and the exchange of items.
#ifndef NCA_CLI_EVAL_FIGURES_H
#define NCA_CLI_EVAL_FIGURES_H

#include "eval/evaluate.h"

// Of the row above, in the table.
void nca_eval_print_figures(const nca_task *task, const double *figure);
// The exchange and the confusion of classes, in the table; nothing where there is none.
void nca_eval_print_exchange(const nca_task *task, const nca_evaluate_options *options,
                             const nca_evaluation *found);

// `, "cells_right": X` for each figure.
void nca_eval_json_figures(const nca_task *task, const double *figure);
// The keys figures, exchange and confusion, each ended by a comma; of a task without figures, none.
void nca_eval_json(const nca_task *task, const nca_evaluate_options *options,
                   const nca_evaluation *found);

#endif
