// The emulator's cuRAND, device side: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers:
// as easy as 1, 2, 3"), with cuRAND's names and its way of counting.
#ifndef NCA_EMULATOR_CURAND_KERNEL_H
#define NCA_EMULATOR_CURAND_KERNEL_H

#include "cuda_runtime.h"

// Ten rounds; between two of them the key grows by Weyl constants.
inline uint4 curand_Philox4x32_10(uint4 counter, uint2 key)
{
    for (int round = 0; round < 10; round++) {
        const uint64_t even = uint64_t(0xD2511F53u) * counter.x,
                       odd = uint64_t(0xCD9E8D57u) * counter.z;
        counter = make_uint4(
            static_cast<uint32_t>(odd >> 32) ^ counter.y ^ key.x, static_cast<uint32_t>(odd),
            static_cast<uint32_t>(even >> 32) ^ counter.w ^ key.y, static_cast<uint32_t>(even));
        key = make_uint2(key.x + 0x9E3779B9u, key.y + 0xBB67AE85u);
    }
    return counter;
}

struct curandStatePhilox4_32_10 {
    uint4 ctr, output;
    uint2 key;
    unsigned int STATE;   // how many words of `output` are used
};
typedef struct curandStatePhilox4_32_10 curandStatePhilox4_32_10_t;

// The counter counts blocks of four words in its low half and subsequences in its high half.
inline void skipahead(unsigned long long words, curandStatePhilox4_32_10_t *state)
{
    words += state->STATE;
    state->STATE = static_cast<unsigned>(words & 3);
    const uint64_t low = (uint64_t(state->ctr.y) << 32 | state->ctr.x) + words / 4;
    const bool carry = low < words / 4;
    const uint64_t high = (uint64_t(state->ctr.w) << 32 | state->ctr.z) + (carry ? 1 : 0);
    state->ctr = make_uint4(static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                            static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32));
    state->output = curand_Philox4x32_10(state->ctr, state->key);
}

inline void curand_init(unsigned long long seed, unsigned long long subsequence,
                        unsigned long long offset, curandStatePhilox4_32_10_t *state)
{
    state->ctr = make_uint4(0, 0, static_cast<uint32_t>(subsequence),
                            static_cast<uint32_t>(subsequence >> 32));
    state->key = make_uint2(static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32));
    state->STATE = 0;
    skipahead(offset, state);
}

// The next word.
inline unsigned int curand(curandStatePhilox4_32_10_t *state)
{
    const unsigned int words[4] = {state->output.x, state->output.y, state->output.z,
                                   state->output.w};
    const unsigned int drawn = words[state->STATE];
    skipahead(1, state);
    return drawn;
}

// The next four words, from wherever the state stands.
inline uint4 curand4(curandStatePhilox4_32_10_t *state)
{
    const unsigned int used = state->STATE;
    const uint4 old = state->output;
    skipahead(4, state);
    const unsigned int words[8] = {old.x,           old.y,           old.z,
                                   old.w,           state->output.x, state->output.y,
                                   state->output.z, state->output.w};
    return make_uint4(words[used], words[used + 1], words[used + 2], words[used + 3]);
}

#endif
