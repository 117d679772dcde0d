// A small session on a backend, filled with draws, and every backend of this build one after the
// other: for tests of the seam's contract.
#ifndef NCA_TESTS_SEAM_BENCH_H
#define NCA_TESTS_SEAM_BENCH_H

#include "support.h"

static const nca_shape small = NCA_GROWING_SHAPE(3, 9, 7, 5, 4, 4, 8);

// A backend with a session of the shape above, filled with draws.
typedef struct seam_bench {
    nca_compute on;
    const nca_backend *backend;
    nca_session *session;
} seam_bench;

static inline seam_bench open_bench(const nca_compute *on)
{
    seam_bench bench = {.on = *on, .backend = on->backend};
    bench.session = open_session(&bench.on, &small);
    float *parameters = uniform(total_of(&small), 1, 0.2), *batch = mixed_states(&small, 2);
    float *pool = uniform(state_of(&small) * (size_t)small.pool, 3, 1);
    float *target = uniform(cells_of(&small) * NCA_VISIBLE, 4, 0.5);
    write_buffer(&bench.on, bench.session, NCA_PARAMETERS, total_of(&small), parameters);
    write_buffer(&bench.on, bench.session, NCA_BATCH, batch_of(&small), batch);
    write_buffer(&bench.on, bench.session, NCA_POOL, state_of(&small) * (size_t)small.pool, pool);
    write_buffer(&bench.on, bench.session, NCA_TARGET, cells_of(&small) * NCA_VISIBLE, target);
    free(parameters), free(batch), free(pool), free(target);
    return bench;
}

static inline void close_bench(seam_bench *bench)
{
    bench->backend->destroy(bench->session);
    nca_compute_close(&bench->on);
}

// Does something with every backend. One whose device this machine lacks is passed over, with a
// word about it; the cpu and the reference are always there.
static inline void for_every_backend(void (*check)(seam_bench *bench))
{
    int checked = 0;
    for (const nca_backend *const *backend = nca_backends(); *backend; backend++) {
        nca_compute on;
        nca_error why = {0};
        const nca_status status = nca_compute_open((*backend)->name, NULL, &on, &why);
        if (status == NCA_DEVICE || status == NCA_ABSENT) {
            print_message("not tested: %s\n", why.message);
            continue;
        }
        assert_int_equal(status, NCA_OK);
        seam_bench bench = open_bench(&on);
        check(&bench);
        close_bench(&bench);
        checked++;
    }
    assert_true(checked >= 2);
}

static const nca_optimizer_step plain_step = {
    .time = 1, .rate = 0.1, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};

static inline float *read_batch(const seam_bench *bench)
{
    return read_buffer(&bench->on, bench->session, NCA_BATCH, batch_of(&small));
}

static inline void assert_equal(const float *got, const float *expected, size_t count)
{
    assert_memory_equal(got, expected, count * sizeof *got);
}

#endif
