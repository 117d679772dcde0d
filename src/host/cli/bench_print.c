// Tables and JSON of nca bench.
#include "cli/bench_print.h"

#include <stdio.h>

#include "cli/device_options.h"

static void print_head(const nca_bench_place *on, const char *subject)
{
    const nca_shape *shape = &on->options->shape;
    char device[NCA_DEVICE_BYTES];
    printf("%s, %d x %dx%d x %d step%s, %d channels, %d hidden; %s\n\n", subject, shape->batch,
           shape->height, shape->width, shape->tape_steps, shape->tape_steps == 1 ? "" : "s",
           shape->spec.channels, shape->spec.hidden[0], nca_device_words(&on->info, device));
}

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

void nca_bench_print_step(const nca_bench_place *on, const nca_measurement *found)
{
    print_head(on, "train step");
    print_timing("step", &found->step);
    print_timing("forward", &found->forward);
    print_timing("loss", &found->loss);
    print_timing("backward", &found->backward);
    print_timing("optimizer", &found->update);
    printf("\n  active fraction %.3f (disc of radius %.1f), peak memory %.0f MB\n",
           found->active_fraction, found->radius, found->peak_rss_mb);
    printf("  million cells a second: %.3f dense, %.3f active\n", 1e-6 * found->dense_cells,
           1e-6 * found->active_cells);
    print_rate(on, "network forward", found->forward_flops, found->peak_flops);
    print_rate(on, "  in its best repeat", found->forward_best, found->peak_flops);
    print_rate(on, "network backward", found->backward_flops, found->peak_flops);
    print_rate(on, "  in its best repeat", found->backward_best, found->peak_flops);
    print_rate(on, "whole step", found->flops / nca_peaks_of(&on->info), found->peak_flops);
    print_rate(on, "multiply-add peak", found->peak_flops, 0);
    print_bytes(found->bytes, found->peak_bytes);
}

static void print_share(double share, double peak)
{
    if (peak > 0)
        printf("%8.1f", 100 * share);
    else
        printf("%8s", "-");
}

void nca_bench_print_kernels(const nca_bench_place *on, const nca_kernels_measurement *found)
{
    print_head(on, "kernels one by one");
    printf("  %-22s%11s%23s%10s%10s%10s%10s%8s%8s\n", "kernel", "median us", "min to max", "Mflop",
           "KB", "Gflop/s", "GB/s", "% flop", "% byte");
    for (int i = 0; i < found->count; i++) {
        const nca_kernel_measurement *of = &found->kernel[i];
        char range[32];
        snprintf(range, sizeof range, "%.2f to %.2f", 1e3 * of->time.min_ms, 1e3 * of->time.max_ms);
        printf("  %-22s%11.2f%23s%10.3f%10.1f%10.1f%10.1f", of->name, 1e3 * of->time.median_ms,
               range, 1e-6 * of->flop, 1e-3 * of->bytes, 1e-6 * of->flop / of->time.median_ms,
               1e-6 * of->bytes / of->time.median_ms);
        print_share(of->share_of_flops, found->peak_flops);
        print_share(of->share_of_bytes, found->peak_bytes);
        printf("\n");
    }
    printf("\n  peaks, measured in turn: %.1f Gflop/s of multiply-adds, %.1f GB/s of memory; more "
           "than that\n  comes from the caches. Active fraction %.3f (disc of radius %.1f)\n",
           1e-9 * found->peak_flops, 1e-9 * found->peak_bytes, found->active_fraction,
           found->radius);
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
    print_share(found->share_of_peak, found->peak_flops);
    print_share(found->peak_bytes > 0 ? found->bytes / found->peak_bytes : 0, found->peak_bytes);
    printf("%16.3f%16.3f\n", 1e-6 * found->dense_cells, 1e-6 * found->active_cells);
}

// -- JSON

// A number, or null where the peak it is a part of was not measured.
static void json_number(const char *name, double value, double peak)
{
    if (peak > 0)
        printf("\"%s\": %.5g", name, value);
    else
        printf("\"%s\": null", name);
}

static void json_head(const nca_bench_place *on, const char *subject)
{
    const nca_shape *shape = &on->options->shape;
    printf("{\"subject\": \"%s\", \"device\": \"%s\", \"isa\": \"%s\", \"threads\": %d,\n", subject,
           on->device, on->info.variant, on->info.threads);
    printf(" \"batch\": %d, \"grid\": [%d, %d], \"steps\": %d, \"channels\": %d, \"hidden\": %d,\n",
           shape->batch, shape->height, shape->width, shape->tape_steps, shape->spec.channels,
           shape->spec.hidden[0]);
}

void nca_bench_json_step(const nca_bench_place *on, const nca_measurement *found)
{
    json_head(on, "step");
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
    json_number("share_of_peak", found->share_of_peak, found->peak_flops);
    printf(",\n \"gflops\": %.3f, \"gbytes\": %.3f, ", 1e-9 * found->flops, 1e-9 * found->bytes);
    json_number("peak_gbytes", 1e-9 * found->peak_bytes, found->peak_bytes);
    printf(",\n \"dense_cells_per_second\": %.0f, \"active_cells_per_second\": %.0f,\n",
           found->dense_cells, found->active_cells);
    printf(" \"peak_rss_mb\": %.1f}", found->peak_rss_mb);
}

static void json_kernel(const nca_kernels_measurement *found, const nca_kernel_measurement *of)
{
    printf("  {\"name\": \"%s\", \"median_us\": %.4f, \"min_us\": %.4f, \"max_us\": %.4f,\n",
           of->name, 1e3 * of->time.median_ms, 1e3 * of->time.min_ms, 1e3 * of->time.max_ms);
    printf("   \"flop\": %.0f, \"bytes\": %.0f, \"gflops\": %.4f, \"gbytes\": %.4f, ", of->flop,
           of->bytes, 1e-6 * of->flop / of->time.median_ms, 1e-6 * of->bytes / of->time.median_ms);
    json_number("share_of_flops", of->share_of_flops, found->peak_flops);
    printf(", ");
    json_number("share_of_bytes", of->share_of_bytes, found->peak_bytes);
    printf("}");
}

void nca_bench_json_kernels(const nca_bench_place *on, const nca_kernels_measurement *found)
{
    json_head(on, "kernels");
    printf(" \"active_fraction\": %.5f, ", found->active_fraction);
    json_number("peak_gflops", 1e-9 * found->peak_flops, found->peak_flops);
    printf(", ");
    json_number("peak_gbytes", 1e-9 * found->peak_bytes, found->peak_bytes);
    printf(",\n \"kernels\": [\n");
    for (int i = 0; i < found->count; i++) {
        json_kernel(found, &found->kernel[i]);
        printf(i + 1 < found->count ? ",\n" : "]}");
    }
}
