// One step, forward and backward: one kernel on the fused path; on the cuBLAS path a list of cells,
// its matrices and the products between them.
#include "cuda_backend.h"

// Where the state before a step lies. A rollout without tape goes to and fro between two slots. A
// tape has its kept states first, then the room for those in between, whose slot 0 takes the last
// state.
static float *state_of(const nca_session *session, int step)
{
    const int every = session->every, steps = session->head.shape.tape_steps;
    const int kept = (steps + every - 1) / every;
    size_t slot;
    if (!session->rollout.keep_tape)
        slot = (size_t)(step & 1);
    else if (step % every == 0 && step < session->rollout.steps)
        slot = (size_t)(step / every);
    else
        slot = (size_t)(kept + step % every);
    return session->states + slot * nca_cuda_cells(&session->grid) * (size_t)session->grid.channels;
}

nca_cuda_step nca_cuda_step_of(const nca_session *session, int step, bool counts)
{
    return (nca_cuda_step){
        .grid = session->grid,
        .rollout = session->rollout_values,
        .rule = session->rule,
        .step = step,
        .overlaps = session->overlaps,
        .counts = counts,
        .before = state_of(session, step),
        .after = state_of(session, step + 1),
        .fire = nca_cuda_plane_of(session, NCA_PLANE_FIRE, step),
        .mature = nca_cuda_plane_of(session, NCA_PLANE_MATURE, step),
        .alive_last = step > 0 ? nca_cuda_plane_of(session, NCA_PLANE_ALIVE, step - 1) : NULL,
        .settled = nca_cuda_plane_of(session, NCA_PLANE_SETTLED, step),
        .alive = nca_cuda_plane_of(session, NCA_PLANE_ALIVE, step),
        .active = nca_cuda_plane_of(session, NCA_PLANE_ACTIVE, step),
        .listed = session->listed,
        .mature_next = nca_cuda_plane_of(session, NCA_PLANE_MATURE, step + 1),
        .mature_clear = counts ? nca_cuda_plane_of(session, NCA_PLANE_MATURE, step + 2) : NULL,
        .counted = session->counted,
    };
}

// Step -1 stands for what comes after step 0 backward: all cells before it are settled.
nca_cuda_step_backward nca_cuda_step_backward_of(const nca_session *session, int step)
{
    const int last = session->rollout.steps - 1;
    nca_cuda_step_backward back = {
        .grid = session->grid,
        .rollout = session->rollout_values,
        .rule = session->rule,
        .overlaps = session->overlaps,
        .is_last = step == last,
        .settled1 = nca_cuda_plane_of(session, NCA_PLANE_SETTLED, step + 1),
        .gradient = session->gradient,
        .dp = session->dp[step & 1],
        .dp1 = session->dp[~step & 1],
        .sums = session->sums,
        .counted = session->counted,
    };
    // The kernels load these whether they need them or not: step 0's stand in for step -1's.
    back.before = state_of(session, step < 0 ? 0 : step);
    back.settled = nca_cuda_plane_of(session, NCA_PLANE_SETTLED, step < 0 ? 0 : step);
    back.active = nca_cuda_plane_of(session, NCA_PLANE_ACTIVE, step < 0 ? 0 : step);
    if (step < last) {
        back.active1 = nca_cuda_plane_of(session, NCA_PLANE_ACTIVE, step + 1);
        back.settled2 = nca_cuda_plane_of(session, NCA_PLANE_SETTLED, step + 2);
    }
    return back;
}

// Lists cells and waits for how many there are, since cuBLAS takes its sizes from the host.
static nca_status list_cells(nca_session *session, const uint32_t *plane, const uint32_t *within,
                             nca_error *error)
{
    const nca_device *device = session->device;
    NCA_CUDA_TRY(
        device, nca_cuda_list_cells(&session->grid, plane, within, &session->list, session->stream),
        "a list of cells");
    NCA_CUDA_TRY(device, cudaStreamSynchronize(session->stream), "a list of cells");
    return NCA_OK;
}

// Lists those of the cells that one of the movers moves: all, unless rules share samples.
static nca_status list_owned(nca_session *session, const uint32_t *plane, const uint32_t *within,
                             int mover, nca_error *error)
{
    if (session->movers == 1)
        return list_cells(session, plane, within, error);
    NCA_CUDA_TRY(session->device,
                 nca_cuda_own_cells(&session->grid, session->buffer[NCA_OWNER], mover, plane,
                                    within, session->owned, session->stream),
                 "the cells of a rule");
    return list_cells(session, session->owned, NULL, error);
}

