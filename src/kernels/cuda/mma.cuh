// Products of a warp on its tensor cores: D [16,8] += A [16,16] B [16,8], the factors rounded to
// tf32 or bf16, sums in f32. For kernels only; needs compute capability 8.0.
//
// With g = lane / 4 and t = lane % 4 a lane holds
//   of A   rows g and g + 8, each in columns 2t, 2t + 1, 2t + 8, 2t + 9
//   of B   column g, in rows 2t, 2t + 1, 2t + 8, 2t + 9
//   of D   rows g and g + 8, each in columns 2t, 2t + 1
// So two tiles of a D side by side are, lane by lane, an A of the next product: what comes out of
// one layer goes into the next without leaving its registers.
//
// In bf16 this is the layout of mma.m16n8k16. In tf32 it takes two of mma.m16n8k8, whose lane holds
// columns t and t + 4 of A and rows t and t + 4 of B. Which column of A is called t does not matter
// as long as the row of B is called the same, so columns 2t and 2t + 1 stand in for t and t + 4.
//
// Source of the layouts: PTX ISA, "Warp-level matrix instructions", fragments of mma.m16n8k8
// (.tf32) and mma.m16n8k16 (.bf16). The emulator has a twin of each instruction that takes the
// fragments of all lanes apart by that layout and multiplies plainly.
#ifndef NCA_CUDA_MMA_CUH
#define NCA_CUDA_MMA_CUH

#include "kernels.h"

// -- The two instructions, and the two roundings

// d [16,8] += a [16,8] b [8,8]; the lane's a, b and d by the layout of PTX.
static __device__ inline void nca_mma_m16n8k8_tf32(float d[4], const uint32_t a[4],
                                                   const uint32_t b[2]);
// d [16,8] += a [16,16] b [16,8]; two numbers a word, the first in its lower half.
static __device__ inline void nca_mma_m16n8k16_bf16(float d[4], const uint32_t a[4],
                                                    const uint32_t b[2]);
// To the nearest; of a tie away from zero.
static __device__ inline uint32_t nca_round_to_tf32(float x);
// To the nearest, of a tie to even; `low` into the lower half.
static __device__ inline uint32_t nca_round_to_bf16(float low, float high);

#if defined(NCA_EMULATOR)

struct nca_mma_lane {
    float *d;
    const uint32_t *a, *b;
};

// The number in the upper 16 bits, or in all 32 as tensor cores see tf32: without the last 13.
static inline float nca_mma_number(uint32_t bits)
{
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

// d = a b + d of lanes whose fragments are taken apart: a [16,inner], b [inner,8].
template <int INNER>
__attribute__((no_sanitize("thread"))) static void
nca_mma_multiply(const float (*a)[INNER], const float (*b)[8], void *const lanes[32])
{
    for (int lane = 0; lane < 32; lane++)
        for (int i = 0; i < 4; i++) {
            const int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
            float *const d = &static_cast<const nca_mma_lane *>(lanes[lane])->d[i];
            for (int k = 0; k < INNER; k++)
                *d += a[row][k] * b[k][column];
        }
}

__attribute__((no_sanitize("thread"))) static void nca_mma_twin_tf32(void *const lanes[32])
{
    float a[16][8], b[8][8];
    for (int lane = 0; lane < 32; lane++) {
        const nca_mma_lane *held = static_cast<const nca_mma_lane *>(lanes[lane]);
        for (int i = 0; i < 4; i++)
            a[lane / 4 + i % 2 * 8][lane % 4 + i / 2 * 4] = nca_mma_number(held->a[i] & ~0x1fffu);
        for (int i = 0; i < 2; i++)
            b[lane % 4 + i * 4][lane / 4] = nca_mma_number(held->b[i] & ~0x1fffu);
    }
    nca_mma_multiply<8>(a, b, lanes);
}

__attribute__((no_sanitize("thread"))) static void nca_mma_twin_bf16(void *const lanes[32])
{
    float a[16][16], b[16][8];
    for (int lane = 0; lane < 32; lane++) {
        const nca_mma_lane *held = static_cast<const nca_mma_lane *>(lanes[lane]);
        for (int i = 0; i < 8; i++) {   // a0, a1, ... of PTX, two a word
            const uint32_t word = held->a[i / 2];
            a[lane / 4 + i / 2 % 2 * 8][lane % 4 * 2 + i % 2 + i / 4 * 8] =
                nca_mma_number(i % 2 ? word & 0xffff0000u : word << 16);
        }
        for (int i = 0; i < 4; i++) {
            const uint32_t word = held->b[i / 2];
            b[lane % 4 * 2 + i % 2 + i / 2 * 8][lane / 4] =
                nca_mma_number(i % 2 ? word & 0xffff0000u : word << 16);
        }
    }
    nca_mma_multiply<16>(a, b, lanes);
}

static inline void nca_mma_m16n8k8_tf32(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    nca_mma_lane mine = {d, a, b};
    nca_emulator_with_warp(nca_mma_twin_tf32, &mine);
}

static inline void nca_mma_m16n8k16_bf16(float d[4], const uint32_t a[4], const uint32_t b[2])
{
    nca_mma_lane mine = {d, a, b};
    nca_emulator_with_warp(nca_mma_twin_bf16, &mine);
}

static inline uint32_t nca_round_to_tf32(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7f800000u) == 0x7f800000u)   // infinite, or NaN
        return bits & 0x007fffffu ? 0x7fffffffu : bits;
    return (bits + 0x1000u) & ~0x1fffu;
}

