// What tests of the health checks share: what an update is said to have been, what a training
// keeps, and an update that kills the seed.
#ifndef NCA_TESTS_TRAIN_HEALTH_SPY_H
#define NCA_TESTS_TRAIN_HEALTH_SPY_H

#include "spy.h"

static inline void assert_event(const nca_update_result *result, nca_event event, const char *words)
{
    if (result->event != event || !strstr(result->event_text, words))
        fail_msg("update %d: event %d, not %d: \"%s\" does not say \"%s\"", (int)result->update,
                 (int)result->event, (int)event, result->event_text, words);
}

static inline void put(training *run, nca_buffer buffer, size_t at, float x)
{
    assert_ok(run->inner.backend->upload(run->trainer->session, buffer, at, 1, &x, error));
}

// Rule, moments and pool; the caller frees them.
enum { KEPT = 3 };
typedef struct kept {
    float *buffer[KEPT];
    size_t count[KEPT];
} kept;

static const nca_buffer kept_buffers[] = {NCA_PARAMETERS, NCA_OPTIMIZER, NCA_POOL};

static inline kept keep(training *run)
{
    kept all;
    for (int i = 0; i < KEPT; i++) {
        all.buffer[i] = read_of(run, kept_buffers[i]);
        all.count[i] = i < 2 ? (size_t)(i + 1) * total_of(&run->shape)
                             : state_of(&run->shape) * (size_t)run->shape.pool;
    }
    return all;
}

static inline void free_kept(kept *all)
{
    for (int i = 0; i < KEPT; i++)
        free(all->buffer[i]);
}

static inline bool is_kept(training *run, const kept *then, int which)
{
    float *now = read_of(run, kept_buffers[which]);
    const bool is_same = memcmp(now, then->buffer[which], then->count[which] * sizeof *now) == 0;
    free(now);
    return is_same;
}

// A training without damage in which every cell fires, so that what dies does so by the rule alone.
static inline void start_without_chance(training *run, const char *health)
{
    nca_config config = small_config();
    config.damaged = 0, config.fire_rate = 1;
    set_text(config.health, health);
    start_training(run, &config, 2);
}

// What is old and strong lives on under a rule that kills the seed.
static inline nca_update_result advance_deadly(training *run)
{
    const size_t row = state_of(&run->shape), channels = (size_t)run->shape.spec.channels;
    float *pool = read_of(run, NCA_POOL);
    for (size_t n = 0; n < 12; n++)
        for (size_t i = NCA_ALPHA; i < row; i += channels)
            pool[n * row + i] = 1000;
    write_buffer(&run->inner, run->trainer->session, NCA_POOL, 12 * row, pool);
    put(run, NCA_PARAMETERS,
        nca_layout_of(&(nca_spec)NCA_GROWING(8, 16)).offset[NCA_OUTPUT_BIAS] + NCA_ALPHA, -9);
    free(pool);
    return advance(run);
}

#endif
