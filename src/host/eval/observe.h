// Watches a rule on its own grid, step by step. A new sample of its task is copied at one moment:
// each copy then gets one of the five cuts, or another item, and one is left as it is. What is kept
// is what a page shows of them.
#ifndef NCA_EVAL_OBSERVE_H
#define NCA_EVAL_OBSERVE_H

#include <signal.h>

#include "eval/evaluate.h"
#include "nca/backend.h"
#include "nca/model.h"
#include "nca/plan.h"
#include "nca/task.h"

enum {
    NCA_OBSERVED_CELLS = NCA_TASK_CELLS,
    NCA_OBSERVED_ROLLOUTS = NCA_CUT_COUNT + 1,   // at most: the cuts, then the whole one
};

typedef struct nca_observe_options {
    nca_grid grid;                                  // that the content is made for
    const nca_config *config;                       // of the rule's run; NULL: none
    uint64_t seed;                                  // of the fire bits
    int cut_at;                                     // step of cuts or exchange, 1 or more
    int heal_steps;                                 // steps after them, 1 or more
    int traced;                                     // the rollout whose cells are followed
    int cell[NCA_OBSERVED_CELLS][2];                // y, x of the cells followed at every step
    const volatile sig_atomic_t *stop;              // ends it when not 0; may be NULL
    void (*progress)(void *context, double done);   // 0..1; may be NULL
    void *context;
} nca_observe_options;

// Frames of a rollout: RGB as the task paints it, [count,height,width,3]. Where the grid is large a
// pixel is the mean of `shrink` x `shrink` cells.
typedef struct nca_observed_frames {
    int count, first, every;   // the first step, and steps a frame
    uint8_t *rgb;
} nca_observed_frames;

typedef struct nca_observation {
    int height, width;   // of the grid
    nca_spec spec;       // of the rule
    nca_paint paint;
    int cut_at, steps;   // steps in all
    bool is_exchange;    // what befalls it there; else cuts
    int rollouts;        // of each cut, or of the exchange; the last one is left whole
    const char *name[NCA_OBSERVED_ROLLOUTS];
    int cell[NCA_OBSERVED_CELLS][2];
    double *loss;     // [ROLLOUTS,steps+1] log10; up to the cut they are one; infinite where it is
                      // no number
    int figures;      // of the task
    double *figure;   // [figures,ROLLOUTS,steps+1]; NaN: it counts nothing in this sample
    float *trace;     // [CELLS,steps+1,C] of the traced rollout; at the cut after it

    int shrink, picture_height, picture_width;
    nca_observed_frames growth;                           // seed to the moment before the cut
    nca_observed_frames healing[NCA_OBSERVED_ROLLOUTS];   // the moment after the cut to the end

    // Every cell of the traced rollout whose row and column are multiples of `stride`, at times.
    int samples, sample_every, stride, lattice_height, lattice_width;
    float *sampled;   // [samples,lattice_height,lattice_width,C]

    // Smallest and largest value over all steps of the traced rollout, by the rounded distance in
    // cells from (H/2, W/2).
    int rings;
    float *ring_low, *ring_high;   // [rings,C]

    int young_step;         // while it grows: a fifth of the way to the cut
    float *young, *grown;   // [H,W,C]; grown is at cut_at, before the cut
} nca_observation;

// `content` is what the task works on. Memory is asked for before it is taken.
nca_status nca_observe(const nca_model *model, const nca_task *task, const void *content,
                       const nca_observe_options *options, const nca_compute *compute,
                       nca_observation *out, nca_error *error);
void nca_observation_free(nca_observation *observation);

// The cells that the task chooses; else centre, halfway to the left edge, and edge. Reads the grid
// and the seed of the options, and sets their cells.
void nca_observe_choose_cells(const nca_task *task, const void *content, const nca_spec *spec,
                              nca_observe_options *options);

#endif
