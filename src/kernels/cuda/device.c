// A device: which one, what it can, and how its errors read.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cuda_backend.h"

// TENSOR: of the units that multiply tf32 and bf16.
enum { COMPUTE_MAJOR_MIN = 7, COMPUTE_MINOR_MIN = 5, TENSOR_MAJOR_MIN = 8 };

// What can be done about an error of the runtime.
static const char *way_out(cudaError_t code)
{
    switch (code) {
    case cudaErrorMemoryAllocation:
        return "end what else uses its memory, or choose a smaller grid, batch or pool";
    case cudaErrorNoKernelImageForDevice:
        return "build for this device's architecture, or use --device cpu";
    default:
        return "see what nvidia-smi says of it, or use --device cpu";
    }
}

nca_status nca_cuda_check(const nca_device *device, cudaError_t code, const char *what,
                          nca_error *error)
{
    if (code == cudaSuccess)
        return NCA_OK;
    cudaGetLastError();   // what was reported is not reported again
    return nca_fail(error, code == cudaErrorMemoryAllocation ? NCA_MEMORY : NCA_DEVICE,
                    "%s:%d: %s: %s; %s", NCA_CUDA_NAME, device->number, what,
                    cudaGetErrorString(code), way_out(code));
}

nca_status nca_cuda_use(const nca_device *device, nca_error *error)
{
    return nca_cuda_check(device, cudaSetDevice(device->number), "cannot be used", error);
}

// Why there is no device at all.
static nca_status fail_without_device(cudaError_t code, nca_error *error)
{
    int driver = 0, runtime = 0;
    cudaGetLastError();
    cudaDriverGetVersion(&driver);
    cudaRuntimeGetVersion(&runtime);
    if (driver == 0)
        return nca_fail(error, NCA_ABSENT,
                        NCA_CUDA_NAME ": no NVIDIA driver on this machine; install one, or use "
                                      "--device cpu");
    if (code == cudaErrorInsufficientDriver)
        return nca_fail(error, NCA_DEVICE,
                        NCA_CUDA_NAME
                        ": the NVIDIA driver knows CUDA %d.%d and this build needs %d.%d; update "
                        "the driver, or use --device cpu",
                        driver / 1000, driver % 1000 / 10, runtime / 1000, runtime % 1000 / 10);
    const bool is_absent = code == cudaSuccess || code == cudaErrorNoDevice;
    return nca_fail(error, is_absent ? NCA_ABSENT : NCA_DEVICE,
                    NCA_CUDA_NAME ": no CUDA device: %s; use --device cpu",
                    is_absent ? "none is found" : cudaGetErrorString(code));
}

static const char *const path_names[] = {"auto", "fused", "cublas"};
static const char *const precision_names[] = {"f32", "tf32", "bf16"};
enum { NAMES = 3 };

// Which of three names an option has; the first where it has none.
static nca_status read_choice(const char *option, const char *text, const char *const names[NAMES],
                              int *out, nca_error *error)
{
    *out = 0;
    for (int i = 0; text && i < NAMES; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return NCA_OK;
        }
    if (!text)
        return NCA_OK;
    if (strcmp(text, "bf16x3") == 0)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s bf16x3: only the CPU computes it; choose %s, %s or %s, or --device cpu",
                        option, names[0], names[1], names[2]);
    return nca_fail(error, NCA_ARGUMENT, "%s %.40s: no such choice; choose %s, %s or %s", option,
                    text, names[0], names[1], names[2]);
}

static nca_status choose_device(int number, nca_error *error)
{
    int count = 0;
    const cudaError_t code = cudaGetDeviceCount(&count);
    if (code != cudaSuccess || count == 0)
        return fail_without_device(code, error);
    if (number < 0 || number >= count)
        return nca_fail(error, NCA_DEVICE, "--device %s:%d: there %s %d, numbered from 0",
                        NCA_CUDA_NAME, number, count == 1 ? "is" : "are", count);
    return NCA_OK;
}

