// The update rule's two layers for 16 channels and a multiple of 64 hidden units, forward and
// backward, as six matrix products over one register tile.
//
// A tile holds ROWS x COLUMNS vectors of sums in registers, streams the weights from the
// first-level cache and broadcasts the inputs. Every sum runs over k in rising order with fused
// multiply-adds, whatever the tile, so results depend neither on how cells are grouped nor on the
// vector length. AVX2 has 16 registers: 6 x 2 sums; AVX-512 has 32: 6 x 4, or taller where a row is
// shorter.
#ifndef NCA_CPU_MLP_SIMD_H
#define NCA_CPU_MLP_SIMD_H

#include "ops.h"
#include "vector.h"

enum {
    CHANNELS = 16,
    INPUTS = 3 * CHANNELS,
    ROWS_MAX = 12,
    COLUMNS_MAX = 4,
    // Vectors and rows of the tile for products with K, 16 and 48 columns.
    UNIT_COLUMNS = LANES == 16 ? 4 : 2,
    UNIT_ROWS = 6,
    CHANNEL_COLUMNS = CHANNELS / LANES,
    CHANNEL_ROWS = LANES == 16 ? 12 : 6,
    INPUT_COLUMNS = LANES == 16 ? 3 : 2,
    INPUT_ROWS = LANES == 16 ? 8 : 6,
    PANEL = UNIT_COLUMNS * LANES,
};

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
    const float *start;   // [columns]; NULL with ADD: out itself; NULL else: zero
    const float *gate;    // as out; for GATE
} matrix_product;

typedef enum finish { PLAIN, RELU, GATE, ADD } finish;

INLINE void tile(const matrix_product *product, int m0, const int rows, const int columns,
                 const finish how)
{
    vector sum[ROWS_MAX][COLUMNS_MAX];
    const float *a = product->a + (size_t)m0 * product->a_row, *b = product->b;
    float *out = product->out + (size_t)m0 * product->out_row;
    const size_t a_row = product->a_row, a_step = product->a_step, b_row = product->b_row,
                 out_row = product->out_row;
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++) sum[m][n] =
        how == ADD       ? vector_load(out + (size_t)m * out_row + n * LANES)
        : product->start ? vector_load(product->start + n * LANES)
                         : vector_zero();
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
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++)
    {
        vector x = sum[m][n];
        if (how == RELU)
            x = vector_relu(x);
        if (how == GATE)
            x = vector_where_positive(
                vector_load(product->gate + (size_t)(m0 + m) * out_row + n * LANES), x);
        vector_store(out + (size_t)m * out_row + n * LANES, x);
    }
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

static void mlp_hidden(const nca_cpu_rule *rule, const float *p, int count, float *hidden)
{
    const size_t units = (size_t)rule->hidden;
    for (size_t j = 0; j < units; j += PANEL) {
        const matrix_product first = {.a = p,
                                      .a_row = INPUTS,
                                      .a_step = 1,
                                      .b = rule->hidden_panels + j * INPUTS,
                                      .b_row = PANEL,
                                      .depth = INPUTS,
                                      .out = hidden + j,
                                      .out_row = units,
                                      .start = rule->hidden_bias + j};
        multiply(&first, count, UNIT_ROWS, UNIT_COLUMNS, RELU);
    }
}

static void mlp(const nca_cpu_rule *rule, const float *p, int count, float *hidden, float *out)
{
    mlp_hidden(rule, p, count, hidden);
    const matrix_product second = {.a = hidden,
                                   .a_row = (size_t)rule->hidden,
                                   .a_step = 1,
                                   .b = rule->output_columns,
                                   .b_row = CHANNELS,
                                   .depth = rule->hidden,
                                   .out = out,
                                   .out_row = CHANNELS,
                                   .start = rule->output_bias};
    multiply(&second, count, CHANNEL_ROWS, CHANNEL_COLUMNS, PLAIN);
}

// sums [columns] += the rows of x [count,columns]
static void add_rows(const float *x, int count, size_t columns, float *sums)
{
    for (size_t j = 0; j < columns; j += LANES) {
        vector sum = vector_load(sums + j);
        for (int i = 0; i < count; i++)
            sum = vector_add(sum, vector_load(x + (size_t)i * columns + j));
        vector_store(sums + j, sum);
    }
}

static void mlp_backward(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                         const nca_cpu_gradient *sums)
{
    const size_t units = (size_t)rule->hidden;
    const int count = cells->count;
    const float *const p = cells->p, *const hidden = cells->hidden, *const dout = cells->dout;
    float *const dhidden = cells->dhidden, *const dp = cells->dp;
    for (size_t j = 0; j < units; j += PANEL) {
        const matrix_product back = {.a = dout,
                                     .a_row = CHANNELS,
                                     .a_step = 1,
                                     .b = rule->output_weight + j,
                                     .b_row = units,
                                     .depth = CHANNELS,
                                     .out = dhidden + j,
                                     .out_row = units,
                                     .gate = hidden + j};
        multiply(&back, count, UNIT_ROWS, UNIT_COLUMNS, GATE);
    }
    for (size_t i = 0; i < INPUTS; i += INPUT_COLUMNS * LANES) {
        const matrix_product inputs = {.a = dhidden,
                                       .a_row = units,
                                       .a_step = 1,
                                       .b = rule->hidden_weight + i,
                                       .b_row = INPUTS,
                                       .depth = rule->hidden,
                                       .out = dp + i,
                                       .out_row = INPUTS};
        multiply(&inputs, count, INPUT_ROWS, INPUT_COLUMNS, PLAIN);
    }
    for (size_t j = 0; j < units; j += PANEL) {
        const matrix_product first = {.a = p,
                                      .a_row = 1,
                                      .a_step = INPUTS,
                                      .b = dhidden + j,
                                      .b_row = units,
                                      .depth = count,
                                      .out = sums->hidden_columns + j,
                                      .out_row = units};
        multiply(&first, INPUTS, UNIT_ROWS, UNIT_COLUMNS, ADD);
        const matrix_product second = {.a = dout,
                                       .a_row = 1,
                                       .a_step = CHANNELS,
                                       .b = hidden + j,
                                       .b_row = units,
                                       .depth = count,
                                       .out = sums->output_weight + j,
                                       .out_row = units};
        multiply(&second, CHANNELS, UNIT_ROWS, UNIT_COLUMNS, ADD);
    }
    add_rows(dhidden, count, units, sums->hidden_bias);
    add_rows(dout, count, CHANNELS, sums->output_bias);
}

#endif
