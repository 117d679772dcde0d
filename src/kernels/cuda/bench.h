// Kernels of the CUDA backend one by one, for bench/kernels.
#ifndef NCA_CUDA_BENCH_H
#define NCA_CUDA_BENCH_H

#include "nca/front.h"

nca_kernel_timer nca_cuda_kernel;

#endif
