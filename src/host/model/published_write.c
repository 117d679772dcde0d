// Export of a rule as the article's authors published theirs: what published.c reads.
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/files.h"
#include "model/published.h"
#include "nca/model.h"

// One of the two layers: weights [outputs,inputs] and biases [outputs].
typedef struct linear {
    int inputs, outputs;
    const float *weight, *bias;
} linear;

static nca_status refuse(const char *what, nca_error *error)
{
    return nca_fail(error, NCA_ARGUMENT,
                    "%s, for which the article's format has no place; choose another format", what);
}

static nca_status check(const nca_spec *spec, nca_error *error)
{
    if (spec->perception != NCA_SOBEL)
        return refuse("its perception is not sobel", error);
    if (spec->alive != NCA_ALIVE_MAXIMUM)
        return refuse("its alive mask is not maximum", error);
    if (spec->frozen > 0)
        return refuse("it has frozen channels", error);
    if (spec->noise > 0)
        return refuse("it adds noise", error);
    if (spec->mix_bound > 0)
        return refuse("a matrix mixes its states", error);
    return spec->hidden[1] > 0 ? refuse("it has a second hidden layer", error) : NCA_OK;
}

// The format knows neither angle nor step size. A turned gradient is a sum of the two gradients, so
// that turned weights see the same; and the step size multiplies the output layer.
static void fold_settings(const nca_model *model, float *weight, float *output, size_t outputs)
{
    const int channels = model->spec.channels, inputs = 3 * channels;
    const double angle = nca_radians(model->angle), cosine = cos(angle), sine = sin(angle);
    for (int i = 0; model->angle != 0 && i < model->spec.hidden[0]; i++)
        for (int c = 0; c < channels; c++) {
            float *x = &weight[i * inputs + channels + c], *y = x + channels;
            const double along_x = *x, along_y = *y;
            *x = (float)(cosine * along_x + sine * along_y);
            *y = (float)(cosine * along_y - sine * along_x);
        }
    for (size_t i = 0; i < outputs; i++)
        output[i] = (float)(output[i] * model->step_size);
}

// Bytes keep (byte / 255 - 1/2) * scale, whose ends are the largest weights.
static double scale_of(const float *values, size_t count)
{
    double largest = 0;
    for (size_t i = 0; i < count; i++)
        largest = fmax(largest, fabs((double)values[i]));
    return 2 * largest;
}

static void put_number(float value, double scale, bool as_bytes, uint8_t *data, size_t index)
{
    if (as_bytes)
        data[index] = scale > 0 ? (uint8_t)lround((value / scale + 0.5) * 255) : 128;
    else   // little endian, as this machine is
        memcpy(data + index * sizeof value, &value, sizeof value);
}

// Weights [outputs,inputs] become numbers [inputs+1,outputs], the last row of which are the biases.
static void pack(const linear *layer, const double scales[2], bool as_bytes, uint8_t *data)
{
    const int inputs = layer->inputs, outputs = layer->outputs;
    for (int i = 0; i < inputs; i++)
        for (int o = 0; o < outputs; o++)
            put_number(layer->weight[o * inputs + i], scales[0], as_bytes, data,
                       (size_t)(i * outputs + o));
    for (int o = 0; o < outputs; o++)
        put_number(layer->bias[o], scales[1], as_bytes, data, (size_t)(inputs * outputs + o));
}

// NULL without memory.
static json_t *describe(const linear *layer, bool as_bytes)
{
    const size_t weights = (size_t)layer->inputs * (size_t)layer->outputs;
    const size_t count = weights + (size_t)layer->outputs;
    const size_t size_bytes = count * (as_bytes ? 1 : sizeof(float));
    const double scales[2] = {as_bytes ? scale_of(layer->weight, weights) : 1,
                              as_bytes ? scale_of(layer->bias, (size_t)layer->outputs) : 1};
    uint8_t *data = calloc(1, size_bytes);
    char *text = malloc(4 * (size_bytes / 3 + 1) + 1);
    json_t *layer_json = NULL;
    if (data && text) {
        pack(layer, scales, as_bytes, data);
        *nca_base64_encode(data, size_bytes, text) = 0;
        layer_json = json_pack("{s:s, s:i, s:i, s:f, s:f, s:s}", "data_b64", text, "in_ch",
                               layer->inputs, "out_ch", layer->outputs, "weight_scale", scales[0],
                               "bias_scale", scales[1], "type", as_bytes ? "uint8" : "float32");
    }
    free(data);
    free(text);
    return layer_json;
}

// Refuses numbers that nca_model_import() would not take.
static nca_status check_values(const float *values, const nca_spec *spec, bool as_bytes,
                               nca_error *error)
{
    const nca_layout layout = nca_layout_of(spec);
    const double limit = as_bytes ? NCA_PUBLISHED_SCALE_LIMIT / 2 : INFINITY;
    for (int tensor = 0; tensor < layout.tensors; tensor++)
        for (size_t i = 0; i < layout.size[tensor]; i++) {
            const double value = (double)values[layout.offset[tensor] + i];
            if (!(fabs(value) < limit))
                return nca_fail(
                    error, NCA_ARGUMENT,
                    "its %s holds %g once angle and step size are folded in, too large for %s; "
                    "choose %s",
                    nca_tensor_name(tensor), value, as_bytes ? "uint8" : "float32",
                    as_bytes && isfinite(value) ? "--numbers float32" : "another format");
        }
    return NCA_OK;
}

// The text of both layers of the parameters; NULL without memory.
static char *describe_both(const float *values, const nca_spec *spec, bool as_bytes)
{
    const nca_layout layout = nca_layout_of(spec);
    const linear first = {nca_spec_inputs(spec), spec->hidden[0],
                          values + layout.offset[NCA_HIDDEN_WEIGHT],
                          values + layout.offset[NCA_HIDDEN_BIAS]};
    const linear second = {spec->hidden[0], spec->channels,
                           values + layout.offset[NCA_OUTPUT_WEIGHT],
                           values + layout.offset[NCA_OUTPUT_BIAS]};
    json_t *layers = json_array();
    char *text = NULL;
    if (layers && json_array_append_new(layers, describe(&first, as_bytes)) == 0 &&
        json_array_append_new(layers, describe(&second, as_bytes)) == 0)
        text = json_dumps(layers, 0);
    json_decref(layers);
    return text;
}

nca_status nca_model_publish(const nca_model *model, bool as_bytes, const char *path,
                             nca_error *error)
{
    const nca_layout layout = nca_layout_of(&model->spec);
    char *text = NULL;
    nca_status status;
    NCA_TRY(check(&model->spec, error));
    float *values = malloc(layout.total * sizeof *values);
    if (!values)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    memcpy(values, model->parameters, layout.total * sizeof *values);
    fold_settings(model, values + layout.offset[NCA_HIDDEN_WEIGHT],
                  values + layout.offset[NCA_OUTPUT_WEIGHT],
                  layout.size[NCA_OUTPUT_WEIGHT] + layout.size[NCA_OUTPUT_BIAS]);
    NCA_GO(check_values(values, &model->spec, as_bytes, error));
    text = describe_both(values, &model->spec, as_bytes);
    if (!text)
        NCA_GO(nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path));
    NCA_GO(nca_file_write(path, text, strlen(text), error));
cleanup:
    free(text);
    free(values);
    return status;
}
