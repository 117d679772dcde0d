// Which instruction sets this processor has. A file of its own, so that a test can put another in
// its place and run kernels by emulation.
#include "cpu.h"

bool nca_cpu_has_scalar(void)
{
    return true;
}

#if defined(__x86_64__)
bool nca_cpu_has_avx2(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool nca_cpu_has_avx512(void)
{
    return nca_cpu_has_avx2() && __builtin_cpu_supports("avx512f") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq");
}

bool nca_cpu_has_avx512bf16(void)
{
    return nca_cpu_has_avx512() && __builtin_cpu_supports("avx512bf16");
}
#endif
