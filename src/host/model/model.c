// The update rule as a thing in memory and as model.safetensors.
#include "nca/model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/text.h"
#include "model/safetensors.h"
#include "model/spec_read.h"
#include "model/zoo.h"
#include "nca/rng.h"

nca_status nca_model_create(const nca_spec *spec, nca_model *out, nca_error *error)
{
    const nca_layout layout = nca_layout_of(spec);
    float *parameters = calloc(layout.total, sizeof *parameters);
    if (!parameters)
        return nca_fail(error, NCA_MEMORY, "a rule of %zu parameters: no memory for it",
                        layout.total);
    *out = (nca_model){.spec = *spec, .parameters = parameters, .fire_rate = 0.5, .step_size = 1};
    return NCA_OK;
}

void nca_model_free(nca_model *model)
{
    if (!model)
        return;
    free(model->parameters);
    *model = (nca_model){0};
}

static void draw_weights(nca_key key, int layer, int inputs, int units, float *weights)
{
    const double limit = sqrt(6.0 / (inputs + units));
    for (size_t i = 0; i < (size_t)inputs * (size_t)units; i++) {
        uint32_t words[4];
        nca_random_words(key, NCA_RANDOM_PARAMETERS, (uint32_t)layer, 0, (uint32_t)(i / 4), words);
        weights[i] = (float)(limit * (words[i % 4] / 2147483648.0 - 1));
    }
}

void nca_model_initialize(nca_model *model, uint64_t seed)
{
    const nca_spec *spec = &model->spec;
    const nca_layout layout = nca_layout_of(spec);
    const nca_key key = {.seed = seed};
    memset(model->parameters, 0, layout.total * sizeof *model->parameters);
    draw_weights(key, 0, nca_spec_inputs(spec), spec->hidden[0],
                 model->parameters + layout.offset[NCA_HIDDEN_WEIGHT]);
    if (spec->hidden[1] > 0)
        draw_weights(key, 1, spec->hidden[0], spec->hidden[1],
                     model->parameters + layout.offset[NCA_HIDDEN2_WEIGHT]);
    for (int k = 0; spec->mix_bound > 0 && k < spec->channels; k++)
        model->parameters[layout.offset[NCA_MIX] + (size_t)k * (size_t)(spec->channels + 1)] = 1;
}

// A number kept as text in the metadata.
typedef struct entry {
    const char *key;
    char value[40];
} entry;

static entry number(const char *key, double value)
{
    entry made = {.key = key};
    snprintf(made.value, sizeof made.value, "%.17g", value);
    return made;
}

static bool is_growing(const nca_spec *spec)
{
    return spec->perception == NCA_SOBEL && spec->alive == NCA_ALIVE_MAXIMUM && spec->frozen == 0 &&
           spec->noise == 0;
}

