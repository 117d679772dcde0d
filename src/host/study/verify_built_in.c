// Checks that need no file: finite differences, the device against the reference, and the variants
// of the CPU against each other.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "study/verify.h"

// Sizes that are odd, small, real, and not for the fast kernels.
static const struct {
    const char *name;
    nca_shape shape;
    double fire_rate, angle, step_size;
} cases[] = {
    {"one cell", {1, 1, 1, 16, 128, 0, 4}, 1, 0, 1},
    {"3x5, all fire", {2, 3, 5, 16, 128, 0, 5}, 1, 0, 1},
    {"17x13, angle 0.7", {2, 17, 13, 16, 128, 0, 9}, 0.5, 0.7, 1},
    {"24x24, low fire rate", {3, 24, 24, 16, 128, 0, 12}, 0.2, 0, 1},
    {"72x9, small step", {1, 72, 9, 16, 64, 0, 10}, 0.5, 0, 0.25},
    {"11x7, 4 channels", {2, 11, 7, 4, 8, 0, 6}, 0.5, 0, 1},
    {"9x10, 20 channels", {1, 9, 10, 20, 132, 0, 6}, 0.5, 0.3, 1},
};

enum { CASES = sizeof cases / sizeof *cases };

// The difference between f32 and f64 over a few steps is some 1e-7.
// One hidden unit whose sign a finite difference changes counts some 1e-4; a wrong term above 1e-2.
static const double device_allowance = 1e-5, difference_allowance = 1e-3;

static void fill(float *x, size_t count, uint32_t sample, double size)
{
    const nca_key key = {.seed = 2020};
    for (size_t i = 0; i < count; i++)
        x[i] = (float)(size *
                       (2 * nca_random_uniform(key, NCA_RANDOM_TEST, sample, 0, (uint32_t)i) - 1));
}

// Memory of a case that was made here.
typedef struct made_case {
    nca_verify_case given;
    float *parameters, *states, *target;
} made_case;

static void free_case(made_case *of)
{
    free(of->parameters);
    free(of->states);
    free(of->target);
}

// States of mixed alpha, some of them near the threshold, so that cells die, live and lift others.
static void fill_states(const nca_shape *shape, float *states)
{
    const size_t channels = (size_t)shape->channels;
    const size_t cells = (size_t)shape->batch * (size_t)shape->height * (size_t)shape->width;
    fill(states, cells * channels, 1, 0.5);
    for (size_t i = 0; i < cells; i++) {
        float *alpha = &states[i * channels + NCA_ALPHA];
        *alpha = i % 7 < 2 ? 0.8f + 0.4f * *alpha : i % 7 < 4 ? 0.1f + 0.1f * *alpha : 0;
    }
}

static nca_status make_case(int number, made_case *out, nca_error *error)
{
    const nca_shape *shape = &cases[number].shape;
    const nca_layout layout = nca_layout_of(shape->channels, shape->hidden);
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    const size_t state = cells * (size_t)shape->batch * (size_t)shape->channels;
    *out = (made_case){.parameters = malloc(layout.total * sizeof(float)),
                       .states = malloc(state * sizeof(float)),
                       .target = malloc(cells * NCA_VISIBLE * sizeof(float))};
    if (!out->parameters || !out->states || !out->target) {
        free_case(out);
        return nca_fail(error, NCA_MEMORY, "a built-in case: no memory for it");
    }
    fill(out->parameters, layout.total, 2, 0.08);
    fill_states(shape, out->states);
    fill(out->target, cells * NCA_VISIBLE, 3, 0.5);
    out->given = (nca_verify_case){.shape = *shape,
                                   .parameters = out->parameters,
                                   .states = out->states,
                                   .target = out->target,
                                   .rollout = {.steps = shape->tape_steps,
                                               .key = {.seed = 7, .update = 3},
                                               .fire_rate = cases[number].fire_rate,
                                               .angle = cases[number].angle,
                                               .step_size = cases[number].step_size,
                                               .alive_threshold = NCA_ALIVE_THRESHOLD}};
    return NCA_OK;
}

