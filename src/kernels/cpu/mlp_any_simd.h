// The update rule's network for any sizes, one or two hidden layers, forward and backward. Sums
// have the order of those in mlp_simd.h, so that both give the same bits where both can compute.
#ifndef NCA_CPU_MLP_ANY_SIMD_H
#define NCA_CPU_MLP_ANY_SIMD_H

#include "layer_simd.h"
#include "ops.h"

// Elements of the first hidden layer before those of the last: none where it is the last.
static size_t before_last(const nca_cpu_rule *rule, int count)
{
    return rule->hidden2 ? (size_t)count * (size_t)rule->hidden : 0;
}

static int last_units(const nca_cpu_rule *rule)
{
    return rule->hidden2 ? rule->hidden2 : rule->hidden;
}

static void mlp_any_hidden(const nca_cpu_rule *rule, const float *p, int count, float *hidden)
{
    const layer first = {rule->inputs, rule->hidden, rule->hidden_panels, rule->hidden_bias};
    const layer second = {rule->hidden, rule->hidden2, rule->hidden2_columns, rule->hidden2_bias};
    const size_t units = (size_t)count * (size_t)rule->hidden;
    go_forward(&first, p, count, RELU, hidden);
    if (rule->hidden2)
        go_forward(&second, hidden, count, RELU, hidden + units);
}

static void mlp_any(const nca_cpu_rule *rule, const float *p, int count, float *hidden, float *out)
{
    const layer output = {last_units(rule), rule->outputs, rule->output_columns, rule->output_bias};
    mlp_any_hidden(rule, p, count, hidden);
    go_forward(&output, hidden + before_last(rule, count), count, PLAIN, out);
}

static void mlp_any_backward(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                             const nca_cpu_gradient *sums)
{
    const int count = cells->count, inputs = rule->inputs, hidden = rule->hidden;
    const int outputs = rule->outputs, last = last_units(rule);
    const float *const last_hidden = cells->hidden + before_last(rule, count);
    float *const dlast = cells->dhidden + before_last(rule, count);
    go_back(cells->dout, outputs, rule->output_weight, last, count, last_hidden, dlast);
    add_outer(cells->dout, outputs, last_hidden, last, count, sums->output_weight);
    add_all_rows(cells->dout, count, outputs, sums->output_bias);
    if (rule->hidden2) {
        go_back(dlast, last, rule->hidden2_weight, hidden, count, cells->hidden, cells->dhidden);
        add_outer(dlast, last, cells->hidden, hidden, count, sums->hidden2_weight);
        add_all_rows(dlast, count, last, sums->hidden2_bias);
    }
    go_back(cells->dhidden, hidden, rule->hidden_weight, inputs, count, NULL, cells->dp);
    add_outer(cells->p, inputs, cells->dhidden, hidden, count, sums->hidden_columns);
    add_all_rows(cells->dhidden, count, hidden, sums->hidden_bias);
}

#endif