nca_status nca_model_save(const nca_model *model, const char *path, nca_error *error)
{
    const nca_layout layout = nca_layout_of(&model->spec);
    nca_tensor tensor[NCA_TENSORS];
    size_t tensors = 0;
    for (int i = 0; i < layout.tensors; i++) {
        const nca_tensor_shape shape = nca_tensor_shape_of(i, &model->spec);
        if (layout.size[i] > 0)
            tensor[tensors++] = (nca_tensor){.name = nca_tensor_name(i),
                                             .dtype = NCA_F32,
                                             .axes = shape.axes,
                                             .shape = {shape.size[0], shape.size[1]},
                                             .data = model->parameters + layout.offset[i]};
    }
    const bool has_seed = model->seed[0] != 0 || model->seed[1] != 0;
    const entry mix_bound = number("mix_bound", model->spec.mix_bound);
    const entry numbers[] = {
        number("fire_rate", model->fire_rate),
        number("angle_degrees", model->angle),
        number("step_size", model->step_size),
        number("grid_height", model->grid_height),
        number("grid_width", model->grid_width),
        // Of other specs than the article's; their two words follow.
        number("frozen", model->spec.frozen),
        number("alive_channel", model->spec.alive_channel),
        number("noise", model->spec.noise),
    };
    const entry seed[] = {number("seed_y", model->seed[0]), number("seed_x", model->seed[1])};
    enum { NUMBERS = sizeof numbers / sizeof *numbers, GROWING_NUMBERS = NUMBERS - 3 };
    const size_t count = is_growing(&model->spec) ? GROWING_NUMBERS : NUMBERS;
    char name[sizeof model->name];
    nca_text_copy(name, sizeof name, model->name);   // it may have been cut within a character
    nca_metadata metadata[NUMBERS + 10] = {{"format", "nca"}, {"name", name}};
    size_t texts = 2;
    for (size_t i = 0; i < count; i++)
        metadata[texts++] = (nca_metadata){numbers[i].key, numbers[i].value};
    if (count == NUMBERS) {
        metadata[texts++] =
            (nca_metadata){"perception", nca_perception_words[model->spec.perception]};
        metadata[texts++] = (nca_metadata){"alive", nca_alive_words[model->spec.alive]};
    }
    if (model->spec.mix_bound > 0)
        metadata[texts++] = (nca_metadata){mix_bound.key, mix_bound.value};
    for (int i = 0; i < 2 && has_seed; i++)
        metadata[texts++] = (nca_metadata){seed[i].key, seed[i].value};
    if (*model->task)
        metadata[texts++] = (nca_metadata){"task", model->task};
    if (*model->config_json)
        metadata[texts++] = (nca_metadata){"config_json", model->config_json};
    if (*model->kept_rule)
        metadata[texts++] = (nca_metadata){"kept_rule", model->kept_rule};
    return nca_tensors_write(path, tensor, tensors, metadata, texts, error);
}

static nca_status read_settings(const nca_tensors *tensors, nca_model *model, nca_error *error)
{
    static const nca_saved_number fire_rate = {"fire_rate", 0.0001, 1, 0.5},
                                  angle = {"angle_degrees", -360, 360, 0},
                                  step_size = {"step_size", -100, 100, 1},
                                  grid_height = {"grid_height", 0, 1 << 20, 0},
                                  grid_width = {"grid_width", 0, 1 << 20, 0},
                                  seed_y = {"seed_y", -(1 << 20), 1 << 20, 0},
                                  seed_x = {"seed_x", -(1 << 20), 1 << 20, 0};
    double height = 0, width = 0, down = 0, right = 0;
    NCA_TRY(nca_saved_number_read(tensors, &fire_rate, &model->fire_rate, error));
    NCA_TRY(nca_saved_number_read(tensors, &angle, &model->angle, error));
    NCA_TRY(nca_saved_number_read(tensors, &step_size, &model->step_size, error));
    NCA_TRY(nca_saved_number_read(tensors, &grid_height, &height, error));
    NCA_TRY(nca_saved_number_read(tensors, &grid_width, &width, error));
    NCA_TRY(nca_saved_number_read(tensors, &seed_y, &down, error));
    NCA_TRY(nca_saved_number_read(tensors, &seed_x, &right, error));
    if (down != floor(down) || right != floor(right))
        return nca_fail(error, NCA_FORMAT,
                        "%s: its seed stands %g rows and %g columns from the middle; they must be "
                        "whole",
                        tensors->name, down, right);
    if (height != floor(height) || width != floor(width))
        return nca_fail(error, NCA_FORMAT, "%s: its grid is %g x %g; it must be of whole cells",
                        tensors->name, height, width);
    model->grid_height = (int)height;
    model->grid_width = (int)width;
    model->seed[0] = (int)down;
    model->seed[1] = (int)right;
    const char *name = nca_tensors_metadata(tensors, "name");
    const char *config_json = nca_tensors_metadata(tensors, "config_json");
    snprintf(model->name, sizeof model->name, "%s", name ? name : "");
    const char *task = nca_tensors_metadata(tensors, "task");
    const char *kept_rule = nca_tensors_metadata(tensors, "kept_rule");
    snprintf(model->config_json, sizeof model->config_json, "%s", config_json ? config_json : "");
    snprintf(model->task, sizeof model->task, "%s", task ? task : "");
    snprintf(model->kept_rule, sizeof model->kept_rule, "%s", kept_rule ? kept_rule : "");
    return NCA_OK;
}

