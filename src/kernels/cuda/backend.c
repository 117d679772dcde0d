// The CUDA backend: its tables of functions.
#include "cuda_backend.h"

#ifdef NCA_EMULATOR
#define BACKEND_DESCRIPTION "the CUDA backend on a device that tests emulate"
#else
#define BACKEND_DESCRIPTION "active cells only, on an NVIDIA GPU, by fused kernels or cuBLAS"
#endif

// The functions behind the checks.
static const nca_backend behind = {
    .upload = nca_cuda_upload,
    .download = nca_cuda_download,
    .gather = nca_cuda_gather_rows,
    .scatter = nca_cuda_scatter_rows,
    .damage = nca_cuda_damage_slot,
    .exchange = nca_cuda_exchange_slot,
    .forward = nca_cuda_forward,
    .loss = nca_cuda_measure_loss,
    .backward = nca_cuda_backward,
    .update = nca_cuda_learn,
    .synchronize = nca_cuda_synchronize,
};

static nca_status create(nca_device *device, const nca_shape *shape, nca_session **out,
                         nca_error *error)
{
    NCA_TRY(nca_cuda_session_create(device, shape, out, error));
    (*out)->head.own = &behind;
    return NCA_OK;
}

const nca_backend nca_cuda_backend = {
    .name = NCA_CUDA_NAME,
    .description = BACKEND_DESCRIPTION,
    .open = nca_cuda_open,
    .close = nca_cuda_close,
    .info = nca_cuda_describe,
    .peak = nca_cuda_peak,
    .peak_bytes = nca_cuda_peak_bytes,
    .session_bytes = nca_cuda_session_bytes,
    .create = create,
    .destroy = nca_cuda_session_destroy,
    .session_info = nca_cuda_session_about,
    NCA_FRONT,
};
