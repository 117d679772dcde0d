// The one host file that names the backends; a backend is a folder in src/kernels and a row here.
#include "base/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

extern const nca_backend nca_cuda_backend;
extern const nca_backend nca_cpu_backend;
extern const nca_backend nca_reference_backend;

static const nca_backend *const backends[] = {
#ifdef NCA_WITH_CUDA
    &nca_cuda_backend,
#endif
    &nca_cpu_backend, &nca_reference_backend, NULL};

enum {
    AUTOMATIC = sizeof backends / sizeof *backends - 2
};   // what `auto` takes: all but the reference

const nca_backend *const *nca_backends(void)
{
    return backends;
}

static const nca_backend *find_backend(const char *name, size_t length)
{
    for (const nca_backend *const *backend = backends; *backend; backend++)
        if (strlen((*backend)->name) == length && strncmp((*backend)->name, name, length) == 0)
            return *backend;
    return NULL;
}

static nca_status open_backend(const nca_backend *backend, const nca_device_options *options,
                               nca_compute *out, nca_error *error)
{
    nca_device *device = NULL;
    NCA_TRY(backend->open(options, &device, error));
    *out = (nca_compute){.backend = backend, .device = device};
    return NCA_OK;
}

static void note_passed_over(nca_compute *compute, const nca_error *why)
{
    snprintf(compute->passed_over, sizeof compute->passed_over, "%.399s", why->message);
}

// Takes the first of the table that can be used. A wrong option ends it. How a GPU is to compute is
// not asked of the next; another precision is, which refuses it, for it would give other numbers.
static nca_status open_automatic(const nca_device_options *options, nca_compute *out,
                                 nca_error *error)
{
    nca_compute found = {0};
    for (int i = 0;; i++) {
        nca_device_options asked = *options;
        nca_error why = {0};
        const bool is_last = i == AUTOMATIC - 1;
        if (is_last) {
            asked.cuda_path = NULL;
            asked.tape_every = 0;
        }
        const nca_status status = backends[i]->open(&asked, &found.device, &why);
        if (status == NCA_OK) {
            found.backend = backends[i];
            *out = found;
            return NCA_OK;
        }
        if (is_last || (status != NCA_DEVICE && status != NCA_ABSENT))
            return nca_fail(error, status, "%s%s%s", why.message,
                            *found.passed_over ? "; --device auto did not take " : "",
                            found.passed_over);
        if (status == NCA_DEVICE)
            note_passed_over(&found, &why);
    }
}

static nca_status fail_unknown(const char *name, nca_error *error)
{
    if (strncmp(name, "cuda", 4) == 0 && !find_backend("cuda", 4))
        return nca_fail(
            error, NCA_ARGUMENT,
            "--device %.60s: this build has no such device: no nvcc was there when it was "
            "made; build it again where one is, or use auto, cpu or reference",
            name);
    return nca_fail(error, NCA_ARGUMENT,
                    "--device %.60s: this build has no such device; use auto, %scpu or reference",
                    name, find_backend("cuda", 4) ? "cuda, " : "");
}

// "cuda:1" is number 1 of backend "cuda".
nca_status nca_compute_open(const char *name, const nca_device_options *options, nca_compute *out,
                            nca_error *error)
{
    nca_device_options chosen = options ? *options : (nca_device_options){0};
    NCA_TRY(nca_choice_check("--precision", chosen.precision, NCA_PRECISION_CHOICES, error));
    NCA_TRY(nca_choice_check("--cuda-path", chosen.cuda_path, NCA_CUDA_PATH_CHOICES, error));
    if (!name || !*name || strcmp(name, "auto") == 0)
        return open_automatic(&chosen, out, error);
    const char *const colon = strchr(name, ':');
    const nca_backend *backend = find_backend(name, colon ? (size_t)(colon - name) : strlen(name));
    if (!backend)
        return fail_unknown(name, error);
    if (colon) {
        char *end;
        const long number = strtol(colon + 1, &end, 10);
        if (colon[1] < '0' || colon[1] > '9' || *end || number > 1000)
            return nca_fail(error, NCA_ARGUMENT,
                            "--device %.60s: after the colon comes a number, as in cuda:1", name);
        chosen.number = (int)number;
    }
    return open_backend(backend, &chosen, out, error);
}

void nca_compute_close(nca_compute *compute)
{
    if (compute->backend)
        compute->backend->close(compute->device);
    *compute = (nca_compute){0};
}
