// Threads that run a rollout, without locks while it lasts: a ticket for each sample says which
// band of which phase comes next, a counter how many of the phase are done.
#include "workers.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

enum { LINE_BYTES = 64, PATIENCE = 4000 };

// The progress of one sample, on a cache line of its own.
typedef struct job_progress {
    _Alignas(LINE_BYTES) _Atomic uint64_t ticket;   // phase << 32 | next band
    _Atomic uint32_t done;                          // bands of the phase
} job_progress;

typedef struct worker {
    nca_cpu_workers *workers;
    pthread_t thread;
    int number;
} worker;

struct nca_cpu_workers {
    int threads;
    worker *worker;   // [threads]; the first is the caller
    int started;      // threads beside the caller that run
    pthread_mutex_t lock;
    pthread_cond_t wake;   // a job has come, or the end
    pthread_cond_t idle;   // a worker has left the job
    uint64_t jobs;         // that have come so far
    int busy;              // workers still in the job
    bool quit;
    nca_cpu_job job;
    job_progress *progress;   // [samples_max]
    int samples_max;
};

// Leave the core to others for a moment when waiting takes long; more threads than cores is
// allowed.
static void wait_a_little(int *waited)
{
    if (++*waited > PATIENCE)
        sched_yield();
#if defined(__x86_64__)
    else
        __builtin_ia32_pause();
#endif
}

typedef enum claim { CLAIMED, NOTHING_NOW, FINISHED } claim;

static claim claim_band(job_progress *progress, const nca_cpu_job *job, int *phase, int *band)
{
    uint64_t ticket = atomic_load_explicit(&progress->ticket, memory_order_acquire);
    for (;;) {
        *phase = (int)(ticket >> 32);
        *band = (int)(uint32_t)ticket;
        if (*phase >= job->phases)
            return FINISHED;
        if (*band >= job->bands)
            return NOTHING_NOW;
        if (atomic_compare_exchange_weak_explicit(&progress->ticket, &ticket, ticket + 1,
                                                  memory_order_acq_rel, memory_order_acquire))
            return CLAIMED;
    }
}

// The last band of a phase opens the next one.
static void finish_band(job_progress *progress, const nca_cpu_job *job, int phase)
{
    const uint32_t done = atomic_fetch_add_explicit(&progress->done, 1, memory_order_acq_rel) + 1;
    if (done == (uint32_t)job->bands) {
        atomic_store_explicit(&progress->done, 0, memory_order_relaxed);
        atomic_store_explicit(&progress->ticket, (uint64_t)(phase + 1) << 32, memory_order_release);
    }
}

// Does one band of a sample, if it has one to give.
static claim help(nca_cpu_workers *workers, int sample, int number)
{
    const nca_cpu_job *job = &workers->job;
    int phase, band;
    const claim got = claim_band(&workers->progress[sample], job, &phase, &band);
    if (got == CLAIMED) {
        job->band(job->context, sample, phase, band, number);
        finish_band(&workers->progress[sample], job, phase);
    }
    return got;
}

// A sample that nobody has begun, at or after `from`; -1 where there is none.
static int find_untouched(nca_cpu_workers *workers, int from)
{
    for (int i = 0; i < workers->job.samples; i++) {
        const int sample = (from + i) % workers->job.samples;
        if (atomic_load_explicit(&workers->progress[sample].ticket, memory_order_relaxed) == 0)
            return sample;
    }
    return -1;
}

static void work(nca_cpu_workers *workers, int number)
{
    const int samples = workers->job.samples;
    int home = (int)((int64_t)number * samples / workers->threads), waited = 0;
    for (;;) {
        const claim got = help(workers, home, number);
        if (got == CLAIMED) {
            waited = 0;
            continue;
        }
        if (got == FINISHED) {
            const int next = find_untouched(workers, home);
            if (next >= 0) {
                home = next;
                continue;
            }
        }
        // Nothing at home: one band from another sample, which becomes home when home is finished.
        bool helped = false;
        int finished = got == FINISHED;
        for (int i = 1; i < samples && !helped; i++) {
            const int other = (home + i) % samples;
            const claim there = help(workers, other, number);
            helped = there == CLAIMED;
            finished += there == FINISHED;
            if (helped && got == FINISHED)
                home = other;
        }
        if (finished == samples)
            return;
        if (helped)
            waited = 0;
        else
            wait_a_little(&waited);
    }
}

