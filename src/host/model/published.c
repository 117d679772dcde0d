// Import of the rules that the article's authors published for its web page.
//
// A JSON array of two layers; each an object with "in_ch", "out_ch", "weight_scale", "bias_scale",
// "type" and "data_b64", the base64 of numbers [in_ch+1, out_ch]: weights, then one row of biases.
// They are bytes of type "uint8", each of which means (byte / 255 - 1/2) * scale, or of type
// "float32", little endian, with scales of 1: pack_layer() of the article's notebook writes either.
#include "nca/model.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/files.h"
#include "model/published.h"

enum { FILE_LIMIT_BYTES = 16 << 20, UNITS_MAX = 4096 };

typedef struct layer {
    int inputs, outputs;
    double weight_scale, bias_scale;
    bool has_bytes;   // not floats
    uint8_t *data;    // [inputs+1, outputs], owned
} layer;

static bool read_units(const json_t *entry, const char *key, int *out)
{
    const json_t *value = json_object_get(entry, key);
    *out = (int)json_integer_value(value);
    return json_is_integer(value) && json_integer_value(value) >= 4 &&
           json_integer_value(value) <= UNITS_MAX;
}

static bool read_scale(const json_t *entry, const char *key, double *out)
{
    const json_t *value = json_object_get(entry, key);
    *out = json_number_value(value);
    return json_is_number(value) && fabs(*out) < NCA_PUBLISHED_SCALE_LIMIT;
}

// Little endian, as this machine is.
static float take_float(const uint8_t *data, size_t index)
{
    float value;
    memcpy(&value, data + index * sizeof value, sizeof value);
    return value;
}

static bool are_finite(const uint8_t *data, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (!isfinite(take_float(data, i)))
            return false;
    return true;
}

static float take_number(const layer *from, int index, double scale)
{
    return from->has_bytes ? (float)((from->data[index] / 255.0 - 0.5) * scale)
                           : take_float(from->data, (size_t)index);
}

static nca_status refuse_layer(const char *path, int number, const char *why, nca_error *error)
{
    return nca_fail(error, NCA_FORMAT, "%s: layer %d %s", path, number, why);
}

// Everything but the numbers.
static nca_status read_header(const json_t *entry, const char *path, int number, layer *out,
                              nca_error *error)
{
    const char *type = json_string_value(json_object_get(entry, "type"));
    if (!type || !read_units(entry, "in_ch", &out->inputs) ||
        !read_units(entry, "out_ch", &out->outputs) ||
        !read_scale(entry, "weight_scale", &out->weight_scale) ||
        !read_scale(entry, "bias_scale", &out->bias_scale))
        return refuse_layer(path, number, "is not one of the article's published layers", error);
    out->has_bytes = strcmp(type, "uint8") == 0;
    if (!out->has_bytes && strcmp(type, "float32") != 0)
        return nca_fail(error, NCA_FORMAT,
                        "%s: layer %d is of type \"%.20s\"; it must be \"uint8\" or \"float32\"",
                        path, number, type);
    if (!out->has_bytes && (out->weight_scale != 1 || out->bias_scale != 1))
        return refuse_layer(path, number, "is of float32 and has scales that are not 1", error);
    return NCA_OK;
}

static nca_status read_layer(const json_t *entry, const char *path, int number, layer *out,
                             nca_error *error)
{
    const char *text = json_string_value(json_object_get(entry, "data_b64"));
    NCA_TRY(read_header(entry, path, number, out, error));
    if (!text)
        return refuse_layer(path, number, "has no \"data_b64\"", error);
    const size_t count = (size_t)(out->inputs + 1) * (size_t)out->outputs;
    const size_t size_bytes = count * (out->has_bytes ? 1 : sizeof(float));
    out->data = malloc(size_bytes);
    if (!out->data)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its %zu bytes", path, size_bytes);
    if (!nca_base64_decode(text, out->data, size_bytes))
        return nca_fail(error, NCA_FORMAT, "%s: layer %d does not hold %zu bytes of base64", path,
                        number, size_bytes);
    const bool is_finite = out->has_bytes || are_finite(out->data, count);
    return is_finite ? NCA_OK
                     : refuse_layer(path, number,
                                    "holds a number that is not finite: the rule is "
                                    "ruined",
                                    error);
}

// Numbers [inputs,outputs] become weights [outputs,inputs]; the last row becomes the biases.
static void unpack_layer(const layer *from, float *weight, float *bias)
{
    for (int i = 0; i < from->inputs; i++)
        for (int o = 0; o < from->outputs; o++)
            weight[o * from->inputs + i] =
                take_number(from, i * from->outputs + o, from->weight_scale);
    for (int o = 0; o < from->outputs; o++)
        bias[o] = take_number(from, from->inputs * from->outputs + o, from->bias_scale);
}

static nca_status build(const layer layers[2], const char *path, nca_model *out, nca_error *error)
{
    const int channels = layers[1].outputs, hidden = layers[0].outputs;
    if (layers[0].inputs != 3 * channels || layers[1].inputs != hidden || channels % 4 ||
        channels > 256 || hidden % 4)
        return nca_fail(error, NCA_FORMAT,
                        "%s: layers %d -> %d and %d -> %d do not make a rule of 3C -> K -> C", path,
                        layers[0].inputs, hidden, layers[1].inputs, channels);
    const nca_spec spec = nca_spec_growing(channels, hidden);
    NCA_TRY(nca_model_create(&spec, out, error));
    const nca_layout layout = nca_layout_of(&spec);
    unpack_layer(&layers[0], out->parameters + layout.offset[NCA_HIDDEN_WEIGHT],
                 out->parameters + layout.offset[NCA_HIDDEN_BIAS]);
    unpack_layer(&layers[1], out->parameters + layout.offset[NCA_OUTPUT_WEIGHT],
                 out->parameters + layout.offset[NCA_OUTPUT_BIAS]);
    const char *slash = strrchr(path, '/');
    snprintf(out->name, sizeof out->name, "%.100s", slash ? slash + 1 : path);
    out->grid_height = out->grid_width = 72;   // the article's: 40 cells and 16 on each side
    return NCA_OK;
}

nca_status nca_model_parse_published(const uint8_t *text, size_t size_bytes, const char *path,
                                     nca_model *out, nca_error *error)
{
    json_error_t where;
    layer layers[2] = {0};
    json_t *array = json_loadb((const char *)text, size_bytes, JSON_REJECT_DUPLICATES, &where);
    nca_status status;
    if (!array)
        return nca_fail(error, NCA_FORMAT, "%s: not JSON: line %d: %s", path, where.line,
                        where.text);
    if (json_array_size(array) != 2)
        NCA_GO(nca_fail(error, NCA_FORMAT,
                        "%s: not a published rule: it must be an array of two "
                        "layers",
                        path));
    for (int i = 0; i < 2; i++)
        NCA_GO(read_layer(json_array_get(array, (size_t)i), path, i + 1, &layers[i], error));
    NCA_GO(build(layers, path, out, error));
cleanup:
    for (int i = 0; i < 2; i++)
        free(layers[i].data);
    json_decref(array);
    return status;
}

nca_status nca_model_import(const char *path, nca_model *out, nca_error *error)
{
    uint8_t *text;
    size_t size_bytes;
    NCA_TRY(nca_text_read(path, FILE_LIMIT_BYTES, &text, &size_bytes, error));
    const nca_status status = nca_model_parse_published(text, size_bytes, path, out, error);
    free(text);
    return status;
}
