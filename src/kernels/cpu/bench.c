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
    void (*chunk)(const band_run *of, const uint32_t *cells, int count);
    void (*band)(const band_run *of);
    nca_status (*whole)(const kernel_run *of, nca_error *error);
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

static void perceive(const band_run *of, const uint32_t *cells, int count)
{
    const nca_session *session = of->session;
    session->ops.perceive(of->state, session->row, session->head.shape.spec.channels, cells, count,
                          session->rotation, of->scratch->p);
}

static void perceive_backward(const band_run *of, const uint32_t *cells, int count)
{
    const nca_session *session = of->session;
    session->ops.perceive_backward(of->scratch->dp, session->row, session->head.shape.spec.channels,
                                   cells, count, session->rotation, of->gradient);
}

// The network's kernels work on what a chunk before this one has left in the thread's scratch.
static void mlp(const band_run *of, const uint32_t *cells, int count)
{
    (void)cells;
    of->session->ops.mlp(nca_cpu_rule_of(of->session, of->number), of->scratch->p, count,
                         of->scratch->hidden, of->scratch->out);
}

static void mlp_hidden(const band_run *of, const uint32_t *cells, int count)
{
    (void)cells;
    of->session->ops.mlp_hidden(nca_cpu_rule_of(of->session, of->number), of->scratch->p, count,
                                of->scratch->hidden);
}

static void mlp_backward(const band_run *of, const uint32_t *cells, int count)
{
    const nca_cpu_gradient sums = nca_cpu_band_sums(of->session, of->sample, of->band);
    const nca_cpu_chunk chunk = {.count = count,
                                 .p = of->scratch->p,
                                 .hidden = of->scratch->hidden,
                                 .dout = of->scratch->out,
                                 .dhidden = of->scratch->dhidden,
                                 .dp = of->scratch->dp};
    (void)cells;
    of->session->ops.mlp_backward(nca_cpu_rule_of(of->session, of->number), &chunk, &sums);
}

static void fire(const band_run *of)
{
    const nca_session *session = of->session;
    const size_t width = (size_t)session->head.shape.width;
    for (int y = of->y0; y < of->y1; y++) {
        const size_t cell = (size_t)y * width, first = cell / 8;
        session->ops.fire(nca_cpu_rollout_of(session, of->number)->key, (uint32_t)of->number,
                          (uint32_t)of->step, session->fire_threshold, (uint32_t)first,
                          (cell + width + 7) / 8 - first, of->scratch->bits);
    }
}

static void dilate(const band_run *of)
{
    const nca_session *session = of->session;
    const size_t width = (size_t)session->head.shape.width;
    for (int y = of->y0; y < of->y1; y++)
        session->ops.dilate(of->sample->mature[of->step & 1] + nca_cpu_cell(session, y, 0),
                            width + 2, width, of->scratch->alive);
}

static void step_update(const band_run *of)
{
    nca_cpu_step_update(of->session, of->number, of->step, of->band, of->worker);
}

static void step_settle(const band_run *of)
{
    nca_cpu_step_settle(of->session, of->number, of->step, of->band, of->worker);
}

static void step_backward(const band_run *of)
{
    nca_cpu_step_backward(of->session, of->number, of->step, of->band, of->worker);
}

static void loss(const band_run *of)
{
    nca_cpu_loss_band(of->session, of->number, 0, of->band, of->worker);
}

static void loss_backward(const band_run *of)
{
    nca_cpu_loss_backward(of->session, of->number, of->band, of->gradient);
}

static nca_status reduce_sums(const kernel_run *of, nca_error *error)
{
    (void)error;
    nca_cpu_reduce_sums(of->session);
    return NCA_OK;
}

// The transform that training has by default, at a rate that leaves the parameters as they are.
static nca_status update(const kernel_run *of, nca_error *error)
{
    const nca_optimizer_step step = {.time = 1,
                                     .beta1 = 0.9,
                                     .beta2 = 0.999,
                                     .epsilon = 1e-7,
                                     .transforms = 1,
                                     .transform = {{NCA_GRADIENT_NORMALIZE, 0}}};
    return nca_cpu_update(of->session, &step, NULL, error);
}

static nca_status rule_pack(const kernel_run *of, nca_error *error)
{
    (void)error;
    of->session->rules_are_stale = true;
    nca_cpu_rules_pack(of->session);
    return NCA_OK;
}

