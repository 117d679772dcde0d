// Which backend's kernels can be timed one by one, and by whom.
#include "cpu/bench.h"
#include "cuda/bench.h"
#include "kernels/kernels.h"

extern const nca_backend nca_cpu_backend, nca_cuda_backend;

static const struct {
    const nca_backend *backend;
    nca_kernel_timer *timer;
} timers[] = {
    {&nca_cpu_backend, nca_cpu_kernel},
#ifdef NCA_WITH_CUDA
    {&nca_cuda_backend, nca_cuda_kernel},
#endif
};

nca_kernel_timer *kernels_timer_of(const nca_backend *backend)
{
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        if (timers[i].backend == backend)
            return timers[i].timer;
    return NULL;
}
