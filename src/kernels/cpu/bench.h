// Kernels of the CPU backend one by one, for bench/kernels.
#ifndef NCA_CPU_BENCH_H
#define NCA_CPU_BENCH_H

#include "nca/front.h"

nca_kernel_timer nca_cpu_kernel;

#endif
