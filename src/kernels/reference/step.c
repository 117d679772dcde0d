// One step of the rule, forward and backward, cell by cell: the plainest account of what a step is.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reference.h"

static bool is_inside(const nca_session *session, int y, int x)
{
    const nca_shape *shape = &session->head.shape;
    return y >= 0 && x >= 0 && y < shape->height && x < shape->width;
}

// -- Perception -----------------------------------------------------------------------------------

// Every input is a sum of weight times value over the neighbours. visit() goes through its terms,
// forward and, transposed, backward.

// Weight of the neighbour (dy, dx) in the inputs of a group.
static double weight_of(const nca_session *session, int group, int dy, int dx)
{
    if (session->head.shape.spec.perception == NCA_MOORE)
        return group == (dy + 1) * 3 + dx + 1;
    if (group == 0)
        return dy == 0 && dx == 0;
    const double cosine = cos(session->rollout.angle), sine = sin(session->rollout.angle);
    const double gx = NCA_SOBEL_X(dy, dx) / 8.0, gy = NCA_SOBEL_X(dx, dy) / 8.0;
    return group == 1 ? cosine * gx - sine * gy : sine * gx + cosine * gy;
}

void nca_reference_set_weights(nca_session *session)
{
    for (int group = 0; group < nca_spec_groups(&session->head.shape.spec); group++)
        for (int i = 0; i < 9; i++)
            session->weight[group][i] = weight_of(session, group, i / 3 - 1, i % 3 - 1);
}

// Returns input number `input` of the cell (y, x). With `back` [H,W,C] it instead adds `gradient`,
// that of the input, to the cells the input came from. By `summed` an input adds up all channels.
static double visit(const nca_session *session, const double *grid, int y, int x, int input,
                    double gradient, double *back)
{
    const nca_spec *spec = &session->head.shape.spec;
    const int group = input / spec->channels, c = input % spec->channels;
    const bool is_sum = spec->perception == NCA_SUMMED && group > 0;
    const int first = is_sum ? 0 : c, end = is_sum ? spec->channels : c + 1;
    double sum = 0;
    for (int i = 0; i < 9; i++) {
        const double weight = session->weight[group][i];
        const int yy = y + i / 3 - 1, xx = x + i % 3 - 1;
        if (weight == 0 || !is_inside(session, yy, xx))
            continue;
        for (int k = first; k < end; k++) {
            const size_t at = nca_reference_at(session, yy, xx) + (size_t)k;
            if (back)
                back[at] += weight * gradient;
            else
                sum += weight * grid[at];
        }
    }
    return sum;
}

static void perceive(const nca_session *session, const double *grid, int y, int x)
{
    for (int input = 0; input < nca_spec_inputs(&session->head.shape.spec); input++)
        session->perceived[input] = visit(session, grid, y, x, input, 0, NULL);
}

static void perceive_backward(const nca_session *session, int y, int x, double *gradient)
{
    for (int input = 0; input < nca_spec_inputs(&session->head.shape.spec); input++)
        visit(session, NULL, y, x, input, session->dperceived[input], gradient);
}

// -- Network --------------------------------------------------------------------------------------

// One linear layer: tensors of its weights [rows,columns] and of its bias.
typedef struct linear_layer {
    int weight, bias, rows, columns;
} linear_layer;

static int layers_of(const nca_session *session, linear_layer layers[NCA_LAYERS_MAX + 1])
{
    const nca_spec *spec = &session->head.shape.spec;
    int count = 0, inputs = nca_spec_inputs(spec);
    layers[count++] = (linear_layer){NCA_HIDDEN_WEIGHT, NCA_HIDDEN_BIAS, spec->hidden[0], inputs};
    if (spec->hidden[1])
        layers[count++] =
            (linear_layer){NCA_HIDDEN2_WEIGHT, NCA_HIDDEN2_BIAS, spec->hidden[1], spec->hidden[0]};
    layers[count++] = (linear_layer){NCA_OUTPUT_WEIGHT, NCA_OUTPUT_BIAS, nca_spec_outputs(spec),
                                     nca_spec_last_hidden(spec)};
    return count;
}

