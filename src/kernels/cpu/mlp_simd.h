// The update rule's two layers for 16 channels and a multiple of 64 hidden units, forward and
// backward, as six matrix products: sizes that the compiler knows, and weights in panels as wide as
// a tile.
#ifndef NCA_CPU_MLP_SIMD_H
#define NCA_CPU_MLP_SIMD_H

#include "ops.h"
#include "product_simd.h"

enum {
    CHANNELS = 16,
    INPUTS = 3 * CHANNELS,
    // Vectors and rows of the tile for products with K, 16 and 48 columns.
    UNIT_COLUMNS = LANES == 16 ? 4 : 2,
    UNIT_ROWS = 6,
    CHANNEL_COLUMNS = CHANNELS / LANES,
    CHANNEL_ROWS = LANES == 16 ? 12 : 6,
    INPUT_COLUMNS = LANES == 16 ? 3 : 2,
    INPUT_ROWS = LANES == 16 ? 8 : 6,
    PANEL = UNIT_COLUMNS * LANES,
};

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
