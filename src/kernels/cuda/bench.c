// Kernels one by one, for benchmarks, on the tape of a rollout that has gone there and back. Those
// of the fused path are timed as a graph, as that path launches them; those of the cuBLAS path one
// launch after the other.
#include "bench.h"

#include <stdlib.h>

#include "bench_rows.h"

// Cells of a plane, of those that `within` has too (NULL: all).
static nca_status count_cells(nca_session *session, const uint32_t *plane, const uint32_t *within,
                              uint32_t *words, double *cells, nca_error *error)
{
    const size_t count = nca_cuda_plane(&session->grid);
    const uint32_t *const planes[] = {plane, within ? within : plane};
    for (int i = 0; i < 2; i++)
        NCA_CUDA_TRY(session->device,
                     cudaMemcpyAsync(words + (size_t)i * count, planes[i], count * sizeof *words,
                                     cudaMemcpyDeviceToHost, session->stream),
                     "a download");
    NCA_CUDA_TRY(session->device, cudaStreamSynchronize(session->stream), "a download");
    *cells = 0;
    for (size_t i = 0; i < count; i++)
        *cells += __builtin_popcount(words[i] & words[count + i]);
    return NCA_OK;
}

// What there is to do in the step; words [2,B,H,words] is scratch.
static nca_status count_step(nca_cuda_bench *bench, int step, uint32_t *words, nca_error *error)
{
    nca_session *session = bench->session;
    const uint32_t *settled_after = nca_cuda_plane_of(session, NCA_PLANE_SETTLED, step + 1);
    NCA_TRY(count_cells(session, bench->step.active, NULL, words, &bench->active, error));
    NCA_TRY(count_cells(session, bench->step.alive, NULL, words, &bench->alive, error));
    NCA_TRY(count_cells(session, bench->step.settled, NULL, words, &bench->settled, error));
    NCA_TRY(count_cells(session, settled_after, NULL, words, &bench->settled_after, error));
    NCA_TRY(
        count_cells(session, bench->step.active, settled_after, words, &bench->learning, error));
    NCA_TRY(count_cells(session, bench->end.settled, NULL, words, &bench->settled_last, error));
    return count_cells(session, nca_cuda_plane_of(session, NCA_PLANE_ACTIVE, 0),
                       nca_cuda_plane_of(session, NCA_PLANE_SETTLED, 1), words,
                       &bench->learning_first, error);
}

// A list for the matrices, and rows of the pool.
static nca_status prepare_lists(nca_cuda_bench *bench, int *rows, nca_error *error)
{
    nca_session *session = bench->session;
    const nca_device *device = session->device;
    const size_t batch = (size_t)session->head.shape.batch;
    for (size_t b = 0; b < batch; b++)
        rows[b] = (int)b;
    NCA_CUDA_TRY(device,
                 cudaMemcpyAsync(session->rows, rows, batch * sizeof *rows, cudaMemcpyHostToDevice,
                                 session->stream),
                 "an upload");
    if (session->is_fused)
        return NCA_OK;
    NCA_CUDA_TRY(device,
                 nca_cuda_list_cells(&session->grid, bench->step.active, NULL, &session->list,
                                     session->stream),
                 "a list of cells");
    NCA_CUDA_TRY(device, cudaStreamSynchronize(session->stream), "a list of cells");
    const int total = *session->list.total;
    bench->rows = total < session->row_count ? total : session->row_count;
    return NCA_OK;
}

static nca_status launch(const nca_cuda_bench *bench, const nca_cuda_bench_row *row, int times,
                         nca_error *error)
{
    for (int i = 0; i < times; i++) {
        if (row->multiply)
            NCA_TRY(row->multiply(bench, row->layer, error));
        else
            NCA_CUDA_TRY(bench->session->device, row->launch(bench), row->name);
    }
    return NCA_OK;
}

static nca_status capture(const nca_cuda_bench *bench, const nca_cuda_bench_row *row, int times,
                          cudaGraphExec_t *out, nca_error *error)
{
    const nca_session *session = bench->session;
    cudaGraph_t graph = NULL;
    NCA_CUDA_TRY(session->device,
                 cudaStreamBeginCapture(session->stream, cudaStreamCaptureModeThreadLocal),
                 "a graph");
    const nca_status status = launch(bench, row, times, error);
    cudaError_t code = cudaStreamEndCapture(session->stream, &graph);
    if (status == NCA_OK && code == cudaSuccess)
        code = cudaGraphInstantiate(out, graph, 0);
    if (graph)
        cudaGraphDestroy(graph);
    NCA_TRY(status);
    NCA_CUDA_TRY(session->device, code, "a graph");
    return NCA_OK;
}

