// The update rule's network in f32 whose products take rounded factors, forward and backward:
// weights are rounded once an update, activations where they are made. What a chunk leaves in
// `hidden` is [count,I], what cells perceive, then the hidden layers; in `dhidden` it is [count,O],
// dout, then the gradients of the hidden layers: all of them rounded.
#ifndef NCA_CPU_MLP_ROUNDING_SIMD_H
#define NCA_CPU_MLP_ROUNDING_SIMD_H

#include "layer_simd.h"
#include "ops.h"
#include "rounding.h"

// Rounds x in place.
typedef void rounding(float *x, size_t count);

static void copy_rounded(rounding *round, const float *x, int rows, int columns, float *to)
{
    const size_t count = (size_t)rows * (size_t)columns;
    memcpy(to, x, count * sizeof *x);
    round(to, count);
}

// -- Weights --------------------------------------------------------------------------------------

// Rounds the weights [O,I] of a layer into *next, and puts them there transposed as well.
static void pack_layer(rounding *round, float **next, int outputs, int inputs, const float **weight,
                       float **columns)
{
    const size_t rows = (size_t)outputs, width = (size_t)inputs;
    float *rounded = *next;
    copy_rounded(round, *weight, outputs, inputs, rounded);
    *weight = rounded;
    *columns = rounded + rows * width;
    for (size_t o = 0; o < rows; o++)
        for (size_t i = 0; i < width; i++)
            (*columns)[i * rows + o] = rounded[o * width + i];
    *next = *columns + rows * width;
}

static void pack_rounded(rounding *round, nca_cpu_rule *rule)
{
    float *next = (float *)(void *)rule->words;
    const int last = rule->hidden2 ? rule->hidden2 : rule->hidden;
    pack_layer(round, &next, rule->hidden, rule->inputs, &rule->hidden_weight,
               &rule->hidden_panels);
    if (rule->hidden2)
        pack_layer(round, &next, rule->hidden2, rule->hidden, &rule->hidden2_weight,
                   &rule->hidden2_columns);
    pack_layer(round, &next, rule->outputs, last, &rule->output_weight, &rule->output_columns);
}

// -- The network ----------------------------------------------------------------------------------

typedef struct rounded_units {
    float *p, *first, *last;   // `last` is `first` where there is one hidden layer
} rounded_units;

static rounded_units place_units(const nca_cpu_rule *rule, int count, const float *hidden)
{
    const size_t cells = (size_t)count;
    rounded_units held = {.p = (float *)hidden};   // scratch that mlp_hidden() has filled
    held.first = held.p + cells * (size_t)rule->inputs;
    held.last = rule->hidden2 ? held.first + cells * (size_t)rule->hidden : held.first;
    return held;
}

static void make_units(rounding *round, const layer *above, const float *x, int count, float *units)
{
    const size_t made = (size_t)count * (size_t)above->outputs;
    go_forward(above, x, count, RELU, units);
    round(units, made);
}

static rounded_units hidden_rounded(rounding *round, const nca_cpu_rule *rule, const float *p,
                                    int count, float *hidden)
{
    const layer first = {rule->inputs, rule->hidden, rule->hidden_panels, rule->hidden_bias};
    const layer second = {rule->hidden, rule->hidden2, rule->hidden2_columns, rule->hidden2_bias};
    const rounded_units held = place_units(rule, count, hidden);
    copy_rounded(round, p, count, rule->inputs, held.p);
    make_units(round, &first, held.p, count, held.first);
    if (rule->hidden2)
        make_units(round, &second, held.first, count, held.last);
    return held;
}

static void forward_rounded(rounding *round, const nca_cpu_rule *rule, const float *p, int count,
                            float *hidden, float *out)
{
    const layer output = {rule->hidden2 ? rule->hidden2 : rule->hidden, rule->outputs,
                          rule->output_columns, rule->output_bias};
    const rounded_units held = hidden_rounded(round, rule, p, count, hidden);
    go_forward(&output, held.last, count, PLAIN, out);
}

// Gradients of units: the bias takes them as they are, and products rounded.
static void round_units(rounding *round, int count, int width, float *dunits, float *bias_sum)
{
    add_all_rows(dunits, count, width, bias_sum);
    round(dunits, (size_t)count * (size_t)width);
}

static void backward_rounded(rounding *round, const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                             const nca_cpu_gradient *sums)
{
    const int count = cells->count, inputs = rule->inputs, hidden = rule->hidden;
    const int outputs = rule->outputs, last = rule->hidden2 ? rule->hidden2 : hidden;
    const rounded_units held = place_units(rule, count, cells->hidden);
    float *const dout = cells->dhidden, *const dfirst = dout + (size_t)count * (size_t)outputs;
    float *const dlast = rule->hidden2 ? dfirst + (size_t)count * (size_t)hidden : dfirst;
    add_all_rows(cells->dout, count, outputs, sums->output_bias);
    copy_rounded(round, cells->dout, count, outputs, dout);
    go_back(dout, outputs, rule->output_weight, last, count, held.last, dlast);
    round_units(round, count, last, dlast, rule->hidden2 ? sums->hidden2_bias : sums->hidden_bias);
    add_outer(dout, outputs, held.last, last, count, sums->output_weight);
    if (rule->hidden2) {
        go_back(dlast, last, rule->hidden2_weight, hidden, count, held.first, dfirst);
        round_units(round, count, hidden, dfirst, sums->hidden_bias);
        add_outer(dlast, last, held.first, hidden, count, sums->hidden2_weight);
    }
    go_back(dfirst, hidden, rule->hidden_weight, inputs, count, NULL, cells->dp);
    add_outer(held.p, inputs, dfirst, hidden, count, sums->hidden_columns);
}

// The entries of the table in a precision, and the function of ops.h that fills them in.
#define ROUNDING(precision, kernels)                                                           \
    static void round_##precision(float *x, size_t count)                                      \
    {                                                                                          \
        for (size_t i = 0; i < count; i++)                                                     \
            x[i] = nca_rounded_##precision(x[i]);                                              \
    }                                                                                          \
    static void pack_##precision(nca_cpu_rule *rule)                                           \
    {                                                                                          \
        pack_rounded(round_##precision, rule);                                                 \
    }                                                                                          \
    static void hidden_##precision(const nca_cpu_rule *rule, const float *p, int count,        \
                                   float *hidden)                                              \
    {                                                                                          \
        hidden_rounded(round_##precision, rule, p, count, hidden);                             \
    }                                                                                          \
    static void forward_##precision(const nca_cpu_rule *rule, const float *p, int count,       \
                                    float *hidden, float *out)                                 \
    {                                                                                          \
        forward_rounded(round_##precision, rule, p, count, hidden, out);                       \
    }                                                                                          \
    static void backward_##precision(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,     \
                                     const nca_cpu_gradient *sums)                             \
    {                                                                                          \
        backward_rounded(round_##precision, rule, cells, sums);                                \
    }                                                                                          \
    void nca_cpu_fill_rounding_##precision##_##kernels(nca_cpu_ops *ops, const nca_spec *spec) \
    {                                                                                          \
        (void)spec;                                                                            \
        ops->name = "rounding";                                                                \
        ops->rule_pack = pack_##precision;                                                     \
        ops->mlp = forward_##precision;                                                        \
        ops->mlp_hidden = hidden_##precision;                                                  \
        ops->mlp_backward = backward_##precision;                                              \
    }

#endif
