// Products of matrices over one register tile: what the networks' kernels are made of.
//
// A tile holds ROWS x COLUMNS vectors of sums in registers, streams the weights from the
// first-level cache and broadcasts the inputs. Every sum runs over k in rising order with fused
// multiply-adds, whatever the tile, so results depend neither on how cells are grouped nor on the
// vector length. AVX2 has 16 registers: 6 x 2 sums; AVX-512 has 32: 6 x 4 or 5 x 5, or taller where
// a row is shorter.
#ifndef NCA_CPU_PRODUCT_SIMD_H
#define NCA_CPU_PRODUCT_SIMD_H

#include "vector.h"

enum { ROWS_MAX = 12, COLUMNS_MAX = LANES == 16 ? 5 : 3 };

static const float zeros[COLUMNS_MAX * LANES];

// One product: out[m][n] = start[n] or out[m][n], plus the sum over k of a[m*a_row + k*a_step] *
// b[k*b_row + n], then finished.
typedef struct matrix_product {
    const float *a;
    size_t a_row, a_step;
    const float *b;
    size_t b_row;
    int depth;
    float *out;
    size_t out_row;
    const float *start;   // [columns]; NULL: zeros. ADD starts from `out` instead
    const float *gate;    // as out; for GATE
    int tail;             // lanes of the last vector that are columns; 0: all
} matrix_product;

typedef enum finish { PLAIN, RELU, GATE, ADD } finish;

// Rows m0..m0+rows-1 of the product, in `columns` vectors. How they are finished is known to the
// compiler, or asked once a tile.
INLINE void tile(const matrix_product *product, int m0, const int rows, const int columns,
                 const finish how)
{
    vector sum[ROWS_MAX][COLUMNS_MAX];
    const float *a = product->a + (size_t)m0 * product->a_row, *b = product->b;
    float *out = product->out + (size_t)m0 * product->out_row;
    const size_t a_row = product->a_row, a_step = product->a_step, b_row = product->b_row,
                 out_row = product->out_row;
    const float *start = how == ADD ? out : product->start ? product->start : zeros;
    const size_t start_row = how == ADD ? out_row : 0;
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++) sum[m][n] =
        vector_load(start + (size_t)m * start_row + n * LANES);
    for (int k = 0; k < product->depth; k++, a += a_step, b += b_row) {
        vector weight[COLUMNS_MAX];
        UNROLL for (int n = 0; n < columns; n++) weight[n] = vector_load(b + n * LANES);
        UNROLL for (int m = 0; m < rows; m++)
        {
            const vector input = vector_all(a[(size_t)m * a_row]);
            UNROLL for (int n = 0; n < columns; n++) sum[m][n] =
                vector_fma(input, weight[n], sum[m][n]);
        }
    }
    if (how == RELU)
        UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++) sum[m][n] =
            vector_relu(sum[m][n]);
    const float *gate = how == GATE ? product->gate + (size_t)m0 * out_row : NULL;
    if (how == GATE)
        UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++) sum[m][n] =
            vector_where_positive(vector_load(gate + (size_t)m * out_row + n * LANES), sum[m][n]);
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++) store(
        out + (size_t)m * out_row + n * LANES, sum[m][n], n + 1 == columns ? product->tail : 0);
}

// All rows: full tiles, then one exactly as tall as what is left.
INLINE void multiply(const matrix_product *product, int count, const int rows, const int columns,
                     const finish how)
{
    int m = 0;
    for (; m + rows <= count; m += rows)
        tile(product, m, rows, columns, how);
    switch (count - m) {
#define REST(left)                                \
    case left:                                    \
        if (left < rows)                          \
            tile(product, m, left, columns, how); \
        break;
        REST(1) REST(2) REST(3) REST(4) REST(5) REST(6) REST(7) REST(8) REST(9) REST(10) REST(11)
#undef REST
    }
}

#endif
