// Factors rounded and kept as f32, in plain C: with them f32's kernels lose what a precision loses,
// on processors that do not multiply it. Numbers below 2^-126 are kept, unlike in bf16.h.
#ifndef NCA_CPU_ROUNDING_H
#define NCA_CPU_ROUNDING_H

#include "bf16.h"

// The nearest number of 8 significant bits, ties to even. A NaN stays one.
static inline float nca_rounded_bf16(float x)
{
    const uint32_t bits = nca_bf16_bits_of(x);
    const float rounded = nca_bf16_float_of((bits + 0x7fffu + (bits >> 16 & 1)) & 0xffff0000u);
    return x != x ? x : rounded;
}

// Of 11 significant bits, ties away from zero, as a GPU's cvt.rna.tf32 does. A NaN stays one.
static inline float nca_rounded_tf32(float x)
{
    const float rounded = nca_bf16_float_of((nca_bf16_bits_of(x) + 0x1000u) & 0xffffe000u);
    return x != x ? x : rounded;
}

// The sum of the nearest bf16 and of the rest's, which an f32 holds. What is infinite as a bf16
// becomes a NaN, as it does in bf16x3.
static inline float nca_rounded_bf16x3(float x)
{
    const float high = nca_rounded_bf16(x);
    return high + nca_rounded_bf16(x - high);
}

#endif
