// The sample pool: which past states an update trains from, and what is done to them first.
// Source: Mordvintsev et al. 2020, experiments 2 and 3.
#include <stdlib.h>
#include <string.h>

#include "task/damage.h"
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

// Whether a sample ranks before another: higher loss first, then lower row number.
static bool ranks_before(const nca_sample_report *a, int row_a, const nca_sample_report *b,
                         int row_b)
{
    if (a->loss != b->loss)
        return a->loss > b->loss;
    return row_a < row_b;
}

// Worst first, by insertion: a batch is small.
static void sort_by_loss(int *rows, nca_sample_report *samples, int count)
{
    for (int i = 1; i < count; i++) {
        const int row = rows[i];
        const nca_sample_report sample = samples[i];
        int at = i;
        for (; at > 0 && ranks_before(&sample, row, &samples[at - 1], rows[at - 1]); at--) {
            rows[at] = rows[at - 1];
            samples[at] = samples[at - 1];
        }
        rows[at] = row;
        samples[at] = sample;
    }
}

// The worst of a batch begin as the seed, the row behind the pool's; all do without a pool.
static nca_status begin_batch(nca_trainer *trainer, nca_error *error)
{
    const nca_config *config = &trainer->config;
    const int64_t seeded = config->pool > 0 ? config->reseeded : config->batch;
    for (int slot = 0; slot < config->batch; slot++)
        trainer->begins[slot] = slot < seeded ? (int)config->pool : trainer->rows[slot];
    return trainer->compute.backend->gather(trainer->session, trainer->begins, error);
}

nca_status nca_batch_draw(nca_trainer *trainer, nca_key key, nca_error *error)
{
    const nca_backend *backend = trainer->compute.backend;
    const nca_config *config = &trainer->config;
    const int batch = (int)config->batch;
    const nca_damage damage = {config->damage_radius_min, config->damage_radius_max,
                               config->damage_halves};
    if (config->pool > 0) {
        draw_rows(config, key, trainer->rows);
        NCA_TRY(backend->gather(trainer->session, trainer->rows, error));
        NCA_TRY(backend->loss(trainer->session, trainer->ranked, error));
        NCA_TRY(backend->synchronize(trainer->session, error));
        sort_by_loss(trainer->rows, trainer->ranked, batch);
    }
    NCA_TRY(begin_batch(trainer, error));
    for (int slot = batch - (int)config->damaged; slot < batch; slot++) {
        const nca_region region =
            nca_damage_draw(key, (uint32_t)slot, &damage, trainer->height, trainer->width);
        NCA_TRY(backend->damage(trainer->session, slot, &region, error));
    }
    return NCA_OK;
}

nca_status nca_pool_seed_row(nca_trainer *trainer, int row, nca_error *error)
{
    const size_t state = nca_state_size(1, (size_t)trainer->height, (size_t)trainer->width,
                                        (size_t)trainer->config.channels);
    return trainer->compute.backend->upload(trainer->session, NCA_POOL, (size_t)row * state, state,
                                            trainer->seed, error);
}

nca_status nca_pool_seed(nca_trainer *trainer, nca_error *error)
{
    for (int row = 0; row < trainer->config.pool; row++)
        NCA_TRY(nca_pool_seed_row(trainer, row, error));
    return NCA_OK;
}
