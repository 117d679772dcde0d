// The spec of a rule from its file: kinds from the metadata, sizes from the shapes of the tensors;
// and what these are called.
#include "model/spec_read.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const tensor_names[] = {
#define NCA_TENSOR_TEXT(name, text, ...) text,
    NCA_PARAMETER_TENSORS(NCA_TENSOR_TEXT)
#undef NCA_TENSOR_TEXT
};

const char *nca_tensor_name(int tensor)
{
    return tensor_names[tensor];
}

nca_status nca_saved_number_read(const nca_tensors *tensors, const nca_saved_number *setting,
                                 double *out, nca_error *error)
{
    const char *text = nca_tensors_metadata(tensors, setting->key);
    char *end = NULL;
    const double value = text ? strtod(text, &end) : setting->otherwise;
    const bool is_decimal = text && strspn(text, "+-.eE0123456789") == strlen(text);
    if (text &&
        (!is_decimal || end == text || *end || !(value >= setting->min && value <= setting->max)))
        return nca_fail(error, NCA_FORMAT, "%s: its %s is \"%.40s\"; it must be %g to %g",
                        tensors->name, setting->key, text, setting->min, setting->max);
    *out = value;
    return NCA_OK;
}

// The place of a word of the metadata among the known ones; `out` stays where the file has none.
static nca_status read_word(const nca_tensors *tensors, const char *key, const char *const *known,
                            int *out, nca_error *error)
{
    const char *text = nca_tensors_metadata(tensors, key);
    *out = text ? 0 : *out;
    while (text && known[*out] && strcmp(text, known[*out]) != 0)
        ++*out;
    if (known[*out])
        return NCA_OK;
    return nca_fail(error, NCA_FORMAT,
                    "%s: its %s is \"%.40s\", which this program does not know; use a newer one",
                    tensors->name, key, text);
}

// `out` stays where the file has none.
static nca_status read_whole(const nca_tensors *tensors, const char *key, int *out,
                             nca_error *error)
{
    const nca_saved_number setting = {key, 0, 255, *out};
    double value = 0;
    NCA_TRY(nca_saved_number_read(tensors, &setting, &value, error));
    if (value != floor(value))
        return nca_fail(error, NCA_FORMAT, "%s: its %s is %g; it must be a whole number",
                        tensors->name, key, value);
    *out = (int)value;
    return NCA_OK;
}

// What is perceived, frozen and alive; what the file does not say stays.
static nca_status read_kinds(const nca_tensors *tensors, nca_spec *spec, nca_error *error)
{
    const nca_saved_number noise = {"noise", 0, 100, spec->noise};
    const nca_saved_number mix_bound = {"mix_bound", 0, 1e6, spec->mix_bound};
    int perception = (int)spec->perception, alive = (int)spec->alive;
    NCA_TRY(read_word(tensors, "perception", nca_perception_words, &perception, error));
    NCA_TRY(read_word(tensors, "alive", nca_alive_words, &alive, error));
    NCA_TRY(read_whole(tensors, "frozen", &spec->frozen, error));
    NCA_TRY(read_whole(tensors, "alive_channel", &spec->alive_channel, error));
    NCA_TRY(nca_saved_number_read(tensors, &noise, &spec->noise, error));
    NCA_TRY(nca_saved_number_read(tensors, &mix_bound, &spec->mix_bound, error));
    spec->perception = (nca_perception)perception;
    spec->alive = (nca_alive)alive;
    if (spec->alive == NCA_ALIVE_CHANNEL && spec->alive_channel >= spec->frozen)
        return nca_fail(
            error, NCA_FORMAT,
            "%s: channel %d says what is alive, and %d are frozen; it must be one of them",
            tensors->name, spec->alive_channel, spec->frozen);
    return NCA_OK;
}

// NCA_ARGUMENT where the file holds a rule of another kind: the width of its first layer shows its
// perception and its frozen channels. A width that fits no kind is left to the checks that follow.
static nca_status check_kind(const nca_tensors *tensors, const nca_spec *spec, uint64_t outputs,
                             nca_error *error)
{
    static const nca_perception kinds[] = {NCA_MOORE, NCA_SOBEL};   // NCA_SUMMED has Sobel's shape
    const nca_tensor *weight = nca_tensors_find(tensors, nca_tensor_name(NCA_HIDDEN_WEIGHT));
    const uint64_t inputs = weight && weight->axes == 2 ? weight->shape[1] : 0;
    if (inputs == (uint64_t)nca_spec_inputs(spec))
        return NCA_OK;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const uint64_t groups = (uint64_t)nca_spec_groups(&(nca_spec){.perception = kinds[i]});
        const uint64_t channels = inputs / groups;
        if (inputs % groups == 0 && channels >= outputs && channels - outputs <= NCA_VISIBLE)
            return nca_fail(error, NCA_ARGUMENT,
                            "%s: this rule has perception %s and %d frozen channels; perception %s "
                            "and %d frozen channels are needed; give a rule of the same task",
                            tensors->name, nca_perception_words[kinds[i]],
                            (int)(channels - outputs), nca_perception_words[spec->perception],
                            spec->frozen);
    }
    return NCA_OK;
}

// Channels and hidden units, from the shapes of a file's tensors.
static nca_status read_sizes(const nca_tensors *tensors, nca_spec *spec, nca_error *error)
{
    const int64_t any[] = {-1, -1};
    const nca_tensor *weight, *second = NULL, *bias;
    NCA_TRY(nca_tensors_require(tensors, nca_tensor_name(NCA_OUTPUT_BIAS), NCA_ANY_FLOAT, 1, any,
                                &bias, error));
    const uint64_t channels = bias->shape[0] + (uint64_t)spec->frozen;
    spec->channels = channels <= 256 ? (int)channels : 256;
    const int64_t hidden_units[] = {-1, nca_spec_inputs(spec)};
    const bool can_run = channels >= 4 && channels <= 256;
    if (can_run)
        NCA_TRY(check_kind(tensors, spec, bias->shape[0], error));
    NCA_TRY(nca_tensors_require(tensors, nca_tensor_name(NCA_HIDDEN_WEIGHT), NCA_ANY_FLOAT, 2,
                                can_run ? hidden_units : any, &weight, error));
    if (nca_tensors_find(tensors, nca_tensor_name(NCA_HIDDEN2_WEIGHT)))
        NCA_TRY(nca_tensors_require(tensors, nca_tensor_name(NCA_HIDDEN2_WEIGHT), NCA_ANY_FLOAT, 2,
                                    any, &second, error));
    const uint64_t hidden = weight->shape[0], hidden2 = second ? second->shape[0] : 4;
    if (channels < 4 || channels > 256 || channels % 4 || hidden < 4 || hidden > 4096 ||
        hidden % 4 || hidden2 < 4 || hidden2 > 4096 || hidden2 % 4)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %llu channels and %llu hidden units; both must be multiples of 4, up "
                        "to 256 and 4096",
                        tensors->name, (unsigned long long)channels, (unsigned long long)hidden);
    spec->hidden[0] = (int)hidden;
    spec->hidden[1] = second ? (int)hidden2 : 0;
    return NCA_OK;
}

nca_status nca_spec_read(const nca_tensors *tensors, const nca_spec *usual, nca_spec *out,
                         nca_error *error)
{
    nca_spec spec = usual ? *usual : (nca_spec){0};
    NCA_TRY(read_kinds(tensors, &spec, error));
    NCA_TRY(read_sizes(tensors, &spec, error));
    *out = spec;
    return NCA_OK;
}
