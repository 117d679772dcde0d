// cuBLAS, loaded when the first session needs it, so that the program starts without it.
#define _GNU_SOURCE   // RTLD_DEFAULT
#include <cublas_v2.h>
#include <dlfcn.h>
#include <pthread.h>

#include "cuda_backend.h"

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

// One for the process: it is never unloaded, which would cost seconds each time a device is opened.
static struct {
    bool is_there;
    void *handle;   // NULL: the program brings the functions itself
    create_function *create;
    destroy_function *destroy;
    stream_function *set_stream;
    sgemm_function *sgemm;
    gemm_function *gemm;
} library;

static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static const char *const names[] = {"libcublas.so.13", "libcublas.so.12", "libcublas.so"};

// A function of the library, or of the program itself where that brings its own.
static bool find(const char *name, void *function)
{
    void *found = dlsym(library.handle ? library.handle : RTLD_DEFAULT, name);
    *(void **)function = found;
    return found != NULL;
}

static bool find_all(void)
{
    return find(NAME(cublasCreate), &library.create) &&
           find(NAME(cublasDestroy), &library.destroy) &&
           find(NAME(cublasSetStream), &library.set_stream) &&
           find(NAME(cublasSgemm), &library.sgemm) && find(NAME(cublasGemmEx), &library.gemm);
}

static bool load(void)
{
    if (library.is_there || find_all())
        return true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        library.handle = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (library.handle && find_all())
            return true;
        if (library.handle)
            dlclose(library.handle);
        library.handle = NULL;
    }
    return false;
}

nca_status nca_cuda_blas_load(nca_error *error)
{
    pthread_mutex_lock(&loading);
    const bool is_there = library.is_there = load();
    pthread_mutex_unlock(&loading);
    if (is_there)
        return NCA_OK;
    return nca_fail(error, NCA_MISSING,
                    "cuBLAS: no libcublas.so on this machine; install it, add its folder to "
                    "LD_LIBRARY_PATH, or use 16 channels, 128 hidden units and --cuda-path fused");
}

// A handle's workspace serves one stream, so every session has a handle.
nca_status nca_cuda_blas_open(nca_session *session, nca_error *error)
{
    cublasHandle_t handle = NULL;
    cublasStatus_t status = library.create(&handle);
    if (status == CUBLAS_STATUS_SUCCESS)
        status = library.set_stream(handle, session->stream);
    if (status == CUBLAS_STATUS_SUCCESS) {
        session->blas = handle;
        return NCA_OK;
    }
    if (handle)
        library.destroy(handle);
    return nca_fail(error, NCA_DEVICE,
                    "cuBLAS: does not start on cuda:%d (status %d); free memory of the device or "
                    "use --cuda-path fused",
                    session->device->number, (int)status);
}

void nca_cuda_blas_close(nca_session *session)
{
    if (session->blas)
        library.destroy(session->blas);
    session->blas = NULL;
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
static nca_status multiply(const nca_session *session, const product *wanted, nca_error *error)
{
    static const cublasComputeType_t types[] = {[NCA_CUDA_F32] = CUBLAS_COMPUTE_32F,
                                                [NCA_CUDA_TF32] = CUBLAS_COMPUTE_32F_FAST_TF32,
                                                [NCA_CUDA_BF16] = CUBLAS_COMPUTE_32F_FAST_16BF};
    const nca_device *device = session->device;
    const cublasOperation_t first = wanted->turns_b ? CUBLAS_OP_T : CUBLAS_OP_N;
    const cublasOperation_t second = wanted->turns_a ? CUBLAS_OP_T : CUBLAS_OP_N;
    const int b_length = wanted->turns_b ? wanted->inner : wanted->columns;
    const int a_length = wanted->turns_a ? wanted->rows : wanted->inner;
    const float one = 1, kept = wanted->adds ? 1 : 0;
    if (device->precision == NCA_CUDA_F32)
        return check(device,
                     library.sgemm(session->blas, first, second, wanted->columns, wanted->rows,
                                   wanted->inner, &one, wanted->b, b_length, wanted->a, a_length,
                                   &kept, wanted->c, wanted->columns),
                     error);
    return check(device,
                 library.gemm(session->blas, first, second, wanted->columns, wanted->rows,
                              wanted->inner, &one, wanted->b, CUDA_R_32F, b_length, wanted->a,
                              CUDA_R_32F, a_length, &kept, wanted->c, CUDA_R_32F, wanted->columns,
                              types[device->precision], CUBLAS_GEMM_DEFAULT),
                 error);
}

nca_status nca_cuda_multiply_turned(const nca_session *session, int rows, int columns, int inner,
                                    const float *a, const float *b, float *c, nca_error *error)
{
    const product wanted = {rows, columns, inner, a, b, c, .turns_b = true};
    return multiply(session, &wanted, error);
}

nca_status nca_cuda_multiply(const nca_session *session, int rows, int columns, int inner,
                             const float *a, const float *b, float *c, nca_error *error)
{
    const product wanted = {rows, columns, inner, a, b, c, .adds = false};
    return multiply(session, &wanted, error);
}

nca_status nca_cuda_multiply_add(const nca_session *session, int rows, int columns, int inner,
                                 const float *a, const float *b, float *c, nca_error *error)
{
    const product wanted = {rows, columns, inner, a, b, c, .turns_a = true, .adds = true};
    return multiply(session, &wanted, error);
}
