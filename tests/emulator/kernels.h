// The launchers of the emulator's own test kernels (correct.cu, planted.cu), callable from C.
// Arrays are on the device. Each returns what the launch returned.
#ifndef NCA_TESTS_EMULATOR_KERNELS_H
#define NCA_TESTS_EMULATOR_KERNELS_H

#include <cuda_runtime_api.h>

#ifdef __cplusplus
extern "C" {
#endif

// -- correct.cu -----------------------------------------------------------------------------------
// sums [blocks] = the sum of each block's 256 of values [count].
cudaError_t test_block_sum(const float *values, int count, float *sums, cudaStream_t stream);
// out [count] = the sums of values [0..i] within each warp.
cudaError_t test_warp_scan(const int *values, int *out, int count, cudaStream_t stream);
// kept [*kept_count] = the indices of the values above `threshold`, in the order of blocks as they
// came.
cudaError_t test_compact(const float *values, int count, float threshold, int *kept,
                         int *kept_count, cudaStream_t stream);
// bins [16] += how many values [count] fall into each.
cudaError_t test_histogram(const unsigned char *values, int count, int *bins, cudaStream_t stream);
// out [12,32]: what every collective of a warp gives to each lane, see correct.cu.
cudaError_t test_collectives(unsigned *out, cudaStream_t stream);
// words [4] = Philox of the counter; words [count,4] = of {i, y, z, w}; words [count] of a state,
// by turns one and four.
cudaError_t test_philox_at(unsigned *words, uint4 counter, uint2 key, cudaStream_t stream);
cudaError_t test_philox(unsigned *words, int count, uint4 counter, uint2 key, cudaStream_t stream);
cudaError_t test_philox_state(unsigned *words, int count, unsigned long long seed,
                              unsigned long long subsequence, unsigned long long offset,
                              cudaStream_t stream);
// values [count] = values * factor + term.
cudaError_t test_scale(float *values, int count, float factor, float term, cudaStream_t stream);
// out [6,6,8]: where each thread of an uneven grid says it is.
cudaError_t test_indices(int *out, cudaStream_t stream);
// out [blocks,32] = the number of the block before it in its cluster of 4 (around), by its shared
// memory.
cudaError_t test_cluster(int *out, int blocks, cudaStream_t stream);
// out [blocks]: the sum over all blocks of (block + 1), after a barrier of the grid; scratch
// [blocks].
cudaError_t test_cooperative(int *out, int *scratch, int blocks, cudaStream_t stream);
// *out = the sum of (block + 1), by the block that comes last; scratch [blocks], *arrived zero
// before and after.
cudaError_t test_last_block(int *out, int *scratch, unsigned *arrived, int blocks,
                            cudaStream_t stream);
// *out = how many ints the dynamic shared memory of so many bytes holds, counted there; and how
// much it may have.
cudaError_t test_dynamic(int *out, size_t shared_bytes, cudaStream_t stream);
cudaError_t test_dynamic_allow(int shared_bytes);

// -- planted.cu: each has the fault it is named after ---------------------------------------------
cudaError_t planted_race(const int *values, int *out, cudaStream_t stream);
cudaError_t planted_warp_race(const int *values, int *out, cudaStream_t stream);
cudaError_t planted_block_order(int *out, int blocks, cudaStream_t stream);
cudaError_t planted_shared_read_outside(float *out, int index, cudaStream_t stream);
cudaError_t planted_shared_write_outside(float *out, int index, cudaStream_t stream);
cudaError_t planted_dynamic_read_outside(float *out, int index, cudaStream_t stream);
cudaError_t planted_uninitialised_shared(float *out, cudaStream_t stream);
cudaError_t planted_leftover_shared(float *out, cudaStream_t stream);
cudaError_t planted_divergent_barrier(float *out, cudaStream_t stream);
cudaError_t planted_early_return(float *out, cudaStream_t stream);
cudaError_t planted_missing_lanes(int *out, cudaStream_t stream);
cudaError_t planted_half_an_instruction(cudaStream_t stream);
cudaError_t planted_foreign_lane(int *out, cudaStream_t stream);
cudaError_t planted_too_much_shared(float *out, cudaStream_t stream);
cudaError_t planted_global_race(int *out, cudaStream_t stream);
cudaError_t planted_cluster_race(int *out, cudaStream_t stream);
cudaError_t planted_trap(cudaStream_t stream);
cudaError_t planted_global_access(float *values, int index, bool write, cudaStream_t stream);
// Each may overlap the launch before. The first is right unless that one writes values [64]; out
// [64].
cudaError_t planted_early_read(const int *values, int *out, cudaStream_t stream);
cudaError_t planted_early_write(int *out, cudaStream_t stream);
cudaError_t planted_missing_wait(int *out, cudaStream_t stream);

#ifdef __cplusplus
}
#endif
#endif