static void layer_forward(const nca_session *session, const double *parameters,
                          const linear_layer *layer, const double *x, bool is_relu, double *y)
{
    const double *weight = parameters + session->layout.offset[layer->weight];
    const double *bias = parameters + session->layout.offset[layer->bias];
    for (int j = 0; j < layer->rows; j++) {
        double sum = bias[j];
        for (int k = 0; k < layer->columns; k++)
            sum += weight[j * layer->columns + k] * x[k];
        y[j] = is_relu && sum < 0 ? 0 : sum;
    }
}

// out = network(perceived)
static void network(nca_session *session, const double *parameters)
{
    linear_layer layers[NCA_LAYERS_MAX + 1];
    const int count = layers_of(session, layers);
    const double *x = session->perceived;
    for (int i = 0; i < count; i++) {
        double *y = i + 1 < count ? session->hidden[i] : session->out;
        layer_forward(session, parameters, &layers[i], x, i + 1 < count, y);
        x = y;
    }
}

// From dy: dx, and the gradient of the layer's parameters is added to that of the sample.
static void layer_backward(const nca_session *session, const double *parameters, double *gradient,
                           const linear_layer *layer, const double *x, const double *dy, double *dx)
{
    const double *weight = parameters + session->layout.offset[layer->weight];
    double *dweight = gradient + session->layout.offset[layer->weight];
    double *dbias = gradient + session->layout.offset[layer->bias];
    memset(dx, 0, (size_t)layer->columns * sizeof *dx);
    for (int j = 0; j < layer->rows; j++) {
        dbias[j] += dy[j];
        for (int k = 0; k < layer->columns; k++) {
            dx[k] += dy[j] * weight[j * layer->columns + k];
            dweight[j * layer->columns + k] += dy[j] * x[k];
        }
    }
}

// From dout to dperceived, through the hidden layers as network() left them.
static void network_backward(nca_session *session, const double *parameters, double *gradient)
{
    linear_layer layers[NCA_LAYERS_MAX + 1];
    const int count = layers_of(session, layers);
    const double *dy = session->dout;
    for (int i = count - 1; i >= 0; i--) {
        const double *x = i > 0 ? session->hidden[i - 1] : session->perceived;
        double *dx = i > 0 ? session->dhidden[i - 1] : session->dperceived;
        layer_backward(session, parameters, gradient, &layers[i], x, dy, dx);
        for (int k = 0; i > 0 && k < layers[i].columns; k++)
            dx[k] = x[k] > 0 ? dx[k] : 0;
        dy = dx;
    }
}

// -- Masks and random bits ------------------------------------------------------------------------

// Whether any alpha in the 3x3 neighbourhood is above the threshold.
static bool has_mature(const nca_session *session, const double *grid, int y, int x,
                       double threshold)
{
    for (int yy = y - 1; yy <= y + 1; yy++)
        for (int xx = x - 1; xx <= x + 1; xx++)
            if (is_inside(session, yy, xx) &&
                grid[nca_reference_at(session, yy, xx) + NCA_ALPHA] > threshold)
                return true;
    return false;
}

bool nca_reference_is_alive(const nca_session *session, const double *grid, int y, int x,
                            double threshold)
{
    const nca_spec *spec = &session->head.shape.spec;
    if (spec->alive == NCA_ALIVE_MAXIMUM)
        return has_mature(session, grid, y, x, threshold);
    return spec->alive == NCA_ALIVE_EVERYWHERE ||
           grid[nca_reference_at(session, y, x) + (size_t)spec->alive_channel] > threshold;
}

static bool fires(const nca_session *session, const nca_reference_sample *sample, int step,
                  size_t cell)
{
    const nca_rollout *rollout = &session->rollout;
    const nca_rule_rollout *own = &session->each[sample->rule];
    if (rollout->fire)
        return rollout->fire[((size_t)step * (size_t)session->samples + (size_t)sample->number) *
                                 session->cells +
                             cell] != 0;
    uint32_t words[4];
    nca_random_words(own->key, NCA_RANDOM_FIRE, sample->random_number,
                     (uint32_t)(own->first_step + step), (uint32_t)(cell / 8), words);
    const uint32_t half = words[cell % 8 / 2] >> (cell % 2 * 16) & 0xffff;
    return half < nca_fire_threshold(rollout->fire_rate);
}

