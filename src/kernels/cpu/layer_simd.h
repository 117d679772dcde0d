// One layer of the update rule's network, of any sizes: a matrix product forward and two backward.
#ifndef NCA_CPU_LAYER_SIMD_H
#define NCA_CPU_LAYER_SIMD_H

#include "product_simd.h"

// Prefetches the gate of a later tile: hidden units that were kept may be in no cache.
INLINE void fetch_gate(const matrix_product *product, int first, const int rows, const int columns)
{
    const float *gate = product->gate + (size_t)first * product->out_row;
    UNROLL for (int m = 0; m < rows; m++) UNROLL for (int n = 0; n < columns; n++)
        __builtin_prefetch(gate + (size_t)m * product->out_row + n * LANES, 0, 3);
}

INLINE int multiply_rows(const matrix_product *product, int first, int count, const int rows,
                         const int columns, finish how)
{
    for (; first + rows <= count; first += rows) {
        if (how == GATE && first + 4 * rows <= count)
            fetch_gate(product, first + 3 * rows, rows, columns);
        tile(product, first, rows, columns, how);
    }
    return first;
}

// All rows, by three heights of tiles: one for every number of rows left would be much code that
// hardly saves time.
INLINE void multiply_by_three(const matrix_product *product, int count, const int rows,
                              const int fewer, const int columns, finish how)
{
    int done = multiply_rows(product, 0, count, rows, columns, how);
    done = multiply_rows(product, done, count, fewer, columns, how);
    multiply_rows(product, done, count, 1, columns, how);
}

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
            multiply_by_three(&product, count, 12, 4, 1, how);
        else if (columns == 2)
            multiply_by_three(&product, count, IS_WIDE ? 12 : 6, 3, 2, how);
        else if (columns == 3)
            multiply_by_three(&product, count, IS_WIDE ? 8 : 4, 2, 3, how);
        else if (IS_WIDE && columns == 4)
            multiply_by_three(&product, count, 6, 2, 4, how);
        else if (IS_WIDE)
            multiply_by_three(&product, count, 5, 2, 5, how);
        product.b += columns * LANES;
        product.out += columns * LANES;
        if (product.start)
            product.start += columns * LANES;
        if (product.gate)
            product.gate += columns * LANES;
    }
}

// y [count,O] = x [count,I] W + b, whose weights lie as [I,O].
typedef struct layer {
    int inputs, outputs;
    const float *columns;   // [I,O]
    const float *bias;      // [O]
} layer;

static void go_forward(const layer *above, const float *x, int count, finish how, float *y)
{
    multiply_any((matrix_product){.a = x,
                                  .a_row = (size_t)above->inputs,
                                  .a_step = 1,
                                  .b = above->columns,
                                  .b_row = (size_t)above->outputs,
                                  .depth = above->inputs,
                                  .out = y,
                                  .out_row = (size_t)above->outputs,
                                  .start = above->bias},
                 count, above->outputs, how);
}

// dx [count,I] = dy [count,O] times the weights [O,I]; zero where `gate`, if given, is not
// positive.
static void go_back(const float *dy, int outputs, const float *weight, int inputs, int count,
                    const float *gate, float *dx)
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

// The gradient of a layer's parameters: weights [rows,columns] += the sum over cells of
// a [count,rows] times b [count,columns].
static void add_outer(const float *a, int rows, const float *b, int columns, int count,
                      float *weights)
{
    multiply_any((matrix_product){.a = a,
                                  .a_row = 1,
                                  .a_step = (size_t)rows,
                                  .b = b,
                                  .b_row = (size_t)columns,
                                  .depth = count,
                                  .out = weights,
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

#endif
