// The AVX-512 kernels for processors without AVX-512, through SIMDe's portable intrinsics: beside
// the processor's own, or, with NCA_TEST_BY_SIMDE, in their place. A program that is linked with
// this file then takes these functions from here and not from the library, and its cpu backend runs
// AVX-512 on any processor that has AVX2.
#define NCA_AVX512_BY_SIMDE
#if !defined(NCA_TEST_BY_SIMDE)
#define nca_cpu_fill_avx512 nca_cpu_fill_avx512_by_simde
#endif
#include "cpu/simd_avx512.c"

#if defined(NCA_TEST_BY_SIMDE)
#include "cpu/cpu.h"

bool nca_cpu_has_scalar(void)
{
    return true;
}

bool nca_cpu_has_avx2(void)
{
    return true;
}

bool nca_cpu_has_avx512(void)
{
    return true;
}

bool nca_cpu_has_avx512bf16(void)
{
    return false;
}

bool nca_cpu_has_fast_pairs(void)
{
    return false;
}

bool nca_cpu_has_amx(void)
{
    return false;
}
#endif
