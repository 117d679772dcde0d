// The table of instruction sets: a new one is a row here, its kernels, and its test in isa.c.
#include "cpu.h"

// X(name), from the plainest on. On other processors only the first has kernels.
#if defined(__x86_64__)
#define VARIANTS(X) X(scalar) X(avx2) X(avx512)
#else
#define VARIANTS(X) X(scalar)
#endif

#define ROW(name) {#name, nca_cpu_has_##name, nca_cpu_fill_##name},
const nca_cpu_variant nca_cpu_variants[] = {VARIANTS(ROW){NULL, NULL, NULL}};
#undef ROW

#define NAME(name) #name,
const char *const nca_cpu_variant_names[] = {VARIANTS(NAME) NULL};
#undef NAME

void nca_cpu_fill(int variant, nca_cpu_ops *ops, const nca_spec *spec)
{
    for (int i = 0; i <= variant; i++)
        nca_cpu_variants[i].fill(ops, spec);
}
