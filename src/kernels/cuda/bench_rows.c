// The kernels that are timed one by one: every launcher of kernels.h that rollouts and learning
// use, the products by cuBLAS, and what each has to do.
#include <string.h>

#include "bench_rows.h"

static const nca_spec *spec_of(const nca_cuda_bench *bench)
{
    return &bench->session->head.shape.spec;
}

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
    return nca_cuda_prepare(&bench->begin, spec_of(bench),
                            bench->session->forward_blocks_per_region,
                            bench->session->buffer[NCA_BATCH], bench->session->stream);
}

static cudaError_t finish(const nca_cuda_bench *bench)
{
    return nca_cuda_finish(&bench->end, spec_of(bench), bench->session->forward_blocks_per_region,
                           bench->session->buffer[NCA_BATCH], bench->session->stream);
}

static cudaError_t loss(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_loss(&session->grid, &session->judge, session->buffer[NCA_BATCH],
                         session->samples, session->stream);
}

static cudaError_t loss_backward(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_loss_backward(&session->grid, &session->judge, session->rollout_values,
                                  session->buffer[NCA_BATCH], session->gradient, session->stream);
}

static cudaError_t batch_gradient(const nca_cuda_bench *bench)
{
    return nca_cuda_batch_gradient(
        &bench->back_end, spec_of(bench), bench->session->forward_blocks_per_region,
        bench->session->buffer[NCA_BATCH_GRADIENT], bench->session->stream);
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

static cudaError_t pack_rule(const nca_cuda_bench *bench)
{
    return nca_cuda_pack_rule(&bench->session->grid, &bench->session->rule, bench->session->stream);
}

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
    return nca_cuda_masks(&bench->step, spec_of(bench), bench->session->forward_blocks_per_region,
                          bench->session->stream);
}

static cudaError_t list_cells(const nca_cuda_bench *bench)
{
    return nca_cuda_list_cells(&bench->session->grid, bench->step.active, NULL,
                               &bench->session->list, bench->session->stream);
}

// The batch stands in for the owners of cells, and a plane of a later step for those of one rule.
static cudaError_t own_cells(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_own_cells(&session->grid, session->buffer[NCA_BATCH], 0, bench->step.active,
                              NULL, nca_cuda_plane_of(session, NCA_PLANE_FIRE, 7), session->stream);
}

static cudaError_t count_listed(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_count_listed(&session->grid, &session->list, session->counted, session->stream);
}

static cudaError_t perceive(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    const nca_cuda_seen seen = {bench->step.before, bench->step.settled};
    return nca_cuda_perceive(&session->grid, spec_of(bench), session->rollout_values, &seen,
                             session->list.cells, bench->rows, session->p, session->stream);
}

static cudaError_t hidden_relu(const nca_cuda_bench *bench)
{
    const nca_cuda_layer *layer = bench->session->layer;
    return nca_cuda_hidden_relu(bench->rows, layer->outputs, layer->bias, layer->out,
                                bench->session->stream);
}

static cudaError_t apply(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_apply(&bench->step, spec_of(bench), session->list.cells, bench->rows,
                          session->layer[session->layers - 1].out, session->stream);
}

static cudaError_t gather_gradient(const nca_cuda_bench *bench)
{
    return nca_cuda_gather_gradient(&bench->back, spec_of(bench),
                                    bench->session->forward_blocks_per_region,
                                    bench->session->stream);
}

static cudaError_t apply_backward(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_apply_backward(&bench->back, spec_of(bench), session->list.cells, bench->rows,
                                   session->layer[session->layers - 1].dout, session->stream);
}

static cudaError_t hidden_relu_backward(const nca_cuda_bench *bench)
{
    const nca_cuda_layer *layer = bench->session->layer;
    return nca_cuda_hidden_relu_backward(bench->rows, layer->outputs, layer->out, layer->dout,
                                         bench->session->stream);
}

static cudaError_t add_columns(const nca_cuda_bench *bench)
{
    const nca_cuda_layer *layer = bench->session->layer;
    return nca_cuda_add_columns(bench->rows, layer->outputs, layer->dout, layer->dbias,
                                bench->session->stream);
}

