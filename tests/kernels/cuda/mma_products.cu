// One warp that does one product of mma.cuh: for test_mma.c, on the emulated device and on a GPU.
#include "launch.cuh"

#include "mma.cuh"
#include "mma_products.h"

namespace
{
// d += a b of registers.   launch  1 x 32
__global__ void instruction(bool is_tf32, const uint32_t *a, const uint32_t *b, float *d)
{
    const int lane = threadIdx.x;
    float own[4] = {d[4 * lane], d[4 * lane + 1], d[4 * lane + 2], d[4 * lane + 3]};
    uint32_t a_own[4], b_own[2];
    for (int i = 0; i < 4; i++)
        a_own[i] = a[4 * lane + i];
    for (int i = 0; i < 2; i++)
        b_own[i] = b[2 * lane + i];
    if (is_tf32)
        nca_mma_m16n8k8_tf32(own, a_own, b_own);
    else
        nca_mma_m16n8k16_bf16(own, a_own, b_own);
    for (int i = 0; i < 4; i++)
        d[4 * lane + i] = own[i];
}

template <int FORMAT> __device__ nca_mma_a<FORMAT> load_a(int how, const float *a)
{
    const int g = nca_mma_group(), pair = nca_mma_pair();
    if (how == MMA_BY_ROWS)
        return nca_mma_load_a<FORMAT>(a + 16 * g + pair, 1, 8 * 16);
    return nca_mma_load_a<FORMAT>(a + 16 * pair + g, 16, 8);
}

// Columns first..first+7 of a as a tile of a D: of a product with ones on a diagonal.
template <int FORMAT> __device__ void tile_of(const float *a, int first, float d[4])
{
    const int g = nca_mma_group(), pair = nca_mma_pair();
    float unit[2 * 16];   // rows 2t.. of column g, as load_b looks for them
    for (int i = 0; i < 16; i++)
        unit[i] = pair + i == first + g ? 1.0f : 0.0f;
    nca_mma_add<FORMAT>(load_a<FORMAT>(MMA_BY_ROWS, a), nca_mma_load_b<FORMAT>(unit, 1), d);
}

// launch  1 x 32
template <int FORMAT> __global__ void product(int how, const float *a, const float *b, float *d)
{
    const int g = nca_mma_group(), pair = nca_mma_pair();
    float own[4] = {d[8 * g + pair], d[8 * g + pair + 1], d[8 * (g + 8) + pair],
                    d[8 * (g + 8) + pair + 1]};
    nca_mma_a<FORMAT> left;
    if (how == MMA_OF_TILES) {
        float tile[2][4] = {};
        tile_of<FORMAT>(a, 0, tile[0]);
        tile_of<FORMAT>(a, 8, tile[1]);
        left = nca_mma_a_of_tiles<FORMAT>(tile[0], tile[1]);
    } else {
        left = load_a<FORMAT>(how, a);
    }
    const nca_mma_b<FORMAT> right = how == MMA_BY_COLUMNS
                                        ? nca_mma_load_b<FORMAT>(b + 16 * g + pair, 1)
                                        : nca_mma_load_b<FORMAT>(b + 8 * pair + g, 8);
    nca_mma_add<FORMAT>(left, right, own);
    nca_mma_store(d, 8, own);
}

// launch  ceil(count/32) x 32
__global__ void round_all(bool is_tf32, const float *x, int count, uint32_t *words)
{
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < count)
        words[i] = is_tf32 ? nca_round_to_tf32(x[i]) : nca_round_to_bf16(x[i], 0);
}
}   // namespace

cudaError_t mma_instruction(int is_tf32, const uint32_t *a, const uint32_t *b, float *d)
{
    return NCA_LAUNCH(instruction, 1, 32, 0, 0, is_tf32 != 0, a, b, d);
}

cudaError_t mma_product_of(int is_tf32, int how, const float *a, const float *b, float *d)
{
    return is_tf32 ? NCA_LAUNCH((product<NCA_CUDA_TF32>), 1, 32, 0, 0, how, a, b, d)
                   : NCA_LAUNCH((product<NCA_CUDA_BF16>), 1, 32, 0, 0, how, a, b, d);
}

cudaError_t mma_round(int is_tf32, const float *x, int count, uint32_t *words)
{
    return NCA_LAUNCH(round_all, (count + 31) / 32, 32, 0, 0, is_tf32 != 0, x, count, words);
}
