// Whether a training can begin: what is dead from the start teaches nothing, and no repair helps.
#include "train/trainer_state.h"

// New samples, whole, into the batch.
static nca_status begin_batch(nca_trainer *trainer, nca_error *error)
{
    const nca_subject subject = nca_trainer_subject(trainer);
    const nca_key key = nca_trainer_key(trainer, 0);
    const size_t state = nca_trainer_state_size(trainer);
    for (int slot = 0; slot < trainer->shape.batch; slot++) {
        trainer->starts[slot] = nca_subject_draw(&subject, key, (uint32_t)slot);
        nca_subject_start(&subject, &trainer->starts[slot], trainer->fresh);
        NCA_TRY(trainer->compute.backend->upload(trainer->session, NCA_BATCH, (size_t)slot * state,
                                                 state, trainer->fresh, error));
    }
    return nca_samples_differ(trainer->task, &trainer->shape)
               ? nca_subject_upload_targets(&subject, trainer->starts, error)
               : NCA_OK;
}

static nca_status take_step(nca_trainer *trainer, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const nca_rollout rollout = {.steps = 1,
                                 .key = nca_trainer_key(trainer, 0),
                                 .fire_rate = trainer->config.fire_rate,
                                 .angle = nca_radians(trainer->config.angle),
                                 .step_size = trainer->config.step_size,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    NCA_TRY(backend->forward(trainer->session, &rollout, NULL, error));
    NCA_TRY(backend->loss(trainer->session, trainer->samples, error));
    return backend->synchronize(trainer->session, error);
}

nca_status nca_trainer_check_start(nca_trainer *trainer, nca_error *error)
{
    const nca_task *task = trainer->task;
    if (task->check_start)
        NCA_TRY(task->check_start(&trainer->config, trainer->content, error));
    if (!task->is_dead)
        return NCA_OK;
    NCA_TRY(begin_batch(trainer, error));
    NCA_TRY(take_step(trainer, error));
    for (int slot = 0; slot < trainer->shape.batch; slot++)
        if (!task->is_dead(&trainer->samples[slot]))
            return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "no cell lives one step after %s, so nothing can be learnt: %s",
                    task->beginning_words,
                    trainer->config.noise > 0
                        ? "--noise is larger than what it is added to; lower it"
                        : "the rule that training begins with kills it; begin with another");
}
