// Rows of every command that takes --device, beside --threads.
#ifndef NCA_CLI_DEVICE_OPTIONS_H
#define NCA_CLI_DEVICE_OPTIONS_H

#include "cli/options.h"
#include "nca/backend.h"

typedef struct nca_cuda_choice {
    const char *path;
    int64_t tape_every;
} nca_cuda_choice;

// `of` is the command's struct, with the fields `device` and nca_cuda_choice `cuda`; `purpose` is
// what the device does.
// clang-format off
#define NCA_DEVICE_ROWS(of, purpose)                                                               \
    {"device", NCA_OPTION_STRING, offsetof(of, device), 0, 0, "auto|cpu|cuda|reference",            \
     purpose "; cuda:1 is the second GPU [auto: a GPU where there is one]", NULL},                 \
    {"cuda_path", NCA_OPTION_STRING, offsetof(of, cuda.path), 0, 0, "auto|fused|cublas",           \
     "on a GPU, what computes the network [auto: fused where it can]", NULL},                      \
    {"tape_every", NCA_OPTION_INT, offsetof(of, cuda.tape_every), 0, 65536, "N",                   \
     "on a GPU, keep every Nth state of a rollout and compute the others again [0: what fits]",    \
     NULL}
// clang-format on

static inline nca_device_options nca_device_options_of(int64_t threads, const nca_cuda_choice *cuda)
{
    return (nca_device_options){
        .threads = (int)threads, .cuda_path = cuda->path, .tape_every = (int)cuda->tape_every};
}

#endif
