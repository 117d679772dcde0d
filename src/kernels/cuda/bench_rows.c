// The kernels that are timed one by one: every launcher of kernels.h that rollouts and learning
// use, the products by cuBLAS, and what each has to do.
#include <string.h>

#include "bench_rows.h"

// -- What every path launches

static cudaError_t fire(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    const int steps = session->rollout.steps;
    return nca_cuda_fire(&session->grid, session->rollout_values, 0,
                         steps < session->planes ? steps : session->planes,
                         nca_cuda_plane_of(session, NCA_PLANE_FIRE, 0), session->stream);
}

static cudaError_t prepare(const nca_cuda_bench *bench)
{
    return nca_cuda_prepare(&bench->begin, bench->session->forward_blocks_per_region,
                            bench->session->buffer[NCA_BATCH], bench->session->stream);
}

static cudaError_t finish(const nca_cuda_bench *bench)
{
    return nca_cuda_finish(&bench->end, bench->session->forward_blocks_per_region,
                           bench->session->buffer[NCA_BATCH], bench->session->stream);
}

static cudaError_t loss(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_loss(&session->grid, session->buffer[NCA_BATCH], session->buffer[NCA_TARGET],
                         session->parts, session->samples, session->stream);
}

static cudaError_t loss_backward(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_loss_backward(&session->grid, session->rollout_values,
                                  session->buffer[NCA_BATCH], session->buffer[NCA_TARGET],
                                  session->gradient, session->stream);
}

static cudaError_t batch_gradient(const nca_cuda_bench *bench)
{
    return nca_cuda_batch_gradient(&bench->back_end, bench->session->forward_blocks_per_region,
                                   bench->session->buffer[NCA_BATCH_GRADIENT],
                                   bench->session->stream);
}

// The rule that training has by default, at a rate that leaves the parameters as they are.
static cudaError_t update(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    const nca_cuda_adam adam = {.layout = session->layout,
                                .step = {.time = 1,
                                         .beta1 = 0.9,
                                         .beta2 = 0.999,
                                         .epsilon = 1e-7,
                                         .transforms = 1,
                                         .transform = {{NCA_GRADIENT_NORMALIZE, 0}}},
                                .own = {.time = 1, .apply = true},
                                .mean_bias = 0.1,
                                .square_bias = 1e-3,
                                .parameters = session->buffer[NCA_PARAMETERS],
                                .mean = session->buffer[NCA_OPTIMIZER],
                                .square = session->buffer[NCA_OPTIMIZER] + session->layout.total,
                                .gradient = session->buffer[NCA_GRADIENT],
                                .scratch = session->scratch};
    return nca_cuda_update(&adam, session->updated, session->stream);
}

static cudaError_t pack_rule(const nca_cuda_bench *bench)
{
    return nca_cuda_pack_rule(&bench->session->grid, &bench->session->rule, bench->session->stream);
}

static cudaError_t scatter(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_scatter(&session->grid, session->buffer[NCA_BATCH], session->rows,
                            session->buffer[NCA_POOL], session->stream);
}

static cudaError_t gather(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_gather(&session->grid, session->buffer[NCA_POOL], session->rows,
                           session->buffer[NCA_BATCH], session->stream);
}

// The whole sample: what the most damage costs.
static cudaError_t damage(const nca_cuda_bench *bench)
{
    const nca_cuda_grid *grid = &bench->session->grid;
    const nca_region all = {.kind = NCA_REGION_BOX, .bottom = grid->height, .right = grid->width};
    return nca_cuda_damage(grid, 0, &all, bench->session->buffer[NCA_BATCH],
                           bench->session->stream);
}

// -- The fused path

static cudaError_t fused_forward(const nca_cuda_bench *bench)
{
    return nca_cuda_launch_forward(bench->session, &bench->step);
}

static cudaError_t fused_backward(const nca_cuda_bench *bench)
{
    return nca_cuda_launch_backward(bench->session, &bench->back);
}

static int blocks_with_sums(const nca_session *session)
{
    return session->head.shape.batch * session->grid.regions * session->backward_blocks_per_region;
}

static cudaError_t reduce_sums(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_reduce_sums(&session->grid, session->sums,
                                session->grid.regions * session->backward_blocks_per_region,
                                session->buffer[NCA_GRADIENT], session->stream);
}

// -- The cuBLAS path

static cudaError_t masks(const nca_cuda_bench *bench)
{
    return nca_cuda_masks(&bench->step, bench->session->forward_blocks_per_region,
                          bench->session->stream);
}

static cudaError_t list_cells(const nca_cuda_bench *bench)
{
    return nca_cuda_list_cells(&bench->session->grid, bench->step.active, NULL,
                               &bench->session->list, bench->session->stream);
}

static cudaError_t count_listed(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_count_listed(&session->grid, &session->list, session->counted, session->stream);
}

