// The training loop: task -> pool -> batch -> rollout -> loss -> backward -> optimizer -> pool.
#include "nca/train.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "config/config_json.h"
#include "model/session.h"
#include "task/victim.h"
#include "train/trainer_state.h"

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int draw_steps(const nca_config *config, nca_key key)
{
    const double draw = nca_random_uniform(key, NCA_RANDOM_STEPS, 0, 0, 0);
    return (int)(config->steps_min +
                 (int64_t)(draw * (double)(config->steps_max - config->steps_min + 1)));
}

// What an update is, before anything is computed.
static nca_rollout begin_update(const nca_trainer *trainer, nca_update_result *out)
{
    const nca_config *config = &trainer->config;
    const int64_t update = trainer->done + 1;
    const nca_key key = nca_trainer_key(trainer, update);
    const double factor = nca_health_rate_factor(trainer, update);
    *out = (nca_update_result){.update = update,
                               .rate_factor = factor,
                               .rate = factor * nca_schedule_rate(&trainer->plan.schedule, update),
                               .steps = draw_steps(config, key)};
    return (nca_rollout){.steps = out->steps,
                         .key = key,
                         .fire_rate = config->fire_rate,
                         .angle = nca_radians(config->angle),
                         .step_size = config->step_size,
                         .alive_threshold = NCA_ALIVE_THRESHOLD,
                         .keep_tape = true};
}

static size_t batch_size(const nca_trainer *trainer)
{
    return (size_t)trainer->shape.batch * nca_trainer_state_size(trainer);
}

static nca_status keep_before(nca_trainer *trainer, nca_error *error)
{
    trainer->has_before = trainer->keeps_before;
    if (!trainer->keeps_before)
        return NCA_OK;
    return trainer->compute.backend->download(trainer->session, NCA_BATCH, 0, batch_size(trainer),
                                              trainer->before, error);
}

// What the batch is like after the rollout, in the words of the log.
static void summarize(const nca_trainer *trainer, const nca_pass_report *pass,
                      nca_update_result *out)
{
    double loss = 0, largest = 0;
    for (int b = 0; b < trainer->config.batch; b++) {
        loss += trainer->samples[b].loss;
        if (trainer->samples[b].max_state > largest || isnan(trainer->samples[b].max_state))
            largest = trainer->samples[b].max_state;   // NaN stays
    }
    out->loss = loss / (double)trainer->config.batch;
    out->max_state = largest;
    out->active_fraction =
        pass->cell_steps > 0 ? (double)pass->active_cells / (double)pass->cell_steps : 0;
}

static nca_status learn(nca_trainer *trainer, nca_update_result *out, nca_update_report *report,
                        nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    nca_optimizer_step step = trainer->plan.optimizer;
    nca_update_report reports[NCA_OWNERS_MAX];
    nca_rule_update each[NCA_OWNERS_MAX];   // the first rule learns, the others stay as they are
    step.time = trainer->time + 1;
    step.rate = out->rate;
    for (int rule = 0; rule < NCA_OWNERS_MAX; rule++)
        each[rule] = (nca_rule_update){step.time, step.rate, rule == 0};
    step.each = trainer->shape.shares_samples ? each : NULL;
    NCA_TRY(backend->backward(trainer->session, NULL, error));
    NCA_TRY(backend->update(trainer->session, &step, reports, error));
    NCA_TRY(backend->synchronize(trainer->session, error));
    *report = reports[0];
    double squares = 0;
    for (int i = 0; i < NCA_TENSORS; i++)
        squares += report->gradient_norm[i] * report->gradient_norm[i];
    out->gradient_norm = sqrt(squares);
    return NCA_OK;
}

// A good update: the batch goes back to the pool.
static nca_status keep(nca_trainer *trainer, nca_update_result *out, nca_error *error)
{
    trainer->time++;
    NCA_TRY(nca_pool_keep(trainer, error));
    NCA_TRY(nca_health_keep(trainer, out, error));
    return nca_average_take(trainer, out, error);
}

