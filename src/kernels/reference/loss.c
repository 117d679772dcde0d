// The loss of a sample and its gradient, by the objective.
#include <math.h>
#include <string.h>

#include "reference.h"

// The target of a cell.
static const double *target_of(const nca_session *session, int number, size_t cell)
{
    const nca_objective *objective = &session->head.shape.objective;
    const size_t channels = (size_t)nca_objective_channels(objective);
    const size_t sample = objective->is_per_sample ? (size_t)number * session->cells : 0;
    return session->buffer[NCA_TARGET] + (sample + cell) * channels;
}

static bool counts(const nca_session *session, const double *state, size_t cell)
{
    const nca_shape *shape = &session->head.shape;
    const size_t width = (size_t)shape->width;
    return shape->objective.cells == NCA_CELLS_ALL ||
           nca_reference_is_alive(session, state, (int)(cell / width), (int)(cell % width),
                                  (double)NCA_ALIVE_THRESHOLD);
}

// The loss of a cell with channels x. Adds `scale` times its gradient to `gradient` unless that is
// NULL.
static double squares(const double *x, const double *target, int channels, double scale,
                      double *gradient)
{
    double sum = 0;
    for (int k = 0; k < channels; k++) {
        const double difference = x[k] - target[k];
        sum += difference * difference;
        if (gradient)
            gradient[k] += 2 * scale * difference;
    }
    return sum;
}

static double cross_entropy(const double *x, int label, int channels, double scale,
                            double *gradient)
{
    double largest = x[0], sum = 0;
    for (int k = 1; k < channels; k++)
        largest = x[k] > largest ? x[k] : largest;
    for (int k = 0; k < channels; k++)
        sum += exp(x[k] - largest);
    for (int k = 0; gradient && k < channels; k++)
        gradient[k] += scale * (exp(x[k] - largest) / sum - (k == label));
    return log(sum) - (x[label] - largest);
}

// The sum over a sample's cells is divided by this.
static double divisor(const nca_objective *objective, size_t counted)
{
    switch (objective->kind) {
    case NCA_MEAN_SQUARED:
        return (double)counted * nca_objective_channels(objective);
    case NCA_HALF_SQUARED:
        return 2;
    case NCA_CROSS_ENTROPY:
        return (double)counted;
    case NCA_GIVEN:
        break;
    }
    return NAN;   // no loss of its own
}

// The terms of a cell with channels x; its gradient as above.
static double cell_loss(const nca_session *session, int number, size_t cell, const double *x,
                        double scale, double *gradient)
{
    const nca_objective *objective = &session->head.shape.objective;
    const int channels = nca_objective_channels(objective);
    switch (objective->kind) {
    case NCA_MEAN_SQUARED:
    case NCA_HALF_SQUARED:
        return squares(x, target_of(session, number, cell), channels, scale, gradient);
    case NCA_CROSS_ENTROPY:
        return cross_entropy(x, (int)session->buffer[NCA_LABELS][number], channels, scale,
                             gradient);
    case NCA_GIVEN:
        break;
    }
    return NAN;
}

double nca_reference_sample_loss(const nca_session *session, int number, double *gradient)
{
    const nca_shape *shape = &session->head.shape;
    const nca_objective *objective = &shape->objective;
    const double *state = session->buffer[NCA_BATCH] + (size_t)number * session->state;
    size_t counted = 0;
    double loss = 0;
    if (objective->kind == NCA_GIVEN)
        return 0;
    for (size_t cell = 0; cell < session->cells; cell++)
        counted += counts(session, state, cell);
    const double terms = divisor(objective, counted);
    for (size_t cell = 0; cell < session->cells && counted > 0; cell++) {
        const size_t at = cell * (size_t)shape->spec.channels + (size_t)objective->first;
        double *to = gradient ? gradient + at : NULL;
        if (counts(session, state, cell))
            loss += cell_loss(session, number, cell, state + at, 1 / terms, to);
    }
    return counted > 0 ? loss / terms : 0;
}
