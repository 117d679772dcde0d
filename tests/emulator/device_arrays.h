// Arrays on the emulated device, for its tests.
#ifndef NCA_TESTS_EMULATOR_DEVICE_ARRAYS_H
#define NCA_TESTS_EMULATOR_DEVICE_ARRAYS_H

#include "support.h"

#include <cuda_runtime.h>

#include "emulator.h"
#include "kernels.h"

// A fresh array, a copy of `from` unless that is NULL. cudaDeviceReset frees it.
static inline void *on_device(const void *from, size_t bytes)
{
    void *made = NULL;
    assert_int_equal(cudaMalloc(&made, bytes), cudaSuccess);
    if (from)
        assert_int_equal(cudaMemcpy(made, from, bytes, cudaMemcpyHostToDevice), cudaSuccess);
    return made;
}

static inline void fetch(void *to, const void *from, size_t bytes)
{
    assert_int_equal(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost), cudaSuccess);
}

// Before each test: the settings as they are by default, the device empty.
static inline int reset_device(void **state)
{
    (void)state;
    *nca_emulator_get() = (nca_emulator_settings){.devices = 1,
                                                  .memory_bytes = (size_t)2 << 30,
                                                  .driver_version = 13000,
                                                  .multiprocessors = 4,
                                                  .capability = 90,
                                                  .image = 90,
                                                  .checks = 1};
    cudaDeviceReset();
    return 0;
}

// Runs the body once for each order of threads that is tried.
#define IN_EVERY_ORDER                                                                             \
    for (const uint64_t *each = nca_orders;                                                        \
         each < nca_orders + NCA_ORDERS && (nca_emulator_get()->seed = *each, true); each++)

#endif
