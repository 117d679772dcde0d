// nca bench: how fast this build is on this machine, in whole train steps and kernel by kernel.
#include <string.h>

#include "base/nearest.h"
#include "cli/bench_print.h"
#include "cli/command.h"
#include "config/grid.h"
#include "verify/cases.h"
#include "verify/measure.h"

typedef struct bench_options {
    int64_t batch, steps, channels, hidden, repeats, warmup, seed;
    double active, fire_rate;   // 0, as above: the case's
    const char *grid, *name;
    bool json;
    nca_device_arguments device;
} bench_options;

static const nca_option rows[] = {
    {"case", NCA_OPTION_STRING, offsetof(bench_options, name), 0, 0, "NAME",
     "sizes of a case of nca verify and the tests; the options below change them [4x56x56]", NULL},
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
    "bench step times one train step (forward, loss, backward, optimizer) on a living disc; bench\n"
    "kernels every kernel of the device by itself, on the cells of one of its steps. Without a\n"
    "subject, or by bench all: both, on every device of this machine and both paths of a GPU.\n"
    "--device all does that for one of them.\n"
    "\n"
    "The machine's peaks, of multiply-adds and of memory, are measured between the repeats. A\n"
    "step's Gflop/s count the network's products on active cells, and the backward pass'\n"
    "recomputed hidden layer; bytes are the fewest, each number read or written once.\n"
    "\n"
    "Examples:\n"
    "  nca bench step --case 8x72x72 --active 0.15\n"
    "  nca bench kernels --device cuda --cuda-path cublas\n";

enum { STEP = 1, KERNELS = 2, PLACES_MAX = 16 };

// A bench while it runs.
typedef struct benching {
    const bench_options *options;
    nca_measure_options asked;
    int subjects;
    int printed;   // tables or objects so far
    bool is_list;
    nca_error refused;   // the latest
    int places;          // whose steps were timed
    struct {
        nca_bench_place place;
        nca_measurement step;
    } timed[PLACES_MAX];
} benching;

static nca_status find_case(const char *name, const nca_case **out, nca_error *error)
{
    const char *names[64];
    size_t count = 0, used = 0;
    char all[1024] = "";
    *out = nca_case_find(name);
    if (*out)
        return NCA_OK;
    for (const nca_case *of = nca_cases; of->name && count < 64; of++) {
        names[count++] = of->name;
        if (used < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, " %s", of->name);
    }
    const char *near = nca_nearest(name, names, count);
    if (near)
        return nca_fail(error, NCA_ARGUMENT, "--case %.60s: no such case; did you mean %s?", name,
                        near);
    return nca_fail(error, NCA_ARGUMENT, "--case %.60s: no such case; there are%s", name, all);
}

static int64_t either(int64_t given, int64_t otherwise)
{
    return given ? given : otherwise;
}

// The case, and what was asked beside it.
static nca_status read_sizes(const bench_options *given, nca_measure_options *out, nca_error *error)
{
    const nca_case *of;
    NCA_TRY(find_case(given->name ? given->name : nca_cases[0].name, &of, error));
    nca_grid grid = {of->shape.height, of->shape.width};
    if (given->grid)
        NCA_TRY(nca_grid_read(given->grid, &grid, error));
    *out = (nca_measure_options){
        .shape = {.batch = (int)either(given->batch, of->shape.batch),
                  .height = grid.height,
                  .width = grid.width,
                  .tape_steps = (int)either(given->steps, of->shape.tape_steps),
                  .spec = nca_spec_growing((int)either(given->channels, of->shape.spec.channels),
                                           (int)either(given->hidden, of->shape.spec.hidden[0]))},
        .active = given->active > 0 ? given->active : of->active,
        .fire_rate = given->fire_rate > 0 ? given->fire_rate : of->fire_rate,
        .seed = (uint64_t)given->seed,
        .repeats = (int)given->repeats,
        .warmup = (int)given->warmup};
    if (out->shape.tape_steps < 1)
        return nca_fail(error, NCA_ARGUMENT,
                        "--case %s: has no steps to time; give it some --steps", of->name);
    if (out->active > out->fire_rate)
        return nca_fail(error, NCA_ARGUMENT,
                        "--active %g: more than --fire-rate %g, the fraction with every cell alive",
                        out->active, out->fire_rate);
    return NCA_OK;
}

// What separates objects of a list, or tables.
static void separate(benching *of)
{
    if (of->options->json && of->is_list)
        printf(of->printed == 0 ? "[" : ",\n");
    else if (!of->options->json && of->printed > 0)
        printf("\n");
    of->printed++;
}

// Which path it was where that was left open.
static void name_variant(nca_bench_place *place, const nca_session_info *session)
{
    if (*session->variant)
        snprintf(place->info.variant, sizeof place->info.variant, "%s", session->variant);
}

static nca_status bench_step(benching *of, const nca_compute *on, nca_bench_place place,
                             nca_error *error)
{
    nca_measurement found;
    NCA_TRY(nca_measure_step(&of->asked, on, &found, error));
    name_variant(&place, &found.session);
    separate(of);
    (of->options->json ? nca_bench_json_step : nca_bench_print_step)(&place, &found);
    if (of->places < PLACES_MAX) {
        of->timed[of->places].step = found;
        of->timed[of->places].place = place;
        of->places++;
    }
    return NCA_OK;
}

static nca_status bench_kernels(benching *of, const nca_compute *on, nca_bench_place place,
                                nca_error *error)
{
    nca_kernels_measurement found;
    NCA_TRY(nca_measure_kernels(&of->asked, on, &found, error));
    name_variant(&place, &found.session);
    separate(of);
    (of->options->json ? nca_bench_json_kernels : nca_bench_print_kernels)(&place, &found);
    return NCA_OK;
}

static nca_status bench_device(benching *of, const char *name, const nca_device_options *options,
                               int subjects, nca_error *error)
{
    nca_compute on = {0};
    NCA_TRY(nca_compute_open(name, options, &on, error));
    nca_device_say_passed_over(&on);
    if (subjects & KERNELS && !on.backend->kernel)   // before its step is timed and told
        subjects = KERNELS;
    nca_bench_place place = {.options = &of->asked, .device = on.backend->name};
    on.backend->info(on.device, &place.info);
    nca_status status = NCA_OK;
    if (subjects & STEP)
        NCA_GO(bench_step(of, &on, place, error));
    if (subjects & KERNELS)
        NCA_GO(bench_kernels(of, &on, place, error));
cleanup:
    nca_compute_close(&on);
    fflush(stdout);
    return status;
}

// What a device refuses is told, and the next one is asked.
static void bench_if_it_can(benching *of, const char *name, const nca_device_options *options,
                            int subjects)
{
    nca_error why = {0};
    if (bench_device(of, name, options, subjects, &why) == NCA_OK)
        return;
    if (!of->options->json && strcmp(why.message, of->refused.message) != 0)
        printf("%snot timed: %s\n", of->printed > 0 ? "\n" : "", why.message);
    of->refused = why;
}

// The best variant, and of its kernels the plainest too.
static void bench_variants(benching *of, const nca_backend *backend,
                           const nca_device_options *options)
{
    nca_device_options plain = *options;
    plain.isa = backend->variants[0];
    bench_if_it_can(of, backend->name, options, of->subjects);
    if (of->subjects & KERNELS)
        bench_if_it_can(of, backend->name, &plain, KERNELS);
}

// The first two are timed.
static const char *const paths[] = {"fused", "cublas", "auto"};

static const char *const precisions[] = {"f32", "tf32", "bf16"};

// Where a GPU is only one of the devices, its options are looked at even if there is none.
static nca_status check_choice(const char *option, const char *asked, const char *const names[3],
                               nca_error *error)
{
    for (int i = 0; i < 3; i++)
        if (!asked || strcmp(asked, names[i]) == 0)
            return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "%s %.40s: no such choice; choose %s, %s or %s", option,
                    asked, names[0], names[1], names[2]);
}

