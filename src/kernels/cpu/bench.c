// Kernels one by one, for benchmarks: each over the cells of a rollout's last step, cut into bands
// and shared out among the threads as in a rollout.
#include "bench.h"

#include <stdlib.h>

#include "cpu.h"

typedef struct kernel_run kernel_run;

// One band of one sample.
typedef struct band_run {
    nca_session *session;
    nca_cpu_sample *sample;
    nca_cpu_scratch *scratch;
    int number, band, worker, step;
    int y0, y1;
    const float *state;   // before the step, from the band's first padded row on
    float *gradient;      // of that state, the band's block
} band_run;

// What a row calls: with every chunk of the active cells, with every band, or once.
typedef struct kernel_row {
    const char *name;
    void (*chunk)(const band_run *work, const uint32_t *cells, int count);
    void (*band)(const band_run *work);
    nca_status (*whole)(const kernel_run *kernel, nca_error *error);
    double flop, bytes;
} kernel_row;

// A kernel while it runs.
struct kernel_run {
    nca_session *session;
    kernel_row row;
    int step;          // the rollout's last, whose masks are all there
    uint32_t *cells;   // [B,bands,band_rows*W] active cells of a band, by their numbers within it
    int *counts;       // [B,bands]
    int *rows;         // [B] of the pool
    double active, alive, busy_bands;
};

static void perceive(const band_run *work, const uint32_t *cells, int count)
{
    const nca_session *session = work->session;
    session->ops.perceive(work->state, session->row, session->head.shape.spec.channels, cells,
                          count, session->rotation, work->scratch->p);
}

static void perceive_backward(const band_run *work, const uint32_t *cells, int count)
{
    const nca_session *session = work->session;
    session->ops.perceive_backward(work->scratch->dp, session->row,
                                   session->head.shape.spec.channels, cells, count,
                                   session->rotation, work->gradient);
}

// The network's kernels work on what a chunk before this one has left in the thread's scratch.
static void mlp(const band_run *work, const uint32_t *cells, int count)
{
    (void)cells;
    work->session->ops.mlp(nca_cpu_rule_of(work->session, work->number, 0), work->scratch->p, count,
                           work->scratch->hidden, work->scratch->out);
}

static void mlp_hidden(const band_run *work, const uint32_t *cells, int count)
{
    (void)cells;
    work->session->ops.mlp_hidden(nca_cpu_rule_of(work->session, work->number, 0), work->scratch->p,
                                  count, work->scratch->hidden);
}

static void mlp_backward(const band_run *work, const uint32_t *cells, int count)
{
    const nca_cpu_gradient sums = nca_cpu_band_sums(work->session, work->sample, work->band, 0);
    const nca_cpu_chunk chunk = {.count = count,
                                 .p = work->scratch->p,
                                 .hidden = work->scratch->hidden,
                                 .dout = work->scratch->out,
                                 .dhidden = work->scratch->dhidden,
                                 .dp = work->scratch->dp};
    (void)cells;
    work->session->ops.mlp_backward(nca_cpu_rule_of(work->session, work->number, 0), &chunk, &sums);
}

static void fire(const band_run *work)
{
    const nca_session *session = work->session;
    const size_t width = (size_t)session->head.shape.width;
    for (int y = work->y0; y < work->y1; y++) {
        const size_t cell = (size_t)y * width, first = cell / 8;
        session->ops.fire(nca_cpu_rollout_of(session, work->number)->key, (uint32_t)work->number,
                          (uint32_t)work->step, session->fire_threshold, (uint32_t)first,
                          (cell + width + 7) / 8 - first, work->scratch->bits);
    }
}

// Of as many numbers as the active cells would have.
static void noise(const band_run *work, const uint32_t *cells, int count)
{
    const nca_session *session = work->session;
    const int outputs = nca_spec_outputs(&session->head.shape.spec);
    for (int i = 0; i < count; i++)
        session->ops.noise(nca_cpu_rollout_of(session, work->number)->key, (uint32_t)work->number,
                           (uint32_t)work->step, cells[i] * (uint32_t)outputs, outputs,
                           session->noise_scale, work->scratch->noise);
}

