// A rule as the beginning of another training: the same rule with as many hidden units or more.
//
// The new units of a layer get freshly drawn weights, and nothing that was there looks at them:
// their weights in the layer above are zero. So every output is the same sum with zeros added, and
// the first update finds a gradient for the new output weights.
#include <string.h>

#include "nca/model.h"

// What the two must share, or the message in words that follow the rule's name.
static nca_status check_kind(const nca_spec *rule, const nca_spec *spec, nca_error *error)
{
    if (rule->mix_bound > 0 && rule->mix_bound != spec->mix_bound)
        return nca_fail(error, NCA_ARGUMENT,
                        "a matrix mixes its states; begin with the rule without");
    if (rule->perception != spec->perception)
        return nca_fail(error, NCA_ARGUMENT, "its cells perceive by %s; give --perception %s",
                        nca_perception_words[rule->perception],
                        nca_perception_words[rule->perception]);
    if (rule->channels != spec->channels)
        return nca_fail(error, NCA_ARGUMENT, "its cells have %d channels; give --channels %d",
                        rule->channels, rule->channels);
    if (rule->alive != spec->alive || rule->alive_channel != spec->alive_channel ||
        rule->frozen != spec->frozen)
        return nca_fail(error, NCA_ARGUMENT,
                        "its frozen channels, or what keeps its cells alive (--alive), differ from "
                        "this run's; begin with another rule");
    return NCA_OK;
}

static nca_status check_units(const nca_spec *rule, const nca_spec *spec, nca_error *error)
{
    if ((rule->hidden[1] > 0) != (spec->hidden[1] > 0))
        return nca_fail(error, NCA_ARGUMENT, "it has %d hidden layer%s; give --hidden2 %d",
                        rule->hidden[1] > 0 ? 2 : 1, rule->hidden[1] > 0 ? "s" : "",
                        rule->hidden[1]);
    if (rule->hidden[1] > spec->hidden[1])
        return nca_fail(error, NCA_ARGUMENT,
                        "its %d units of a second hidden layer are more than this run's; give "
                        "--hidden2 %d or more",
                        rule->hidden[1], rule->hidden[1]);
    if (rule->hidden[0] > spec->hidden[0])
        return nca_fail(error, NCA_ARGUMENT,
                        "its %d hidden units are more than this run's; give --hidden %d or more",
                        rule->hidden[0], rule->hidden[0]);
    return NCA_OK;
}

// A tensor [rows,columns] over the first rows and columns of another; the rest of these rows is
// zero, the rows after them stay.
static void lay_over(const float *from, const nca_tensor_shape *shape, float *to,
                     const nca_tensor_shape *wider)
{
    const size_t columns = shape->size[1], width = wider->size[1];
    for (size_t row = 0; row < shape->size[0]; row++) {
        memcpy(to + row * width, from + row * columns, columns * sizeof *to);
        memset(to + row * width + columns, 0, (width - columns) * sizeof *to);
    }
}

nca_status nca_model_widen(const nca_model *model, const nca_spec *spec, uint64_t seed,
                           nca_model *out, nca_error *error)
{
    const nca_layout from = nca_layout_of(&model->spec), to = nca_layout_of(spec);
    nca_model wider;
    NCA_TRY(check_kind(&model->spec, spec, error));
    NCA_TRY(check_units(&model->spec, spec, error));
    NCA_TRY(nca_model_create(spec, &wider, error));
    nca_model_initialize(&wider, seed);
    for (int i = 0; i < to.tensors; i++) {
        const nca_tensor_shape shape = nca_tensor_shape_of(i, &model->spec);
        const nca_tensor_shape wide = nca_tensor_shape_of(i, spec);
        lay_over(model->parameters + from.offset[i], &shape, wider.parameters + to.offset[i],
                 &wide);
    }
    float *parameters = wider.parameters;
    wider = *model;
    wider.spec = *spec;
    wider.parameters = parameters;
    *out = wider;
    return NCA_OK;
}
