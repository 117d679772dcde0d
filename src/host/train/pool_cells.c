// The cells of a pool, packed and unpacked.
#include "train/pool_cells.h"

#include <string.h>

static size_t line_bytes(const nca_shape *shape)
{
    return ((size_t)shape->width + 7) / 8;
}

size_t nca_pool_kept_bytes(const nca_shape *shape)
{
    return (size_t)shape->pool * (size_t)shape->height * line_bytes(shape);
}

// By its bits: -0 and NaN are something.
static bool is_empty(const float *cell, size_t channels)
{
    static const float zeros[256];   // the most channels a cell has
    return memcmp(cell, zeros, channels * sizeof *cell) == 0;
}

size_t nca_pool_pack(const nca_shape *shape, float *states, uint8_t *kept)
{
    const size_t lines = (size_t)shape->pool * (size_t)shape->height;
    const size_t channels = (size_t)shape->spec.channels;
    size_t count = 0;
    const float *cell = states;
    memset(kept, 0, nca_pool_kept_bytes(shape));
    for (size_t line = 0; line < lines; line++, kept += line_bytes(shape))
        for (int x = 0; x < shape->width; x++, cell += channels)
            if (!is_empty(cell, channels)) {
                kept[x / 8] |= (uint8_t)(1u << x % 8);
                memmove(states + count++ * channels, cell, channels * sizeof *cell);
            }
    return count;
}

static size_t count_kept(const uint8_t *kept, size_t size_bytes)
{
    size_t count = 0;
    for (size_t i = 0; i < size_bytes; i++)
        count += (size_t)__builtin_popcount(kept[i]);
    return count;
}

// Bits beyond the width belong to no cell.
static bool has_strays(const nca_shape *shape, const uint8_t *kept)
{
    const size_t line = line_bytes(shape), size_bytes = nca_pool_kept_bytes(shape);
    const unsigned used = shape->width % 8 ? (1u << shape->width % 8) - 1 : 255;
    for (size_t last = line - 1; last < size_bytes; last += line)
        if (kept[last] & ~used)
            return true;
    return false;
}

nca_status nca_pool_find(const nca_tensors *tensors, const nca_shape *shape, nca_packed_pool *out,
                         nca_error *error)
{
    const int64_t dense[] = {shape->pool, shape->height, shape->width, shape->spec.channels};
    const int64_t mask[] = {shape->pool, shape->height, (int64_t)line_bytes(shape)};
    const int64_t packed[] = {-1, shape->spec.channels};
    const nca_tensor *cells, *kept;
    if (nca_tensors_find(tensors, "pool")) {
        NCA_TRY(nca_tensors_require(tensors, "pool", NCA_F32, 4, dense, &cells, error));
        *out = (nca_packed_pool){.shape = shape, .next = cells->data};
        return NCA_OK;
    }
    NCA_TRY(nca_tensors_require(tensors, "pool.cells", NCA_F32, 2, packed, &cells, error));
    NCA_TRY(nca_tensors_require(tensors, "pool.kept", NCA_U8, 3, mask, &kept, error));
    if (count_kept(kept->data, kept->size_bytes) != cells->shape[0] ||
        has_strays(shape, kept->data))
        return nca_fail(error, NCA_FORMAT,
                        "%s: its \"pool.kept\" does not go with its \"pool.cells\"; it is damaged",
                        tensors->name);
    *out = (nca_packed_pool){.shape = shape, .kept = kept->data, .next = cells->data};
    return NCA_OK;
}

void nca_pool_unpack(nca_packed_pool *pool, float *state)
{
    const nca_shape *shape = pool->shape;
    const size_t channels = (size_t)shape->spec.channels;
    for (int y = 0; y < shape->height; y++) {
        for (int x = 0; x < shape->width; x++, state += channels) {
            const bool is_kept = !pool->kept || pool->kept[x / 8] >> x % 8 & 1;
            if (is_kept)
                memcpy(state, pool->next, channels * sizeof *state);
            else
                memset(state, 0, channels * sizeof *state);
            pool->next += is_kept ? channels : 0;
        }
        pool->kept += pool->kept ? line_bytes(shape) : 0;
    }
}