// The noise on a number of an update, in f32, so that all backends add the same.
static double noise(const nca_session *session, const nca_reference_sample *sample, int step,
                    size_t cell, int number)
{
    const nca_spec *spec = &session->head.shape.spec;
    const nca_rule_rollout *own = &session->each[sample->rule];
    const size_t index = cell * (size_t)nca_spec_outputs(spec) + (size_t)number;
    if (!(spec->noise > 0))
        return 0;
    return nca_random_normal(own->key, sample->random_number, (uint32_t)(own->first_step + step),
                             (uint32_t)index, nca_noise_scale(spec->noise));
}

// -- Steps ----------------------------------------------------------------------------------------

// Whether a cell that fires is updated. Where dead cells are cleared afterwards, every one is.
static bool is_reached(const nca_session *session, const double *before, int y, int x)
{
    return session->head.shape.spec.alive == NCA_ALIVE_MAXIMUM ||
           nca_reference_is_alive(session, before, y, x, session->rollout.alive_threshold);
}

static void update_cell(nca_session *session, const nca_reference_sample *sample, int step,
                        const double *before, double *after, int y, int x)
{
    const nca_spec *spec = &session->head.shape.spec;
    const size_t cell = (size_t)y * (size_t)session->head.shape.width + (size_t)x;
    const size_t rule = nca_reference_rule_at(session, sample, cell);
    double *to = after + nca_reference_at(session, y, x) + spec->frozen;
    perceive(session, before, y, x);
    network(session, sample->parameters + rule * session->layout.total);
    for (int k = 0; k < nca_spec_outputs(spec); k++)
        to[k] +=
            session->rollout.step_size * (session->out[k] + noise(session, sample, step, cell, k));
}

void nca_reference_step(nca_session *session, const nca_reference_sample *sample, int step,
                        const double *before, double *after, uint8_t *fired, uint8_t *alive)
{
    const nca_shape *shape = &session->head.shape;
    const double threshold = session->rollout.alive_threshold;
    memcpy(after, before, session->state * sizeof *after);
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x++) {
            const size_t cell = (size_t)y * (size_t)shape->width + (size_t)x;
            fired[cell] = fires(session, sample, step, cell) && is_reached(session, before, y, x);
            alive[cell] = 1;
            if (fired[cell])
                update_cell(session, sample, step, before, after, y, x);
        }
    if (shape->spec.alive != NCA_ALIVE_MAXIMUM)
        return;
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x++)
            alive[(size_t)y * (size_t)shape->width + (size_t)x] =
                has_mature(session, before, y, x, threshold) &&
                has_mature(session, after, y, x, threshold);
    for (size_t cell = 0; cell < session->cells; cell++)
        if (!alive[cell])
            memset(after + cell * (size_t)shape->spec.channels, 0,
                   (size_t)shape->spec.channels * sizeof *after);
}

void nca_reference_step_backward(nca_session *session, const nca_reference_sample *sample,
                                 const double *state, const uint8_t *fired, const uint8_t *alive,
                                 const double *after, double *before)
{
    const nca_shape *shape = &session->head.shape;
    const nca_spec *spec = &shape->spec;
    memset(before, 0, session->state * sizeof *before);
    for (int y = 0; y < shape->height; y++)
        for (int x = 0; x < shape->width; x++) {
            const size_t cell = (size_t)y * (size_t)shape->width + (size_t)x;
            const size_t at = nca_reference_at(session, y, x);
            const size_t rule =
                nca_reference_rule_at(session, sample, cell) * session->layout.total;
            if (!alive[cell])
                continue;
            for (int k = 0; k < spec->channels; k++)
                before[at + (size_t)k] += after[at + (size_t)k];
            if (!fired[cell])
                continue;
            for (int k = 0; k < nca_spec_outputs(spec); k++)
                session->dout[k] =
                    session->rollout.step_size * after[at + (size_t)(spec->frozen + k)];
            perceive(session, state, y, x);
            network(session, sample->parameters + rule);
            network_backward(session, sample->parameters + rule, session->sample_gradient + rule);
            perceive_backward(session, y, x, before);
        }
}
