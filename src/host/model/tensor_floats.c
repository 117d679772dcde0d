// The elements of a tensor as floats, whatever floating-point numbers it holds.
#include <math.h>
#include <string.h>

#include "model/safetensors.h"

// IEEE 754 binary16: a sign, 5 bits of exponent, 10 of fraction.
static float widen_half(uint16_t half)
{
    const int exponent = half >> 10 & 31, fraction = half & 0x3ff;
    float size;
    if (exponent == 31)
        size = fraction ? NAN : INFINITY;
    else if (exponent == 0)
        size = ldexpf((float)fraction, -24);
    else
        size = ldexpf((float)(fraction | 0x400), exponent - 25);
    return half >> 15 ? -size : size;
}

// bfloat16 is the upper half of a float.
static float widen_brain(uint16_t brain)
{
    const uint32_t bits = (uint32_t)brain << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void nca_tensor_to_floats(const nca_tensor *tensor, float *to)
{
    const uint16_t *small = tensor->data;
    const double *large = tensor->data;
    if (tensor->dtype == NCA_F32 && tensor->elements > 0)
        memcpy(to, tensor->data, tensor->elements * sizeof *to);
    for (size_t i = 0; i < tensor->elements; i++) {
        if (tensor->dtype == NCA_F16)
            to[i] = widen_half(small[i]);
        else if (tensor->dtype == NCA_BF16)
            to[i] = widen_brain(small[i]);
        else if (tensor->dtype == NCA_F64)
            to[i] = (float)large[i];
    }
}
