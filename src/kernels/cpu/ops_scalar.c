// The table of kernels as plain C: the definition of each, and what runs where no faster one does.
#include "ops.h"

// Eight chains keep a scalar multiply-adder busy.
static double burn(long rounds, float *sink)
{
    enum { CHAINS = 8 };
    float sum[CHAINS] = {0};
    volatile float opaque = 0.999f;
    const float factor = opaque;
    for (long r = 0; r < rounds; r++)
        for (int i = 0; i < CHAINS; i++)
            sum[i] = sum[i] * factor + 1e-3f;
    for (int i = 0; i < CHAINS; i++)
        *sink += sum[i];
    return 2.0 * CHAINS * (double)rounds;
}

void nca_cpu_fill_scalar(nca_cpu_ops *ops, const nca_spec *spec)
{
    *ops = (nca_cpu_ops){
        .name = "scalar",
        .panel = 0,
        .chunk = NCA_CPU_CHUNK,
        .fire = nca_cpu_fire_scalar,
        .noise = nca_cpu_noise_scalar,
        .dilate = nca_cpu_dilate_scalar,
        .perceive = nca_cpu_perceive_scalar,
        .perceive_backward = nca_cpu_perceive_backward_scalar,
        .mlp = nca_cpu_mlp_scalar,
        .mlp_backward = nca_cpu_mlp_backward_scalar,
        .mlp_hidden = nca_cpu_mlp_hidden_scalar,
        .burn = burn,
    };
    if (spec->perception == NCA_MOORE) {
        ops->perceive = nca_cpu_perceive_moore;
        ops->perceive_backward = nca_cpu_perceive_moore_backward;
    } else if (spec->perception == NCA_SUMMED) {
        ops->perceive = nca_cpu_perceive_summed;
        ops->perceive_backward = nca_cpu_perceive_summed_backward;
    }
}
