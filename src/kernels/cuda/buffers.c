// What goes into a session and comes out of it: buffers, rows of the pool, damage.
#include "cuda_backend.h"

// Copies from and to pageable memory: when an upload returns, the caller's array has been read.
nca_status nca_cuda_upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                           const float *from, nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    if (count > 0)
        NCA_CUDA_TRY(session->device,
                     cudaMemcpyAsync(session->buffer[buffer] + first, from, count * sizeof *from,
                                     cudaMemcpyHostToDevice, session->stream),
                     "an upload");
    if (buffer == NCA_PARAMETERS)
        session->rule_is_stale = true;
    return NCA_OK;
}

nca_status nca_cuda_download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                             float *to, nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    if (count > 0)
        NCA_CUDA_TRY(session->device,
                     cudaMemcpyAsync(to, session->buffer[buffer] + first, count * sizeof *to,
                                     cudaMemcpyDeviceToHost, session->stream),
                     "a download");
    return NCA_OK;
}

static nca_status upload_rows(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(session->rows, rows,
                                 (size_t)session->head.shape.batch * sizeof *rows,
                                 cudaMemcpyHostToDevice, session->stream),
                 "an upload");
    return NCA_OK;
}

nca_status nca_cuda_gather_rows(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(upload_rows(session, rows, error));
    NCA_CUDA_TRY(session->device,
                 nca_cuda_gather(&session->grid, session->buffer[NCA_POOL], session->rows,
                                 session->buffer[NCA_BATCH], session->stream),
                 "a batch from the pool");
    return NCA_OK;
}

nca_status nca_cuda_scatter_rows(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(upload_rows(session, rows, error));
    NCA_CUDA_TRY(session->device,
                 nca_cuda_scatter(&session->grid, session->buffer[NCA_BATCH], session->rows,
                                  session->buffer[NCA_POOL], session->stream),
                 "a batch to the pool");
    return NCA_OK;
}

nca_status nca_cuda_damage_slot(nca_session *session, int slot, const nca_region *region,
                                nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_CUDA_TRY(
        session->device,
        nca_cuda_damage(&session->grid, slot, region, session->buffer[NCA_BATCH], session->stream),
        "damage");
    return NCA_OK;
}

nca_status nca_cuda_exchange_slot(nca_session *session, int slot, const float *values, double limit,
                                  nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    const size_t count =
        nca_state_size(1, (size_t)shape->height, (size_t)shape->width, (size_t)shape->spec.frozen);
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(session->exchanged, values, count * sizeof *values,
                                 cudaMemcpyHostToDevice, session->stream),
                 "an exchange");
    NCA_CUDA_TRY(session->device,
                 nca_cuda_exchange(&session->grid, slot, shape->spec.frozen, session->exchanged,
                                   limit, session->buffer[NCA_BATCH], session->stream),
                 "an exchange");
    return NCA_OK;
}
