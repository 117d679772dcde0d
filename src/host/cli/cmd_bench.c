// nca bench: how fast this build trains on this machine.
#include <string.h>

#include "cli/device_options.h"
#include "cli/target_options.h"
#include "study/measure.h"

typedef struct bench_options {
    int64_t batch, steps, channels, hidden, repeats, warmup, seed;
    double active, fire_rate;
    const char *grid;
    bool json;
    nca_device_arguments device;
} bench_options;

static const nca_option rows[] = {
    {"batch", NCA_OPTION_INT, offsetof(bench_options, batch), 1, 4096, "N", "samples [4]", NULL},
    {"grid", NCA_OPTION_STRING, offsetof(bench_options, grid), 0, 0, "N|HxW", "cells [56]", NULL},
    {"steps", NCA_OPTION_INT, offsetof(bench_options, steps), 1, 65536, "T",
     "steps of the rollout [128]", NULL},
    {"active", NCA_OPTION_REAL, offsetof(bench_options, active), 0.001, 1, "P",
     "fraction of cell-steps that are alive and fire, by the size of the disc [0.22]", NULL},
    {"fire-rate", NCA_OPTION_REAL, offsetof(bench_options, fire_rate), 0.001, 1, "P",
     "probability that a cell updates [0.5]", NULL},
    {"channels", NCA_OPTION_INT, offsetof(bench_options, channels), 4, 256, "N",
     "numbers in a cell [16]", NULL},
    {"hidden", NCA_OPTION_INT, offsetof(bench_options, hidden), 4, 4096, "N", "hidden units [128]",
     NULL},
    {"repeats", NCA_OPTION_INT, offsetof(bench_options, repeats), 1, 1000, "N", "timed steps [9]",
     NULL},
    {"warmup", NCA_OPTION_INT, offsetof(bench_options, warmup), 0, 1000, "N",
     "steps before them [2]", NULL},
    {"seed", NCA_OPTION_INT, offsetof(bench_options, seed), 0, NCA_SEED_MAX, "N",
     "of disc and rule [1]", NULL},
    NCA_DEVICE_ROWS(bench_options, device),
    {"json", NCA_OPTION_FLAG, offsetof(bench_options, json), 0, 0, NULL, "JSON", NULL},
    {0},
};

static const char details[] =
    "bench step times one train step (forward, loss, backward, optimizer) on a living disc. The\n"
    "machine's multiply-add peak is measured between the steps; Gflop/s count the network's\n"
    "products on active cells, and the backward pass' recomputed hidden layer.\n"
    "\n"
    "Example:\n"
    "  nca bench step --batch 8 --grid 72 --steps 80 --active 0.15\n";

static void print_timing(const char *name, const nca_timing *timing)
{
    printf("  %-12s%9.2f ms   %.2f to %.2f\n", name, timing->median_ms, timing->min_ms,
           timing->max_ms);
}

static void print_rate(const char *name, double flops, double peak)
{
    printf("  %-26s%7.1f Gflop/s a core", name, 1e-9 * flops);
    if (peak > 0)
        printf(", %.0f %% of the peak", 100 * flops / peak);
    printf("\n");
}

static void print_table(const nca_measure_options *options, const nca_device_info *info,
                        const nca_measurement *found)
{
    const nca_shape *shape = &options->shape;
    printf("train step, %d x %dx%d x %d step%s, %d channels, %d hidden; %s (%s), %d thread%s\n\n",
           shape->batch, shape->height, shape->width, shape->tape_steps,
           shape->tape_steps == 1 ? "" : "s", shape->channels, shape->hidden, info->name,
           info->variant, info->threads, info->threads == 1 ? "" : "s");
    print_timing("step", &found->step);
    print_timing("forward", &found->forward);
    print_timing("loss", &found->loss);
    print_timing("backward", &found->backward);
    print_timing("optimizer", &found->update);
    printf("\n  active fraction %.3f (disc of radius %.1f), peak memory %.0f MB\n",
           found->active_fraction, found->radius, found->peak_rss_mb);
    print_rate("network forward", found->forward_flops, found->peak_flops);
    print_rate("  in its best repeat", found->forward_best, found->peak_flops);
    print_rate("network backward", found->backward_flops, found->peak_flops);
    print_rate("  in its best repeat", found->backward_best, found->peak_flops);
    print_rate("whole step", found->share_of_peak * found->peak_flops, found->peak_flops);
    print_rate("multiply-add peak", found->peak_flops, 0);
}

