// The devices that are pretended: as many as NCA_EMULATOR_DEVICES says, all alike, with the limits of an sm_90
// whatever compute capability they say.
#include "internal.h"

#include <algorithm>
#include <cstdio>

using namespace nca_emulator;

namespace
{
thread_local int selected;

// The errors with which a machine answers that has no usable device.
cudaError_t check_driver()
{
    const nca_emulator_settings *settings = nca_emulator_get();
    if (settings->driver_version < CUDART_VERSION / 1000 * 1000)
        return cudaErrorInsufficientDriver;
    return settings->devices < 1 ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t check_device(int device)
{
    const cudaError_t error = check_driver();
    if (error != cudaSuccess)
        return error;
    return device < 0 || device >= nca_emulator_get()->devices ? cudaErrorInvalidDevice : cudaSuccess;
}

cudaDeviceProp properties_of(int device)
{
    cudaDeviceProp of = {};
    std::snprintf(of.name, sizeof of.name, "Emulated device %d", device);
    of.totalGlobalMem = nca_emulator_get()->memory_bytes;
    of.sharedMemPerBlock = 48 << 10;
    of.sharedMemPerBlockOptin = 227 << 10;
    of.sharedMemPerMultiprocessor = 228 << 10;
    of.reservedSharedMemPerBlock = 1 << 10;
    of.regsPerBlock = of.regsPerMultiprocessor = 65536;
    of.warpSize = 32;
    of.maxThreadsPerBlock = 1024;
    of.maxThreadsPerMultiProcessor = 2048;
    of.maxBlocksPerMultiProcessor = 32;
    const int threads[3] = {1024, 1024, 64}, blocks[3] = {0x7fffffff, 65535, 65535};
    std::copy(threads, threads + 3, of.maxThreadsDim);
    std::copy(blocks, blocks + 3, of.maxGridSize);
    of.totalConstMem = 64 << 10;
    of.major = nca_emulator_get()->capability / 10;
    of.minor = nca_emulator_get()->capability % 10;
    of.multiProcessorCount = nca_emulator_get()->multiprocessors;
    of.canMapHostMemory = of.concurrentKernels = of.unifiedAddressing = 1;
    of.asyncEngineCount = 1;
    of.memoryBusWidth = 64;
    of.l2CacheSize = 1 << 20;
    of.cooperativeLaunch = of.clusterLaunch = of.memoryPoolsSupported = 1;
    of.pciBusID = device;
    return of;
}
}   // namespace

int nca_emulator::current_device()
{
    return selected;
}

extern "C" cudaError_t cudaGetDeviceCount(int *count)
{
    const cudaError_t error = check_driver();
    *count = error == cudaSuccess ? nca_emulator_get()->devices : 0;
    return done(error);
}

extern "C" cudaError_t cudaSetDevice(int device)
{
    const cudaError_t error = check_device(device);
    if (error == cudaSuccess)
        selected = device;
    return done(error);
}

extern "C" cudaError_t cudaInitDevice(int device, unsigned int, unsigned int)
{
    return done(check_device(device));
}

extern "C" cudaError_t cudaGetDevice(int *device)
{
    *device = selected;
    return done(check_driver());
}

extern "C" cudaError_t cudaSetDeviceFlags(unsigned int)
{
    return done(check_driver());
}

extern "C" cudaError_t cudaGetDeviceProperties(cudaDeviceProp *properties, int device)
{
    const cudaError_t error = check_device(device);
    if (error == cudaSuccess)
        *properties = properties_of(device);
    return done(error);
}

extern "C" cudaError_t cudaDeviceGetAttribute(int *value, enum cudaDeviceAttr attribute, int device)
{
    const cudaError_t error = check_device(device);
    if (error != cudaSuccess)
        return done(error);
    const cudaDeviceProp of = properties_of(device);
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
        *value = of.maxThreadsPerBlock;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = static_cast<int>(of.sharedMemPerBlock);
        break;
    case cudaDevAttrWarpSize:
        *value = of.warpSize;
        break;
    case cudaDevAttrClockRate:
    case cudaDevAttrMemoryClockRate:
        *value = 1000000;
        break;
    case cudaDevAttrMultiProcessorCount:
        *value = of.multiProcessorCount;
        break;
    case cudaDevAttrKernelExecTimeout:
    case cudaDevAttrIntegrated:
    case cudaDevAttrComputeMode:
        *value = 0;
        break;
    case cudaDevAttrGlobalMemoryBusWidth:
        *value = of.memoryBusWidth;
        break;
    case cudaDevAttrL2CacheSize:
        *value = of.l2CacheSize;
        break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = of.maxThreadsPerMultiProcessor;
        break;
    case cudaDevAttrComputeCapabilityMajor:
        *value = of.major;
        break;
    case cudaDevAttrComputeCapabilityMinor:
        *value = of.minor;
        break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = static_cast<int>(of.sharedMemPerMultiprocessor);
        break;
    case cudaDevAttrMaxRegistersPerMultiprocessor:
        *value = of.regsPerMultiprocessor;
        break;
    case cudaDevAttrCooperativeLaunch:
        *value = of.cooperativeLaunch;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(of.sharedMemPerBlockOptin);
        break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
        *value = of.maxBlocksPerMultiProcessor;
        break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
        *value = static_cast<int>(of.reservedSharedMemPerBlock);
        break;
    case cudaDevAttrMemoryPoolsSupported:
        *value = of.memoryPoolsSupported;
        break;
    case cudaDevAttrClusterLaunch:
        *value = of.clusterLaunch;
        break;
    }
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaDriverGetVersion(int *version)
{
    *version = nca_emulator_get()->driver_version;
    return cudaSuccess;
}

extern "C" cudaError_t cudaRuntimeGetVersion(int *version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}
