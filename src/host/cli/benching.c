// What the programs that time have in common: options, sizes, devices.
#include "cli/benching.h"

#include <string.h>

#include "base/nearest.h"
#include "config/grid.h"
#include "verify/cases.h"

const nca_option nca_bench_rows[] = {
    {"case", NCA_OPTION_STRING, offsetof(nca_bench_options, name), 0, 0, "NAME",
     "sizes of a case of nca verify and the tests; the options below change them [4x56x56]", NULL},
    {"batch", NCA_OPTION_INT, offsetof(nca_bench_options, batch), 1, 4096, "N", "samples [4]",
     NULL},
    {"grid", NCA_OPTION_STRING, offsetof(nca_bench_options, grid), 0, 0, "N|HxW", "cells [56]",
     NULL},
    {"steps", NCA_OPTION_INT, offsetof(nca_bench_options, steps), 1, 65536, "T",
     "steps of the rollout [128]", NULL},
    {"active", NCA_OPTION_REAL, offsetof(nca_bench_options, active), 0.001, 1, "P",
     "fraction of cell-steps that are alive and fire, by the size of the disc [0.22]", NULL},
    {"fire-rate", NCA_OPTION_REAL, offsetof(nca_bench_options, fire_rate), 0.001, 1, "P",
     "probability that a cell updates [0.5]", NULL},
    {"channels", NCA_OPTION_INT, offsetof(nca_bench_options, channels), 4, 256, "N",
     "numbers in a cell [16]", NULL},
    {"hidden", NCA_OPTION_INT, offsetof(nca_bench_options, hidden), 4, 4096, "N",
     "hidden units of the first layer [128]", NULL},
    {"repeats", NCA_OPTION_INT, offsetof(nca_bench_options, repeats), 1, 1000, "N",
     "timed steps [9]", NULL},
    {"warmup", NCA_OPTION_INT, offsetof(nca_bench_options, warmup), 0, 1000, "N",
     "steps before them [2]", NULL},
    {"seed", NCA_OPTION_INT, offsetof(nca_bench_options, seed), 0, NCA_SEED_MAX, "N",
     "random seed of the disc and the rule [1]", NULL},
    NCA_DEVICE_ROWS(nca_bench_options, device),
    {"json", NCA_OPTION_FLAG, offsetof(nca_bench_options, json), 0, 0, NULL, "JSON", NULL},
    {0},
};

const nca_bench_options nca_bench_defaults = {.repeats = 9, .warmup = 2, .seed = 1};

