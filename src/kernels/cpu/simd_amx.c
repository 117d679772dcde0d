// The network in bf16 by AMX's tiles, over the other kernels of AVX-512.
enum { PARTS = 1 };
#include "product_tiles_simd.h"

#include "mlp_bf16_simd.h"

void nca_cpu_fill_amx(nca_cpu_ops *ops, const nca_spec *spec)
{
    (void)spec;
    fill_network(ops, "amx");
}
