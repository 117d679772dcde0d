// Of the program that times the kernels of a device one by one: what it finds, and who times them.
#ifndef KERNELS_H
#define KERNELS_H

#include "cli/benching.h"
#include "nca/front.h"

// The backend's own; NULL where it has no kernels to time.
nca_kernel_timer *kernels_timer_of(const nca_backend *backend);

enum { KERNELS_MAX = 64 };

typedef struct kernel_measurement {
    const char *name;
    nca_timing time;                         // of one run: the cells of one step, or one update
    double flop, bytes;                      // of one run, as nca_kernel_report has them
    double share_of_flops, share_of_bytes;   // of the peaks; 0 where there is none. Bytes that come
                                             // from the caches can be more than memory's peak.
} kernel_measurement;

typedef struct kernels_measurement {
    nca_session_info session;
    int count;
    kernel_measurement kernel[KERNELS_MAX];
    double peak_flops, peak_bytes;   // of the whole device, a second
    double active_fraction, radius;
} kernels_measurement;

// Every kernel of the device and its path by itself, on a step of the rollout that
// nca_measure_step() times. Here a repeat is some runs of every kernel in turn, and of the peaks.
// NCA_ARGUMENT where the backend has no such kernels.
nca_status kernels_measure(const nca_measure_options *options, const nca_compute *compute,
                           kernels_measurement *out, nca_error *error);

void kernels_print(const nca_bench_place *on, const kernels_measurement *found);
// One object. A share or a peak that was not measured is null.
void kernels_print_json(const nca_bench_place *on, const kernels_measurement *found);

#endif
