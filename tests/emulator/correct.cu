// Test kernels without a fault, one for each thing the emulator gives: each must come out right in
// every order.
#include "launch.cuh"

#include <cooperative_groups.h>
#include <curand_kernel.h>

#include "kernels.h"

namespace
{
constexpr unsigned all_lanes = 0xffffffffu;

// sums[block] = the sum of the block's 256 values.
//   launch  ceil(count/256) x 256;  shared 32 bytes
__global__ void block_sum(const float *__restrict__ values, int count, float *__restrict__ sums)
{
    NCA_SHARED(float, partial, [8]);
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    float sum = i < count ? __ldg(values + i) : 0.0f;
    for (int offset = 16; offset > 0; offset /= 2)
        sum += __shfl_down_sync(all_lanes, sum, offset);
    if (threadIdx.x % 32 == 0)
        partial[threadIdx.x / 32] = sum;
    __syncthreads();
    if (threadIdx.x < 32) {
        sum = threadIdx.x < 8 ? partial[threadIdx.x] : 0.0f;
        for (int offset = 4; offset > 0; offset /= 2)
            sum += __shfl_xor_sync(all_lanes, sum, offset);
        if (threadIdx.x == 0)
            sums[blockIdx.x] = sum;
    }
}

// out[i] = the sum of values from the warp's first lane to i.   launch  ceil(count/64) x 64
__global__ void warp_scan(const int *values, int *out, int count)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x, lane = threadIdx.x % 32;
    int sum = i < count ? values[i] : 0;
    for (int offset = 1; offset < 32; offset *= 2) {
        const int below = __shfl_up_sync(all_lanes, sum, offset);
        if (lane >= offset)
            sum += below;
    }
    if (i < count)
        out[i] = sum;
}

// The indices of values above the threshold: a vote a warp, a place a block.
//   launch  ceil(count/128) x 128
__global__ void compact(const float *values, int count, float threshold, int *kept, int *kept_count)
{
    NCA_SHARED(int, warp_first, [5]);
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    const bool keep = i < count && values[i] > threshold;
    const unsigned votes = __ballot_sync(all_lanes, keep);
    if (lane == 0)
        warp_first[warp] = __popc(votes);
    __syncthreads();
    if (threadIdx.x == 0) {
        int sum = 0;
        for (int w = 0; w < 4; w++) {
            const int mine = warp_first[w];
            warp_first[w] = sum;
            sum += mine;
        }
        warp_first[4] = atomicAdd(kept_count, sum);
    }
    __syncthreads();
    if (keep)
        kept[warp_first[4] + warp_first[warp] + __popc(votes & ((1u << lane) - 1))] = i;
}

// bins[v] += number of values v of 0..15.   launch  any x 64;  dynamic shared 64 bytes
__global__ void histogram(const unsigned char *values, int count, int *bins)
{
    NCA_SHARED_DYNAMIC(int, mine);
    for (int i = threadIdx.x; i < 16; i += blockDim.x)
        mine[i] = 0;
    __syncthreads();
    for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < count; i += gridDim.x * blockDim.x)
        atomicAdd(&mine[values[i] & 15], 1);
    __syncthreads();
    for (int i = threadIdx.x; i < 16; i += blockDim.x)
        atomicAdd(&bins[i], mine[i]);
}

// out [12,32]: a row each collective.   launch  1 x 32
__global__ void collectives(unsigned *out)
{
    const int lane = threadIdx.x;
    const unsigned square = lane * lane;
    out[0 * 32 + lane] = __shfl_sync(all_lanes, square, 5);
    out[1 * 32 + lane] = __shfl_sync(all_lanes, square, 3, 8);
    out[2 * 32 + lane] = __shfl_up_sync(all_lanes, square, 2, 16);
    out[3 * 32 + lane] = __shfl_down_sync(all_lanes, square, 3, 16);
    out[4 * 32 + lane] = __shfl_xor_sync(all_lanes, square, 9);
    out[5 * 32 + lane] = __ballot_sync(all_lanes, lane % 3 == 0);
    out[6 * 32 + lane] = __any_sync(all_lanes, lane == 31) + 2 * __all_sync(all_lanes, lane < 31);
    out[7 * 32 + lane] = __reduce_add_sync(all_lanes, square);
    out[8 * 32 + lane] =
        __reduce_max_sync(all_lanes, 7 - lane) + 100 * __reduce_min_sync(all_lanes, square + 1);
    out[9 * 32 + lane] = __match_any_sync(all_lanes, lane / 7);
    // Two halves apart, each with its own mask, meet again at the end.
    if (lane < 16)
        out[10 * 32 + lane] = __reduce_add_sync(0x0000ffffu, 1u + (lane == 3));
    else
        out[10 * 32 + lane] = __shfl_sync(0xffff0000u, square, 20);
    __syncwarp();
    out[11 * 32 + lane] = static_cast<unsigned>(__shfl_xor_sync(all_lanes, 1e10 * lane, 1) / 1e10);
}