static double mean_loss(const nca_verify_result *result, int batch)
{
    double sum = 0;
    for (int b = 0; b < batch; b++)
        sum += result->samples[b].loss;
    return sum / batch;
}

// A part of what a case starts from, which is moved a little along random signs.
typedef struct shaking {
    const nca_verify_case *of;
    const nca_compute *reference;
    float *x;                // [count], of the case
    const float *gradient;   // [count] d loss / d x
    size_t count;
    double *moved;   // [count] by how much each really moved from below to above, for f32 rounds
} shaking;

// The loss with x moved to one side.
static nca_status loss_beside(const shaking *on, double sign, double *out, nca_error *error)
{
    const double h = 1.0 / (1 << 24);   // small: units whose sign it changes count as error
    nca_verify_result result;
    float *kept = malloc(on->count * sizeof *kept);
    if (!kept)
        return nca_fail(error, NCA_MEMORY, "finite differences: no memory for them");
    memcpy(kept, on->x, on->count * sizeof *kept);
    for (size_t i = 0; i < on->count; i++) {
        const double draw =
            nca_random_uniform((nca_key){.seed = 99}, NCA_RANDOM_TEST, 0, 0, (uint32_t)i);
        on->x[i] = (float)(on->x[i] + sign * h * (draw < 0.5 ? -1 : 1));
        on->moved[i] += sign * on->x[i];
    }
    const nca_status status = nca_verify_compute(on->of, on->reference, &result, error);
    memcpy(on->x, kept, on->count * sizeof *kept);
    free(kept);
    NCA_TRY(status);
    *out = mean_loss(&result, on->of->shape.batch);
    nca_verify_result_free(&result);
    return NCA_OK;
}

// The change of the loss along a direction, against what the gradient says of it.
static nca_status check_difference(shaking *on, double *out, nca_error *error)
{
    double above = 0, below = 0, predicted = 0, size = 0;
    on->moved = calloc(on->count, sizeof *on->moved);
    if (!on->moved)
        return nca_fail(error, NCA_MEMORY, "finite differences: no memory for them");
    nca_status status = loss_beside(on, 1, &above, error);
    if (status == NCA_OK)
        status = loss_beside(on, -1, &below, error);
    for (size_t i = 0; i < on->count; i++) {
        const double change = on->gradient[i] * on->moved[i];
        predicted += change;
        size += change * change;
    }
    free(on->moved);
    *out = size > 0 ? fabs(above - below - predicted) / sqrt(size) : NAN;   // nothing lives
    return status;
}

static nca_status verify_differences(int number, const nca_compute *reference, nca_verdict *verdict,
                                     nca_error *error)
{
    const nca_shape *shape = &cases[number].shape;
    const nca_layout layout = nca_layout_of(shape->channels, shape->hidden);
    nca_verify_result result;
    made_case of;
    NCA_TRY(make_case(number, &of, error));
    nca_status status = nca_verify_compute(&of.given, reference, &result, error);
    for (int i = 0; i <= NCA_TENSORS && status == NCA_OK; i++) {
        const bool is_state = i == NCA_TENSORS;
        const size_t state = nca_state_size((size_t)shape->batch, (size_t)shape->height,
                                            (size_t)shape->width, (size_t)shape->channels);
        char name[96];
        double found = 0;
        shaking on = {.of = &of.given, .reference = reference};
        on.x = is_state ? of.states : of.parameters + layout.offset[i];
        on.gradient = is_state ? result.state_gradient : result.gradient + layout.offset[i];
        on.count = is_state ? state : layout.size[i];
        status = check_difference(&on, &found, error);
        snprintf(name, sizeof name, "%s: %s", cases[number].name,
                 is_state ? "x0" : nca_tensor_name(i));
        if (status == NCA_OK)
            nca_verdict_add(verdict, name, found, difference_allowance);
    }
    if (status == NCA_OK)
        nca_verify_result_free(&result);
    free_case(&of);
    return status;
}

// A case in which nothing lives would prove nothing: it gives NaN, which does not pass.
static double compare(const float *got, const float *expected, size_t count)
{
    double *wide = malloc((count + 1) * sizeof *wide);
    bool is_zero = true;
    if (!wide)
        return NAN;
    for (size_t i = 0; i < count; i++) {
        wide[i] = expected[i];
        is_zero &= expected[i] == 0;
    }
    const double found = is_zero ? NAN : nca_relative_error(got, wide, count);
    free(wide);
    return found;
}

