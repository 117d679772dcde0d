// Gradient rules and Adam, as the seam's contract reads.
#include <float.h>
#include <math.h>

#include "reference.h"

static double norm(const double *x, size_t count)
{
    double squares = 0;
    for (size_t i = 0; i < count; i++)
        squares += x[i] * x[i];
    return sqrt(squares);
}

// The factor that a rule multiplies one tensor by.
static double factor(nca_gradient_rule_kind kind, double value, const double *tensor, size_t size,
                     double whole)
{
    if (kind == NCA_GRADIENT_NORMALIZE)
        return 1 / (norm(tensor, size) + 1e-8);
    return kind == NCA_GRADIENT_GLOBAL && whole > value ? value / whole : 1;
}

static void apply_rules(nca_session *session, const nca_optimizer_step *step)
{
    double *gradient = session->ruled;
    for (size_t i = 0; i < session->layout.total; i++)
        gradient[i] = session->buffer[NCA_GRADIENT][i];
    for (int r = 0; r < step->rules; r++) {
        const double value = step->rule[r].value, whole = norm(gradient, session->layout.total);
        for (int t = 0; t < NCA_TENSORS; t++) {
            double *tensor = gradient + session->layout.offset[t];
            const size_t size = session->layout.size[t];
            const double by = factor(step->rule[r].kind, value, tensor, size, whole);
            for (size_t i = 0; i < size; i++)
                tensor[i] = step->rule[r].kind == NCA_GRADIENT_CLIP
                                ? fmin(fmax(tensor[i], -value), value)
                                : tensor[i] * by;
        }
    }
}

// Returns the largest |parameter| after it; a NaN where there is one.
static double adam(nca_session *session, const nca_optimizer_step *step)
{
    double largest = 0;
    for (size_t i = 0; i < session->layout.total; i++) {
        const double g = session->ruled[i];
        double *p = &session->buffer[NCA_PARAMETERS][i];
        double *m = &session->buffer[NCA_MOMENT1][i], *v = &session->buffer[NCA_MOMENT2][i];
        *m = step->beta1 * *m + (1 - step->beta1) * g;
        *v = step->beta2 * *v + (1 - step->beta2) * g * g;
        const double mean = *m / (1 - pow(step->beta1, (double)step->time));
        const double square = *v / (1 - pow(step->beta2, (double)step->time));
        *p -= step->rate * mean / (sqrt(square) + step->epsilon);
        if (fabs(*p) > largest || isnan(*p))
            largest = fabs(*p);
    }
    return largest;
}

nca_status nca_reference_update(nca_session *session, const nca_optimizer_step *step,
                                nca_update_report *report, nca_error *error)
{
    if (step->time < 1 || step->rules < 0 || step->rules > NCA_GRADIENT_RULES_MAX)
        return nca_fail(error, NCA_ARGUMENT, "an optimizer step at time %lld with %d rules",
                        (long long)step->time, step->rules);
    nca_update_report done = {.applied = true};
    for (int t = 0; t < NCA_TENSORS; t++) {
        done.gradient_norm[t] = norm(session->buffer[NCA_GRADIENT] + session->layout.offset[t],
                                     session->layout.size[t]);
        done.applied &= isfinite(done.gradient_norm[t]) != 0;
    }
    if (done.applied) {
        apply_rules(session, step);
        const double whole = norm(session->ruled, session->layout.total);
        done.applied = whole * whole <= (double)FLT_MAX;   // as moments of f32 could hold it
    }
    if (done.applied)
        done.parameter_max = adam(session, step);
    if (report)
        *report = done;
    return NCA_OK;
}
