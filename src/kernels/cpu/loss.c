// The loss of every sample and its gradient: mean over H, W and the visible channels of the squared
// difference to the target; and what else a sample is judged by.
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

// Rows of a band: `report->loss` is a sum of squares here, divided when the bands are added up.
void nca_cpu_loss_band(void *context, int number, int phase, int band, int worker)
{
    (void)phase, (void)worker;
    const nca_session *session = context;
    const nca_cpu_sample *sample = &session->sample[number];
    const size_t channels = (size_t)session->shape.spec.channels,
                 width = (size_t)session->shape.width;
    const float *state = nca_cpu_state(session, sample, sample->current);
    double squares = 0;
    uint32_t largest = 0;
    int alive = 0, y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        const float *x = state + nca_cpu_cell(session, y, 0) * channels;
        const float *target = session->buffer[NCA_TARGET] + (size_t)y * width * NCA_VISIBLE;
        for (size_t i = 0; i < width; i++)
            for (size_t k = 0; k < NCA_VISIBLE; k++) {
                const double difference = (double)x[i * channels + k] - target[i * NCA_VISIBLE + k];
                squares += difference * difference;
            }
        for (size_t i = 0; i < width; i++)
            alive += x[i * channels + NCA_ALPHA] > NCA_ALIVE_THRESHOLD;
        for (size_t i = 0; i < width * channels; i++)
            largest = magnitude(x[i]) > largest ? magnitude(x[i]) : largest;
    }
    float max_state;
    memcpy(&max_state, &largest, sizeof max_state);
    sample->report[band] =
        (nca_sample_report){.loss = squares, .max_state = max_state, .alive_cells = alive};
}

nca_status nca_cpu_loss(nca_session *session, nca_sample_report *samples, nca_error *error)
{
    const double elements =
        (double)session->shape.height * (double)session->shape.width * NCA_VISIBLE;
    NCA_TRY(nca_cpu_run(session, 1, nca_cpu_loss_band, error));
    for (int b = 0; b < session->shape.batch; b++) {
        samples[b] = session->sample[b].report[0];
        for (int band = 1; band < session->bands; band++) {
            const nca_sample_report *part = &session->sample[b].report[band];
            samples[b].loss += part->loss;
            samples[b].alive_cells += part->alive_cells;
            if (part->max_state > samples[b].max_state || isnan(part->max_state))   // NaN stays
                samples[b].max_state = part->max_state;
        }
        samples[b].loss /= elements;
    }
    return NCA_OK;
}

void nca_cpu_loss_backward(const nca_session *session, const nca_cpu_sample *sample, int band,
                           float *gradient)
{
    const nca_shape *shape = &session->shape;
    const size_t channels = (size_t)shape->spec.channels, width = (size_t)shape->width;
    const float scale = (float)(2.0 / ((double)shape->batch * (double)shape->height *
                                       (double)shape->width * NCA_VISIBLE));
    const float *state = nca_cpu_state(session, sample, sample->current);
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        const float *x = state + nca_cpu_cell(session, y, 0) * channels;
        const float *target = session->buffer[NCA_TARGET] + (size_t)y * width * NCA_VISIBLE;
        float *g = gradient + (size_t)(y - y0 + 1) * session->row + channels;
        for (size_t i = 0; i < width; i++)
            for (size_t k = 0; k < NCA_VISIBLE; k++)
                g[i * channels + k] = scale * (x[i * channels + k] - target[i * NCA_VISIBLE + k]);
    }
}
