// The update rule's network for any sizes, one or two hidden layers, forward and backward: a layer
// is one matrix product forward and two backward. Sums have the order of those in mlp_simd.h, so
// that both give the same bits where both can compute.
#ifndef NCA_CPU_MLP_ANY_SIMD_H
#define NCA_CPU_MLP_ANY_SIMD_H

#include "ops.h"
#include "product_simd.h"

// A product of any width: its columns are shared out among as few tiles as hold them, each as tall
// as the registers allow.
static void multiply_any(matrix_product product, int count, int width, finish how)
{
    enum { IS_WIDE = LANES == 16 };
    int left = (width + LANES - 1) / LANES;
    for (int tiles = (left + COLUMNS_MAX - 1) / COLUMNS_MAX; tiles > 0; tiles--) {
        const int columns = (left + tiles - 1) / tiles;
        left -= columns;
        product.tail = left == 0 ? width % LANES : 0;
        if (columns == 1)
            multiply(&product, count, 12, 1, how);
        else if (columns == 2)
            multiply(&product, count, IS_WIDE ? 12 : 6, 2, how);
        else if (columns == 3)
            multiply(&product, count, IS_WIDE ? 8 : 4, 3, how);
        else if (IS_WIDE && columns == 4)
            multiply(&product, count, 6, 4, how);
        else if (IS_WIDE)
            multiply(&product, count, 5, 5, how);
        product.b += columns * LANES;
        product.out += columns * LANES;
        product.start += product.start ? columns * LANES : 0;
        product.gate += product.gate ? columns * LANES : 0;
    }
}

// y [count,O] = x [count,I] W + b, whose weights lie as [I,O]; then ReLU or nothing.
typedef struct layer {
    int inputs, outputs;
    const float *columns;   // [I,O]
    const float *bias;      // [O]
} layer;

static void go_forward(const layer *of, const float *x, int count, float *y, finish how)
{
    multiply_any((matrix_product){.a = x,
                                  .a_row = (size_t)of->inputs,
                                  .a_step = 1,
                                  .b = of->columns,
                                  .b_row = (size_t)of->outputs,
                                  .depth = of->inputs,
                                  .out = y,
                                  .out_row = (size_t)of->outputs,
                                  .start = of->bias},
                 count, of->outputs, how);
}

// dx [count,I] = dy [count,O] times the weights [O,I]; zero where `gate` [count,I] is not positive.
static void go_back(const float *dy, int outputs, const float *weight, int inputs, int count,
                    float *dx, const float *gate)
{
    multiply_any((matrix_product){.a = dy,
                                  .a_row = (size_t)outputs,
                                  .a_step = 1,
                                  .b = weight,
                                  .b_row = (size_t)inputs,
                                  .depth = outputs,
                                  .out = dx,
                                  .out_row = (size_t)inputs,
                                  .gate = gate},
                 count, inputs, gate ? GATE : PLAIN);
}

// sums [rows,columns] += the sum over cells of a [count,rows] times b [count,columns].
static void add_products(const float *a, int rows, const float *b, int columns, int count,
                         float *sums)
{
    multiply_any((matrix_product){.a = a,
                                  .a_row = 1,
                                  .a_step = (size_t)rows,
                                  .b = b,
                                  .b_row = (size_t)columns,
                                  .depth = count,
                                  .out = sums,
                                  .out_row = (size_t)columns},
                 rows, columns, ADD);
}

// sums [columns] += the rows of x [count,columns]
static void add_all_rows(const float *x, int count, int columns, float *sums)
{
    static const float one = 1;
    multiply_any((matrix_product){.a = &one,
                                  .b = x,
                                  .b_row = (size_t)columns,
                                  .depth = count,
                                  .out = sums,
                                  .out_row = (size_t)columns},
                 1, columns, ADD);
}

static float *second_of(const nca_cpu_rule *rule, float *hidden, int count)
{
    return hidden + (size_t)count * (size_t)rule->hidden;
}

static void mlp_any_hidden(const nca_cpu_rule *rule, const float *p, int count, float *hidden)
{
    const layer first = {rule->inputs, rule->hidden, rule->hidden_panels, rule->hidden_bias};
    const layer second = {rule->hidden, rule->hidden2, rule->hidden2_columns, rule->hidden2_bias};
    go_forward(&first, p, count, hidden, RELU);
    if (rule->hidden2)
        go_forward(&second, hidden, count, second_of(rule, hidden, count), RELU);
}

static void mlp_any(const nca_cpu_rule *rule, const float *p, int count, float *hidden, float *out)
{
    const int last = rule->hidden2 ? rule->hidden2 : rule->hidden;
    const layer output = {last, rule->outputs, rule->output_columns, rule->output_bias};
    mlp_any_hidden(rule, p, count, hidden);
    go_forward(&output, rule->hidden2 ? second_of(rule, hidden, count) : hidden, count, out, PLAIN);
}

static void mlp_any_backward(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                             const nca_cpu_gradient *sums)
{
    const int count = cells->count, inputs = rule->inputs, hidden = rule->hidden;
    const int outputs = rule->outputs, last = rule->hidden2 ? rule->hidden2 : hidden;
    const size_t at = rule->hidden2 ? (size_t)count * (size_t)hidden : 0;   // of the last layer
    go_back(cells->dout, outputs, rule->output_weight, last, count, cells->dhidden + at,
            cells->hidden + at);
    add_products(cells->dout, outputs, cells->hidden + at, last, count, sums->output_weight);
    add_all_rows(cells->dout, count, outputs, sums->output_bias);
    if (rule->hidden2) {
        go_back(cells->dhidden + at, last, rule->hidden2_weight, hidden, count, cells->dhidden,
                cells->hidden);
        add_products(cells->dhidden + at, last, cells->hidden, hidden, count, sums->hidden2_weight);
        add_all_rows(cells->dhidden + at, count, last, sums->hidden2_bias);
    }
    go_back(cells->dhidden, hidden, rule->hidden_weight, inputs, count, cells->dp, NULL);
    add_products(cells->p, inputs, cells->dhidden, hidden, count, sums->hidden_columns);
    add_all_rows(cells->dhidden, count, hidden, sums->hidden_bias);
}

#endif
