// The network by rounding in AVX-512 for processors without it, through SIMDe's portable
// intrinsics.
#define NCA_AVX512_BY_SIMDE
#define nca_cpu_fill_rounding_bf16_avx512 nca_cpu_fill_rounding_bf16_by_simde
#define nca_cpu_fill_rounding_tf32_avx512 nca_cpu_fill_rounding_tf32_by_simde
#define nca_cpu_fill_rounding_bf16x3_avx512 nca_cpu_fill_rounding_bf16x3_by_simde
#include "cpu/simd_avx512_rounding.c"
