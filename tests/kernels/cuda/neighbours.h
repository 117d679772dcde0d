// A kernel that looks at the cells around each one, callable from C; arrays are on the device.
#ifndef NCA_TESTS_CUDA_NEIGHBOURS_H
#define NCA_TESTS_CUDA_NEIGHBOURS_H

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { SEEN = 64 };   // perception, 48 numbers, and what is gathered, 16

// seen [H,W,SEEN] of a state [H,W,16] and of what is sent, dp [H,W,3,16], added to g [H,W,16].
// `plane` says which cells are there; of the others nothing is read. By the functions of
// perceive.cuh, or by a branch for every neighbour.
cudaError_t look_around(int height, int width, bool by_branches, const uint32_t *plane,
                        const float *state, const float *dp, const float *g, float *seen);

#ifdef __cplusplus
}
#endif
#endif
