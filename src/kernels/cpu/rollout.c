// A rollout: steps of all samples forward, keeping the tape, and backward over it.
#include "cpu.h"

#include <math.h>
#include <string.h>

// Copies a band of the state after `step` steps to the kept states that ask for it.
static void keep_band(nca_session *session, int number, int step, int band)
{
    const nca_shape *shape = &session->head.shape;
    const nca_cpu_sample *sample = &session->sample[number];
    const size_t width = (size_t)shape->width * (size_t)shape->spec.channels;
    const float *state = nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, step));
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int i = 0; session->rollout.kept && i < shape->kept; i++) {
        float *to =
            session->buffer[NCA_KEPT] +
            ((size_t)i * (size_t)session->samples + (size_t)number) * (size_t)shape->height * width;
        for (int y = y0; y < y1 && nca_cpu_is_kept(session, i, number, step); y++)
            memcpy(to + (size_t)y * width,
                   state + nca_cpu_cell(session, y, 0) * (size_t)shape->spec.channels,
                   width * sizeof *to);
    }
}

// Phases of a step: its state is mixed, where the spec does that; update; settle, where cells can
// die.
enum { MIX, UPDATE, SETTLE };

static int first_phase_of_step(const nca_session *session)
{
    return session->head.shape.spec.mix_bound > 0 ? MIX : UPDATE;
}

static int phases_of_step(const nca_session *session)
{
    const int last = session->head.shape.spec.alive == NCA_ALIVE_MAXIMUM ? SETTLE : UPDATE;
    return last - first_phase_of_step(session) + 1;
}

static void forward_band(void *context, int sample, int phase, int band, int worker)
{
    nca_session *session = context;
    const int phases = phases_of_step(session);
    const int step = (phase - 1) / phases, within = (phase - 1) % phases;
    const int part = within + first_phase_of_step(session);
    if (phase == 0) {
        nca_cpu_step_prepare(session, sample, band);
        keep_band(session, sample, 0, band);
    } else if (step >= nca_cpu_rollout_of(session, sample)->steps) {   // its rule has stopped
        return;
    } else {
        if (part == MIX)
            nca_cpu_mix(session, sample, step, band);
        else if (part == UPDATE)
            nca_cpu_step_update(session, sample, step, band, worker);
        else
            nca_cpu_step_settle(session, sample, step, band, worker);
        if (within + 1 == phases)
            keep_band(session, sample, step + 1, band);
    }
}

// Phases of a step on the way back: it is undone, where the tape is what steps change; backward.
static int phases_of_way_back(const nca_session *session)
{
    return session->keeps_changes ? 2 : 1;
}

static void backward_band(void *context, int sample, int phase, int band, int worker)
{
    nca_session *session = context;
    const int steps = nca_cpu_rollout_of(session, sample)->steps;
    const int phases = phases_of_way_back(session), step = steps - 1 - (phase - 1) / phases;
    if (phase == 0)
        nca_cpu_step_backward_begin(session, sample, band);
    else if (phase == phases * steps + 1)
        nca_cpu_step_backward_end(session, sample, band);
    else if (step >= 0 && phase % phases == 0)
        nca_cpu_step_backward(session, sample, step, band, worker);
    else if (step >= 0 && step < steps - 1)   // the state before the last step is there
        nca_cpu_step_undo(session, sample, step, band);
}

// Flop of one cell in a pass: of every active one; of one whose hidden layers are computed again.
typedef struct cell_flop {
    double active, again;
} cell_flop;

// Adds up what the bands and threads counted.
static void fill_report(const nca_session *session, cell_flop flop, nca_pass_report *report)
{
    if (!report)
        return;
    *report = (nca_pass_report){0};
    for (int rule = 0; rule < nca_shape_sets(&session->head.shape); rule++)
        report->cell_steps +=
            nca_state_size((size_t)session->head.shape.batch, (size_t)session->head.shape.height,
                           (size_t)session->head.shape.width, 1) *
            (uint64_t)session->each[rule].steps;
    uint64_t again = 0;
    for (int b = 0; b < session->samples; b++)
        for (int band = 0; band < session->bands; band++) {
            report->active_cells += session->sample[b].active[band];
            again += flop.again > 0 ? session->sample[b].again[band] : 0;
        }
    for (int i = 0; i < nca_cpu_workers_count(session->device->workers); i++)
        report->mlp_seconds += session->scratch[i].mlp_seconds;
    report->mlp_flop =
        (uint64_t)(flop.active * (double)report->active_cells + flop.again * (double)again);
}

static void reset_clocks(nca_session *session)
{
    for (int i = 0; i < nca_cpu_workers_count(session->device->workers); i++)
        session->scratch[i].mlp_seconds = 0;
}

// A multiply-add for each weight.
static cell_flop forward_flop(const nca_session *session)
{
    const nca_layout *layout = &session->layout;
    return (cell_flop){.active = 2.0 * (double)(layout->size[NCA_HIDDEN_WEIGHT] +
                                                layout->size[NCA_HIDDEN2_WEIGHT] +
                                                layout->size[NCA_OUTPUT_WEIGHT])};
}

