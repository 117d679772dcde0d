// One vector of floats of the instruction set that this file is compiled for: 8 lanes (AVX2) or 16
// (AVX-512). The kernels in *_simd.h are written over it once and compiled for each.
#ifndef NCA_CPU_VECTOR_H
#define NCA_CPU_VECTOR_H

#include <stddef.h>
#include <string.h>

// The tests run the AVX-512 kernels on any processor, by SIMDe's portable intrinsics.
#if defined(NCA_AVX512_BY_SIMDE)
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx2.h>
#include <simde/x86/avx512.h>
#include <simde/x86/fma.h>
#else
#include <immintrin.h>
#endif

#if defined(__AVX512F__) || defined(NCA_AVX512_BY_SIMDE)
enum { LANES = 16 };
typedef __m512 vector;
#define VECTOR(name) _mm512_##name
// a where x > 0, else 0
static inline vector vector_where_positive(vector x, vector a)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ), a);
}
// SIMDe lacks these two.
#if defined(NCA_AVX512_BY_SIMDE)
static inline vector vector_load_part(const float *from, int lanes)
{
    float all[16] = {0};
    memcpy(all, from, (size_t)lanes * sizeof *all);
    return _mm512_loadu_ps(all);
}
static inline void vector_store_part(float *to, vector x, int lanes)
{
    float all[16];
    _mm512_storeu_ps(all, x);
    memcpy(to, all, (size_t)lanes * sizeof *all);
}
#else
static inline vector vector_load_part(const float *from, int lanes)
{
    return _mm512_maskz_loadu_ps((__mmask16)((1u << lanes) - 1), from);
}
static inline void vector_store_part(float *to, vector x, int lanes)
{
    _mm512_mask_storeu_ps(to, (__mmask16)((1u << lanes) - 1), x);
}
#endif
#else
enum { LANES = 8 };
typedef __m256 vector;
#define VECTOR(name) _mm256_##name
static inline vector vector_where_positive(vector x, vector a)
{
    return _mm256_and_ps(_mm256_cmp_ps(x, _mm256_setzero_ps(), _CMP_GT_OQ), a);
}
static inline __m256i first_lanes(int lanes)
{
    static const int chosen[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(chosen + 8 - lanes));
}
static inline vector vector_load_part(const float *from, int lanes)
{
    return _mm256_maskload_ps(from, first_lanes(lanes));
}
static inline void vector_store_part(float *to, vector x, int lanes)
{
    _mm256_maskstore_ps(to, first_lanes(lanes), x);
}
#endif

// vector_load_part() and vector_store_part() touch the first 1..LANES-1 lanes alone; what else is
// loaded is zero.

static inline vector vector_zero(void)
{
    return VECTOR(setzero_ps)();
}
static inline vector vector_load(const float *from)
{
    return VECTOR(loadu_ps)(from);
}
static inline void vector_store(float *to, vector x)
{
    VECTOR(storeu_ps)(to, x);
}
static inline vector vector_all(float x)
{
    return VECTOR(set1_ps)(x);
}
static inline vector vector_add(vector a, vector b)
{
    return VECTOR(add_ps)(a, b);
}
static inline vector vector_sub(vector a, vector b)
{
    return VECTOR(sub_ps)(a, b);
}
static inline vector vector_mul(vector a, vector b)
{
    return VECTOR(mul_ps)(a, b);
}
// a * b + c, rounded once
static inline vector vector_fma(vector a, vector b, vector c)
{
    return VECTOR(fmadd_ps)(a, b, c);
}
// The larger of 0 and x; a NaN passes, so that it is noticed.
static inline vector vector_relu(vector x)
{
    return VECTOR(max_ps)(vector_zero(), x);
}

// A loop over registers: it has to vanish, or the registers become memory.
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#define INLINE static inline __attribute__((always_inline))

// Lanes that are left of `count` numbers from number `at` on; 0: all.
INLINE int tail_of(size_t count, size_t at)
{
    return count - at < LANES ? (int)(count - at) : 0;
}

INLINE vector load(const float *from, int tail)
{
    return tail > 0 ? vector_load_part(from, tail) : vector_load(from);
}

INLINE void store(float *to, vector x, int tail)
{
    if (tail > 0)
        vector_store_part(to, x, tail);
    else
        vector_store(to, x);
}

#endif
