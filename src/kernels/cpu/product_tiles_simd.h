// Products in bf16 by AMX: a tile of 16 x 16 sums takes sixteen words of sixteen rows an
// instruction. Up to three tiles, one above the other, share what is loaded of the second factor:
// the rows of a whole chunk of cells. Of numbers in two parts it takes three products: high by low,
// high by high, low by high.
#ifndef NCA_CPU_PRODUCT_TILES_SIMD_H
#define NCA_CPU_PRODUCT_TILES_SIMD_H

#include <stdbool.h>

#include "bf16.h"

enum { EDGE = 16 };   // of a tile, in rows, words and sums
enum {
    BLOCK_TILES = 3,
    BLOCK_ROWS = BLOCK_TILES * EDGE
};                             // tiles, rows that are summed together, at most
enum { CLEARS_PADDING = 1 };   // rows are read in whole tiles

#include "product_bf16_simd.h"

typedef float sum_row[EDGE];   // a row of a tile's sums

// Loading a tile is six times as fast where each row begins on a cache line (bench/NOTES.md).
#define ALIGNED _Alignas(4 * EDGE)

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
#define TILE_ZERO(tile) _tile_zero(tile)
#define TILE_STORE(tile, to, stride) _tile_stored(tile, to, (stride)*4)
// c += a.b, as nca_bf16_tile_dot()
#define TILE_DOT(c, a, b) _tile_dpbf16ps(c, a, b)

// to[m][k] = from[k*stride + m]
static void transpose_words(const uint32_t *from, size_t stride, uint32_t *to, size_t to_stride)
{
    __m512i row[EDGE], transposed[EDGE];
    UNROLL for (int k = 0; k < EDGE; k++) row[k] = words_load(from + (size_t)k * stride);
    UNROLL for (int k = 0; k < EDGE; k += 2)
    {
        transposed[k] = _mm512_unpacklo_epi32(row[k], row[k + 1]);
        transposed[k + 1] = _mm512_unpackhi_epi32(row[k], row[k + 1]);
    }
    UNROLL for (int k = 0; k < EDGE; k += 4) UNROLL for (int i = 0; i < 2; i++)
    {
        row[k + 2 * i] = _mm512_unpacklo_epi64(transposed[k + i], transposed[k + 2 + i]);
        row[k + 2 * i + 1] = _mm512_unpackhi_epi64(transposed[k + i], transposed[k + 2 + i]);
    }
    // Lane l of row[4 j + i] now has words 4 j..4 j + 3 of column 4 l + i.
    UNROLL for (int i = 0; i < 4; i++)
    {
        const __m512i a = _mm512_shuffle_i32x4(row[i], row[4 + i], 0x88);
        const __m512i b = _mm512_shuffle_i32x4(row[8 + i], row[12 + i], 0x88);
        const __m512i c = _mm512_shuffle_i32x4(row[i], row[4 + i], 0xdd);
        const __m512i d = _mm512_shuffle_i32x4(row[8 + i], row[12 + i], 0xdd);
        transposed[i] = _mm512_shuffle_i32x4(a, b, 0x88);
        transposed[8 + i] = _mm512_shuffle_i32x4(a, b, 0xdd);
        transposed[4 + i] = _mm512_shuffle_i32x4(c, d, 0x88);
        transposed[12 + i] = _mm512_shuffle_i32x4(c, d, 0xdd);
    }
    UNROLL for (int m = 0; m < EDGE; m++)
        _mm512_storeu_si512(to + (size_t)m * to_stride, transposed[m]);
}
#endif

// Tiles 0 to 2 are sums, 3 to 5 of the first factor, 6 of the second.
enum { TILES = 2 * BLOCK_TILES + 1 };

static void begin_products(void)
{
    tile_shapes shapes = {.palette = 1};
    for (int i = 0; i < TILES; i++) {
        shapes.row_bytes[i] = 4 * EDGE;
        shapes.rows[i] = EDGE;
    }
    TILES_SHAPE(&shapes);
}

static void end_products(void)
{
    TILES_RELEASE();
}

// The first factor of some rows: how many tiles, and where each part of it lies.
typedef struct row_block {
    int tiles;
    const uint32_t *part[PARTS];
    size_t stride;
} row_block;

// The first factor of a gradient of weights lies as [cells/2, numbers]; tiles need it as
// [numbers, cells/2]. This is the transposed copy, with zeros behind the last pair of cells.
typedef uint32_t transposed_words[PARTS][BLOCK_ROWS][2 * EDGE];

static void transpose_factor(const word_product *product, const uint32_t *words, int tiles,
                             uint32_t to[BLOCK_ROWS][2 * EDGE])
{
    for (int k = 0; k < product->depth; k += EDGE) {
        const int held = product->depth - k < EDGE ? product->depth - k : EDGE;
        for (int m = 0; m < tiles * EDGE; m += EDGE) {
            ALIGNED uint32_t padded[EDGE][EDGE];
            const uint32_t *from = words + (size_t)k * product->a_step + m;
            size_t stride = product->a_step;
            if (held < EDGE) {
                memset(padded, 0, sizeof padded);
                for (int i = 0; i < held; i++)
                    memcpy(padded[i], from + (size_t)i * stride, sizeof padded[i]);
                from = padded[0], stride = EDGE;
            }
            transpose_words(from, stride, to[m] + k, 2 * EDGE);
        }
    }
}

