// The loss of every sample and its gradient, by the objective; its largest |x| and living cells.
#include "cpu.h"

#include <math.h>
#include <string.h>

// The pattern of |x|: larger for larger x, and largest for infinities and NaN.
static uint32_t magnitude(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & 0x7fffffff;
}

// -- Which cells count ----------------------------------------------------------------------------

// Whether a cell of the current state counts by the objective. A state has a clear border.
static bool counts(const nca_session *session, const float *state, int y, int x)
{
    const nca_shape *shape = &session->head.shape;
    const int channel = nca_cpu_alive_channel(&shape->spec);
    const int reach = shape->spec.alive == NCA_ALIVE_MAXIMUM;
    if (shape->objective.cells == NCA_CELLS_ALL || channel < 0)
        return true;
    for (int yy = y - reach; yy <= y + reach; yy++)
        for (int xx = x - reach; xx <= x + reach; xx++)
            if (state[nca_cpu_cell(session, yy, xx) * (size_t)shape->spec.channels +
                      (size_t)channel] > NCA_ALIVE_THRESHOLD)
                return true;
    return false;
}

void nca_cpu_loss_count(nca_session *session)
{
    const nca_shape *shape = &session->head.shape;
    for (int b = 0; b < session->samples; b++) {
        nca_cpu_sample *sample = &session->sample[b];
        const float *state = nca_cpu_state(session, sample, sample->current);
        sample->counted = (size_t)shape->height * (size_t)shape->width;
        if (shape->objective.cells == NCA_CELLS_ALL)
            continue;
        sample->counted = 0;
        for (int y = 0; y < shape->height; y++)
            for (int x = 0; x < shape->width; x++)
                sample->counted += counts(session, state, y, x);
    }
}

// -- The terms of a cell --------------------------------------------------------------------------

// x and target [channels]. The terms are added one by one, in the order of memory.
static void add_squares(const float *x, const float *target, int channels, double *sum)
{
    for (int k = 0; k < channels; k++) {
        const double difference = (double)x[k] - target[k];
        *sum += difference * difference;
    }
}

// The largest of x, and the sum of exp(x - largest).
static double partition(const float *x, int channels, double *largest)
{
    double sum = 0;
    *largest = x[0];
    for (int k = 1; k < channels; k++)
        *largest = x[k] > *largest ? x[k] : *largest;
    for (int k = 0; k < channels; k++)
        sum += exp(x[k] - *largest);
    return sum;
}

static double cross_entropy(const float *x, int label, int channels)
{
    double largest;
    const double sum = partition(x, channels, &largest);
    return log(sum) - (x[label] - largest);
}

static void cross_entropy_backward(const float *x, int label, int channels, double scale, float *g)
{
    double largest;
    const double sum = partition(x, channels, &largest);
    for (int k = 0; k < channels; k++)
        g[k] = (float)(scale * (exp(x[k] - largest) / sum - (k == label)));
}

// The sum over a sample's cells is divided by this.
static double divisor(const nca_session *session, const nca_cpu_sample *sample)
{
    const nca_objective *objective = &session->head.shape.objective;
    switch (objective->kind) {
    case NCA_MEAN_SQUARED:
        return (double)sample->counted * nca_objective_channels(objective);
    case NCA_HALF_SQUARED:
        return 2;
    case NCA_CROSS_ENTROPY:
        return (double)sample->counted;
    case NCA_GIVEN:
        break;
    }
    return NAN;   // no loss of its own
}

// Row y of the target of a sample.
static const float *target_row(const nca_session *session, int sample, int y)
{
    const nca_shape *shape = &session->head.shape;
    const size_t row = shape->objective.is_per_sample
                           ? (size_t)sample * (size_t)shape->height + (size_t)y
                           : (size_t)y;
    return session->buffer[NCA_TARGET] +
           row * (size_t)shape->width * (size_t)nca_objective_channels(&shape->objective);
}

// -- Samples --------------------------------------------------------------------------------------

// Adds the terms of a cell with channels x.
static void add_cell_loss(const nca_session *session, int number, const float *x,
                          const float *target, double *sum)
{
    const nca_objective *objective = &session->head.shape.objective;
    const int channels = nca_objective_channels(objective);
    switch (objective->kind) {
    case NCA_MEAN_SQUARED:
    case NCA_HALF_SQUARED:
        add_squares(x, target, channels, sum);
        break;
    case NCA_CROSS_ENTROPY:
        *sum += cross_entropy(x, (int)session->buffer[NCA_LABELS][number], channels);
        break;
    case NCA_GIVEN:
        break;
    }
}

