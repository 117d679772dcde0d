// The devices that are pretended: as many as NCA_EMULATOR_DEVICES says, all alike, with the limits
// of an sm_90 whatever compute capability they say.
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
    return device < 0 || device >= nca_emulator_get()->devices ? cudaErrorInvalidDevice
                                                               : cudaSuccess;
}

cudaDeviceProp properties_of(int device)
{
    cudaDeviceProp properties = {};
    std::snprintf(properties.name, sizeof properties.name, "Emulated device %d", device);
    properties.totalGlobalMem = nca_emulator_get()->memory_bytes;
    properties.sharedMemPerBlock = 48 << 10;
    properties.sharedMemPerBlockOptin = 227 << 10;
    properties.sharedMemPerMultiprocessor = 228 << 10;
    properties.reservedSharedMemPerBlock = 1 << 10;
    properties.regsPerBlock = properties.regsPerMultiprocessor = 65536;
    properties.warpSize = 32;
    properties.maxThreadsPerBlock = 1024;
    properties.maxThreadsPerMultiProcessor = 2048;
    properties.maxBlocksPerMultiProcessor = 32;
    const int threads[3] = {1024, 1024, 64}, blocks[3] = {0x7fffffff, 65535, 65535};
    std::copy(threads, threads + 3, properties.maxThreadsDim);
    std::copy(blocks, blocks + 3, properties.maxGridSize);
    properties.totalConstMem = 64 << 10;
    properties.major = nca_emulator_get()->capability / 10;
    properties.minor = nca_emulator_get()->capability % 10;
    properties.multiProcessorCount = nca_emulator_get()->multiprocessors;
    properties.canMapHostMemory = properties.concurrentKernels = properties.unifiedAddressing = 1;
    properties.asyncEngineCount = 1;
    properties.memoryBusWidth = 64;
    properties.l2CacheSize = 1 << 20;
    properties.cooperativeLaunch = properties.clusterLaunch = properties.memoryPoolsSupported = 1;
    properties.pciBusID = device;
    return properties;
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
    const cudaDeviceProp properties = properties_of(device);
    switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock:
        *value = properties.maxThreadsPerBlock;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlock:
        *value = static_cast<int>(properties.sharedMemPerBlock);
        break;
    case cudaDevAttrWarpSize:
        *value = properties.warpSize;
        break;
    case cudaDevAttrClockRate:
    case cudaDevAttrMemoryClockRate:
        *value = 1000000;
        break;
    case cudaDevAttrMultiProcessorCount:
        *value = properties.multiProcessorCount;
        break;
    case cudaDevAttrKernelExecTimeout:
    case cudaDevAttrIntegrated:
    case cudaDevAttrComputeMode:
        *value = 0;
        break;
    case cudaDevAttrGlobalMemoryBusWidth:
        *value = properties.memoryBusWidth;
        break;
    case cudaDevAttrL2CacheSize:
        *value = properties.l2CacheSize;
        break;
    case cudaDevAttrMaxThreadsPerMultiProcessor:
        *value = properties.maxThreadsPerMultiProcessor;
        break;
    case cudaDevAttrComputeCapabilityMajor:
        *value = properties.major;
        break;
    case cudaDevAttrComputeCapabilityMinor:
        *value = properties.minor;
        break;
    case cudaDevAttrMaxSharedMemoryPerMultiprocessor:
        *value = static_cast<int>(properties.sharedMemPerMultiprocessor);
        break;
    case cudaDevAttrMaxRegistersPerMultiprocessor:
        *value = properties.regsPerMultiprocessor;
        break;
    case cudaDevAttrCooperativeLaunch:
        *value = properties.cooperativeLaunch;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(properties.sharedMemPerBlockOptin);
        break;
    case cudaDevAttrMaxBlocksPerMultiprocessor:
        *value = properties.maxBlocksPerMultiProcessor;
        break;
    case cudaDevAttrReservedSharedMemoryPerBlock:
        *value = static_cast<int>(properties.reservedSharedMemPerBlock);
        break;
    case cudaDevAttrMemoryPoolsSupported:
        *value = properties.memoryPoolsSupported;
        break;
    case cudaDevAttrClusterLaunch:
        *value = properties.clusterLaunch;
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
