// Threads that run a rollout: every sample passes through phases, every phase is cut into bands of
// rows. A sample's next phase begins when all bands of its phase are done; samples never wait for
// each other. Threads keep to one sample as long as it has bands to give and help elsewhere when it
// has not, so one sample on two cores and four samples on sixteen keep every core busy. What a band
// computes depends on neither the thread nor the order.
#ifndef NCA_CPU_WORKERS_H
#define NCA_CPU_WORKERS_H

#include "nca/status.h"

typedef struct nca_cpu_workers nca_cpu_workers;

typedef struct nca_cpu_job {
    int samples;
    int phases;
    int bands;
    // Does one band of one phase of one sample on thread `worker` (0..threads-1).
    void (*band)(void *context, int sample, int phase, int band, int worker);
    void *context;
} nca_cpu_job;

// `threads` counts the calling thread.
nca_status nca_cpu_workers_create(int threads, nca_cpu_workers **out, nca_error *error);
void nca_cpu_workers_free(nca_cpu_workers *workers);
int nca_cpu_workers_count(const nca_cpu_workers *workers);

// Runs the job on all threads, the caller's among them; returns when it is done.
nca_status nca_cpu_workers_run(nca_cpu_workers *workers, const nca_cpu_job *job, nca_error *error);

#endif
