// The device's own f32 multiply-add peak: independent chains in registers, nothing else.
#include "launch.cuh"

#include "kernels.h"

enum { THREADS = 256, CHAINS = 16 };

// Sixteen chains of multiply-adds a thread, of `rounds` links each.
//   launch  any blocks x 256 threads;  shared: none
//   moves   nothing, does blocks*256*rounds*16*2 flop;  no barrier;  nothing aliases
//   reference: none, for nothing comes of it
static __global__ void __launch_bounds__(THREADS, nca_blocks_min(THREADS, 8))
    burn(int rounds, float factor, float *__restrict__ sink)
{
    float chain[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        chain[i] = (float)(threadIdx.x + i);
    for (int round = 0; round < rounds; round++)
#pragma unroll
        for (int i = 0; i < CHAINS; i++)
            chain[i] = fmaf(chain[i], factor, 0.5f);
    float sum = 0;
    for (int i = 0; i < CHAINS; i++)
        sum += chain[i];
    if (sum == -1)   // never; keeps the chains from being left out
        *sink = sum;
}

cudaError_t nca_cuda_burn(int blocks, int rounds, float *sink, double *flop, cudaStream_t stream)
{
    *flop = 2.0 * CHAINS * THREADS * (double)blocks * rounds;
    return NCA_LAUNCH(burn, dim3((unsigned)blocks), dim3(THREADS), 0, stream, rounds, 0.5f, sink);
}
