// Words of two bf16 by sixteen, for the networks in bf16; vector.h has the vectors of f32.
#ifndef NCA_CPU_WORDS_SIMD_H
#define NCA_CPU_WORDS_SIMD_H

#include <stdint.h>

#include "vector.h"

// The tests run these kernels on any processor: they include a stand-in for this part first.
#if !defined(NCA_BF16_BY_STAND_IN)
typedef __m512i word_vector;

static inline word_vector words_load(const uint32_t *from)
{
    return _mm512_loadu_si512(from);
}
static inline word_vector words_all(uint32_t word)
{
    return _mm512_set1_epi32((int)word);
}
// sum + a.b, lane by lane, as nca_bf16_dot()
static inline vector words_dot(vector sum, word_vector a, word_vector b)
{
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
}
// x and y rounded, as nca_bf16_round(): x's sixteen, then y's.
static inline word_vector words_round(vector x, vector y)
{
    return (word_vector)_mm512_cvtne2ps_pbh(y, x);
}
// What rounding took from x and y, as nca_bf16_rest().
static inline void words_rest(word_vector rounded, vector *x, vector *y)
{
    const __m512i even = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(rounded));
    const __m512i odd = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(rounded, 1));
    *x = vector_sub(*x, _mm512_castsi512_ps(_mm512_slli_epi32(even, 16)));
    *y = vector_sub(*y, _mm512_castsi512_ps(_mm512_slli_epi32(odd, 16)));
}
// The first eight words of words_round(), x, and the others, y.
static inline void words_store_rows(word_vector rounded, uint32_t *x, uint32_t *y)
{
    _mm256_storeu_si256((__m256i *)(void *)x, _mm512_castsi512_si256(rounded));
    _mm256_storeu_si256((__m256i *)(void *)y, _mm512_extracti64x4_epi64(rounded, 1));
}
// Each number of x beside the same of y.
static inline void words_store_pairs(word_vector rounded, uint32_t *to)
{
    static const uint16_t order[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                       21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                       11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    _mm512_storeu_si512(to, _mm512_permutexvar_epi16(_mm512_loadu_si512(order), rounded));
}
// x where the lower half of a word, y where the upper, is neither 0 nor -0; else 0.
static inline void words_gate(word_vector gate, vector *x, vector *y)
{
    *x = _mm512_maskz_mov_ps(_mm512_test_epi32_mask(gate, words_all(0x7fffu)), *x);
    *y = _mm512_maskz_mov_ps(_mm512_test_epi32_mask(gate, words_all(0x7fff0000u)), *y);
}
#endif

#endif
