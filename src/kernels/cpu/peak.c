// What this machine gives at best, measured: multiply-adds in registers, streams through memory.
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cpu.h"

enum { PEAK_RUNS = 5, BYTES_MIN = 48 << 20, BYTES_MAX = 384 << 20 };

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

// -- Arithmetic

typedef struct burn_runs {
    nca_cpu_ops ops;
    double *rate;   // [threads * PEAK_RUNS] flop/s
} burn_runs;

static void burn_band(void *context, int sample, int phase, int band, int worker)
{
    (void)sample, (void)phase, (void)worker;
    const burn_runs *burning = context;
    float sink = 0;
    const double start = nca_cpu_now();
    const double flop = burning->ops.burn(1000000, &sink);
    burning->rate[band] = flop / (nca_cpu_now() - start);
    if (sink != sink)   // keeps the sums from being left out
        burning->rate[band] = 0;
}

// The median over short runs that keep all threads busy.
double nca_cpu_peak(nca_device *device)
{
    const int runs = nca_cpu_workers_count(device->workers) * PEAK_RUNS;
    burn_runs burning = {.rate = calloc((size_t)runs, sizeof(double))};
    if (!burning.rate)
        return 0;
    const nca_spec spec = nca_spec_growing(16, 128);
    nca_cpu_fill(device->variant, &burning.ops, &spec);
    const nca_cpu_job job = {
        .samples = 1, .phases = 1, .bands = runs, .band = burn_band, .context = &burning};
    double peak = 0;
    if (nca_cpu_workers_run(device->workers, &job, NULL) == NCA_OK) {
        qsort(burning.rate, (size_t)runs, sizeof *burning.rate, compare_doubles);
        peak = burning.rate[runs / 2];
    }
    free(burning.rate);
    return peak;
}

// -- Memory

typedef struct stream_runs {
    float *a, *b, *c;
    size_t count;   // of a band
} stream_runs;

// a = b + 3 c, the triad of McCalpin's STREAM: two numbers read and one written.
static void stream_band(void *context, int sample, int phase, int band, int worker)
{
    const stream_runs *streaming = context;
    const size_t first = (size_t)band * streaming->count;
    float *a = streaming->a + first;
    const float *b = streaming->b + first, *c = streaming->c + first;
    (void)sample, (void)phase, (void)worker;
    for (size_t i = 0; i < streaming->count; i++)
        a[i] = b[i] + 3 * c[i];
}

// The median of some runs over four times what the last cache holds.
static double stream(nca_device *device, stream_runs *streaming, int bands)
{
    const nca_cpu_job job = {
        .samples = 1, .phases = 1, .bands = bands, .band = stream_band, .context = streaming};
    double seconds[PEAK_RUNS] = {0};
    for (int run = -1; run < PEAK_RUNS; run++) {   // the first one meets fresh pages
        const double start = nca_cpu_now();
        if (nca_cpu_workers_run(device->workers, &job, NULL) != NCA_OK)
            return 0;
        seconds[run < 0 ? 0 : run] = nca_cpu_now() - start;
    }
    qsort(seconds, PEAK_RUNS, sizeof *seconds, compare_doubles);
    return 3.0 * sizeof(float) * (double)streaming->count * bands / seconds[PEAK_RUNS / 2];
}

double nca_cpu_peak_bytes(nca_device *device)
{
    const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    const size_t wanted = cache > 0 ? 4 * (size_t)cache : BYTES_MIN;
    const size_t bytes = wanted < BYTES_MIN ? BYTES_MIN : wanted > BYTES_MAX ? BYTES_MAX : wanted;
    const int bands = 8 * nca_cpu_workers_count(device->workers);
    stream_runs streaming = {.count = bytes / 3 / sizeof(float) / (size_t)bands};
    const size_t elements = streaming.count * (size_t)bands;
    float *memory = mmap(NULL, 3 * elements * sizeof *memory, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 0;
    madvise(memory, 3 * elements * sizeof *memory, MADV_HUGEPAGE);   // as sessions lie in memory
    streaming.a = memory;
    streaming.b = memory + elements;
    streaming.c = memory + 2 * elements;
    for (size_t i = 0; i < 2 * elements; i++)   // read pages have to be the system's own
        streaming.b[i] = 1;
    const double peak = stream(device, &streaming, bands);
    munmap(memory, 3 * elements * sizeof *memory);
    return peak;
}
