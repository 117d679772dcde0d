// Kernels one by one, as a table and as JSON.
#include "kernels/kernels.h"

#include <stdio.h>

void kernels_print(const nca_bench_place *on, const kernels_measurement *found)
{
    nca_bench_print_head(on, "kernels one by one");
    printf("  %-22s%11s%23s%10s%10s%10s%10s%8s%8s\n", "kernel", "median us", "min to max", "Mflop",
           "KB", "Gflop/s", "GB/s", "% flop", "% byte");
    for (int i = 0; i < found->count; i++) {
        const kernel_measurement *of = &found->kernel[i];
        char range[32];
        snprintf(range, sizeof range, "%.2f to %.2f", 1e3 * of->time.min_ms, 1e3 * of->time.max_ms);
        printf("  %-22s%11.2f%23s%10.3f%10.1f%10.1f%10.1f", of->name, 1e3 * of->time.median_ms,
               range, 1e-6 * of->flop, 1e-3 * of->bytes, 1e-6 * of->flop / of->time.median_ms,
               1e-6 * of->bytes / of->time.median_ms);
        nca_bench_print_share(of->share_of_flops, found->peak_flops);
        nca_bench_print_share(of->share_of_bytes, found->peak_bytes);
        printf("\n");
    }
    printf("\n  peaks, measured in turn: %.1f Gflop/s of multiply-adds, %.1f GB/s of memory; more "
           "than that\n  comes from the caches. Active fraction %.3f (disc of radius %.1f)\n",
           1e-9 * found->peak_flops, 1e-9 * found->peak_bytes, found->active_fraction,
           found->radius);
}

static void json_kernel(const kernels_measurement *found, const kernel_measurement *of)
{
    printf("  {\"name\": \"%s\", \"median_us\": %.4f, \"min_us\": %.4f, \"max_us\": %.4f,\n",
           of->name, 1e3 * of->time.median_ms, 1e3 * of->time.min_ms, 1e3 * of->time.max_ms);
    printf("   \"flop\": %.0f, \"bytes\": %.0f, \"gflops\": %.4f, \"gbytes\": %.4f, ", of->flop,
           of->bytes, 1e-6 * of->flop / of->time.median_ms, 1e-6 * of->bytes / of->time.median_ms);
    nca_bench_json_number("share_of_flops", of->share_of_flops, found->peak_flops);
    printf(", ");
    nca_bench_json_number("share_of_bytes", of->share_of_bytes, found->peak_bytes);
    printf("}");
}

void kernels_print_json(const nca_bench_place *on, const kernels_measurement *found)
{
    nca_bench_json_head(on, "kernels");
    printf(" \"active_fraction\": %.5f, ", found->active_fraction);
    nca_bench_json_number("peak_gflops", 1e-9 * found->peak_flops, found->peak_flops);
    printf(", ");
    nca_bench_json_number("peak_gbytes", 1e-9 * found->peak_bytes, found->peak_bytes);
    printf(",\n \"kernels\": [\n");
    for (int i = 0; i < found->count; i++) {
        json_kernel(found, &found->kernel[i]);
        printf(i + 1 < found->count ? ",\n" : "]}");
    }
}
