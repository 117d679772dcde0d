// One step of the rule, forward and backward, cell by cell: read this to know what a step is.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

static const double sobel_x[3][3] = {{-1, 0, 1}, {-2, 0, 2}, {-1, 0, 1}};

// Parameters of a tensor.
static double *tensor(const nca_session *session, nca_buffer buffer, int which)
{
    return session->buffer[buffer] + session->layout.offset[which];
}

// perceived [3C]: the cell's state and its two gradients, rotated; zero outside the grid.
static void perceive(const nca_session *session, const double *grid, int y, int x, double *p)
{
    const int channels = session->shape.spec.channels;
    const double c = cos(session->rollout.angle), s = sin(session->rollout.angle);
    for (int k = 0; k < channels; k++) {
        double gx = 0, gy = 0;
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                const int yy = y + dy, xx = x + dx;
                if (yy < 0 || xx < 0 || yy >= session->shape.height || xx >= session->shape.width)
                    continue;
                const double value = grid[nca_reference_at(session, yy, xx) + (size_t)k];
                gx += sobel_x[dy + 1][dx + 1] / 8 * value;
                gy += sobel_x[dx + 1][dy + 1] / 8 * value;
            }
        p[k] = grid[nca_reference_at(session, y, x) + (size_t)k];
        p[channels + k] = c * gx - s * gy;
        p[2 * channels + k] = s * gx + c * gy;
    }
}

// Adds d loss / d perceived to the gradient of the cells it was perceived from.
static void perceive_backward(const nca_session *session, const double *dp, int y, int x,
                              double *gradient)
{
    const int channels = session->shape.spec.channels;
    const double c = cos(session->rollout.angle), s = sin(session->rollout.angle);
    for (int k = 0; k < channels; k++) {
        const double gx = c * dp[channels + k] + s * dp[2 * channels + k];
        const double gy = c * dp[2 * channels + k] - s * dp[channels + k];
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                const int yy = y + dy, xx = x + dx;
                if (yy < 0 || xx < 0 || yy >= session->shape.height || xx >= session->shape.width)
                    continue;
                gradient[nca_reference_at(session, yy, xx) + (size_t)k] +=
                    sobel_x[dy + 1][dx + 1] / 8 * gx + sobel_x[dx + 1][dy + 1] / 8 * gy;
            }
        gradient[nca_reference_at(session, y, x) + (size_t)k] += dp[k];
    }
}

// hidden = relu(W1 p + b1), out = W2 hidden + b2
static void network(nca_session *session)
{
    const int inputs = nca_spec_inputs(&session->shape.spec), units = session->shape.spec.hidden[0];
    const double *w1 = tensor(session, NCA_PARAMETERS, NCA_HIDDEN_WEIGHT);
    const double *w2 = tensor(session, NCA_PARAMETERS, NCA_OUTPUT_WEIGHT);
    for (int j = 0; j < units; j++) {
        double sum = tensor(session, NCA_PARAMETERS, NCA_HIDDEN_BIAS)[j];
        for (int k = 0; k < inputs; k++)
            sum += w1[j * inputs + k] * session->perceived[k];
        session->hidden[j] = sum < 0 ? 0 : sum;
    }
    for (int k = 0; k < session->shape.spec.channels; k++) {
        session->out[k] = tensor(session, NCA_PARAMETERS, NCA_OUTPUT_BIAS)[k];
        for (int j = 0; j < units; j++)
            session->out[k] += w2[k * units + j] * session->hidden[j];
    }
}

// From dout [C]: adds to the gradient of the parameters, and fills d loss / d perceived.
static void network_backward(nca_session *session, const double *dout)
{
    const int inputs = nca_spec_inputs(&session->shape.spec), units = session->shape.spec.hidden[0];
    const int channels = session->shape.spec.channels;
    const double *w1 = tensor(session, NCA_PARAMETERS, NCA_HIDDEN_WEIGHT);
    const double *w2 = tensor(session, NCA_PARAMETERS, NCA_OUTPUT_WEIGHT);
    memset(session->dperceived, 0, (size_t)inputs * sizeof(double));
    for (int k = 0; k < channels; k++)
        tensor(session, NCA_GRADIENT, NCA_OUTPUT_BIAS)[k] += dout[k];
    for (int j = 0; j < units; j++) {
        double dhidden = 0;
        for (int k = 0; k < channels; k++) {
            dhidden += dout[k] * w2[k * units + j];
            tensor(session, NCA_GRADIENT, NCA_OUTPUT_WEIGHT)[k * units + j] +=
                dout[k] * session->hidden[j];
        }
        if (!(session->hidden[j] > 0))
            continue;
        tensor(session, NCA_GRADIENT, NCA_HIDDEN_BIAS)[j] += dhidden;
        for (int k = 0; k < inputs; k++) {
            session->dperceived[k] += dhidden * w1[j * inputs + k];
            tensor(session, NCA_GRADIENT, NCA_HIDDEN_WEIGHT)[j * inputs + k] +=
                dhidden * session->perceived[k];
        }
    }
}

