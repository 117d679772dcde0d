// cuBLAS by plain loops: products in f32, k ascending, after rounding the inputs to the format that
// the compute type or the math mode allows. A NaN in C does not matter where beta is 0, as in the
// BLAS.
#include <cublas_v2.h>

#include <cstring>

#include "shadow.h"

struct cublasContext {
    int device;
    cudaStream_t stream;
    cudaStream_t worked_on;   // the stream that its workspace belongs to
    bool has_worked;
    cublasMath_t math;
    cublasPointerMode_t pointers;
};

namespace
{
using namespace nca_emulator;

struct matrix {
    const void *data;
    cudaDataType type;
    int leading;
    long long stride;
    bool transposed;
};

struct product {
    int m, n, k, batch;
    const float *alpha_at, *beta_at;   // null where the value is known already
    float alpha, beta;
    matrix a, b;
    void *c;
    cudaDataType type_c;
    int ldc;
    long long stride_c;
    int mantissa_bits;   // that are kept of f32 inputs: 23, 10 (tf32), 7 (bf16)
};

size_t size_of(cudaDataType type)
{
    return type == CUDA_R_32F ? 4 : 2;
}

float from_bfloat16(uint16_t bits)
{
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &wide, sizeof value);
    return value;
}

// To the nearest, ties to even; NaN stays NaN.
float keep_bits(float value, int mantissa_bits)
{
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    if (mantissa_bits >= 23 || (bits & 0x7f800000u) == 0x7f800000u)
        return value;
    const int drop = 23 - mantissa_bits;
    bits += (1u << (drop - 1)) - 1 + (bits >> drop & 1u);
    bits &= ~((1u << drop) - 1);
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

float element(const void *data, cudaDataType type, size_t at)
{
    return type == CUDA_R_32F ? static_cast<const float *>(data)[at]
                              : from_bfloat16(static_cast<const uint16_t *>(data)[at]);
}

// Element i of rows, j of columns of op(X) of one matrix of the batch.
float element(const matrix &operand, int batch, int i, int j)
{
    const size_t row = static_cast<size_t>(operand.transposed ? j : i),
                 column = static_cast<size_t>(operand.transposed ? i : j);
    return element(operand.data, operand.type,
                   static_cast<size_t>(batch * operand.stride) + row +
                       column * static_cast<size_t>(operand.leading));
}

void store(void *data, cudaDataType type, size_t at, float value)
{
    if (type == CUDA_R_32F) {
        static_cast<float *>(data)[at] = value;
        return;
    }
    const float rounded = keep_bits(value, 7);
    uint32_t bits;
    std::memcpy(&bits, &rounded, sizeof bits);
    static_cast<uint16_t *>(data)[at] = static_cast<uint16_t>(bits >> 16);
}

// op(X) of one batch as rows of k, so that the products run along memory.
std::vector<float> packed(const matrix &operand, int batch, int rows, int k, bool right,
                          int mantissa_bits)
{
    std::vector<float> all(static_cast<size_t>(rows) * static_cast<size_t>(k));
    for (int i = 0; i < rows; i++)
        for (int p = 0; p < k; p++)
            all[static_cast<size_t>(i) * static_cast<size_t>(k) + static_cast<size_t>(p)] =
                keep_bits(right ? element(operand, batch, p, i) : element(operand, batch, i, p),
                          mantissa_bits);
    return all;
}

void multiply(const product &gemm, int batch)
{
    const std::vector<float> a = packed(gemm.a, batch, gemm.m, gemm.k, false, gemm.mantissa_bits);
    const std::vector<float> b = packed(gemm.b, batch, gemm.n, gemm.k, true, gemm.mantissa_bits);
    const size_t k = static_cast<size_t>(gemm.k);
    for (int j = 0; j < gemm.n; j++) {
        for (int i = 0; i < gemm.m; i++) {
            const float *row = &a[static_cast<size_t>(i) * k],
                        *column = &b[static_cast<size_t>(j) * k];
            float sum = 0;
            for (size_t p = 0; p < k; p++)
                sum += row[p] * column[p];
            const size_t at = static_cast<size_t>(batch * gemm.stride_c) + static_cast<size_t>(i) +
                              static_cast<size_t>(j) * static_cast<size_t>(gemm.ldc);
            const float before = gemm.beta == 0 ? 0 : gemm.beta * element(gemm.c, gemm.type_c, at);
            store(gemm.c, gemm.type_c, at, gemm.alpha * sum + before);
        }
        const size_t first = static_cast<size_t>(batch * gemm.stride_c) +
                             static_cast<size_t>(j) * static_cast<size_t>(gemm.ldc);
        shadow_written(static_cast<char *>(gemm.c) + first * size_of(gemm.type_c),
                       static_cast<size_t>(gemm.m) * size_of(gemm.type_c));
    }
}

cudaError_t check_matrix(const char *name, const void *data, cudaDataType type, int leading,
                         long long stride, int batch, int rows, int columns)
{
    std::string why;
    if (rows == 0 || columns == 0)
        return cudaSuccess;
    const size_t elements = static_cast<size_t>(stride) * static_cast<size_t>(batch - 1) +
                            static_cast<size_t>(leading) * static_cast<size_t>(columns - 1) +
                            static_cast<size_t>(rows);
    if (is_device_memory(data, elements * size_of(type), &why))
        return cudaSuccess;
    return report(cudaErrorIllegalAddress, format("cublas: matrix %s at %p: ", name, data) + why);
}

cudaError_t run(product gemm)
{
    if (gemm.alpha_at)
        gemm.alpha = *gemm.alpha_at;
    if (gemm.beta_at)
        gemm.beta = *gemm.beta_at;
    const matrix &a = gemm.a, &b = gemm.b;
    cudaError_t error =
        check_matrix("A", a.data, a.type, a.leading, a.stride, gemm.batch,
                     a.transposed ? gemm.k : gemm.m, a.transposed ? gemm.m : gemm.k);
    if (error == cudaSuccess)
        error = check_matrix("B", b.data, b.type, b.leading, b.stride, gemm.batch,
                             b.transposed ? gemm.n : gemm.k, b.transposed ? gemm.k : gemm.n);
    if (error == cudaSuccess)
        error = check_matrix("C", gemm.c, gemm.type_c, gemm.ldc, gemm.stride_c, gemm.batch, gemm.m,
                             gemm.n);
    for (int i = 0; i < gemm.batch && error == cudaSuccess; i++)
        multiply(gemm, i);
    return error == cudaSuccess ? error : break_context(error);
}

bool is_known(cudaDataType type)
{
    return type == CUDA_R_32F || type == CUDA_R_16BF;
}

cublasStatus_t check_shape(const product &gemm)
{
    const matrix &a = gemm.a, &b = gemm.b;
    if (gemm.m < 0 || gemm.n < 0 || gemm.k < 0 || gemm.batch < 0 ||
        a.leading < std::max(1, a.transposed ? gemm.k : gemm.m) ||
        b.leading < std::max(1, b.transposed ? gemm.n : gemm.k) || gemm.ldc < std::max(1, gemm.m))
        return CUBLAS_STATUS_INVALID_VALUE;
    return is_known(a.type) && a.type == b.type && is_known(gemm.type_c)
               ? CUBLAS_STATUS_SUCCESS
               : CUBLAS_STATUS_NOT_SUPPORTED;
}

// Whether cuBLAS has the compute type at all, and for these matrices: the fast ones are for f32
// alone.
bool is_known(const product &gemm, cublasComputeType_t compute)
{
    switch (compute) {
    case CUBLAS_COMPUTE_32F:
    case CUBLAS_COMPUTE_32F_PEDANTIC:
        return true;
    case CUBLAS_COMPUTE_32F_FAST_16BF:
    case CUBLAS_COMPUTE_32F_FAST_TF32:
        return gemm.a.type == CUDA_R_32F && gemm.type_c == CUDA_R_32F;
    default:
        return false;
    }
}

// Small products stay in f32 though tf32 is allowed, where NCA_EMULATOR_TF32_FROM says so.
int bits_kept(cublasHandle_t handle, const product &gemm, cublasComputeType_t compute)
{
    const int from = nca_emulator_get()->tf32_from;
    const bool is_large = from == 0 || (gemm.m >= 16 && std::min(gemm.n, gemm.k) >= from);
    if (compute == CUBLAS_COMPUTE_32F_FAST_16BF)
        return 7;
    if (compute == CUBLAS_COMPUTE_32F_FAST_TF32)
        return is_large ? 10 : 23;
    return compute == CUBLAS_COMPUTE_32F && handle->math == CUBLAS_TF32_TENSOR_OP_MATH && is_large
               ? 10
               : 23;
}

// A handle works on the device that made it, and its workspace holds what the last stream's product
// may still be using.
cudaError_t check_handle(cublasHandle_t handle)
{
    if (handle->device != current_device())
        return report(cudaErrorInvalidResourceHandle,
                      format("cublas: a handle of device %d while device %d is current",
                             handle->device, current_device()));
    if (handle->has_worked && handle->worked_on != handle->stream)
        return report(cudaErrorInvalidResourceHandle,
                      "cublas: two streams share the workspace of one handle");
    handle->worked_on = handle->stream;
    handle->has_worked = true;
    return cudaSuccess;
}

cublasStatus_t queue(cublasHandle_t handle, product gemm, const void *alpha, const void *beta,
                     cublasComputeType_t compute)
{
    if (!handle)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    const cublasStatus_t status = check_shape(gemm);
    if (status != CUBLAS_STATUS_SUCCESS)
        return status;
    if (!is_known(gemm, compute))
        return CUBLAS_STATUS_NOT_SUPPORTED;
    if (done(check_handle(handle)) != cudaSuccess)
        return CUBLAS_STATUS_EXECUTION_FAILED;
    gemm.mantissa_bits = bits_kept(handle, gemm, compute);
    const float *alpha_at = static_cast<const float *>(alpha),
                *beta_at = static_cast<const float *>(beta);
    const bool on_device = handle->pointers == CUBLAS_POINTER_MODE_DEVICE;
    gemm.alpha_at = on_device ? alpha_at : nullptr;
    gemm.beta_at = on_device ? beta_at : nullptr;
    gemm.alpha = on_device ? 0 : *alpha_at;
    gemm.beta = on_device ? 0 : *beta_at;
    return done(enqueue(handle->stream, [gemm] { return run(gemm); })) == cudaSuccess
               ? CUBLAS_STATUS_SUCCESS
               : CUBLAS_STATUS_EXECUTION_FAILED;
}
}   // namespace

