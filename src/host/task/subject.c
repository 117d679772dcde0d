// What follows from a task for the samples of a session: of a trainer, and of those who judge.
#include "task/subject.h"

#include <stdlib.h>
#include <string.h>

static size_t cells(const nca_shape *shape)
{
    return (size_t)shape->height * (size_t)shape->width;
}

nca_shape nca_judging_shape(const nca_task *task, const nca_config *config, const nca_spec *spec,
                            int batch, const nca_grid *grid)
{
    nca_shape shape = {.batch = batch, .height = grid->height, .width = grid->width, .spec = *spec};
    task->shape(config, &shape);
    shape.spec = *spec;
    shape.beginnings = 0;
    return shape;
}

int nca_task_beginnings(const nca_task *task, const nca_spec *spec, const nca_grid *grid)
{
    nca_shape shape = {.batch = 1, .height = grid->height, .width = grid->width, .spec = *spec};
    task->shape(NULL, &shape);
    return shape.beginnings;
}

int nca_task_figures(const nca_task *task)
{
    int count = 0;
    while (task->figures && count < NCA_FIGURES_MAX && task->figures[count].name)
        count++;
    return count;
}

int nca_task_classes(const nca_task *task)
{
    int count = 0;
    while (task->classes && count < NCA_CLASSES_MAX && task->classes[count])
        count++;
    return count;
}

size_t nca_values_size(const nca_shape *shape)
{
    const int target = nca_objective_channels(&shape->objective), frozen = shape->spec.frozen;
    return cells(shape) * (size_t)(target > frozen ? target : frozen);
}

bool nca_has_own_targets(const nca_shape *shape)
{
    const nca_objective *objective = &shape->objective;
    return objective->kind != NCA_GIVEN &&
           (objective->is_per_sample || objective->kind == NCA_CROSS_ENTROPY);
}

bool nca_samples_differ(const nca_task *task, const nca_shape *shape)
{
    return nca_has_own_targets(shape) || task->owners;
}

nca_sample nca_subject_draw(const nca_subject *subject, nca_key key, uint32_t number)
{
    const nca_task_update update = {subject->config, subject->plan, subject->shape,
                                    subject->content, key};
    return subject->task->draw ? subject->task->draw(&update, number) : (nca_sample){0};
}

nca_status nca_subject_draw_unlike(const nca_subject *subject, nca_key key, int64_t item,
                                   uint32_t *number, nca_sample *out, nca_error *error)
{
    enum { TRIES = 64 };
    const nca_shape *shape = subject->shape;
    const size_t count = cells(shape) * (size_t)nca_objective_channels(&shape->objective);
    float *values = calloc(2 * count + 2, sizeof *values), *other = values + count + 1;
    if (!values)
        return nca_fail(error, NCA_MEMORY, "no memory for another sample");
    const bool can_differ = nca_has_own_targets(shape);
    if (can_differ)
        subject->task->target(subject->content, shape, item, values);
    for (int i = 0; i < TRIES; i++) {
        *out = nca_subject_draw(subject, key, (*number)++);
        if (!can_differ)
            break;
        subject->task->target(subject->content, shape, out->item, other);
        if (memcmp(values, other, count * sizeof *values) != 0)
            break;
    }
    free(values);
    return NCA_OK;
}

void nca_subject_begin(const nca_subject *subject, int beginning, float *state)
{
    memset(state, 0, cells(subject->shape) * (size_t)subject->shape->spec.channels * sizeof *state);
    subject->task->begin(subject->content, subject->shape, beginning, state);
}

// What the backend's exchange does to a sample of the batch.
static void exchange(const nca_subject *subject, int64_t item, float *state)
{
    const size_t frozen = (size_t)subject->shape->spec.frozen;
    const size_t channels = (size_t)subject->shape->spec.channels;
    subject->task->frozen(subject->content, subject->shape, item, subject->values);
    for (size_t i = 0; i < cells(subject->shape); i++) {
        const float *values = subject->values + i * frozen;
        if (!(*values > (float)subject->task->exchange_limit))
            memset(state + i * channels, 0, channels * sizeof *state);
        memcpy(state + i * channels, values, frozen * sizeof *state);
    }
}

void nca_subject_start(const nca_subject *subject, const nca_sample *sample, float *state)
{
    nca_subject_begin(subject, sample->beginning, state);
    if (subject->task->frozen)
        exchange(subject, sample->item, state);
}

nca_status nca_subject_exchange(const nca_subject *subject, int slot, int64_t item,
                                nca_error *error)
{
    subject->task->frozen(subject->content, subject->shape, item, subject->values);
    return subject->backend->exchange(subject->session, slot, subject->values,
                                      subject->task->exchange_limit, error);
}

nca_status nca_subject_upload_rules(const nca_subject *subject, const float *parameters,
                                    nca_error *error)
{
    const nca_task *task = subject->task;
    const size_t total = nca_layout_of(&subject->shape->spec).total;
    NCA_TRY(
        subject->backend->upload(subject->session, NCA_PARAMETERS, 0, total, parameters, error));
    if (!task->others)
        return NCA_OK;
    return subject->backend->upload(subject->session, NCA_PARAMETERS, total,
                                    (size_t)(nca_shape_rules(subject->shape) - 1) * total,
                                    task->others(subject->content), error);
}

// What each sample has of its own in a buffer, by the function that makes it for an item.
static nca_status upload_own(const nca_subject *subject, const nca_sample *samples,
                             nca_buffer buffer,
                             void (*make)(const void *, const nca_shape *, int64_t, float *),
                             nca_error *error)
{
    const nca_shape *shape = subject->shape;
    const size_t each = nca_buffer_elements(shape, buffer) / (size_t)shape->batch;
    for (int slot = 0; slot < shape->batch; slot++) {
        make(subject->content, shape, samples[slot].item, subject->values);
        NCA_TRY(subject->backend->upload(subject->session, buffer, (size_t)slot * each, each,
                                         subject->values, error));
    }
    return NCA_OK;
}

nca_status nca_subject_upload_targets(const nca_subject *subject, const nca_sample *samples,
                                      nca_error *error)
{
    const nca_task *task = subject->task;
    const bool is_label = subject->shape->objective.kind == NCA_CROSS_ENTROPY;
    if (task->owners && samples)
        NCA_TRY(upload_own(subject, samples, NCA_OWNER, task->owners, error));
    if (nca_has_own_targets(subject->shape))
        return upload_own(subject, samples, is_label ? NCA_LABELS : NCA_TARGET, task->target,
                          error);
    if (!task->target)
        return NCA_OK;
    task->target(subject->content, subject->shape, 0, subject->values);
    return subject->backend->upload(subject->session, NCA_TARGET, 0,
                                    nca_buffer_elements(subject->shape, NCA_TARGET),
                                    subject->values, error);
}
