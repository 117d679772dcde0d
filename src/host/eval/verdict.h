// The verdict on a rule in words: what its loss is called, which cuts it heals, whether it lasts.
#ifndef NCA_EVAL_VERDICT_H
#define NCA_EVAL_VERDICT_H

#include <jansson.h>

#include "eval/evaluate.h"

// What a log10 loss is called, by the task's own scale; NULL where the task has none.
const char *nca_loss_word(const nca_task *task, double loss);

// [{"at_most", "word"}, ...], best first, as the task has them; the last has no bound.
json_t *nca_grades_json(const nca_task *task);

// "-3.41", "-3.41 (good)", "inf (exploded)"
enum { NCA_LOSS_BYTES = 64 };
const char *nca_loss_text(const nca_task *task, double loss, char text[NCA_LOSS_BYTES]);

typedef struct nca_verdict_cut {
    int cut;   // task/cuts.h
    const char *name;
    double loss;
    bool is_healed;
} nca_verdict_cut;

// All losses are log10.
typedef struct nca_verdict {
    const nca_task *task;
    int seeds;                        // samples; losses are their medians
    int grown_at;                     // step
    double grown;                     // the loss at that step
    double figure[NCA_FIGURES_MAX];   // the task's figures at that step
    bool is_dead;                     // most samples had died out at that step
    bool has_exploded;
    int held_at;   // a much later step; 0: there is none
    double held;
    int cuts, healed;
    nca_verdict_cut cut[NCA_CUT_COUNT];   // worst first
    int heal_steps;                       // after which they are looked at
    double whole;                         // the loss at that moment without a cut
} nca_verdict;

// What `nca eval` measures for the verdict, but for the long run: on this grid, by its own samples,
// cut where the task's rules are.
nca_evaluate_options nca_verdict_options(const nca_task *task, const nca_model *model,
                                         const nca_grid *grid, int cut_at, int heal_steps);

// The verdict on what was measured. `grown` is the loss at the last step measured up to the cut;
// `held`, at the last step measured after it, says whether the picture lasts.
nca_verdict nca_verdict_evaluated(const nca_task *task, const nca_evaluate_options *options,
                                  const nca_evaluation *evaluation);

// "exploded", "died out", or what its loss is called.
const char *nca_verdict_word(const nca_verdict *verdict);

// The verdict for people, a line each; returns how many.
enum { NCA_VERDICT_LINES = NCA_CUT_COUNT + 4, NCA_VERDICT_BYTES = 144 };
int nca_verdict_write(const nca_verdict *verdict, char line[NCA_VERDICT_LINES][NCA_VERDICT_BYTES]);

#endif