// A layer with the parameters of one of the movers.
static nca_cuda_layer layer_of(const nca_session *session, int number, int mover)
{
    const size_t at = (size_t)mover * session->layout.total;
    nca_cuda_layer layer = session->layer[number];
    layer.weight += at;
    layer.bias += at;
    layer.dweight += at;
    layer.dbias += at;
    return layer;
}

static int rows_at(const nca_session *session, int first)
{
    const int left = *session->list.total - first;
    return left < session->row_count ? left : session->row_count;
}

// Perception and the hidden layers of `rows` cells; with the output layer where `all`.
static nca_status compute_layers(nca_session *session, int mover, const nca_cuda_seen *seen,
                                 const uint32_t *cells, int rows, bool all, nca_error *error)
{
    nca_device *device = session->device;
    const float *x = session->p;
    NCA_CUDA_TRY(device,
                 nca_cuda_perceive(&session->grid, &session->head.shape.spec,
                                   session->rollout_values, seen, cells, rows, session->p,
                                   session->stream),
                 "perception");
    for (int i = 0; i < session->layers - !all; i++) {
        const nca_cuda_layer layer = layer_of(session, i, mover);
        NCA_TRY(nca_cuda_multiply_turned(session, rows, layer.outputs, layer.inputs, x,
                                         layer.weight, layer.out, error));
        if (i + 1 < session->layers)
            NCA_CUDA_TRY(
                device,
                nca_cuda_hidden_relu(rows, layer.outputs, layer.bias, layer.out, session->stream),
                "a hidden layer");
        x = layer.out;
    }
    return NCA_OK;
}

// The listed cells that one of the movers moves.
static nca_status move_cells(nca_session *session, const nca_cuda_step *step, int mover,
                             nca_error *error)
{
    nca_device *device = session->device;
    const nca_spec *spec = &session->head.shape.spec;
    const nca_cuda_seen seen = {step->before, step->settled};
    const float *out = session->layer[session->layers - 1].out;
    nca_cuda_step own = *step;
    own.rule.output_bias += (size_t)mover * session->layout.total;
    NCA_TRY(list_owned(session, step->listed, NULL, mover, error));
    if (step->counts && !nca_cuda_clears(spec))
        NCA_CUDA_TRY(device,
                     nca_cuda_count_listed(&session->grid, &session->list, session->counted,
                                           session->stream),
                     "a report");
    for (int first = 0; first < *session->list.total; first += session->row_count) {
        const uint32_t *cells = session->list.cells + first;
        const int rows = rows_at(session, first);
        NCA_TRY(compute_layers(session, mover, &seen, cells, rows, true, error));
        NCA_CUDA_TRY(device, nca_cuda_apply(&own, spec, cells, rows, out, session->stream),
                     "an update of cells");
    }
    return NCA_OK;
}

static nca_status forward_by_cublas(nca_session *session, const nca_cuda_step *step,
                                    nca_error *error)
{
    nca_device *device = session->device;
    const nca_spec *spec = &session->head.shape.spec;
    NCA_CUDA_TRY(device,
                 nca_cuda_masks(step, spec, session->forward_blocks_per_region, session->stream),
                 "the masks of a step");
    for (int mover = 0; mover < session->movers; mover++)
        NCA_TRY(move_cells(session, step, mover, error));
    return NCA_OK;
}

cudaError_t nca_cuda_launch_forward(const nca_session *session, const nca_cuda_step *step)
{
    return nca_cuda_fused_forward(step, session->device->precision,
                                  session->forward_blocks_per_region, session->stream);
}

nca_status nca_cuda_step_forward(nca_session *session, int number, bool counts, nca_error *error)
{
    nca_cuda_step step = nca_cuda_step_of(session, number, counts);
    if (nca_cuda_mixes(session)) {
        NCA_TRY(nca_cuda_mix_state(session, &step, error));
        nca_cuda_step_from_mixed(session, &step);
    }
    if (!session->is_fused)
        return forward_by_cublas(session, &step, error);
    NCA_CUDA_TRY(session->device, nca_cuda_launch_forward(session, &step), "a step");
    return NCA_OK;
}

// From the gradient of a layer's output to that of its input x [rows,inputs], and adds the share of
// `rows` cells to the gradient of its parameters.
static nca_status layer_backward(nca_session *session, const nca_cuda_layer *layer, int rows,
                                 const float *x, float *dx, nca_error *error)
{
    NCA_TRY(nca_cuda_multiply(session, rows, layer->inputs, layer->outputs, layer->dout,
                              layer->weight, dx, error));
    NCA_TRY(nca_cuda_multiply_add(session, layer->outputs, layer->inputs, rows, layer->dout, x,
                                  layer->dweight, error));
    NCA_CUDA_TRY(
        session->device,
        nca_cuda_add_columns(rows, layer->outputs, layer->dout, layer->dbias, session->stream),
        "a bias");
    return NCA_OK;
}

