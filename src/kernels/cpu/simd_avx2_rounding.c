// The network by rounding for AVX2, over its other kernels.
#include "mlp_rounding_simd.h"

ROUNDING(bf16, avx2)
ROUNDING(tf32, avx2)
ROUNDING(bf16x3, avx2)
