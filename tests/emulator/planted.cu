// Test kernels with a fault each, as people write them: the emulator has to find every one
// (test_emulator.c).
#include "launch.cuh"

#include <cooperative_groups.h>

#include "kernels.h"

namespace
{
// Turns 64 values around through shared memory, but the barrier before the read is missing.
__global__ void race(const int *values, int *out)
{
    NCA_SHARED(int, turned, [64]);
    turned[threadIdx.x] = 0;
    __syncthreads();
    turned[63 - threadIdx.x] = values[threadIdx.x];
    out[threadIdx.x] = turned[threadIdx.x];
}

// Each lane reads what its neighbour wrote, and trusts that a warp runs in step: __syncwarp is
// missing.
__global__ void warp_race(const int *values, int *out)
{
    NCA_SHARED(int, line, [33]);
    line[threadIdx.x] = 0;
    if (threadIdx.x == 0)
        line[32] = 0;
    __syncwarp();
    line[threadIdx.x] = values[threadIdx.x];
    out[threadIdx.x] = line[threadIdx.x + 1];
}

// Every block reads what the block before it wrote in the same launch.
__global__ void block_order(int *out)
{
    out[blockIdx.x + 1] = out[blockIdx.x] == 1 ? 1 : 2;
}

__global__ void shared_read_outside(float *out, int index)
{
    NCA_SHARED(float, row, [32]);
    row[threadIdx.x] = 1.0f;
    __syncthreads();
    out[threadIdx.x] = row[index];
}

__global__ void shared_write_outside(float *out, int index)
{
    NCA_SHARED(float, row, [32]);
    row[threadIdx.x] = 1.0f;
    if (threadIdx.x == 0)
        (&row[0])[index] = 2.0f;
    __syncthreads();
    out[threadIdx.x] = row[threadIdx.x];
}

// Asks for 128 bytes.
__global__ void dynamic_read_outside(float *out, int index)
{
    NCA_SHARED_DYNAMIC(float, row);
    row[threadIdx.x] = 1.0f;
    __syncthreads();
    out[threadIdx.x] = row[index];
}

// Sums 33 elements of which 32 were written.
__global__ void uninitialised_shared(float *out)
{
    NCA_SHARED(float, row, [33]);
    row[threadIdx.x] = 1.0f;
    __syncthreads();
    float sum = 0;
    for (int i = 0; i < 33; i++)
        sum += row[i];
    out[threadIdx.x] = sum;
}

// Block 1 reads what block 0 left in shared memory.
__global__ void leftover_shared(float *out)
{
    NCA_SHARED(float, value, );
    if (blockIdx.x == 0 && threadIdx.x == 0)
        value = 1.0f;
    __syncthreads();
    out[blockIdx.x * blockDim.x + threadIdx.x] = value;
}

// Half of the block waits at one barrier, half at another.
__global__ void divergent_barrier(float *out)
{
    out += blockIdx.x * 64;
    if (threadIdx.x < 32) {
        out[threadIdx.x] = 1.0f;
        __syncthreads();
    } else {
        __syncthreads();
        out[threadIdx.x] = 2.0f;
    }
}

// Threads without work return before the barrier.
__global__ void early_return(float *out)
{
    if (threadIdx.x >= 40)
        return;
    __syncthreads();
    out[threadIdx.x] = 1.0f;
}

// All lanes are named, half of them come.
__global__ void missing_lanes(int *out)
{
    if (threadIdx.x < 16)
        out[threadIdx.x] = __shfl_xor_sync(0xffffffffu, static_cast<int>(threadIdx.x), 1);
}

// Half of the lanes come to an instruction of the whole warp.
void nothing(void *const[32]) {}

__global__ void half_an_instruction()
{
    if (threadIdx.x >= 16)
        nca_emulator_with_warp(nothing, nullptr);
}

// Reads a lane that its mask does not name.
__global__ void foreign_lane(int *out)
{
    if (threadIdx.x < 16)
        out[threadIdx.x] = __shfl_sync(0x0000ffffu, static_cast<int>(threadIdx.x), 16);
}

// 64 KB, where a block has 48 unless it asks for more.
__global__ void too_much_shared(float *out)
{
    NCA_SHARED(float, large, [16384]);
    large[threadIdx.x] = 1.0f;
    out[threadIdx.x] = large[threadIdx.x];
}

// Two threads write one element; the same value, so no order shows it.
__global__ void global_race(int *out)
{
    out[threadIdx.x / 2] = 1;
}

// Reads the neighbour's shared memory before the cluster has met.
__global__ void cluster_race(int *out)
{
    NCA_SHARED(int, mine, [32]);
    const cooperative_groups::cluster_group group = cooperative_groups::this_cluster();
    mine[threadIdx.x] = 0;
    group.sync();
    mine[threadIdx.x] = blockIdx.x + 1;
    out[blockIdx.x * 32 + threadIdx.x] =
        *group.map_shared_rank(&mine[threadIdx.x], 1 - group.block_rank());
    group.sync();
}

__global__ void traps()
{
    if (threadIdx.x == 5)
        __trap();
}

__global__ void global_access(float *values, int index, bool write)
{
    if (write)
        values[index] = 1.0f;
    else
        values[0] = values[index];
}

// Loads its values ahead of the wait for the launch before.
__global__ void early_read(const int *values, int *out)
{
    const int value = values[threadIdx.x];
    nca_wait_for_last();
    out[threadIdx.x] = value + 1;
}

__global__ void early_write(int *out)
{
    if (threadIdx.x == 5)
        out[threadIdx.x] = 1;
    nca_wait_for_last();
}

// Threads without work return before the wait.
__global__ void missing_wait(int *out)
{
    if (threadIdx.x >= 40)
        return;
    nca_wait_for_last();
    out[threadIdx.x] = 1;
}
}   // namespace

