// What every command that computes asks of its device: the same options, and how it is opened.
#ifndef NCA_CLI_DEVICE_OPTIONS_H
#define NCA_CLI_DEVICE_OPTIONS_H

#include <stdio.h>

#include "base/devices.h"
#include "cli/options.h"

enum { NCA_DEVICE_BYTES = 256 };   // of the words for a device

// Rows for the table of a command whose struct has a nca_device_arguments called `field`.
// clang-format off
#define NCA_DEVICE_ROWS(type, field) NCA_DEVICE_ROWS_AS(type, field, "f32")
// The same where another precision than f32 is usual.
#define NCA_DEVICE_ROWS_AS(type, field, precision)                                                 \
    {"threads", NCA_OPTION_INT, offsetof(type, field.threads), 0, 1024, "N",                       \
     "CPU threads; the result does not depend on them [0: every core]", NULL},                     \
    NCA_DEVICE_KIND_ROWS(type, field, precision)
// The same without the threads, for a command that has its own use of them.
#define NCA_DEVICE_KIND_ROWS(type, field, usual_precision)                                         \
    {"device", NCA_OPTION_STRING, offsetof(type, field.name), 0, 0, "auto|cpu|cuda|reference",     \
     "what computes; cuda:1 is the second GPU [auto: a GPU where there is one]", NULL},            \
    {"cuda_path", NCA_OPTION_STRING, offsetof(type, field.cuda_path), 0, 0,                        \
     NCA_CUDA_PATH_CHOICES,                                                                        \
     "on a GPU, what computes the network [auto: fused where it can]", NULL},                      \
    {"precision", NCA_OPTION_STRING, offsetof(type, field.precision), 0, 0,                        \
     NCA_PRECISION_CHOICES,                                                                        \
     "what the network's factors are rounded to, where the device can; auto: bf16 where that is "  \
     "faster [" usual_precision "]",                                                               \
     NULL},                                                                                        \
    {"tape_every", NCA_OPTION_INT, offsetof(type, field.tape_every), 0, 65536, "N",                \
     "on a GPU, keep every Nth state of a rollout and compute the others again [0: what fits]",    \
     NULL}
// clang-format on

// "NAME (VARIANT, 2 threads)"; a GPU is not counted in threads.
static inline const char *nca_device_words(const nca_device_info *info, char text[NCA_DEVICE_BYTES])
{
    char threads[32] = "";
    if (info->threads > 0)
        snprintf(threads, sizeof threads, ", %d thread%s", info->threads,
                 info->threads == 1 ? "" : "s");
    snprintf(text, NCA_DEVICE_BYTES, "%s (%s%s)", info->name, info->variant, threads);
    return text;
}

// A GPU that is there and was not taken: what follows is slower than expected.
static inline void nca_device_say_passed_over(const nca_compute *on)
{
    if (*on->passed_over)
        fprintf(stderr, "--device auto takes %s: %s\n", on->backend->name, on->passed_over);
}

enum { NCA_AUTO_BYTES = 96 };   // of the words for what was chosen

// What --precision auto took, in words; empty where something else was asked for, and for f64.
static inline const char *nca_device_auto_words(const nca_device_arguments *given,
                                                const nca_compute *on, char text[NCA_AUTO_BYTES])
{
    nca_device_info info;
    *text = 0;
    on->backend->info(on->device, &info);
    if (!given->precision || strcmp(given->precision, NCA_PRECISION_AUTO) != 0 || !*info.precision)
        return text;
    snprintf(text, NCA_AUTO_BYTES, "--precision auto: %s%s", info.precision,
             nca_precision_is_reduced(&info) ? ", in which this device is faster"
                                             : ", for this device has no fast products of bf16");
    return text;
}

static inline nca_status nca_device_open(const nca_device_arguments *given, nca_compute *out,
                                         nca_error *error)
{
    const nca_device_options options = nca_device_options_of(given);
    NCA_TRY(nca_compute_open(given->name, &options, out, error));
    nca_device_say_passed_over(out);
    return NCA_OK;
}

#endif
