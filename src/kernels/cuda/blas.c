// cuBLAS, loaded when the first session needs it, so that the program starts without it.
#define _GNU_SOURCE   // RTLD_DEFAULT
#include <cublas_v2.h>
#include <dlfcn.h>
#include <stdlib.h>

#include "cuda.h"

// cublas_v2.h renames its functions by macros; the library knows the new names.
#define NAME(function) NAME_OF(function)
#define NAME_OF(name) #name

typedef cublasStatus_t create_function(cublasHandle_t *);
typedef cublasStatus_t destroy_function(cublasHandle_t);
typedef cublasStatus_t stream_function(cublasHandle_t, cudaStream_t);
typedef cublasStatus_t sgemm_function(cublasHandle_t, cublasOperation_t, cublasOperation_t, int,
                                      int, int, const float *, const float *, int, const float *,
                                      int, const float *, float *, int);

typedef cublasStatus_t gemm_function(cublasHandle_t, cublasOperation_t, cublasOperation_t, int, int,
                                     int, const void *, const void *, cudaDataType, int,
                                     const void *, cudaDataType, int, const void *, void *,
                                     cudaDataType, int, cublasComputeType_t, cublasGemmAlgo_t);

struct nca_cuda_blas {
    void *library;
    cublasHandle_t handle;
    create_function *create;
    destroy_function *destroy;
    stream_function *set_stream;
    sgemm_function *sgemm;
    gemm_function *gemm;
};

static const char *const libraries[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so"};

// A function of the library, or of the program itself where that brings its own.
static bool find(const nca_cuda_blas *blas, const char *name, void *function)
{
    void *found = dlsym(blas->library ? blas->library : RTLD_DEFAULT, name);
    *(void **)function = found;
    return found != NULL;
}

static bool find_all(nca_cuda_blas *blas)
{
    return find(blas, NAME(cublasCreate), &blas->create) &&
           find(blas, NAME(cublasDestroy), &blas->destroy) &&
           find(blas, NAME(cublasSetStream), &blas->set_stream) &&
           find(blas, NAME(cublasSgemm), &blas->sgemm) &&
           find(blas, NAME(cublasGemmEx), &blas->gemm);
}

static bool load(nca_cuda_blas *blas)
{
    if (find_all(blas))
        return true;
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        blas->library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
        if (blas->library && find_all(blas))
            return true;
        if (blas->library)
            dlclose(blas->library);
        blas->library = NULL;
    }
    return false;
}

nca_status nca_cuda_blas_open(nca_device *device, nca_error *error)
{
    if (device->blas)
        return NCA_OK;
    nca_cuda_blas *blas = calloc(1, sizeof *blas);
    if (!blas)
        return nca_fail(error, NCA_MEMORY, "cuBLAS: no memory for its bookkeeping");
    device->blas = blas;
    if (!load(blas)) {
        nca_cuda_blas_close(device);
        return nca_fail(error, NCA_MISSING,
                        "cuBLAS: no libcublas.so on this machine; install it, add its folder to "
                        "LD_LIBRARY_PATH, or use 16 channels, 128 hidden units and --cuda-path "
                        "fused");
    }
    const cublasStatus_t status = blas->create(&blas->handle);
    if (status == CUBLAS_STATUS_SUCCESS)
        return NCA_OK;
    blas->handle = NULL;
    nca_cuda_blas_close(device);
    return nca_fail(error, NCA_DEVICE,
                    "cuBLAS: does not start on cuda:%d (status %d); free memory of the device or "
                    "use --cuda-path fused",
                    device->number, (int)status);
}

void nca_cuda_blas_close(nca_device *device)
{
    nca_cuda_blas *blas = device->blas;
    if (!blas)
        return;
    if (blas->handle)
        blas->destroy(blas->handle);
    if (blas->library)
        dlclose(blas->library);
    free(blas);
    device->blas = NULL;
}

static nca_status check(const nca_device *device, cublasStatus_t status, nca_error *error)
{
    if (status == CUBLAS_STATUS_SUCCESS)
        return NCA_OK;
    return nca_fail(error, NCA_DEVICE,
                    "cuda:%d: a product by cuBLAS failed (status %d); use --cuda-path fused or "
                    "--device cpu",
                    device->number, (int)status);
}

nca_status nca_cuda_blas_use(nca_device *device, cudaStream_t stream, nca_error *error)
{
    return check(device, device->blas->set_stream(device->blas->handle, stream), error);
}

// A row-major product c [rows,columns] = a b, or added to c. cuBLAS counts by columns: a row-major
// [rows,columns] is its [columns,rows], and factors change sides.
typedef struct product {
    int rows, columns, inner;
    const float *a, *b;
    float *c;
    bool turns_a, turns_b;   // a is [inner,rows], b is [columns,inner]
    bool adds;
} product;

// f32 is cublasSgemm, which rounds no factor unless it is told to; the others let the tensor cores
// round them.
static nca_status multiply(const nca_device *device, const product *of, nca_error *error)
{
    static const cublasComputeType_t types[] = {[NCA_CUDA_F32] = CUBLAS_COMPUTE_32F,
                                                [NCA_CUDA_TF32] = CUBLAS_COMPUTE_32F_FAST_TF32,
                                                [NCA_CUDA_BF16] = CUBLAS_COMPUTE_32F_FAST_16BF};
    const nca_cuda_blas *blas = device->blas;
    const cublasOperation_t first = of->turns_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = of->turns_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const int b_length = of->turns_b ? of->inner : of->columns;
    const int a_length = of->turns_a ? of->rows : of->inner;
    const float one = 1, kept = of->adds ? 1 : 0;
    if (device->precision == NCA_CUDA_F32)
        return check(device,
                     blas->sgemm(blas->handle, first, second, of->columns, of->rows, of->inner,
                                 &one, of->b, b_length, of->a, a_length, &kept, of->c, of->columns),
                     error);
    return check(device,
                 blas->gemm(blas->handle, first, second, of->columns, of->rows, of->inner, &one,
                            of->b, CUDA_R_32F, b_length, of->a, CUDA_R_32F, a_length, &kept, of->c,
                            CUDA_R_32F, of->columns, types[device->precision], CUBLAS_GEMM_DEFAULT),
                 error);
}

nca_status nca_cuda_multiply_turned(nca_device *device, int rows, int columns, int inner,
                                    const float *a, const float *b, float *c, nca_error *error)
{
    const product of = {rows, columns, inner, a, b, c, .turns_b = true};
    return multiply(device, &of, error);
}

nca_status nca_cuda_multiply(nca_device *device, int rows, int columns, int inner, const float *a,
                             const float *b, float *c, nca_error *error)
{
    const product of = {rows, columns, inner, a, b, c, .adds = false};
    return multiply(device, &of, error);
}

nca_status nca_cuda_multiply_add(nca_device *device, int rows, int columns, int inner,
                                 const float *a, const float *b, float *c, nca_error *error)
{
    const product of = {rows, columns, inner, a, b, c, .turns_a = true, .adds = true};
    return multiply(device, &of, error);
}
