// The threads of the CPU backend: every band of every phase of every sample once, phases in order,
// for any number of threads, bands and samples, and every thread where there is work.
#include "support.h"

#include <sched.h>
#include <stdatomic.h>
#include <time.h>

#include "cpu/workers.h"

enum { THREADS_MAX = 9 };

// What a job leaves behind. `cell` is plain memory on purpose: a phase reads what its neighbours
// wrote in the phase before, and ThreadSanitizer sees where that is not in order.
typedef struct record {
    int samples, phases, bands, threads;
    atomic_int *times;                // [samples,phases,bands] that a band was done
    atomic_int *finished;             // [samples,phases] bands
    int *cell;                        // [samples,2,bands] of even and odd phases
    atomic_int inside[THREADS_MAX];   // bands a worker is in
    atomic_int wrong;
} record;

static int *cell_of(record *of, int sample, int phase, int band)
{
    return &of->cell[(sample * 2 + phase % 2) * of->bands + band];
}

// The cell becomes a sum of its neighbours' cells of the phase before: wrong where one was missing.
static int sum_of_neighbours(record *of, int sample, int phase, int band)
{
    int sum = 1;
    for (int b = band - 1; phase > 0 && b <= band + 1; b++)
        if (b >= 0 && b < of->bands)
            sum = (sum * 31 + *cell_of(of, sample, phase - 1, b)) % 1000003;
    return sum;
}

static void do_band(void *context, int sample, int phase, int band, int worker)
{
    record *of = context;
    const int row = sample * of->phases + phase;
    if (worker < 0 || worker >= of->threads || sample >= of->samples || phase >= of->phases ||
        band >= of->bands || atomic_fetch_add(&of->inside[worker], 1) != 0) {
        atomic_fetch_add(&of->wrong, 1);
        return;
    }
    if (phase > 0 && atomic_load(&of->finished[row - 1]) != of->bands)
        atomic_fetch_add(&of->wrong, 1);
    *cell_of(of, sample, phase, band) = sum_of_neighbours(of, sample, phase, band);
    atomic_fetch_add(&of->times[row * of->bands + band], 1);
    atomic_fetch_add(&of->finished[row], 1);
    atomic_fetch_sub(&of->inside[worker], 1);
}

// The same by one thread, in plain order.
static void check_cells(record *of)
{
    for (int sample = 0; sample < of->samples; sample++) {
        record plain = *of;
        plain.cell = allocate((size_t)(of->samples * 2 * of->bands), sizeof(int));
        for (int phase = 0; phase < of->phases; phase++)
            for (int band = 0; band < of->bands; band++)
                *cell_of(&plain, sample, phase, band) =
                    sum_of_neighbours(&plain, sample, phase, band);
        for (int band = 0; band < of->bands; band++)
            assert_int_equal(*cell_of(of, sample, of->phases - 1, band),
                             *cell_of(&plain, sample, of->phases - 1, band));
        free(plain.cell);
    }
}

static void run_and_check(nca_cpu_workers *workers, int samples, int phases, int bands)
{
    record of = {.samples = samples,
                 .phases = phases,
                 .bands = bands,
                 .threads = nca_cpu_workers_count(workers)};
    const size_t all = (size_t)samples * (size_t)phases * (size_t)bands;
    of.times = allocate(all, sizeof *of.times);
    of.finished = allocate((size_t)(samples * phases), sizeof *of.finished);
    of.cell = allocate((size_t)(samples * 2 * bands), sizeof *of.cell);
    const nca_cpu_job job = {
        .samples = samples, .phases = phases, .bands = bands, .band = do_band, .context = &of};
    assert_ok(nca_cpu_workers_run(workers, &job, error));
    for (size_t i = 0; i < all; i++)
        assert_int_equal(of.times[i], 1);
    assert_int_equal(of.wrong, 0);
    check_cells(&of);
    free(of.times), free(of.finished), free(of.cell);
}

static void test_every_band_is_done_once_and_phases_are_in_order(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 7, THREADS_MAX};
    static const int shapes[][3] = {{1, 1, 1}, {1, 9, 1},  {1, 5, 64}, {4, 20, 14},
                                    {3, 2, 2}, {17, 4, 3}, {8, 40, 5}, {2, 1, 7}};
    for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
        nca_cpu_workers *workers;
        assert_ok(nca_cpu_workers_create(threads[t], &workers, error));
        assert_int_equal(nca_cpu_workers_count(workers), threads[t]);
        for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++)
            run_and_check(workers, shapes[s][0], shapes[s][1], shapes[s][2]);
        nca_cpu_workers_free(workers);
    }
}

// Jobs in quick succession: a thread that is late for one must not take it for the next.
static void test_many_short_jobs(void **state)
{
    (void)state;
    nca_cpu_workers *workers;
    assert_ok(nca_cpu_workers_create(3, &workers, error));
    for (int i = 0; i < 500; i++)
        run_and_check(workers, 1 + i % 5, 1 + i % 3, 1 + i % 2);
    nca_cpu_workers_free(workers);
}

static void test_workers_come_and_go(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        nca_cpu_workers *workers;
        assert_ok(nca_cpu_workers_create(1 + i % 4, &workers, error));
        if (i % 2)
            run_and_check(workers, 2, 2, 2);
        nca_cpu_workers_free(workers);
    }
    nca_cpu_workers_free(NULL);
}

static double seconds_since(const struct timespec *start)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - start->tv_sec) + 1e-9 * (double)(now.tv_nsec - start->tv_nsec);
}

// A meeting of `expected` workers in one sample; nobody leaves before all are there.
typedef struct meeting {
    int sample, expected;
    atomic_int there, late;
} meeting;

static void meet(void *context, int sample, int phase, int band, int worker)
{
    meeting *of = context;
    struct timespec start;
    (void)phase, (void)band, (void)worker;
    if (sample != of->sample)
        return;
    clock_gettime(CLOCK_MONOTONIC, &start);
    atomic_fetch_add(&of->there, 1);
    while (atomic_load(&of->there) < of->expected) {
        if (seconds_since(&start) > 60) {
            atomic_fetch_add(&of->late, 1);
            return;
        }
        sched_yield();
    }
}

// One sample lives and the others are done at once: every thread comes to the one.
static void test_every_thread_helps_the_one_sample_that_has_work(void **state)
{
    (void)state;
    for (int sample = 0; sample < 4; sample++) {
        nca_cpu_workers *workers;
        meeting of = {.sample = sample, .expected = 4};
        const nca_cpu_job job = {
            .samples = 4, .phases = 3, .bands = 4, .band = meet, .context = &of};
        assert_ok(nca_cpu_workers_create(4, &workers, error));
        assert_ok(nca_cpu_workers_run(workers, &job, error));
        assert_int_equal(of.late, 0);
        nca_cpu_workers_free(workers);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_band_is_done_once_and_phases_are_in_order),
        cmocka_unit_test(test_many_short_jobs),
        cmocka_unit_test(test_workers_come_and_go),
        cmocka_unit_test(test_every_thread_helps_the_one_sample_that_has_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