static nca_status scatter(const kernel_run *of, nca_error *error)
{
    return nca_cpu_scatter(of->session, of->rows, error);
}

static nca_status gather(const kernel_run *of, nca_error *error)
{
    return nca_cpu_gather(of->session, of->rows, error);
}

// The table of kernels: flop and bytes as nca_kernel_report has them.
//   A, S    cells of the step that are active; alive after it
//   N, HW   cells of the batch, of a sample
//   P, G    parameters, bands with active cells, which have sums of their own
enum { ROWS = 17 };
static void list_rows(const kernel_run *of, kernel_row rows[ROWS + 1])
{
    const nca_shape *shape = &of->session->head.shape;
    const double C = shape->spec.channels, K = shape->spec.hidden[0],
                 P = (double)of->session->layout.total;
    const double HW = (double)shape->height * shape->width, N = HW * shape->batch;
    const double A = of->active, S = of->alive, G = of->busy_bands;
    // clang-format off
    const kernel_row all[ROWS + 1] = {
        {"fire", NULL, fire, NULL, 0, N},
        {"dilate", NULL, dilate, NULL, 0, 2*N},
        {"perceive", perceive, NULL, NULL, 30*C*A, 4*C*S + 12*C*A},
        {"mlp", mlp, NULL, NULL, 8*C*K*A, 16*C*A + 4*P},
        {"mlp_hidden", mlp_hidden, NULL, NULL, 6*C*K*A, (12*C + 4*K)*A + 12*C*K + 4*K},
        {"mlp_backward", mlp_backward, NULL, NULL, 16*C*K*A, (28*C + 4*K)*A + 16*C*K + 8*P*G},
        {"perceive_backward", perceive_backward, NULL, NULL, 31*C*A, 12*C*A + 8*C*S},
        {"step_update", NULL, step_update, NULL, (8*C*K + 32*C)*A, 4*C*(S + A) + 3*N},
        {"step_settle", NULL, step_settle, NULL, 0, 8*C*(S - A) + 3*N},
        {"step_backward", NULL, step_backward, NULL, (22*C*K + 62*C)*A, 12*C*S + N + 8*P*G},
        {"loss", NULL, loss, NULL, 12*N, 4*C*N + 16*HW},
        {"loss_backward", NULL, loss_backward, NULL, 8*N, 32*N + 16*HW},
        {"reduce_sums", NULL, NULL, reduce_sums, P*G, 4*P*G + 4*P},
        {"update", NULL, NULL, update, 21*P, 28*P},
        {"rule_pack", NULL, NULL, rule_pack, 0, 32*C*K},
        {"scatter", NULL, NULL, scatter, 0, 8*C*N},
        {"gather", NULL, NULL, gather, 0, 8*C*N},
        {0},
    };
    // clang-format on
    for (int i = 0; i <= ROWS; i++)
        rows[i] = all[i];
}

static size_t band_cells(const nca_session *session)
{
    return (size_t)session->band_rows * (size_t)session->head.shape.width;
}

static band_run open_band(const kernel_run *of, int number, int band, int worker)
{
    nca_session *session = of->session;
    nca_cpu_sample *sample = &session->sample[number];
    band_run at = {.session = session,
                   .sample = sample,
                   .scratch = &session->scratch[worker],
                   .number = number,
                   .band = band,
                   .worker = worker,
                   .step = of->step,
                   .gradient = nca_cpu_band_gradient(session, sample, of->step & 1, band)};
    nca_cpu_band_rows(session, band, &at.y0, &at.y1);
    at.state = nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, of->step)) +
               (size_t)at.y0 * session->row;
    return at;
}

static void run_band(void *context, int number, int phase, int band, int worker)
{
    const kernel_run *of = context;
    const band_run at = open_band(of, number, band, worker);
    (void)phase;
    if (of->row.band) {
        of->row.band(&at);
        return;
    }
    const size_t index = (size_t)number * (size_t)of->session->bands + (size_t)band;
    const uint32_t *cells = of->cells + index * band_cells(of->session);
    for (int i = 0; i < of->counts[index]; i += NCA_CPU_CHUNK)
        of->row.chunk(&at, cells + i,
                      of->counts[index] - i < NCA_CPU_CHUNK ? of->counts[index] - i
                                                            : NCA_CPU_CHUNK);
}

