// Timing of a train step.
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "base/clock.h"
#include "base/spread.h"
#include "verify/measuring.h"

// What is measured in every repeat.
enum {
    FORWARD,
    LOSS,
    BACKWARD,
    UPDATE,
    STEP,
    PEAK,
    CORE_SHARE,
    FORWARD_RATE,
    BACKWARD_RATE,
    SERIES
};
enum { PARTS = NCA_MEASURING_PARTS };

static double rate_of(const nca_pass_report *report)
{
    return report->mlp_seconds > 0 ? (double)report->mlp_flop / report->mlp_seconds : 0;
}

// That the threads of this process have computed.
static double processor_seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

// One repeat; values [SERIES].
static nca_status repeat_step(nca_measuring *measuring, double *values, nca_error *error)
{
    double clocked[PARTS];
    NCA_TRY(nca_measuring_step(measuring, false, values, error));
    values[STEP] = 0;
    for (int i = 0; i < PARTS; i++)
        values[STEP] += values[i];
    NCA_TRY(nca_measuring_step(measuring, true, clocked, error));
    values[FORWARD_RATE] = rate_of(&measuring->forward);
    values[BACKWARD_RATE] = rate_of(&measuring->backward);
    const double began = nca_clock(), used = processor_seconds();
    values[PEAK] = measuring->backend->peak(measuring->device);
    values[CORE_SHARE] = (processor_seconds() - used) / (nca_clock() - began);
    return NCA_OK;
}

// series [SERIES,repeats] is scratch.
static nca_status time_steps(nca_measuring *measuring, double *series, nca_measurement *out,
                             nca_error *error)
{
    const int repeats = measuring->options->repeats;
    double *part[SERIES], values[SERIES];
    for (int i = 0; i < SERIES; i++)
        part[i] = series + i * repeats;
    for (int r = 0; r < measuring->options->warmup; r++)
        NCA_TRY(nca_measuring_step(measuring, false, values, error));
    for (int r = 0; r < repeats; r++) {
        NCA_TRY(repeat_step(measuring, values, error));
        for (int i = 0; i < SERIES; i++)
            part[i][r] = values[i];
    }
    out->active_fraction = nca_measuring_active_fraction(&measuring->forward);
    out->step = nca_timing_of(part[STEP], repeats);
    out->forward = nca_timing_of(part[FORWARD], repeats);
    out->loss = nca_timing_of(part[LOSS], repeats);
    out->backward = nca_timing_of(part[BACKWARD], repeats);
    out->update = nca_timing_of(part[UPDATE], repeats);
    out->peak_flops = nca_spread_of(part[PEAK], repeats).median;
    out->core_share = nca_spread_of(part[CORE_SHARE], repeats).median;
    const nca_spread forward = nca_spread_of(part[FORWARD_RATE], repeats);
    const nca_spread backward = nca_spread_of(part[BACKWARD_RATE], repeats);
    out->forward_flops = forward.median;
    out->forward_best = forward.max;
    out->backward_flops = backward.median;
    out->backward_best = backward.max;
    return NCA_OK;
}

// The fewest bytes of a step: of every living cell the state, read and written forward and read
// backward, and its gradient, read and written. About as many cells live as are active over the
// rate.
static double bytes_of(const nca_measuring *measuring)
{
    const double alive = (double)measuring->forward.active_cells / measuring->options->fire_rate;
    return 5 * sizeof(float) * measuring->options->shape.spec.channels * alive;
}

static nca_status measure(nca_measuring *measuring, double *series, nca_measurement *out,
                          nca_error *error)
{
    nca_device_info info;
    struct rusage usage;
    NCA_TRY(time_steps(measuring, series, out, error));
    measuring->backend->info(measuring->device, &info);
    const double seconds = out->step.median_ms * 1e-3,
                 cells = (double)measuring->forward.cell_steps;
    const double flop = (double)(measuring->forward.mlp_flop + measuring->backward.mlp_flop);
    out->core_share = info.threads > 0 ? out->core_share / info.threads : 1;
    out->flops = flop / seconds;
    out->share_of_peak =
        out->peak_flops > 0 ? out->flops / nca_peaks_of(&info) / out->peak_flops : 0;
    out->bytes = bytes_of(measuring) / seconds;
    out->dense_cells = cells / seconds;
    out->active_cells = (double)measuring->forward.active_cells / seconds;
    getrusage(RUSAGE_SELF, &usage);
    out->peak_rss_mb = (double)usage.ru_maxrss * 1024 / 1e6;   // it is in KiB
    out->peak_bytes =
        measuring->backend->peak_bytes ? measuring->backend->peak_bytes(measuring->device) : 0;
    out->radius = measuring->radius;
    out->session = nca_measuring_about(measuring);
    return NCA_OK;
}

nca_status nca_measure_step(const nca_measure_options *options, const nca_compute *compute,
                            nca_measurement *out, nca_error *error)
{
    nca_measuring measuring;
    nca_measurement found = {0};
    nca_status status;
    double *series = calloc((size_t)options->repeats * SERIES, sizeof *series);
    NCA_GO(nca_measuring_open(options, compute, &measuring, error));
    if (!series)
        NCA_GO(nca_fail(error, NCA_MEMORY, "--repeats %d: no memory for it", options->repeats));
    NCA_GO(measure(&measuring, series, &found, error));
    *out = found;
cleanup:
    nca_measuring_close(&measuring);
    free(series);
    return status;
}
