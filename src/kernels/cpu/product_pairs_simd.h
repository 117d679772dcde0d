// Products in bf16 over one register tile, as in product_simd.h: two terms of sixteen sums an
// instruction. A sum runs over words in rising order, whatever the tile.
#ifndef NCA_CPU_PRODUCT_PAIRS_SIMD_H
#define NCA_CPU_PRODUCT_PAIRS_SIMD_H

enum { TILE_ROWS = 12, TILE_COLUMNS = 4 };   // at most; together 24 vectors
enum { CLEARS_PADDING = 0 };                 // what stands beyond a row's numbers is not read

#include "product_bf16_simd.h"

// These need nothing of the processor before or after.
static void begin_products(void)
{
}

static void end_products(void)
{
}

INLINE void word_tile(const word_product *product, int m0, int n0, const int rows,
                      const int columns)
{
    vector sum[TILE_ROWS][TILE_COLUMNS];
    const int past = n0 + columns * LANES - product->columns;
    const int last_tail = past > 0 ? LANES - past : 0;
    const size_t a_row = product->a_row;
    const uint32_t *a = product->a + (size_t)m0 * a_row, *b = product->b + n0;
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++) sum[m][n] =
        first_sum(product, m0 + m, n0 + n * LANES, n + 1 == columns ? last_tail : 0);
    for (int k = 0; k < product->depth; k++, a += product->a_step, b += product->b_row) {
        word_vector weight[TILE_COLUMNS];
        UNROLL for (int n = 0; n < columns; n++) weight[n] = words_load(b + n * LANES);
        UNROLL for (int m = 0; m < rows; m++)
        {
            const word_vector input = words_all(a[(size_t)m * a_row]);
            UNROLL for (int n = 0; n < columns; n++) sum[m][n] =
                words_dot(sum[m][n], input, weight[n]);
        }
    }
    UNROLL for (int n = 0; n < columns; n++)
    {
        const int at = n0 + n * LANES, tail = n + 1 == columns ? last_tail : 0;
        if (product->how == UNITS) {
            vector total = load_row_sum(product, at, tail);
            UNROLL for (int m = 0; m < rows; m += 2)
            {
                total = keep_two(product, m0 + m, at, sum[m][n], sum[m + 1][n], total);
            }
            store_row_sum(product, at, total, tail);
            continue;
        }
        float *out = product->out + (size_t)m0 * product->out_row + at;
        UNROLL for (int m = 0; m < rows; m++)
        {
            if (m + 1 < rows || m0 + m < product->rows)   // only the last may be beyond the last
                store(out + (size_t)m * product->out_row, sum[m][n], tail);
        }
    }
}

// All rows of some columns: full tiles, then one as tall as what is left. Heights are even.
INLINE void multiply_columns(const word_product *product, int n0, const int height,
                             const int columns)
{
    for (int m = 0; m < product->rows; m += height) {
        const int left = product->rows - m < height ? (product->rows - m + 1) & ~1 : height;
        switch (left) {
#define HEIGHT(rows)                                  \
    case rows:                                        \
        if (rows <= height)                           \
            word_tile(product, m, n0, rows, columns); \
        break;
            HEIGHT(2) HEIGHT(4) HEIGHT(6) HEIGHT(8) HEIGHT(10) HEIGHT(12)
#undef HEIGHT
        }
    }
}

// Columns are shared out among as few tiles as hold them, each as tall as the registers allow.
static void multiply_words(const word_product *product)
{
    int left = (product->columns + LANES - 1) / LANES, n = 0;
    for (int tiles = (left + TILE_COLUMNS - 1) / TILE_COLUMNS; tiles > 0; tiles--) {
        const int columns = (left + tiles - 1) / tiles;
        if (columns == 1)
            multiply_columns(product, n, 12, 1);
        else if (columns == 2)
            multiply_columns(product, n, 12, 2);
        else if (columns == 3)
            multiply_columns(product, n, 8, 3);
        else
            multiply_columns(product, n, 6, 4);
        left -= columns;
        n += columns * LANES;
    }
}

#endif
