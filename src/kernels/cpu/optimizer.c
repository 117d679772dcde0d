// Gradient rules, then Adam; and the parameters in the orders that the kernels read.
#include "cpu.h"

#include <float.h>
#include <math.h>

void nca_cpu_rule_pack(nca_session *session)
{
    if (!session->rule_is_stale)
        return;
    const float *parameters = session->buffer[NCA_PARAMETERS];
    const size_t channels = (size_t)session->shape.spec.channels,
                 hidden = (size_t)session->shape.spec.hidden[0];
    const size_t inputs = (size_t)nca_spec_inputs(&session->shape.spec);
    const size_t panel = session->ops.panel ? (size_t)session->ops.panel : hidden;
    nca_cpu_rule *rule = &session->rule;
    rule->inputs = (int)inputs;
    rule->channels = session->shape.spec.channels;
    rule->hidden = session->shape.spec.hidden[0];
    rule->hidden_weight = parameters + session->layout.offset[NCA_HIDDEN_WEIGHT];
    rule->hidden_bias = parameters + session->layout.offset[NCA_HIDDEN_BIAS];
    rule->output_weight = parameters + session->layout.offset[NCA_OUTPUT_WEIGHT];
    rule->output_bias = parameters + session->layout.offset[NCA_OUTPUT_BIAS];
    for (size_t j = 0; j < hidden; j++)
        for (size_t k = 0; k < inputs; k++)
            rule->hidden_panels[(j / panel * inputs + k) * panel + j % panel] =
                rule->hidden_weight[j * inputs + k];
    for (size_t c = 0; c < channels; c++)
        for (size_t j = 0; j < hidden; j++)
            rule->output_columns[j * channels + c] = rule->output_weight[c * hidden + j];
    session->rule_is_stale = false;
}

static double norm_of(const double *x, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += x[i] * x[i];
    return sqrt(squares);
}

static void scale_by(double factor, double *x, size_t count)
{
    for (size_t i = 0; i < count; i++)
        x[i] *= factor;
}

static void apply_rule(const nca_layout *layout, nca_gradient_rule_kind kind, double value,
                       double *gradient)
{
    switch (kind) {
    case NCA_GRADIENT_NORMALIZE:
        for (int i = 0; i < NCA_TENSORS; i++) {
            double *tensor = gradient + layout->offset[i];
            scale_by(1 / (norm_of(tensor, layout->size[i]) + 1e-8), tensor, layout->size[i]);
        }
        break;
    case NCA_GRADIENT_CLIP:
        for (size_t i = 0; i < layout->total; i++)
            gradient[i] = fmin(fmax(gradient[i], -value), value);
        break;
    case NCA_GRADIENT_GLOBAL: {
        const double norm = norm_of(gradient, layout->total);
        if (norm > value)
            scale_by(value / norm, gradient, layout->total);
        break;
    }
    }
}

// Adam's second moment holds squares: one beyond f32 would be infinite for ever, and its parameter
// stand still.
static bool are_squares_finite(const double *gradient, size_t count)
{
    const double norm = norm_of(gradient, count);
    return norm * norm <= (double)FLT_MAX;
}

// Source: Kingma and Ba 2015, algorithm 1.
static double adam(nca_session *session, const nca_optimizer_step *step, const double *gradient)
{
    float *parameters = session->buffer[NCA_PARAMETERS];
    float *mean = session->buffer[NCA_MOMENT1], *square = session->buffer[NCA_MOMENT2];
    const double mean_bias = 1 - pow(step->beta1, (double)step->time);
    const double square_bias = 1 - pow(step->beta2, (double)step->time);
    double largest = 0;
    for (size_t i = 0; i < session->layout.total; i++) {
        const double g = gradient[i];
        const double m = step->beta1 * mean[i] + (1 - step->beta1) * g;
        const double v = step->beta2 * square[i] + (1 - step->beta2) * g * g;
        mean[i] = (float)m;
        square[i] = (float)v;
        parameters[i] -=
            (float)(step->rate * (m / mean_bias) / (sqrt(v / square_bias) + step->epsilon));
        const double size = fabs((double)parameters[i]);
        if (size > largest || isnan(size))   // NaN stays
            largest = size;
    }
    return largest;
}

nca_status nca_cpu_update(nca_session *session, const nca_optimizer_step *step,
                          nca_update_report *report, nca_error *error)
{
    if (step->time < 1 || step->rules < 0 || step->rules > NCA_GRADIENT_RULES_MAX)
        return nca_fail(error, NCA_ARGUMENT, "an optimizer step at time %lld with %d rules",
                        (long long)step->time, step->rules);
    const nca_layout *layout = &session->layout;
    double *gradient = session->totals;
    for (size_t i = 0; i < layout->total; i++)
        gradient[i] = session->buffer[NCA_GRADIENT][i];
    nca_update_report done = {.applied = true};
    for (int i = 0; i < NCA_TENSORS; i++) {
        done.gradient_norm[i] = norm_of(gradient + layout->offset[i], layout->size[i]);
        done.applied &= isfinite(done.gradient_norm[i]) != 0;
    }
    if (done.applied) {
        for (int i = 0; i < step->rules; i++)
            apply_rule(layout, step->rule[i].kind, step->rule[i].value, gradient);
        done.applied = are_squares_finite(gradient, layout->total);
    }
    if (done.applied) {
        done.parameter_max = adam(session, step, gradient);
        session->rule_is_stale = true;
    }
    if (report)
        *report = done;
    return NCA_OK;
}
