// A batch as an attack would leave it: what --perturb trains a rule to withstand.
#include <stdlib.h>

#include "task/perturb.h"
#include "train/trainer_state.h"

// Spread evenly over the batch: what is new, what goes on and what was exchanged.
static bool is_chosen(const nca_config *config, int slot)
{
    return (slot + 1) * config->perturbed / config->batch >
           slot * config->perturbed / config->batch;
}

// A picture that was perturbed in an update before is as it was.
static nca_status restore_pictures(nca_trainer *trainer, nca_error *error)
{
    const nca_subject subject = nca_trainer_subject(trainer);
    for (int slot = 0; trainer->task->frozen && slot < trainer->shape.batch; slot++)
        NCA_TRY(nca_subject_exchange(&subject, slot, trainer->starts[slot].item, error));
    return NCA_OK;
}

// The gradient of the loss by the states before the update's rollout, which they are in again.
static nca_status find_gradient(nca_trainer *trainer, const nca_rollout *rollout,
                                const float *states, float *gradient, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const size_t count = nca_buffer_elements(&trainer->shape, NCA_BATCH);
    NCA_TRY(backend->forward(trainer->session, rollout, NULL, error));
    NCA_TRY(backend->backward(trainer->session, NULL, error));
    NCA_TRY(backend->download(trainer->session, NCA_BATCH_GRADIENT, 0, count, gradient, error));
    NCA_TRY(backend->synchronize(trainer->session, error));
    return backend->upload(trainer->session, NCA_BATCH, 0, count, states, error);
}

nca_status nca_batch_perturb(nca_trainer *trainer, const nca_rollout *rollout, nca_error *error)
{
    const nca_perturbation *perturbation = &trainer->plan.perturbation;
    const nca_backend *backend = trainer->compute.backend;
    const size_t state = nca_trainer_state_size(trainer);
    const size_t count = nca_buffer_elements(&trainer->shape, NCA_BATCH);
    if (perturbation->kind == NCA_PERTURB_NONE)
        return NCA_OK;
    float *states = malloc(2 * count * sizeof *states), *gradient = states + count;
    nca_status status;
    if (!states)
        return nca_fail(error, NCA_MEMORY, "--perturb: no memory for the states of a batch");
    NCA_GO(restore_pictures(trainer, error));
    NCA_GO(backend->download(trainer->session, NCA_BATCH, 0, count, states, error));
    NCA_GO(backend->synchronize(trainer->session, error));
    if (nca_perturbs_by_gradient(perturbation->kind))
        NCA_GO(find_gradient(trainer, rollout, states, gradient, error));
    for (int slot = 0; slot < trainer->shape.batch; slot++)
        if (is_chosen(&trainer->config, slot))
            nca_perturb(perturbation, &trainer->shape, trainer->task->exchange_limit, rollout->key,
                        (uint32_t)slot, gradient + (size_t)slot * state,
                        states + (size_t)slot * state);
    NCA_GO(backend->upload(trainer->session, NCA_BATCH, 0, count, states, error));
cleanup:
    free(states);
    return status;
}
