// The network in bf16x3 by AMX for processors without it, by the stand-in.
#define NCA_AVX512_BY_SIMDE
#define nca_cpu_fill_amx_bf16x3 nca_cpu_fill_amx_bf16x3_by_stand_in
#include "tiles_stand_in.h"

#include "cpu/simd_amx_bf16x3.c"