// Both paths, or the one that was asked for.
static void bench_paths(benching *of, const nca_backend *backend, const nca_device_options *options)
{
    const bool is_one = options->cuda_path && strcmp(options->cuda_path, "auto") != 0;
    for (int i = 0; i < (is_one ? 1 : 2); i++) {
        nca_device_options on_path = *options;
        if (!is_one)
            on_path.cuda_path = paths[i];
        bench_if_it_can(of, backend->name, &on_path, of->subjects);
    }
}

// Every device whose kernels can be timed; a failure where there was none.
static nca_status bench_everywhere(benching *of, const nca_device_options *options,
                                   nca_error *error)
{
    const nca_device_options on_cpu = {.threads = options->threads};
    NCA_TRY(check_choice("--cuda-path", options->cuda_path, paths, error));
    NCA_TRY(check_choice("--precision", options->precision, precisions, error));
    for (const nca_backend *const *each = nca_backends(); *each; each++)
        if ((*each)->kernel && (*each)->variants)
            bench_variants(of, *each, &on_cpu);
        else if ((*each)->kernel)
            bench_paths(of, *each, options);
    if (of->printed == 0)
        return nca_fail(error, of->refused.status, "%s", of->refused.message);
    if (of->options->json && of->refused.status != NCA_OK)   // JSON has no place for it
        fprintf(stderr, "not timed: %s\n", of->refused.message);
    if (of->options->json || of->places < 2)
        return NCA_OK;
    printf("\n");
    nca_bench_print_beside(NULL, NULL);
    for (int i = 0; i < of->places; i++)
        nca_bench_print_beside(&of->timed[i].place, &of->timed[i].step);
    return NCA_OK;
}

