// A rollout, its loss, and the way back over its tape.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

// The state of a sample after `step` steps. Without a tape two states take turns.
static double *state_of(const nca_session *session, int number, int step)
{
    const size_t slot = session->rollout.keep_tape ? (size_t)step : (size_t)(step & 1);
    return session->tape + (slot * (size_t)session->samples + (size_t)number) * session->state;
}

static uint8_t *mask_of(const nca_session *session, uint8_t *masks, int number, int step)
{
    const size_t slot = session->rollout.keep_tape ? (size_t)step : 0;
    return masks + (slot * (size_t)session->samples + (size_t)number) * session->cells;
}

static void keep_states(nca_session *session, int number, int step)
{
    const nca_shape *shape = &session->head.shape;
    const int steps = session->each[number / shape->batch].steps;
    for (int i = 0; session->rollout.kept && i < shape->kept; i++)
        if ((session->kept[i] < steps ? session->kept[i] : steps) == step)
            memcpy(session->buffer[NCA_KEPT] +
                       ((size_t)i * (size_t)session->samples + (size_t)number) * session->state,
                   state_of(session, number, step), session->state * sizeof(double));
}

static uint64_t steps_of_all(const nca_session *session)
{
    uint64_t sum = 0;
    for (int rule = 0; rule < nca_shape_sets(&session->head.shape); rule++)
        sum += (uint64_t)session->each[rule].steps;
    return sum * (uint64_t)session->head.shape.batch;
}

static void fill_report(const nca_session *session, nca_pass_report *report)
{
    const uint64_t all = steps_of_all(session) * session->cells;
    if (report)
        *report = (nca_pass_report){.cell_steps = all, .active_cells = all};
}

nca_status nca_reference_forward(nca_session *session, const nca_rollout *rollout,
                                 nca_pass_report *report, nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    (void)error;
    session->rollout = *rollout;
    nca_reference_set_weights(session);
    for (int rule = 0; rule < session->rules; rule++)
        session->each[rule] = nca_rollout_of_rule(rollout, rule);
    if (rollout->kept)
        memcpy(session->kept, rollout->kept, (size_t)shape->kept * sizeof *session->kept);
    for (int b = 0; b < session->samples; b++) {
        const nca_reference_sample sample = nca_reference_sample_of(session, b);
        const int steps = session->each[sample.rule].steps;
        double *batch = session->buffer[NCA_BATCH] + (size_t)b * session->state;
        memcpy(state_of(session, b, 0), batch, session->state * sizeof(double));
        keep_states(session, b, 0);
        for (int step = 0; step < steps; step++) {
            nca_reference_step(session, &sample, step, state_of(session, b, step),
                               state_of(session, b, step + 1),
                               mask_of(session, session->fired, b, step),
                               mask_of(session, session->alive, b, step));
            keep_states(session, b, step + 1);
        }
        memcpy(batch, state_of(session, b, steps), session->state * sizeof(double));
    }
    session->rollout.fire = NULL;
    session->rollout.each = NULL;
    fill_report(session, report);
    return NCA_OK;
}

nca_status nca_reference_loss(nca_session *session, nca_sample_report *samples, nca_error *error)
{
    const nca_shape *shape = &session->head.shape;
    (void)error;
    for (int b = 0; b < session->samples; b++) {
        const double *x = session->buffer[NCA_BATCH] + (size_t)b * session->state;
        nca_sample_report report = {.loss = nca_reference_sample_loss(session, b, NULL)};
        for (size_t i = 0; i < session->cells; i++) {
            const double *cell = x + i * (size_t)shape->spec.channels;
            report.alive_cells +=
                shape->spec.alive == NCA_ALIVE_EVERYWHERE ||
                cell[shape->spec.alive == NCA_ALIVE_CHANNEL ? shape->spec.alive_channel
                                                            : (int)NCA_ALPHA] >
                    (double)NCA_ALIVE_THRESHOLD;
        }
        for (size_t i = 0; i < session->state; i++)
            if (!(fabs(x[i]) <= report.max_state) && !isnan(report.max_state))
                report.max_state = fabs(x[i]);
        samples[b] = report;
    }
    return NCA_OK;
}

// Adds the gradients that the caller gave for the state after `step` steps.
static void add_given(const nca_session *session, int number, int step, double *gradient)
{
    const nca_shape *shape = &session->head.shape;
    const int steps = session->each[number / shape->batch].steps;
    if (shape->objective.kind != NCA_GIVEN)
        return;
    for (int i = 0; i < shape->kept; i++) {
        const double *given =
            session->buffer[NCA_KEPT_GRADIENT] +
            ((size_t)i * (size_t)session->samples + (size_t)number) * session->state;
        if ((session->kept[i] < steps ? session->kept[i] : steps) == step)
            for (size_t k = 0; k < session->state; k++)
                gradient[k] += given[k];
    }
}

// Back over the tape of one sample, whose gradient of the parameters is in `sample_gradient` then.
static void sample_backward(nca_session *session, int number)
{
    const nca_shape *shape = &session->head.shape;
    const nca_reference_sample sample = nca_reference_sample_of(session, number);
    const int steps = session->each[sample.rule].steps;
    const double mean = 1.0 / (session->rollout.samples ? session->rollout.samples : shape->batch);
    double *gradient = session->gradient[0], *before = session->gradient[1];
    memset(gradient, 0, session->state * sizeof *gradient);
    memset(session->sample_gradient, 0,
           (size_t)session->rules * session->layout.total * sizeof *session->sample_gradient);
    nca_reference_sample_loss(session, number, gradient);
    for (size_t k = 0; k < session->state; k++)
        gradient[k] *= mean;
    add_given(session, number, steps, gradient);
    for (int step = steps - 1; step >= 0; step--) {
        nca_reference_step_backward(session, &sample, state_of(session, number, step),
                                    mask_of(session, session->fired, number, step),
                                    mask_of(session, session->alive, number, step), gradient,
                                    before);
        double *const spare = gradient;
        gradient = before;
        before = spare;
        add_given(session, number, step, gradient);
    }
    memcpy(session->buffer[NCA_BATCH_GRADIENT] + (size_t)number * session->state, gradient,
           session->state * sizeof *gradient);
}

nca_status nca_reference_backward(nca_session *session, nca_pass_report *report, nca_error *error)
{
    const size_t total = session->layout.total, all = (size_t)session->rules * total;
    double *gradient = session->buffer[NCA_GRADIENT];
    (void)error;
    memset(gradient, 0, all * sizeof *gradient);
    for (int b = 0; b < session->samples; b++) {
        const size_t rule = (size_t)(b / session->head.shape.batch);
        sample_backward(session, b);
        for (size_t i = 0; i < all; i++)
            gradient[i] += session->sample_gradient[i];
        if (session->head.shape.keeps_sample_gradients)
            memcpy(session->buffer[NCA_SAMPLE_GRADIENTS] + (size_t)b * total,
                   session->sample_gradient + rule * total,
                   total * sizeof *session->sample_gradient);
    }
    fill_report(session, report);
    return NCA_OK;
}
