// Products in bf16 by AMX: a tile of 16 x 16 sums takes sixteen words of sixteen rows an
// instruction. Blocks of two by two tiles, so that whatever is loaded is used twice. Of numbers in two
// parts it takes three products: high by low, high by high, low by high.
#ifndef NCA_CPU_PRODUCT_TILES_SIMD_H
#define NCA_CPU_PRODUCT_TILES_SIMD_H

#include <stdbool.h>

#include "bf16.h"
#include "product_bf16_simd.h"

enum { EDGE = 16, BLOCK = 2 * EDGE };   // of a tile, in rows, words and sums; of a block
enum { CLEARS_PADDING = 1 };            // rows are read in whole tiles

// The tests run these kernels on any processor: they include a stand-in for this part first.
#if !defined(NCA_AMX_BY_STAND_IN)
// What LDTILECFG reads.
typedef struct tile_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_shapes;

// gcc 12 does not know that these two read memory: what is to be read must lie there.
#define WRITTEN __asm__ volatile("" ::: "memory")
#define TILES_SHAPE(shapes)       \
    do {                          \
        WRITTEN;                  \
        _tile_loadconfig(shapes); \
    } while (0)
#define TILES_RELEASE() _tile_release()
#define TILE_LOAD(tile, from, stride)        \
    do {                                     \
        WRITTEN;                             \
        _tile_loadd(tile, from, (stride)*4); \
    } while (0)
#define TILE_STORE(tile, to, stride) _tile_stored(tile, to, (stride)*4)
// c += a.b, as nca_bf16_tile_dot()
#define TILE_DOT(c, a, b) _tile_dpbf16ps(c, a, b)
#endif

// Tiles 0 to 3 are sums, two rows of two; 4 and 5 are of a, 6 and 7 of b. A tile without rows keeps
// one, which is computed and not stored.
static void shape_tiles(int rows)
{
    const uint8_t upper = (uint8_t)(rows < EDGE ? rows : EDGE);
    const uint8_t lower = (uint8_t)(rows > EDGE ? rows - EDGE : 1);
    tile_shapes shapes = {.palette = 1,
                          .rows = {upper, upper, lower, lower, upper, lower, EDGE, EDGE}};
    for (int i = 0; i < 8; i++)
        shapes.row_bytes[i] = 4 * EDGE;
    TILES_SHAPE(&shapes);
}

// Words first..first+15 of the block's rows, of one part: as they lie, or gathered into `copy`, rows
// and words beyond the last as zeros.
static const uint32_t *words_of_a(const word_product *product, size_t part, int m0, int first,
                                  uint32_t copy[BLOCK][EDGE], size_t *stride)
{
    const uint32_t *a =
        product->a + part + (size_t)m0 * product->a_row + (size_t)first * product->a_step;
    *stride = product->a_row;
    if (product->a_step == 1)
        return a;
    *stride = EDGE;
    for (int m = 0; m < BLOCK; m++)
        for (int k = 0; k < EDGE; k++)
            copy[m][k] = m0 + m < product->rows && first + k < product->depth
                             ? a[(size_t)m * product->a_row + (size_t)k * product->a_step]
                             : 0;
    return copy[0];
}

// Rows first..first+15 of one part of b: weights, which are padded, as they lie; of cells a copy with
// zeros beyond the last.
static const uint32_t *words_of_b(const word_product *product, size_t part, int n0, int first,
                                  uint32_t copy[EDGE][BLOCK], size_t *stride)
{
    const uint32_t *b = product->b + part + (size_t)first * product->b_row + n0;
    *stride = product->b_row;
    if (product->a_step == 1 || first + EDGE <= product->depth)
        return b;
    *stride = BLOCK;
    memset(copy, 0, EDGE * BLOCK * sizeof copy[0][0]);
    for (int k = 0; first + k < product->depth; k++)
        memcpy(copy[k], b + (size_t)k * product->b_row, BLOCK * sizeof copy[0][0]);
    return copy[0];
}

static void load_a(const word_product *product, size_t part, int m0, int first)
{
    uint32_t copy[BLOCK][EDGE];
    size_t stride;
    const uint32_t *a = words_of_a(product, part, m0, first, copy, &stride);
    const bool is_tall = m0 + EDGE < product->rows;
    TILE_LOAD(4, a, stride);
    TILE_LOAD(5, a + (is_tall ? EDGE * stride : 0), stride);
}

static void load_b(const word_product *product, size_t part, int n0, int first)
{
    uint32_t copy[EDGE][BLOCK];
    size_t stride;
    const uint32_t *b = words_of_b(product, part, n0, first, copy, &stride);
    TILE_LOAD(6, b, stride);
    TILE_LOAD(7, b + EDGE, stride);
}

static void add_loaded(void)
{
    TILE_DOT(0, 4, 6);
    TILE_DOT(1, 4, 7);
    TILE_DOT(2, 5, 6);
    TILE_DOT(3, 5, 7);
}

// The order of the parts has one factor loaded for each product after the first.
static void add_words(const word_product *product, int m0, int n0, int first)
{
    load_a(product, 0, m0, first);
    if (PARTS == 2) {
        load_b(product, product->b_low, n0, first);
        add_loaded();
    }
    load_b(product, 0, n0, first);
    add_loaded();
    if (PARTS == 2) {
        load_a(product, product->a_low, m0, first);
        add_loaded();
    }
}

static void multiply_block(const word_product *product, int m0, int n0)
{
    sum_row sums[BLOCK];
    const int left = product->rows - m0, rows = left < BLOCK ? left : BLOCK;
    for (int n = 0; n < BLOCK; n += LANES)
        for (int m = 0; m < rows; m++) {
            const int tail = product->columns - n0 - n;
            vector_store(sums[m] + n,
                         tail <= 0 ? vector_zero()
                                   : first_sum(product, m0 + m, n0 + n, tail < LANES ? tail : 0));
        }
    shape_tiles(rows);
    TILE_LOAD(0, sums[0], SUMS);
    TILE_LOAD(1, sums[0] + EDGE, SUMS);
    TILE_LOAD(2, sums[rows > EDGE ? EDGE : 0], SUMS);
    TILE_LOAD(3, sums[rows > EDGE ? EDGE : 0] + EDGE, SUMS);
    for (int first = 0; first < product->depth; first += EDGE)
        add_words(product, m0, n0, first);
    TILE_STORE(0, sums[0], SUMS);
    TILE_STORE(1, sums[0] + EDGE, SUMS);
    if (rows > EDGE) {
        TILE_STORE(2, sums[EDGE], SUMS);
        TILE_STORE(3, sums[EDGE] + EDGE, SUMS);
    }
    const int columns = product->columns - n0 < BLOCK ? product->columns - n0 : BLOCK;
    finish_tile(product, m0, n0, (const sum_row *)sums, (rows + 1) & ~1, columns);
}

static void multiply_words(const word_product *product)
{
    for (int m = 0; m < product->rows; m += BLOCK)
        for (int n = 0; n < product->columns; n += BLOCK)
            multiply_block(product, m, n);
    TILES_RELEASE();
}

#endif
