// The stand-in for cuBLAS against a plain loop: every transposition, leading dimensions larger than
// they must be, alpha and beta, batches, the rounding of tf32 and bf16, and what it refuses.
#include "device_arrays.h"

#include <cublas_v2.h>

enum { M = 7, N = 5, K = 9, BATCH = 3, LEADING = 11, ELEMENTS = BATCH * LEADING * LEADING };

static float input(int i)
{
    return (float)((i * 7919 + 13) % 1001) / 500.0f - 1.0f;
}

// Element (i,j) of op(X) of one matrix of the batch; stride LEADING * LEADING.
static float at(const float *matrix, int batch, bool transposed, int i, int j)
{
    return matrix[batch * LEADING * LEADING + (transposed ? j + i * LEADING : i + j * LEADING)];
}

typedef struct product {
    bool transpose_a, transpose_b;
    float alpha, beta;
    int batch;
} product;

// c [ELEMENTS] as it should become.
static void multiply(const product *gemm, const float *a, const float *b, float *c)
{
    for (int batch = 0; batch < gemm->batch; batch++)
        for (int j = 0; j < N; j++)
            for (int i = 0; i < M; i++) {
                double sum = 0;
                for (int k = 0; k < K; k++)
                    sum += (double)at(a, batch, gemm->transpose_a, i, k) *
                           at(b, batch, gemm->transpose_b, k, j);
                float *into = &c[batch * LEADING * LEADING + i + j * LEADING];
                *into = (float)(gemm->alpha * sum + (gemm->beta == 0 ? 0 : gemm->beta * *into));
            }
}

static cublasOperation_t operation(bool transposed)
{
    return transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
}

static void check_product(cublasHandle_t handle, const product *gemm)
{
    float a[ELEMENTS], b[ELEMENTS], c[ELEMENTS], got[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        a[i] = input(i), b[i] = input(i + 5000), c[i] = gemm->beta == 0 ? NAN : input(i + 9000);
    const float *a_there = on_device(a, sizeof a), *b_there = on_device(b, sizeof b);
    float *c_there = on_device(c, sizeof c);
    const long long stride = LEADING * LEADING;
    const cublasOperation_t op_a = operation(gemm->transpose_a),
                            op_b = operation(gemm->transpose_b);
    const cublasStatus_t status =
        gemm->batch == 1
            ? cublasSgemm(handle, op_a, op_b, M, N, K, &gemm->alpha, a_there, LEADING, b_there,
                          LEADING, &gemm->beta, c_there, LEADING)
            : cublasSgemmStridedBatched(handle, op_a, op_b, M, N, K, &gemm->alpha, a_there, LEADING,
                                        stride, b_there, LEADING, stride, &gemm->beta, c_there,
                                        LEADING, stride, gemm->batch);
    assert_int_equal(status, CUBLAS_STATUS_SUCCESS);
    fetch(got, c_there, sizeof got);
    float expected[ELEMENTS];
    memcpy(expected, c, sizeof c);
    multiply(gemm, a, b, expected);
    for (int i = 0; i < ELEMENTS; i++) {
        const bool is_written = i / (LEADING * LEADING) < gemm->batch && i % LEADING < M &&
                                i % (LEADING * LEADING) / LEADING < N;
        // Nine products of numbers below one; outside of C nothing changes.
        if (is_written ? !(fabsf(got[i] - expected[i]) <= 1e-5f)
                       : memcmp(&got[i], &c[i], sizeof(float)) != 0)
            fail_msg("op %d%d alpha %g beta %g batch %d: element %d is %g, not %g",
                     gemm->transpose_a, gemm->transpose_b, gemm->alpha, gemm->beta, gemm->batch, i,
                     got[i], expected[i]);
    }
}

static void test_products(void **state)
{
    (void)state;
    cublasHandle_t handle;
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    static const float scalars[][2] = {{1, 0}, {1, 1}, {-0.5f, 2}, {0, 0.5f}};
    for (int kind = 0; kind < 4; kind++)
        for (int s = 0; s < 4; s++)
            for (int batch = 1; batch <= BATCH; batch += 2)
                check_product(handle, &(product){.transpose_a = kind & 1,
                                                 .transpose_b = kind >> 1,
                                                 .alpha = scalars[s][0],
                                                 .beta = scalars[s][1],
                                                 .batch = batch});
    assert_int_equal(cublasDestroy(handle), CUBLAS_STATUS_SUCCESS);
}

// 1 x 1 x 1: the product of two numbers, by the rounding of the compute type.
static float one_product(cublasHandle_t handle, float a, float b, cublasComputeType_t compute)
{
    const float *a_there = on_device(&a, sizeof a), *b_there = on_device(&b, sizeof b), one = 1,
                zero = 0;
    float *c_there = on_device(NULL, sizeof(float)), c;
    assert_int_equal(cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a_there,
                                  CUDA_R_32F, 1, b_there, CUDA_R_32F, 1, &zero, c_there, CUDA_R_32F,
                                  1, compute, CUBLAS_GEMM_DEFAULT),
                     CUBLAS_STATUS_SUCCESS);
    fetch(&c, c_there, sizeof c);
    return c;
}