static nca_status rows_backward(nca_session *session, const nca_cuda_step_backward *step, int mover,
                                const uint32_t *cells, int rows, nca_error *error)
{
    nca_device *device = session->device;
    const nca_spec *spec = &session->head.shape.spec;
    const nca_cuda_seen seen = {step->before, step->settled};
    float *dout = session->layer[session->layers - 1].dout;
    NCA_TRY(compute_layers(session, mover, &seen, cells, rows, false, error));
    NCA_CUDA_TRY(device, nca_cuda_apply_backward(step, spec, cells, rows, dout, session->stream),
                 "an update's gradient");
    for (int i = session->layers - 1; i > 0; i--) {
        const nca_cuda_layer *below = &session->layer[i - 1];
        const nca_cuda_layer layer = layer_of(session, i, mover);
        NCA_TRY(layer_backward(session, &layer, rows, below->out, below->dout, error));
        NCA_CUDA_TRY(device,
                     nca_cuda_hidden_relu_backward(rows, below->outputs, below->out, below->dout,
                                                   session->stream),
                     "a hidden layer's gradient");
    }
    const nca_cuda_layer lowest = layer_of(session, 0, mover);
    NCA_TRY(layer_backward(session, &lowest, rows, session->p, session->dp_rows, error));
    NCA_CUDA_TRY(
        device,
        nca_cuda_spread_gradient(step, spec, cells, rows, session->dp_rows, session->stream),
        "perception's gradient");
    return NCA_OK;
}

nca_status nca_cuda_add_given_after(nca_session *session, int steps, float *gradient,
                                    nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    const size_t state = nca_cuda_cells(&session->grid) * (size_t)shape->spec.channels;
    for (int i = 0; shape->objective.kind == NCA_GIVEN && i < shape->kept; i++)
        if (nca_cuda_is_kept(session, i, steps))
            NCA_CUDA_TRY(session->device,
                         nca_cuda_add_given(&session->grid,
                                            session->buffer[NCA_KEPT_GRADIENT] + (size_t)i * state,
                                            gradient, session->stream),
                         "given gradients");
    return NCA_OK;
}

// Through the network of the learning cells that one of the movers moved.
static nca_status cells_backward(nca_session *session, const nca_cuda_step_backward *step,
                                 int mover, nca_error *error)
{
    NCA_TRY(list_owned(session, step->active, step->settled1, mover, error));
    NCA_CUDA_TRY(
        session->device,
        nca_cuda_count_listed(&session->grid, &session->list, session->counted, session->stream),
        "a report");
    for (int first = 0; first < *session->list.total; first += session->row_count)
        NCA_TRY(rows_backward(session, step, mover, session->list.cells + first,
                              rows_at(session, first), error));
    return NCA_OK;
}

nca_status nca_cuda_unmix(nca_session *session, int number, float *gradient, nca_error *error)
{
    if (!nca_cuda_mixes(session) || number >= session->rollout.steps)
        return NCA_OK;
    const nca_cuda_step step = nca_cuda_step_of(session, number, false);
    return nca_cuda_mix_back(session, &step, gradient, error);
}

static nca_status back_by_cublas(nca_session *session, nca_cuda_step_backward *step, int number,
                                 nca_error *error)
{
    NCA_CUDA_TRY(session->device,
                 nca_cuda_gather_gradient(step, &session->head.shape.spec,
                                          session->forward_blocks_per_region, session->stream),
                 "a state's gradient");
    NCA_TRY(nca_cuda_unmix(session, number + 1, step->gradient, error));
    if (!step->is_last)
        NCA_TRY(nca_cuda_add_given_after(session, number + 1, step->gradient, error));
    if (nca_cuda_mixes(session)) {
        const nca_cuda_step forward = nca_cuda_step_of(session, number, false);
        NCA_TRY(nca_cuda_mix_state(session, &forward, error));
        step->before = session->mixed;
    }
    for (int mover = 0; mover < session->movers; mover++)
        NCA_TRY(cells_backward(session, step, mover, error));
    return NCA_OK;
}

cudaError_t nca_cuda_launch_backward(const nca_session *session, const nca_cuda_step_backward *step)
{
    return nca_cuda_fused_backward(step, session->device->precision,
                                   session->backward_blocks_per_region, session->stream);
}

nca_status nca_cuda_step_back(nca_session *session, int number, nca_error *error)
{
    nca_cuda_step_backward step = nca_cuda_step_backward_of(session, number);
    if (!session->is_fused)
        return back_by_cublas(session, &step, number, error);
    NCA_CUDA_TRY(session->device, nca_cuda_launch_backward(session, &step), "a step backward");
    return NCA_OK;
}
