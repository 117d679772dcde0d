// The attack by a matrix: it mixes the channels of every living state before each step of the rule.
// By its strength k it is k A + (1 - k) I: none at 0, the whole matrix A at 1.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural
// Cellular Automata.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attack/judge.h"
#include "base/files.h"
#include "model/safetensors.h"
#include "model/zoo.h"

static const nca_figure *figures(const nca_task *task)
{
    return task == nca_task_grow_matrix.victim ? nca_attack_figures(&nca_task_grow_matrix) : NULL;
}

enum { NAMES_BYTES = 400 };

// The adversary's file: also that of a run, or of the zoo.
static nca_status open_file(const nca_attack_job *job, nca_tensors *out, nca_error *error)
{
    char inside[NCA_PATH_BYTES];
    const char *path = job->adversary;
    if (nca_zoo_is_name(path)) {
        NCA_TRY(nca_zoo_find(path, inside, error));
        path = inside;
    } else if (nca_is_folder(path)) {
        NCA_TRY(nca_path_join(path, "model.safetensors", inside, error));
        path = inside;
    }
    NCA_TRY(nca_tensors_read(path, out, error));
    out->name = job->adversary;
    return NCA_OK;
}

static bool is_matrix(const nca_tensor *tensor, int channels)
{
    return tensor->axes == 2 && tensor->shape[0] == (uint64_t)channels &&
           tensor->shape[1] == (uint64_t)channels;
}

// "tail, leg"; empty where the file holds no matrix of these channels.
static const char *list_matrices(const nca_tensors *tensors, int channels, char names[NAMES_BYTES])
{
    size_t used = 0;
    *names = 0;
    for (size_t i = 0; i < tensors->count && used < NAMES_BYTES; i++)
        if (is_matrix(&tensors->tensor[i], channels))
            used += (size_t)snprintf(names + used, NAMES_BYTES - used, "%s%.40s", used ? ", " : "",
                                     tensors->tensor[i].name);
    return names;
}

// A matrix by its name in a file that holds several.
static nca_status read_named(const nca_attack_job *job, int channels, float *matrix,
                             nca_error *error)
{
    const int64_t sizes[] = {channels, channels};
    char names[NAMES_BYTES];
    const nca_tensor *found;
    nca_tensors tensors;
    nca_status status;
    NCA_TRY(open_file(job, &tensors, error));
    found = nca_tensors_find(&tensors, job->tensor);
    if (!found || !is_matrix(found, channels))
        NCA_GO(nca_fail(error, NCA_ARGUMENT,
                        "--tensor %.40s: %s has no such matrix of %d channels; it has %s",
                        job->tensor, job->adversary, channels,
                        *list_matrices(&tensors, channels, names) ? names : "none"));
    NCA_GO(nca_tensors_require(&tensors, job->tensor, NCA_ANY_FLOAT, 2, sizes, &found, error));
    nca_tensor_to_floats(found, matrix);
cleanup:
    nca_tensors_free(&tensors);
    return status;
}

// A file that holds no rule: whether there are matrices to choose from.
static nca_status fail_to_load(const nca_attack_job *job, int channels, const nca_error *why,
                               nca_error *error)
{
    char names[NAMES_BYTES] = "";
    nca_tensors tensors;
    if (why->status == NCA_FORMAT && open_file(job, &tensors, NULL) == NCA_OK) {
        list_matrices(&tensors, channels, names);
        nca_tensors_free(&tensors);
    }
    if (!*names)
        return nca_fail(error, why->status, "--adversary %s", why->message);
    return nca_fail(error, NCA_ARGUMENT,
                    "--adversary %s: holds matrices without a rule; choose one by --tensor: %s",
                    job->adversary, names);
}

// The matrix of a trained rule or run.
static nca_status read_trained(const nca_attack_job *job, int channels, float *matrix,
                               nca_error *error)
{
    nca_model trained;
    nca_error why;
    nca_status status = nca_model_load(job->adversary, &trained, &why);
    if (status != NCA_OK)
        return fail_to_load(job, channels, &why, error);
    const nca_layout layout = nca_layout_of(&trained.spec);
    if (!(trained.spec.mix_bound > 0) || trained.spec.channels != channels)
        status = nca_fail(error, NCA_ARGUMENT,
                          "--adversary %.200s: not a trained matrix of %d channels; give one "
                          "trained by nca train --preset %s, or name one of a file's by --tensor",
                          job->adversary, channels, nca_task_grow_matrix.preset);
    else
        memcpy(matrix, trained.parameters + layout.offset[NCA_MIX],
               layout.size[NCA_MIX] * sizeof *matrix);
    nca_model_free(&trained);
    return status;
}

// The attacked rule with the matrix of a strength.
static nca_status make_model(const nca_attack_job *job, double strength, nca_model *out,
                             nca_error *error)
{
    const size_t channels = (size_t)job->model->spec.channels;
    nca_spec spec = job->model->spec;
    nca_model model;
    spec.mix_bound = NCA_MIX_BOUND;
    NCA_TRY(nca_model_create(&spec, &model, error));
    const nca_layout layout = nca_layout_of(&spec);
    float *matrix = model.parameters + layout.offset[NCA_MIX];
    const nca_status status = job->tensor ? read_named(job, (int)channels, matrix, error)
                                          : read_trained(job, (int)channels, matrix, error);
    memcpy(model.parameters, job->model->parameters,
           nca_layout_of(&job->model->spec).total * sizeof *matrix);
    for (size_t i = 0; i < channels * channels; i++)
        matrix[i] = (float)(strength * matrix[i] + (i % (channels + 1) == 0 ? 1 - strength : 0));
    float *const parameters = model.parameters;
    model = *job->model;
    *model.config_json = 0;   // it is the rule of no run
    model.spec = spec;
    model.parameters = parameters;
    if (status == NCA_OK)
        *out = model;
    else
        free(parameters);
    return status;
}

static nca_status measure(const nca_attack_job *job, nca_attack_point *out, nca_error *error)
{
    nca_target_arguments given = job->given;
    nca_run_task judged = {.task = &nca_task_grow_matrix};
    nca_model model = {0};
    nca_status status;
    given.task = judged.task->name;
    given.victim = job->rule;
    NCA_GO(make_model(job, out->strength, &model, error));
    NCA_GO(nca_run_task_load(&given, job->adversary, &model, &judged, error));
    NCA_GO(nca_attack_judge(job, &model, &judged, out, error));
cleanup:
    nca_run_task_free(&judged);
    nca_model_free(&model);
    return status;
}

const nca_attack nca_attack_matrix = {
    .name = "matrix",
    .summary = "a matrix mixes the channels of every state before each step",
    .strength_words = "part of the matrix",
    .strengths = "0,0.25,0.5,0.75,1",
    .strength_max = 2,
    .needs_adversary = true,
    .figures = figures,
    .measure = measure,
};