static void dilate(const band_run *work)
{
    const nca_session *session = work->session;
    const size_t width = (size_t)session->head.shape.width;
    for (int y = work->y0; y < work->y1; y++)
        session->ops.dilate(work->sample->mature[work->step & 1] + nca_cpu_cell(session, y, 0),
                            width + 2, width, work->scratch->alive);
}

static void step_update(const band_run *work)
{
    nca_cpu_step_update(work->session, work->number, work->step, work->band, work->worker);
}

static void step_settle(const band_run *work)
{
    nca_cpu_step_settle(work->session, work->number, work->step, work->band, work->worker);
}

static void step_backward(const band_run *work)
{
    nca_cpu_step_backward(work->session, work->number, work->step, work->band, work->worker);
}

static void loss(const band_run *work)
{
    nca_cpu_loss_band(work->session, work->number, 0, work->band, work->worker);
}

static void loss_backward(const band_run *work)
{
    nca_cpu_loss_backward(work->session, work->number, work->band, work->gradient);
}

static nca_status reduce_sums(const kernel_run *kernel, nca_error *error)
{
    (void)error;
    nca_cpu_reduce_sums(kernel->session);
    return NCA_OK;
}

// The transform that training has by default, at a rate that leaves the parameters as they are.
static nca_status update(const kernel_run *kernel, nca_error *error)
{
    const nca_optimizer_step step = {.time = 1,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .epsilon = 1e-7,
                                     .transforms = 1,
                                     .transform = {{NCA_GRADIENT_NORMALIZE, 0}}};
    return nca_cpu_update(kernel->session, &step, NULL, error);
}

static nca_status rule_pack(const kernel_run *kernel, nca_error *error)
{
    (void)error;
    kernel->session->rules_are_stale = true;
    nca_cpu_rules_pack(kernel->session);
    return NCA_OK;
}

static nca_status scatter(const kernel_run *kernel, nca_error *error)
{
    return nca_cpu_scatter(kernel->session, kernel->rows, error);
}

static nca_status gather(const kernel_run *kernel, nca_error *error)
{
    return nca_cpu_gather(kernel->session, kernel->rows, error);
}

// The table of kernels: flop and bytes as nca_kernel_report has them.
//   A, S    cells of the step that are active; alive after it
//   N, HW   cells of the batch, of a sample
//   P, G    parameters, bands with active cells, which have sums of their own
//   F, I    weights of the network, of its first layers; D numbers in a cell's perception
//   O, U    outputs, hidden units
//   R, K    active cells whose hidden units are computed again; are kept
enum { ROWS = 18 };
static void list_rows(const kernel_run *kernel, kernel_row rows[ROWS + 1])
{
    const nca_shape *shape = &kernel->session->head.shape;
    const nca_layout *layout = &kernel->session->layout;
    const double C = shape->spec.channels, U = shape->spec.hidden[0] + shape->spec.hidden[1],
                 D = nca_spec_inputs(&shape->spec), O = nca_spec_outputs(&shape->spec);
    const double P = (double)layout->total;
    const double I = (double)(layout->size[NCA_HIDDEN_WEIGHT] + layout->size[NCA_HIDDEN2_WEIGHT]);
    const double F = I + (double)layout->size[NCA_OUTPUT_WEIGHT];
    const double HW = (double)shape->height * shape->width, N = HW * shape->batch;
    const double A = kernel->active, S = kernel->alive, G = kernel->busy_bands;
    const bool keeps_units = kernel->session->kept_chunks > 0;
    const double R = keeps_units ? 0 : A, K = keeps_units ? A : 0;
    // clang-format off
    const kernel_row all[ROWS + 1] = {
        {"fire", NULL, fire, NULL, 0, N},
        {"noise", noise, NULL, NULL, O*A, 4*O*A},
        {"dilate", NULL, dilate, NULL, 0, 2*N},
        {"perceive", perceive, NULL, NULL, 30*C*A, 4*C*S + 4*D*A},
        {"mlp", mlp, NULL, NULL, 2*F*A, (4*D + 4*O)*A + 4*P},
        {"mlp_hidden", mlp_hidden, NULL, NULL, 2*I*A, (4*D + 4*U)*A + 4*I + 4*U},
        {"mlp_backward", mlp_backward, NULL, NULL, 4*F*A, (8*D + 4*O + 4*U)*A + 4*F + 8*P*G},
        {"perceive_backward", perceive_backward, NULL, NULL, 31*C*A, 4*D*A + 8*C*S},
        {"step_update", NULL, step_update, NULL, (2*F + 32*C)*A, 4*C*(S + A) + 3*N + 4*U*K},
        {"step_settle", NULL, step_settle, NULL, 0, 8*C*(S - A) + 3*N},
        {"step_backward", NULL, step_backward, NULL, (4*F + 62*C)*A + 2*I*R, 12*C*S + N + 8*P*G + 4*U*K},
        {"loss", NULL, loss, NULL, 12*N, 4*C*N + 16*HW},
        {"loss_backward", NULL, loss_backward, NULL, 8*N, 32*N + 16*HW},
        {"reduce_sums", NULL, NULL, reduce_sums, P*G, 4*P*G + 4*P},
        {"update", NULL, NULL, update, 21*P, 28*P},
        {"rule_pack", NULL, NULL, rule_pack, 0, 8*F},
        {"scatter", NULL, NULL, scatter, 0, 8*C*N},
        {"gather", NULL, NULL, gather, 0, 8*C*N},
        {0},
    };
    // clang-format on
    const bool settles = shape->spec.alive == NCA_ALIVE_MAXIMUM;
    for (int i = 0, n = 0; i <= ROWS; i++)
        if (settles || all[i].band != step_settle)
            rows[n++] = all[i];
}

