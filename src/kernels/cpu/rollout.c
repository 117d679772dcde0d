// A rollout: steps of all samples forward, keeping the tape, and backward over it.
#include "cpu.h"

#include <math.h>
#include <string.h>

static nca_status check_rollout(const nca_session *session, const nca_rollout *rollout,
                                nca_error *error)
{
    if (rollout->steps < 0 || rollout->first_step < 0 ||
        (uint32_t)rollout->steps > NCA_RANDOM_STEPS_LIMIT - (uint32_t)rollout->first_step)
        return nca_fail(error, NCA_ARGUMENT, "%d steps from step %d: steps are numbered up to %u",
                        rollout->steps, rollout->first_step, NCA_RANDOM_STEPS_LIMIT);
    if (rollout->keep_tape &&
        (session->shape.tape_steps < 1 || rollout->steps > session->shape.tape_steps))
        return nca_fail(error, NCA_ARGUMENT, "%d steps with a tape for %d", rollout->steps,
                        session->shape.tape_steps);
    if (!(rollout->alive_threshold >= 0))
        return nca_fail(error, NCA_ARGUMENT, "an alive threshold of %g: it must be 0 or more",
                        rollout->alive_threshold);
    if (!(rollout->fire_rate >= 0 && rollout->fire_rate <= 1) || !isfinite(rollout->angle) ||
        !isfinite(rollout->step_size))
        return nca_fail(
            error, NCA_ARGUMENT,
            "fire rate %g, angle %g, step size %g: they must be finite, the rate in 0..1",
            rollout->fire_rate, rollout->angle, rollout->step_size);
    return NCA_OK;
}

static void forward_band(void *context, int sample, int phase, int band, int worker)
{
    nca_session *session = context;
    if (phase == 0)
        nca_cpu_step_prepare(session, sample, band);
    else if (phase % 2 == 1)
        nca_cpu_step_update(session, sample, phase / 2, band, worker);
    else
        nca_cpu_step_settle(session, sample, phase / 2 - 1, band, worker);
}

static void backward_band(void *context, int sample, int phase, int band, int worker)
{
    nca_session *session = context;
    const int steps = session->rollout.steps;
    if (phase == 0)
        nca_cpu_step_backward_begin(session, sample, band);
    else if (phase <= steps)
        nca_cpu_step_backward(session, sample, steps - phase, band, worker);
    else
        nca_cpu_step_backward_end(session, sample, band);
}

// Adds up what the bands and threads counted; `flop` is that of one active cell.
static void fill_report(const nca_session *session, double flop, nca_pass_report *report)
{
    if (!report)
        return;
    *report =
        (nca_pass_report){.cell_steps = (uint64_t)nca_state_size((size_t)session->shape.batch,
                                                                 (size_t)session->shape.height,
                                                                 (size_t)session->shape.width, 1) *
                                        (uint64_t)session->rollout.steps};
    for (int b = 0; b < session->shape.batch; b++)
        for (int band = 0; band < session->bands; band++)
            report->active_cells += session->sample[b].active[band];
    for (int i = 0; i < nca_cpu_workers_count(session->device->workers); i++)
        report->mlp_seconds += session->scratch[i].mlp_seconds;
    report->mlp_flop = (uint64_t)(flop * (double)report->active_cells);
}

static void reset_clocks(nca_session *session)
{
    for (int i = 0; i < nca_cpu_workers_count(session->device->workers); i++)
        session->scratch[i].mlp_seconds = 0;
}

// Flop of a product with the first layer's weights, and with the second's, for one cell.
static double first_layer_flop(const nca_session *session)
{
    return 2.0 * (double)session->layout.size[NCA_HIDDEN_WEIGHT];
}

static double second_layer_flop(const nca_session *session)
{
    return 2.0 * (double)session->layout.size[NCA_OUTPUT_WEIGHT];
}

nca_status nca_cpu_forward(nca_session *session, const nca_rollout *rollout,
                           nca_pass_report *report, nca_error *error)
{
    NCA_TRY(check_rollout(session, rollout, error));
    nca_cpu_rule_pack(session);
    session->rollout = *rollout;
    session->rotation = (nca_cpu_rotation){(float)cos(rollout->angle), (float)sin(rollout->angle)};
    session->fire_threshold = nca_fire_threshold(rollout->fire_rate);
    session->tape_is_valid = session->has_gone_back = false;
    reset_clocks(session);
    for (int b = 0; b < session->shape.batch; b++)
        session->sample[b].start = session->sample[b].current;
    NCA_TRY(nca_cpu_run(session, 1 + 2 * rollout->steps, forward_band, error));
    for (int b = 0; b < session->shape.batch; b++) {
        nca_cpu_sample *sample = &session->sample[b];
        sample->current = nca_cpu_state_index(session, sample, rollout->steps);
    }
    session->tape_is_valid = rollout->keep_tape;
    session->rollout.fire = NULL;   // the caller's, and used up
    fill_report(session, first_layer_flop(session) + second_layer_flop(session), report);
    return NCA_OK;
}

// to [columns,rows] = from [rows,columns], transposed and rounded to f32.
static void transpose(const double *from, size_t rows, size_t columns, float *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[j * rows + i] = (float)from[i * columns + j];
}

// Adds the gradient of a sample, its bands summed in f64 and rounded to f32, to the totals.
static void add_sample(nca_session *session, const nca_cpu_sample *sample)
{
    const size_t count = session->layout.total;
    double *sum = session->sample_sums;
    memset(sum, 0, count * sizeof *sum);
    for (int band = 0; band < session->bands; band++) {
        const float *sums = sample->sums + (size_t)band * count;
        if (sample->summed[band])
            for (size_t i = 0; i < count; i++)
                sum[i] += sums[i];
    }
    for (size_t i = 0; i < count; i++)
        session->totals[i] += (float)sum[i];
}

void nca_cpu_reduce_sums(nca_session *session)
{
    const nca_layout *layout = &session->layout;
    double *total = session->totals;
    memset(total, 0, layout->total * sizeof *total);
    for (int b = 0; b < session->shape.batch; b++)
        add_sample(session, &session->sample[b]);
    float *gradient = session->buffer[NCA_GRADIENT];
    for (size_t i = 0; i < layout->total; i++)
        gradient[i] = (float)total[i];
    transpose(total + layout->offset[NCA_HIDDEN_WEIGHT],
              (size_t)nca_spec_inputs(&session->shape.spec), (size_t)session->shape.spec.hidden[0],
              gradient + layout->offset[NCA_HIDDEN_WEIGHT]);
}

nca_status nca_cpu_backward(nca_session *session, nca_pass_report *report, nca_error *error)
{
    if (!session->tape_is_valid)
        return nca_fail(error, NCA_ARGUMENT,
                        "a backward pass without the tape of a forward pass just before it");
    reset_clocks(session);
    NCA_TRY(nca_cpu_run(session, session->rollout.steps + 2, backward_band, error));
    nca_cpu_reduce_sums(session);
    session->has_gone_back = true;
    fill_report(session, 3 * first_layer_flop(session) + 2 * second_layer_flop(session), report);
    return NCA_OK;
}
