// bench_kernels: times every kernel of a device by itself, beside this machine's peaks. It is never
// installed; scripts/gpu_check.sh packs it for a GPU.
#include <stdio.h>

#include "kernels/kernels.h"

static const char details[] =
    "Every kernel of the device by itself, on the cells of one step of the rollout that nca bench\n"
    "step times. --device all times every device of this machine: of a CPU the best and the\n"
    "plainest instruction set, of a GPU both paths.\n"
    "\n"
    "The machine's peaks, of multiply-adds and of memory, are measured between the repeats. Flop\n"
    "are those of textbooks; bytes are the fewest, each number read or written once.\n"
    "\n"
    "Example:\n"
    "  bench_kernels --device cuda --cuda-path cublas\n";

static nca_status time_kernels(nca_benching *of, const nca_compute *on, nca_bench_place *place,
                               nca_error *error)
{
    kernels_measurement found;
    NCA_TRY(kernels_measure(&of->asked, on, &found, error));
    nca_bench_begin(of, place, &found.session);
    (of->options->json ? kernels_print_json : kernels_print)(place, &found);
    return NCA_OK;
}

static nca_status run(nca_call *call)
{
    nca_benching of = {.options = call->options, .time = time_kernels, .times_plainest = true};
    return nca_bench_run(&of, &call->error);
}

static const nca_command command = {
    .program = "bench_kernels",
    .arguments = "",
    .summary = "Times the kernels of a device one by one, beside this machine's peaks",
    .details = details,
    .options = nca_bench_rows,
    .options_bytes = sizeof(nca_bench_options),
    .defaults = &nca_bench_defaults,
    .work = run,
};

int main(int argc, char **argv)
{
    const int code = nca_call_run(&command, argc - 1, argv + 1);
    if (fflush(stdout) == 0 && !ferror(stdout))
        return code;
    fprintf(stderr, "bench_kernels: standard output: cannot be written\n");
    return 2;
}
