// What nca bench found, as tables and as JSON.
#ifndef NCA_CLI_BENCH_PRINT_H
#define NCA_CLI_BENCH_PRINT_H

#include "verify/measure.h"

// What was timed, and where.
typedef struct nca_bench_place {
    const nca_measure_options *options;
    const char *device;   // the backend's name
    nca_device_info info;
} nca_bench_place;

void nca_bench_print_step(const nca_bench_place *on, const nca_measurement *found);
void nca_bench_print_kernels(const nca_bench_place *on, const nca_kernels_measurement *found);
// One line of a table of several devices' steps; with NULL its head.
void nca_bench_print_beside(const nca_bench_place *on, const nca_measurement *found);

// One object each. A share or a peak that was not measured is null.
void nca_bench_json_step(const nca_bench_place *on, const nca_measurement *found);
void nca_bench_json_kernels(const nca_bench_place *on, const nca_kernels_measurement *found);

#endif
