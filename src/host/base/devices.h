// Which device somebody asked for, as read from the command line.
#ifndef NCA_BASE_DEVICES_H
#define NCA_BASE_DEVICES_H

#include "nca/backend.h"

// What --precision and --cuda-path can be, whatever a device has of it.
#define NCA_PRECISION_CHOICES "f32|bf16|bf16x3|tf32|" NCA_PRECISION_AUTO
#define NCA_CUDA_PATH_CHOICES "auto|fused|cublas"

// All zero: the best device there is, with every core.
typedef struct nca_device_arguments {
    const char *name, *cuda_path, *precision;
    int64_t threads, tape_every;
} nca_device_arguments;

static inline nca_device_options nca_device_options_of(const nca_device_arguments *given)
{
    return (nca_device_options){.threads = (int)given->threads,
                                .cuda_path = given->cuda_path,
                                .precision = given->precision,
                                .tape_every = (int)given->tape_every};
}

#endif
