// Sessions are refused before anything is allocated where they would not fit.
#include "model/session.h"

#include <stdio.h>

#include "base/memory.h"

nca_status nca_session_check(const nca_compute *compute, const nca_shape *shape,
                             uint64_t extra_host_bytes, const char *what, nca_error *error)
{
    nca_device_info info;
    const uint64_t device = compute->backend->session_bytes(compute->device, shape);
    compute->backend->info(compute->device, &info);
    const uint64_t host = nca_memory_sum(extra_host_bytes, info.uses_host_memory ? device : 0);
    NCA_TRY(nca_memory_check(host, error, "%s", what));
    if (device <= info.memory_bytes)
        return NCA_OK;
    return nca_fail(error, NCA_MEMORY,
                    "%s: needs %.1f GiB and the device has %.1f; choose smaller sizes", what,
                    nca_gib(device), nca_gib(info.memory_bytes));
}

nca_status nca_session_open(const nca_compute *compute, const nca_shape *shape,
                            uint64_t extra_host_bytes, const char *what, nca_session **out,
                            nca_error *error)
{
    NCA_TRY(nca_session_check(compute, shape, extra_host_bytes, what, error));
    return compute->backend->create(compute->device, shape, out, error);
}

nca_session_info nca_session_about(const nca_compute *compute, const nca_session *session)
{
    nca_session_info about = {.tape_every = 1};
    nca_device_info info;
    if (compute->backend->session_info)
        compute->backend->session_info(session, &about);
    compute->backend->info(compute->device, &info);
    if (!*about.arithmetic)
        snprintf(about.arithmetic, sizeof about.arithmetic, "%s",
                 *info.arithmetic ? info.arithmetic : info.variant);
    return about;
}
