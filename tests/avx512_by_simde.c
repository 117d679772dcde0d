// The AVX-512 kernels for processors without AVX-512, through SIMDe's portable intrinsics.
#include "nca/backend.h"

#define NCA_AVX512_BY_SIMDE
#define nca_cpu_fill_avx512 nca_cpu_fill_avx512_by_simde
#include "cpu/simd_avx512.c"
