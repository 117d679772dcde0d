// The emulator's vector types: names, layout and alignment of CUDA's, for C11 and C++17.
#ifndef NCA_EMULATOR_VECTOR_TYPES_H
#define NCA_EMULATOR_VECTOR_TYPES_H

#define NCA_EMULATOR_VECTORS(type, scalar, align2, align4)                                         \
    typedef struct type##1 {                                                                       \
        scalar x;                                                                                  \
    } type##1;                                                                                     \
    typedef struct type##2 {                                                                       \
        scalar x, y;                                                                               \
    } __attribute__((aligned(align2))) type##2;                                                    \
    typedef struct type##3 {                                                                       \
        scalar x, y, z;                                                                            \
    } type##3;                                                                                     \
    typedef struct type##4 {                                                                       \
        scalar x, y, z, w;                                                                         \
    } __attribute__((aligned(align4))) type##4;                                                    \
    static inline type##2 make_##type##2(scalar x, scalar y)                                       \
    {                                                                                              \
        const type##2 made = {x, y};                                                               \
        return made;                                                                               \
    }                                                                                              \
    static inline type##3 make_##type##3(scalar x, scalar y, scalar z)                             \
    {                                                                                              \
        const type##3 made = {x, y, z};                                                            \
        return made;                                                                               \
    }                                                                                              \
    static inline type##4 make_##type##4(scalar x, scalar y, scalar z, scalar w)                   \
    {                                                                                              \
        const type##4 made = {x, y, z, w};                                                         \
        return made;                                                                               \
    }

NCA_EMULATOR_VECTORS(char, signed char, 2, 4)
NCA_EMULATOR_VECTORS(uchar, unsigned char, 2, 4)
NCA_EMULATOR_VECTORS(short, short, 4, 8)
NCA_EMULATOR_VECTORS(ushort, unsigned short, 4, 8)
NCA_EMULATOR_VECTORS(int, int, 8, 16)
NCA_EMULATOR_VECTORS(uint, unsigned int, 8, 16)
NCA_EMULATOR_VECTORS(longlong, long long, 16, 16)
NCA_EMULATOR_VECTORS(ulonglong, unsigned long long, 16, 16)
NCA_EMULATOR_VECTORS(float, float, 8, 16)
NCA_EMULATOR_VECTORS(double, double, 16, 16)
#undef NCA_EMULATOR_VECTORS

#ifdef __cplusplus
struct dim3 {
    unsigned int x, y, z;
    constexpr dim3(unsigned int ax = 1, unsigned int ay = 1, unsigned int az = 1)
        : x(ax), y(ay), z(az)
    {
    }
    constexpr dim3(uint3 from) : x(from.x), y(from.y), z(from.z) {}
    constexpr operator uint3() const
    {
        return uint3{x, y, z};
    }
};
#else
typedef struct dim3 {
    unsigned int x, y, z;
} dim3;
#endif

#endif
