// What a kernel sees when the emulator runs it: CUDA's keywords, built-in variables, and the
// launch. The functions a kernel calls are in the three headers at the end.
#ifndef NCA_EMULATOR_KERNEL_H
#define NCA_EMULATOR_KERNEL_H

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <tuple>
#include <type_traits>
#include <utility>

#define __global__
#define __device__
#define __host__
#define __constant__
#define __grid_constant__
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(bytes) __attribute__((aligned(bytes)))
// Standard C++ cannot see how large such a variable is, so nothing could check it.
#define __shared__ spell_shared_memory_as_NCA_SHARED_of_launch_cuh

// Of the thread that runs; the scheduler sets them at every switch.
extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;

// -- Launch ---------------------------------------------------------------------------------------
// The name of the next launch, for messages; `name` lives as long as the program.
void nca_emulator_name_launch(const char *name);
// By a thread: waits for the launch before, if its own overlaps it.
void nca_emulator_wait_for_last();

namespace nca_emulator
{
// Queues a launch; `run` is the kernel with its arguments bound, called once for each thread.
cudaError_t launch(const cudaLaunchConfig_t &config, const void *kernel, std::function<void()> run);
}   // namespace nca_emulator

template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t *config, void (*kernel)(Parameters...),
                               Arguments &&...arguments)
{
    // Converted and copied now: a kernel must not see what the caller does to its variables later.
    std::tuple<std::decay_t<Parameters>...> bound(std::forward<Arguments>(arguments)...);
    return nca_emulator::launch(*config, reinterpret_cast<const void *>(kernel),
                                [kernel, bound] { std::apply(kernel, bound); });
}

template <typename... Parameters>
cudaError_t cudaFuncSetAttribute(void (*kernel)(Parameters...), enum cudaFuncAttribute attribute,
                                 int value)
{
    return cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), attribute, value);
}

template <typename... Parameters>
cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, void (*kernel)(Parameters...))
{
    return cudaFuncGetAttributes(attributes, reinterpret_cast<const void *>(kernel));
}

template <typename... Parameters>
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks,
                                                          void (*kernel)(Parameters...),
                                                          int block_size, size_t shared_bytes)
{
    return cudaOccupancyMaxActiveBlocksPerMultiprocessor(
        blocks, reinterpret_cast<const void *>(kernel), block_size, shared_bytes);
}

template <typename T> cudaError_t cudaMalloc(T **pointer, size_t bytes)
{
    return cudaMalloc(reinterpret_cast<void **>(pointer), bytes);
}

template <typename T> cudaError_t cudaMallocHost(T **pointer, size_t bytes)
{
    return cudaMallocHost(reinterpret_cast<void **>(pointer), bytes);
}

template <typename T>
cudaError_t cudaMemcpyToSymbol(const T &symbol, const void *from, size_t bytes, size_t offset = 0)
{
    if (offset > sizeof symbol || bytes > sizeof symbol - offset)
        return cudaErrorInvalidValue;
    std::memcpy(reinterpret_cast<char *>(const_cast<std::remove_const_t<T> *>(&symbol)) + offset,
                from, bytes);
    return cudaSuccess;
}

// -- Shared memory --------------------------------------------------------------------------------
namespace nca_emulator
{
// The block's array of that key: made, filled with poison and walled in at the first call.
void *shared_array(const void *key, const char *name, size_t bytes, size_t alignment);
void *shared_dynamic();
}   // namespace nca_emulator

#define NCA_EMULATOR_SHARED(type, name, extent)                                                    \
    typedef type name##_shared extent;                                                             \
    static const char name##_key = 0;                                                              \
    name##_shared &name = *static_cast<name##_shared *>(nca_emulator::shared_array(                \
        &name##_key, #name, sizeof(name##_shared),                                                 \
        alignof(type) > 16 ? alignof(type) : size_t(16)))
#define NCA_EMULATOR_SHARED_DYNAMIC(type, name)                                                    \
    type *const name = static_cast<type *>(nca_emulator::shared_dynamic())

#include "arithmetic.h"
#include "atomics.h"
#include "collectives.h"

#endif
