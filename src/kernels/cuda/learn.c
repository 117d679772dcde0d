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

static nca_status update_rule(nca_session *session, const nca_optimizer_step *step, int rule,
                              nca_error *error)
{
    const size_t total = session->layout.total, at = (size_t)rule * total;
    const nca_rule_update own = nca_update_of_rule(step, rule);
    float *mean = session->buffer[NCA_OPTIMIZER] + NCA_OPTIMIZER_BLOCKS * at;
    nca_cuda_adam adam = {
        .layout = session->layout,
        .step = *step,
        .own = own,
        .mean_bias = 1 - pow(step->beta1, (double)own.time),
        .square_bias = 1 - pow(step->beta2, (double)own.time),
        .parameters = session->buffer[NCA_PARAMETERS] + at,
        .mean = mean,
        .square = mean + total,
        .gradient = session->buffer[NCA_GRADIENT] + at,
        .scratch = session->scratch,
    };
    adam.step.each = NULL;   // the host's
    for (int i = 0; i < adam.layout.tensors; i++)
        adam.stays[i] = !nca_is_moved(step->moved, i);
    NCA_CUDA_TRY(session->device, nca_cuda_update(&adam, session->updated + rule, session->stream),
                 "an update");
    return NCA_OK;
}

nca_status nca_cuda_learn(nca_session *session, const nca_optimizer_step *step,
                          nca_update_report *report, nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    for (int rule = 0; rule < session->movers; rule++)
        NCA_TRY(update_rule(session, step, rule, error));
    session->rule_is_stale = true;
    if (!report)
        return NCA_OK;
    nca_cuda_pending *pending;
    NCA_TRY(nca_cuda_pending_take(session, NCA_PENDING_UPDATE, report, &pending, error));
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(pending->staged, session->updated,
                                 (size_t)session->movers * sizeof *session->updated,
                                 cudaMemcpyDeviceToHost, session->stream),
                 "an update");
    nca_cuda_pending_keep(session);
    return NCA_OK;
}
