// The network by rounding for AVX-512, over its other kernels.
#include "mlp_rounding_simd.h"

ROUNDING(bf16, avx512)
ROUNDING(tf32, avx512)
ROUNDING(bf16x3, avx512)
