// NVIDIA's own Philox4x32-10, from the header that the kernels are built with, as a function of the
// host.
#include <vector_functions.h>
#include <vector_types.h>

#define QUALIFIERS static inline
#include <curand_philox4x32_x.h>

#include <cstdint>

extern "C" void curand_on_host(const uint32_t counter[4], const uint32_t key[2], uint32_t words[4])
{
    const uint4 drawn = curand_Philox4x32_10(
        make_uint4(counter[0], counter[1], counter[2], counter[3]), make_uint2(key[0], key[1]));
    words[0] = drawn.x;
    words[1] = drawn.y;
    words[2] = drawn.z;
    words[3] = drawn.w;
}