static void print_json(const nca_measure_options *options, const nca_device_info *info,
                       const nca_measurement *found)
{
    const nca_shape *shape = &options->shape;
    printf("{\"batch\": %d, \"grid\": [%d, %d], \"steps\": %d, \"channels\": %d, \"hidden\": %d,\n",
           shape->batch, shape->height, shape->width, shape->tape_steps, shape->channels,
           shape->hidden);
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
    printf(" \"peak_gflops_per_core\": %.3f, \"share_of_peak\": %.4f,\n", 1e-9 * found->peak_flops,
           found->share_of_peak);
    printf(" \"peak_rss_mb\": %.1f, \"isa\": \"%s\", \"threads\": %d}\n", found->peak_rss_mb,
           info->variant, info->threads);
}

static nca_status bench(const bench_options *options, nca_error *error)
{
    nca_measure_options asked = {.shape = {.batch = (int)options->batch,
                                           .channels = (int)options->channels,
                                           .hidden = (int)options->hidden,
                                           .tape_steps = (int)options->steps},
                                 .active = options->active,
                                 .fire_rate = options->fire_rate,
                                 .seed = (uint64_t)options->seed,
                                 .repeats = (int)options->repeats,
                                 .warmup = (int)options->warmup};
    nca_compute compute;
    nca_measurement found;
    nca_device_info info;
    NCA_TRY(nca_grid_read(options->grid, &asked.shape.height, &asked.shape.width, error));
    if (options->active > options->fire_rate)
        return nca_fail(error, NCA_ARGUMENT,
                        "--active %g: more than --fire-rate %g, the fraction with every cell alive",
                        options->active, options->fire_rate);
    NCA_TRY(nca_device_open(&options->device, &compute, error));
    const nca_status status = nca_measure_step(&asked, &compute, &found, error);
    if (status == NCA_OK) {
        compute.backend->info(compute.device, &info);
        (options->json ? print_json : print_table)(&asked, &info, &found);
    }
    nca_compute_close(&compute);
    return status;
}

static int run_bench(int argc, char **argv, const nca_command *self)
{
    static const char *const subjects[] = {"step"};
    bench_options options = {.batch = 4,
                             .steps = 128,
                             .channels = 16,
                             .hidden = 128,
                             .repeats = 9,
                             .warmup = 2,
                             .seed = 1,
                             .active = 0.22,
                             .fire_rate = 0.5,
                             .grid = "56"};
    nca_error error = {0};
    nca_arguments arguments;
    bool done;
    nca_status status =
        nca_options_parse(self, argc, argv, &options, NULL, &arguments, &done, &error);
    if (done)
        return 0;
    if (status == NCA_OK && strcmp(arguments.item[0], "step") != 0)
        status = nca_fail(
            &error, NCA_ARGUMENT, "%.60s: nothing of that name to time; %s", arguments.item[0],
            nca_nearest(arguments.item[0], subjects, 1) ? "did you mean step?" : "there is step");
    if (status == NCA_OK)
        status = bench(&options, &error);
    return status == NCA_OK ? 0 : nca_report_failure(self->name, &error);
}

const nca_command nca_command_bench = {
    .name = "bench",
    .arguments = "step",
    .summary = "Times a train step, beside this machine's peak",
    .details = details,
    .options = rows,
    .arguments_min = 1,
    .arguments_max = 1,
    .run = run_bench,
};
