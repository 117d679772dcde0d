// What the files of a trainer share.
#ifndef NCA_TRAIN_TRAINER_STATE_H
#define NCA_TRAIN_TRAINER_STATE_H

#include "nca/train.h"

// A rule with its optimizer state to return to when training goes wrong.
typedef struct nca_good_rule {
    float *parameters;   // [P]
    float *optimizer;    // [S,P] its state
    int64_t update;      // after which it was taken
    int64_t time;        // the optimizer's
} nca_good_rule;

// Counters of the health rules; see health.c.
typedef struct nca_health {
    int64_t skipped_in_a_row;
    int64_t seed_deaths_in_a_row;
    int64_t good_since_rollback;
    int64_t rollbacks;            // in all: every one changes the random draws
    int64_t rollbacks_in_a_row;   // since the good rule was last renewed
} nca_health;

struct nca_trainer {
    nca_config config;
    nca_plan plan;       // of it
    int height, width;   // of the plan's grid
    nca_layout layout;
    nca_compute compute;   // the caller's
    nca_session *session;
    uint64_t target_hash;
    char restored_arithmetic
        [NCA_ARITHMETIC_BYTES];   // of the checkpoint gone on from; empty where unknown

    int64_t done;   // updates
    int64_t time;   // the optimizer's t of the latest applied update
    nca_health health;
    nca_good_rule good;

    int *rows;     // [B] of the pool
    int *begins;   // [B] rows that the batch is gathered from: the pool's, or a beginning
    nca_sample_report *ranked;    // [B] before the rollout
    nca_sample_report *samples;   // [B] after it
    float *seed;                  // [H,W,C]
    float *before, *after;        // [B,H,W,C]; before only where it is kept
    bool keeps_before, has_before;
};

// The key of an update's draws; rolling back changes them.
nca_key nca_trainer_key(const nca_trainer *trainer, int64_t update);
// Rows drawn, ranked, the worst the seed and the best damaged: the batch lies in the backend.
nca_status nca_batch_draw(nca_trainer *trainer, nca_key key, nca_error *error);
// The whole pool becomes the seed.
nca_status nca_pool_seed(nca_trainer *trainer, nca_error *error);
// One row of the pool becomes the seed.
nca_status nca_pool_seed_row(nca_trainer *trainer, int row, nca_error *error);

// What a rollout left, judged: a reason in `out` where the update must be skipped.
bool nca_health_states_are_good(const nca_trainer *trainer, nca_update_result *out);
bool nca_health_rule_is_good(nca_trainer *trainer, const nca_update_report *report,
                             nca_update_result *out);
// After a skipped update: repairs the pool, rolls back or gives up.
nca_status nca_health_skip(nca_trainer *trainer, nca_update_result *out, nca_error *error);
// After a good one: the good rule is renewed now and then. Where what grew from the seed died, its
// row is the seed again; where it always does, rolls back.
nca_status nca_health_keep(nca_trainer *trainer, nca_update_result *out, nca_error *error);
// Takes the current rule as the good one.
nca_status nca_health_remember(nca_trainer *trainer, nca_error *error);

#endif