// Rows beyond the last are read, and their sums not kept.
static row_block first_factor(const word_product *product, int m0, transposed_words transposed)
{
    const int left = product->rows - m0;
    row_block a = {.tiles = left > 2 * EDGE ? 3 : left > EDGE ? 2 : 1};
    for (int part = 0; part < PARTS; part++) {
        const uint32_t *words =
            product->a + (size_t)part * product->a_low + (size_t)m0 * product->a_row;
        a.part[part] = words;
        a.stride = product->a_row;
        if (product->a_step != 1) {
            transpose_factor(product, words, a.tiles, transposed[part]);
            a.part[part] = transposed[part][0];
            a.stride = 2 * EDGE;
        }
    }
    return a;
}

static void load_a(const row_block *a, int part, int first)
{
    const uint32_t *from = a->part[part] + first;
    TILE_LOAD(3, from, a->stride);
    if (a->tiles > 1)
        TILE_LOAD(4, from + EDGE * a->stride, a->stride);
    if (a->tiles > 2)
        TILE_LOAD(5, from + 2 * EDGE * a->stride, a->stride);
}

// Weights are padded; of cells zeros stand in for those beyond the last.
static void load_b(const word_product *product, size_t part, int n0, int first)
{
    ALIGNED uint32_t padded[EDGE][EDGE];
    const uint32_t *b = product->b + part + (size_t)first * product->b_row + n0;
    size_t stride = product->b_row;
    if (product->a_step != 1 && first + EDGE > product->depth) {
        memset(padded, 0, sizeof padded);
        for (int k = 0; first + k < product->depth; k++)
            memcpy(padded[k], b + (size_t)k * stride, sizeof padded[k]);
        b = padded[0], stride = EDGE;
    }
    TILE_LOAD(6, b, stride);
}

static void add_loaded(int tiles)
{
    TILE_DOT(0, 3, 6);
    if (tiles > 1)
        TILE_DOT(1, 4, 6);
    if (tiles > 2)
        TILE_DOT(2, 5, 6);
}

// The order of the parts has one factor loaded for each product after the first.
static void add_words(const word_product *product, const row_block *a, int n0, int first)
{
    load_a(a, 0, first);
    if (PARTS == 2) {
        load_b(product, product->b_low, n0, first);
        add_loaded(a->tiles);
    }
    load_b(product, 0, n0, first);
    add_loaded(a->tiles);
    if (PARTS == 2) {
        load_a(a, PARTS - 1, first);
        add_loaded(a->tiles);
    }
}

static void load_sums(const float *from, size_t stride, int tiles)
{
    TILE_LOAD(0, from, stride);
    if (tiles > 1)
        TILE_LOAD(1, from + EDGE * stride, stride);
    if (tiles > 2)
        TILE_LOAD(2, from + 2 * EDGE * stride, stride);
}

static void store_sums(float *to, size_t stride, int tiles)
{
    TILE_STORE(0, to, stride);
    if (tiles > 1)
        TILE_STORE(1, to + EDGE * stride, stride);
    if (tiles > 2)
        TILE_STORE(2, to + 2 * EDGE * stride, stride);
}

// Sums lie in `out` where nothing is to be done with them and no tile reaches beyond.
static bool is_direct(const word_product *product, int m0, int tiles)
{
    return product->how != UNITS && m0 + tiles * EDGE <= product->rows &&
           product->columns % EDGE == 0;
}

// Every row starts with the same numbers, with zeros, or with what is there.
static void start_sums(const word_product *product, int m0, int n0, int tiles, sum_row *sums)
{
    if (product->how == ADD_WORDS && is_direct(product, m0, tiles)) {
        load_sums(product->out + (size_t)m0 * product->out_row + n0, product->out_row, tiles);
    } else if (product->how == ADD_WORDS) {
        const int left = product->columns - n0;
        for (int m = 0; m < tiles * EDGE; m++)
            vector_store(sums[m], first_sum(product, m0 + m, n0, left < EDGE ? left : 0));
        load_sums(sums[0], EDGE, tiles);
    } else if (product->start) {
        load_sums(product->start + n0, 0, tiles);
    } else {
        TILE_ZERO(0);
        TILE_ZERO(1);
        TILE_ZERO(2);
    }
}

static void finish_sums(const word_product *product, int m0, int n0, int tiles, const sum_row *sums)
{
    const int left = product->rows - m0, rows = left < tiles * EDGE ? left : tiles * EDGE;
    const int past = n0 + EDGE - product->columns, tail = past > 0 ? EDGE - past : 0;
    if (product->how == UNITS) {
        vector total = load_row_sum(product, n0, tail);
        for (int m = 0; m < rows; m += 2)
            total = keep_two(product, m0 + m, n0, vector_load(sums[m]), vector_load(sums[m + 1]),
                             total);
        store_row_sum(product, n0, total, tail);
    } else {
        float *out = product->out + (size_t)m0 * product->out_row + n0;
        for (int m = 0; m < rows; m++)
            store(out + (size_t)m * product->out_row, vector_load(sums[m]), tail);
    }
}

static void multiply_row_block(const word_product *product, int m0)
{
    ALIGNED transposed_words transposed;
    ALIGNED sum_row sums[BLOCK_ROWS];
    const row_block a = first_factor(product, m0, transposed);
    for (int n0 = 0; n0 < product->columns; n0 += EDGE) {
        start_sums(product, m0, n0, a.tiles, sums);
        for (int first = 0; first < product->depth; first += EDGE)
            add_words(product, &a, n0, first);
        if (is_direct(product, m0, a.tiles)) {
            store_sums(product->out + (size_t)m0 * product->out_row + n0, product->out_row,
                       a.tiles);
        } else {
            store_sums(sums[0], EDGE, a.tiles);
            finish_sums(product, m0, n0, a.tiles, (const sum_row *)sums);
        }
    }
}

static void multiply_words(const word_product *product)
{
    for (int m = 0; m < product->rows; m += BLOCK_ROWS)
        multiply_row_block(product, m);
}

#endif
