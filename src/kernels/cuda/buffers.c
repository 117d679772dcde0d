// What goes into a session and comes out of it: buffers, rows of the pool, seeds and damage.
#include "cuda_backend.h"

static size_t buffer_elements(const nca_session *session, nca_buffer buffer)
{
    const nca_shape *shape = &session->shape;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    const size_t state = cells * (size_t)shape->spec.channels;
    switch (buffer) {
    case NCA_PARAMETERS:
    case NCA_GRADIENT:
    case NCA_MOMENT1:
    case NCA_MOMENT2:
        return session->layout.total;
    case NCA_BATCH:
        return state * (size_t)shape->batch;
    case NCA_BATCH_GRADIENT:
        return shape->tape_steps > 0 ? state * (size_t)shape->batch : 0;
    case NCA_POOL:
        return state * (size_t)shape->pool;
    case NCA_TARGET:
        return cells * NCA_VISIBLE;
    case NCA_BUFFERS:
        break;
    }
    return 0;
}

static nca_status check_range(const nca_session *session, nca_buffer buffer, size_t first,
                              size_t count, nca_error *error)
{
    const size_t elements = buffer_elements(session, buffer);
    if (first <= elements && count <= elements - first)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "elements %zu to %zu of buffer %d: it has %zu; the caller asks for too many",
                    first, first + count, (int)buffer, elements);
}

// Copies from and to pageable memory: when an upload returns, the caller's array has been read.
nca_status nca_cuda_upload(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                           const float *from, nca_error *error)
{
    NCA_TRY(check_range(session, buffer, first, count, error));
    NCA_TRY(nca_cuda_use(session->device, error));
    if (buffer == NCA_BATCH_GRADIENT)
        return nca_fail(error, NCA_ARGUMENT, "the batch gradient: it can only be downloaded");
    if (count > 0)
        NCA_CUDA_TRY(session->device,
                     cudaMemcpyAsync(session->buffer[buffer] + first, from, count * sizeof *from,
                                     cudaMemcpyHostToDevice, session->stream),
                     "an upload");
    if (buffer == NCA_BATCH)
        session->tape_is_valid = false;
    if (buffer == NCA_PARAMETERS)
        session->rule_is_stale = true;
    return NCA_OK;
}

nca_status nca_cuda_download(nca_session *session, nca_buffer buffer, size_t first, size_t count,
                             float *to, nca_error *error)
{
    NCA_TRY(check_range(session, buffer, first, count, error));
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
    for (int b = 0; b < session->shape.batch; b++)
        if (rows[b] < 0 || rows[b] >= session->shape.pool)
            return nca_fail(error, NCA_ARGUMENT, "row %d of the pool: it has %d", rows[b],
                            session->shape.pool);
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(session->rows, rows, (size_t)session->shape.batch * sizeof *rows,
                                 cudaMemcpyHostToDevice, session->stream),
                 "an upload");
    return NCA_OK;
}

nca_status nca_cuda_gather_rows(nca_session *session, const int *rows, nca_error *error)
{
    NCA_TRY(upload_rows(session, rows, error));
    session->tape_is_valid = false;
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

static nca_status check_slot(const nca_session *session, int slot, nca_error *error)
{
    if (slot >= 0 && slot < session->shape.batch)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "sample %d of the batch: it has %d", slot,
                    session->shape.batch);
}

nca_status nca_cuda_seed_slot(nca_session *session, int slot, int y, int x, bool clear,
                              nca_error *error)
{
    const nca_shape *shape = &session->shape;
    NCA_TRY(check_slot(session, slot, error));
    if (y < 0 || y >= shape->height || x < 0 || x >= shape->width)
        return nca_fail(error, NCA_ARGUMENT, "a seed at row %d, column %d: the grid is %dx%d", y, x,
                        shape->height, shape->width);
    NCA_TRY(nca_cuda_use(session->device, error));
    session->tape_is_valid = false;
    NCA_CUDA_TRY(session->device,
                 nca_cuda_seed(&session->grid, slot, y, x, clear, session->buffer[NCA_BATCH],
                               session->stream),
                 "a seed");
    return NCA_OK;
}

nca_status nca_cuda_damage_slot(nca_session *session, int slot, const nca_region *region,
                                nca_error *error)
{
    NCA_TRY(check_slot(session, slot, error));
    NCA_TRY(nca_cuda_use(session->device, error));
    session->tape_is_valid = false;
    NCA_CUDA_TRY(
        session->device,
        nca_cuda_damage(&session->grid, slot, region, session->buffer[NCA_BATCH], session->stream),
        "damage");
    return NCA_OK;
}
