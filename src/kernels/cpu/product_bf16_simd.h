// Products of matrices whose factors are bf16: what they are given, and where their sums go. How
// they are summed stands in product_pairs_simd.h and product_tiles_simd.h. Whoever includes this
// has said first of how many PARTS a number is made: 1, or 2, of which the second is the low one.
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

INLINE void keep_part(const activations *to, size_t part, int m, int n, word_vector rounded)
{
    if (to->rows) {
        uint32_t *row = to->rows + part + ((size_t)m * to->width + (size_t)n) / 2;
        words_store_rows(rounded, row, row + to->width / 2);
    }
    if (to->pairs)
        words_store_pairs(rounded, to->pairs + part + (size_t)m / 2 * to->width + n);
}

INLINE void keep_activations(const activations *to, int m, int n, vector x, vector y)
{
    const word_vector rounded = words_round(x, y);
    keep_part(to, 0, m, n, rounded);
    if (PARTS == 2) {
        words_rest(rounded, &x, &y);
        keep_part(to, to->low, m, n, words_round(x, y));
    }
}

// Finishes rows m and m+1 of units or of their gradients: relu or gate, rounding, storing. Returns
// `total` with both added.
INLINE vector keep_two(const word_product *product, int m, int n, vector x, vector y, vector total)
{
    const activations *gate = product->gate;
    if (gate)
        words_gate(words_load(gate->pairs + (size_t)m / 2 * gate->width + n), &x, &y);
    else
        x = vector_relu(x), y = vector_relu(y);
    if (m + 1 >= product->rows)   // beyond the last cell
        y = vector_zero();
    keep_activations(&product->to, m, n, x, y);
    return vector_add(vector_add(total, x), y);
}

// Only with a gate are rows added up.
INLINE vector load_row_sum(const word_product *product, int n, int tail)
{
    return product->gate ? load(product->row_sum + n, tail) : vector_zero();
}

INLINE void store_row_sum(const word_product *product, int n, vector total, int tail)
{
    if (product->gate)
        store(product->row_sum + n, total, tail);
}

#endif
