// Random numbers as a function of what they are for; Random123's Philox4x32-10 does the mixing.
#include "nca/rng.h"

#include <Random123/philox.h>

void nca_random_words(nca_key key, nca_random_purpose purpose, uint32_t sample, uint32_t step,
                      uint32_t index, uint32_t words[4])
{
    const philox4x32_ctr_t counter = {{index, step | (uint32_t)purpose << 24, sample, key.update}};
    const philox4x32_key_t bits = {{(uint32_t)key.seed, (uint32_t)(key.seed >> 32)}};
    const philox4x32_ctr_t drawn = philox4x32(counter, bits);
    for (int i = 0; i < 4; i++)
        words[i] = drawn.v[i];
}

double nca_random_uniform(nca_key key, nca_random_purpose purpose, uint32_t sample, uint32_t step,
                          uint32_t index)
{
    uint32_t words[4];
    nca_random_words(key, purpose, sample, step, index, words);
    return words[0] / 4294967296.0;
}

float nca_random_normal(nca_key key, uint32_t sample, uint32_t step, uint32_t index, float scale)
{
    uint32_t words[4];
    nca_random_words(key, NCA_RANDOM_NOISE, sample, step, index, words);
    return nca_normal_of_words(words, scale);
}