static size_t band_cells(const nca_session *session)
{
    return (size_t)session->band_rows * (size_t)session->head.shape.width;
}

static band_run open_band(const kernel_run *kernel, int number, int band, int worker)
{
    nca_session *session = kernel->session;
    nca_cpu_sample *sample = &session->sample[number];
    band_run at = {.session = session,
                   .sample = sample,
                   .scratch = &session->scratch[worker],
                   .number = number,
                   .band = band,
                   .worker = worker,
                   .step = kernel->step,
                   .gradient = nca_cpu_band_gradient(session, sample, kernel->step & 1, band)};
    nca_cpu_band_rows(session, band, &at.y0, &at.y1);
    at.state = nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, kernel->step)) +
               (size_t)at.y0 * session->row;
    return at;
}

static void run_band(void *context, int number, int phase, int band, int worker)
{
    const kernel_run *kernel = context;
    const band_run at = open_band(kernel, number, band, worker);
    (void)phase;
    if (kernel->row.band) {
        kernel->row.band(&at);
        return;
    }
    const size_t index = (size_t)number * (size_t)kernel->session->bands + (size_t)band;
    const uint32_t *cells = kernel->cells + index * band_cells(kernel->session);
    const int chunk = kernel->session->ops.chunk;
    for (int i = 0; i < kernel->counts[index]; i += chunk)
        kernel->row.chunk(&at, cells + i,
                          kernel->counts[index] - i < chunk ? kernel->counts[index] - i : chunk);
}

// Lists the cells that fired in the last step, and counts them and the living.
static void list_cells(kernel_run *kernel)
{
    const nca_session *session = kernel->session;
    for (int b = 0; b < session->samples; b++)
        for (int band = 0; band < session->bands; band++) {
            const size_t index = (size_t)b * (size_t)session->bands + (size_t)band;
            const band_run at = open_band(kernel, b, band, 0);
            const uint8_t *masks = at.sample->masks + (size_t)kernel->step * session->plane;
            const nca_span *alive =
                at.sample->alive + (size_t)kernel->step * (size_t)session->head.shape.height;
            uint32_t *cells = kernel->cells + index * band_cells(session);
            int count = 0;
            for (int y = at.y0; y < at.y1; y++)
                for (int x = alive[y].first; x < alive[y].end; x++) {
                    const size_t cell = nca_cpu_cell(session, y, x);
                    cells[count] = (uint32_t)(cell - nca_cpu_cell(session, at.y0 - 1, -1));
                    count += masks[cell] >> 1;
                    kernel->alive += masks[cell] & NCA_CELL_ALIVE;
                }
            kernel->counts[index] = count;
            kernel->active += count;
            kernel->busy_bands += count > 0;
        }
}