// Lists the cells that fired in the last step, and counts them and the living.
static void list_cells(kernel_run *of)
{
    const nca_session *session = of->session;
    for (int b = 0; b < session->samples; b++)
        for (int band = 0; band < session->bands; band++) {
            const size_t index = (size_t)b * (size_t)session->bands + (size_t)band;
            const band_run at = open_band(of, b, band, 0);
            const uint8_t *masks = at.sample->masks + (size_t)of->step * session->plane;
            const nca_span *alive =
                at.sample->alive + (size_t)of->step * (size_t)session->head.shape.height;
            uint32_t *cells = of->cells + index * band_cells(session);
            int count = 0;
            for (int y = at.y0; y < at.y1; y++)
                for (int x = alive[y].first; x < alive[y].end; x++) {
                    const size_t cell = nca_cpu_cell(session, y, x);
                    cells[count] = (uint32_t)(cell - nca_cpu_cell(session, at.y0 - 1, -1));
                    count += masks[cell] >> 1;
                    of->alive += masks[cell] & NCA_CELL_ALIVE;
                }
            of->counts[index] = count;
            of->active += count;
            of->busy_bands += count > 0;
        }
}

// Something to work on for every thread: a chunk that has gone through the network and back.
static void fill_scratch(const kernel_run *of)
{
    const nca_session *session = of->session;
    const int bands = session->samples * session->bands;
    int index = 0;
    while (index < bands - 1 && of->counts[index] == 0)
        index++;
    const uint32_t *cells = of->cells + (size_t)index * band_cells(session);
    const int count = of->counts[index] < NCA_CPU_CHUNK ? of->counts[index] : NCA_CPU_CHUNK;
    for (int i = 0; i < nca_cpu_workers_count(session->device->workers); i++) {
        const band_run at = open_band(of, index / session->bands, index % session->bands, i);
        for (int k = 0; count > 0 && k < NCA_CPU_CHUNK; k++)   // a whole one, of the first cells
            session->ops.perceive(at.state, session->row, session->head.shape.spec.channels,
                                  cells + k % count, 1, session->rotation,
                                  at.scratch->p + k * nca_spec_inputs(&session->head.shape.spec));
        mlp(&at, cells, NCA_CPU_CHUNK);
        mlp_backward(&at, cells, NCA_CPU_CHUNK);
    }
}

static nca_status run(kernel_run *of, int times, double *seconds, nca_error *error)
{
    const nca_cpu_job job = {.samples = of->session->samples,
                             .phases = times,
                             .bands = of->session->bands,
                             .band = run_band,
                             .context = of};
    nca_status status = NCA_OK;
    const double start = nca_cpu_now();
    if (!of->row.whole)
        status = nca_cpu_workers_run(of->session->device->workers, &job, error);
    for (int i = 0; i < times && of->row.whole && status == NCA_OK; i++)
        status = of->row.whole(of, error);
    *seconds = (nca_cpu_now() - start) / times;
    return status;
}

static nca_status run_number(kernel_run *of, int number, int times, nca_kernel_report *report,
                             nca_error *error)
{
    kernel_row rows[ROWS + 1];
    double seconds;
    for (int b = 0; b < of->session->samples; b++)
        of->rows[b] = b;
    list_cells(of);
    fill_scratch(of);
    list_rows(of, rows);
    of->row = rows[number < ROWS ? number : ROWS];
    *report = (nca_kernel_report){0};
    if (!of->row.name)
        return NCA_OK;
    NCA_TRY(run(of, times, &seconds, error));
    *report = (nca_kernel_report){
        .name = of->row.name, .flop = of->row.flop, .bytes = of->row.bytes, .seconds = seconds};
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
    kernel_run of = {.session = session,
                     .step = session->rollout.steps - 1,
                     .cells = malloc(bands * band_cells(session) * sizeof *of.cells),
                     .counts = calloc(bands, sizeof *of.counts),
                     .rows = calloc((size_t)session->samples, sizeof *of.rows)};
    const nca_status status =
        of.cells && of.counts && of.rows
            ? run_number(&of, number, times, report, error)
            : nca_fail(error, NCA_MEMORY, "a list of cells: no memory for it");
    session->head.tape_is_valid &= status == NCA_ARGUMENT;   // refused: nothing has run
    free(of.cells);
    free(of.counts);
    free(of.rows);
    return status;
}