// What the device is like; it has to be recent enough for the kernels.
static nca_status look_at(nca_device *device, bool is_automatic, nca_error *error)
{
    struct cudaDeviceProp found;
    size_t free_bytes = 0;
    NCA_TRY(nca_cuda_use(device, error));
    NCA_CUDA_TRY(device, cudaGetDeviceProperties(&found, device->number), "cannot be asked");
    NCA_CUDA_TRY(device, cudaMemGetInfo(&free_bytes, &device->memory_bytes), "cannot be asked");
    snprintf(device->name, sizeof device->name, "%.127s", found.name);
    device->multiprocessors = found.multiProcessorCount;
    device->shared_bytes_max = found.sharedMemPerBlockOptin;
    device->cache_bytes = found.l2CacheSize > 0 ? (size_t)found.l2CacheSize : 0;
    if (found.major * 10 + found.minor < COMPUTE_MAJOR_MIN * 10 + COMPUTE_MINOR_MIN)
        return nca_fail(error, NCA_DEVICE,
                        "%s:%d: %.60s has compute capability %d.%d and %d.%d is needed; use "
                        "--device cpu",
                        NCA_CUDA_NAME, device->number, device->name, found.major, found.minor,
                        COMPUTE_MAJOR_MIN, COMPUTE_MINOR_MIN);
    if (is_automatic && found.major < TENSOR_MAJOR_MIN)
        device->precision = NCA_CUDA_F32;
    if (device->precision != NCA_CUDA_F32 && found.major < TENSOR_MAJOR_MIN)
        return nca_fail(error, NCA_ARGUMENT,
                        "--precision %s: %s:%d, %.60s, has compute capability %d.%d and %d.0 is "
                        "needed; leave it out",
                        precision_names[device->precision], NCA_CUDA_NAME, device->number,
                        device->name, found.major, found.minor, TENSOR_MAJOR_MIN);
    return NCA_OK;
}

void nca_cuda_close(nca_device *device)
{
    free(device);
}

nca_status nca_cuda_open(const nca_device_options *options, nca_device **out, nca_error *error)
{
    const nca_device_options standard = {0};
    int path, precision;
    bool is_automatic;
    if (!options)
        options = &standard;
    NCA_TRY(read_choice("--cuda-path", options->cuda_path, path_names, &path, error));
    is_automatic = options->precision && strcmp(options->precision, NCA_PRECISION_AUTO) == 0;
    NCA_TRY(read_choice("--precision", is_automatic ? "bf16" : options->precision, precision_names,
                        &precision, error));
    if (options->tape_every < 0)
        return nca_fail(error, NCA_ARGUMENT, "--tape-every %d: must be 0 or more",
                        options->tape_every);
    NCA_TRY(choose_device(options->number, error));
    nca_device *device = calloc(1, sizeof *device);
    if (!device)
        return nca_fail(error, NCA_MEMORY, "%s:%d: no memory for its bookkeeping", NCA_CUDA_NAME,
                        options->number);
    device->number = options->number;
    device->path = (nca_cuda_path)path;
    device->precision = (nca_cuda_precision)precision;
    device->tape_every = options->tape_every;
    nca_status status = look_at(device, is_automatic, error);
    if (status == NCA_OK && path == NCA_CUDA_CUBLAS)
        status = nca_cuda_blas_load(error);
    if (status == NCA_OK)
        *out = device;
    else
        nca_cuda_close(device);
    return status;
}

void nca_cuda_name_variant(const nca_device *device, nca_cuda_path path, char *text,
                           size_t text_bytes)
{
    const bool is_f32 = device->precision == NCA_CUDA_F32;
    snprintf(text, text_bytes, "%s%s%s", path_names[path], is_f32 ? "" : ", ",
             is_f32 ? "" : precision_names[device->precision]);
}

void nca_cuda_describe(const nca_device *device, nca_device_info *out)
{
    *out = (nca_device_info){.memory_bytes = device->memory_bytes};
    snprintf(out->name, sizeof out->name, "%s", device->name);
    snprintf(out->precision, sizeof out->precision, "%s", precision_names[device->precision]);
    nca_cuda_name_variant(device, device->path, out->variant, sizeof out->variant);
}
