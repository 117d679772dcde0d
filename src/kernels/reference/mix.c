// The matrix that mixes the channels of every state before a step, forward and backward.
#include <math.h>

#include "reference.h"

static size_t place_of(const nca_session *session, const nca_reference_sample *sample)
{
    return (size_t)sample->rule * session->layout.total + session->layout.offset[NCA_MIX];
}

const double *nca_reference_mix(nca_session *session, const nca_reference_sample *sample,
                                const double *state)
{
    const nca_spec *spec = &session->head.shape.spec;
    const size_t channels = (size_t)spec->channels;
    const double *matrix = sample->parameters + place_of(session, sample);
    if (!(spec->mix_bound > 0))
        return state;
    for (size_t cell = 0; cell < session->cells; cell++)
        for (size_t j = 0; j < channels; j++) {
            double sum = 0;
            for (size_t i = 0; i < channels; i++)
                sum += state[cell * channels + i] * matrix[i * channels + j];
            session->mixed[cell * channels + j] =
                fmin(fmax(sum, -spec->mix_bound), spec->mix_bound);
        }
    return session->mixed;
}

// Through one cell: x [C], y [C] mixed; dy [C] becomes the gradient of x.
static void cell_backward(const nca_spec *spec, const double *matrix, const double *x,
                          const double *y, double *dy, double *dmatrix)
{
    const size_t channels = (size_t)spec->channels;
    double dx[1024];   // the most channels a cell has
    for (size_t j = 0; j < channels; j++)
        dy[j] = fabs(y[j]) < spec->mix_bound ? dy[j] : 0;
    for (size_t i = 0; i < channels; i++) {
        dx[i] = 0;
        for (size_t j = 0; j < channels; j++) {
            dx[i] += dy[j] * matrix[i * channels + j];
            dmatrix[i * channels + j] += x[i] * dy[j] / 2;
            dmatrix[j * channels + i] += x[i] * dy[j] / 2;
        }
    }
    for (size_t i = 0; i < channels; i++)
        dy[i] = dx[i];
}

void nca_reference_mix_backward(nca_session *session, const nca_reference_sample *sample,
                                const double *state, double *gradient)
{
    const nca_spec *spec = &session->head.shape.spec;
    const size_t channels = (size_t)spec->channels, place = place_of(session, sample);
    for (size_t cell = 0; cell < session->cells && spec->mix_bound > 0; cell++)
        cell_backward(spec, sample->parameters + place, state + cell * channels,
                      session->mixed + cell * channels, gradient + cell * channels,
                      session->sample_gradient + place);
}
