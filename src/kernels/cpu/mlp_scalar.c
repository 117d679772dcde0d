// The update rule's two layers, forward and backward: the definition, for any C and K.
#include "ops.h"

// y [columns] += x * row [columns]
static void add_scaled(float x, const float *row, int columns, float *y)
{
    for (int j = 0; j < columns; j++)
        y[j] += x * row[j];
}

void nca_cpu_mlp_hidden_scalar(const nca_cpu_rule *rule, const float *p, int count, float *hidden)
{
    const int inputs = rule->inputs, units = rule->hidden;
    for (int i = 0; i < count; i++, p += inputs, hidden += units) {
        for (int j = 0; j < units; j++)
            hidden[j] = rule->hidden_bias[j];
        for (int k = 0; k < inputs; k++)
            add_scaled(p[k], rule->hidden_panels + (size_t)k * (size_t)units, units, hidden);
        for (int j = 0; j < units; j++)
            hidden[j] = hidden[j] < 0 ? 0 : hidden[j];   // a NaN passes, so that it is noticed
    }
}

void nca_cpu_mlp_scalar(const nca_cpu_rule *rule, const float *p, int count, float *hidden,
                        float *out)
{
    const int channels = rule->channels, units = rule->hidden;
    nca_cpu_mlp_hidden_scalar(rule, p, count, hidden);
    for (int i = 0; i < count; i++, hidden += units, out += channels) {
        for (int c = 0; c < channels; c++)
            out[c] = rule->output_bias[c];
        for (int j = 0; j < units; j++)
            add_scaled(hidden[j], rule->output_columns + (size_t)j * (size_t)channels, channels,
                       out);
    }
}

void nca_cpu_mlp_backward_scalar(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                                 const nca_cpu_gradient *sums)
{
    const int channels = rule->channels, units = rule->hidden, inputs = rule->inputs;
    const float *p = cells->p, *hidden = cells->hidden, *dout = cells->dout;
    float *dhidden = cells->dhidden, *dp = cells->dp;
    for (int i = 0; i < cells->count;
         i++, p += inputs, dp += inputs, hidden += units, dhidden += units, dout += channels) {
        for (int j = 0; j < units; j++)
            dhidden[j] = 0;
        for (int c = 0; c < channels; c++) {
            add_scaled(dout[c], rule->output_weight + (size_t)c * (size_t)units, units, dhidden);
            add_scaled(dout[c], hidden, units, sums->output_weight + (size_t)c * (size_t)units);
        }
        for (int j = 0; j < units; j++)
            dhidden[j] = hidden[j] > 0 ? dhidden[j] : 0;

        for (int k = 0; k < inputs; k++)
            dp[k] = 0;
        for (int j = 0; j < units; j++)
            add_scaled(dhidden[j], rule->hidden_weight + (size_t)j * (size_t)inputs, inputs, dp);
        for (int k = 0; k < inputs; k++)
            add_scaled(p[k], dhidden, units, sums->hidden_columns + (size_t)k * (size_t)units);

        add_scaled(1, dhidden, units, sums->hidden_bias);
        add_scaled(1, dout, channels, sums->output_bias);
    }
}
