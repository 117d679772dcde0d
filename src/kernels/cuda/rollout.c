// A rollout: steps forward, keeping the tape, and backward over it.
//
// On the fused path a pass that keeps a tape is captured as a CUDA graph. The number of steps
// changes from update to update: there is a graph for every number that has come up (a few dozen in
// training), made when it first comes up. What else changes lies in device memory, where the
// kernels read it. The cuBLAS path waits for the number of active cells in every step, so it
// launches one by one.
#include <math.h>

#include "cuda_backend.h"

// The caller's fire bits, kept on the device as long as the session.
static nca_status upload_fire(nca_session *session, const nca_rollout *rollout, nca_error *error)
{
    const size_t bytes = nca_cuda_cells(&session->grid) * (size_t)session->rollout.steps;
    if (!rollout->fire || bytes == 0)
        return NCA_OK;
    if (bytes > session->given_fire_bytes) {
        NCA_CUDA_TRY(session->device, cudaStreamSynchronize(session->stream), "given fire bits");
        cudaFree(session->given_fire);
        session->given_fire = NULL;
        session->given_fire_bytes = 0;
        NCA_CUDA_TRY(session->device, cudaMalloc((void **)&session->given_fire, bytes),
                     "given fire bits");
        session->given_fire_bytes = bytes;
    }
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(session->given_fire, rollout->fire, bytes, cudaMemcpyHostToDevice,
                                 session->stream),
                 "given fire bits");
    return NCA_OK;
}

// What the kernels need to know of the rollout, and the rule in the order of the fused ones.
static nca_status upload_values(nca_session *session, const nca_rollout *rollout, nca_error *error)
{
    const nca_cuda_rollout values = {
        .seed = session->rollout.key.seed,
        .update = session->rollout.key.update,
        .fire_threshold = nca_fire_threshold(rollout->fire_rate),
        .first_step = session->rollout.first_step,
        .first_sample = (uint32_t)rollout->first_sample,
        .samples = rollout->samples ? rollout->samples : session->head.shape.batch,
        .cosine = (float)cos(rollout->angle),
        .sine = (float)sin(rollout->angle),
        .step_size = (float)rollout->step_size,
        .alive_threshold = (float)rollout->alive_threshold,
        .fire = rollout->fire ? session->given_fire : NULL,
    };
    NCA_CUDA_TRY(session->device,
                 cudaMemcpyAsync(session->rollout_values, &values, sizeof values,
                                 cudaMemcpyHostToDevice, session->stream),
                 "a rollout");
    if (!session->rule_is_stale || !session->is_fused)
        return NCA_OK;
    NCA_CUDA_TRY(session->device,
                 nca_cuda_pack_rule(&session->grid, &session->rule, session->stream), "the rule");
    session->rule_is_stale = false;
    return NCA_OK;
}

// Copies the state after `steps` steps to the kept states that ask for it.
static nca_status keep_state(nca_session *session, int steps, nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    const nca_cuda_step next = nca_cuda_step_of(session, steps, true);
    const size_t state = nca_cuda_cells(&session->grid) * (size_t)shape->spec.channels;
    for (int i = 0; session->rollout.kept && i < shape->kept; i++)
        if (nca_cuda_is_kept(session, i, steps))
            NCA_CUDA_TRY(session->device,
                         nca_cuda_finish(&next, &shape->spec, session->forward_blocks_per_region,
                                         session->buffer[NCA_KEPT] + (size_t)i * state,
                                         session->stream),
                         "a kept state");
    return NCA_OK;
}

static nca_status go_forward(nca_session *session, nca_error *error)
{
    const nca_spec *spec = &session->head.shape.spec;
    const int steps = session->rollout.steps;
    const nca_cuda_step first = nca_cuda_step_of(session, 0, true);
    const nca_cuda_step end = nca_cuda_step_of(session, steps, true);
    NCA_CUDA_TRY(session->device,
                 nca_cuda_prepare(&first, spec, session->forward_blocks_per_region,
                                  session->buffer[NCA_BATCH], session->stream),
                 "a rollout's beginning");
    for (int step = 0; step < steps; step++) {
        const int ahead = steps - step < session->planes ? steps - step : session->planes;
        if (step % session->planes == 0)
            NCA_CUDA_TRY(session->device,
                         nca_cuda_fire(&session->grid, session->rollout_values, step, ahead,
                                       nca_cuda_plane_of(session, NCA_PLANE_FIRE, step),
                                       session->stream),
                         "fire bits");
        NCA_TRY(keep_state(session, step, error));
        NCA_TRY(nca_cuda_step_forward(session, step, true, error));
    }
    NCA_TRY(keep_state(session, steps, error));
    NCA_CUDA_TRY(session->device,
                 nca_cuda_finish(&end, spec, session->forward_blocks_per_region,
                                 session->buffer[NCA_BATCH], session->stream),
                 "a rollout's end");
    return NCA_OK;
}

