// How fast this machine is on a living disc, in whole train steps.
#ifndef NCA_VERIFY_MEASURE_H
#define NCA_VERIFY_MEASURE_H

#include "nca/backend.h"

typedef struct nca_measure_options {
    nca_shape shape;   // tape_steps is the rollout's length
    double active;     // fraction of cell-steps to be active, about
    double fire_rate;
    uint64_t seed;
    int repeats, warmup;
} nca_measure_options;

// Peaks are those of a CPU's thread, and of the whole of a GPU, which is not counted in threads.
static inline int nca_peaks_of(const nca_device_info *info)
{
    return info->threads > 0 ? info->threads : 1;
}

typedef struct nca_timing {
    double median_ms, min_ms, max_ms;
} nca_timing;

typedef struct nca_measurement {
    nca_session_info session;   // what the device chose by itself
    nca_timing step, forward, loss, backward, update;
    double active_fraction;                 // of the forward pass
    double forward_flops, backward_flops;   // of the network's products, flop/s a thread, median;
                                            // here and below a GPU counts as one
    double forward_best, backward_best;     // the same in the fastest repeat
    double peak_flops;                      // multiply-add peak, flop/s a thread, median
    double peak_bytes;                      // what memory gives, bytes/s; 0: not measured
    double flops, bytes;                    // whole steps: the products' flop, and the fewest bytes
                                            // of states and gradients, a second
    double share_of_peak;                   // the products' flop over time and peak
    double core_share;                      // of its cores' time that the process got while peaks
                                            // were measured; 1 on a GPU
    double dense_cells, active_cells;       // cell-steps a second
    double peak_rss_mb;                     // of the process so far, in 10^6 bytes
    double radius;                          // of the disc, in cells
} nca_measurement;

// Whether other programs took so much of the cores that times and rates say little.
static inline bool nca_measurement_is_busy(const nca_measurement *found)
{
    return found->core_share < 0.9;
}

// Whether the network ran faster than the peak, which is then none: in plain C the peak's
// multiply-adds stay scalar, while the compiler turns the network into vectors.
static inline bool nca_measurement_beats_peak(const nca_measurement *found)
{
    return found->peak_flops > 0 &&
           (found->forward_flops > found->peak_flops || found->backward_flops > found->peak_flops);
}

// Every repeat is a timed step, one more whose products are clocked (reading the clock so often
// costs a little) and a measurement of the peak, so that a machine that drifts does so for all.
// NCA_ARGUMENT where no disc is small enough for the active fraction.
nca_status nca_measure_step(const nca_measure_options *options, const nca_compute *compute,
                            nca_measurement *out, nca_error *error);

#endif
