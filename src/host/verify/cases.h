// The one list of cases: nca verify and the tests check every backend on them, nca bench --case
// times them. A new one is a row in cases.c.
#ifndef NCA_VERIFY_CASES_H
#define NCA_VERIFY_CASES_H

#include "nca/backend.h"

typedef struct nca_case {
    const char *name;   // one word, for --case
    nca_shape shape;    // tape_steps is the rollout's length
    double fire_rate, angle, step_size;
    int first_step;
    uint32_t draw;   // which numbers it starts from
    enum {
        NCA_CASE_GIVEN = 1,   // the fire bits are the caller's
        NCA_CASE_LOUD = 2,    // dead cells propose alpha above the threshold, living ones below
    } kind;
    double active;   // fraction of cell-steps that a bench aims at
} nca_case;

extern const nca_case nca_cases[];   // ended by one without a name

// NULL where there is none.
const nca_case *nca_case_find(const char *name);
// B * H * W * T: which cases are too large for a test to go through is the test's to say.
uint64_t nca_case_cell_steps(const nca_case *test_case);
// Whether the built-in checks of nca verify go through it: given bits are the oracle's to check,
// and of loud cases finite differences would cross thresholds.
bool nca_case_is_verified(const nca_case *test_case);

// The buffer of what the objective measures states against.
nca_buffer nca_case_target(const nca_shape *shape);

// What a case starts from; owned.
typedef struct nca_case_start {
    float *parameters;   // [P]
    float *states;       // [B,H,W,C]
    float *target;       // of nca_case_target()
    int *kept;           // [kept] steps
    uint8_t *fire;       // [T,B,H,W], or NULL
} nca_case_start;

nca_status nca_case_begin(const nca_case *test_case, nca_case_start *out, nca_error *error);
void nca_case_free(nca_case_start *start);   // of one that was begun, or all zero
// Keeps its tape where the case has steps. Valid as long as `start` is.
nca_rollout nca_case_rollout(const nca_case *test_case, const nca_case_start *start);

#endif
