// The update rule's layers with both factors of every product rounded, forward and backward: the
// definition, for any sizes. Sums, states and what scratch holds are f32. Each arithmetic has a
// name: `bf16` adds as VDPBF16PS does, `bf16-amx` as TDPBF16PS, and so does `bf16x3`, whose factors
// are each a high and a low bf16. `rounding` multiplies and adds rounded factors in f32.
#include "ops.h"
#include "rounding.h"

// One factor of a product: number k is at[k * step].
typedef struct factor {
    const float *at;
    size_t step;
} factor;

typedef struct product_arithmetic {
    // start + the sum over k of a[k] * b[k].
    float (*sum)(float start, factor a, factor b, int depth);
    // Whether relu passes a gradient back through a unit: it is not zero as a factor.
    bool (*is_open)(float unit);
} product_arithmetic;

// Number k of a factor; zero beyond its end.
static float number_of(factor from, int k, int depth)
{
    return k < depth ? from.at[(size_t)k * from.step] : 0;
}

// Numbers k and k + 1 of a factor as a word.
static uint32_t pair_of(factor from, int k, int depth)
{
    return nca_bf16_word(number_of(from, k, depth), number_of(from, k + 1, depth));
}

// The low parts of the same.
static uint32_t low_pair_of(factor from, int k, int depth)
{
    return nca_bf16_word(nca_bf16_rest(number_of(from, k, depth)),
                         nca_bf16_rest(number_of(from, k + 1, depth)));
}

static float products_in_pairs(float start, factor a, factor b, int depth)
{
    for (int k = 0; k < depth; k += 2)
        start = nca_bf16_dot(start, pair_of(a, k, depth), pair_of(b, k, depth));
    return start;
}

static float products_in_tiles(float start, factor a, factor b, int depth)
{
    for (int first = 0; first < depth; first += 2 * NCA_BF16_TILE_PAIRS) {
        uint32_t left[NCA_BF16_TILE_PAIRS], right[NCA_BF16_TILE_PAIRS];
        for (int k = 0; k < NCA_BF16_TILE_PAIRS; k++) {
            left[k] = pair_of(a, first + 2 * k, depth);
            right[k] = pair_of(b, first + 2 * k, depth);
        }
        start = nca_bf16_tile_dot(start, left, right);
    }
    return start;
}

// A tile's depth at a time: high by low, high by high, low by high. Low by low is left out.
static float products_in_three(float start, factor a, factor b, int depth)
{
    enum { PAIRS = NCA_BF16_TILE_PAIRS };
    for (int first = 0; first < depth; first += 2 * PAIRS) {
        uint32_t left[PAIRS], left_low[PAIRS], right[PAIRS], right_low[PAIRS];
        for (int k = 0; k < PAIRS; k++) {
            left[k] = pair_of(a, first + 2 * k, depth);
            left_low[k] = low_pair_of(a, first + 2 * k, depth);
            right[k] = pair_of(b, first + 2 * k, depth);
            right_low[k] = low_pair_of(b, first + 2 * k, depth);
        }
        start = nca_bf16_tile_dot(start, left, right_low);
        start = nca_bf16_tile_dot(start, left, right);
        start = nca_bf16_tile_dot(start, left_low, right);
    }
    return start;
}

static bool is_open_in_bf16(float unit)
{
    return (nca_bf16_round(unit) & 0x7fff) != 0;
}

static const product_arithmetic in_pairs = {products_in_pairs, is_open_in_bf16},
                                in_tiles = {products_in_tiles, is_open_in_bf16},
                                in_three = {products_in_three, is_open_in_bf16};

// With one rounding for a product and its sum.
#define BY_ROUNDING(precision)                                                                   \
    static float products_by_rounding_##precision(float start, factor a, factor b, int depth)    \
    {                                                                                            \
        for (int k = 0; k < depth; k++)                                                          \
            start = fmaf(nca_rounded_##precision(number_of(a, k, depth)),                        \
                         nca_rounded_##precision(number_of(b, k, depth)), start);                \
        return start;                                                                            \
    }                                                                                            \
    static bool is_open_by_rounding_##precision(float unit)                                      \
    {                                                                                            \
        return nca_rounded_##precision(unit) > 0;                                                \
    }                                                                                            \
    static const product_arithmetic by_rounding_##precision = {products_by_rounding_##precision, \
                                                               is_open_by_rounding_##precision};
BY_ROUNDING(bf16)
BY_ROUNDING(tf32)
BY_ROUNDING(bf16x3)

static void relu(float *x, int count)
{
    for (int j = 0; j < count; j++)
        x[j] = x[j] < 0 ? 0 : x[j];   // a NaN passes, so that it is noticed
}

// y [O] = x [I] times the weights [O,I] + bias of one cell.
static void layer(const product_arithmetic *arithmetic, const float *x, int inputs,
                  const float *weight, const float *bias, int outputs, float *y)
{
    for (int j = 0; j < outputs; j++)
        y[j] = arithmetic->sum(bias[j], (factor){x, 1},
                               (factor){weight + (size_t)j * (size_t)inputs, 1}, inputs);
}

// dx [I] = dy [O] times the weights [O,I]; with units of x, zero where those are as factors.
static void layer_backward(const product_arithmetic *arithmetic, const float *dy, int outputs,
                           const float *weight, int inputs, const float *units, float *dx)
{
    for (int j = 0; j < inputs; j++)
        dx[j] = units && !arithmetic->is_open(units[j])
                    ? 0
                    : arithmetic->sum(0, (factor){dy, 1}, (factor){weight + j, (size_t)inputs},
                                      outputs);
}

// weights [A,B] += the sum over cells of a [count,A] times b [count,B].
static void add_outer(const product_arithmetic *arithmetic, const float *a, int rows,
                      const float *b, int columns, int count, float *weights)
{
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++, weights++)
            *weights = arithmetic->sum(*weights, (factor){a + i, (size_t)rows},
                                       (factor){b + j, (size_t)columns}, count);
}