// The same case on two devices.
static nca_status verify_devices(int number, const nca_compute *device, const nca_compute *judge,
                                 nca_verdict *verdict, nca_error *error)
{
    const nca_shape *shape = &cases[number].shape;
    const nca_layout layout = nca_layout_of(shape->channels, shape->hidden);
    const size_t state = nca_state_size((size_t)shape->batch, (size_t)shape->height,
                                        (size_t)shape->width, (size_t)shape->channels);
    nca_verify_result expected = {0}, got = {0};
    made_case of;
    NCA_TRY(make_case(number, &of, error));
    nca_status status = nca_verify_compute(&of.given, judge, &expected, error);
    if (status == NCA_OK)
        status = nca_verify_compute(&of.given, device, &got, error);
    if (status == NCA_OK) {
        char name[96];
        snprintf(name, sizeof name, "%s: states", cases[number].name);
        nca_verdict_add(verdict, name, compare(got.states, expected.states, state),
                        device_allowance);
        snprintf(name, sizeof name, "%s: gradient", cases[number].name);
        nca_verdict_add(verdict, name, compare(got.gradient, expected.gradient, layout.total),
                        device_allowance);
        snprintf(name, sizeof name, "%s: state gradient", cases[number].name);
        nca_verdict_add(verdict, name, compare(got.state_gradient, expected.state_gradient, state),
                        device_allowance);
    }
    nca_verify_result_free(&expected);
    nca_verify_result_free(&got);
    free_case(&of);
    return status;
}

// A variant of a backend against its plainest. One that the machine lacks is counted, and no
// failure.
static nca_status verify_variant(const nca_backend *backend, const char *isa,
                                 const nca_device_options *options, nca_verdict *verdict,
                                 nca_error *error)
{
    const char *name = backend->name, *plain = backend->variants[0];
    nca_device_options asked = *options, plainest = *options;
    nca_compute device = {0}, judge = {0};
    nca_error why = {0};
    asked.isa = isa;
    plainest.isa = plain;
    nca_status status = nca_compute_open(name, &asked, &device, &why);
    if (status == NCA_DEVICE) {
        fprintf(verdict->to, "%s, %s against %s: not checked: %s\n", name, isa, plain, why.message);
        verdict->unavailable++;
        return NCA_OK;
    }
    if (status != NCA_OK)
        return nca_fail(error, status, "%s", why.message);
    fprintf(verdict->to, "%s, %s against %s\n", name, isa, plain);
    status = nca_compute_open(name, &plainest, &judge, error);
    for (int i = 0; i < CASES && status == NCA_OK; i++)
        status = verify_devices(i, &device, &judge, verdict, error);
    nca_compute_close(&judge);
    nca_compute_close(&device);
    return status;
}

nca_status nca_verify_built_in(const nca_compute *compute, const nca_device_options *options,
                               nca_verdict *verdict, nca_error *error)
{
    const nca_device_options on_cpu = {.threads = options->threads};
    nca_compute reference = {0};
    NCA_TRY(nca_compute_open("reference", &on_cpu, &reference, error));
    nca_status status = NCA_OK;
    fprintf(verdict->to, "gradients against finite differences, f64\n");
    for (int i = 0; i < CASES && status == NCA_OK; i++)
        status = verify_differences(i, &reference, verdict, error);
    if (compute->backend != reference.backend)
        fprintf(verdict->to, "%s against the reference\n", compute->backend->name);
    for (int i = 0; i < CASES && status == NCA_OK && compute->backend != reference.backend; i++)
        status = verify_devices(i, compute, &reference, verdict, error);
    for (const nca_backend *const *b = nca_backends(); *b; b++)
        for (int i = 1; (*b)->variants && (*b)->variants[i] && status == NCA_OK; i++)
            status = verify_variant(*b, (*b)->variants[i], &on_cpu, verdict, error);
    nca_compute_close(&reference);
    return status;
}