// Between two events on the stream: `graph`, or launch by launch where there is none.
static nca_status time_launches(const nca_cuda_bench *bench, const nca_cuda_bench_row *row,
                                int times, cudaGraphExec_t graph, double *seconds, nca_error *error)
{
    const nca_session *session = bench->session;
    const nca_device *device = session->device;
    const nca_cuda_pending *clock = session->pending;   // nothing is pending: its events are free
    float ms = 0;
    NCA_CUDA_TRY(device, cudaEventRecord(clock->begin, session->stream), "a clock");
    if (graph)
        NCA_CUDA_TRY(device, cudaGraphLaunch(graph, session->stream), row->name);
    else
        NCA_TRY(launch(bench, row, times, error));
    NCA_CUDA_TRY(device, cudaEventRecord(clock->end, session->stream), "a clock");
    NCA_CUDA_TRY(device, cudaStreamSynchronize(session->stream), row->name);
    NCA_CUDA_TRY(device, cudaEventElapsedTime(&ms, clock->begin, clock->end), "a clock");
    *seconds = 1e-3 * ms / times;
    return NCA_OK;
}

static nca_status run_number(nca_cuda_bench *bench, int number, int times,
                             nca_kernel_report *report, nca_error *error)
{
    nca_cuda_bench_row row;
    cudaGraphExec_t graph = NULL;
    double seconds = 0;
    *report = (nca_kernel_report){0};
    if (!nca_cuda_bench_row_of(bench, number, &row))
        return NCA_OK;
    if (bench->session->is_fused)
        NCA_TRY(capture(bench, &row, times, &graph, error));
    const nca_status status = time_launches(bench, &row, times, graph, &seconds, error);
    if (graph)
        cudaGraphExecDestroy(graph);
    NCA_TRY(status);
    *report = (nca_kernel_report){
        .name = row.name, .flop = row.flop, .bytes = row.bytes, .seconds = seconds};
    return NCA_OK;
}

// A step in the middle. Of a thinned tape the second one: its masks and its state are what the
// backward pass has computed again last.
static int choose_step(const nca_session *session)
{
    const int steps = session->rollout.steps;
    return session->every == 1 ? (steps - 1) / 2 : steps > 1;
}

static nca_status open_bench(nca_cuda_bench *bench, uint32_t *words, int *rows, nca_error *error)
{
    nca_session *session = bench->session;
    const int step = choose_step(session);
    bench->step = nca_cuda_step_of(session, step, false);
    bench->end = nca_cuda_step_of(session, session->rollout.steps, false);
    // A rollout's beginning writes where no other kernel reads from.
    bench->begin = nca_cuda_step_of(session, session->rollout.steps + 1, false);
    bench->back = nca_cuda_step_backward_of(session, step);
    bench->back_end = nca_cuda_step_backward_of(session, -1);
    NCA_TRY(count_step(bench, step, words, error));
    if (bench->active == 0)
        return nca_fail(error, NCA_ARGUMENT, "kernels one by one: no cell is active");
    return prepare_lists(bench, rows, error);
}

nca_status nca_cuda_kernel(nca_session *session, int number, int times, nca_kernel_report *report,
                           nca_error *error)
{
    nca_cuda_bench bench = {.session = session};
    if (!session->head.has_gone_back || session->rollout.steps < 1 || number < 0 || times < 1 ||
        session->head.shape.pool < session->head.shape.batch)
        return nca_fail(error, NCA_ARGUMENT,
                        "kernel %d, %d times: it needs a rollout that went back and a pool of %d",
                        number, times, session->head.shape.batch);
    NCA_TRY(nca_cuda_synchronize(session, error));
    uint32_t *words = malloc(2 * nca_cuda_plane(&session->grid) * sizeof *words);
    int *rows = malloc((size_t)session->head.shape.batch * sizeof *rows);
    nca_status status = words && rows
                            ? open_bench(&bench, words, rows, error)
                            : nca_fail(error, NCA_MEMORY, "a list of cells: no memory for it");
    if (status == NCA_OK)
        status = run_number(&bench, number, times, report, error);
    session->head.tape_is_valid &= status == NCA_ARGUMENT;   // refused: nothing has run
    free(words);
    free(rows);
    return status;
}
