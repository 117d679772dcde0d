// What the device gives at best, measured: multiply-adds in registers, copies through its memory.
#include <stdlib.h>

#include "cuda_backend.h"

enum { RUNS = 5, BLOCKS_A_MULTIPROCESSOR = 8, ROUNDS_MIN = 256, ROUNDS_MAX = 1 << 16, CACHES = 8 };

// What is done over and over, and how much of it.
typedef struct peak_work {
    int blocks, rounds;
    float *from, *to;   // [bytes]; `to` is the sink of the multiply-adds
    size_t bytes;
    double flop;
} peak_work;

typedef cudaError_t peak_run(peak_work *work);

static cudaError_t multiply_add(peak_work *work)
{
    return nca_cuda_burn(work->blocks, work->rounds, work->to, &work->flop, 0);
}

static cudaError_t copy(peak_work *work)
{
    return cudaMemcpyAsync(work->to, work->from, work->bytes, cudaMemcpyDeviceToDevice, 0);
}

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static bool time_run(peak_run *run, peak_work *work, const cudaEvent_t event[2], float *ms)
{
    return cudaEventRecord(event[0], 0) == cudaSuccess && run(work) == cudaSuccess &&
           cudaEventRecord(event[1], 0) == cudaSuccess &&
           cudaEventSynchronize(event[1]) == cudaSuccess &&
           cudaEventElapsedTime(ms, event[0], event[1]) == cudaSuccess;
}

// Seconds of the median run; 0 where it fails. Runs of multiply-adds grow until they are no longer
// short, which warms the device up.
static double time_runs(peak_run *run, peak_work *work)
{
    float ms[RUNS];
    cudaEvent_t event[2] = {NULL, NULL};
    bool is_good = cudaEventCreate(&event[0]) == cudaSuccess &&
                   cudaEventCreate(&event[1]) == cudaSuccess && time_run(run, work, event, ms);
    while (is_good && run == multiply_add && ms[0] < 0.5f && work->rounds < ROUNDS_MAX) {
        work->rounds *= 4;
        is_good = time_run(run, work, event, ms);
    }
    for (int i = 0; i < RUNS && is_good; i++)
        is_good = time_run(run, work, event, &ms[i]);
    for (int i = 0; i < 2; i++)
        if (event[i])
            cudaEventDestroy(event[i]);
    if (!is_good)
        return 0;
    qsort(ms, RUNS, sizeof *ms, compare_floats);
    return 1e-3 * ms[RUNS / 2];
}

double nca_cuda_peak(nca_device *device)
{
    peak_work work = {.blocks = device->multiprocessors * BLOCKS_A_MULTIPROCESSOR,
                      .rounds = ROUNDS_MIN};
    double seconds = 0;
    if (cudaSetDevice(device->number) == cudaSuccess &&
        cudaMalloc((void **)&work.to, sizeof *work.to) == cudaSuccess)
        seconds = time_runs(multiply_add, &work);
    cudaFree(work.to);
    return seconds > 0 ? work.flop / seconds : 0;
}

// Copies several times what the last cache holds, as far as free memory allows; bytes read and
// bytes written both count.
double nca_cuda_peak_bytes(nca_device *device)
{
    size_t free_bytes = 0, total_bytes = 0;
    peak_work work = {.bytes = CACHES * device->cache_bytes};
    double seconds = 0;
    if (cudaSetDevice(device->number) != cudaSuccess ||
        cudaMemGetInfo(&free_bytes, &total_bytes) != cudaSuccess)
        return 0;
    if (work.bytes == 0 || work.bytes > free_bytes / 4)
        work.bytes = free_bytes / 4;
    if (cudaMalloc((void **)&work.from, work.bytes) == cudaSuccess &&
        cudaMalloc((void **)&work.to, work.bytes) == cudaSuccess &&
        cudaMemset(work.from, 1, work.bytes) == cudaSuccess &&
        cudaMemset(work.to, 2, work.bytes) == cudaSuccess)
        seconds = time_runs(copy, &work);
    cudaFree(work.from);
    cudaFree(work.to);
    return seconds > 0 ? 2.0 * (double)work.bytes / seconds : 0;
}
