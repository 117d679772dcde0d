// nca verify: whether this build computes right on this machine.
#include "cli/command.h"
#include "verify/precision.h"
#include "verify/verify.h"

typedef struct verify_options {
    nca_device_arguments device;
} verify_options;

static const nca_option rows[] = {
    NCA_DEVICE_ROWS(verify_options, device),
    {0},
};

static const char details[] =
    "Each FILE is an oracle case, as safetensors: a rollout with its gradients, or an optimizer\n"
    "case. Or it is a rule, as nca eval takes it: how far its rollouts and their gradients over\n"
    "8, 64 and 128 steps are from f64 is reported, and not judged. Without files: gradients\n"
    "against finite differences in f64, the device against the reference, and every CPU variant\n"
    "against the scalar one.\n"
    "\n"
    "The allowances are those of f32. With --precision bf16, bf16x3 or tf32, errors of rollouts\n"
    "are reported but do not fail the check, unless a number is NaN; everything else still can.\n"
    "A line before them says how far the device is from itself in f32.\n"
    "\n"
    "Exit code 0 when every error is within its allowance, 1 when one is not, 2 for bad input.\n";

static nca_status say_precision(const verify_options *options, const nca_device_options *device,
                                const nca_compute *compute, const char *precision, nca_error *error)
{
    const nca_spec spec = nca_spec_growing(16, 128);
    nca_precision_errors errors;
    char words[NCA_PRECISION_BYTES];
    NCA_TRY(nca_precision_measure(options->device.name, device, compute, &spec, &errors, error));
    printf("%s\n", nca_precision_words(precision, &errors, words));
    return NCA_OK;
}

static void print_verdict(const nca_verdict *verdict, const char *precision)
{
    printf("%d tensors checked, %d failed", verdict->checked, verdict->failed);
    if (verdict->reported > 0)
        printf(", %d reported only (%s)", verdict->reported, precision);
    if (verdict->unavailable > 0)
        printf(", %d variant%s not on this machine", verdict->unavailable,
               verdict->unavailable == 1 ? "" : "s");
    printf("\n");
}

static nca_status verify(nca_call *call)
{
    const verify_options *options = call->options;
    const nca_arguments *arguments = &call->arguments;
    const nca_device_options device = nca_device_options_of(&options->device);
    const nca_compute *compute = &call->compute;
    nca_error *error = &call->error;
    nca_verdict verdict = {.to = stdout};
    nca_device_info info = {0};
    char device_words[NCA_DEVICE_BYTES];
    nca_status status = NCA_OK;
    compute->backend->info(compute->device, &info);
    printf("%s: %s\n", compute->backend->name, nca_device_words(&info, device_words));
    verdict.is_reduced = nca_precision_is_reduced(&info);
    if (verdict.is_reduced)
        NCA_GO(say_precision(options, &device, compute, info.precision, error));
    if (arguments->count == 0)
        NCA_GO(nca_verify_built_in(compute, &device, &verdict, error));
    for (int i = 0; i < arguments->count; i++)
        NCA_GO(nca_verify_file(arguments->item[i], compute, &verdict, error));
    call->code = verdict.failed > 0;
cleanup:
    fflush(stdout);
    if (status == NCA_OK)
        print_verdict(&verdict, *info.precision ? info.precision : "f64");
    return status;
}

const nca_command nca_command_verify = {
    .name = "verify",
    .arguments = "[FILE...]",
    .summary = "Checks that this build computes right, against an oracle or itself",
    .details = details,
    .options = rows,
    .arguments_max = NCA_OPTION_LIST_MAX,
    .options_bytes = sizeof(verify_options),
    .device = offsetof(verify_options, device),
    .opens_device = true,
    .work = verify,
};
