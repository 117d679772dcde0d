// Train steps as tables and as JSON: what nca bench prints.
#include "cli/bench_print.h"

#include <stdio.h>

static void print_timing(const char *name, const nca_timing *timing)
{
    printf("  %-12s%9.2f ms   %.2f to %.2f\n", name, timing->median_ms, timing->min_ms,
           timing->max_ms);
}

// A CPU's rates are those of a core, a GPU's those of the whole.
static void print_rate(const nca_bench_place *on, const char *name, double flops, double peak)
{
    printf("  %-26s%7.1f Gflop/s%s", name, 1e-9 * flops, on->info.threads > 0 ? " a core" : "");
    if (peak > 0)
        printf(", %.0f %% of the peak", 100 * flops / peak);
    printf("\n");
}

static void print_bytes(double bytes, double peak)
{
    printf("  %-26s%7.1f GB/s", "states and gradients", 1e-9 * bytes);
    if (peak > 0)
        printf(", %.0f %% of memory's %.1f", 100 * bytes / peak, 1e-9 * peak);
    printf("\n");
}

// A peak that was measured beside other programs is none.
static void print_busy(const nca_measurement *found)
{
    if (nca_measurement_is_busy(found))
        printf("warning: this machine is busy: nca got %.0f %% of its cores, so times are too long "
               "and\nshares of the peaks are left out; run it again when nothing else runs\n\n",
               100 * found->core_share);
}

// The peak that shares are given of; 0: of none.
static double find_peak(const nca_measurement *found)
{
    return nca_measurement_is_busy(found) || nca_measurement_beats_peak(found) ? 0
                                                                               : found->peak_flops;
}

void nca_bench_print_step(const nca_bench_place *on, const nca_measurement *found)
{
    const double peak_flops = find_peak(found);
    const double peak_bytes = nca_measurement_is_busy(found) ? 0 : found->peak_bytes;
    nca_bench_print_head(on, "train step");
    print_busy(found);
    print_timing("step", &found->step);
    print_timing("forward", &found->forward);
    print_timing("loss", &found->loss);
    print_timing("backward", &found->backward);
    print_timing("optimizer", &found->update);
    printf("\n  active fraction %.3f (disc of radius %.1f), peak memory %.0f MB\n",
           found->active_fraction, found->radius, found->peak_rss_mb);
    printf("  million cells a second: %.3f dense, %.3f active\n", 1e-6 * found->dense_cells,
           1e-6 * found->active_cells);
    print_rate(on, "network forward", found->forward_flops, peak_flops);
    print_rate(on, "  in its best repeat", found->forward_best, peak_flops);
    print_rate(on, "network backward", found->backward_flops, peak_flops);
    print_rate(on, "  in its best repeat", found->backward_best, peak_flops);
    print_rate(on, "whole step", found->flops / nca_peaks_of(&on->info), peak_flops);
    if (nca_measurement_beats_peak(found))
        print_rate(on, "multiply-adds alone", found->peak_flops, 0);
    else
        print_rate(on, "multiply-add peak", found->peak_flops, 0);
    print_bytes(found->bytes, peak_bytes);
}

void nca_bench_print_beside(const nca_bench_place *on, const nca_measurement *found)
{
    if (!found) {
        printf("steps side by side\n\n  %-22s%12s%10s%10s%8s%8s%16s%16s\n", "", "median ms",
               "Gflop/s", "GB/s", "% flop", "% byte", "dense Mcell/s", "active Mcell/s");
        return;
    }
    char place[64];
    snprintf(place, sizeof place, "%.20s (%.31s)", on->device, on->info.variant);
    printf("  %-22s%12.2f%10.1f%10.1f", place, found->step.median_ms, 1e-9 * found->flops,
           1e-9 * found->bytes);
    nca_bench_print_share(found->share_of_peak, find_peak(found));
    nca_bench_print_share(found->peak_bytes > 0 ? found->bytes / found->peak_bytes : 0,
                          nca_measurement_is_busy(found) ? 0 : found->peak_bytes);
    printf("%16.3f%16.3f\n", 1e-6 * found->dense_cells, 1e-6 * found->active_cells);
}

// -- JSON

void nca_bench_json_step(const nca_bench_place *on, const nca_measurement *found)
{
    nca_bench_json_head(on, "step");
    printf(" \"median_ms\": %.4f, \"min_ms\": %.4f, \"max_ms\": %.4f,\n", found->step.median_ms,
           found->step.min_ms, found->step.max_ms);
    printf(" \"forward_ms\": %.4f, \"loss_ms\": %.4f, \"backward_ms\": %.4f, \"update_ms\": "
           "%.4f,\n",
           found->forward.median_ms, found->loss.median_ms, found->backward.median_ms,
           found->update.median_ms);
    printf(" \"active_fraction\": %.5f,\n", found->active_fraction);
    printf(" \"forward_gflops_per_core\": %.3f, \"backward_gflops_per_core\": %.3f,\n",
           1e-9 * found->forward_flops, 1e-9 * found->backward_flops);
    printf(" \"forward_best_gflops_per_core\": %.3f, \"backward_best_gflops_per_core\": %.3f,\n",
           1e-9 * found->forward_best, 1e-9 * found->backward_best);
    printf(" \"peak_gflops_per_core\": %.3f, ", 1e-9 * found->peak_flops);
    nca_bench_json_number("share_of_peak", found->share_of_peak,
                          nca_measurement_beats_peak(found) ? 0 : found->peak_flops);
    printf(", \"core_share\": %.3f", found->core_share);
    printf(",\n \"gflops\": %.3f, \"gbytes\": %.3f, ", 1e-9 * found->flops, 1e-9 * found->bytes);
    nca_bench_json_number("peak_gbytes", 1e-9 * found->peak_bytes, found->peak_bytes);
    printf(",\n \"dense_cells_per_second\": %.0f, \"active_cells_per_second\": %.0f,\n",
           found->dense_cells, found->active_cells);
    printf(" \"peak_rss_mb\": %.1f}", found->peak_rss_mb);
}
