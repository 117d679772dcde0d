// The network in bf16 for AVX-512 BF16, over the other kernels of AVX-512.
enum { PARTS = 1 };
#include "product_pairs_simd.h"

#include "mlp_bf16_simd.h"

// Twelve chains cover the latency of the multiply-adders.
static double burn(long rounds, float *sink)
{
    enum { CHAINS = 12 };
    vector sum[CHAINS];
    volatile uint32_t opaque = 0x3c003c00u;   // two small factors
    const word_vector factor = words_all(opaque);
    UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = vector_all((float)i);
    for (long r = 0; r < rounds; r++)
        UNROLL for (int i = 0; i < CHAINS; i++) sum[i] = words_dot(sum[i], factor, factor);
    UNROLL for (int i = 1; i < CHAINS; i++) sum[0] = vector_add(sum[0], sum[i]);
    float lanes[LANES];
    vector_store(lanes, sum[0]);
    *sink += lanes[0];
    return 4.0 * CHAINS * LANES * (double)rounds;
}

void nca_cpu_fill_avx512bf16(nca_cpu_ops *ops, const nca_spec *spec)
{
    (void)spec;
    fill_network(ops, "avx512bf16");
    ops->burn = burn;
}
