// The update rule's layers, forward and backward: the definition, for any sizes.
#include "ops.h"

// y [columns] += x * row [columns]
static void add_scaled(float x, const float *row, int columns, float *y)
{
    for (int j = 0; j < columns; j++)
        y[j] += x * row[j];
}

static void relu(float *x, int count)
{
    for (int j = 0; j < count; j++)
        x[j] = x[j] < 0 ? 0 : x[j];   // a NaN passes, so that it is noticed
}

// y [O] = x [I] W + b of one cell, whose weights lie as [I,O].
static void layer(const float *x, int inputs, const float *columns, const float *bias, int outputs,
                  float *y)
{
    for (int j = 0; j < outputs; j++)
        y[j] = bias[j];
    for (int k = 0; k < inputs; k++)
        add_scaled(x[k], columns + (size_t)k * (size_t)outputs, outputs, y);
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

void nca_cpu_mlp_hidden_scalar(const nca_cpu_rule *rule, const float *p, int count, float *hidden)
{
    const int inputs = rule->inputs, units = rule->hidden, second_units = rule->hidden2;
    float *second = hidden + last_offset(rule, count);
    for (int i = 0; i < count; i++, p += inputs, hidden += units, second += second_units) {
        layer(p, inputs, rule->hidden_panels, rule->hidden_bias, units, hidden);
        relu(hidden, units);
        if (second_units) {
            layer(hidden, units, rule->hidden2_columns, rule->hidden2_bias, second_units, second);
            relu(second, second_units);
        }
    }
}

void nca_cpu_mlp_scalar(const nca_cpu_rule *rule, const float *p, int count, float *hidden,
                        float *out)
{
    const int outputs = rule->outputs, units = last_units(rule);
    nca_cpu_mlp_hidden_scalar(rule, p, count, hidden);
    hidden += last_offset(rule, count);
    for (int i = 0; i < count; i++, hidden += units, out += outputs)
        layer(hidden, units, rule->output_columns, rule->output_bias, outputs, out);
}

// From dout to the gradient of the last hidden layer of one cell.
static void output_backward(const nca_cpu_rule *rule, const float *hidden, const float *dout,
                            const nca_cpu_gradient *sums, float *dhidden)
{
    const int units = last_units(rule);
    for (int j = 0; j < units; j++)
        dhidden[j] = 0;
    for (int c = 0; c < rule->outputs; c++) {
        add_scaled(dout[c], rule->output_weight + (size_t)c * (size_t)units, units, dhidden);
        add_scaled(dout[c], hidden, units, sums->output_weight + (size_t)c * (size_t)units);
    }
    for (int j = 0; j < units; j++)
        dhidden[j] = hidden[j] > 0 ? dhidden[j] : 0;
}

// From the second hidden layer to the first.
static void second_backward(const nca_cpu_rule *rule, const float *hidden, const float *dsecond,
                            const nca_cpu_gradient *sums, float *dhidden)
{
    const size_t units = (size_t)rule->hidden;
    for (size_t j = 0; j < units; j++)
        dhidden[j] = 0;
    for (int j = 0; j < rule->hidden2; j++) {
        add_scaled(dsecond[j], rule->hidden2_weight + (size_t)j * units, rule->hidden, dhidden);
        add_scaled(dsecond[j], hidden, rule->hidden, sums->hidden2_weight + (size_t)j * units);
    }
    add_scaled(1, dsecond, rule->hidden2, sums->hidden2_bias);
    for (size_t j = 0; j < units; j++)
        dhidden[j] = hidden[j] > 0 ? dhidden[j] : 0;
}

// From the first hidden layer to what the cell perceives.
static void first_backward(const nca_cpu_rule *rule, const float *p, const float *dhidden,
                           const nca_cpu_gradient *sums, float *dp)
{
    const int units = rule->hidden, inputs = rule->inputs;
    for (int k = 0; k < inputs; k++)
        dp[k] = 0;
    for (int j = 0; j < units; j++)
        add_scaled(dhidden[j], rule->hidden_weight + (size_t)j * (size_t)inputs, inputs, dp);
    for (int k = 0; k < inputs; k++)
        add_scaled(p[k], dhidden, units, sums->hidden_columns + (size_t)k * (size_t)units);
    add_scaled(1, dhidden, units, sums->hidden_bias);
}

void nca_cpu_mlp_backward_scalar(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                                 const nca_cpu_gradient *sums)
{
    const size_t second = last_offset(rule, cells->count), units = (size_t)last_units(rule);
    for (int i = 0; i < cells->count; i++) {
        const size_t first = (size_t)i * (size_t)rule->hidden, last = second + (size_t)i * units;
        const float *dout = cells->dout + (size_t)i * (size_t)rule->outputs;
        output_backward(rule, cells->hidden + last, dout, sums, cells->dhidden + last);
        if (rule->hidden2)
            second_backward(rule, cells->hidden + first, cells->dhidden + last, sums,
                            cells->dhidden + first);
        first_backward(rule, cells->p + (size_t)i * (size_t)rule->inputs, cells->dhidden + first,
                       sums, cells->dp + (size_t)i * (size_t)rule->inputs);
        add_scaled(1, dout, rule->outputs, sums->output_bias);
    }
}