nca_status nca_trainer_update(nca_trainer *trainer, nca_update_result *out, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const double start = now();
    const nca_rollout rollout = begin_update(trainer, out);
    nca_pass_report pass;
    nca_update_report learnt;
    NCA_TRY(nca_batch_draw(trainer, rollout.key, error));
    NCA_TRY(nca_batch_perturb(trainer, &rollout, error));
    NCA_TRY(keep_before(trainer, error));
    NCA_TRY(backend->forward(trainer->session, &rollout, &pass, error));
    NCA_TRY(backend->loss(trainer->session, trainer->samples, error));
    NCA_TRY(backend->synchronize(trainer->session, error));
    summarize(trainer, &pass, out);
    bool is_good = nca_health_states_are_good(trainer, out);
    if (is_good) {
        NCA_TRY(learn(trainer, out, &learnt, error));
        is_good = nca_health_rule_is_good(trainer, &learnt, out);
    }
    trainer->done++;
    const nca_status status =
        is_good ? keep(trainer, out, error) : nca_health_skip(trainer, out, error);
    out->seconds = now() - start;
    return status;
}

nca_session_info nca_trainer_session_info(const nca_trainer *trainer)
{
    return nca_session_about(&trainer->compute, trainer->session);
}

const nca_task *nca_trainer_task(const nca_trainer *trainer)
{
    return trainer->task;
}

int64_t nca_trainer_done(const nca_trainer *trainer)
{
    return trainer->done;
}

void nca_trainer_keep_before(nca_trainer *trainer, bool keeps)
{
    trainer->keeps_before = keeps;
}

nca_status nca_trainer_batch(nca_trainer *trainer, const float **before, const float **after,
                             nca_error *error)
{
    if (!trainer->has_before)
        return nca_fail(error, NCA_ARGUMENT, "the batch before its rollout: it was not kept");
    NCA_TRY(trainer->compute.backend->download(trainer->session, NCA_BATCH, 0, batch_size(trainer),
                                               trainer->after, error));
    NCA_TRY(trainer->compute.backend->synchronize(trainer->session, error));
    *before = trainer->before;
    *after = trainer->after;
    return NCA_OK;
}

nca_status nca_trainer_pool(nca_trainer *trainer, int first, int count, float *states,
                            nca_error *error)
{
    const size_t state = nca_trainer_state_size(trainer);
    if (first < 0 || count < 0 || first > trainer->config.pool - count)
        return nca_fail(error, NCA_ARGUMENT, "rows %d to %d of the pool: it has %d", first,
                        first + count - 1, (int)trainer->config.pool);
    NCA_TRY(trainer->compute.backend->download(trainer->session, NCA_POOL, (size_t)first * state,
                                               (size_t)count * state, states, error));
    return trainer->compute.backend->synchronize(trainer->session, error);
}

static nca_status download_rule(nca_trainer *trainer, float *parameters, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    NCA_TRY(backend->download(trainer->session, NCA_PARAMETERS, 0, trainer->layout.total,
                              parameters, error));
    return backend->synchronize(trainer->session, error);
}

nca_status nca_trainer_model(nca_trainer *trainer, nca_model *out, nca_error *error)
{
    const nca_config *config = &trainer->config;
    char config_json[NCA_CHECKSUM_BYTES];
    nca_model model;
    NCA_TRY(nca_config_checksum(config, config_json, error));
    NCA_TRY(nca_model_create(&trainer->shape.spec, &model, error));
    if (!nca_average_read(trainer, model.parameters)) {
        const nca_status status = download_rule(trainer, model.parameters, error);
        if (status != NCA_OK) {
            nca_model_free(&model);
            return status;
        }
    }
    model.fire_rate = config->fire_rate;
    model.angle = config->angle;
    model.step_size = config->step_size;
    model.grid_height = trainer->shape.height;
    model.grid_width = trainer->shape.width;
    if (trainer->task->seed)
        trainer->task->seed(trainer->content, model.seed);
    snprintf(model.config_json, sizeof model.config_json, "%s", config_json);
    if (trainer->task->others)
        snprintf(model.task, sizeof model.task, "%s", trainer->task->name);
    snprintf(model.name, sizeof model.name, "%.60s %.40s", config->preset, nca_task_source(config));
    *out = model;
    return NCA_OK;
}

// FNV-1a over the content's numbers: other content is noticed, whatever its file's name.
static uint64_t hash_floats(uint64_t hash, const float *x, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        hash = (hash ^ bits) * 0x100000001b3u;
    }
    return hash;
}

