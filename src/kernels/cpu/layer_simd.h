// One layer of the update rule's network, of any sizes: a matrix product forward and two backward.
#ifndef NCA_CPU_LAYER_SIMD_H
#define NCA_CPU_LAYER_SIMD_H

#include "product_simd.h"

INLINE int add_rows_of(const matrix_product *product, int first, int count, const int rows,
                       const int columns)
{
    for (; first + rows <= count; first += rows)
        tile(product, first, rows, columns, ADD);
    return first;
}

// All rows, by three heights of tiles: one for every number of rows left would be much code that
// hardly saves time.
INLINE void add_by_three(const matrix_product *product, int count, const int rows, const int fewer,
                         const int columns)
{
    int done = add_rows_of(product, 0, count, rows, columns);
    done = add_rows_of(product, done, count, fewer, columns);
    add_rows_of(product, done, count, 1, columns);
}

// Adds a product of any width to what is there: its columns are shared out among as few tiles as
// hold them, each as tall as the registers allow.
static void add_product(matrix_product product, int count, int width)
{
    enum { IS_WIDE = LANES == 16 };
    int left = (width + LANES - 1) / LANES;
    for (int tiles = (left + COLUMNS_MAX - 1) / COLUMNS_MAX; tiles > 0; tiles--) {
        const int columns = (left + tiles - 1) / tiles;
        left -= columns;
        product.tail = left == 0 ? width % LANES : 0;
        if (columns == 1)
            add_by_three(&product, count, 12, 4, 1);
        else if (columns == 2)
            add_by_three(&product, count, IS_WIDE ? 12 : 6, 3, 2);
        else if (columns == 3)
            add_by_three(&product, count, IS_WIDE ? 8 : 4, 2, 3);
        else if (IS_WIDE && columns == 4)
            add_by_three(&product, count, 6, 2, 4);
        else if (IS_WIDE)
            add_by_three(&product, count, 5, 2, 5);
        product.b += columns * LANES;
        product.out += columns * LANES;
    }
}

// x = max(0, x), and x = 0 where `gate` is not positive.
static void rectify(float *x, size_t count)
{
    for (size_t i = 0; i < count; i += LANES) {
        const int tail = tail_of(count, i);
        store(x + i, vector_relu(load(x + i, tail)), tail);
    }
}

static void pass_where_positive(const float *gate, float *x, size_t count)
{
    for (size_t i = 0; i < count; i += LANES) {
        const int tail = tail_of(count, i);
        store(x + i, vector_where_positive(load(gate + i, tail), load(x + i, tail)), tail);
    }
}

// y [count,O] = x [count,I] W + b, whose weights lie as [I,O].
typedef struct layer {
    int inputs, outputs;
    const float *columns;   // [I,O]
    const float *bias;      // [O]
} layer;

static void go_forward(const layer *above, const float *x, int count, float *y)
{
    const size_t inputs = (size_t)above->inputs, outputs = (size_t)above->outputs;
    for (int i = 0; i < count; i++)
        for (size_t j = 0; j < outputs; j += LANES) {
            const int tail = tail_of(outputs, j);
            store(y + (size_t)i * outputs + j, load(above->bias + j, tail), tail);
        }
    add_product((matrix_product){.a = x,
                                 .a_row = inputs,
                                 .a_step = 1,
                                 .b = above->columns,
                                 .b_row = outputs,
                                 .depth = above->inputs,
                                 .out = y,
                                 .out_row = outputs},
                count, above->outputs);
}

// dx [count,I] = dy [count,O] times the weights [O,I].
static void go_back(const float *dy, int outputs, const float *weight, int inputs, int count,
                    float *dx)
{
    memset(dx, 0, (size_t)count * (size_t)inputs * sizeof *dx);
    add_product((matrix_product){.a = dy,
                                 .a_row = (size_t)outputs,
                                 .a_step = 1,
                                 .b = weight,
                                 .b_row = (size_t)inputs,
                                 .depth = outputs,
                                 .out = dx,
                                 .out_row = (size_t)inputs},
                count, inputs);
}

// The gradient of a layer's parameters: weights [rows,columns] += the sum over cells of
// a [count,rows] times b [count,columns].
static void add_outer(const float *a, int rows, const float *b, int columns, int count,
                      float *weights)
{
    add_product((matrix_product){.a = a,
                                 .a_row = 1,
                                 .a_step = (size_t)rows,
                                 .b = b,
                                 .b_row = (size_t)columns,
                                 .depth = count,
                                 .out = weights,
                                 .out_row = (size_t)columns},
                rows, columns);
}

// sums [columns] += the rows of x [count,columns]
static void add_all_rows(const float *x, int count, int columns, float *sums)
{
    static const float one = 1;
    add_product((matrix_product){.a = &one,
                                 .b = x,
                                 .b_row = (size_t)columns,
                                 .depth = count,
                                 .out = sums,
                                 .out_row = (size_t)columns},
                1, columns);
}

#endif
