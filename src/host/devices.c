// The one host file that names the backends; a backend is a folder in src/kernels and a row here.
#include "nca/backend.h"

#include <string.h>

extern const nca_backend nca_cpu_backend;
extern const nca_backend nca_reference_backend;

// In the order in which `auto` prefers them; the reference is never chosen by itself.
static const nca_backend *const backends[] = {&nca_cpu_backend, &nca_reference_backend, NULL};

const nca_backend *const *nca_backends(void)
{
    return backends;
}

nca_status nca_compute_open(const char *name, const nca_device_options *options, nca_compute *out,
                            nca_error *error)
{
    const char *wanted = !name || !*name || strcmp(name, "auto") == 0 ? backends[0]->name : name;
    for (const nca_backend *const *backend = backends; *backend; backend++) {
        if (strcmp((*backend)->name, wanted) != 0)
            continue;
        nca_device *device = NULL;
        NCA_TRY((*backend)->open(options, &device, error));
        *out = (nca_compute){.backend = *backend, .device = device};
        return NCA_OK;
    }
    return nca_fail(error, NCA_ARGUMENT,
                    "--device %s: this build has no such device; use auto, cpu or reference", name);
}

void nca_compute_close(nca_compute *compute)
{
    if (compute->backend)
        compute->backend->close(compute->device);
    *compute = (nca_compute){0};
}