static uint64_t hash_content(const nca_trainer *trainer)
{
    const nca_task *task = trainer->task;
    const size_t others = (size_t)(nca_shape_rules(&trainer->shape) - 1) * trainer->layout.total;
    size_t count;
    const float *numbers = task->numbers(trainer->content, &trainer->shape, &count);
    const uint64_t hash = hash_floats(0xcbf29ce484222325u, numbers, count);
    return task->others ? hash_floats(hash, task->others(trainer->content), others) : hash;
}

static nca_status allocate(nca_trainer *trainer, nca_error *error)
{
    const nca_shape *shape = &trainer->shape;
    const size_t batch = (size_t)shape->batch, state = nca_trainer_state_size(trainer);
    trainer->rows = calloc(batch, sizeof *trainer->rows);
    trainer->gathered = calloc(batch, sizeof *trainer->gathered);
    trainer->starts = calloc(batch, sizeof *trainer->starts);
    trainer->ranks = calloc(batch, sizeof *trainer->ranks);
    trainer->samples = calloc(batch, sizeof *trainer->samples);
    trainer->items = calloc((size_t)shape->pool + 1, sizeof *trainer->items);
    trainer->fresh = calloc(state, sizeof *trainer->fresh);
    trainer->values = calloc(nca_values_size(shape), sizeof *trainer->values);
    trainer->before = calloc(batch * state, sizeof *trainer->before);
    trainer->after = calloc(batch * state, sizeof *trainer->after);
    nca_good_rule *good = &trainer->good;
    good->parameters = calloc(trainer->layout.total, sizeof *good->parameters);
    good->optimizer = calloc(NCA_OPTIMIZER_BLOCKS * trainer->layout.total, sizeof *good->optimizer);
    if (trainer->rows && trainer->gathered && trainer->starts && trainer->ranks &&
        trainer->samples && trainer->items && trainer->fresh && trainer->values &&
        trainer->before && trainer->after && good->parameters && good->optimizer)
        return NCA_OK;
    return nca_fail(error, NCA_MEMORY, "a batch of %zu: no memory for it", batch);
}

// Beginnings lie behind the pool's rows.
static nca_status make_beginnings(nca_trainer *trainer, const nca_subject *subject,
                                  nca_error *error)
{
    const nca_shape *shape = &trainer->shape;
    const size_t state = nca_trainer_state_size(trainer);
    for (int i = 0; i < shape->beginnings; i++) {
        nca_subject_begin(subject, i, trainer->fresh);
        NCA_TRY(trainer->compute.backend->upload(trainer->session, NCA_POOL,
                                                 (size_t)(shape->pool + i) * state, state,
                                                 trainer->fresh, error));
    }
    return NCA_OK;
}

static nca_status upload_rule(nca_trainer *trainer, const nca_model *model, nca_error *error)
{
    const nca_subject subject = nca_trainer_subject(trainer);
    return nca_subject_upload_rules(&subject, model->parameters, error);
}

static nca_status upload_first_rule(nca_trainer *trainer, nca_error *error)
{
    nca_model model;
    NCA_TRY(nca_model_create(&trainer->shape.spec, &model, error));
    nca_model_initialize(&model, (uint64_t)trainer->config.seed);
    if (trainer->task->first_rule)
        trainer->task->first_rule(trainer->content, &model);
    const nca_status status = upload_rule(trainer, &model, error);
    nca_model_free(&model);
    return status;
}

nca_status nca_trainer_begin_with(nca_trainer *trainer, const nca_model *model, nca_error *error)
{
    nca_model wider;
    assert(trainer->done == 0);
    NCA_TRY(nca_model_widen(model, &trainer->shape.spec, (uint64_t)trainer->config.seed, &wider,
                            error));
    nca_status status = upload_rule(trainer, &wider, error);
    if (status == NCA_OK)
        status = nca_health_remember(trainer, error);
    nca_model_free(&wider);
    return status;
}

nca_status nca_trainer_set_adversary(nca_trainer *trainer, const nca_model *adversary,
                                     nca_error *error)
{
    const size_t total = trainer->layout.total;
    assert(trainer->done == 0 && trainer->plan.perturbation.kind == NCA_PERTURB_CELLS);
    NCA_TRY(nca_frozen_rule_check("adversary", adversary, &trainer->shape, error));
    NCA_TRY(trainer->compute.backend->upload(trainer->session, NCA_PARAMETERS, total, total,
                                             adversary->parameters, error));
    trainer->content_hash = hash_floats(trainer->content_hash, adversary->parameters, total);
    trainer->has_adversary = true;
    return NCA_OK;
}

