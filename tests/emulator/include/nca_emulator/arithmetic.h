// The arithmetic, bit and cache functions that CUDA adds to <cmath>.
#ifndef NCA_EMULATOR_ARITHMETIC_H
#define NCA_EMULATOR_ARITHMETIC_H

// -- Floats ---------------------------------------------------------------------------------------
inline float rsqrtf(float x)
{
    return 1.0f / sqrtf(x);
}
inline double rsqrt(double x)
{
    return 1.0 / sqrt(x);
}
inline float __fmaf_rn(float a, float b, float c)
{
    return fmaf(a, b, c);
}
// Kernels are compiled with -ffp-contract=off, so none of these becomes part of a multiply-add.
inline float __fmul_rn(float a, float b)
{
    return a * b;
}
inline float __fadd_rn(float a, float b)
{
    return a + b;
}
inline float __fsub_rn(float a, float b)
{
    return a - b;
}
inline float __fdiv_rn(float a, float b)
{
    return a / b;
}
inline float __fsqrt_rn(float a)
{
    return sqrtf(a);
}
inline float __frcp_rn(float a)
{
    return 1.0f / a;
}
inline float __fdividef(float a, float b)
{
    return a / b;
}
inline float __expf(float x)
{
    return expf(x);
}
inline float __logf(float x)
{
    return logf(x);
}
inline float __sinf(float x)
{
    return sinf(x);
}
inline float __cosf(float x)
{
    return cosf(x);
}
inline float __saturatef(float x)
{
    return x > 0 ? x < 1 ? x : 1.0f : 0.0f;
}
inline double __dmul_rn(double a, double b)
{
    return a * b;
}
inline double __dadd_rn(double a, double b)
{
    return a + b;
}
inline double __dsub_rn(double a, double b)
{
    return a - b;
}
inline double __ddiv_rn(double a, double b)
{
    return a / b;
}
inline double __dsqrt_rn(double a)
{
    return sqrt(a);
}
inline double __fma_rn(double a, double b, double c)
{
    return fma(a, b, c);
}
inline void sincospif(float x, float *sine, float *cosine)
{
    *sine = static_cast<float>(sin(x * 3.14159265358979323846));
    *cosine = static_cast<float>(cos(x * 3.14159265358979323846));
}

// -- Smallest and largest -------------------------------------------------------------------------
#define NCA_EMULATOR_EXTREMES(type)                                                                \
    inline type min(type a, type b)                                                                \
    {                                                                                              \
        return b < a ? b : a;                                                                      \
    }                                                                                              \
    inline type max(type a, type b)                                                                \
    {                                                                                              \
        return a < b ? b : a;                                                                      \
    }
NCA_EMULATOR_EXTREMES(int)
NCA_EMULATOR_EXTREMES(unsigned)
NCA_EMULATOR_EXTREMES(long)
NCA_EMULATOR_EXTREMES(unsigned long)
NCA_EMULATOR_EXTREMES(long long)
NCA_EMULATOR_EXTREMES(unsigned long long)
#undef NCA_EMULATOR_EXTREMES
inline float min(float a, float b)
{
    return fminf(a, b);
}
inline float max(float a, float b)
{
    return fmaxf(a, b);
}
inline double min(double a, double b)
{
    return fmin(a, b);
}
inline double max(double a, double b)
{
    return fmax(a, b);
}

// -- Bits -----------------------------------------------------------------------------------------
inline int __float_as_int(float value)
{
    int bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}
inline unsigned __float_as_uint(float value)
{
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}
inline float __int_as_float(int bits)
{
    float value;
    std::memcpy(&value, &bits, sizeof bits);
    return value;
}
inline float __uint_as_float(unsigned bits)
{
    float value;
    std::memcpy(&value, &bits, sizeof bits);
    return value;
}
inline int __popc(unsigned x)
{
    return __builtin_popcount(x);
}
inline int __popcll(unsigned long long x)
{
    return __builtin_popcountll(x);
}
inline int __ffs(int x)
{
    return __builtin_ffs(x);
}
inline int __ffsll(long long x)
{
    return __builtin_ffsll(x);
}
inline int __clz(int x)
{
    return x ? __builtin_clz(static_cast<unsigned>(x)) : 32;
}
inline int __clzll(long long x)
{
    return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64;
}
inline unsigned __brev(unsigned x)
{
    unsigned turned = 0;
    for (int i = 0; i < 32; i++)
        turned |= (x >> i & 1u) << (31 - i);
    return turned;
}
inline unsigned __umulhi(unsigned a, unsigned b)
{
    return static_cast<unsigned>(static_cast<unsigned long long>(a) * b >> 32);
}
inline int __mulhi(int a, int b)
{
    return static_cast<int>(static_cast<long long>(a) * b >> 32);
}
inline int __mul24(int a, int b)
{
    return ((a << 8) >> 8) * ((b << 8) >> 8);
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift)
{
    const unsigned long long both = static_cast<unsigned long long>(high) << 32 | low;
    return static_cast<unsigned>(both << (shift & 31) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift)
{
    const unsigned long long both = static_cast<unsigned long long>(high) << 32 | low;
    return static_cast<unsigned>(both >> (shift & 31));
}
// Four bytes out of the eight of b:a, by four selectors of three bits (the sign mode is not had).
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selectors)
{
    const unsigned long long both = static_cast<unsigned long long>(b) << 32 | a;
    unsigned picked = 0;
    for (int i = 0; i < 4; i++)
        picked |= static_cast<unsigned>(both >> (selectors >> 4 * i & 7u) * 8 & 255u) << 8 * i;
    return picked;
}

// -- Loads and stores with a cache hint -----------------------------------------------------------
#define NCA_EMULATOR_LOAD(name)                                                                    \
    template <typename T> T name(const T *from)                                                    \
    {                                                                                              \
        return *from;                                                                              \
    }
NCA_EMULATOR_LOAD(__ldg)
NCA_EMULATOR_LOAD(__ldca)
NCA_EMULATOR_LOAD(__ldcg)
NCA_EMULATOR_LOAD(__ldcs)
NCA_EMULATOR_LOAD(__ldlu)
NCA_EMULATOR_LOAD(__ldcv)
#undef NCA_EMULATOR_LOAD
#define NCA_EMULATOR_STORE(name)                                                                   \
    template <typename T> void name(T *to, std::remove_reference_t<const T &> value)               \
    {                                                                                              \
        *to = value;                                                                               \
    }
NCA_EMULATOR_STORE(__stwb)
NCA_EMULATOR_STORE(__stcg)
NCA_EMULATOR_STORE(__stcs)
NCA_EMULATOR_STORE(__stwt)
#undef NCA_EMULATOR_STORE

inline long long clock64()
{
    return 0;
}
inline size_t __cvta_generic_to_shared(const void *address)
{
    return reinterpret_cast<size_t>(address);
}

#endif