extern "C" const char *cublasGetStatusName(cublasStatus_t status)
{
    switch (status) {
    case CUBLAS_STATUS_SUCCESS:
        return "CUBLAS_STATUS_SUCCESS";
    case CUBLAS_STATUS_NOT_INITIALIZED:
        return "CUBLAS_STATUS_NOT_INITIALIZED";
    case CUBLAS_STATUS_ALLOC_FAILED:
        return "CUBLAS_STATUS_ALLOC_FAILED";
    case CUBLAS_STATUS_INVALID_VALUE:
        return "CUBLAS_STATUS_INVALID_VALUE";
    case CUBLAS_STATUS_EXECUTION_FAILED:
        return "CUBLAS_STATUS_EXECUTION_FAILED";
    case CUBLAS_STATUS_NOT_SUPPORTED:
        return "CUBLAS_STATUS_NOT_SUPPORTED";
    default:
        return "an unknown cuBLAS status";
    }
}

extern "C" const char *cublasGetStatusString(cublasStatus_t status)
{
    return cublasGetStatusName(status);
}

extern "C" cublasStatus_t cublasCreate(cublasHandle_t *handle)
{
    int count = 0;
    *handle = nullptr;
    if (refuse_while_capturing() != cudaSuccess || cudaGetDeviceCount(&count) != cudaSuccess)
        return CUBLAS_STATUS_NOT_INITIALIZED;
    *handle = new cublasContext();
    (*handle)->device = current_device();
    return CUBLAS_STATUS_SUCCESS;
}