static nca_status find_case(const char *name, const nca_case **out, nca_error *error)
{
    const char *names[64];
    size_t count = 0, used = 0;
    char all[1024] = "";
    *out = nca_case_find(name);
    if (*out)
        return NCA_OK;
    for (const nca_case *test_case = nca_cases; test_case->name && count < 64; test_case++) {
        names[count++] = test_case->name;
        if (used < sizeof all)
            used += (size_t)snprintf(all + used, sizeof all - used, " %s", test_case->name);
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
static nca_status read_sizes(const nca_bench_options *given, nca_measure_options *out,
                             nca_error *error)
{
    const nca_case *test_case;
    NCA_TRY(find_case(given->name ? given->name : nca_cases[0].name, &test_case, error));
    nca_grid grid = {test_case->shape.height, test_case->shape.width};
    nca_spec spec = test_case->shape.spec;
    spec.channels = (int)either(given->channels, spec.channels);
    spec.hidden[0] = (int)either(given->hidden, spec.hidden[0]);
    if (given->grid)
        NCA_TRY(nca_grid_read(given->grid, &grid, error));
    *out = (nca_measure_options){
        .shape = {.batch = (int)either(given->batch, test_case->shape.batch),
                  .height = grid.height,
                  .width = grid.width,
                  .tape_steps = (int)either(given->steps, test_case->shape.tape_steps),
                  .spec = spec},
        .active = given->active > 0 ? given->active : test_case->active,
        .fire_rate = given->fire_rate > 0 ? given->fire_rate : test_case->fire_rate,
        .seed = (uint64_t)given->seed,
        .repeats = (int)given->repeats,
        .warmup = (int)given->warmup};
    if (out->shape.tape_steps < 1)
        return nca_fail(error, NCA_ARGUMENT,
                        "--case %s: has no steps to time; give it some --steps", test_case->name);
    if (out->active > out->fire_rate)
        return nca_fail(error, NCA_ARGUMENT,
                        "--active %g: more than --fire-rate %g, the fraction with every cell alive",
                        out->active, out->fire_rate);
    return NCA_OK;
}

// Prints why the latest device that refused was not timed; with --json on standard error, since the
// JSON has no place for it.
static void tell_refusal(nca_benching *benching)
{
    const bool is_json = benching->options->json;
    if (benching->has_untold)
        fprintf(is_json ? stderr : stdout, "%snot timed: %s\n",
                benching->printed > 0 && !is_json ? "\n" : "", benching->refused.message);
    benching->has_untold = false;
}

void nca_bench_begin(nca_benching *benching, nca_bench_place *place,
                     const nca_session_info *session)
{
    if (*session->variant)
        snprintf(place->info.variant, sizeof place->info.variant, "%s", session->variant);
    tell_refusal(benching);
    if (benching->options->json && benching->is_everywhere)
        printf(benching->printed == 0 ? "[" : ",\n");
    else if (!benching->options->json && benching->printed > 0)
        printf("\n");
    benching->printed++;
}

static nca_status bench_device(nca_benching *benching, const char *name,
                               const nca_device_options *options, nca_error *error)
{
    nca_compute on = {0};
    NCA_TRY(nca_compute_open(name, options, &on, error));
    nca_device_say_passed_over(&on);
    nca_bench_place place = {.options = &benching->asked, .device = on.backend->name};
    on.backend->info(on.device, &place.info);
    const nca_status status = benching->time(benching, &on, &place, error);
    nca_compute_close(&on);
    fflush(stdout);
    return status;
}

// Times a device, or remembers why it refused: that is printed before the next table, once where
// several refuse in the same words.
static void bench_if_it_can(nca_benching *benching, const char *name,
                            const nca_device_options *options)
{
    nca_error why = {0};
    if (bench_device(benching, name, options, &why) == NCA_OK ||
        strcmp(why.message, benching->refused.message) == 0)
        return;
    tell_refusal(benching);
    benching->refused = why;
    benching->has_untold = true;
}

static void bench_variants(nca_benching *benching, const nca_backend *backend,
                           const nca_device_options *options)
{
    nca_device_options plain = *options;
    plain.isa = backend->variants[0];
    bench_if_it_can(benching, backend->name, options);
    if (benching->times_plainest)
        bench_if_it_can(benching, backend->name, &plain);
}

// Both paths, or the one that was asked for.
static void bench_paths(nca_benching *benching, const nca_backend *backend,
                        const nca_device_options *options)
{
    static const char *const paths[] = {"fused", "cublas"};
    const bool is_one = options->cuda_path && strcmp(options->cuda_path, "auto") != 0;
    for (int i = 0; i < (is_one ? 1 : 2); i++) {
        nca_device_options on_path = *options;
        if (!is_one)
            on_path.cuda_path = paths[i];
        bench_if_it_can(benching, backend->name, &on_path);
    }
}

// All but those whose memory nobody times, such as the reference.
static nca_status bench_everywhere(nca_benching *benching, const nca_device_options *options,
                                   nca_error *error)
{
    const nca_device_options on_cpu = {.threads = options->threads,
                                       .precision = options->precision};
    // What no device knows is refused at once.
    NCA_TRY(nca_choice_check("--cuda-path", options->cuda_path, NCA_CUDA_PATH_CHOICES, error));
    NCA_TRY(nca_choice_check("--precision", options->precision, NCA_PRECISION_CHOICES, error));
    for (const nca_backend *const *each = nca_backends(); *each; each++)
        if ((*each)->peak_bytes && (*each)->variants)
            bench_variants(benching, *each, &on_cpu);
        else if ((*each)->peak_bytes)
            bench_paths(benching, *each, options);
    if (benching->printed == 0)
        return nca_fail(error, benching->refused.status, "%s", benching->refused.message);
    tell_refusal(benching);
    return NCA_OK;
}

nca_status nca_bench_run(nca_benching *benching, nca_error *error)
{
    const nca_device_options device = nca_device_options_of(&benching->options->device);
    const char *name = benching->options->device.name;
    NCA_TRY(read_sizes(benching->options, &benching->asked, error));
    benching->is_everywhere = name ? strcmp(name, "all") == 0 : benching->is_everywhere;
    const nca_status status = benching->is_everywhere
                                  ? bench_everywhere(benching, &device, error)
                                  : bench_device(benching, name ? name : "auto", &device, error);
    if (benching->options->json && benching->printed > 0)
        printf(benching->is_everywhere ? "]\n" : "\n");
    return status;
}

// -- How what is printed begins

void nca_bench_print_head(const nca_bench_place *on, const char *subject)
{
    const nca_shape *shape = &on->options->shape;
    char device[NCA_DEVICE_BYTES];
    printf("%s, %d x %dx%d x %d step%s, %s, %d channels, %d", subject, shape->batch, shape->height,
           shape->width, shape->tape_steps, shape->tape_steps == 1 ? "" : "s",
           nca_perception_words[shape->spec.perception], shape->spec.channels,
           shape->spec.hidden[0]);
    if (shape->spec.hidden[1])
        printf(" and %d", shape->spec.hidden[1]);
    printf(" hidden; %s\n\n", nca_device_words(&on->info, device));
}

void nca_bench_print_share(double share, double peak)
{
    if (peak > 0)
        printf("%8.1f", 100 * share);
    else
        printf("%8s", "-");
}

void nca_bench_json_head(const nca_bench_place *on, const char *subject)
{
    const nca_shape *shape = &on->options->shape;
    printf("{\"subject\": \"%s\", \"device\": \"%s\", \"isa\": \"%s\", \"threads\": %d,\n", subject,
           on->device, on->info.variant, on->info.threads);
    printf(" \"batch\": %d, \"grid\": [%d, %d], \"steps\": %d, \"channels\": %d, \"hidden\": %d, "
           "\"hidden2\": %d, \"perception\": \"%s\",\n",
           shape->batch, shape->height, shape->width, shape->tape_steps, shape->spec.channels,
           shape->spec.hidden[0], shape->spec.hidden[1],
           nca_perception_words[shape->spec.perception]);
}

void nca_bench_json_number(const char *name, double value, double peak)
{
    if (peak > 0)
        printf("\"%s\": %.5g", name, value);
    else
        printf("\"%s\": null", name);
}