cudaError_t planted_race(const int *values, int *out, cudaStream_t stream)
{
    return NCA_LAUNCH(race, 1, 64, 0, stream, values, out);
}

cudaError_t planted_warp_race(const int *values, int *out, cudaStream_t stream)
{
    return NCA_LAUNCH(warp_race, 1, 32, 0, stream, values, out);
}

cudaError_t planted_block_order(int *out, int blocks, cudaStream_t stream)
{
    return NCA_LAUNCH(block_order, blocks, 1, 0, stream, out);
}

cudaError_t planted_shared_read_outside(float *out, int index, cudaStream_t stream)
{
    return NCA_LAUNCH(shared_read_outside, 1, 32, 0, stream, out, index);
}

cudaError_t planted_shared_write_outside(float *out, int index, cudaStream_t stream)
{
    return NCA_LAUNCH(shared_write_outside, 1, 32, 0, stream, out, index);
}

cudaError_t planted_dynamic_read_outside(float *out, int index, cudaStream_t stream)
{
    return NCA_LAUNCH(dynamic_read_outside, 1, 32, 128, stream, out, index);
}

cudaError_t planted_uninitialised_shared(float *out, cudaStream_t stream)
{
    return NCA_LAUNCH(uninitialised_shared, 1, 32, 0, stream, out);
}

cudaError_t planted_leftover_shared(float *out, cudaStream_t stream)
{
    return NCA_LAUNCH(leftover_shared, 2, 32, 0, stream, out);
}

cudaError_t planted_divergent_barrier(float *out, cudaStream_t stream)
{
    return NCA_LAUNCH(divergent_barrier, 2, 64, 0, stream, out);
}

cudaError_t planted_early_return(float *out, cudaStream_t stream)
{
    return NCA_LAUNCH(early_return, 1, 64, 0, stream, out);
}

cudaError_t planted_missing_lanes(int *out, cudaStream_t stream)
{
    return NCA_LAUNCH(missing_lanes, 1, 32, 0, stream, out);
}

cudaError_t planted_half_an_instruction(cudaStream_t stream)
{
    return NCA_LAUNCH(half_an_instruction, 1, 32, 0, stream);
}

cudaError_t planted_foreign_lane(int *out, cudaStream_t stream)
{
    return NCA_LAUNCH(foreign_lane, 1, 32, 0, stream, out);
}

cudaError_t planted_global_access(float *values, int index, bool write, cudaStream_t stream)
{
    return NCA_LAUNCH(global_access, 1, 1, 0, stream, values, index, write);
}

cudaError_t planted_too_much_shared(float *out, cudaStream_t stream)
{
    return NCA_LAUNCH(too_much_shared, 1, 32, 0, stream, out);
}

cudaError_t planted_global_race(int *out, cudaStream_t stream)
{
    return NCA_LAUNCH(global_race, 1, 32, 0, stream, out);
}

cudaError_t planted_cluster_race(int *out, cudaStream_t stream)
{
    return NCA_LAUNCH_CLUSTER(cluster_race, dim3(2), 2, 32, 0, stream, out);
}

cudaError_t planted_trap(cudaStream_t stream)
{
    return NCA_LAUNCH(traps, 1, 32, 0, stream);
}

cudaError_t planted_early_read(const int *values, int *out, cudaStream_t stream)
{
    return NCA_LAUNCH_OVERLAPPED(early_read, true, 1, 64, 0, stream, values, out);
}

cudaError_t planted_early_write(int *out, cudaStream_t stream)
{
    return NCA_LAUNCH_OVERLAPPED(early_write, true, 1, 64, 0, stream, out);
}

cudaError_t planted_missing_wait(int *out, cudaStream_t stream)
{
    return NCA_LAUNCH_OVERLAPPED(missing_wait, true, 1, 64, 0, stream, out);
}
