// Judges a run by rule, not by eye: did training explode, is its pool distorted, does its rule
// grow, hold and heal.
#ifndef NCA_EVAL_JUDGE_H
#define NCA_EVAL_JUDGE_H

#include "eval/evaluate.h"
#include "eval/history.h"
#include "nca/image.h"
#include "nca/train.h"

// A picture of log10 loss -2 can be recognised; what is above is a blur or something else.
#define NCA_JUDGE_GOOD_LOSS (-2.0)

enum { NCA_JUDGE_HOLDS = 2 };

// When a rule is looked at. The study's form is the article's own tests; the quick one is as short
// as its training.
typedef struct nca_judge_rules {
    int seeds;      // fire seeds; every figure is the median over them
    int grown_at;   // steps
    int held_at[NCA_JUDGE_HOLDS];
    int cut_at, heal_steps, circles;
    uint64_t seed;   // of fire masks and circles, the same for every run
} nca_judge_rules;
nca_judge_rules nca_judge_rules_of(bool is_quick);

// One of them in words, for people; NULL after the last.
const char *nca_judge_rule_text(const nca_judge_rules *rules, int number, char *text, size_t size);

// The states of a pool, against the target. A slot that still holds the untouched seed says nothing
// and is left out of the share.
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

// The loss of a state against the target [H,W,4], as training has it, as log10.
double nca_judge_loss(const float *state, const nca_image *target, int channels);
// Judges `slots` states [slots,H,W,C].
nca_status nca_judge_pool(const float *pool, int slots, const nca_image *target, int channels,
                          nca_pool_judgement *out, nca_error *error);

// Whether a damage is healed by the rule: what was never there cannot be.
bool nca_judge_is_healed(const nca_evaluation *evaluation, const nca_healing *healing);

// The verdicts on what was measured: fills all of `judgement` but evaluation and pool.
void nca_judge_verdict(const nca_judge_rules *rules, const nca_history *history,
                       nca_judgement *judgement);

// What nca_evaluate needs to measure what the rules ask for, on this model.
nca_evaluate_options nca_judge_evaluation(const nca_judge_rules *rules, const nca_model *model);

#endif
