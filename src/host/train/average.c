// The average of the rules that training passes through, which is the rule that a run writes.
//
// With decay d = 1 - spacing / N, every taken rule x makes sum = d sum + (1 - d) x, and after k of
// them the average is sum / (1 - d^k): a mean whose weights fall off exponentially, without a bias
// towards the zero that it began with. A mean of exactly the last N would keep all of them.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/trainer_state.h"

static double decay_of(const nca_trainer *trainer)
{
    return 1 - (double)NCA_AVERAGE_EVERY / (double)trainer->config.average;
}

nca_status nca_averages_create(nca_trainer *trainer, nca_error *error)
{
    const size_t total = trainer->layout.total;
    if (trainer->config.average == 0)
        return NCA_OK;
    trainer->average.sum = calloc(total, sizeof *trainer->average.sum);
    trainer->average.rule = calloc(total, sizeof *trainer->average.rule);
    trainer->good.average.sum = calloc(total, sizeof *trainer->good.average.sum);
    if (trainer->average.sum && trainer->average.rule && trainer->good.average.sum)
        return NCA_OK;
    return nca_fail(error, NCA_MEMORY, "the average of %zu parameters: no memory for it", total);
}

void nca_averages_free(nca_trainer *trainer)
{
    free(trainer->average.sum);
    free(trainer->average.rule);
    free(trainer->good.average.sum);
}

// What the health checks found fault with does not count: a rule that let its samples die, or one
// that has just gone back. Where they are off, every rule does.
static bool is_taken(const nca_trainer *trainer, const nca_update_result *update)
{
    return trainer->config.average > 0 && update->update % NCA_AVERAGE_EVERY == 0 &&
           (update->event == NCA_EVENT_NONE || update->event == NCA_EVENT_LEFT_ALONE);
}

nca_status nca_average_take(nca_trainer *trainer, const nca_update_result *update, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    nca_average *average = &trainer->average;
    const double decay = decay_of(trainer);
    if (!is_taken(trainer, update))
        return NCA_OK;
    NCA_TRY(backend->download(trainer->session, NCA_PARAMETERS, 0, trainer->layout.total,
                              average->rule, error));
    NCA_TRY(backend->synchronize(trainer->session, error));
    for (size_t i = 0; i < trainer->layout.total; i++)
        average->sum[i] = decay * average->sum[i] + (1 - decay) * (double)average->rule[i];
    average->taken++;
    return NCA_OK;
}

void nca_average_move(nca_trainer *trainer, bool back)
{
    nca_average *now = &trainer->average, *good = &trainer->good.average;
    if (trainer->config.average == 0)
        return;
    memcpy(back ? now->sum : good->sum, back ? good->sum : now->sum,
           trainer->layout.total * sizeof *now->sum);
    if (back)
        now->taken = good->taken;
    else
        good->taken = now->taken;
}

bool nca_average_read(const nca_trainer *trainer, float *parameters)
{
    const nca_average *average = &trainer->average;
    if (average->taken == 0)
        return false;
    const double weight = 1 - pow(decay_of(trainer), (double)average->taken);
    for (size_t i = 0; i < trainer->layout.total; i++)
        parameters[i] = (float)(average->sum[i] / weight);
    return true;
}
