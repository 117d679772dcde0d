// Transforms of the gradient, then Adam; and the parameters in the orders that the kernels read.
#include "cpu.h"

#include <float.h>
#include <math.h>
#include <string.h>

// to [columns,rows] = from [rows,columns], transposed.
static void transpose(const float *from, size_t rows, size_t columns, float *to)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
}

static void pack_rule(const nca_session *session, const float *parameters, nca_cpu_rule *rule)
{
    const nca_layout *layout = &session->layout;
    const nca_spec *spec = &session->head.shape.spec;
    const size_t outputs = (size_t)nca_spec_outputs(spec), hidden = (size_t)spec->hidden[0];
    const size_t inputs = (size_t)nca_spec_inputs(spec), last = (size_t)nca_spec_last_hidden(spec);
    const size_t panel = session->ops.panel ? (size_t)session->ops.panel : hidden;
    rule->inputs = (int)inputs;
    rule->hidden = spec->hidden[0];
    rule->hidden2 = spec->hidden[1];
    rule->outputs = (int)outputs;
    rule->hidden_weight = parameters + layout->offset[NCA_HIDDEN_WEIGHT];
    rule->hidden_bias = parameters + layout->offset[NCA_HIDDEN_BIAS];
    rule->hidden2_weight = parameters + layout->offset[NCA_HIDDEN2_WEIGHT];
    rule->hidden2_bias = parameters + layout->offset[NCA_HIDDEN2_BIAS];
    rule->output_weight = parameters + layout->offset[NCA_OUTPUT_WEIGHT];
    rule->output_bias = parameters + layout->offset[NCA_OUTPUT_BIAS];
    if (spec->mix_bound > 0)
        transpose(parameters + layout->offset[NCA_MIX], (size_t)spec->channels,
                  (size_t)spec->channels, rule->mix_columns);
    if (session->ops.rule_pack) {
        session->ops.rule_pack(rule);
        return;
    }
    for (size_t j = 0; j < hidden; j++)
        for (size_t k = 0; k < inputs; k++)
            rule->hidden_panels[(j / panel * inputs + k) * panel + j % panel] =
                rule->hidden_weight[j * inputs + k];
    transpose(rule->hidden2_weight, (size_t)spec->hidden[1], hidden, rule->hidden2_columns);
    transpose(rule->output_weight, outputs, last, rule->output_columns);
}

void nca_cpu_rules_pack(nca_session *session)
{
    for (int rule = 0; rule < session->rules && session->rules_are_stale; rule++)
        pack_rule(session, session->buffer[NCA_PARAMETERS] + (size_t)rule * session->layout.total,
                  &session->rule[rule]);
    session->rules_are_stale = false;
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

static void transform(const nca_layout *layout, nca_transform_kind kind, double value,
                      double *gradient)
{
    switch (kind) {
    case NCA_GRADIENT_NORMALIZE:
        for (int i = 0; i < layout->tensors; i++) {
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

// Adam's second moment holds squares: one beyond f32 would stay infinite, and its parameter would
// never move again.
static bool are_squares_finite(const double *gradient, size_t count)
{
    const double norm = norm_of(gradient, count);
    return norm * norm <= (double)FLT_MAX;
}

// Source: Kingma and Ba 2015, algorithm 1. The state is the mean [P], then the square [P].
static double adam(nca_session *session, const nca_optimizer_step *step, int rule,
                   const double *gradient)
{
    const size_t total = session->layout.total;
    const nca_rule_update own = nca_update_of_rule(step, rule);
    float *parameters = session->buffer[NCA_PARAMETERS] + (size_t)rule * total;
    float *mean = session->buffer[NCA_OPTIMIZER] + (size_t)rule * NCA_OPTIMIZER_BLOCKS * total;
    float *square = mean + total;
    const double mean_bias = 1 - pow(step->beta1, (double)own.time);
    const double square_bias = 1 - pow(step->beta2, (double)own.time);
    double largest = 0;
    for (size_t i = 0; i < total; i++) {
        const double g = gradient[i];
        const double m = step->beta1 * mean[i] + (1 - step->beta1) * g;
        const double v = step->beta2 * square[i] + (1 - step->beta2) * g * g;
        mean[i] = (float)m;
        square[i] = (float)v;
        parameters[i] -=
            (float)(own.rate * (m / mean_bias) / (sqrt(v / square_bias) + step->epsilon));
        const double size = fabs((double)parameters[i]);
        if (size > largest || isnan(size))   // NaN stays
            largest = size;
    }
    return largest;
}

static nca_update_report update_rule(nca_session *session, const nca_optimizer_step *step, int rule)
{
    const nca_layout *layout = &session->layout;
    const float *raw = session->buffer[NCA_GRADIENT] + (size_t)rule * layout->total;
    double *gradient = session->totals;
    nca_update_report done = {.applied = nca_update_of_rule(step, rule).apply};
    for (size_t i = 0; i < layout->total; i++)
        gradient[i] = raw[i];
    for (int i = 0; i < layout->tensors; i++) {
        done.gradient_norm[i] = norm_of(gradient + layout->offset[i], layout->size[i]);
        done.applied &= isfinite(done.gradient_norm[i]) != 0;
    }
    for (int i = 0; i < layout->tensors; i++)
        if (!nca_is_moved(step->moved, i))
            memset(gradient + layout->offset[i], 0, layout->size[i] * sizeof *gradient);
    if (done.applied) {
        for (int i = 0; i < step->transforms; i++)
            transform(layout, step->transform[i].kind, step->transform[i].value, gradient);
        done.applied = are_squares_finite(gradient, layout->total);
    }
    if (done.applied) {
        done.parameter_max = adam(session, step, rule, gradient);
        session->rules_are_stale = true;
    }
    return done;
}

nca_status nca_cpu_update(nca_session *session, const nca_optimizer_step *step,
                          nca_update_report *report, nca_error *error)
{
    (void)error;
    for (int rule = 0; rule < session->rules; rule++) {
        const nca_update_report done = update_rule(session, step, rule);
        if (report)
            report[rule] = done;
    }
    return NCA_OK;
}