// The states between two that the tape keeps, where they were overwritten by later ones.
static nca_status go_again(nca_session *session, int first, int end, nca_error *error)
{
    for (int step = first; step < end - 1; step++)
        NCA_TRY(nca_cuda_step_forward(session, step, false, error));
    return NCA_OK;
}

static nca_status go_back(nca_session *session, nca_error *error)
{
    const int steps = session->rollout.steps, every = session->every;
    const nca_cuda_step_backward end = nca_cuda_step_backward_of(session, -1);
    NCA_CUDA_TRY(session->device,
                 nca_cuda_loss_backward(&session->grid, &session->judge, session->rollout_values,
                                        session->buffer[NCA_BATCH], session->gradient,
                                        session->stream),
                 "the loss's gradient");
    NCA_TRY(nca_cuda_add_given_after(session, steps, session->gradient, error));
    for (int step = steps - 1; step >= 0; step--) {
        if ((step + 1) % every == 0 && step + 1 < steps)
            NCA_TRY(go_again(session, step + 1 - every, step + 1, error));
        NCA_TRY(nca_cuda_step_back(session, step, error));
    }
    NCA_CUDA_TRY(session->device,
                 nca_cuda_batch_gradient(&end, &session->head.shape.spec,
                                         session->forward_blocks_per_region,
                                         session->buffer[NCA_BATCH_GRADIENT], session->stream),
                 "the batch's gradient");
    NCA_TRY(nca_cuda_unmix(session, 0, session->buffer[NCA_BATCH_GRADIENT], error));
    NCA_TRY(nca_cuda_end_unmixing(session, error));
    if (steps > 0)
        NCA_TRY(nca_cuda_add_given_after(session, 0, session->buffer[NCA_BATCH_GRADIENT], error));
    if (!session->is_fused || steps == 0)
        return NCA_OK;
    NCA_CUDA_TRY(session->device,
                 nca_cuda_reduce_sums(&session->grid, session->sums,
                                      session->grid.regions * session->backward_blocks_per_region,
                                      session->buffer[NCA_GRADIENT], session->stream),
                 "the parameters' gradient");
    return NCA_OK;
}

static cudaGraphExec_t find_graph(const nca_session *session, bool is_backward)
{
    for (int i = 0; i < session->graphs; i++)
        if (session->graph[i].steps == session->rollout.steps &&
            session->graph[i].is_backward == is_backward)
            return session->graph[i].graph;
    return NULL;
}

static nca_status capture(nca_session *session, bool is_backward, cudaGraphExec_t *out,
                          nca_error *error)
{
    const nca_device *device = session->device;
    cudaGraph_t graph = NULL;
    NCA_CUDA_TRY(device, cudaStreamBeginCapture(session->stream, cudaStreamCaptureModeThreadLocal),
                 "a graph");
    const nca_status status = is_backward ? go_back(session, error) : go_forward(session, error);
    const cudaError_t ended = cudaStreamEndCapture(session->stream, &graph);
    cudaError_t code = ended;
    if (status == NCA_OK && ended == cudaSuccess)
        code = cudaGraphInstantiate(out, graph, 0);
    if (graph)
        cudaGraphDestroy(graph);
    NCA_TRY(status);
    NCA_CUDA_TRY(device, code, "a graph");
    session->graph[session->graphs++] = (nca_cuda_graph){
        .steps = session->rollout.steps, .is_backward = is_backward, .graph = *out};
    return NCA_OK;
}

