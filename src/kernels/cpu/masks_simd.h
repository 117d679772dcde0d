// Fire bits and alive masks, 32 cells at a time, and noise, four numbers a vector; vectors of AVX2
// serve both instruction sets, for masks are a hundredth of a step.
#ifndef NCA_CPU_MASKS_SIMD_H
#define NCA_CPU_MASKS_SIMD_H

#include <string.h>

#include "ops.h"
#include "vector.h"

// Four Philox4x32-10 counters side by side, a word in the low half of each 64-bit lane; the high
// halves carry leftovers that no multiplication reads.
typedef struct philox {
    __m256i word[4];
} philox;

// Mixes `count` of them side by side: one alone waits for its own multiplications.
INLINE void mix(philox *counters, const int count, nca_key key)
{
    // Multipliers and key increments of Philox4x32: Salmon et al. 2011.
    const __m256i first = _mm256_set1_epi64x(0xD2511F53), second = _mm256_set1_epi64x(0xCD9E8D57);
    uint32_t low = (uint32_t)key.seed, high = (uint32_t)(key.seed >> 32);
    for (int round = 0; round < 10; round++, low += 0x9E3779B9u, high += 0xBB67AE85u) {
        const __m256i key0 = _mm256_set1_epi64x(low), key1 = _mm256_set1_epi64x(high);
        UNROLL for (int i = 0; i < count; i++)
        {
            philox *c = &counters[i];
            const __m256i a = _mm256_mul_epu32(c->word[0], first);
            const __m256i b = _mm256_mul_epu32(c->word[2], second);
            const __m256i x = _mm256_xor_si256(c->word[1], key0);
            const __m256i y = _mm256_xor_si256(c->word[3], key1);
            c->word[0] = _mm256_xor_si256(_mm256_srli_epi64(b, 32), x);
            c->word[1] = b;
            c->word[2] = _mm256_xor_si256(_mm256_srli_epi64(a, 32), y);
            c->word[3] = a;
        }
    }
}

// Words 2w and 2w+1 as the eight bytes of each lane.
INLINE __m256i pair(philox c, int w)
{
    return _mm256_blend_epi32(c.word[w], _mm256_slli_epi64(c.word[w + 1], 32), 0xAA);
}

// The 32 fire bits of four groups, in the order of the cells. `below` is the threshold less one.
INLINE __m256i compare(philox c, __m256i below)
{
    const __m256i a = pair(c, 0), b = pair(c, 2);
    const __m256i even = _mm256_unpacklo_epi64(a, b), odd = _mm256_unpackhi_epi64(a, b);
    const __m256i even_bits = _mm256_cmpeq_epi16(_mm256_min_epu16(even, below), even);
    const __m256i odd_bits = _mm256_cmpeq_epi16(_mm256_min_epu16(odd, below), odd);
    return _mm256_and_si256(_mm256_packs_epi16(even_bits, odd_bits), _mm256_set1_epi8(1));
}

static void fire(nca_key key, uint32_t sample, uint32_t step, uint32_t threshold, uint32_t first,
                 size_t count, uint8_t *bits)
{
    if (threshold == 0) {
        memset(bits, 0, count * 8);
        return;
    }
    const __m256i below = _mm256_set1_epi16((short)(threshold - 1));
    philox counter = {{_mm256_setr_epi64x(first, first + 1u, first + 2u, first + 3u),
                       _mm256_set1_epi64x(step), _mm256_set1_epi64x(sample),
                       _mm256_set1_epi64x(key.update)}};
    for (size_t group = 0; group < count; group += 4) {
        philox words = counter;
        mix(&words, 1, key);
        const __m256i drawn = compare(words, below);
        if (group + 4 <= count) {
            _mm256_storeu_si256((__m256i *)(void *)(bits + group * 8), drawn);
        } else {
            uint8_t last[32];
            _mm256_storeu_si256((__m256i *)(void *)last, drawn);
            memcpy(bits + group * 8, last, (count - group) * 8);
        }
        counter.word[0] = _mm256_add_epi64(counter.word[0], _mm256_set1_epi64x(4));
    }
}

// The sum of the two 16-bit halves of a word, in each 64-bit lane.
INLINE __m256i halves(__m256i word)
{
    const __m256i low = _mm256_set1_epi64x(0xffff);
    return _mm256_add_epi64(_mm256_and_si256(word, low),
                            _mm256_and_si256(_mm256_srli_epi64(word, 16), low));
}

// Four numbers by nca_random_normal(), from their mixed counters.
INLINE __m128 normals(philox words, float scale)
{
    const __m256i even = _mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6);
    const __m256i sums =
        _mm256_add_epi64(_mm256_add_epi64(halves(words.word[0]), halves(words.word[1])),
                         _mm256_add_epi64(halves(words.word[2]), halves(words.word[3])));
    const __m128i centred = _mm_sub_epi32(
        _mm256_castsi256_si128(_mm256_permutevar8x32_epi32(sums, even)), _mm_set1_epi32(262140));
    return _mm_mul_ps(_mm_cvtepi32_ps(centred), _mm_set1_ps(scale));
}

static void noise(nca_key key, uint32_t sample, uint32_t step, uint32_t first, int count,
                  float scale, float *drawn)
{
    enum { FOURS = LANES == 16 ? 5 : 2 };   // as many as the registers hold
    philox next = {{_mm256_setr_epi64x(first, first + 1u, first + 2u, first + 3u),
                    _mm256_set1_epi64x(step | (uint32_t)NCA_RANDOM_NOISE << 24),
                    _mm256_set1_epi64x(sample), _mm256_set1_epi64x(key.update)}};
    for (int i = 0; i < count; i += 4 * FOURS) {
        philox words[FOURS];
        float numbers[4 * FOURS];
        UNROLL for (int n = 0; n < FOURS; n++)
        {
            words[n] = next;
            next.word[0] = _mm256_add_epi64(next.word[0], _mm256_set1_epi64x(4));
        }
        mix(words, FOURS, key);
        UNROLL for (int n = 0; n < FOURS; n++)
            _mm_storeu_ps(numbers + 4 * n, normals(words[n], scale));
        const int left = count - i < 4 * FOURS ? count - i : 4 * FOURS;
        memcpy(drawn + i, numbers, (size_t)left * sizeof *drawn);
    }
}

INLINE __m256i bytes_at(const uint8_t *from)
{
    return _mm256_loadu_si256((const __m256i *)(const void *)from);
}

INLINE __m256i any_of_three(const uint8_t *from)
{
    return _mm256_or_si256(_mm256_or_si256(bytes_at(from - 1), bytes_at(from)), bytes_at(from + 1));
}

static void dilate(const uint8_t *mature, size_t stride, size_t count, uint8_t *alive)
{
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        const uint8_t *m = mature + i;
        const __m256i any = _mm256_or_si256(
            any_of_three(m), _mm256_or_si256(any_of_three(m - stride), any_of_three(m + stride)));
        _mm256_storeu_si256((__m256i *)(void *)(alive + i), any);
    }
    nca_cpu_dilate_scalar(mature + i, stride, count - i, alive + i);
}

#endif
