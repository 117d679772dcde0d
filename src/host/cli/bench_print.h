// What nca bench found, as tables and as JSON.
#ifndef NCA_CLI_BENCH_PRINT_H
#define NCA_CLI_BENCH_PRINT_H

#include "cli/benching.h"

void nca_bench_print_step(const nca_bench_place *on, const nca_measurement *found);
// One line of a table of several devices' steps; with NULL its head.
void nca_bench_print_beside(const nca_bench_place *on, const nca_measurement *found);

// One object. A share or a peak that was not measured is null.
void nca_bench_json_step(const nca_bench_place *on, const nca_measurement *found);

#endif
