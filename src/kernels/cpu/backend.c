// The CPU backend: what machine this is, which kernels it may run, and the table of functions.
#define _GNU_SOURCE   // sched_getaffinity
#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { THREADS_MAX = 1024 };

// Cores that this process may use.
static int count_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores > 0 ? (int)cores : 1;
}

// The processor's own name, from the cpuid instruction.
static void name_processor(char *name, size_t size)
{
    snprintf(name, size, "CPU");
#if defined(__x86_64__)
    unsigned words[12];
    for (unsigned i = 0; i < 3; i++)
        if (!__get_cpuid(0x80000002u + i, words + 4 * i, words + 4 * i + 1, words + 4 * i + 2,
                         words + 4 * i + 3))
            return;
    char text[sizeof words + 1] = {0};
    memcpy(text, words, sizeof words);
    const char *start = text + strspn(text, " ");
    for (size_t end = strlen(text); end > 0 && text[end - 1] == ' '; end--)
        text[end - 1] = 0;
    snprintf(name, size, "%s", start);
#endif
}

static void close_device(nca_device *device)
{
    if (!device)
        return;
    nca_cpu_workers_free(device->workers);
    free(device);
}

static nca_status open_device(const nca_device_options *options, nca_device **out, nca_error *error)
{
    int variant = 0;
    const nca_device_options standard = {0};
    if (!options)
        options = &standard;
    if (options->threads < 0 || options->threads > THREADS_MAX)
        return nca_fail(error, NCA_ARGUMENT, "--threads %d: must be 0..%d", options->threads,
                        THREADS_MAX);
    if (options->number != 0)
        return nca_fail(error, NCA_DEVICE, "cpu:%d: there is only one; use --device cpu",
                        options->number);
    if (options->cuda_path || options->tape_every)
        return nca_fail(error, NCA_ARGUMENT,
                        "--cuda-path and --tape-every: only for --device cuda; leave them out");
    NCA_TRY(nca_cpu_choose(options, &variant, error));
    nca_device *device = calloc(1, sizeof *device);
    if (!device)
        return nca_fail(error, NCA_MEMORY, "the cpu: no memory for its bookkeeping");
    device->variant = variant;
    device->memory_bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGE_SIZE);
    name_processor(device->name, sizeof device->name);
    const int threads = options->threads > 0 ? options->threads : count_cores();
    const nca_status status = nca_cpu_workers_create(threads, &device->workers, error);
    if (status != NCA_OK) {
        close_device(device);
        return status;
    }
    *out = device;
    return NCA_OK;
}

// A name that stands for several precisions.
static bool is_shared(const char *name)
{
    int rows = 0;
    for (const nca_cpu_variant *row = nca_cpu_variants; row->name; row++)
        rows += strcmp(row->name, name) == 0;
    return rows > 1;
}

static void describe(const nca_device *device, nca_device_info *out)
{
    *out = (nca_device_info){.threads = nca_cpu_workers_count(device->workers),
                             .memory_bytes = device->memory_bytes,
                             .uses_host_memory = true};
    snprintf(out->name, sizeof out->name, "%s", device->name);
    const nca_cpu_variant *variant = &nca_cpu_variants[device->variant];
    const bool tells = strcmp(variant->precision, "f32") != 0 && is_shared(variant->name);
    snprintf(out->variant, sizeof out->variant, "%s%s%s", variant->name, tells ? ", " : "",
             tells ? variant->precision : "");
    snprintf(out->precision, sizeof out->precision, "%s", variant->precision);
    snprintf(out->arithmetic, sizeof out->arithmetic, "%s", variant->arithmetic);
}

// Every call has done its work when it returns.
static nca_status synchronize(nca_session *session, nca_error *error)
{
    (void)session, (void)error;
    return NCA_OK;
}

// The functions behind the checks.
static const nca_backend behind = {
    .upload = nca_cpu_upload,
    .download = nca_cpu_download,
    .gather = nca_cpu_gather,
    .scatter = nca_cpu_scatter,
    .damage = nca_cpu_damage,
    .exchange = nca_cpu_exchange,
    .forward = nca_cpu_forward,
    .loss = nca_cpu_loss,
    .backward = nca_cpu_backward,
    .update = nca_cpu_update,
    .synchronize = synchronize,
};

static nca_status create(nca_device *device, const nca_shape *shape, nca_session **out,
                         nca_error *error)
{
    NCA_TRY(nca_cpu_session_create(device, shape, out, error));
    (*out)->head.own = &behind;
    return NCA_OK;
}

const nca_backend nca_cpu_backend = {
    .name = "cpu",
    .description = "active cells only, on all cores, with AVX-512, AVX2 or plain C",
    .variants = nca_cpu_variant_names,
    .list_isas = nca_cpu_list_names,
    .open = open_device,
    .close = close_device,
    .info = describe,
    .peak = nca_cpu_peak,
    .peak_bytes = nca_cpu_peak_bytes,
    .session_bytes = nca_cpu_session_bytes,
    .create = create,
    .destroy = nca_cpu_session_destroy,
    NCA_FRONT,
};
