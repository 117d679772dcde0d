// The loss of the batch, and an update of the rule.
#include <math.h>

#include "cuda_backend.h"

nca_status nca_cuda_measure_loss(nca_session *session, nca_sample_report *samples, nca_error *error)
{
    nca_cuda_pending *pending;
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_TRY(nca_cuda_pending_take(session, NCA_PENDING_SAMPLES, samples, &pending, error));
    NCA_CUDA_TRY(session->device,
                 nca_cuda_loss(&session->grid, session->buffer[NCA_BATCH],
                               session->buffer[NCA_TARGET], session->parts, session->samples,
                               session->stream),
                 "the loss");
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(pending->staged, session->samples,
                                 (size_t)session->shape.batch * sizeof *session->samples,
                                 cudaMemcpyDeviceToHost, session->stream),
                 "the loss");
    nca_cuda_pending_keep(session);
    return NCA_OK;
}

nca_status nca_cuda_learn(nca_session *session, const nca_optimizer_step *step,
                          nca_update_report *report, nca_error *error)
{
    if (step->time < 1 || step->rules < 0 || step->rules > NCA_GRADIENT_RULES_MAX)
        return nca_fail(error, NCA_ARGUMENT, "an optimizer step at time %lld with %d rules",
                        (long long)step->time, step->rules);
    NCA_TRY(nca_cuda_use(session->device, error));
    const nca_cuda_adam adam = {
        .layout = session->layout,
        .step = *step,
        .mean_bias = 1 - pow(step->beta1, (double)step->time),
        .square_bias = 1 - pow(step->beta2, (double)step->time),
        .parameters = session->buffer[NCA_PARAMETERS],
        .moment1 = session->buffer[NCA_MOMENT1],
        .moment2 = session->buffer[NCA_MOMENT2],
        .gradient = session->buffer[NCA_GRADIENT],
        .scratch = session->scratch,
    };
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
