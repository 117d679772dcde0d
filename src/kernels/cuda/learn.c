// The loss of the batch, and an update of the rule.
#include <math.h>

#include "cuda_backend.h"

nca_status nca_cuda_measure_loss(nca_session *session, nca_sample_report *samples, nca_error *error)
{
    nca_cuda_pending *pending;
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_TRY(nca_cuda_pending_take(session, NCA_PENDING_SAMPLES, samples, &pending, error));
    NCA_CUDA_TRY(session->device,
                 nca_cuda_loss(&session->grid, &session->judge, session->buffer[NCA_BATCH],
                               session->samples, session->stream),
                 "the loss");
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(pending->staged, session->samples,
                                 (size_t)session->head.shape.batch * sizeof *session->samples,
                                 cudaMemcpyDeviceToHost, session->stream),
                 "the loss");
    nca_cuda_pending_keep(session);
    return NCA_OK;
}

nca_status nca_cuda_learn(nca_session *session, const nca_optimizer_step *step,
                          nca_update_report *report, nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    const nca_rule_update own = nca_update_of_rule(step, 0);
    nca_cuda_adam adam = {
        .layout = session->layout,
        .step = *step,
        .own = own,
        .mean_bias = 1 - pow(step->beta1, (double)own.time),
        .square_bias = 1 - pow(step->beta2, (double)own.time),
        .parameters = session->buffer[NCA_PARAMETERS],
        .mean = session->buffer[NCA_OPTIMIZER],
        .square = session->buffer[NCA_OPTIMIZER] + session->layout.total,
        .gradient = session->buffer[NCA_GRADIENT],
        .scratch = session->scratch,
    };
    adam.step.each = NULL;   // the host's
    NCA_CUDA_TRY(session->device, nca_cuda_update(&adam, session->updated, session->stream),
                 "an update");
    session->rule_is_stale = true;
    if (!report)
        return NCA_OK;
    nca_cuda_pending *pending;
    NCA_TRY(nca_cuda_pending_take(session, NCA_PENDING_UPDATE, report, &pending, error));
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(pending->staged, session->updated, sizeof *session->updated,
                                 cudaMemcpyDeviceToHost, session->stream),
                 "an update");
    nca_cuda_pending_keep(session);
    return NCA_OK;
}