// words[i] = Philox4x32-10 of {i, y, z, w}.   launch  ceil(count/32) x 32
__global__ void philox(uint4 *words, int count, uint4 counter, uint2 key)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count)
        words[i] = curand_Philox4x32_10(make_uint4(i, counter.y, counter.z, counter.w), key);
}

__global__ void philox_at(uint4 *words, uint4 counter, uint2 key)
{
    *words = curand_Philox4x32_10(counter, key);
}

// The same words through a state: the first by curand, the next four by curand4, and so on.
//   launch  1 x 1
__global__ void philox_state(unsigned *words, int count, unsigned long long seed,
                             unsigned long long subsequence, unsigned long long offset)
{
    curandStatePhilox4_32_10_t state;
    curand_init(seed, subsequence, offset, &state);
    for (int i = 0; i + 5 <= count; i += 5) {
        words[i] = curand(&state);
        const uint4 next = curand4(&state);
        words[i + 1] = next.x, words[i + 2] = next.y, words[i + 3] = next.z, words[i + 4] = next.w;
    }
}

// values[i] = values[i] * factor + term.   launch  ceil(count/64) x 64
__global__ void scale(float *values, int count, float factor, float term)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count)
        values[i] = fmaf(values[i], factor, term);
}

// out [z,y,x] of the whole grid's threads = block and thread as one decimal number.
//   launch  (2,3,2) x (4,2,3)
__global__ void indices(int *out)
{
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    const int z = blockIdx.z * blockDim.z + threadIdx.z;
    const int width = gridDim.x * blockDim.x, height = gridDim.y * blockDim.y;
    const int block = (blockIdx.z * 10 + blockIdx.y) * 10 + blockIdx.x;
    out[(z * height + y) * width + x] =
        1000 * block + (threadIdx.z * 10 + threadIdx.y) * 10 + threadIdx.x;
}

// out [blocks,32]: what the block before in the cluster has in its shared memory.
//   launch  4k x 32, clusters of 4
__global__ void cluster(int *out)
{
    NCA_SHARED(int, mine, [32]);
    const cooperative_groups::cluster_group group = cooperative_groups::this_cluster();
    mine[threadIdx.x] = blockIdx.x;
    group.sync();
    const unsigned before = (group.block_rank() + group.num_blocks() - 1) % group.num_blocks();
    out[blockIdx.x * 32 + threadIdx.x] = *group.map_shared_rank(&mine[31 - threadIdx.x], before);
    group.sync();   // nobody leaves while its memory is read
}

// launch  any x 32, cooperative
__global__ void cooperative(int *out, int *scratch)
{
    if (threadIdx.x == 0)
        scratch[blockIdx.x] = blockIdx.x + 1;
    cooperative_groups::this_grid().sync();
    if (threadIdx.x == 0) {
        int sum = 0;
        for (unsigned i = 0; i < gridDim.x; i++)
            sum += scratch[i];
        out[blockIdx.x] = sum;
    }
}

// Partial results, a counter, and the last block adds up.   launch  any x 32
__global__ void last_block(int *out, int *scratch, unsigned *arrived)
{
    NCA_SHARED(bool, is_last, );
    if (threadIdx.x == 0) {
        scratch[blockIdx.x] = blockIdx.x + 1;
        __threadfence();
        is_last = atomicAdd(arrived, 1u) == gridDim.x - 1;
    }
    __syncthreads();
    if (is_last && threadIdx.x == 0) {
        int sum = 0;
        for (unsigned i = 0; i < gridDim.x; i++)
            sum += scratch[i];
        *out = sum;
        atomicExch(arrived, 0u);
    }
}

