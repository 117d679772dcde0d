// The sample pool: which past states an update trains from, and what its task does to them first.
// Source: Mordvintsev et al. 2020, experiments 2 and 3.
#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "train/trainer_state.h"

// A random row 0..count-1: 64 random bits, scaled; the bias is below 2^-40.
static int random_row(nca_key key, uint32_t draw, int64_t count)
{
    uint32_t words[4];
    nca_random_words(key, NCA_RANDOM_POOL, 0, 0, draw, words);
    const uint64_t bits = (uint64_t)words[1] << 32 | words[0];
    return (int)(((__uint128_t)bits * (uint64_t)count) >> 64);
}

static bool is_drawn(const int *rows, int count, int row)
{
    for (int i = 0; i < count; i++)
        if (rows[i] == row)
            return true;
    return false;
}

// Distinct rows unless drawn with replacement: a row drawn twice is drawn again.
static void draw_rows(const nca_config *config, nca_key key, int *rows)
{
    uint32_t draw = 0;
    for (int i = 0; i < config->batch; i++)
        do
            rows[i] = random_row(key, draw++, config->pool);
        while (!config->pool_replacement && is_drawn(rows, i, rows[i]));
}

// Whether a sample comes before another: the higher rank first, then the lower row number.
static bool comes_before(double rank_a, int row_a, double rank_b, int row_b)
{
    if (rank_a != rank_b)
        return rank_a > rank_b;
    return row_a < row_b;
}

// By insertion: a batch is small.
static void sort_by_rank(int *rows, double *ranks, int count)
{
    for (int i = 1; i < count; i++) {
        const int row = rows[i];
        const double rank = ranks[i];
        int at = i;
        for (; at > 0 && comes_before(rank, row, ranks[at - 1], rows[at - 1]); at--) {
            rows[at] = rows[at - 1];
            ranks[at] = ranks[at - 1];
        }
        rows[at] = row;
        ranks[at] = rank;
    }
}

// Those drawn go on, each with its row's item; without a pool all are new.
static void list_samples(nca_trainer *trainer, nca_key key)
{
    const nca_subject subject = nca_trainer_subject(trainer);
    for (int slot = 0; slot < trainer->shape.batch; slot++)
        trainer->starts[slot] = trainer->shape.pool > 0
                                    ? (nca_sample){.item = trainer->items[trainer->rows[slot]],
                                                   .beginning = NCA_GOES_ON}
                                    : nca_subject_draw(&subject, key, (uint32_t)slot);
}

// Those that all samples share are there from the start.
static nca_status upload_targets(nca_trainer *trainer, nca_error *error)
{
    const nca_subject subject = nca_trainer_subject(trainer);
    return nca_samples_differ(trainer->task, &trainer->shape)
               ? nca_subject_upload_targets(&subject, trainer->starts, error)
               : NCA_OK;
}

// What is not a number, which --health off leaves in the pool, ranks as the worst.
static double rank(const nca_trainer *trainer, int slot)
{
    const double own = trainer->task->rank(&trainer->samples[slot]);
    return isnan(own) ? INFINITY : own;
}

// The drawn rows in the order of their ranks.
static nca_status rank_rows(nca_trainer *trainer, nca_key key, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    list_samples(trainer, key);
    NCA_TRY(upload_targets(trainer, error));
    NCA_TRY(backend->gather(trainer->session, trainer->rows, error));
    NCA_TRY(backend->loss(trainer->session, trainer->samples, error));
    NCA_TRY(backend->synchronize(trainer->session, error));
    for (int slot = 0; slot < trainer->shape.batch; slot++)
        trainer->ranks[slot] = rank(trainer, slot);
    sort_by_rank(trainer->rows, trainer->ranks, trainer->shape.batch);
    return NCA_OK;
}

// What starts anew is a row behind the pool's.
static nca_status gather_batch(nca_trainer *trainer, nca_error *error)
{
    for (int slot = 0; slot < trainer->shape.batch; slot++) {
        const int beginning = trainer->starts[slot].beginning;
        assert(beginning < trainer->shape.beginnings);
        assert(beginning >= 0 || (beginning == NCA_GOES_ON && trainer->shape.pool > 0));
        trainer->gathered[slot] =
            beginning == NCA_GOES_ON ? trainer->rows[slot] : trainer->shape.pool + beginning;
    }
    return trainer->compute.backend->gather(trainer->session, trainer->gathered, error);
}

// The frozen channels of a new item, and damage.
static nca_status change_sample(nca_trainer *trainer, int slot, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const nca_task *task = trainer->task;
    const nca_sample *sample = &trainer->starts[slot];
    const bool is_new =
        sample->beginning != NCA_GOES_ON || sample->item != trainer->items[trainer->rows[slot]];
    if (task->frozen && is_new) {
        task->frozen(trainer->content, &trainer->shape, sample->item, trainer->values);
        NCA_TRY(backend->exchange(trainer->session, slot, trainer->values, task->exchange_limit,
                                  error));
    }
    return sample->is_damaged ? backend->damage(trainer->session, slot, &sample->region, error)
                              : NCA_OK;
}

nca_status nca_batch_draw(nca_trainer *trainer, nca_key key, nca_error *error)
{
    const nca_task_update update = {&trainer->config, &trainer->plan, &trainer->shape,
                                    trainer->content, key};
    if (trainer->shape.pool > 0)
        draw_rows(&trainer->config, key, trainer->rows);
    if (trainer->shape.pool > 0 && trainer->task->rank)
        NCA_TRY(rank_rows(trainer, key, error));
    list_samples(trainer, key);
    if (trainer->task->prepare)
        trainer->task->prepare(&update, trainer->starts);
    NCA_TRY(upload_targets(trainer, error));
    NCA_TRY(gather_batch(trainer, error));
    for (int slot = 0; slot < trainer->shape.batch; slot++)
        NCA_TRY(change_sample(trainer, slot, error));
    return NCA_OK;
}

nca_status nca_pool_keep(nca_trainer *trainer, nca_error *error)
{
    if (trainer->shape.pool == 0)
        return NCA_OK;
    for (int slot = 0; slot < trainer->shape.batch; slot++)
        trainer->items[trainer->rows[slot]] = trainer->starts[slot].item;
    return trainer->compute.backend->scatter(trainer->session, trainer->rows, error);
}

nca_status nca_pool_renew_row(nca_trainer *trainer, int row, nca_error *error)
{
    const nca_subject subject = nca_trainer_subject(trainer);
    const nca_key key = nca_trainer_key(trainer, trainer->done);
    const nca_sample sample =
        nca_subject_draw(&subject, key, (uint32_t)(trainer->shape.batch + row));
    const size_t state = nca_trainer_state_size(trainer);
    nca_subject_start(&subject, &sample, trainer->fresh);
    trainer->items[row] = sample.item;
    return trainer->compute.backend->upload(trainer->session, NCA_POOL, (size_t)row * state, state,
                                            trainer->fresh, error);
}

nca_status nca_pool_renew(nca_trainer *trainer, nca_error *error)
{
    for (int row = 0; row < trainer->shape.pool; row++)
        NCA_TRY(nca_pool_renew_row(trainer, row, error));
    return NCA_OK;
}
