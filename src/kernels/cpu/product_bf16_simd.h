// Products of matrices whose factors are bf16: what they are given, and where their sums go. How
// they are summed stands in product_pairs_simd.h and product_tiles_simd.h. Whoever includes this
// has said first of how many PARTS a number is made: 1, or 2, of which the second is the low one;
// and how many SUMS of a row are finished together, at most.
#ifndef NCA_CPU_PRODUCT_BF16_SIMD_H
#define NCA_CPU_PRODUCT_BF16_SIMD_H

#include "words_simd.h"

// What up to NCA_CPU_CHUNK cells have of one kind, rounded, in the two orders in which products
// read it; NULL where none does. Behind an odd number of cells stands one of zeros.
typedef struct activations {
    size_t width;      // numbers of a cell, padded
    size_t low;        // words from a part to its low one
    uint32_t *rows;    // [cells, width/2] two neighbouring numbers of a cell
    uint32_t *pairs;   // [cells/2, width] the same number of two neighbouring cells
} activations;

// Sums are stored, or begin with what is there, or are rounded: as relu of themselves, or, with a
// gate, where that is positive.
typedef enum word_finish { STORE_WORDS, ADD_WORDS, UNITS } word_finish;

// Row m, column n: the sum over k of a[m*a_row + k*a_step] . b[k*b_row + n].
typedef struct word_product {
    const uint32_t *a;
    size_t a_row, a_step;
    const uint32_t *b;
    size_t b_row;
    size_t a_low, b_low;   // words from a part to its low one
    int depth;             // words
    int rows, columns;
    const float *start;   // [columns], padded; NULL: zero, or with ADD_WORDS `out` itself
    word_finish how;
    float *out;   // of sums
    size_t out_row;
    activations to;            // of units
    const activations *gate;   // of units on their way back; NULL: on their way forward
    float *row_sum;            // with a gate: [columns] the rows are added here, in their order
} word_product;

INLINE vector first_sum(const word_product *product, int m, int n, int tail)
{
    if (product->how == ADD_WORDS)
        return m < product->rows ? load(product->out + (size_t)m * product->out_row + n, tail)
                                 : vector_zero();
    return product->start ? vector_load(product->start + n) : vector_zero();
}

static void keep_part(const activations *to, size_t part, int m, int n, word_vector rounded)
{
    if (to->rows) {
        uint32_t *row = to->rows + part + ((size_t)m * to->width + (size_t)n) / 2;
        words_store_rows(rounded, row, row + to->width / 2);
    }
    if (to->pairs)
        words_store_pairs(rounded, to->pairs + part + (size_t)m / 2 * to->width + n);
}

static void keep_activations(const activations *to, int m, int n, vector x, vector y)
{
    const word_vector rounded = words_round(x, y);
    keep_part(to, 0, m, n, rounded);
    if (PARTS == 2) {
        words_rest(rounded, &x, &y);
        keep_part(to, to->low, m, n, words_round(x, y));
    }
}

// A row of sums on its way out of registers or tiles.
typedef float sum_row[SUMS];

static void keep_sums(const word_product *product, int m0, int n, const float *sums, int rows,
                      int tail)
{
    float *out = product->out + (size_t)m0 * product->out_row + n;
    for (int m = 0; m < rows && m0 + m < product->rows; m++)
        store(out + (size_t)m * product->out_row, vector_load(sums + m * SUMS), tail);
}

// Units or their gradients, two rows at a time, of which the last may be beyond the last cell.
static void keep_units(const word_product *product, int m0, int n, const float *sums, int rows,
                       int tail)
{
    const activations *gate = product->gate;
    vector total = gate ? load(product->row_sum + n, tail) : vector_zero();
    for (int m = 0; m < rows; m += 2, sums += 2 * SUMS) {
        vector x = vector_load(sums), y = vector_load(sums + SUMS);
        if (gate)
            words_gate(words_load(gate->pairs + (size_t)(m0 + m) / 2 * gate->width + n), &x, &y);
        else
            x = vector_relu(x), y = vector_relu(y);
        if (m0 + m + 1 >= product->rows)
            y = vector_zero();
        keep_activations(&product->to, m0 + m, n, x, y);
        total = vector_add(vector_add(total, x), y);
    }
    if (gate)
        store(product->row_sum + n, total, tail);
}

static __attribute__((noinline)) void finish_tile(const word_product *product, int m0, int n0,
                                                  const sum_row *sums, int rows, int columns)
{
    for (int n = 0; n < columns; n += LANES) {
        const int past = n0 + n + LANES - product->columns, tail = past > 0 ? LANES - past : 0;
        if (product->how == UNITS)
            keep_units(product, m0, n0 + n, sums[0] + n, rows, tail);
        else
            keep_sums(product, m0, n0 + n, sums[0] + n, rows, tail);
    }
}

#endif
