// A batch as an attack would leave it: what --perturb trains a rule to withstand.
#include <stdlib.h>
#include <string.h>

#include "task/perturb.h"
#include "train/trainer_state.h"

// Spread evenly over the batch: what is new, what goes on and what was exchanged.
static bool is_chosen(const nca_config *config, int slot)
{
    return (slot + 1) * config->perturbed / config->batch >
           slot * config->perturbed / config->batch;
}

// In the chosen samples the adversary moves its share of the cells, drawn anew; all other cells
// are the rule's.
static nca_status place_adversary(nca_trainer *trainer, nca_key key, nca_error *error)
{
    const nca_shape *shape = &trainer->shape;
    const nca_task *task = trainer->task;
    const nca_image *picture = task->picture ? task->picture(trainer->content) : NULL;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    float *owners = trainer->values;   // has room for at least a number a cell
    if (!trainer->has_adversary)
        return nca_fail(
            error, NCA_ARGUMENT,
            "--perturb cells: the trainer has no adversary; call nca_trainer_set_adversary()");
    for (int slot = 0; slot < shape->batch; slot++) {
        memset(owners, 0, cells * sizeof *owners);
        if (is_chosen(&trainer->config, slot))
            nca_perturb_owners(&trainer->plan.perturbation, shape, picture, key, (uint32_t)slot,
                               owners);
        NCA_TRY(trainer->compute.backend->upload(trainer->session, NCA_OWNER, (size_t)slot * cells,
                                                 cells, owners, error));
    }
    return NCA_OK;
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
    if (perturbation->kind == NCA_PERTURB_CELLS)
        return place_adversary(trainer, rollout->key, error);
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
