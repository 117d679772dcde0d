// Transforms of the gradient and Adam, as the seam's contract reads.
#include <float.h>
#include <math.h>
#include <string.h>

#include "reference.h"

static double norm(const double *x, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += x[i] * x[i];
    return sqrt(squares);
}

// The factor that a transform multiplies one tensor by.
static double factor(nca_transform_kind kind, double value, const double *tensor, size_t size,
                     double whole)
{
    if (kind == NCA_GRADIENT_NORMALIZE)
        return 1 / (norm(tensor, size) + 1e-8);
    return kind == NCA_GRADIENT_GLOBAL && whole > value ? value / whole : 1;
}

static void transform(nca_session *session, const nca_optimizer_step *step, const double *raw)
{
    double *gradient = session->transformed;
    memcpy(gradient, raw, session->layout.total * sizeof *gradient);
    for (int t = 0; t < session->layout.tensors; t++)
        if (!nca_is_moved(step->moved, t))
            memset(gradient + session->layout.offset[t], 0,
                   session->layout.size[t] * sizeof *gradient);
    for (int i = 0; i < step->transforms; i++) {
        const double value = step->transform[i].value;
        const double whole = norm(gradient, session->layout.total);
        for (int t = 0; t < session->layout.tensors; t++) {
            double *tensor = gradient + session->layout.offset[t];
            const size_t size = session->layout.size[t];
            const double by = factor(step->transform[i].kind, value, tensor, size, whole);
            for (size_t k = 0; k < size; k++)
                tensor[k] = step->transform[i].kind == NCA_GRADIENT_CLIP
                                ? fmin(fmax(tensor[k], -value), value)
                                : tensor[k] * by;
        }
    }
}

// Returns the largest |parameter| after it; a NaN where there is one.
static double adam(nca_session *session, const nca_optimizer_step *step, int rule)
{
    const size_t total = session->layout.total;
    const nca_rule_update own = nca_update_of_rule(step, rule);
    double *parameters = session->buffer[NCA_PARAMETERS] + (size_t)rule * total;
    double *mean = session->buffer[NCA_OPTIMIZER] + (size_t)rule * NCA_OPTIMIZER_BLOCKS * total;
    double *square = mean + total, largest = 0;
    for (size_t i = 0; i < total; i++) {
        const double g = session->transformed[i];
        mean[i] = step->beta1 * mean[i] + (1 - step->beta1) * g;
        square[i] = step->beta2 * square[i] + (1 - step->beta2) * g * g;
        const double m = mean[i] / (1 - pow(step->beta1, (double)own.time));
        const double v = square[i] / (1 - pow(step->beta2, (double)own.time));
        parameters[i] -= own.rate * m / (sqrt(v) + step->epsilon);
        if (fabs(parameters[i]) > largest || isnan(parameters[i]))
            largest = fabs(parameters[i]);
    }
    return largest;
}

static nca_update_report update_rule(nca_session *session, const nca_optimizer_step *step, int rule)
{
    const size_t total = session->layout.total;
    const double *gradient = session->buffer[NCA_GRADIENT] + (size_t)rule * total;
    nca_update_report done = {.applied = nca_update_of_rule(step, rule).apply};
    for (int t = 0; t < session->layout.tensors; t++) {
        done.gradient_norm[t] = norm(gradient + session->layout.offset[t], session->layout.size[t]);
        done.applied &= isfinite(done.gradient_norm[t]) != 0;
    }
    if (done.applied) {
        transform(session, step, gradient);
        const double whole = norm(session->transformed, total);
        done.applied = whole * whole <= (double)FLT_MAX;   // as moments of f32 could hold it
    }
    if (done.applied)
        done.parameter_max = adam(session, step, rule);
    return done;
}

nca_status nca_reference_update(nca_session *session, const nca_optimizer_step *step,
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