static nca_status read_subject(const nca_arguments *arguments, int *out, nca_error *error)
{
    static const char *const names[] = {"step", "kernels", "all"};
    static const int subjects[] = {STEP, KERNELS, STEP | KERNELS};
    const char *asked = arguments->count > 0 ? arguments->item[0] : "all";
    for (int i = 0; i < 3; i++)
        if (strcmp(asked, names[i]) == 0) {
            *out = subjects[i];
            return NCA_OK;
        }
    const char *near = nca_nearest(asked, names, 3);
    if (near)
        return nca_fail(error, NCA_ARGUMENT,
                        "%.60s: nothing of that name to time; did you mean %s?", asked, near);
    return nca_fail(error, NCA_ARGUMENT,
                    "%.60s: nothing of that name to time; there are step, kernels and all", asked);
}

static nca_status bench(nca_call *call)
{
    const bench_options *options = call->options;
    nca_error *error = &call->error;
    const nca_device_options device = nca_device_options_of(&options->device);
    benching of = {.options = options};
    NCA_TRY(read_subject(&call->arguments, &of.subjects, error));
    NCA_TRY(read_sizes(options, &of.asked, error));
    const bool is_all = of.subjects == (STEP | KERNELS);
    const char *name = options->device.name ? options->device.name : is_all ? "all" : "auto";
    const bool is_everywhere = strcmp(name, "all") == 0;
    of.is_list = is_all || is_everywhere;
    const nca_status status = is_everywhere ? bench_everywhere(&of, &device, error)
                                            : bench_device(&of, name, &device, of.subjects, error);
    if (options->json && of.printed > 0)   // whole, even where only the kernels failed
        printf(of.is_list ? "]\n" : "\n");
    return status;
}

static const bench_options defaults = {.repeats = 9, .warmup = 2, .seed = 1};

const nca_command nca_command_bench = {
    .name = "bench",
    .arguments = "[step|kernels|all]",
    .summary = "Times train steps and kernels, beside this machine's peaks",
    .details = details,
    .options = rows,
    .arguments_max = 1,
    .options_bytes = sizeof(bench_options),
    .defaults = &defaults,
    .work = bench,
};