static inline uint32_t nca_round_to_bf16_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7f800000u) == 0x7f800000u)
        return bits & 0x007fffffu ? 0x7fffu : bits >> 16;
    return (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}

static inline uint32_t nca_round_to_bf16(float low, float high)
{
    return nca_round_to_bf16_bits(high) << 16 | nca_round_to_bf16_bits(low);
}

#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800

// The host asks no such device for it (device.c).
static __device__ inline void nca_mma_m16n8k8_tf32(float *, const uint32_t *, const uint32_t *)
{
    __trap();
}
static __device__ inline void nca_mma_m16n8k16_bf16(float *, const uint32_t *, const uint32_t *)
{
    __trap();
}
static __device__ inline uint32_t nca_round_to_tf32(float)
{
    return 0;
}
static __device__ inline uint32_t nca_round_to_bf16(float, float)
{
    return 0;
}

#else

static __device__ inline void nca_mma_m16n8k8_tf32(float d[4], const uint32_t a[4],
                                                   const uint32_t b[2])
{
    asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
                 "{%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

static __device__ inline void nca_mma_m16n8k16_bf16(float d[4], const uint32_t a[4],
                                                    const uint32_t b[2])
{
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, "
        "{%8,%9}, {%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

static __device__ inline uint32_t nca_round_to_tf32(float x)
{
    uint32_t bits;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
    return bits;
}

static __device__ inline uint32_t nca_round_to_bf16(float low, float high)
{
    uint32_t bits;   // the instruction takes the upper half first
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
    return bits;
}

#endif

// -- Where a lane's numbers stand: g, and 2t

static __device__ inline int nca_mma_group()
{
    return threadIdx.x % 32 / 4;
}

static __device__ inline int nca_mma_pair()
{
    return threadIdx.x % 4 * 2;
}

// -- Fragments of the layout above; FORMAT is NCA_CUDA_TF32 or NCA_CUDA_BF16

template <int FORMAT> struct nca_mma_a {
    uint32_t word[FORMAT == NCA_CUDA_TF32 ? 8 : 4];
};
template <int FORMAT> struct nca_mma_b {
    uint32_t word[FORMAT == NCA_CUDA_TF32 ? 4 : 2];
};

// Of a lane's eight numbers of A: x of row g and y of row g + 8, in the order of their columns.
template <int FORMAT>
static __device__ inline nca_mma_a<FORMAT> nca_mma_a_of(const float x[4], const float y[4])
{
    nca_mma_a<FORMAT> fragment;
#pragma unroll
    for (int half = 0; half < 2; half++) {
        const int i = 2 * half;
        if constexpr (FORMAT == NCA_CUDA_TF32) {
            fragment.word[4 * half] = nca_round_to_tf32(x[i]);
            fragment.word[4 * half + 1] = nca_round_to_tf32(y[i]);
            fragment.word[4 * half + 2] = nca_round_to_tf32(x[i + 1]);
            fragment.word[4 * half + 3] = nca_round_to_tf32(y[i + 1]);
        } else {
            fragment.word[i] = nca_round_to_bf16(x[i], x[i + 1]);
            fragment.word[i + 1] = nca_round_to_bf16(y[i], y[i + 1]);
        }
    }
    return fragment;
}

// Of two tiles of a D, which become the columns 0..7 and 8..15.
template <int FORMAT>
static __device__ inline nca_mma_a<FORMAT> nca_mma_a_of_tiles(const float left[4],
                                                              const float right[4])
{
    const float x[4] = {left[0], left[1], right[0], right[1]};
    const float y[4] = {left[2], left[3], right[2], right[3]};
    return nca_mma_a_of<FORMAT>(x, y);
}

// Two numbers `apart`; side by side they are one load, from an even place.
static __device__ inline void nca_mma_load2(const float *from, int apart, float out[2])
{
    if (apart == 1) {
        const float2 both = *reinterpret_cast<const float2 *>(from);
        out[0] = both.x;
        out[1] = both.y;
    } else {
        out[0] = from[0];
        out[1] = from[apart];
    }
}

// Of a matrix in memory: `from` is the lane's first number, the next column is `column` further on,
// row g + 8 is `row8`.
template <int FORMAT>
static __device__ inline nca_mma_a<FORMAT> nca_mma_load_a(const float *from, int column, int row8)
{
    float x[4], y[4];
    nca_mma_load2(from, column, x);
    nca_mma_load2(from + 8 * column, column, x + 2);
    nca_mma_load2(from + row8, column, y);
    nca_mma_load2(from + row8 + 8 * column, column, y + 2);
    return nca_mma_a_of<FORMAT>(x, y);
}

// The same of B; the next row is `row` further on.
template <int FORMAT>
static __device__ inline nca_mma_b<FORMAT> nca_mma_load_b(const float *from, int row)
{
    nca_mma_b<FORMAT> fragment;
    float x[4];
    nca_mma_load2(from, row, x);
    nca_mma_load2(from + 8 * row, row, x + 2);
#pragma unroll
    for (int i = 0; i < 4; i++) {
        if constexpr (FORMAT == NCA_CUDA_TF32)
            fragment.word[i] = nca_round_to_tf32(x[i]);
        else if (i % 2 == 0)
            fragment.word[i / 2] = nca_round_to_bf16(x[i], x[i + 1]);
    }
    return fragment;
}

// d += a b. All lanes of the warp come here.
template <int FORMAT>
static __device__ inline void nca_mma_add(const nca_mma_a<FORMAT> &a, const nca_mma_b<FORMAT> &b,
                                          float d[4])
{
    if constexpr (FORMAT == NCA_CUDA_TF32) {
        nca_mma_m16n8k8_tf32(d, a.word, b.word);
        nca_mma_m16n8k8_tf32(d, a.word + 4, b.word + 2);
    } else {
        nca_mma_m16n8k16_bf16(d, a.word, b.word);
    }
}

// Writes a D to memory, from an even place; the next row is `stride` further on, an even number.
static __device__ inline void nca_mma_store(float *to, int stride, const float d[4])
{
    float *const own = to + nca_mma_group() * stride + nca_mma_pair();
    *reinterpret_cast<float2 *>(own) = make_float2(d[0], d[1]);
    *reinterpret_cast<float2 *>(own + 8 * stride) = make_float2(d[2], d[3]);
}

#endif