static cudaError_t spread_gradient(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_spread_gradient(&bench->back, spec_of(bench), session->list.cells, bench->rows,
                                    session->dp_rows, session->stream);
}

// -- Of some specs and objectives

static cudaError_t exchange(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_exchange(&session->grid, 0, spec_of(bench)->frozen, session->exchanged, 0,
                             session->buffer[NCA_BATCH], session->stream);
}

static cudaError_t add_given(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_add_given(&session->grid, session->buffer[NCA_KEPT_GRADIENT], session->gradient,
                              session->stream);
}

static cudaError_t mix(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    const nca_cuda_mixing mixing = nca_cuda_mixing_of(session);
    return nca_cuda_mix(&session->grid, spec_of(bench), session->rollout_values, &mixing,
                        session->stream);
}

static cudaError_t clip_backward(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    const nca_cuda_mixing mixing = nca_cuda_mixing_of(session);
    return nca_cuda_clip_backward(&session->grid, &mixing, bench->step.settled, session->gradient,
                                  session->stream);
}

static cudaError_t mix_backward(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    const nca_cuda_mixing mixing = nca_cuda_mixing_of(session);
    return nca_cuda_mix_backward(&session->grid, &mixing, session->gradient, session->stream);
}

static cudaError_t make_symmetric(const nca_cuda_bench *bench)
{
    const nca_session *session = bench->session;
    return nca_cuda_make_symmetric(session->grid.channels,
                                   session->buffer[NCA_GRADIENT] + session->layout.offset[NCA_MIX],
                                   session->stream);
}

// The gradient of the matrix.
static nca_status matrix_product(const nca_cuda_bench *bench, int number, nca_error *error)
{
    const nca_session *session = bench->session;
    const int channels = session->grid.channels;
    (void)number;   // of no layer
    return nca_cuda_multiply_add(
        session, channels, channels, (int)nca_cuda_cells(&session->grid), session->unmixed,
        session->mixed, session->buffer[NCA_GRADIENT] + session->layout.offset[NCA_MIX], error);
}

// -- Products of a layer

static nca_status forward_product(const nca_cuda_bench *bench, int number, nca_error *error)
{
    const nca_session *session = bench->session;
    const nca_cuda_layer *layer = &session->layer[number];
    return nca_cuda_multiply_turned(session, bench->rows, layer->outputs, layer->inputs,
                                    number > 0 ? layer[-1].out : session->p, layer->weight,
                                    layer->out, error);
}

static nca_status input_product(const nca_cuda_bench *bench, int number, nca_error *error)
{
    const nca_session *session = bench->session;
    const nca_cuda_layer *layer = &session->layer[number];
    return nca_cuda_multiply(session, bench->rows, layer->inputs, layer->outputs, layer->dout,
                             layer->weight, number > 0 ? layer[-1].dout : session->dp_rows, error);
}

static nca_status weight_product(const nca_cuda_bench *bench, int number, nca_error *error)
{
    const nca_session *session = bench->session;
    const nca_cuda_layer *layer = &session->layer[number];
    return nca_cuda_multiply_add(session, layer->outputs, layer->inputs, bench->rows, layer->dout,
                                 number > 0 ? layer[-1].out : session->p, layer->dweight, error);
}

// The table of kernels: flop and bytes as nca_kernel_report has them.
//   A, S, V, Z, T   cells of the step that are active; settled before it; alive before it; settled
//                   after it; learning
//   M               rows of the matrices
//   N, HW           cells of the batch, of a sample
//   W, R            words of a plane, regions of the batch
//   P, D            parameters, blocks with sums of their own
//   G, K, O, F      groups of C inputs; units of the first hidden layer; outputs; frozen channels
enum { COMMON = 10, FUSED = 4, CUBLAS = 12, SOME = 7, PRODUCTS = 3 * (NCA_LAYERS_MAX + 1) };
enum { ALL = COMMON + CUBLAS + SOME + PRODUCTS };

