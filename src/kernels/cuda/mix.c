// The state before a step as a matrix mixes it, and its gradient on the way back. The tape keeps the
// states that are not mixed: mixing one again costs less than its memory.
#include "cuda_backend.h"

nca_cuda_mixing nca_cuda_mixing_of(const nca_session *session)
{
    return (nca_cuda_mixing){
        .matrix = session->buffer[NCA_PARAMETERS] + session->layout.offset[NCA_MIX],
        .bound = (float)session->head.shape.spec.mix_bound,
        .unmixed = session->unmixed,
        .mixed = session->mixed,
        .mature = session->mixed_mature,
    };
}

bool nca_cuda_mixes(const nca_session *session)
{
    return session->head.shape.spec.mix_bound > 0;
}

nca_status nca_cuda_mix_state(nca_session *session, const nca_cuda_step *step, nca_error *error)
{
    const nca_device *device = session->device;
    const nca_spec *spec = &session->head.shape.spec;
    const nca_cuda_mixing mixing = nca_cuda_mixing_of(session);
    NCA_CUDA_TRY(device,
                 nca_cuda_finish(step, spec, session->forward_blocks_per_region, session->unmixed,
                                 session->stream),
                 "a state before it is mixed");
    NCA_CUDA_TRY(device,
                 cudaMemsetAsync(session->mixed_mature, 0,
                                 nca_cuda_plane(&session->grid) * sizeof(uint32_t),
                                 session->stream),
                 "a mixed state");
    NCA_CUDA_TRY(
        device,
        nca_cuda_mix(&session->grid, spec, session->rollout_values, &mixing, session->stream),
        "a mixed state");
    return NCA_OK;
}

// Mixing leaves dead cells zero, so the step need not clear them: it takes all cells as settled.
void nca_cuda_step_from_mixed(const nca_session *session, nca_cuda_step *step)
{
    step->before = session->mixed;
    step->mature = session->mixed_mature;
    step->alive_last = NULL;
    step->settled = session->mixed_settled;
}

nca_status nca_cuda_mix_back(nca_session *session, const nca_cuda_step *step, float *gradient,
                             nca_error *error)
{
    const nca_device *device = session->device;
    const int channels = session->grid.channels, cells = (int)nca_cuda_cells(&session->grid);
    const nca_cuda_mixing mixing = nca_cuda_mixing_of(session);
    NCA_TRY(nca_cuda_mix_state(session, step, error));
    NCA_CUDA_TRY(
        device,
        nca_cuda_clip_backward(&session->grid, &mixing, step->settled, gradient, session->stream),
        "a mixed state's gradient");
    NCA_TRY(nca_cuda_multiply_add(
        session, channels, channels, cells, session->unmixed, session->mixed,
        session->buffer[NCA_GRADIENT] + session->layout.offset[NCA_MIX], error));
    NCA_CUDA_TRY(device, nca_cuda_mix_backward(&session->grid, &mixing, gradient, session->stream),
                 "a mixed state's gradient");
    return NCA_OK;
}

nca_status nca_cuda_end_unmixing(nca_session *session, nca_error *error)
{
    if (nca_cuda_mixes(session))
        NCA_CUDA_TRY(
            session->device,
            nca_cuda_make_symmetric(session->grid.channels,
                                    session->buffer[NCA_GRADIENT] + session->layout.offset[NCA_MIX],
                                    session->stream),
            "the matrix's gradient");
    return NCA_OK;
}