static void add_row_loss(const nca_session *session, int number, const float *state, int y,
                         double *sum)
{
    const nca_shape *shape = &session->head.shape;
    const nca_objective *objective = &shape->objective;
    const int channels = nca_objective_channels(objective);
    const float *target = target_row(session, number, y);
    for (int x = 0; x < shape->width && objective->kind != NCA_GIVEN; x++) {
        const float *cell =
            state + nca_cpu_cell(session, y, x) * (size_t)shape->spec.channels + objective->first;
        if (counts(session, state, y, x))
            add_cell_loss(session, number, cell, target + (size_t)x * (size_t)channels, sum);
    }
}

// Rows of a band: `report->loss` is a sum of terms here, divided when the bands are added up.
void nca_cpu_loss_band(void *context, int number, int phase, int band, int worker)
{
    (void)phase, (void)worker;
    const nca_session *session = context;
    const nca_cpu_sample *sample = &session->sample[number];
    const nca_spec *spec = &session->head.shape.spec;
    const size_t channels = (size_t)spec->channels, width = (size_t)session->head.shape.width;
    const float *state = nca_cpu_state(session, sample, sample->current);
    const int channel = nca_cpu_alive_channel(spec);
    double sum = 0;
    uint32_t largest = 0;
    int alive = 0, y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        const float *x = state + nca_cpu_cell(session, y, 0) * channels;
        add_row_loss(session, number, state, y, &sum);
        for (size_t i = 0; i < width; i++)
            alive += channel < 0 || x[i * channels + (size_t)channel] > NCA_ALIVE_THRESHOLD;
        for (size_t i = 0; i < width * channels; i++)
            largest = magnitude(x[i]) > largest ? magnitude(x[i]) : largest;
    }
    float max_state;
    memcpy(&max_state, &largest, sizeof max_state);
    sample->report[band] =
        (nca_sample_report){.loss = sum, .max_state = max_state, .alive_cells = alive};
}

nca_status nca_cpu_loss(nca_session *session, nca_sample_report *samples, nca_error *error)
{
    nca_cpu_loss_count(session);
    NCA_TRY(nca_cpu_run(session, 1, nca_cpu_loss_band, error));
    for (int b = 0; b < session->samples; b++) {
        samples[b] = session->sample[b].report[0];
        for (int band = 1; band < session->bands; band++) {
            const nca_sample_report *part = &session->sample[b].report[band];
            samples[b].loss += part->loss;
            samples[b].alive_cells += part->alive_cells;
            if (part->max_state > samples[b].max_state || isnan(part->max_state))   // NaN stays
                samples[b].max_state = part->max_state;
        }
        if (samples[b].loss != 0)   // no cell may count
            samples[b].loss /= divisor(session, &session->sample[b]);
    }
    return NCA_OK;
}

// The gradient of a row of cells, from the first of them on.
static void row_backward(const nca_session *session, int number, const float *state, int y,
                         double mean, float *g)
{
    const nca_shape *shape = &session->head.shape;
    const nca_objective *objective = &shape->objective;
    const int channels = nca_objective_channels(objective);
    const double terms = divisor(session, &session->sample[number]);
    const float scale = (float)(2.0 / (mean * terms));
    const float *target = target_row(session, number, y);
    for (int x = 0; x < shape->width; x++) {
        const size_t at = (size_t)x * (size_t)shape->spec.channels + (size_t)objective->first;
        const float *cell = state + nca_cpu_cell(session, y, 0) * (size_t)shape->spec.channels + at;
        if (!counts(session, state, y, x))
            continue;
        switch (objective->kind) {
        case NCA_MEAN_SQUARED:
        case NCA_HALF_SQUARED:
            for (int k = 0; k < channels; k++)
                g[at + (size_t)k] = scale * (cell[k] - target[(size_t)(x * channels + k)]);
            break;
        case NCA_CROSS_ENTROPY:
            cross_entropy_backward(cell, (int)session->buffer[NCA_LABELS][number], channels,
                                   1 / (mean * terms), g + at);
            break;
        case NCA_GIVEN:
            break;
        }
    }
}

void nca_cpu_loss_backward(const nca_session *session, int number, int band, float *gradient)
{
    const nca_shape *shape = &session->head.shape;
    const nca_cpu_sample *sample = &session->sample[number];
    const float *state = nca_cpu_state(session, sample, sample->current);
    const double mean = session->rollout.samples ? session->rollout.samples : shape->batch;
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int y = y0; y < y1 && shape->objective.kind != NCA_GIVEN && sample->counted > 0; y++)
        row_backward(session, number, state, y, mean,
                     gradient + (size_t)(y - y0 + 1) * session->row + (size_t)shape->spec.channels);
}
