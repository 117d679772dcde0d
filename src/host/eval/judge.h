// Judges a run by criteria, not by eye: did training explode, is its pool distorted, does its rule
// grow, hold and heal.
#ifndef NCA_EVAL_JUDGE_H
#define NCA_EVAL_JUDGE_H

#include "eval/evaluate.h"
#include "eval/history.h"
#include "nca/train.h"

enum { NCA_JUDGE_HOLDS = 2 };

// When a rule is looked at. The study's form is the article's own tests; the quick one is as short
// as its training.
typedef struct nca_judge_criteria {
    const nca_task *task;   // says which loss is good
    int seeds;              // fire seeds; every figure is the median over them
    int grown_at;           // steps
    int held_at[NCA_JUDGE_HOLDS];
    int cut_at, heal_steps, circles;
    uint64_t seed;   // of fire masks and circles, the same for every run
} nca_judge_criteria;
nca_judge_criteria nca_judge_criteria_of(const nca_task *task, bool is_quick);

// One of them in words, for people; NULL after the last.
const char *nca_judge_criterion_text(const nca_judge_criteria *criteria, int number, char *text,
                                     size_t size);

// The states of a pool.
typedef struct nca_judged_pool {
    const float *states;    // [slots,H,W,C]
    const int64_t *items;   // [slots] that they are of; NULL: all of item 0
    int slots;
    nca_grid grid;
} nca_judged_pool;

// What they are like. A slot that still holds an untouched beginning says nothing and is left out
// of the share.
typedef struct nca_pool_judgement {
    int slots, untouched, distorted;
    double median;   // log10 loss of the touched; NaN where there is none
} nca_pool_judgement;

typedef struct nca_judgement {
    nca_evaluation evaluation;   // steps in the order grown_at, held_at
    nca_pool_judgement pool;
    double distorted_share;   // share of the pool's touched slots; NaN where there is none
    bool exploded, grows, holds, heals_all;
    bool cut_healed[NCA_CUT_COUNT];
    int cuts_healed, circles_healed;
} nca_judgement;

// Judges the states of a pool by the loss of the task, in double precision.
nca_status nca_judge_pool(const nca_task *task, const void *content, const nca_spec *spec,
                          const nca_judged_pool *pool, nca_pool_judgement *out, nca_error *error);

// Whether a damage is healed by the rule: what was never there cannot be.
bool nca_judge_is_healed(const nca_judge_criteria *criteria, const nca_evaluation *evaluation,
                         const nca_healing *healing);

// The verdicts on what was measured: fills all of `judgement` but evaluation and pool.
void nca_judge_verdict(const nca_judge_criteria *criteria, const nca_history *history,
                       nca_judgement *judgement);

// What nca_evaluate needs to measure what the criteria ask for, on this model.
nca_evaluate_options nca_judge_evaluation(const nca_judge_criteria *criteria,
                                          const nca_model *model);

#endif
