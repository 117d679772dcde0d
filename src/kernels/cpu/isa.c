// Which instruction sets this processor has. A file of its own, so that a test can put another in
// its place and run kernels by emulation.
#define _GNU_SOURCE   // syscall
#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

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

// Linux lends AMX's registers to a process that asks for them.
bool nca_cpu_has_amx(void)
{
    enum { LEND = 0x1023, TILE_DATA = 18, BF16 = 1 << 22, TILES = 1 << 24 };
    unsigned a, b, c, d;
    return nca_cpu_has_avx512bf16() && __get_cpuid_count(7, 0, &a, &b, &c, &d) &&
           (d & (BF16 | TILES)) == (BF16 | TILES) && syscall(SYS_arch_prctl, LEND, TILE_DATA) == 0;
}
#endif

// On the one Intel processor that was timed, an Emerald Rapids, products of pairs of bf16 take 1.8
// times as long as f32 (docs/precision.md). Others of Intel's are assumed to be alike.
bool nca_cpu_has_fast_pairs(void)
{
#if defined(__x86_64__)
    return nca_cpu_has_avx512bf16() && !__builtin_cpu_is("intel");
#else
    return false;
#endif
}
