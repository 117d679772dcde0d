// A stand-in for what words_simd.h takes from AVX-512 BF16, lane by lane from the definitions in
// bf16.h: the kernels' source then runs on any processor.
#ifndef NCA_TESTS_WORDS_STAND_IN_H
#define NCA_TESTS_WORDS_STAND_IN_H

#define NCA_BF16_BY_STAND_IN
#include "cpu/bf16.h"
#include "cpu/vector.h"

typedef struct word_vector {
    uint32_t word[16];
} word_vector;

static __attribute__((noinline)) word_vector words_load(const uint32_t *from)
{
    word_vector all;
    memcpy(all.word, from, sizeof all.word);
    return all;
}

static __attribute__((noinline)) word_vector words_all(uint32_t word)
{
    word_vector all;
    for (int i = 0; i < 16; i++)
        all.word[i] = word;
    return all;
}

static __attribute__((noinline)) vector words_dot(vector sum, word_vector a, word_vector b)
{
    float lane[16];
    vector_store(lane, sum);
    for (int i = 0; i < 16; i++)
        lane[i] = nca_bf16_dot(lane[i], a.word[i], b.word[i]);
    return vector_load(lane);
}

static __attribute__((noinline)) word_vector words_round(vector x, vector y)
{
    float lane[32];
    word_vector rounded;
    vector_store(lane, x);
    vector_store(lane + 16, y);
    for (int i = 0; i < 16; i++)
        rounded.word[i] = nca_bf16_word(lane[2 * i], lane[2 * i + 1]);
    return rounded;
}

static __attribute__((noinline)) void words_rest(word_vector rounded, vector *x, vector *y)
{
    float even[16], odd[16];
    uint16_t half[32];
    memcpy(half, rounded.word, sizeof half);
    vector_store(even, *x);
    vector_store(odd, *y);
    for (int i = 0; i < 16; i++) {
        even[i] -= nca_bf16_value(half[i]);
        odd[i] -= nca_bf16_value(half[16 + i]);
    }
    *x = vector_load(even);
    *y = vector_load(odd);
}

static __attribute__((noinline)) void words_store_rows(word_vector rounded, uint32_t *x,
                                                       uint32_t *y)
{
    memcpy(x, rounded.word, 8 * sizeof *x);
    memcpy(y, rounded.word + 8, 8 * sizeof *y);
}

static __attribute__((noinline)) void words_store_pairs(word_vector rounded, uint32_t *to)
{
    uint16_t half[32];
    memcpy(half, rounded.word, sizeof half);
    for (int i = 0; i < 16; i++)
        to[i] = (uint32_t)half[16 + i] << 16 | half[i];
}

static __attribute__((noinline)) void words_gate(word_vector gate, vector *x, vector *y)
{
    float even[16], odd[16];
    vector_store(even, *x);
    vector_store(odd, *y);
    for (int i = 0; i < 16; i++) {
        even[i] = gate.word[i] & 0x7fffu ? even[i] : 0;
        odd[i] = gate.word[i] & 0x7fff0000u ? odd[i] : 0;
    }
    *x = vector_load(even);
    *y = vector_load(odd);
}

#endif