// Something to work on for every thread: a chunk that has gone through the network and back.
static void fill_scratch(const kernel_run *kernel)
{
    const nca_session *session = kernel->session;
    const int bands = session->samples * session->bands;
    int index = 0;
    while (index < bands - 1 && kernel->counts[index] == 0)
        index++;
    const uint32_t *cells = kernel->cells + (size_t)index * band_cells(session);
    const int chunk = session->ops.chunk;
    const int count = kernel->counts[index] < chunk ? kernel->counts[index] : chunk;
    for (int i = 0; i < nca_cpu_workers_count(session->device->workers); i++) {
        const band_run at = open_band(kernel, index / session->bands, index % session->bands, i);
        for (int k = 0; count > 0 && k < chunk; k++)   // a whole one, of the first cells
            session->ops.perceive(at.state, session->row, session->head.shape.spec.channels,
                                  cells + k % count, 1, session->rotation,
                                  at.scratch->p + k * nca_spec_inputs(&session->head.shape.spec));
        mlp(&at, cells, chunk);
        mlp_backward(&at, cells, chunk);
    }
}

static nca_status run(kernel_run *kernel, int times, double *seconds, nca_error *error)
{
    const nca_cpu_job job = {.samples = kernel->session->samples,
                             .phases = times,
                             .bands = kernel->session->bands,
                             .band = run_band,
                             .context = kernel};
    nca_status status = NCA_OK;
    const double start = nca_cpu_now();
    if (!kernel->row.whole)
        status = nca_cpu_workers_run(kernel->session->device->workers, &job, error);
    for (int i = 0; i < times && kernel->row.whole && status == NCA_OK; i++)
        status = kernel->row.whole(kernel, error);
    *seconds = (nca_cpu_now() - start) / times;
    return status;
}

static nca_status run_number(kernel_run *kernel, int number, int times, nca_kernel_report *report,
                             nca_error *error)
{
    kernel_row rows[ROWS + 1] = {0};
    double seconds;
    for (int b = 0; b < kernel->session->samples; b++)
        kernel->rows[b] = b;
    list_cells(kernel);
    fill_scratch(kernel);
    list_rows(kernel, rows);
    kernel->row = rows[number < ROWS ? number : ROWS];
    *report = (nca_kernel_report){0};
    if (!kernel->row.name)
        return NCA_OK;
    NCA_TRY(run(kernel, times, &seconds, error));
    *report = (nca_kernel_report){.name = kernel->row.name,
                                  .flop = kernel->row.flop,
                                  .bytes = kernel->row.bytes,
                                  .seconds = seconds};
    return NCA_OK;
}

nca_status nca_cpu_kernel(nca_session *session, int number, int times, nca_kernel_report *report,
                          nca_error *error)
{
    const size_t bands = (size_t)session->samples * (size_t)session->bands;
    if (!session->head.has_gone_back || session->rollout.steps < 1 || number < 0 || times < 1 ||
        session->head.shape.pool < session->samples)
        return nca_fail(error, NCA_ARGUMENT,
                        "kernel %d, %d times: it needs a rollout that went back and a pool of %d",
                        number, times, session->samples);
    kernel_run kernel = {.session = session,
                         .step = session->rollout.steps - 1,
                         .cells = malloc(bands * band_cells(session) * sizeof *kernel.cells),
                         .counts = calloc(bands, sizeof *kernel.counts),
                         .rows = calloc((size_t)session->samples, sizeof *kernel.rows)};
    const nca_status status =
        kernel.cells && kernel.counts && kernel.rows
            ? run_number(&kernel, number, times, report, error)
            : nca_fail(error, NCA_MEMORY, "a list of cells: no memory for it");
    session->head.tape_is_valid &= status == NCA_ARGUMENT;   // refused: nothing has run
    free(kernel.cells);
    free(kernel.counts);
    free(kernel.rows);
    return status;
}