static void *serve(void *argument)
{
    const worker *self = argument;
    nca_cpu_workers *workers = self->workers;
    uint64_t seen = 0;
    pthread_mutex_lock(&workers->lock);
    for (;;) {
        while (!workers->quit && workers->jobs == seen)
            pthread_cond_wait(&workers->wake, &workers->lock);
        if (workers->quit)
            break;
        seen = workers->jobs;
        pthread_mutex_unlock(&workers->lock);
        work(workers, self->number);
        pthread_mutex_lock(&workers->lock);
        if (--workers->busy == 0)
            pthread_cond_signal(&workers->idle);
    }
    pthread_mutex_unlock(&workers->lock);
    return NULL;
}

nca_status nca_cpu_workers_create(int threads, nca_cpu_workers **out, nca_error *error)
{
    nca_cpu_workers *workers = calloc(1, sizeof *workers);
    if (workers)
        workers->worker = calloc((size_t)threads, sizeof *workers->worker);
    if (!workers || !workers->worker) {
        free(workers);
        return nca_fail(error, NCA_MEMORY, "%d threads: no memory for their bookkeeping", threads);
    }
    workers->threads = threads;
    pthread_mutex_init(&workers->lock, NULL);
    pthread_cond_init(&workers->wake, NULL);
    pthread_cond_init(&workers->idle, NULL);
    for (int i = 0; i < threads; i++)
        workers->worker[i] = (worker){.workers = workers, .number = i};
    for (int i = 1; i < threads; i++, workers->started++)
        if (pthread_create(&workers->worker[i].thread, NULL, serve, &workers->worker[i]) != 0) {
            nca_cpu_workers_free(workers);
            return nca_fail(error, NCA_DEVICE,
                            "--threads %d: the system gives only %d; ask for fewer", threads, i);
        }
    *out = workers;
    return NCA_OK;
}

void nca_cpu_workers_free(nca_cpu_workers *workers)
{
    if (!workers)
        return;
    pthread_mutex_lock(&workers->lock);
    workers->quit = true;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);
    for (int i = 1; i <= workers->started; i++)
        pthread_join(workers->worker[i].thread, NULL);
    pthread_cond_destroy(&workers->idle);
    pthread_cond_destroy(&workers->wake);
    pthread_mutex_destroy(&workers->lock);
    free(workers->progress);
    free(workers->worker);
    free(workers);
}

int nca_cpu_workers_count(const nca_cpu_workers *workers)
{
    return workers->threads;
}

static nca_status reserve_progress(nca_cpu_workers *workers, int samples, nca_error *error)
{
    if (samples > workers->samples_max) {
        job_progress *grown = aligned_alloc(LINE_BYTES, (size_t)samples * sizeof *grown);
        if (!grown)
            return nca_fail(error, NCA_MEMORY, "a batch of %d: no memory for its bookkeeping",
                            samples);
        free(workers->progress);
        workers->progress = grown;
        workers->samples_max = samples;
    }
    for (int i = 0; i < samples; i++) {
        atomic_init(&workers->progress[i].ticket, 0);
        atomic_init(&workers->progress[i].done, 0);
    }
    return NCA_OK;
}

nca_status nca_cpu_workers_run(nca_cpu_workers *workers, const nca_cpu_job *job, nca_error *error)
{
    NCA_TRY(reserve_progress(workers, job->samples, error));
    pthread_mutex_lock(&workers->lock);
    workers->job = *job;
    workers->jobs++;
    workers->busy = workers->threads - 1;
    pthread_cond_broadcast(&workers->wake);
    pthread_mutex_unlock(&workers->lock);

    work(workers, 0);

    pthread_mutex_lock(&workers->lock);
    while (workers->busy > 0)
        pthread_cond_wait(&workers->idle, &workers->lock);
    pthread_mutex_unlock(&workers->lock);
    return NCA_OK;
}
