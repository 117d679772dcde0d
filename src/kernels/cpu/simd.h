// The vector kernels of one instruction set as a table: included by simd_avx2.c and simd_avx512.c,
// which are the same source compiled twice.
#include "masks_simd.h"
#include "mlp_any_simd.h"
#include "mlp_simd.h"
#include "perceive_simd.h"

// Twelve chains cover the latency of two multiply-adders.
static double burn(long rounds, float *sink)
{
    enum { CHAINS = 12 };
    vector sum[CHAINS];
    volatile float opaque = 0.999f;
    const vector factor = vector_all(opaque), term = vector_all(1e-3f);
    UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = vector_all((float)i);
    for (long r = 0; r < rounds; r++)
        UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = vector_fma(sum[i], factor, term);
    UNROLL for (int i = 1; i < CHAINS; i++) sum[0] = vector_add(sum[0], sum[i]);
    float lanes[LANES];
    vector_store(lanes, sum[0]);
    *sink += lanes[0];
    return 2.0 * CHAINS * LANES * (double)rounds;
}

static void fill(nca_cpu_ops *ops, const char *name, const nca_spec *spec)
{
    ops->name = name;
    ops->burn = burn;
    ops->fire = fire;
    ops->dilate = dilate;
    ops->mlp = mlp_any;
    ops->mlp_hidden = mlp_any_hidden;
    ops->mlp_backward = mlp_any_backward;
    ops->noise = noise;
    ops->chunk = NCA_CPU_CHUNK_LARGE;
    if (spec->perception == NCA_MOORE) {
        ops->perceive = perceive_moore;
        ops->perceive_backward = perceive_moore_backward;
    } else if (spec->perception == NCA_SOBEL) {
        ops->perceive = perceive;
        ops->perceive_backward = perceive_backward;
    }
    if (spec->channels == CHANNELS && spec->perception != NCA_MOORE && spec->hidden[0] % 64 == 0 &&
        spec->hidden[1] == 0 && spec->frozen == 0) {
        ops->panel = PANEL;
        ops->chunk = NCA_CPU_CHUNK;
        ops->mlp = mlp;
        ops->mlp_hidden = mlp_hidden;
        ops->mlp_backward = mlp_backward;
    }
}
