// bf16 as processors multiply it, in plain C: the definition of what one instruction gives. A bf16
// is the upper half of an f32. Two of them make a word, the even one in the lower half.
#ifndef NCA_CPU_BF16_H
#define NCA_CPU_BF16_H

#include <math.h>
#include <stdint.h>
#include <string.h>

static inline uint32_t nca_bf16_bits_of(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float nca_bf16_float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

// x rounded to the nearest bf16, ties to even, as VCVTNE2PS2BF16 does: a subnormal becomes a zero
// of its sign, a NaN stays one and becomes quiet.
static inline uint16_t nca_bf16_round(float x)
{
    const uint32_t bits = nca_bf16_bits_of(x), exponent = bits & 0x7f800000u;
    if (exponent == 0)
        return (uint16_t)(bits >> 16 & 0x8000u);
    if (exponent == 0x7f800000u)
        return (uint16_t)(bits >> 16 | (bits & 0x007fffffu ? 0x40u : 0));
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

// The f32 of one half of a word; a subnormal counts as zero.
static inline float nca_bf16_value(uint16_t half)
{
    return nca_bf16_float_of((uint32_t)(half & 0x7f80u ? half : half & 0x8000u) << 16);
}

// What rounding to bf16 takes from x, exactly: the number whose bf16 is the low part of x.
static inline float nca_bf16_rest(float x)
{
    return x - nca_bf16_value(nca_bf16_round(x));
}

static inline uint32_t nca_bf16_word(float even, float odd)
{
    return (uint32_t)nca_bf16_round(odd) << 16 | nca_bf16_round(even);
}

static inline float nca_bf16_flush(float x)
{
    return fabsf(x) < 0x1p-126f ? copysignf(0, x) : x;
}

// a * b + c with one rounding; subnormals are zeros, in and out. Whether a result is subnormal is
// asked of it rounded to 24 bits with no least exponent, so that the next number below 2^-126 would
// be 2^-126 - 2^-150: from halfway to it on, a sum is no subnormal. A sum in double can tell.
static inline float nca_bf16_fma(float a, float b, float c)
{
    const float sum = nca_bf16_flush(c);
    const double near = (double)a * b + sum;
    return fabs(near) < 0x1p-126 - 0x1p-151 ? copysignf(0, (float)near) : fmaf(a, b, sum);
}

// sum + a.b over the two products of a pair of words, the odd one first, as VDPBF16PS adds them.
static inline float nca_bf16_dot(float sum, uint32_t a, uint32_t b)
{
    sum =
        nca_bf16_fma(nca_bf16_value((uint16_t)(a >> 16)), nca_bf16_value((uint16_t)(b >> 16)), sum);
    return nca_bf16_fma(nca_bf16_value((uint16_t)a), nca_bf16_value((uint16_t)b), sum);
}

// Terms of the two chains of TDPBF16PS between one sum of them and the next.
enum { NCA_BF16_TILE_PAIRS = 16 };

// sum + a.b over one tile's depth of words, as TDPBF16PS adds them: the even products in one chain
// from zero, the odd ones in another, their sum to what was there.
static inline float nca_bf16_tile_dot(float sum, const uint32_t a[NCA_BF16_TILE_PAIRS],
                                      const uint32_t b[NCA_BF16_TILE_PAIRS])
{
    float even = 0, odd = 0;
    for (int k = 0; k < NCA_BF16_TILE_PAIRS; k++) {
        even = nca_bf16_fma(nca_bf16_value((uint16_t)a[k]), nca_bf16_value((uint16_t)b[k]), even);
        odd = nca_bf16_fma(nca_bf16_value((uint16_t)(a[k] >> 16)),
                           nca_bf16_value((uint16_t)(b[k] >> 16)), odd);
    }
    return nca_bf16_flush(nca_bf16_flush(sum) + nca_bf16_flush(even + odd));
}

#endif