// A multiply-add for the gradient of each layer's input and one for that of its weights.
static cell_flop backward_flop(const nca_session *session)
{
    const nca_layout *layout = &session->layout;
    return (cell_flop){.active = 2 * forward_flop(session).active,
                       .again = 2.0 * (double)(layout->size[NCA_HIDDEN_WEIGHT] +
                                               layout->size[NCA_HIDDEN2_WEIGHT])};
}

static void begin_rollout(nca_session *session, const nca_rollout *rollout)
{
    session->rollout = *rollout;
    for (int rule = 0; rule < session->rules; rule++)
        session->each[rule] = nca_rollout_of_rule(rollout, rule);
    if (rollout->kept)
        memcpy(session->kept, rollout->kept,
               (size_t)session->head.shape.kept * sizeof *session->kept);
    session->rotation = (nca_cpu_rotation){(float)cos(rollout->angle), (float)sin(rollout->angle)};
    session->fire_threshold = nca_fire_threshold(rollout->fire_rate);
    session->noise_scale = nca_noise_scale(session->head.shape.spec.noise);
    for (int b = 0; b < session->samples; b++)
        session->sample[b].start = session->sample[b].current;
}

nca_status nca_cpu_forward(nca_session *session, const nca_rollout *rollout,
                           nca_pass_report *report, nca_error *error)
{
    nca_cpu_rules_pack(session);
    begin_rollout(session, rollout);
    reset_clocks(session);
    const int longest = nca_rollout_longest(rollout, session->rules);
    NCA_TRY(nca_cpu_run(session, 1 + phases_of_step(session) * longest, forward_band, error));
    for (int b = 0; b < session->samples; b++) {
        nca_cpu_sample *sample = &session->sample[b];
        sample->current =
            nca_cpu_state_index(session, sample, nca_cpu_rollout_of(session, b)->steps);
    }
    session->rollout.fire = NULL;   // the caller's, and used up
    session->rollout.each = NULL;
    session->rollout.steps = longest;
    fill_report(session, forward_flop(session), report);
    return NCA_OK;
}

// to [columns,rows] = from [rows,columns], transposed and rounded to f32.
static void transpose(const double *from, size_t rows, size_t columns, float *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[j * rows + i] = (float)from[i * columns + j];
}

// The parameters' gradient in their own order: hidden.weight is turned back, and that of the mixing
// matrix is made symmetric.
static void write_gradient(const nca_session *session, const double *sums, float *gradient)
{
    const nca_spec *spec = &session->head.shape.spec;
    const nca_layout *layout = &session->layout;
    for (size_t i = 0; i < layout->total; i++)
        gradient[i] = (float)sums[i];
    transpose(sums + layout->offset[NCA_HIDDEN_WEIGHT], (size_t)nca_spec_inputs(spec),
              (size_t)spec->hidden[0], gradient + layout->offset[NCA_HIDDEN_WEIGHT]);
    const size_t channels = spec->mix_bound > 0 ? (size_t)spec->channels : 0;
    const double *mix = sums + layout->offset[NCA_MIX];
    for (size_t i = 0; i < channels; i++)
        for (size_t j = 0; j < channels; j++)
            gradient[layout->offset[NCA_MIX] + i * channels + j] =
                (float)((mix[i * channels + j] + mix[j * channels + i]) / 2);
}

// Adds the gradient of a sample for one of its movers, the bands summed in f64 and rounded to f32,
// to the totals.
static void add_sample(nca_session *session, int number, int mover)
{
    const nca_cpu_sample *sample = &session->sample[number];
    const size_t count = session->layout.total;
    double *sum = session->sample_sums;
    memset(sum, 0, count * sizeof *sum);
    for (int band = 0; band < session->bands; band++) {
        const float *sums = nca_cpu_sums(session, sample, band, mover);
        if (sample->summed[band])
            for (size_t i = 0; i < count; i++)
                sum[i] += sums[i];
    }
    for (size_t i = 0; i < count; i++)
        session->totals[i] += (float)sum[i];
    if (session->head.shape.keeps_sample_gradients)
        write_gradient(session, sum,
                       session->buffer[NCA_SAMPLE_GRADIENTS] + (size_t)number * count);
}

void nca_cpu_reduce_sums(nca_session *session)
{
    const size_t count = session->layout.total;
    const nca_shape *shape = &session->head.shape;
    for (int rule = 0; rule < session->rules; rule++) {
        const int first = shape->shares_samples ? 0 : rule * shape->batch;
        memset(session->totals, 0, count * sizeof *session->totals);
        for (int b = 0; b < shape->batch; b++)
            add_sample(session, first + b, shape->shares_samples ? rule : 0);
        write_gradient(session, session->totals,
                       session->buffer[NCA_GRADIENT] + (size_t)rule * count);
    }
}

nca_status nca_cpu_backward(nca_session *session, nca_pass_report *report, nca_error *error)
{
    reset_clocks(session);
    nca_cpu_loss_count(session);
    NCA_TRY(nca_cpu_run(session, phases_of_way_back(session) * session->rollout.steps + 2,
                        backward_band, error));
    nca_cpu_reduce_sums(session);
    fill_report(session, backward_flop(session), report);
    return NCA_OK;
}
