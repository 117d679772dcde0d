// Kernels that do one product of mma.cuh, callable from C; arrays are on the device. Each returns
// what the launch returned.
#ifndef NCA_TESTS_CUDA_MMA_PRODUCTS_H
#define NCA_TESTS_CUDA_MMA_PRODUCTS_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// What mma_product_of() gets for its factors.
enum {
    MMA_BY_ROWS,      // a [16,16], b [16,8]
    MMA_BY_COLUMNS,   // a [inner 16,16], b [8,inner 16]
    MMA_OF_TILES,     // a is [16,16] but comes out of a product: (a 1, a 1) of two unit matrices
};

// d [32,4] += a [32,4] b [32,2]: the registers of each lane, as the instruction takes them.
cudaError_t mma_instruction(int is_tf32, const uint32_t *a, const uint32_t *b, float *d);
// d [16,8] += a b, of matrices in memory.
cudaError_t mma_product_of(int is_tf32, int how, const float *a, const float *b, float *d);
// words [count]: in tf32, or {x, 0} in bf16.
cudaError_t mma_round(int is_tf32, const float *x, int count, uint32_t *words);

#ifdef __cplusplus
}
#endif
#endif
