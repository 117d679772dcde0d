// Settings as numbers: what a config's texts mean, read once, before anything is done with them.
#ifndef NCA_PLAN_H
#define NCA_PLAN_H

#include <stdint.h>

#include "nca/api.h"
#include "nca/backend.h"
#include "nca/config.h"
#include "nca/spec.h"
#include "nca/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// In cells.
typedef struct nca_grid {
    int height, width;
} nca_grid;

// Where the seed stands.
typedef enum nca_seed_kind {
    NCA_SEED_AUTO,          // in the middle, or, where the target is clear there, near it
    NCA_SEED_FROM_MIDDLE,   // so many cells down and right of the middle, row H/2 and column W/2
    NCA_SEED_CELL,          // on this row and column
} nca_seed_kind;

// Where the seed stands; y and x where the kind has them.
typedef struct nca_seed_at {
    nca_seed_kind kind;
    int y, x;
} nca_seed_at;

// How the learning rate falls; of update, counted from 1:
//   CONSTANT   rate
//   COSINE     rate * (1 + cos(pi * (update - 1) / updates)) / 2
//   STEPS      rate, multiplied by the factor of every step that update is beyond
typedef enum nca_schedule_kind {
    NCA_SCHEDULE_CONSTANT,
    NCA_SCHEDULE_COSINE,
    NCA_SCHEDULE_STEPS,
} nca_schedule_kind;

enum { NCA_SCHEDULE_STEPS_MAX = NCA_TEXT_BYTES / 4 };   // the shortest is "0x1,"

// A schedule of the learning rate, as numbers.
typedef struct nca_schedule {
    nca_schedule_kind kind;
    double rate;       // at the start
    int64_t updates;   // in all, which a cosine falls over
    int steps;
    struct {
        int64_t after;   // updates
        double factor;
    } step[NCA_SCHEDULE_STEPS_MAX];
} nca_schedule;

// The learning rate of an update; updates count from 1.
NCA_API double nca_schedule_rate(const nca_schedule *schedule, int64_t update);

// What damage is done to a batch, by the names in nca/config.h; radii are in units of half the
// grid.
typedef struct nca_damage {
    double radius_min, radius_max;
    double halves;     // probability that it is half of the grid, and no circle
    double centred;    // probability that a circle lies in the middle
    int64_t samples;   // of the batch that are damaged
} nca_damage;

enum { NCA_DAMAGE_STAGES_MAX = NCA_TEXT_BYTES / 8 };   // the shortest is "0:damaged=0,"

// Damage by stages: the first from the start on, each other one after so many updates.
typedef struct nca_damage_stages {
    int stages;
    struct {
        int64_t after;   // updates; rising
        nca_damage damage;
    } stage[NCA_DAMAGE_STAGES_MAX];
} nca_damage_stages;

// The damage of an update; updates count from 1.
NCA_API const nca_damage *nca_damage_of(const nca_damage_stages *stages, int64_t update);

// What is done to a sample, to attack a rule or to train it against that: to its state before a
// rollout, or to its cells throughout.
typedef enum nca_perturbation_kind {
    NCA_PERTURB_NONE,
    NCA_PERTURB_INPUT_GRADIENT,   // the picture, strength x the sign of the loss's gradient by it
    NCA_PERTURB_STATE_GRADIENT,   // the other channels of the living cells, likewise
    NCA_PERTURB_INPUT_NOISE,      // the picture, uniform noise of up to the strength
    NCA_PERTURB_STATE_NOISE,      // the other channels of the living cells, likewise
    NCA_PERTURB_SALT,             // this share of the cells gets the picture's full value
    NCA_PERTURB_KILLED,           // this share of the cells is cleared, its picture too
    NCA_PERTURB_CELLS,            // this share of the cells is moved by an adversary
    NCA_PERTURBATIONS,
} nca_perturbation_kind;

// A perturbation; what its strength counts, the kind says.
typedef struct nca_perturbation {
    nca_perturbation_kind kind;
    double strength;
} nca_perturbation;

// With --average, the current rule enters the average after every so many updates.
enum { NCA_AVERAGE_EVERY = 10 };

// A whole training, as numbers.
typedef struct nca_plan {
    nca_grid grid;
    nca_seed_at seed_at;
    nca_spec spec;                  // what the cells compute
    nca_optimizer_step optimizer;   // transforms and constants; an update adds its time and rate
    nca_schedule schedule;
    nca_damage_stages damage;
    nca_perturbation perturbation;   // of the batch
    bool is_cross_entropy;           // the loss; otherwise a squared difference
    bool repairs;                    // --health on: skips, resets or goes back (nca/train.h)
    bool until_healed;               // --until healed: ends when the judge finds the rule healed
} nca_plan;

// Checks that every number is within its range, that every text is understood, and that the fields
// go together. NCA_ARGUMENT names the option. nca_task_plan() (nca/task.h) asks the task as well.
//   channels, hidden and hidden2 are multiples of 4, steps_min <= steps_max, damage radii in order
//   average is 0 or at least NCA_AVERAGE_EVERY
//   perturbed <= batch where there is a perturbation; an adversary exactly where it is by cells
//   reseeded + damaged <= batch at any time, and batch <= pool unless drawn with replacement
NCA_API nca_status nca_plan_make(const nca_config *config, nca_plan *out, nca_error *error);

#ifdef __cplusplus
}
#endif
#endif
