// Attacks on a trained rule: each is made with several strengths, and says by figures what becomes
// of the rule's states. One file and one row of the table for each.
#ifndef NCA_ATTACK_ATTACK_H
#define NCA_ATTACK_ATTACK_H

#include <signal.h>

#include "run/run_task.h"

enum { NCA_STRENGTHS_MAX = 32, NCA_ATTACK_FIGURES_MAX = NCA_FIGURES_MAX + 1 };

typedef struct nca_attack nca_attack;

// What is attacked, by what, and how it is judged.
typedef struct nca_attack_job {
    const nca_attack *attack;
    const char *rule;             // path of the rule that is attacked
    const nca_model *model;       // the rule
    const nca_task *task;         // the one it was trained for
    nca_target_arguments given;   // where the content of tasks comes from
    const char *adversary;        // path of the trained adversary; NULL: none is given
    const char *tensor;           // of the matrix in that file; NULL: it is a trained rule
    int samples;
    int steps;       // after which a state is judged
    uint64_t seed;   // of all draws
    int shown;       // samples whose last states are painted; 0: none
    const nca_compute *compute;
    const volatile sig_atomic_t *stop;   // ends it with NCA_INTERRUPTED once not 0; may be NULL
} nca_attack_job;

// What became of the states under one strength.
typedef struct nca_attack_point {
    double strength;
    double figure[NCA_ATTACK_FIGURES_MAX];   // in the order of the attack's; means over the samples
    int height, width;                       // of a state
    uint8_t *rgb;                            // [shown,H,W,3]; owned; NULL where none is shown
} nca_attack_point;

struct nca_attack {
    const char *name;             // as on the command line
    const char *summary;          // one line
    const char *strength_words;   // what its strength is
    const char *strengths;        // the usual ones, rising: "0,0.1,0.2"
    double strength_max;
    bool needs_adversary;                 // reads job->adversary; others refuse one
    nca_perturbation_kind perturbation;   // of those in perturb.c; none: updates are withheld

    // What it measures of rules of a task, ended by a row without a name; NULL where it cannot
    // attack them.
    const nca_figure *(*figures)(const nca_task *task);
    // Attacks with one strength. `out` is zero but for its strength; what it owns is the caller's,
    // even after a failure.
    nca_status (*measure)(const nca_attack_job *job, nca_attack_point *out, nca_error *error);
};

extern const nca_attack nca_attack_cells;    // cells.c
extern const nca_attack nca_attack_matrix;   // matrix.c
// perturb.c
extern const nca_attack nca_attack_input_gradient, nca_attack_state_gradient,
    nca_attack_input_noise, nca_attack_state_noise, nca_attack_salt, nca_attack_killed,
    nca_attack_withheld;

// All of them, ended by NULL.
const nca_attack *const *nca_attacks(void);
// NCA_ARGUMENT for another name, with those there are.
nca_status nca_attack_find(const char *name, const nca_attack **out, nca_error *error);

// Refuses a job that the attack cannot do: NCA_ARGUMENT.
nca_status nca_attack_check(const nca_attack *attack, const nca_attack_job *job, nca_error *error);

// "0,0.01,0.1", rising, up to the attack's largest.
//   strengths   [NCA_STRENGTHS_MAX] out
nca_status nca_attack_read_strengths(const nca_attack *attack, const char *text, double *strengths,
                                     int *count, nca_error *error);

#endif
