// nca verify: whether this build computes right on this machine.
#include "cli/device_options.h"
#include "study/verify.h"

typedef struct verify_options {
    nca_device_arguments device;
} verify_options;

static const nca_option rows[] = {
    NCA_DEVICE_ROWS(verify_options, device),
    {0},
};

static const char details[] =
    "Each FILE is an oracle case: a rollout with its gradients, or an optimizer case, as\n"
    "safetensors. Without files: gradients against finite differences in f64, the device against\n"
    "the reference, and every CPU variant against the scalar one.\n"
    "\n"
    "Exit code 0 when all is within its allowance, 1 when anything is not, 2 for bad input.\n";

static nca_status verify(const verify_options *options, const nca_arguments *arguments,
                         nca_verdict *verdict, nca_error *error)
{
    const nca_device_options device = nca_device_options_of(&options->device);
    nca_compute compute = {0};
    nca_device_info info;
    NCA_TRY(nca_compute_open(options->device.name, &device, &compute, error));
    compute.backend->info(compute.device, &info);
    printf("%s: %s, %s, %d thread%s\n", compute.backend->name, info.name, info.variant,
           info.threads, info.threads == 1 ? "" : "s");
    nca_status status = NCA_OK;
    if (arguments->count == 0)
        status = nca_verify_built_in(&compute, &device, verdict, error);
    for (int i = 0; i < arguments->count && status == NCA_OK; i++)
        status = nca_verify_file(arguments->item[i], &compute, verdict, error);
    nca_compute_close(&compute);
    return status;
}

static int run_verify(int argc, char **argv, const nca_command *self)
{
    verify_options options = {0};
    nca_verdict verdict = {.to = stdout};
    nca_error error = {0};
    nca_arguments arguments;
    bool done;
    nca_status status =
        nca_options_parse(self, argc, argv, &options, NULL, &arguments, &done, &error);
    if (done)
        return 0;
    if (status == NCA_OK)
        status = verify(&options, &arguments, &verdict, &error);
    fflush(stdout);
    if (status != NCA_OK)
        return nca_report_failure(self->name, &error);
    printf("%d tensors checked, %d failed", verdict.checked, verdict.failed);
    if (verdict.unavailable > 0)
        printf(", %d variant%s not on this machine", verdict.unavailable,
               verdict.unavailable == 1 ? "" : "s");
    printf("\n");
    return verdict.failed > 0;
}

const nca_command nca_command_verify = {
    .name = "verify",
    .arguments = "[FILE...]",
    .summary = "Checks that this build computes right, against an oracle or itself",
    .details = details,
    .options = rows,
    .arguments_max = NCA_OPTION_LIST_MAX,
    .run = run_verify,
};
