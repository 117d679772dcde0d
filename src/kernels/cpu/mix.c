// The matrix that mixes the channels of every state before a step. Cells are mixed in place; the
// backward pass needs what they were, so a rollout with a tape keeps that too.
#include "cpu.h"

#include <math.h>
#include <string.h>

enum { CHANNELS_MAX = 1024 };   // of any session

static const float *matrix_of(const nca_session *session, int sample)
{
    const size_t rule = (size_t)(sample / session->head.shape.batch);
    return session->buffer[NCA_PARAMETERS] + rule * session->layout.total +
           session->layout.offset[NCA_MIX];
}

// The state of a row of cells before it was mixed for a step.
static float *unmixed_row(const nca_session *session, int number, int step, int y)
{
    const size_t width = (size_t)session->head.shape.width;
    const size_t tape_step = session->rollout.keep_tape ? (size_t)step : 0;
    return session->sample[number].unmixed +
           (tape_step * (size_t)session->head.shape.height + (size_t)y) * width *
               (size_t)session->head.shape.spec.channels;
}

static float *state_row(const nca_session *session, int number, int step, int y)
{
    const nca_cpu_sample *sample = &session->sample[number];
    return nca_cpu_state(session, sample, nca_cpu_state_index(session, sample, step)) +
           nca_cpu_cell(session, y, 0) * (size_t)session->head.shape.spec.channels;
}

static bool is_zero(const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (x[i] != 0)
            return false;
    return true;
}

// y [C] = x [C] times the matrix, within the bound. What is no number stays so.
static void mix_cell(const float *matrix, float bound, size_t channels, const float *x, float *y)
{
    memset(y, 0, channels * sizeof *y);
    for (size_t i = 0; i < channels; i++)
        for (size_t j = 0; j < channels; j++)
            y[j] += x[i] * matrix[i * channels + j];
    for (size_t j = 0; j < channels; j++)
        y[j] = y[j] > bound ? bound : y[j] < -bound ? -bound : y[j];
}

void nca_cpu_mix(nca_session *session, int number, int step, int band)
{
    const nca_shape *shape = &session->head.shape;
    const size_t channels = (size_t)shape->spec.channels, width = (size_t)shape->width;
    const float *matrix = matrix_of(session, number);
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int y = y0; y < y1; y++) {
        float *row = state_row(session, number, step, y);
        float *kept = unmixed_row(session, number, step, y);
        memcpy(kept, row, width * channels * sizeof *kept);
        for (size_t x = 0; x < width; x++)
            if (!is_zero(kept + x * channels, channels))
                mix_cell(matrix, (float)shape->spec.mix_bound, channels, kept + x * channels,
                         row + x * channels);
    }
    nca_cpu_step_look(session, number, step, band);
}

// Through one cell: x [C], y [C] mixed; dy [C] becomes the gradient of x.
//   turned   the matrix transposed
static void cell_backward(const nca_spec *spec, const float *turned, const float *x, const float *y,
                          float *dy, float *dmatrix)
{
    const size_t channels = (size_t)spec->channels;
    float dx[CHANNELS_MAX];
    memset(dx, 0, channels * sizeof *dx);
    for (size_t j = 0; j < channels; j++)
        dy[j] = fabsf(y[j]) < (float)spec->mix_bound ? dy[j] : 0;
    for (size_t j = 0; j < channels; j++)
        for (size_t i = 0; i < channels; i++)
            dx[i] += dy[j] * turned[j * channels + i];
    for (size_t i = 0; i < channels; i++)
        for (size_t j = 0; j < channels; j++)
            dmatrix[i * channels + j] += x[i] * dy[j];
    memcpy(dy, dx, channels * sizeof *dy);
}

// `gradient` is the first own row of the band's block; what it has beside the cells stays.
void nca_cpu_mix_backward(nca_session *session, int number, int step, int band, float *gradient)
{
    const nca_spec *spec = &session->head.shape.spec;
    const size_t channels = (size_t)spec->channels, width = (size_t)session->head.shape.width;
    nca_cpu_sample *sample = &session->sample[number];
    float *dmatrix = nca_cpu_sums(session, sample, band, 0) + session->layout.offset[NCA_MIX];
    int y0, y1;
    nca_cpu_band_rows(session, band, &y0, &y1);
    for (int y = y0; y < y1; y++, gradient += session->row) {
        const float *mixed = state_row(session, number, step, y);
        const float *kept = unmixed_row(session, number, step, y);
        for (size_t x = 0; x < width; x++) {
            float *dy = gradient + (x + 1) * channels;
            if (!is_zero(dy, channels))
                cell_backward(spec, nca_cpu_rule_of(session, number, 0)->mix_columns,
                              kept + x * channels, mixed + x * channels, dy, dmatrix);
        }
    }
    sample->summed[band] = true;
}