// sums [columns] += the rows of x [count,columns], which are no factors.
static void add_rows(const float *x, int columns, int count, float *sums)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < columns; j++)
            sums[j] += x[(size_t)i * (size_t)columns + (size_t)j];
}

// Where the hidden units lie that the output is made of, and how many a cell has.
static size_t last_offset(const nca_cpu_rule *rule, int count)
{
    return rule->hidden2 ? (size_t)count * (size_t)rule->hidden : 0;
}

static int last_units(const nca_cpu_rule *rule)
{
    return rule->hidden2 ? rule->hidden2 : rule->hidden;
}

static void hidden_by(const product_arithmetic *arithmetic, const nca_cpu_rule *rule,
                      const float *p, int count, float *hidden)
{
    float *second = hidden + last_offset(rule, count);
    for (int i = 0; i < count; i++, p += rule->inputs, hidden += rule->hidden) {
        layer(arithmetic, p, rule->inputs, rule->hidden_weight, rule->hidden_bias, rule->hidden,
              hidden);
        relu(hidden, rule->hidden);
        if (rule->hidden2) {
            layer(arithmetic, hidden, rule->hidden, rule->hidden2_weight, rule->hidden2_bias,
                  rule->hidden2, second);
            relu(second, rule->hidden2);
            second += rule->hidden2;
        }
    }
}

static void forward_by(const product_arithmetic *arithmetic, const nca_cpu_rule *rule,
                       const float *p, int count, float *hidden, float *out)
{
    const int units = last_units(rule);
    hidden_by(arithmetic, rule, p, count, hidden);
    hidden += last_offset(rule, count);
    for (int i = 0; i < count; i++, hidden += units, out += rule->outputs)
        layer(arithmetic, hidden, units, rule->output_weight, rule->output_bias, rule->outputs,
              out);
}

static void backward_by(const product_arithmetic *arithmetic, const nca_cpu_rule *rule,
                        const nca_cpu_chunk *cells, const nca_cpu_gradient *sums)
{
    const int count = cells->count, last = last_units(rule);
    const size_t before = last_offset(rule, count), n = (size_t)last, o = (size_t)rule->outputs;
    const size_t first = (size_t)rule->hidden, inputs = (size_t)rule->inputs;
    const float *hidden = cells->hidden + before;
    float *dlast = cells->dhidden + before;
    for (size_t i = 0; i < (size_t)count; i++) {
        layer_backward(arithmetic, cells->dout + i * o, rule->outputs, rule->output_weight, last,
                       hidden + i * n, dlast + i * n);
        if (rule->hidden2)
            layer_backward(arithmetic, dlast + i * n, last, rule->hidden2_weight, rule->hidden,
                           cells->hidden + i * first, cells->dhidden + i * first);
        layer_backward(arithmetic, cells->dhidden + i * first, rule->hidden, rule->hidden_weight,
                       rule->inputs, NULL, cells->dp + i * inputs);
    }
    add_outer(arithmetic, cells->dout, rule->outputs, hidden, last, count, sums->output_weight);
    add_rows(cells->dout, rule->outputs, count, sums->output_bias);
    if (rule->hidden2) {
        add_outer(arithmetic, dlast, last, cells->hidden, rule->hidden, count,
                  sums->hidden2_weight);
        add_rows(dlast, last, count, sums->hidden2_bias);
    }
    add_outer(arithmetic, cells->p, rule->inputs, cells->dhidden, rule->hidden, count,
              sums->hidden_columns);
    add_rows(cells->dhidden, rule->hidden, count, sums->hidden_bias);
}

// The entries of the table, in each arithmetic.
#define ENTRIES(name)                                                                              \
    static void hidden_##name(const nca_cpu_rule *rule, const float *p, int count, float *hidden)  \
    {                                                                                              \
        hidden_by(&name, rule, p, count, hidden);                                                  \
    }                                                                                              \
    static void forward_##name(const nca_cpu_rule *rule, const float *p, int count, float *hidden, \
                               float *out)                                                         \
    {                                                                                              \
        forward_by(&name, rule, p, count, hidden, out);                                            \
    }                                                                                              \
    static void backward_##name(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,              \
                                const nca_cpu_gradient *sums)                                      \
    {                                                                                              \
        backward_by(&name, rule, cells, sums);                                                     \
    }
ENTRIES(in_pairs)
ENTRIES(in_tiles)
ENTRIES(in_three)
ENTRIES(by_rounding_bf16)
ENTRIES(by_rounding_tf32)
ENTRIES(by_rounding_bf16x3)

#define FILL(fill, name)                                             \
    void nca_cpu_fill_##fill(nca_cpu_ops *ops, const nca_spec *spec) \
    {                                                                \
        (void)spec;                                                  \
        ops->mlp = forward_##name;                                   \
        ops->mlp_hidden = hidden_##name;                             \
        ops->mlp_backward = backward_##name;                         \
    }
FILL(bf16_scalar, in_pairs)
FILL(bf16_amx_scalar, in_tiles)
FILL(bf16x3_scalar, in_three)
FILL(rounding_bf16_scalar, by_rounding_bf16)
FILL(rounding_tf32_scalar, by_rounding_tf32)
FILL(rounding_bf16x3_scalar, by_rounding_bf16x3)
