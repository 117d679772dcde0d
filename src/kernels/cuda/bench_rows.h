// Between bench.c, which times kernels one by one, and bench_rows.c, which knows them.
#ifndef NCA_CUDA_BENCH_ROWS_H
#define NCA_CUDA_BENCH_ROWS_H

#include "cuda_backend.h"

// Kernels while they run, on one step of the rollout.
typedef struct nca_cuda_bench {
    nca_session *session;
    nca_cuda_step begin, step, end;   // `end` would come after the last
    nca_cuda_step_backward back, back_end;
    int rows;   // of the cuBLAS path's matrices
    // Cells of the batch; see the table in bench_rows.c.
    double active, alive, settled, settled_after, learning;
    double settled_last, learning_first;   // after the last step; of the first
} nca_cuda_bench;

// A kernel or two of our own, or a product by cuBLAS.
typedef struct nca_cuda_bench_row {
    const char *name;
    cudaError_t (*launch)(const nca_cuda_bench *bench);
    nca_status (*multiply)(const nca_cuda_bench *bench, int layer, nca_error *error);
    double flop, bytes;
    int layer;   // of the product
} nca_cuda_bench_row;

// False beyond the last.
bool nca_cuda_bench_row_of(const nca_cuda_bench *bench, int number, nca_cuda_bench_row *out);

#endif