extern "C" cublasStatus_t cublasDestroy(cublasHandle_t handle)
{
    delete handle;
    return handle ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

extern "C" cublasStatus_t cublasGetVersion(cublasHandle_t, int *version)
{
    *version = 130000;
    return CUBLAS_STATUS_SUCCESS;
}

extern "C" cublasStatus_t cublasSetStream(cublasHandle_t handle, cudaStream_t stream)
{
    handle->stream = stream;
    return CUBLAS_STATUS_SUCCESS;
}

extern "C" cublasStatus_t cublasSetMathMode(cublasHandle_t handle, cublasMath_t mode)
{
    handle->math = mode;
    return CUBLAS_STATUS_SUCCESS;
}

extern "C" cublasStatus_t cublasSetPointerMode(cublasHandle_t handle, cublasPointerMode_t mode)
{
    handle->pointers = mode;
    return CUBLAS_STATUS_SUCCESS;
}

extern "C" cublasStatus_t cublasSetWorkspace(cublasHandle_t, void *workspace, size_t bytes)
{
    std::string why;
    return bytes == 0 || is_device_memory(workspace, bytes, &why) ? CUBLAS_STATUS_SUCCESS
                                                                  : CUBLAS_STATUS_INVALID_VALUE;
}

extern "C" cublasStatus_t
cublasGemmStridedBatchedEx(cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b,
                           int m, int n, int k, const void *alpha, const void *a,
                           cudaDataType type_a, int lda, long long stride_a, const void *b,
                           cudaDataType type_b, int ldb, long long stride_b, const void *beta,
                           void *c, cudaDataType type_c, int ldc, long long stride_c, int batch,
                           cublasComputeType_t compute, cublasGemmAlgo_t)
{
    product gemm = {};
    gemm.m = m, gemm.n = n, gemm.k = k, gemm.batch = batch;
    gemm.a = {a, type_a, lda, stride_a, op_a != CUBLAS_OP_N};
    gemm.b = {b, type_b, ldb, stride_b, op_b != CUBLAS_OP_N};
    gemm.c = c, gemm.type_c = type_c, gemm.ldc = ldc, gemm.stride_c = stride_c;
    return queue(handle, gemm, alpha, beta, compute);
}

extern "C" cublasStatus_t cublasGemmEx(cublasHandle_t handle, cublasOperation_t op_a,
                                       cublasOperation_t op_b, int m, int n, int k,
                                       const void *alpha, const void *a, cudaDataType type_a,
                                       int lda, const void *b, cudaDataType type_b, int ldb,
                                       const void *beta, void *c, cudaDataType type_c, int ldc,
                                       cublasComputeType_t compute, cublasGemmAlgo_t algorithm)
{
    return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, type_a, lda, 0, b,
                                      type_b, ldb, 0, beta, c, type_c, ldc, 0, 1, compute,
                                      algorithm);
}

extern "C" cublasStatus_t cublasSgemmStridedBatched(
    cublasHandle_t handle, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
    const float *alpha, const float *a, int lda, long long stride_a, const float *b, int ldb,
    long long stride_b, const float *beta, float *c, int ldc, long long stride_c, int batch)
{
    return cublasGemmStridedBatchedEx(handle, op_a, op_b, m, n, k, alpha, a, CUDA_R_32F, lda,
                                      stride_a, b, CUDA_R_32F, ldb, stride_b, beta, c, CUDA_R_32F,
                                      ldc, stride_c, batch, CUBLAS_COMPUTE_32F,
                                      CUBLAS_GEMM_DEFAULT);
}

extern "C" cublasStatus_t cublasSgemm(cublasHandle_t handle, cublasOperation_t op_a,
                                      cublasOperation_t op_b, int m, int n, int k,
                                      const float *alpha, const float *a, int lda, const float *b,
                                      int ldb, const float *beta, float *c, int ldc)
{
    return cublasSgemmStridedBatched(handle, op_a, op_b, m, n, k, alpha, a, lda, 0, b, ldb, 0, beta,
                                     c, ldc, 0, 1);
}
