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
typedef struct phase_record {
    int samples, phases, bands, threads;
    atomic_int *times;                // [samples,phases,bands] that a band was done
    atomic_int *finished;             // [samples,phases] bands
    int *cell;                        // [samples,2,bands] of even and odd phases
    atomic_int inside[THREADS_MAX];   // bands a worker is in
    atomic_int wrong;
} phase_record;

static int *cell_of(phase_record *record, int sample, int phase, int band)
{
    return &record->cell[(sample * 2 + phase % 2) * record->bands + band];
}

// The cell becomes a sum of its neighbours' cells of the phase before: wrong where one was missing.
static int sum_of_neighbours(phase_record *record, int sample, int phase, int band)
{
    int sum = 1;
    for (int b = band - 1; phase > 0 && b <= band + 1; b++)
        if (b >= 0 && b < record->bands)
            sum = (sum * 31 + *cell_of(record, sample, phase - 1, b)) % 1000003;
    return sum;
}

static void do_band(void *context, int sample, int phase, int band, int worker)
{
    phase_record *record = context;
    const int row = sample * record->phases + phase;
    if (worker < 0 || worker >= record->threads || sample >= record->samples ||
        phase >= record->phases || band >= record->bands ||
        atomic_fetch_add(&record->inside[worker], 1) != 0) {
        atomic_fetch_add(&record->wrong, 1);
        return;
    }
    if (phase > 0 && atomic_load(&record->finished[row - 1]) != record->bands)
        atomic_fetch_add(&record->wrong, 1);
    *cell_of(record, sample, phase, band) = sum_of_neighbours(record, sample, phase, band);
    atomic_fetch_add(&record->times[row * record->bands + band], 1);
    atomic_fetch_add(&record->finished[row], 1);
    atomic_fetch_sub(&record->inside[worker], 1);
}

// The same by one thread, in plain order.
static void check_cells(phase_record *record)
{
    for (int sample = 0; sample < record->samples; sample++) {
        phase_record plain = *record;
        plain.cell = allocate((size_t)(record->samples * 2 * record->bands), sizeof(int));
        for (int phase = 0; phase < record->phases; phase++)
            for (int band = 0; band < record->bands; band++)
                *cell_of(&plain, sample, phase, band) =
                    sum_of_neighbours(&plain, sample, phase, band);
        for (int band = 0; band < record->bands; band++)
            assert_int_equal(*cell_of(record, sample, record->phases - 1, band),
                             *cell_of(&plain, sample, record->phases - 1, band));
        free(plain.cell);
    }
}

static void run_and_check(nca_cpu_workers *workers, int samples, int phases, int bands)
{
    phase_record record = {.samples = samples,
                           .phases = phases,
                           .bands = bands,
                           .threads = nca_cpu_workers_count(workers)};
    const size_t all = (size_t)samples * (size_t)phases * (size_t)bands;
    record.times = allocate(all, sizeof *record.times);
    record.finished = allocate((size_t)(samples * phases), sizeof *record.finished);
    record.cell = allocate((size_t)(samples * 2 * bands), sizeof *record.cell);
    const nca_cpu_job job = {
        .samples = samples, .phases = phases, .bands = bands, .band = do_band, .context = &record};
    assert_ok(nca_cpu_workers_run(workers, &job, error));
    for (size_t i = 0; i < all; i++)
        assert_int_equal(record.times[i], 1);
    assert_int_equal(record.wrong, 0);
    check_cells(&record);
    free(record.times), free(record.finished), free(record.cell);
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
typedef struct phase_meeting {
    int sample, expected;
    atomic_int there, late;
} phase_meeting;

static void meet(void *context, int sample, int phase, int band, int worker)
{
    phase_meeting *meeting = context;
    struct timespec start;
    (void)phase, (void)band, (void)worker;
    if (sample != meeting->sample)
        return;
    clock_gettime(CLOCK_MONOTONIC, &start);
    atomic_fetch_add(&meeting->there, 1);
    while (atomic_load(&meeting->there) < meeting->expected) {
        if (seconds_since(&start) > 60) {
            atomic_fetch_add(&meeting->late, 1);
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
        phase_meeting meeting = {.sample = sample, .expected = 4};
        const nca_cpu_job job = {
            .samples = 4, .phases = 3, .bands = 4, .band = meet, .context = &meeting};
        assert_ok(nca_cpu_workers_create(4, &workers, error));
        assert_ok(nca_cpu_workers_run(workers, &job, error));
        assert_int_equal(meeting.late, 0);
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