// A pass as a graph where there is one or room for one, else launch by launch. Which states are
// kept changes from rollout to rollout.
static nca_status run_pass(nca_session *session, bool is_backward, nca_error *error)
{
    const bool may_be_graph = session->is_fused && session->rollout.keep_tape &&
                              session->rollout.steps > 0 && (is_backward || !session->rollout.kept);
    cudaGraphExec_t graph = may_be_graph ? find_graph(session, is_backward) : NULL;
    if (may_be_graph && !graph && session->graphs < NCA_GRAPHS_MAX)
        NCA_TRY(capture(session, is_backward, &graph, error));
    if (!graph)
        return is_backward ? go_back(session, error) : go_forward(session, error);
    NCA_CUDA_TRY(session->device, cudaGraphLaunch(graph, session->stream), "a graph");
    return NCA_OK;
}

// A pass with its report; `flop` is that of one active cell.
static nca_status report_pass(nca_session *session, bool is_backward, double flop,
                              nca_pass_report *report, nca_error *error)
{
    const nca_device *device = session->device;
    nca_cuda_pending *pending;
    if (!report)
        return run_pass(session, is_backward, error);
    NCA_TRY(nca_cuda_pending_take(session, NCA_PENDING_PASS, report, &pending, error));
    pending->flop = flop;
    pending->is_timed = session->rollout.measure;
    pending->pass.cell_steps =
        (uint64_t)nca_cuda_cells(&session->grid) * (uint64_t)session->rollout.steps;
    NCA_CUDA_TRY(device, cudaEventRecord(pending->begin, session->stream), "a clock");
    NCA_TRY(run_pass(session, is_backward, error));
    NCA_CUDA_TRY(device, cudaEventRecord(pending->end, session->stream), "a clock");
    NCA_CUDA_TRY(device,
                 cudaMemcpyAsync(pending->staged, session->counted,
                                 (size_t)session->head.shape.batch * (size_t)session->grid.regions *
                                     sizeof *session->counted,
                                 cudaMemcpyDeviceToHost, session->stream),
                 "a report");
    nca_cuda_pending_keep(session);
    return NCA_OK;
}

// Flop of a product with the hidden layers' weights, and with the output's, for one cell.
static double hidden_flop(const nca_session *session)
{
    return 2.0 * (double)(session->layout.size[NCA_HIDDEN_WEIGHT] +
                          session->layout.size[NCA_HIDDEN2_WEIGHT]);
}

static double output_flop(const nca_session *session)
{
    return 2.0 * (double)session->layout.size[NCA_OUTPUT_WEIGHT];
}

// The rollout as the only rule of the session has it.
static void set_rollout(nca_session *session, const nca_rollout *rollout)
{
    const nca_rule_rollout own = nca_rollout_of_rule(rollout, 0);
    session->rollout = *rollout;
    session->rollout.each = NULL;
    session->rollout.fire = NULL;   // the caller's, and used up
    session->rollout.steps = own.steps;
    session->rollout.first_step = own.first_step;
    session->rollout.key = own.key;
    session->rollout.kept = rollout->kept ? session->kept_after : NULL;
    for (int i = 0; rollout->kept && i < session->head.shape.kept; i++)
        session->kept_after[i] = rollout->kept[i];
}

nca_status nca_cuda_forward(nca_session *session, const nca_rollout *rollout,
                            nca_pass_report *report, nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    NCA_TRY(nca_cuda_session_ready(session, error));
    set_rollout(session, rollout);
    NCA_TRY(upload_fire(session, rollout, error));
    NCA_TRY(upload_values(session, rollout, error));
    return report_pass(session, false, hidden_flop(session) + output_flop(session), report, error);
}

nca_status nca_cuda_backward(nca_session *session, nca_pass_report *report, nca_error *error)
{
    NCA_TRY(nca_cuda_use(session->device, error));
    // What the kernels add to, or leave alone where there are no steps.
    NCA_CUDA_TRY(session->device,
                 cudaMemsetAsync(session->buffer[NCA_GRADIENT], 0,
                                 session->layout.total * (size_t)session->movers * sizeof(float),
                                 session->stream),
                 "the parameters' gradient");
    if (session->rollout.steps == 0 || !session->is_fused)
        NCA_CUDA_TRY(session->device,
                     cudaMemsetAsync(session->counted, 0,
                                     (size_t)session->head.shape.batch *
                                         (size_t)session->grid.regions * sizeof *session->counted,
                                     session->stream),
                     "a report");
    return report_pass(session, true, 3 * hidden_flop(session) + 2 * output_flop(session), report,
                       error);
}
