// For those who write a backend: what all of them check alike stands in front of their functions.
//
// The table that a backend exports has the functions below where it has its own behind them, in a
// second table that its sessions point to. Whatever comes through is then within the ranges of
// nca/backend.h, and a backward pass has its tape.
#ifndef NCA_FRONT_H
#define NCA_FRONT_H

#include "nca/api.h"
#include "nca/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

// What every session begins with: the first member of a backend's struct nca_session.
typedef struct nca_session_head {
    const nca_backend *own;   // the functions behind the checks
    nca_shape shape;
    bool tape_is_valid;   // a backward pass may follow
    bool has_gone_back;   // one has, over the latest rollout
    bool keeps;           // the latest rollout kept states
} nca_session_head;

// Refuses sizes that no backend takes: NCA_ARGUMENT, or NCA_MEMORY where cells cannot be counted.
NCA_API nca_status nca_front_check_shape(const nca_shape *shape, nca_error *error);

// Longest rollout of all rules, and what one of them has.
NCA_API int nca_rollout_longest(const nca_rollout *rollout, int rules);
NCA_API nca_rule_rollout nca_rollout_of_rule(const nca_rollout *rollout, int rule);
NCA_API nca_rule_update nca_update_of_rule(const nca_optimizer_step *step, int rule);

// The functions of nca_backend, with their checks.
NCA_API nca_status nca_front_upload(nca_session *session, nca_buffer buffer, size_t first,
                                    size_t count, const float *from, nca_error *error);
NCA_API nca_status nca_front_download(nca_session *session, nca_buffer buffer, size_t first,
                                      size_t count, float *to, nca_error *error);
NCA_API nca_status nca_front_gather(nca_session *session, const int *rows, nca_error *error);
NCA_API nca_status nca_front_scatter(nca_session *session, const int *rows, nca_error *error);
NCA_API nca_status nca_front_damage(nca_session *session, int slot, const nca_region *region,
                                    nca_error *error);
NCA_API nca_status nca_front_exchange(nca_session *session, int slot, const float *values,
                                      double limit, nca_error *error);
NCA_API nca_status nca_front_forward(nca_session *session, const nca_rollout *rollout,
                                     nca_pass_report *report, nca_error *error);
NCA_API nca_status nca_front_loss(nca_session *session, nca_sample_report *samples,
                                  nca_error *error);
NCA_API nca_status nca_front_backward(nca_session *session, nca_pass_report *report,
                                      nca_error *error);
NCA_API nca_status nca_front_update(nca_session *session, const nca_optimizer_step *step,
                                    nca_update_report *report, nca_error *error);
NCA_API nca_status nca_front_synchronize(nca_session *session, nca_error *error);

// The rows of a backend's exported table.
#define NCA_FRONT                                                                             \
    .upload = nca_front_upload, .download = nca_front_download, .gather = nca_front_gather,   \
    .scatter = nca_front_scatter, .damage = nca_front_damage, .exchange = nca_front_exchange, \
    .forward = nca_front_forward, .loss = nca_front_loss, .backward = nca_front_backward,     \
    .update = nca_front_update, .synchronize = nca_front_synchronize

// A kernel that was run by itself, for benchmarks. What it has to do follows from the sizes and
// from the cells of the step it works on: flop as in textbooks (a multiply-add is two, integers are
// none), and the fewest bytes, every number that it needs read once and every number it makes
// written once.
typedef struct nca_kernel_report {
    const char *name;   // of the backend's own, which has one line about it at its definition
    double flop, bytes;
    double seconds;   // of one run, the mean of several
} nca_kernel_report;

// Runs kernel `number` (0, 1, ...) of those that rollouts and learning on this session are made of,
// `times` times one after the other, over the cells of one step of the last rollout, and returns
// when it is done; beyond the last kernel report->name is NULL. It is no part of the seam, which
// stays a rollout wide: a backend that lets its kernels be timed has a bench.h, and bench/kernels
// calls what that declares.
// The last forward kept its tape of one step or more and went backward (else NCA_ARGUMENT), and the
// pool has as many rows as the batch. Afterwards the rule is as it was; batch, pool, gradient and
// moments hold anything, and backward() needs a new tape.
typedef nca_status nca_kernel_timer(nca_session *session, int number, int times,
                                    nca_kernel_report *report, nca_error *error);

#ifdef __cplusplus
}
#endif
#endif
