// nca bench: how fast this build is on this machine, in whole train steps.
#include <string.h>

#include "base/nearest.h"
#include "cli/bench_print.h"

static const char details[] =
    "bench step times one train step (forward, loss, backward, optimizer) on a living disc. bench\n"
    "without a subject, or bench all, does so on every device of this machine and both paths of a\n"
    "GPU, as --device all does.\n"
    "\n"
    "The machine's peaks, of multiply-adds and of memory, are measured between the repeats. A\n"
    "step's Gflop/s count the network's products on active cells, and the backward pass'\n"
    "recomputed hidden layer; bytes are the fewest, each number read or written once.\n"
    "\n"
    "Examples:\n"
    "  nca bench step --case 8x72x72 --active 0.15\n"
    "  nca bench step --device cuda --cuda-path cublas\n";

enum { PLACES_MAX = 16 };

// The steps that were timed.
typedef struct timed_steps {
    int count;
    struct {
        nca_bench_place place;
        nca_measurement step;
    } at[PLACES_MAX];
} timed_steps;

static nca_status time_step(nca_benching *benching, const nca_compute *on, nca_bench_place *place,
                            nca_error *error)
{
    timed_steps *timed = benching->context;
    nca_measurement found;
    NCA_TRY(nca_measure_step(&benching->asked, on, &found, error));
    nca_bench_begin(benching, place, &found.session);
    (benching->options->json ? nca_bench_json_step : nca_bench_print_step)(place, &found);
    if (timed->count < PLACES_MAX) {
        timed->at[timed->count].step = found;
        timed->at[timed->count].place = *place;
        timed->count++;
    }
    return NCA_OK;
}

static void print_beside(const timed_steps *timed)
{
    printf("\n");
    nca_bench_print_beside(NULL, NULL);
    for (int i = 0; i < timed->count; i++)
        nca_bench_print_beside(&timed->at[i].place, &timed->at[i].step);
}

static nca_status read_subject(const nca_arguments *arguments, bool *is_everywhere,
                               nca_error *error)
{
    static const char *const names[] = {"step", "all"};
    const char *asked = arguments->count > 0 ? arguments->item[0] : "all";
    *is_everywhere = strcmp(asked, "all") == 0;
    if (*is_everywhere || strcmp(asked, "step") == 0)
        return NCA_OK;
    const char *near = nca_nearest(asked, names, 2);
    if (near)
        return nca_fail(error, NCA_ARGUMENT,
                        "%.60s: nothing of that name to time; did you mean %s?", asked, near);
    return nca_fail(error, NCA_ARGUMENT,
                    "%.60s: nothing of that name to time; there are step and all", asked);
}

static nca_status bench(nca_call *call)
{
    timed_steps timed = {0};
    nca_benching benching = {.options = call->options, .time = time_step, .context = &timed};
    NCA_TRY(read_subject(&call->arguments, &benching.is_everywhere, &call->error));
    NCA_TRY(nca_bench_run(&benching, &call->error));
    if (!benching.options->json && benching.is_everywhere && timed.count > 1)
        print_beside(&timed);
    return NCA_OK;
}

const nca_command nca_command_bench = {
    .name = "bench",
    .arguments = "[step|all]",
    .summary = "Times train steps, beside this machine's peaks",
    .details = details,
    .options = nca_bench_rows,
    .arguments_max = 1,
    .options_bytes = sizeof(nca_bench_options),
    .defaults = &nca_bench_defaults,
    .work = bench,
};
