// Fire bits of eight cells a draw, and noise: the definitions that every faster kernel equals bit
// for bit.
#include "ops.h"

void nca_cpu_fire_scalar(nca_key key, uint32_t sample, uint32_t step, uint32_t threshold,
                         uint32_t first, size_t count, uint8_t *bits)
{
    for (size_t group = 0; group < count; group++) {
        uint32_t words[4];
        nca_random_words(key, NCA_RANDOM_FIRE, sample, step, first + (uint32_t)group, words);
        for (int i = 0; i < 8; i++)
            bits[group * 8 + i] = (words[i / 2] >> (i % 2 * 16) & 0xffff) < threshold;
    }
}

void nca_cpu_noise_scalar(nca_key key, uint32_t sample, uint32_t step, uint32_t first, int count,
                          float scale, float *drawn)
{
    for (int i = 0; i < count; i++)
        drawn[i] = nca_random_normal(key, sample, step, first + (uint32_t)i, scale);
}