static void test_roundings(void **state)
{
    (void)state;
    cublasHandle_t handle;
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    // 1 + 2^-9 has 9 bits of mantissa, 1 + 2^-20 twenty; 1 + 3 * 2^-8 lies half way and goes to the
    // even side.
    const float nine = 1 + 0x1p-9f, twenty = 1 + 0x1p-20f, tie = 1 + 3 * 0x1p-8f;
    assert_true(one_product(handle, twenty, 1, CUBLAS_COMPUTE_32F) == twenty);
    assert_true(one_product(handle, twenty, 1, CUBLAS_COMPUTE_32F_FAST_TF32) == 1);
    assert_true(one_product(handle, nine, 1, CUBLAS_COMPUTE_32F_FAST_TF32) == nine);
    assert_true(one_product(handle, nine, 1, CUBLAS_COMPUTE_32F_FAST_16BF) == 1);
    assert_true(one_product(handle, tie, 1, CUBLAS_COMPUTE_32F_FAST_16BF) == 1 + 2 * 0x1p-7f);
    assert_true(isnan(one_product(handle, NAN, 1, CUBLAS_COMPUTE_32F_FAST_16BF)));
    assert_int_equal(cublasSetMathMode(handle, CUBLAS_TF32_TENSOR_OP_MATH), CUBLAS_STATUS_SUCCESS);
    assert_true(one_product(handle, twenty, 1, CUBLAS_COMPUTE_32F) == 1);
    assert_true(one_product(handle, twenty, 1, CUBLAS_COMPUTE_32F_PEDANTIC) == twenty);
    cublasDestroy(handle);
}

// bf16 in and f32 out, bf16 in and out: 1.5 * -2 + 1.
static void test_bfloat16(void **state)
{
    (void)state;
    cublasHandle_t handle;
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    const uint16_t a = 0x3fc0, b = 0xc000;
    const float one = 1, old = 1;
    const uint16_t old_short = 0x3f80;
    const void *a_there = on_device(&a, sizeof a), *b_there = on_device(&b, sizeof b);
    void *wide = on_device(&old, sizeof old), *narrow = on_device(&old_short, sizeof old_short);
    float got;
    uint16_t got_short;
    assert_int_equal(cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, a_there,
                                  CUDA_R_16BF, 1, b_there, CUDA_R_16BF, 1, &one, wide, CUDA_R_32F,
                                  1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                     CUBLAS_STATUS_SUCCESS);
    assert_int_equal(cublasGemmEx(handle, CUBLAS_OP_T, CUBLAS_OP_T, 1, 1, 1, &one, a_there,
                                  CUDA_R_16BF, 1, b_there, CUDA_R_16BF, 1, &one, narrow,
                                  CUDA_R_16BF, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
                     CUBLAS_STATUS_SUCCESS);
    fetch(&got, wide, sizeof got);
    fetch(&got_short, narrow, sizeof got_short);
    assert_true(got == -2);
    assert_int_equal(got_short, 0xc000);
    cublasDestroy(handle);
}

// 1 x 1 x 1 of matrices of one type.
static cublasStatus_t ask(cublasHandle_t handle, cudaDataType type, cublasComputeType_t compute)
{
    const float one = 1, zero = 0;
    float *there = on_device((float[3]){0}, 3 * sizeof(float));
    return cublasGemmEx(handle, CUBLAS_OP_N, CUBLAS_OP_N, 1, 1, 1, &one, there, type, 1, there + 1,
                        type, 1, &zero, there + 2, type, 1, compute, CUBLAS_GEMM_DEFAULT);
}

// What cuBLAS does not have, or not for these matrices, is not answered by something near it.
static void test_unknown_types_are_refused(void **state)
{
    (void)state;
    cublasHandle_t handle;
    const cublasComputeType_t compute_64f = (cublasComputeType_t)70, none = (cublasComputeType_t)0;
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    assert_int_equal(ask(handle, CUDA_R_32F, CUBLAS_COMPUTE_32F_FAST_TF32), CUBLAS_STATUS_SUCCESS);
    assert_int_equal(ask(handle, CUDA_R_32F, compute_64f), CUBLAS_STATUS_NOT_SUPPORTED);
    assert_int_equal(ask(handle, CUDA_R_32F, none), CUBLAS_STATUS_NOT_SUPPORTED);
    assert_int_equal(ask(handle, CUDA_R_64F, CUBLAS_COMPUTE_32F), CUBLAS_STATUS_NOT_SUPPORTED);
    assert_int_equal(ask(handle, CUDA_R_16BF, CUBLAS_COMPUTE_32F_FAST_16BF),
                     CUBLAS_STATUS_NOT_SUPPORTED);
    cublasDestroy(handle);
}

static void test_refusals(void **state)
{
    (void)state;
    cublasHandle_t handle;
    const float one = 1;
    assert_int_equal(cublasCreate(&handle), CUBLAS_STATUS_SUCCESS);
    float *there = on_device((float[100]){0}, 100 * sizeof(float)), here[100] = {0};
    // Leading dimension below the rows; a matrix larger than its allocation; host memory.
    assert_int_equal(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, there, 3, there,
                                 4, &one, there, 4),
                     CUBLAS_STATUS_INVALID_VALUE);
    assert_int_equal(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 10, 11, 1, &one, there, 10,
                                 there, 1, &one, there, 10),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_non_null(strstr(nca_emulator_message(), "cublas: matrix C"));
    assert_int_equal(cudaDeviceReset(), cudaSuccess);
    there = on_device((float[100]){0}, 100 * sizeof(float));
    assert_int_equal(cublasSgemm(handle, CUBLAS_OP_N, CUBLAS_OP_N, 4, 4, 4, &one, here, 4, there, 4,
                                 &one, there, 4),
                     CUBLAS_STATUS_EXECUTION_FAILED);
    assert_non_null(strstr(nca_emulator_message(), "cublas: matrix A"));
    cublasDestroy(handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_products, reset_device),
        cmocka_unit_test_setup(test_roundings, reset_device),
        cmocka_unit_test_setup(test_bfloat16, reset_device),
        cmocka_unit_test_setup(test_unknown_types_are_refused, reset_device),
        cmocka_unit_test_setup(test_refusals, reset_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
