// The network in bf16x3 by AMX's tiles, over the other kernels of AVX-512.
enum { PARTS = 2 };
#include "product_tiles_simd.h"

#include "mlp_bf16_simd.h"

void nca_cpu_fill_amx_bf16x3(nca_cpu_ops *ops, const nca_spec *spec)
{
    (void)spec;
    ops->name = "amx";
    ops->rule_pack = pack_words;
    ops->mlp = mlp_bf16;
    ops->mlp_hidden = mlp_bf16_hidden;
    ops->mlp_backward = mlp_bf16_backward;
}