// Every loss counts as one of squares.
static int list_common(const nca_cuda_bench *bench, nca_cuda_bench_row *rows)
{
    const nca_cuda_grid *grid = &bench->session->grid;
    const double C = grid->channels, P = (double)bench->session->layout.total;
    const double HW = (double)grid->height * grid->width, N = HW * grid->batch;
    const double W = (double)nca_cuda_plane(grid), steps = bench->session->rollout.steps;
    const double T1 = bench->learning_first, G = nca_spec_groups(spec_of(bench));
    const double V = bench->session->judge.channels;
    const double targets = bench->session->judge.objective.is_per_sample ? N : HW;
    // clang-format off
    const nca_cuda_bench_row all[COMMON] = {
        {"fire", fire, NULL, 0, 4*W*steps, 0},
        {"prepare", prepare, NULL, 0, 8*C*N + 8*W, 0},
        {"finish", finish, NULL, 0, 4*C*(bench->settled_last + N) + 12*W, 0},
        {"loss", loss, NULL, 3*V*N, 4*C*N + 4*V*targets, 0},
        {"loss_backward", loss_backward, NULL, 2*V*N, (4*V + 4*C)*N + 4*V*targets, 0},
        {"batch_gradient", batch_gradient, NULL, (G == 3 ? 25 : 9)*C*T1, 8*C*N + 4*G*C*T1 + 16*W, 0},
        {"update", update, NULL, 21*P, 28*P, 0},
        {"scatter", scatter, NULL, 0, 8*C*N, 0},
        {"gather", gather, NULL, 0, 8*C*N, 0},
        {"damage", damage, NULL, 0, 4*C*HW, 0},
    };
    // clang-format on
    memcpy(rows, all, sizeof all);
    return COMMON;
}

static int list_fused(const nca_cuda_bench *bench, nca_cuda_bench_row *rows)
{
    const nca_cuda_grid *grid = &bench->session->grid;
    const double C = grid->channels, K = grid->hidden, P = (double)bench->session->layout.total;
    const double W = (double)nca_cuda_plane(grid), D = blocks_with_sums(bench->session);
    const double A = bench->active, S = bench->settled, V = bench->alive, Z = bench->settled_after,
                 T = bench->learning;
    // clang-format off
    const nca_cuda_bench_row all[FUSED] = {
        {"pack_rule", pack_rule, NULL, 0, 32*C*K, 0},
        {"fused_forward", fused_forward, NULL, (8*C*K + 32*C)*A, 4*C*(S + V) + 16*C*K + 36*W, 0},
        {"fused_backward", fused_backward, NULL, (22*C*K + 62*C)*T,
         4*C*(S + 2*Z) + 24*C*T + 16*C*K + 8*P*D + 20*W, 0},
        {"reduce_sums", reduce_sums, NULL, P*D, 4*P*D + 4*P, 0},
    };
    // clang-format on
    memcpy(rows, all, sizeof all);
    return FUSED;
}

// Perception costs 30 flop a channel, and 6 backward; `moore` costs none.
static int list_cublas(const nca_cuda_bench *bench, nca_cuda_bench_row *rows)
{
    const nca_cuda_grid *grid = &bench->session->grid;
    const double C = grid->channels, K = grid->hidden, W = (double)nca_cuda_plane(grid);
    const double R = (double)grid->batch * grid->regions, N = (double)nca_cuda_cells(grid);
    const double A = bench->active, S = bench->settled, V = bench->alive, Z = bench->settled_after,
                 T = bench->learning;
    const double M = bench->rows, G = nca_spec_groups(spec_of(bench)),
                 O = nca_spec_outputs(spec_of(bench));
    const bool is_moore = G > 3, clears = nca_cuda_clears(spec_of(bench));
    // clang-format off
    const nca_cuda_bench_row all[CUBLAS] = {
        {"masks", masks, NULL, 0, clears ? 8*C*(V - A) + 36*W : 8*C*(N - A) + 28*W, 0},
        {"list_cells", list_cells, NULL, 0, 4*W + 4*A, 0},
        {"own_cells", own_cells, NULL, 0, 8*W + 4*N, 0},
        {"perceive", perceive, NULL, is_moore ? 0 : 30*C*M, 4*C*S + (4*G*C + 4)*M + 4*W, 0},
        {"hidden_relu", hidden_relu, NULL, K*M, 8*K*M + 4*K, 0},
        {"apply", apply, NULL, 3*O*M, (8*C + 4*O + 4)*M + 12*W, 0},
        {"gather_gradient", gather_gradient, NULL, (is_moore ? 9 : 25)*C*T, 8*C*Z + 4*G*C*T + 20*W, 0},
        {"count_listed", count_listed, NULL, 0, 20*R, 0},
        {"apply_backward", apply_backward, NULL, O*M, (8*O + 4)*M, 0},
        {"hidden_relu_backward", hidden_relu_backward, NULL, 0, 8*K*M, 0},
        {"add_columns", add_columns, NULL, K*M, 4*K*M + 8*K, 0},
        {"spread_gradient", spread_gradient, NULL, is_moore ? 0 : 6*C*M, (8*G*C + 4)*M, 0},
    };
    // clang-format on
    memcpy(rows, all, sizeof all);
    return CUBLAS;
}

