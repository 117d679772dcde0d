// The emulator's CUDA runtime: the host's API, and in C++ what a kernel may use.
#ifndef NCA_EMULATOR_CUDA_RUNTIME_H
#define NCA_EMULATOR_CUDA_RUNTIME_H

#include "cuda_runtime_api.h"

#ifdef __cplusplus
#include "nca_emulator/kernel.h"
#endif

#endif