static cudaError_t perceive(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_perceive(&session->grid, session->rollout_values, bench->step.before,
                             bench->step.settled, session->list.cells, bench->rows, session->p,
                             session->stream);
}

static cudaError_t hidden_relu(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_hidden_relu(&session->grid, &session->rule, bench->rows, session->hidden,
                                session->stream);
}

static cudaError_t apply(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_apply(&bench->step, session->list.cells, bench->rows, session->out,
                          session->stream);
}

static cudaError_t gather_gradient(const nca_cuda_bench *bench)
{
    return nca_cuda_gather_gradient(&bench->back, bench->session->forward_blocks_per_region,
                                    bench->session->stream);
}

static cudaError_t apply_backward(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_apply_backward(&bench->back, session->list.cells, bench->rows, session->dout,
                                   session->stream);
}

static cudaError_t hidden_relu_backward(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_hidden_relu_backward(&session->grid, bench->rows, session->hidden,
                                         session->dhidden, session->stream);
}

static cudaError_t add_columns(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_add_columns(
        bench->rows, session->head.shape.spec.hidden[0], session->dhidden,
        session->buffer[NCA_GRADIENT] + session->layout.offset[NCA_HIDDEN_BIAS], session->stream);
}

static cudaError_t spread_gradient(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_spread_gradient(&bench->back, session->list.cells, bench->rows,
                                    session->dp_rows, session->stream);
}

static int inputs_of(const nca_session *session)
{
    return NCA_PERCEIVED * session->head.shape.spec.channels;
}

static nca_status hidden_product(const nca_cuda_bench *bench, nca_error *error)
{
    const nca_session *session = bench->session;
    return nca_cuda_multiply_turned(session, bench->rows, session->head.shape.spec.hidden[0],
                                    inputs_of(session), session->p, session->rule.hidden_weight,
                                    session->hidden, error);
}

static nca_status output_product(const nca_cuda_bench *bench, nca_error *error)
{
    const nca_session *session = bench->session;
    return nca_cuda_multiply_turned(session, bench->rows, session->head.shape.spec.channels,
                                    session->head.shape.spec.hidden[0], session->hidden,
                                    session->rule.output_weight, session->out, error);
}

static nca_status dhidden_product(const nca_cuda_bench *bench, nca_error *error)
{
    const nca_session *session = bench->session;
    return nca_cuda_multiply(session, bench->rows, session->head.shape.spec.hidden[0],
                             session->head.shape.spec.channels, session->dout,
                             session->rule.output_weight, session->dhidden, error);
}

static nca_status dp_product(const nca_cuda_bench *bench, nca_error *error)
{
    const nca_session *session = bench->session;
    return nca_cuda_multiply(session, bench->rows, inputs_of(session),
                             session->head.shape.spec.hidden[0], session->dhidden,
                             session->rule.hidden_weight, session->dp_rows, error);
}

static nca_status hidden_weight_product(const nca_cuda_bench *bench, nca_error *error)
{
    const nca_session *session = bench->session;
    return nca_cuda_multiply_add(
        session, session->head.shape.spec.hidden[0], inputs_of(session), bench->rows,
        session->dhidden, session->p,
        session->buffer[NCA_GRADIENT] + session->layout.offset[NCA_HIDDEN_WEIGHT], error);
}

static nca_status output_weight_product(const nca_cuda_bench *bench, nca_error *error)
{
    const nca_session *session = bench->session;
    return nca_cuda_multiply_add(
        session, session->head.shape.spec.channels, session->head.shape.spec.hidden[0], bench->rows,
        session->dout, session->hidden,
        session->buffer[NCA_GRADIENT] + session->layout.offset[NCA_OUTPUT_WEIGHT], error);
}

// The table of kernels: flop and bytes as nca_kernel_report has them.
//   A, S, V, Z, T   cells of the step that are active; settled before it; alive before it; settled
//                   after it; learning
//   M               rows of the matrices
//   N, HW           cells of the batch, of a sample
//   W, R            words of a plane, regions of the batch
//   P, G            parameters, blocks with sums of their own
enum { COMMON = 11, FUSED = 3, CUBLAS = 17 };

