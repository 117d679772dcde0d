// The error of a reduced precision, measured on the device itself.
#include "verify/precision.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "verify/cases.h"

enum { STEPS = 12 };

// A NaN stays. Where nothing but zeros is expected the difference itself is meant.
static nca_precision_error compare(const float *got, const float *expected, size_t count)
{
    double difference = 0, size = 0, furthest = 0, largest = 0;
    for (size_t i = 0; i < count; i++) {
        const double off = fabs((double)got[i] - expected[i]), own = fabs((double)expected[i]);
        difference += off * off;
        size += own * own;
        furthest = off > furthest || isnan(off) ? off : furthest;
        largest = own > largest ? own : largest;
    }
    return (nca_precision_error){size > 0 ? sqrt(difference / size) : sqrt(difference),
                                 largest > 0 ? furthest / largest : furthest};
}

void nca_precision_compare(const nca_shape *shape, const nca_verify_result *got,
                           const nca_verify_result *expected, nca_precision_errors *out)
{
    const nca_layout layout = nca_layout_of(&shape->spec);
    const size_t state = nca_state_size((size_t)shape->batch, (size_t)shape->height,
                                        (size_t)shape->width, (size_t)shape->spec.channels);
    out->states = compare(got->states, expected->states, state);
    out->first_state = compare(got->state_gradient, expected->state_gradient, state);
    out->tensors = layout.tensors;
    for (int i = 0; i < layout.tensors; i++)
        out->gradient[i] = compare(got->gradient + layout.offset[i],
                                   expected->gradient + layout.offset[i], layout.size[i]);
}

// The same case on both devices.
static nca_status compute(const nca_case *test_case, const nca_compute *reduced,
                          const nca_compute *exact, nca_precision_errors *out, nca_error *error)
{
    nca_case_start start;
    nca_verify_result got = {0}, expected = {0};
    NCA_TRY(nca_case_begin(test_case, &start, error));
    const nca_verify_case given = {.shape = test_case->shape,
                                   .parameters = start.parameters,
                                   .states = start.states,
                                   .target = start.target,
                                   .rollout = nca_case_rollout(test_case, &start)};
    nca_status status;
    NCA_GO(nca_verify_compute(&given, exact, &expected, error));
    NCA_GO(nca_verify_compute(&given, reduced, &got, error));
    nca_precision_compare(&test_case->shape, &got, &expected, out);
cleanup:
    nca_verify_result_free(&got);
    nca_verify_result_free(&expected);
    nca_case_free(&start);
    return status;
}

nca_status nca_precision_measure(const char *device, const nca_device_options *options,
                                 const nca_compute *reduced, const nca_spec *spec,
                                 nca_precision_errors *out, nca_error *error)
{
    const nca_case test_case = {
        .name = "of-a-precision",
        .shape = {.batch = 3, .height = 24, .width = 24, .tape_steps = STEPS, .spec = *spec},
        .fire_rate = 0.5,
        .step_size = 1,
        .draw = 30};
    nca_device_options whole = *options;
    nca_compute exact = {0};
    whole.precision = NULL;
    NCA_TRY(nca_compute_open(device, &whole, &exact, error));
    const nca_status status = compute(&test_case, reduced, &exact, out, error);
    nca_compute_close(&exact);
    return status;
}

// The least error that factors rounded to so many bits can leave; f32's own is far below.
static double least_error(const char *precision)
{
    const double step = strcmp(precision, "tf32") == 0     ? 0x1p-11
                        : strcmp(precision, "bf16x3") == 0 ? 0x1p-16
                                                           : 0x1p-8;
    return step / 100;
}

static bool is_f32(const char *precision, const nca_precision_errors *errors)
{
    bool is_exact = errors->states.norm < least_error(precision);
    for (int i = 0; i < errors->tensors; i++)
        is_exact = is_exact && errors->gradient[i].norm < least_error(precision);
    return is_exact;
}

const char *nca_precision_words(const char *precision, const nca_precision_errors *errors,
                                char text[NCA_PRECISION_BYTES])
{
    int used = snprintf(text, NCA_PRECISION_BYTES,
                        "%s against f32 on this device, a drawn rule, %d steps; relative error by "
                        "norm (largest): states %.1e (%.1e); gradients",
                        precision, STEPS, errors->states.norm, errors->states.largest);
    for (int i = 0; i < errors->tensors && used < NCA_PRECISION_BYTES; i++)
        used += snprintf(text + used, (size_t)(NCA_PRECISION_BYTES - used), "%s %s %.1e (%.1e)",
                         i > 0 ? "," : "", nca_tensor_name(i), errors->gradient[i].norm,
                         errors->gradient[i].largest);
    if (is_f32(precision, errors) && used < NCA_PRECISION_BYTES)
        snprintf(text + used, (size_t)(NCA_PRECISION_BYTES - used),
                 "; these are f32's own: the device computed in f32, not in %s", precision);
    return text;
}
