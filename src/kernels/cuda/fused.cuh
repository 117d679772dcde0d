// What the fused kernels ask of a network. fused.cu has the kernels, forward and backward, once;
// network_f32.cuh and network_mma.cuh have the networks that compute their chunks of cells, by
// plain multiply-adds and on tensor cores. For kernels only.
//
// A network is a struct for each direction. All threads of the block call what has a barrier or is
// said to be for all.
//   FLOATS                     of shared memory that its matrices take, a multiple of 4
//   BLOCKS_MIN                 blocks a multiprocessor that its registers leave room for
//   CAPABILITY                 what it needs of a device: 80 is compute capability 8.0
//   Network(memory)            lays its matrices out
//   begin(rule)                takes the weights, for all; they are there after the next barrier.
//                              Called ahead of nca_wait_for_last(): reads nothing else of
//                              global memory and writes none
//   put_input(i, cell, x)      inputs i..i+3 of a cell of the chunk
//   compute(rule)              the chunk, for all; a barrier stands before and one after it
// Forward, after compute():
//   state(c, cell)             channels c..c+3 of the state, as they were put
//   output(rule, c, cell)      the same channels of the network's output, with its bias
// Backward:
//   put_doutput(c, cell, g)    gradient of channels c..c+3 of the output, beside put_input()
//   dinput(i, cell)            after compute(): gradient of inputs i..i+3
//   save(begins, sums)         for all, after the last chunk: adds the gradients of the parameters
//                              over all chunks to sums [P], or begins those. hidden.weight is
//                              transposed there, [3C,K]; reduce_sums() turns it
#ifndef NCA_CUDA_FUSED_CUH
#define NCA_CUDA_FUSED_CUH

#include "perceive.cuh"

enum { CHUNK = 32 };   // cells that a block does at once
enum { CHANNELS = 16, INPUTS = 3 * CHANNELS, HIDDEN = 128 };
enum { PARAMETERS = HIDDEN * (INPUTS + 1) + CHANNELS * (HIDDEN + 1) };
enum { FORWARD_THREADS = 128, BACKWARD_THREADS = 256 };

static __device__ inline float nca_relu(float x)
{
    return x < 0 ? 0 : x;   // a NaN passes, so that it is noticed
}

#endif
