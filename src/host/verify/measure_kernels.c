// Timing of kernels one by one.
#include <stdlib.h>

#include "base/spread.h"
#include "verify/measuring.h"

// A run is long enough for a clock, and short enough that all kernels take turns.
static const double run_seconds = 2e-3;
enum { TIMES_MAX = 1000 };

// Kernels while they are timed.
typedef struct timing {
    nca_measuring session;
    nca_kernels_measurement found;
    int times[NCA_KERNELS_MAX];   // in one run
    double *seconds;              // [kernels,repeats]
    double *peaks;                // [2,repeats]
} timing;

// Who the kernels are, what each has to do, and how often it fits into a run; which warms them up.
static nca_status list_kernels(timing *of, nca_error *error)
{
    const nca_backend *backend = of->session.backend;
    nca_kernels_measurement *found = &of->found;
    for (found->count = 0; found->count < NCA_KERNELS_MAX; found->count++) {
        nca_kernel_report report;
        NCA_TRY(backend->kernel(of->session.session, found->count, 1, &report, error));
        if (!report.name)
            return NCA_OK;
        NCA_TRY(backend->kernel(of->session.session, found->count, 1, &report, error));
        const double fits = run_seconds / report.seconds;
        of->times[found->count] = fits < 1 ? 1 : fits < TIMES_MAX ? (int)fits : TIMES_MAX;
        found->kernel[found->count] = (nca_kernel_measurement){
            .name = report.name, .flop = report.flop, .bytes = report.bytes};
    }
    return NCA_OK;
}

// One run of every kernel, and of the peaks.
static nca_status repeat(timing *of, int number, nca_error *error)
{
    const nca_backend *backend = of->session.backend;
    const int repeats = of->session.options->repeats;
    for (int k = 0; k < of->found.count; k++) {
        nca_kernel_report report;
        NCA_TRY(backend->kernel(of->session.session, k, of->times[k], &report, error));
        of->seconds[k * repeats + number] = report.seconds;
    }
    of->peaks[number] = backend->peak(of->session.device);
    of->peaks[repeats + number] = backend->peak_bytes ? backend->peak_bytes(of->session.device) : 0;
    return NCA_OK;
}

static double share(double work, const nca_timing *time, double peak)
{
    return peak > 0 ? work / (1e-3 * time->median_ms) / peak : 0;
}

static void conclude(timing *of)
{
    const int repeats = of->session.options->repeats;
    nca_kernels_measurement *found = &of->found;
    nca_device_info info;
    of->session.backend->info(of->session.device, &info);
    found->active_fraction = nca_measuring_active_fraction(&of->session.forward);
    found->radius = of->session.radius;
    found->session = nca_measuring_about(&of->session);
    found->peak_flops = nca_spread_of(of->peaks, repeats).median * nca_peaks_of(&info);
    found->peak_bytes = nca_spread_of(of->peaks + repeats, repeats).median;
    for (int k = 0; k < found->count; k++) {
        nca_kernel_measurement *kernel = &found->kernel[k];
        kernel->time = nca_timing_of(of->seconds + k * repeats, repeats);
        kernel->share_of_flops = share(kernel->flop, &kernel->time, found->peak_flops);
        kernel->share_of_bytes = share(kernel->bytes, &kernel->time, found->peak_bytes);
    }
}

static nca_status measure(timing *of, nca_error *error)
{
    const int repeats = of->session.options->repeats;
    double seconds[NCA_MEASURING_PARTS];
    NCA_TRY(nca_measuring_step(&of->session, false, seconds, error));
    NCA_TRY(list_kernels(of, error));
    of->seconds = calloc((size_t)of->found.count * (size_t)repeats, sizeof *of->seconds);
    of->peaks = calloc(2 * (size_t)repeats, sizeof *of->peaks);
    if (!of->seconds || !of->peaks)
        return nca_fail(error, NCA_MEMORY, "--repeats %d: no memory for it", repeats);
    for (int i = 0; i < repeats; i++)
        NCA_TRY(repeat(of, i, error));
    conclude(of);
    return NCA_OK;
}

nca_status nca_measure_kernels(const nca_measure_options *options, const nca_compute *compute,
                               nca_kernels_measurement *out, nca_error *error)
{
    nca_measure_options with_pool = *options;
    timing of = {0};
    nca_status status;
    if (!compute->backend->kernel)
        return nca_fail(error, NCA_ARGUMENT,
                        "--device %s: has no kernels to time one by one; time the whole step, by "
                        "nca bench step",
                        compute->backend->name);
    with_pool.shape.pool = options->shape.batch;
    NCA_GO(nca_measuring_open(&with_pool, compute, &of.session, error));
    NCA_GO(measure(&of, error));
    *out = of.found;
cleanup:
    nca_measuring_close(&of.session);
    free(of.seconds);
    free(of.peaks);
    return status;
}
