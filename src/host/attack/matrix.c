// The attack by a matrix: it mixes the channels of every living state before each step of the rule.
// By its strength k it is k A + (1 - k) I: none at 0, the whole matrix A at 1.
// Source: Randazzo, Mordvintsev, Niklasson, Levin 2021, Adversarial Reprogramming of Neural
// Cellular Automata.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "attack/judge.h"
#include "base/files.h"
#include "model/safetensors.h"

static const nca_figure *figures(const nca_task *task)
{
    return task == nca_task_grow_matrix.victim ? nca_attack_figures(&nca_task_grow_matrix) : NULL;
}

// A matrix by its name in a file that holds several.
static nca_status read_named(const nca_attack_job *job, int channels, float *matrix,
                             nca_error *error)
{
    const int64_t sizes[] = {channels, channels};
    const nca_tensor *found;
    nca_tensors tensors;
    NCA_TRY(nca_tensors_read(job->adversary, &tensors, error));
    const nca_status status =
        nca_tensors_require(&tensors, job->tensor, NCA_ANY_FLOAT, 2, sizes, &found, error);
    if (status == NCA_OK)
        nca_tensor_to_floats(found, matrix);
    nca_tensors_free(&tensors);
    return status;
}

// The matrix of a trained rule or run.
static nca_status read_trained(const nca_attack_job *job, int channels, float *matrix,
                               nca_error *error)
{
    nca_model trained;
    nca_error why;
    nca_status status = nca_model_load(job->adversary, &trained, &why);
    if (status != NCA_OK)
        return nca_fail(error, status, "--adversary %s", why.message);
    const nca_layout layout = nca_layout_of(&trained.spec);
    if (!(trained.spec.mix_bound > 0) || trained.spec.channels != channels)
        status = nca_fail(error, NCA_ARGUMENT,
                          "--adversary %.200s: no trained matrix of %d channels; where the file "
                          "holds several matrices, name one by --tensor",
                          job->adversary, channels);
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
