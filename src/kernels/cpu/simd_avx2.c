// The vector kernels for AVX2 (8 lanes, 16 registers).
#include "simd.h"

void nca_cpu_fill_avx2(nca_cpu_ops *ops, const nca_spec *spec)
{
    fill(ops, "avx2", spec);
}
