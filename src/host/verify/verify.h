// Checks a device against the outside oracle, against the reference, and against itself.
#ifndef NCA_VERIFY_VERIFY_H
#define NCA_VERIFY_VERIFY_H

#include <stdio.h>

#include "nca/backend.h"

// Where the findings go, and what they come to.
typedef struct nca_verdict {
    FILE *to;      // a line for each tensor: its error beside its allowance
    int checked;   // tensors
    int failed;
    int unavailable;   // variants that this machine lacks
    // The device computes the network in less than f32. The allowances are those of f32, so errors
    // of its rollouts are reported and fail only where they are not finite.
    bool is_reduced;
    int reported;   // tensors whose error cannot fail
} nca_verdict;

// One oracle file: a rollout with its gradients, or an optimizer case; or a rule, as
// nca_verify_rule(). NCA_FORMAT for a file that is none of them.
// Source of format and allowance: the oracle's README.
nca_status nca_verify_file(const char *path, const nca_compute *compute, nca_verdict *verdict,
                           nca_error *error);

// How far the device's rollouts of a trained rule are from f64, and their gradients, over 8, 64 and
// 128 steps; only reported.
//   path   as nca_model_load() takes it
nca_status nca_verify_rule(const char *path, const nca_compute *compute, nca_verdict *verdict,
                           nca_error *error);

// Without files: the reference's gradients against finite differences, the device against the
// reference, and every CPU variant of this machine against the scalar one.
nca_status nca_verify_built_in(const nca_compute *compute, const nca_device_options *options,
                               nca_verdict *verdict, nca_error *error);

// -- shared by verify_*.c and precision.c

// A rollout to be computed: everything it starts from.
typedef struct nca_verify_case {
    nca_shape shape;
    const float *parameters, *states;
    const float *target;   // as the objective has it: nca_case_target()
    const uint8_t *fire;   // [T,B,H,W], or NULL: drawn
    nca_rollout rollout;
} nca_verify_case;

// What came out of it; all owned.
typedef struct nca_verify_result {
    float *states;           // [B,H,W,C]
    float *gradient;         // [P]
    float *state_gradient;   // [B,H,W,C]
    nca_sample_report *samples;
} nca_verify_result;

nca_status nca_verify_compute(const nca_verify_case *test_case, const nca_compute *compute,
                              nca_verify_result *out, nca_error *error);
void nca_verify_result_free(nca_verify_result *result);

// ||got - expected|| / ||expected||, of the difference itself where expected is all zero.
double nca_relative_error(const float *got, const double *expected, size_t count);
// Adds a line to the verdict.
void nca_verdict_add(nca_verdict *verdict, const char *name, double error, double allowance);
// Adds a line that fails only where the error is not finite.
void nca_verdict_report(nca_verdict *verdict, const char *name, double error);
// The same for what comes out of a rollout.
void nca_verdict_add_rollout(nca_verdict *verdict, const char *name, double error,
                             double allowance);

#endif
