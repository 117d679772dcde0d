// How fast this machine is on a living disc: whole train steps, and kernels one by one.
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
    double dense_cells, active_cells;       // cell-steps a second
    double peak_rss_mb;                     // of the process so far, in 10^6 bytes
    double radius;                          // of the disc, in cells
} nca_measurement;

// Every repeat is a timed step, one more whose products are clocked (reading the clock so often
// costs a little) and a measurement of the peak, so that a machine that drifts does so for all.
// NCA_ARGUMENT where no disc is small enough for the active fraction.
nca_status nca_measure_step(const nca_measure_options *options, const nca_compute *compute,
                            nca_measurement *out, nca_error *error);

enum { NCA_KERNELS_MAX = 64 };

typedef struct nca_kernel_measurement {
    const char *name;
    nca_timing time;                         // of one run: the cells of one step, or one update
    double flop, bytes;                      // of one run, as nca_kernel_report has them
    double share_of_flops, share_of_bytes;   // of the peaks; 0 where there is none. Bytes that come
                                             // from the caches can be more than memory's peak.
} nca_kernel_measurement;

typedef struct nca_kernels_measurement {
    nca_session_info session;
    int count;
    nca_kernel_measurement kernel[NCA_KERNELS_MAX];
    double peak_flops, peak_bytes;   // of the whole device, a second
    double active_fraction, radius;
} nca_kernels_measurement;

// Every kernel of the device and its path by itself, on a step of the rollout that
// nca_measure_step() times. Here a repeat is some runs of every kernel in turn, and of the peaks.
// NCA_ARGUMENT where the backend has no such kernels.
nca_status nca_measure_kernels(const nca_measure_options *options, const nca_compute *compute,
                               nca_kernels_measurement *out, nca_error *error);

#endif