// Whether any alpha in the 3x3 neighbourhood is above the threshold.
static bool is_alive(const nca_session *session, const double *grid, int y, int x)
{
    for (int yy = y - 1; yy <= y + 1; yy++)
        for (int xx = x - 1; xx <= x + 1; xx++)
            if (yy >= 0 && xx >= 0 && yy < session->shape.height && xx < session->shape.width &&
                grid[nca_reference_at(session, yy, xx) + NCA_ALPHA] >
                    session->rollout.alive_threshold)
                return true;
    return false;
}

static bool fires(const nca_session *session, int sample, int step, size_t cell)
{
    const nca_rollout *rollout = &session->rollout;
    if (rollout->fire)
        return rollout->fire[((size_t)step * (size_t)session->shape.batch + (size_t)sample) *
                                 session->cells +
                             cell] != 0;
    uint32_t words[4];
    nca_random_words(rollout->key, NCA_RANDOM_FIRE, (uint32_t)sample,
                     (uint32_t)(rollout->first_step + step), (uint32_t)(cell / 8), words);
    const uint32_t half = words[cell % 8 / 2] >> (cell % 2 * 16) & 0xffff;
    return half < nca_fire_threshold(rollout->fire_rate);
}

static void step_sample(nca_session *session, const double *before, double *after, uint8_t *fired,
                        uint8_t *alive, int sample, int step)
{
    const int height = session->shape.height, width = session->shape.width;
    const size_t channels = (size_t)session->shape.spec.channels;
    memcpy(after, before, session->state * sizeof *after);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const size_t cell = (size_t)y * (size_t)width + (size_t)x;
            fired[cell] = fires(session, sample, step, cell);
            if (!fired[cell])
                continue;
            perceive(session, before, y, x, session->perceived);
            network(session);
            for (size_t k = 0; k < channels; k++)
                after[cell * channels + k] += session->rollout.step_size * session->out[k];
        }
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            alive[(size_t)y * (size_t)width + (size_t)x] =
                is_alive(session, before, y, x) && is_alive(session, after, y, x);
    for (size_t cell = 0; cell < session->cells; cell++)
        if (!alive[cell])
            memset(after + cell * channels, 0, channels * sizeof *after);
}

void nca_reference_step(nca_session *session, const double *before, double *after, uint8_t *fired,
                        uint8_t *alive, int step)
{
    for (int b = 0; b < session->shape.batch; b++)
        step_sample(session, before + (size_t)b * session->state,
                    after + (size_t)b * session->state, fired + (size_t)b * session->cells,
                    alive + (size_t)b * session->cells, b, step);
}

static void step_sample_backward(nca_session *session, const double *state, const uint8_t *fired,
                                 const uint8_t *alive, const double *after, double *before)
{
    const size_t channels = (size_t)session->shape.spec.channels;
    const int width = session->shape.width;
    double *dout = session->dhidden;   // [C], scratch
    memset(before, 0, session->state * sizeof *before);
    for (int y = 0; y < session->shape.height; y++)
        for (int x = 0; x < width; x++) {
            const size_t cell = (size_t)y * (size_t)width + (size_t)x;
            if (!alive[cell])
                continue;
            for (size_t k = 0; k < channels; k++) {
                before[cell * channels + k] += after[cell * channels + k];
                dout[k] = session->rollout.step_size * after[cell * channels + k];
            }
            if (!fired[cell])
                continue;
            perceive(session, state, y, x, session->perceived);
            network(session);
            network_backward(session, dout);
            perceive_backward(session, session->dperceived, y, x, before);
        }
}

void nca_reference_step_backward(nca_session *session, const double *state, const uint8_t *fired,
                                 const uint8_t *alive, const double *after, double *before)
{
    for (int b = 0; b < session->shape.batch; b++)
        step_sample_backward(session, state + (size_t)b * session->state,
                             fired + (size_t)b * session->cells, alive + (size_t)b * session->cells,
                             after + (size_t)b * session->state,
                             before + (size_t)b * session->state);
}