static void list_common(const nca_cuda_bench *bench, nca_cuda_bench_row rows[COMMON])
{
    const nca_cuda_grid *grid = &bench->session->grid;
    const double C = grid->channels, K = grid->hidden, P = (double)bench->session->layout.total;
    const double HW = (double)grid->height * grid->width, N = HW * grid->batch;
    const double W = (double)nca_cuda_plane(grid), steps = bench->session->rollout.steps;
    const double T1 = bench->learning_first;
    // clang-format off
    const nca_cuda_bench_row all[COMMON] = {
        {"fire", fire, NULL, 0, 4*W*steps},
        {"prepare", prepare, NULL, 0, 8*C*N + 8*W},
        {"finish", finish, NULL, 0, 4*C*(bench->settled_last + N) + 12*W},
        {"loss", loss, NULL, 12*N, 4*C*N + 16*HW},
        {"loss_backward", loss_backward, NULL, 8*N, (16 + 4*C)*N + 16*HW},
        {"batch_gradient", batch_gradient, NULL, 25*C*T1, 8*C*N + 12*C*T1 + 16*W},
        {"update", update, NULL, 21*P, 28*P},
        {"pack_rule", pack_rule, NULL, 0, 32*C*K},
        {"scatter", scatter, NULL, 0, 8*C*N},
        {"gather", gather, NULL, 0, 8*C*N},
        {"damage", damage, NULL, 0, 4*C*HW},
    };
    // clang-format on
    memcpy(rows, all, sizeof all);
}

static void list_fused(const nca_cuda_bench *bench, nca_cuda_bench_row rows[FUSED])
{
    const nca_cuda_grid *grid = &bench->session->grid;
    const double C = grid->channels, K = grid->hidden, P = (double)bench->session->layout.total;
    const double W = (double)nca_cuda_plane(grid), G = blocks_with_sums(bench->session);
    const double A = bench->active, S = bench->settled, V = bench->alive, Z = bench->settled_after,
                 T = bench->learning;
    // clang-format off
    const nca_cuda_bench_row all[FUSED] = {
        {"fused_forward", fused_forward, NULL, (8*C*K + 32*C)*A, 4*C*(S + V) + 16*C*K + 36*W},
        {"fused_backward", fused_backward, NULL, (22*C*K + 62*C)*T,
         4*C*(S + 2*Z) + 24*C*T + 16*C*K + 8*P*G + 20*W},
        {"reduce_sums", reduce_sums, NULL, P*G, 4*P*G + 4*P},
    };
    // clang-format on
    memcpy(rows, all, sizeof all);
}

static void list_cublas(const nca_cuda_bench *bench, nca_cuda_bench_row rows[CUBLAS])
{
    const nca_cuda_grid *grid = &bench->session->grid;
    const double C = grid->channels, K = grid->hidden, W = (double)nca_cuda_plane(grid);
    const double R = (double)grid->batch * grid->regions;
    const double A = bench->active, S = bench->settled, V = bench->alive, Z = bench->settled_after,
                 T = bench->learning;
    const double M = bench->rows;
    // clang-format off
    const nca_cuda_bench_row all[CUBLAS] = {
        {"masks", masks, NULL, 0, 8*C*(V - A) + 36*W},
        {"list_cells", list_cells, NULL, 0, 4*W + 4*A},
        {"perceive", perceive, NULL, 30*C*M, 4*C*S + (12*C + 4)*M + 4*W},
        {"hidden_product", NULL, hidden_product, 6*C*K*M, (12*C + 4*K)*M + 12*C*K},
        {"hidden_relu", hidden_relu, NULL, K*M, 8*K*M + 4*K},
        {"output_product", NULL, output_product, 2*C*K*M, (4*C + 4*K)*M + 4*C*K},
        {"apply", apply, NULL, 3*C*M, (12*C + 4)*M + 12*W},
        {"gather_gradient", gather_gradient, NULL, 25*C*T, 8*C*Z + 12*C*T + 20*W},
        {"count_listed", count_listed, NULL, 0, 20*R},
        {"apply_backward", apply_backward, NULL, C*M, (8*C + 4)*M},
        {"dhidden_product", NULL, dhidden_product, 2*C*K*M, (4*C + 4*K)*M + 4*C*K},
        {"hidden_relu_backward", hidden_relu_backward, NULL, 0, 8*K*M},
        {"dp_product", NULL, dp_product, 6*C*K*M, (12*C + 4*K)*M + 12*C*K},
        {"hidden_weight_product", NULL, hidden_weight_product, 6*C*K*M, (12*C + 4*K)*M + 24*C*K},
        {"output_weight_product", NULL, output_weight_product, 2*C*K*M, (4*C + 4*K)*M + 8*C*K},
        {"add_columns", add_columns, NULL, K*M, 4*K*M + 8*K},
        {"spread_gradient", spread_gradient, NULL, 6*C*M, (24*C + 4)*M},
    };
    // clang-format on
    memcpy(rows, all, sizeof all);
}

bool nca_cuda_bench_row_of(const nca_cuda_bench *bench, int number, nca_cuda_bench_row *out)
{
    nca_cuda_bench_row rows[COMMON + CUBLAS];
    const int own = bench->session->is_fused ? FUSED : CUBLAS;
    list_common(bench, rows);
    (bench->session->is_fused ? list_fused : list_cublas)(bench, rows + COMMON);
    if (number >= COMMON + own)
        return false;
    *out = rows[number];
    return true;
}
