// The table of instruction sets and precisions: a new one is a row here, its kernels, and its test
// in isa.c.
#include "cpu.h"

#include <string.h>

// X(name, precision, kernels, needs, is_fast, only_named, arithmetic), from the plainest on. Variants
// that give the same bits share their arithmetic: both vector widths sum in the same order. On other
// processors only those of plain C have kernels.
// clang-format off
#define SCALAR_VARIANTS(X)                                                                          \
    X(scalar, f32, scalar, scalar, scalar, false, "scalar C, sums by sample")                       \
    X(scalar, bf16, bf16_scalar, scalar, scalar, true, "scalar C bf16, sums by sample")             \
    X(scalar, bf16x3, bf16x3_scalar, scalar, scalar, true, "bf16x3 in tiles, sums by sample")       \
    X(rounding, bf16, rounding_bf16_scalar, scalar, scalar, true, "scalar C, rounded bf16")         \
    X(rounding, tf32, rounding_tf32_scalar, scalar, scalar, true, "scalar C, rounded tf32")         \
    X(rounding, bf16x3, rounding_bf16x3_scalar, scalar, scalar, true, "scalar C, rounded bf16x3")
#define ROUNDING_VARIANTS(X, needs)                                                                 \
    X(rounding, bf16, rounding_bf16_##needs, needs, needs, true, "rounded bf16, sums by sample")    \
    X(rounding, tf32, rounding_tf32_##needs, needs, needs, true, "rounded tf32, sums by sample")    \
    X(rounding, bf16x3, rounding_bf16x3_##needs, needs, needs, true, "rounded bf16x3, sums by sample")
#if defined(__x86_64__)
#define VARIANTS(X)                                                                                 \
    SCALAR_VARIANTS(X)                                                                              \
    X(avx2, f32, avx2, avx2, avx2, false, "AVX2 or AVX-512, sums by sample")                        \
    ROUNDING_VARIANTS(X, avx2)                                                                      \
    X(avx512, f32, avx512, avx512, avx512, false, "AVX2 or AVX-512, sums by sample")                \
    ROUNDING_VARIANTS(X, avx512)                                                                    \
    X(avx512bf16, bf16, avx512bf16, avx512bf16, fast_pairs, false, "bf16 in pairs, sums by sample") \
    X(amx, bf16, amx, amx, amx, false, "bf16 in tiles, sums by sample")                             \
    X(amx, bf16x3, amx_bf16x3, amx, amx, false, "bf16x3 in tiles, sums by sample")
#else
#define VARIANTS(X) SCALAR_VARIANTS(X)
#endif
// clang-format on

#define ROW(name, precision, kernels, needs, is_fast, only_named, arithmetic) \
    {#name,                                                                   \
     #precision,                                                              \
     arithmetic,                                                              \
     only_named,                                                              \
     nca_cpu_has_##needs,                                                     \
     nca_cpu_has_##is_fast,                                                   \
     nca_cpu_fill_##kernels},
const nca_cpu_variant nca_cpu_variants[] = {
    VARIANTS(ROW){NULL, NULL, NULL, false, NULL, NULL, NULL}};
#undef ROW

const char *const nca_cpu_variant_names[] = {"scalar",
#if defined(__x86_64__)
                                             "avx2", "avx512",
#endif
                                             NULL};

void nca_cpu_fill(int variant, nca_cpu_ops *ops, const nca_spec *spec)
{
    const nca_cpu_variant *rows = nca_cpu_variants;
    for (int i = 0; i <= variant; i++)
        if (strcmp(rows[i].precision, "f32") == 0 ||
            strcmp(rows[i].precision, rows[variant].precision) == 0)
            rows[i].fill(ops, spec);
}
