// The network by rounding for AVX2, over its other kernels.
#include "mlp_rounding_simd.h"

#define FILL(precision)                                                                   \
    void nca_cpu_fill_rounding_##precision##_avx2(nca_cpu_ops *ops, const nca_spec *spec) \
    {                                                                                     \
        (void)spec;                                                                       \
        fill_##precision(ops);                                                            \
    }
FILL(bf16)
FILL(tf32)
FILL(bf16x3)
