// The CPU backend as a WebAssembly module, for pages in which a rule runs: one session of one
// sample by the scalar kernels on one thread. Its functions are called from
// src/host/report/page/module.js; scripts/build_wasm.sh compiles this file with those of the
// backend.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "../cpu.h"

#define EXPORT(name) __attribute__((export_name(name)))

static nca_device device = {.memory_bytes = (size_t)1 << 30};
static nca_session *session;
static float *parameters, *state;
static size_t state_count;

// -- What the backend takes from the system -------------------------------------------------------

enum { PAGE_BYTES = 65536, ALIGN_BYTES = 64 };

extern uint8_t __heap_base;   // behind everything the module is made of; the linker's
static uintptr_t used;        // memory up to there is handed out

// Memory is handed out upwards and given back all at once.
void *calloc(size_t count, size_t size_bytes)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size_bytes, &bytes) || bytes > device.memory_bytes)
        return NULL;
    const uintptr_t start = (used + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    const size_t end = start + bytes, have = __builtin_wasm_memory_size(0) * (size_t)PAGE_BYTES;
    if (end > have &&
        __builtin_wasm_memory_grow(0, (end - have + PAGE_BYTES - 1) / PAGE_BYTES) == (size_t)-1)
        return NULL;
    used = end;
    return memset((void *)start, 0, bytes);
}

void free(void *memory)
{
    (void)memory;
}

void *mmap(void *wanted, size_t bytes, int protection, int flags, int file, long offset)
{
    (void)wanted, (void)protection, (void)flags, (void)file, (void)offset;
    void *memory = calloc(bytes, 1);
    return memory ? memory : MAP_FAILED;
}

int munmap(void *memory, size_t bytes)
{
    (void)memory, (void)bytes;
    return 0;
}

int madvise(void *memory, size_t bytes, int advice)
{
    (void)memory, (void)bytes, (void)advice;
    return 0;
}

// Nothing is ever measured here.
int clock_gettime(int clock, struct timespec *time)
{
    (void)clock;
    *time = (struct timespec){0};
    return 0;
}

// Words for people are the page's business.
nca_status nca_fail(nca_error *error, nca_status status, const char *format, ...)
{
    (void)error, (void)format;
    return status;
}

// -- What the backend takes from its other files --------------------------------------------------

// As nca_cpu_fill_scalar(), without what goes backward, which would double the module.
void nca_cpu_fill(int variant, nca_cpu_ops *ops, const nca_spec *spec)
{
    (void)variant;
    *ops = (nca_cpu_ops){
        .chunk = NCA_CPU_CHUNK,
        .fire = nca_cpu_fire_scalar,
        .noise = nca_cpu_noise_scalar,
        .dilate = nca_cpu_dilate_scalar,
        .perceive = spec->perception == NCA_MOORE    ? nca_cpu_perceive_moore
                    : spec->perception == NCA_SUMMED ? nca_cpu_perceive_summed
                                                     : nca_cpu_perceive_scalar,
        .mlp = nca_cpu_mlp_scalar,
    };
}

int nca_cpu_workers_count(const nca_cpu_workers *workers)
{
    (void)workers;
    return 1;
}

nca_status nca_cpu_workers_run(nca_cpu_workers *workers, const nca_cpu_job *job, nca_error *error)
{
    (void)workers, (void)error;
    for (int phase = 0; phase < job->phases; phase++)
        for (int band = 0; band < job->bands; band++)
            job->band(job->context, 0, phase, band, 0);
    return NCA_OK;
}

// -- What the page calls --------------------------------------------------------------------------

// Begins anew with a rule of this spec on this grid; 0 where it is refused or there is no memory.
// Whatever an earlier call gave is gone.
EXPORT("open")
int open_rule(int channels, int perception, int hidden, int hidden2, int frozen, int alive,
              int alive_channel, double noise, int height, int width)
{
    const nca_shape shape = {.batch = 1,
                             .height = height,
                             .width = width,
                             .spec = {.channels = channels,
                                      .perception = (nca_perception)perception,
                                      .hidden = {hidden, hidden2},
                                      .frozen = frozen,
                                      .alive = (nca_alive)alive,
                                      .alive_channel = alive_channel,
                                      .noise = noise}};
    used = (uintptr_t)&__heap_base;
    session = NULL;
    if (nca_cpu_session_create(&device, &shape, &session, NULL) != NCA_OK)
        return 0;
    state_count = (size_t)height * (size_t)width * (size_t)channels;
    state = calloc(state_count, sizeof *state);
    parameters = calloc(session->layout.total, sizeof *parameters);
    return state && parameters;
}

// [P], to be filled by the page; `load` takes them over.
EXPORT("parameters")
float *parameters_of(void)
{
    return parameters;
}

// [H,W,C], read and written by the page between calls of `run`.
EXPORT("state")
float *state_of(void)
{
    return state;
}

EXPORT("load")
void load(void)
{
    (void)nca_cpu_upload(session, NCA_PARAMETERS, 0, session->layout.total, parameters, NULL);
}

// Steps first_step..first_step+steps-1 of the state; `angle` in radians, `seed` at most 32 bits.
// Returns how many networks were computed.
EXPORT("run")
int run(int steps, int first_step, unsigned seed, double fire_rate, double angle, double step_size)
{
    const nca_rollout rollout = {.steps = steps,
                                 .first_step = first_step,
                                 .key = {.seed = seed},
                                 .fire_rate = fire_rate,
                                 .angle = angle,
                                 .step_size = step_size,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD};
    nca_pass_report report;
    (void)nca_cpu_upload(session, NCA_BATCH, 0, state_count, state, NULL);
    (void)nca_cpu_forward(session, &rollout, &report, NULL);
    (void)nca_cpu_download(session, NCA_BATCH, 0, state_count, state, NULL);
    return (int)report.active_cells;
}