// Writes all of the dynamic shared memory and counts what it finds there.   launch  1 x 32
__global__ void dynamic(int *out, int count)
{
    NCA_SHARED_DYNAMIC(int, ones);
    for (int i = threadIdx.x; i < count; i += 32)
        ones[i] = 1;
    __syncthreads();
    int sum = 0;
    for (int i = threadIdx.x; i < count; i += 32)
        sum += ones[(i + 1) % count];
    sum = __reduce_add_sync(all_lanes, sum);
    if (threadIdx.x == 0)
        *out = sum;
}

int blocks_of(int count, int size)
{
    return (count + size - 1) / size;
}
}   // namespace

cudaError_t test_block_sum(const float *values, int count, float *sums, cudaStream_t stream)
{
    return NCA_LAUNCH(block_sum, blocks_of(count, 256), 256, 0, stream, values, count, sums);
}

cudaError_t test_warp_scan(const int *values, int *out, int count, cudaStream_t stream)
{
    return NCA_LAUNCH(warp_scan, blocks_of(count, 64), 64, 0, stream, values, out, count);
}

cudaError_t test_compact(const float *values, int count, float threshold, int *kept,
                         int *kept_count, cudaStream_t stream)
{
    return NCA_LAUNCH(compact, blocks_of(count, 128), 128, 0, stream, values, count, threshold,
                      kept, kept_count);
}

cudaError_t test_histogram(const unsigned char *values, int count, int *bins, cudaStream_t stream)
{
    return NCA_LAUNCH(histogram, 3, 64, 16 * sizeof(int), stream, values, count, bins);
}

cudaError_t test_collectives(unsigned *out, cudaStream_t stream)
{
    return NCA_LAUNCH(collectives, 1, 32, 0, stream, out);
}

cudaError_t test_philox_at(unsigned *words, uint4 counter, uint2 key, cudaStream_t stream)
{
    return NCA_LAUNCH(philox_at, 1, 1, 0, stream, reinterpret_cast<uint4 *>(words), counter, key);
}

cudaError_t test_philox(unsigned *words, int count, uint4 counter, uint2 key, cudaStream_t stream)
{
    return NCA_LAUNCH(philox, blocks_of(count, 32), 32, 0, stream, reinterpret_cast<uint4 *>(words),
                      count, counter, key);
}

cudaError_t test_philox_state(unsigned *words, int count, unsigned long long seed,
                              unsigned long long subsequence, unsigned long long offset,
                              cudaStream_t stream)
{
    return NCA_LAUNCH(philox_state, 1, 1, 0, stream, words, count, seed, subsequence, offset);
}

cudaError_t test_scale(float *values, int count, float factor, float term, cudaStream_t stream)
{
    return NCA_LAUNCH(scale, blocks_of(count, 64), 64, 0, stream, values, count, factor, term);
}

cudaError_t test_indices(int *out, cudaStream_t stream)
{
    return NCA_LAUNCH(indices, dim3(2, 3, 2), dim3(4, 2, 3), 0, stream, out);
}

cudaError_t test_cluster(int *out, int blocks, cudaStream_t stream)
{
    return NCA_LAUNCH_CLUSTER(cluster, dim3(4), blocks, 32, 0, stream, out);
}

cudaError_t test_cooperative(int *out, int *scratch, int blocks, cudaStream_t stream)
{
    return NCA_LAUNCH_COOPERATIVE(cooperative, blocks, 32, 0, stream, out, scratch);
}

cudaError_t test_last_block(int *out, int *scratch, unsigned *arrived, int blocks,
                            cudaStream_t stream)
{
    return NCA_LAUNCH(last_block, blocks, 32, 0, stream, out, scratch, arrived);
}

cudaError_t test_dynamic(int *out, size_t shared_bytes, cudaStream_t stream)
{
    return NCA_LAUNCH(dynamic, 1, 32, shared_bytes, stream, out, shared_bytes / sizeof(int));
}

cudaError_t test_dynamic_allow(int shared_bytes)
{
    return cudaFuncSetAttribute(dynamic, cudaFuncAttributeMaxDynamicSharedMemorySize, shared_bytes);
}
