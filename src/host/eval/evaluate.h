// Judges a rule: does it grow, hold and heal. Every figure is over several fire-mask seeds.
#ifndef NCA_EVAL_EVALUATE_H
#define NCA_EVAL_EVALUATE_H

#include <signal.h>
#include <stdbool.h>

#include "base/spread.h"
#include "nca/backend.h"
#include "nca/model.h"
#include "nca/plan.h"
#include "nca/task.h"
#include "task/cuts.h"

enum { NCA_EVALUATE_STEPS_MAX = 32, NCA_EVALUATE_CIRCLES_MAX = 100 };

// The article's damage, in units of half the grid.
#define NCA_CIRCLE_RADIUS_MIN 0.1
#define NCA_CIRCLE_RADIUS_MAX 0.4

// A damage counts as healed where the log10 loss is at most this above that of the same pattern at
// the same moment, left whole: twice the error of the whole one. Half a face that is missing stands
// one to two above.
#define NCA_HEALED_WITHIN 0.3
bool nca_is_healed(double loss, double whole);
// The same of a rule, of one sample or by medians: what was never there cannot be healed.
bool nca_rule_heals(const nca_task *task, double loss, double whole);

// What a caller that looks at an evaluation is shown.
typedef enum nca_evaluate_moment {
    NCA_EVALUATED_STEP,    // number: the step, one of those measured
    NCA_EVALUATED_CUT,     // number: the cut, heal_steps after it
    NCA_EVALUATED_WHOLE,   // the same moment without damage
} nca_evaluate_moment;

typedef struct nca_evaluate_options {
    const nca_config *config;            // of the rule's run, which says the loss; NULL: none
    nca_grid grid;                       // that the content is made for
    int seeds;                           // fire-mask seeds, run as one batch
    uint64_t seed;                       // key of all: fire bits differ by the slot of the batch
    int steps[NCA_EVALUATE_STEPS_MAX];   // ascending
    int steps_count;
    int cut_at;                           // step of the cut, 200
    int heal_steps;                       // steps after it, 400
    bool cuts;                            // whether to make the five cuts
    bool exchange;                        // whether every sample gets another's item there
    int circles;                          // how many random circles are cut out, each by itself
    int long_run;                         // steps of the long run, 10000; 0: none
    double fire_rate, angle, step_size;   // as the model says, unless changed; angle in degrees
    const volatile sig_atomic_t *stop;    // ends it with NCA_INTERRUPTED once not 0; may be NULL
    void (*progress)(void *context, double done);   // 0..1; may be NULL
    void *context;
    // Shows a state [H,W,C] of each of the first `shown` seeds (0: one), valid during the call; may
    // be NULL.
    void (*look)(void *context, nca_evaluate_moment moment, int number, const float *state);
    void *look_context;
    int shown;
} nca_evaluate_options;

// What became of a damage.
typedef struct nca_healing {
    nca_spread loss;
    double figure[NCA_FIGURES_MAX];   // here and below: of the task, means over the samples
    int seeds_healed;                 // by nca_rule_heals(), each beside itself, left whole
} nca_healing;

// Samples at the moment at which they get other items, and heal_steps later.
typedef struct nca_exchange {
    bool is_done;
    nca_spread loss_before, loss_after;
    double figure_before[NCA_FIGURES_MAX], figure_after[NCA_FIGURES_MAX];
} nca_exchange;

// Cells by the class that they should say, and the one that they say; the last column: none.
typedef struct nca_confusion {
    int classes;                                              // of the task; 0: it has none
    int step;                                                 // the last one that is measured
    int64_t cells[NCA_CLASSES_MAX * (NCA_CLASSES_MAX + 1)];   // [classes,classes + 1]
} nca_confusion;

typedef struct nca_evaluation {
    int steps_count;
    int step[NCA_EVALUATE_STEPS_MAX];
    nca_spread loss_at[NCA_EVALUATE_STEPS_MAX];
    double figure_at[NCA_EVALUATE_STEPS_MAX][NCA_FIGURES_MAX];
    nca_confusion confusion;
    nca_exchange exchange;
    int dead_at[NCA_EVALUATE_STEPS_MAX];   // seeds whose pattern had died out
    bool has_cuts;
    nca_healing cut[NCA_CUT_COUNT];
    int circles;
    nca_region circle_region[NCA_EVALUATE_CIRCLES_MAX];
    nca_healing circle[NCA_EVALUATE_CIRCLES_MAX];
    nca_spread whole;   // where anything was damaged: the same moment without
    double whole_figure[NCA_FIGURES_MAX];
    int long_run;   // 0: none
    nca_spread long_run_loss;
    double long_run_figure[NCA_FIGURES_MAX];
    double long_run_max_state;   // largest |x| at its end
    int long_run_dead;           // seeds whose pattern died out
    // Largest |x| of all rollouts, looked at every 100 steps, and where a pattern died out at each
    // of the first 200: a cell that is not a number is dead a step later. NaN stays.
    double max_state;
} nca_evaluation;

// Reads steps to measure at, "96,200,1000", into options that have none. NCA_ARGUMENT where they
// are too many, or do not rise.
nca_status nca_evaluate_steps_read(const char *text, nca_evaluate_options *out, nca_error *error);

// Judges a rule by the objective and the figures of its task, on samples that the task draws.
// `content` is what the task works on. NCA_ARGUMENT where the content does not go with the grid,
// NCA_MEMORY where the seeds do not fit, NCA_INTERRUPTED once `stop` is not 0.
nca_status nca_evaluate(const nca_model *model, const nca_task *task, const void *content,
                        const nca_evaluate_options *options, const nca_compute *compute,
                        nca_evaluation *out, nca_error *error);

#endif
