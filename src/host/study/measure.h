// How fast a train step is on this machine: forward, loss, backward, optimizer, on a living disc.
#ifndef NCA_STUDY_MEASURE_H
#define NCA_STUDY_MEASURE_H

#include "nca/backend.h"

typedef struct nca_measure_options {
    nca_shape shape;   // tape_steps is the rollout's length
    double active;     // fraction of cell-steps to be active, about
    double fire_rate;
    uint64_t seed;
    int repeats, warmup;
} nca_measure_options;

typedef struct nca_timing {
    double median_ms, min_ms, max_ms;
} nca_timing;

typedef struct nca_measurement {
    nca_timing step, forward, loss, backward, update;
    double active_fraction;                 // of the forward pass
    double forward_flops, backward_flops;   // of the network's products, flop/s a thread, median
    double forward_best, backward_best;     // the same in the fastest repeat
    double peak_flops;                      // multiply-add peak, flop/s a thread, median
    double share_of_peak;                   // whole steps: the products' flop over time and peak
    double peak_rss_mb;                     // of the process so far, in 10^6 bytes
    double radius;                          // of the disc, in cells
} nca_measurement;

// Every repeat is a timed step, one more whose products are clocked (reading the clock so often
// costs a little) and a measurement of the peak, so that a machine that drifts does so for all.
// NCA_ARGUMENT where no disc is small enough for the active fraction.
nca_status nca_measure_step(const nca_measure_options *options, const nca_compute *compute,
                            nca_measurement *out, nca_error *error);

#endif
