// What the files of a trainer share.
#ifndef NCA_TRAIN_TRAINER_STATE_H
#define NCA_TRAIN_TRAINER_STATE_H

#include "base/checksum.h"
#include "nca/task.h"
#include "nca/train.h"
#include "task/subject.h"

// Rules of the latest updates, summed with falling weights; see average.c. Empty without --average.
typedef struct nca_average {
    double *sum;     // [P]
    int64_t taken;   // rules in it
    float *rule;     // [P] to work in
} nca_average;

// A rule with its optimizer state to return to when training goes wrong.
typedef struct nca_good_rule {
    float *parameters;     // [P]
    float *optimizer;      // [S,P] its state
    int64_t update;        // after which it was taken
    int64_t time;          // the optimizer's
    nca_average average;   // as it was then; no room to work in
} nca_good_rule;

// Counters of the health checks; see health.c.
typedef struct nca_health {
    int64_t skipped_in_a_row;
    int64_t tenths_of_deaths;      // account of samples that must live
    int64_t good_since_rollback;   // and since the good rule was renewed; deaths take some back
    int64_t rollbacks;             // in all: every one changes the random draws
    int64_t rollbacks_in_a_row;    // since the good rule was last renewed
    int64_t halvings;              // of the rate, from the latest rollback on
    int64_t slowed_at;             // update of that rollback, later where deaths put the rise off
} nca_health;

struct nca_trainer {
    nca_config config;
    nca_plan plan;   // of it
    const nca_task *task;
    const void *content;   // of the task; the caller's
    nca_shape shape;       // of the session
    nca_layout layout;
    nca_compute compute;   // the caller's
    nca_session *session;
    uint64_t content_hash;   // of all that is given beside the settings
    bool has_adversary;      // it lies behind the rule's parameters
    // Of the checkpoint gone on from; NULL and empty where unknown.
    char *restored_settings;   // a line each
    char restored_config[NCA_CHECKSUM_BYTES];
    char restored_arithmetic[NCA_ARITHMETIC_BYTES];

    int64_t done;   // updates
    int64_t time;   // the optimizer's t of the latest applied update
    nca_health health;
    nca_good_rule good;
    nca_average average;   // of the rules up to now

    int *rows;            // [B] of the pool
    int *gathered;        // [B] rows that the batch is gathered from: the pool's, or a beginning
    nca_sample *starts;   // [B] the samples before the rollout
    double *ranks;        // [B]
    nca_sample_report *samples;   // [B] what the batch is like now
    int64_t *items;               // [N] of the pool's rows
    float *fresh;                 // [H,W,C] a new row of the pool, to work in
    float *values;                // of one item, to work in
    float *before, *after;        // [B,H,W,C]; before only where it is kept
    bool keeps_before, has_before;
};

// Elements of a state [H,W,C].
static inline size_t nca_trainer_state_size(const nca_trainer *trainer)
{
    const nca_shape *shape = &trainer->shape;
    return nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                          (size_t)shape->spec.channels);
}

static inline nca_subject nca_trainer_subject(const nca_trainer *trainer)
{
    return (nca_subject){trainer->task,    trainer->content, &trainer->config,
                         &trainer->plan,   &trainer->shape,  trainer->compute.backend,
                         trainer->session, trainer->values};
}

// Whether the pool's rows differ in what they are of.
static inline bool nca_trainer_has_items(const nca_trainer *trainer)
{
    return nca_samples_differ(trainer->task, &trainer->shape) || trainer->task->frozen;
}

// The key of an update's draws; rolling back changes them.
static inline nca_key nca_trainer_key(const nca_trainer *trainer, int64_t update)
{
    // The golden ratio's odd multiple spreads the keys of successive rollbacks.
    const uint64_t other = (uint64_t)trainer->health.rollbacks * 0x9E3779B97F4A7C15u;
    return (nca_key){.seed = (uint64_t)trainer->config.seed + other, .update = (uint32_t)update};
}

// Rows drawn, ranked, and prepared by the task: the batch lies in the backend, with its targets.
nca_status nca_batch_draw(nca_trainer *trainer, nca_key key, nca_error *error);
// What --perturb does to the batch; nothing where it is none. The update's rollout is to follow.
nca_status nca_batch_perturb(nca_trainer *trainer, const nca_rollout *rollout, nca_error *error);
// The batch goes back to the rows that it was drawn from.
nca_status nca_pool_keep(nca_trainer *trainer, nca_error *error);
// The whole pool becomes new samples.
nca_status nca_pool_renew(nca_trainer *trainer, nca_error *error);
// One row of the pool does.
nca_status nca_pool_renew_row(nca_trainer *trainer, int row, nca_error *error);

// What a rollout left, judged: a reason in `out` where the update must be skipped.
bool nca_health_states_are_good(const nca_trainer *trainer, nca_update_result *out);
bool nca_health_rule_is_good(nca_trainer *trainer, const nca_update_report *report,
                             nca_update_result *out);
// By what the rate of an update is multiplied, where training has gone back before it: 1 or less.
double nca_health_rate_factor(const nca_trainer *trainer, int64_t update);
// After a skipped update: repairs the pool, rolls back or gives up.
nca_status nca_health_skip(nca_trainer *trainer, nca_update_result *out, nca_error *error);
// After a good one: the good rule is renewed now and then. Where a sample died that must live, its
// row becomes a new one; where they always do, rolls back.
nca_status nca_health_keep(nca_trainer *trainer, nca_update_result *out, nca_error *error);
// Takes the current rule as the good one.
nca_status nca_health_remember(nca_trainer *trainer, nca_error *error);

// Room for the averages of now and of the good rule, where the settings ask for one.
nca_status nca_averages_create(nca_trainer *trainer, nca_error *error);
void nca_averages_free(nca_trainer *trainer);
// After an update that counts and its health checks: every NCA_AVERAGE_EVERY updates the rule joins
// the average, unless they found fault with it.
nca_status nca_average_take(nca_trainer *trainer, const nca_update_result *update,
                            nca_error *error);
// The average goes where the rule goes: to the good rule's, or back from it.
void nca_average_move(nca_trainer *trainer, bool back);
// The average so far into parameters [P]; false where there is none.
bool nca_average_read(const nca_trainer *trainer, float *parameters);

#endif