static nca_status find_tensors(const nca_tensors *tensors, const nca_spec *spec,
                               const nca_tensor *found[NCA_TENSORS], nca_error *error)
{
    for (int i = 0; i < nca_spec_tensors(spec); i++) {
        const nca_tensor_shape shape = nca_tensor_shape_of(i, spec);
        const int64_t sizes[] = {(int64_t)shape.size[0], (int64_t)shape.size[1]};
        found[i] = NULL;
        if (shape.size[0] > 0)
            NCA_TRY(nca_tensors_require(tensors, nca_tensor_name(i), NCA_ANY_FLOAT, shape.axes,
                                        sizes, &found[i], error));
    }
    return NCA_OK;
}

static nca_status read_parameters(const nca_tensors *tensors, const nca_spec *usual,
                                  nca_model *model, nca_error *error)
{
    const nca_tensor *found[NCA_TENSORS];
    nca_spec spec;
    NCA_TRY(nca_spec_read(tensors, usual, &spec, error));
    NCA_TRY(find_tensors(tensors, &spec, found, error));
    NCA_TRY(nca_model_create(&spec, model, error));
    const nca_layout layout = nca_layout_of(&model->spec);
    for (int i = 0; i < layout.tensors; i++)
        if (found[i])
            nca_tensor_to_floats(found[i], model->parameters + layout.offset[i]);
    for (size_t i = 0; i < layout.total; i++)
        if (!isfinite(model->parameters[i]))
            return nca_fail(error, NCA_FORMAT,
                            "%s: a parameter is not a finite number; the rule is ruined",
                            tensors->name);
    return NCA_OK;
}

static nca_status load_file(const char *path, const nca_spec *usual, nca_model *out,
                            nca_error *error)
{
    nca_tensors tensors;
    nca_model model = {0};
    nca_status status;
    NCA_TRY(nca_tensors_read(path, &tensors, error));
    NCA_GO(read_parameters(&tensors, usual, &model, error));
    NCA_GO(read_settings(&tensors, &model, error));
    *out = model;
    model = (nca_model){0};
cleanup:
    nca_tensors_free(&tensors);
    nca_model_free(&model);
    return status;
}

// Where the settings are, a run is, and may have a checkpoint to write the rule from.
static bool is_of_a_run(const char *folder)
{
    char path[NCA_PATH_BYTES];
    return nca_path_join(folder, "config.json", path, NULL) == NCA_OK && access(path, F_OK) == 0;
}

nca_status nca_model_load(const char *path, nca_model *out, nca_error *error)
{
    return nca_model_load_as(path, NULL, out, error);
}

nca_status nca_model_load_as(const char *path, const nca_spec *usual, nca_model *out,
                             nca_error *error)
{
    char inside[NCA_PATH_BYTES];
    nca_error why = {0};
    if (nca_zoo_is_name(path)) {
        NCA_TRY(nca_zoo_find(path, inside, error));
        return load_file(inside, usual, out, error);
    }
    if (!nca_is_folder(path))
        return load_file(path, usual, out, error);
    NCA_TRY(nca_path_join(path, "model.safetensors", inside, error));
    const bool is_missing = access(inside, F_OK) != 0 && errno == ENOENT;
    if (is_missing && !is_of_a_run(path))
        return nca_fail(error, NCA_FILE,
                        "%s: a folder without a rule; give a run folder, or a rule's file", path);
    if (is_missing)
        nca_fail(&why, NCA_FILE, "%s: No such file", inside);
    else if (load_file(inside, usual, out, &why) == NCA_OK)
        return NCA_OK;
    else if (why.status != NCA_FORMAT)   // the file may be whole
        return nca_fail(error, why.status, "%s", why.message);
    return nca_fail(error, why.status,
                    "%s; nca train --resume %s writes it anew where the folder has a checkpoint",
                    why.message, NCA_SHELL_WORD(path));
}