// What only some rules and objectives launch.
static int list_some(const nca_cuda_bench *bench, nca_cuda_bench_row *rows)
{
    const nca_shape *shape = &bench->session->head.shape;
    const double C = shape->spec.channels, F = shape->spec.frozen;
    const double HW = (double)shape->height * shape->width, N = HW * shape->batch;
    int count = 0;
    if (shape->spec.frozen > 0)
        rows[count++] =
            (nca_cuda_bench_row){"exchange", exchange, NULL, 0, (4 * F + 4 * C) * HW, 0};
    if (shape->objective.kind == NCA_GIVEN && shape->kept > 0)
        rows[count++] = (nca_cuda_bench_row){"add_given", add_given, NULL, C * N, 12 * C * N, 0};
    if (!(shape->spec.mix_bound > 0))
        return count;
    // clang-format off
    const nca_cuda_bench_row mixing[] = {
        {"mix", mix, NULL, 2*C*C*N, 8*C*N + 4*C*C, 0},
        {"clip_backward", clip_backward, NULL, 0, 12*C*N, 0},
        {"matrix_product", NULL, matrix_product, 2*C*C*N, 8*C*N + 8*C*C, 0},
        {"mix_backward", mix_backward, NULL, 2*C*C*N, 8*C*N + 4*C*C, 0},
        {"make_symmetric", make_symmetric, NULL, C*C, 8*C*C, 0},
    };
    // clang-format on
    memcpy(rows + count, mixing, sizeof mixing);
    return count + (int)(sizeof mixing / sizeof *mixing);
}

// The three products of every layer: a multiply-add for each weight and row.
static int list_products(const nca_cuda_bench *bench, nca_cuda_bench_row *rows)
{
    static const char *const names[NCA_LAYERS_MAX + 1][3] = {
        {"hidden_product", "dp_product", "hidden_weight_product"},
        {"hidden2_product", "dhidden_product", "hidden2_weight_product"},
        {"output_product", "dhidden_product", "output_weight_product"}};
    const nca_session *session = bench->session;
    for (int i = 0; i < session->layers; i++) {
        const bool is_output = i + 1 == session->layers;
        const char *const *name = names[is_output ? NCA_LAYERS_MAX : i];
        const double I = session->layer[i].inputs, U = session->layer[i].outputs, M = bench->rows;
        const double numbers = 4 * (I + U) * M, weights = 4 * I * U;
        rows[3 * i] = (nca_cuda_bench_row){name[0],           NULL, forward_product, 2 * I * U * M,
                                           numbers + weights, i};
        rows[3 * i + 1] = (nca_cuda_bench_row){is_output && i == 2 ? "dhidden2_product" : name[1],
                                               NULL,
                                               input_product,
                                               2 * I * U * M,
                                               numbers + weights,
                                               i};
        rows[3 * i + 2] = (nca_cuda_bench_row){
            name[2], NULL, weight_product, 2 * I * U * M, numbers + 2 * weights, i};
    }
    return 3 * session->layers;
}

bool nca_cuda_bench_row_of(const nca_cuda_bench *bench, int number, nca_cuda_bench_row *out)
{
    nca_cuda_bench_row rows[ALL];
    int count = list_common(bench, rows);
    if (bench->session->is_fused) {
        count += list_fused(bench, rows + count);
    } else {
        count += list_cublas(bench, rows + count);
        count += list_products(bench, rows + count);
    }
    count += list_some(bench, rows + count);
    if (number >= count)
        return false;
    *out = rows[number];
    return true;
}
