// The vector kernels for AVX-512 (16 lanes, 32 registers).
#include "simd.h"

void nca_cpu_fill_avx512(nca_cpu_ops *ops, const nca_spec *spec)
{
    fill(ops, "avx512", spec);
}
