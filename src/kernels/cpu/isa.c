// Which instruction sets this processor has. A file of its own, so that a test can put another in
// its place and run kernels by emulation.
#include "cpu.h"

nca_cpu_isa nca_cpu_isa_best(void)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq"))
        return NCA_ISA_AVX512;
    if (avx2)
        return NCA_ISA_AVX2;
#endif
    return NCA_ISA_SCALAR;
}