static nca_status start(nca_trainer *trainer, nca_error *error)
{
    const nca_subject subject = nca_trainer_subject(trainer);
    if (!nca_has_own_targets(&trainer->shape))
        NCA_TRY(nca_subject_upload_targets(&subject, NULL, error));
    NCA_TRY(upload_first_rule(trainer, error));
    NCA_TRY(make_beginnings(trainer, &subject, error));
    NCA_TRY(nca_pool_renew(trainer, error));
    return nca_health_remember(trainer, error);
}

static nca_shape shape_of(const nca_config *config, const nca_plan *plan, const nca_task *task)
{
    nca_shape shape = {.batch = (int)config->batch,
                       .height = plan->grid.height,
                       .width = plan->grid.width,
                       .pool = (int)config->pool,
                       .tape_steps = (int)config->steps_max,
                       .spec = plan->spec};
    task->shape(config, &shape);
    if (plan->perturbation.kind == NCA_PERTURB_CELLS) {
        shape.rules = 2;   // the adversary is the second
        shape.shares_samples = true;
    }
    return shape;
}

// What the host keeps: the batch before and after, a new sample, targets, and a checkpoint on its
// way.
static uint64_t host_bytes(const nca_shape *shape)
{
    const uint64_t cell = (uint64_t)shape->spec.channels * sizeof(float);
    const uint64_t states = (uint64_t)shape->pool + 2 * (uint64_t)shape->batch + 1;
    const uint64_t cells = (uint64_t)shape->height * (uint64_t)shape->width;
    return nca_memory_sum(nca_memory_product(states, cells, cell, 1),
                          nca_memory_product(2, nca_values_size(shape), sizeof(float), 1));
}

static nca_status check_memory(const nca_shape *shape, const nca_compute *compute, nca_error *error)
{
    char what[128];
    snprintf(what, sizeof what, "a batch of %d grids of %dx%d, a pool of %d and %d steps",
             shape->batch, shape->height, shape->width, shape->pool, shape->tape_steps);
    return nca_session_check(compute, shape, host_bytes(shape), what, error);
}

nca_status nca_trainer_check_memory(const nca_config *config, const nca_plan *plan,
                                    const nca_task *task, const nca_compute *compute,
                                    nca_error *error)
{
    const nca_shape shape = shape_of(config, plan, task);
    return check_memory(&shape, compute, error);
}

nca_status nca_trainer_create(const nca_config *config, const nca_plan *plan, const nca_task *task,
                              const void *content, const nca_compute *compute, nca_trainer **out,
                              nca_error *error)
{
    const nca_shape shape = shape_of(config, plan, task);
    NCA_TRY(check_memory(&shape, compute, error));
    if (task->check)
        NCA_TRY(task->check(content, &shape, error));
    nca_trainer *trainer = calloc(1, sizeof *trainer);
    if (!trainer)
        return nca_fail(error, NCA_MEMORY, "a trainer: no memory for it");
    trainer->config = *config;
    trainer->plan = *plan;
    trainer->task = task;
    trainer->content = content;
    trainer->shape = shape;
    trainer->compute = *compute;
    trainer->layout = nca_layout_of(&shape.spec);
    trainer->content_hash = hash_content(trainer);
    nca_status status;
    NCA_GO(compute->backend->create(compute->device, &shape, &trainer->session, error));
    NCA_GO(allocate(trainer, error));
    NCA_GO(nca_averages_create(trainer, error));
    NCA_GO(start(trainer, error));
    *out = trainer;
cleanup:
    if (status != NCA_OK)
        nca_trainer_free(trainer);
    return status;
}

void nca_trainer_release(nca_trainer *trainer)
{
    trainer->compute.backend->destroy(trainer->session);
    trainer->session = NULL;
}

void nca_trainer_free(nca_trainer *trainer)
{
    if (!trainer)
        return;
    nca_trainer_release(trainer);
    free(trainer->rows);
    free(trainer->gathered);
    free(trainer->starts);
    free(trainer->ranks);
    free(trainer->samples);
    free(trainer->items);
    free(trainer->fresh);
    free(trainer->values);
    free(trainer->before);
    free(trainer->after);
    free(trainer->good.parameters);
    free(trainer->good.optimizer);
    nca_averages_free(trainer);
    free(trainer->restored_settings);
    free(trainer);
}
