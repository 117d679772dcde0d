// Random numbers as a function of what they are for: Philox4x32-10, which is counter based.
// Source: Salmon et al. 2011.
//
// No state is kept: the same (seed, update, sample, step, cell) gives the same bits on every
// backend, for any number of threads and in any order, so that a run is repeated, resumed and
// compared across devices bit for bit.
//
// The counter of a draw is { index, step | purpose << 24, sample, update }, its key the run's
// 64-bit seed (low word first). A draw gives four 32-bit words.
//
// The fire bit of a cell: index = cell >> 3 with cell = y * W + x, purpose NCA_RANDOM_FIRE; of the
// eight 16-bit halves of the four words (word 0 low half first) the one numbered cell & 7 is taken,
// and the cell fires where it is below nca_fire_threshold(fire_rate).
#ifndef NCA_RNG_H
#define NCA_RNG_H

#include <stdint.h>

#include "nca/api.h"

#ifdef __cplusplus
extern "C" {
#endif

// What a draw is for; two purposes never share a counter.
typedef enum nca_random_purpose {
    NCA_RANDOM_FIRE = 0,         // index cell / 8, step, sample = slot of the batch, update
    NCA_RANDOM_POOL = 1,         // index = the draw's number, update
    NCA_RANDOM_STEPS = 2,        // index 0, update
    NCA_RANDOM_DAMAGE = 3,       // index = the draw's number, sample = slot of the batch, update
    NCA_RANDOM_PARAMETERS = 4,   // index = element / 4
    NCA_RANDOM_TEST = 5,
    NCA_RANDOM_NOISE = 6,     // index = cell * (C - frozen) + number, step, sample, update
    NCA_RANDOM_TASK = 7,      // a task's own: index, sample = number of the new sample, update
    NCA_RANDOM_PERTURB = 8,   // index = cell, or cell * C + number; sample, update
} nca_random_purpose;

// The key of every draw of a run, and the part of the counter that stays the same over one call.
typedef struct nca_key {
    uint64_t seed;
    uint32_t update;
} nca_key;

// Steps are numbered with 24 bits.
#define NCA_RANDOM_STEPS_LIMIT (1u << 24)

// Four random words.
NCA_API void nca_random_words(nca_key key, nca_random_purpose purpose, uint32_t sample,
                              uint32_t step, uint32_t index, uint32_t words[4]);

// A uniform number in [0, 1) of 32 bits: the first word of the draw, divided by 2^32.
NCA_API double nca_random_uniform(nca_key key, nca_random_purpose purpose, uint32_t sample,
                                  uint32_t step, uint32_t index);

// A nearly normal number: the eight 16-bit halves of one draw, summed, less their mean, times a
// constant. Without a logarithm or a cosine it is the same on every backend.
static inline float nca_normal_of_words(const uint32_t words[4], float scale)
{
    int sum = -262140;
    for (int i = 0; i < 4; i++)
        sum += (int)(words[i] & 0xffff) + (int)(words[i] >> 16);
    return (float)sum * scale;
}

// That constant, for a standard deviation.
static inline float nca_noise_scale(double deviation)
{
    return (float)(deviation / (65536 * 0.81649658092772603));   // sqrt(2/3)
}

// The noise on a number of an update.
NCA_API float nca_random_normal(nca_key key, uint32_t sample, uint32_t step, uint32_t index,
                                float scale);

// How many of the 65536 values of a 16-bit half let a cell fire: the rate in 65536ths, rounded.
static inline uint32_t nca_fire_threshold(double fire_rate)
{
    return fire_rate <= 0 ? 0u : fire_rate >= 1 ? 65536u : (uint32_t)(fire_rate * 65536.0 + 0.5);
}

#ifdef __cplusplus
}
#endif
#endif
