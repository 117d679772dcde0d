// Reports on their way from the device: staged in pinned memory, handed over when the session is
// synchronized.
#include <string.h>

#include "cuda_backend.h"

nca_status nca_cuda_pending_take(nca_session *session, int kind, void *report,
                                 nca_cuda_pending **out, nca_error *error)
{
    if (session->pendings == NCA_PENDING_MAX)
        NCA_TRY(nca_cuda_synchronize(session, error));
    nca_cuda_pending *added = &session->pending[session->pendings];
    added->kind = kind;
    added->report = report;
    added->is_timed = false;
    added->flop = 0;
    added->pass = (nca_pass_report){0};
    *out = added;
    return NCA_OK;
}

void nca_cuda_pending_keep(nca_session *session)
{
    session->pendings++;
}

static void hand_over_pass(const nca_session *session, const nca_cuda_pending *from)
{
    const uint64_t *counted = from->staged;
    const size_t regions = (size_t)session->head.shape.batch * (size_t)session->grid.regions;
    nca_pass_report done = from->pass;
    float ms = 0;
    for (size_t i = 0; i < regions; i++)
        done.active_cells += counted[i];
    done.mlp_flop = (uint64_t)(from->flop * (double)done.active_cells);
    if (from->is_timed && cudaEventElapsedTime(&ms, from->begin, from->end) == cudaSuccess)
        done.mlp_seconds = 1e-3 * ms;
    *(nca_pass_report *)from->report = done;
}

static void hand_over(const nca_session *session, const nca_cuda_pending *from)
{
    switch (from->kind) {
    case NCA_PENDING_PASS:
        hand_over_pass(session, from);
        break;
    case NCA_PENDING_SAMPLES:
        memcpy(from->report, from->staged,
               (size_t)session->head.shape.batch * sizeof(nca_sample_report));
        break;
    case NCA_PENDING_UPDATE:
        memcpy(from->report, from->staged, (size_t)session->movers * sizeof(nca_update_report));
        break;
    }
}

nca_status nca_cuda_synchronize(nca_session *session, nca_error *error)
{
    const int pendings = session->pendings;
    session->pendings = 0;   // also where the work failed: then nothing is handed over, ever
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_CUDA_TRY(session->device, cudaStreamSynchronize(session->stream), "work on it failed");
    for (int i = 0; i < pendings; i++)
        hand_over(session, &session->pending[i]);
    return NCA_OK;
}
