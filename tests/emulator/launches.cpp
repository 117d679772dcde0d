// Checks a launch as a device would, queues it, and counts what ran.
#include "internal.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace nca_emulator
{
namespace
{
constexpr size_t shared_default = 48 << 10;   // what a block may have without asking
constexpr size_t shared_most = 227 << 10;     // and with

const char *next_name;
uint64_t launches, uncarved;
std::map<std::string, uint64_t> launches_by_name;
std::map<const void *, size_t> dynamic_limits;
std::map<const void *, int> carveouts;   // percent; none: left to the driver

size_t volume(dim3 size)
{
    return size_t(size.x) * size.y * size.z;
}

cudaError_t check_config(const cudaLaunchConfig_t &config, const grid_launch &made, size_t limit)
{
    const dim3 grid = made.grid, block = made.block, cluster = made.cluster;
    const char *name = made.name;
    if (volume(grid) == 0 || volume(block) == 0 || block.x > 1024 || block.y > 1024 ||
        block.z > 64 || volume(block) > 1024 || grid.x > 0x7fffffffu || grid.y > 65535 ||
        grid.z > 65535)
        return report(cudaErrorInvalidConfiguration,
                      format("kernel `%s`: no launch of (%u,%u,%u) blocks of (%u,%u,%u) threads",
                             name, grid.x, grid.y, grid.z, block.x, block.y, block.z));
    if (config.dynamicSmemBytes > limit)
        return report(
            cudaErrorInvalidValue,
            format("kernel `%s`: %zu bytes of dynamic shared memory, but cudaFuncSetAttribute "
                   "allowed %zu",
                   name, config.dynamicSmemBytes, limit));
    if (volume(cluster) == 0 || volume(cluster) > 8 || grid.x % cluster.x || grid.y % cluster.y ||
        grid.z % cluster.z)
        return report(
            cudaErrorInvalidClusterSize,
            format("kernel `%s`: the grid is no whole number of clusters, or they are too large",
                   name));
    // A device holds so many threads of each multiprocessor at most.
    const size_t resident = volume(grid) * volume(block);
    if (made.cooperative && resident > size_t(nca_emulator_get()->multiprocessors) * 2048)
        return report(cudaErrorCooperativeLaunchTooLarge,
                      format("kernel `%s`: %zu threads cannot all be resident", name, resident));
    return cudaSuccess;
}

cudaError_t run_now(const grid_launch &made)
{
    launches_by_name[made.name]++;
    const int lose = nca_emulator_get()->lose_at_launch;
    if (++launches == static_cast<uint64_t>(lose))
        return break_context(
            report(cudaErrorECCUncorrectable, "the device is lost, as it was asked to be"));
    const cudaError_t error = run_grid(made);
    return error == cudaSuccess ? error : break_context(error);
}
}   // namespace

cudaError_t launch(const cudaLaunchConfig_t &config, const void *kernel, std::function<void()> run)
{
    const auto found = dynamic_limits.find(kernel);
    const size_t limit = found == dynamic_limits.end() ? shared_default : found->second;
    grid_launch made = {next_name ? next_name : "unnamed",
                        config.gridDim,
                        config.blockDim,
                        dim3(1, 1, 1),
                        config.dynamicSmemBytes,
                        limit > shared_default ? shared_most : shared_default,
                        false,
                        false,
                        std::move(run),
                        std::make_shared<segment_range>(),
                        last_launch(config.stream)};
    next_name = nullptr;
    for (unsigned i = 0; i < config.numAttrs; i++) {
        const cudaLaunchAttribute &each = config.attrs[i];
        if (each.id == cudaLaunchAttributeCooperative)
            made.cooperative = each.val.cooperative != 0;
        else if (each.id == cudaLaunchAttributeClusterDimension)
            made.cluster =
                dim3(each.val.clusterDim.x, each.val.clusterDim.y, each.val.clusterDim.z);
        else if (each.id == cudaLaunchAttributeProgrammaticStreamSerialization)
            made.overlaps = each.val.programmaticStreamSerializationAllowed != 0;
    }
    cudaError_t error = done(check_config(config, made, limit));
    if (error == cudaSuccess)
        error = done(check_current(config.stream, made.name));
    if (config.dynamicSmemBytes > shared_default && carveouts.count(kernel) == 0)
        uncarved++;
    if (error != cudaSuccess)
        return error;
    error = done(enqueue(config.stream, [made] { return run_now(made); }));
    last_launch(config.stream) = made.segments;
    return error;
}
}   // namespace nca_emulator

using namespace nca_emulator;

void nca_emulator_name_launch(const char *name)
{
    next_name = name;
}

extern "C" uint64_t nca_emulator_launches(void)
{
    return launches;
}

extern "C" uint64_t nca_emulator_uncarved_launches(void)
{
    return uncarved;
}

// A launch is named as it was spelled: `scale`, or `(mlp<16, 128>)`.
static std::string kernel_of(const std::string &spelled)
{
    const size_t first = spelled[0] == '(' ? 1 : 0;
    return spelled.substr(first, spelled.find_first_of("<)", first) - first);
}

extern "C" uint64_t nca_emulator_launches_of(const char *kernel)
{
    uint64_t sum = 0;
    for (const auto &[each, count] : launches_by_name)
        if (kernel_of(each) == kernel)
            sum += count;
    return sum;
}

extern "C" cudaError_t cudaFuncSetAttribute(const void *function, enum cudaFuncAttribute attribute,
                                            int value)
{
    if (attribute == cudaFuncAttributeMaxDynamicSharedMemorySize) {
        if (value < 0 || static_cast<size_t>(value) > shared_most)
            return done(cudaErrorInvalidValue);
        dynamic_limits[function] = static_cast<size_t>(value);
    }
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) {
        if (value < -1 || value > 100)
            return done(cudaErrorInvalidValue);
        if (value < 0)
            carveouts.erase(function);
        else
            carveouts[function] = value;
    }
    return done(function ? cudaSuccess : cudaErrorInvalidDeviceFunction);
}

extern "C" cudaError_t cudaFuncGetAttributes(cudaFuncAttributes *attributes, const void *function)
{
    const auto found = dynamic_limits.find(function);
    *attributes = cudaFuncAttributes();
    attributes->maxThreadsPerBlock = 1024;
    attributes->numRegs = 32;
    attributes->binaryVersion = attributes->ptxVersion =
        std::min(nca_emulator_get()->image, nca_emulator_get()->capability);
    attributes->maxDynamicSharedSizeBytes =
        static_cast<int>(found == dynamic_limits.end() ? shared_default : found->second);
    return done(function ? cudaSuccess : cudaErrorInvalidDeviceFunction);
}

extern "C" cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks,
                                                                     const void *function,
                                                                     int block_size,
                                                                     size_t shared_bytes)
{
    if (!function || block_size < 1 || block_size > 1024)
        return done(cudaErrorInvalidValue);
    const size_t by_threads = 2048 / static_cast<size_t>(block_size);
    const size_t by_shared = (228 << 10) / (shared_bytes + 1024);
    *blocks = static_cast<int>(std::min(std::min(by_threads, by_shared), size_t(32)));
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaProfilerStart(void)
{
    return done(cudaSuccess);
}

extern "C" cudaError_t cudaProfilerStop(void)
{
    return done(cudaSuccess);
}
