// Checks that need no file: finite differences, the device against the reference, and the variants
// of the CPU against each other.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "verify/cases.h"
#include "verify/verify.h"

// The difference between f32 and f64 over a few steps is some 1e-7.
// One hidden unit whose sign a finite difference changes counts some 1e-4; a wrong term above 1e-2.
static const double device_allowance = 1e-5, difference_allowance = 1e-3;

static nca_verify_case verify_case(const nca_case *test_case, const nca_case_start *start)
{
    return (nca_verify_case){.shape = test_case->shape,
                             .parameters = start->parameters,
                             .states = start->states,
                             .target = start->target,
                             .rollout = nca_case_rollout(test_case, start)};
}

static double mean_loss(const nca_verify_result *result, int batch)
{
    double sum = 0;
    for (int b = 0; b < batch; b++)
        sum += result->samples[b].loss;
    return sum / batch;
}

// A part of what a case starts from, which is moved a little along random signs.
typedef struct perturbed_array {
    const nca_verify_case *test_case;
    const nca_compute *reference;
    float *x;                // [count], of the case
    const float *gradient;   // [count] d loss / d x
    size_t count;
    size_t rows;     // of a symmetric matrix, which stays so; 0 of all else
    double *moved;   // [count] by how much each really moved from below to above, for f32 rounds
} perturbed_array;

// Number i moves up or down. In a symmetric matrix both numbers of a pair go the same way.
static double sign_of(const perturbed_array *perturbed, size_t i)
{
    const size_t rows = perturbed->rows;
    if (rows > 0 && i / rows < i % rows)
        i = i % rows * rows + i / rows;
    const double draw =
        nca_random_uniform((nca_key){.seed = 99}, NCA_RANDOM_TEST, 0, 0, (uint32_t)i);
    return draw < 0.5 ? -1 : 1;
}

// The loss with x moved to one side.
static nca_status loss_beside(const perturbed_array *perturbed, double sign, double *out,
                              nca_error *error)
{
    const double h = 1.0 / (1 << 24);   // small: units whose sign it changes count as error
    nca_verify_result result;
    float *kept = malloc(perturbed->count * sizeof *kept);
    if (!kept)
        return nca_fail(error, NCA_MEMORY, "finite differences: no memory for them");
    memcpy(kept, perturbed->x, perturbed->count * sizeof *kept);
    for (size_t i = 0; i < perturbed->count; i++) {
        perturbed->x[i] = (float)(perturbed->x[i] + sign * h * sign_of(perturbed, i));
        perturbed->moved[i] += sign * perturbed->x[i];
    }
    const nca_status status =
        nca_verify_compute(perturbed->test_case, perturbed->reference, &result, error);
    memcpy(perturbed->x, kept, perturbed->count * sizeof *kept);
    free(kept);
    NCA_TRY(status);
    *out = mean_loss(&result, perturbed->test_case->shape.batch);
    nca_verify_result_free(&result);
    return NCA_OK;
}

// The change of the loss along a direction, against what the gradient says of it.
static nca_status check_difference(perturbed_array *perturbed, double *out, nca_error *error)
{
    double above = 0, below = 0, predicted = 0, size = 0;
    perturbed->moved = calloc(perturbed->count, sizeof *perturbed->moved);
    if (!perturbed->moved)
        return nca_fail(error, NCA_MEMORY, "finite differences: no memory for them");
    nca_status status;
    NCA_GO(loss_beside(perturbed, 1, &above, error));
    NCA_GO(loss_beside(perturbed, -1, &below, error));
    for (size_t i = 0; i < perturbed->count; i++) {
        const double change = perturbed->gradient[i] * perturbed->moved[i];
        predicted += change;
        size += change * change;
    }
    *out = size > 0 ? fabs(above - below - predicted) / sqrt(size) : NAN;   // nothing lives
cleanup:
    free(perturbed->moved);
    return status;
}

static nca_status verify_differences(const nca_case *tried, const nca_compute *reference,
                                     nca_verdict *verdict, nca_error *error)
{
    const nca_shape *shape = &tried->shape;
    const nca_layout layout = nca_layout_of(&shape->spec);
    nca_verify_result result = {0};
    nca_case_start start;
    nca_status status;
    NCA_TRY(nca_case_begin(tried, &start, error));
    const nca_verify_case given = verify_case(tried, &start);
    NCA_GO(nca_verify_compute(&given, reference, &result, error));
    for (int i = 0; i <= layout.tensors; i++) {
        const bool is_state = i == layout.tensors;
        if (!is_state && layout.size[i] == 0)   // a second hidden layer that is not there
            continue;
        const size_t state = nca_state_size((size_t)shape->batch, (size_t)shape->height,
                                            (size_t)shape->width, (size_t)shape->spec.channels);
        char name[96];
        double found = 0;
        perturbed_array perturbed = {.test_case = &given, .reference = reference};
        perturbed.x = is_state ? start.states : start.parameters + layout.offset[i];
        perturbed.gradient = is_state ? result.state_gradient : result.gradient + layout.offset[i];
        perturbed.count = is_state ? state : layout.size[i];
        perturbed.rows = i == NCA_MIX ? (size_t)shape->spec.channels : 0;
        NCA_GO(check_difference(&perturbed, &found, error));
        snprintf(name, sizeof name, "%s: %s", tried->name, is_state ? "x0" : nca_tensor_name(i));
        nca_verdict_add(verdict, name, found, difference_allowance);
    }
cleanup:
    nca_verify_result_free(&result);
    nca_case_free(&start);
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
static nca_status verify_devices(const nca_case *tried, const nca_compute *device,
                                 const nca_compute *judge, nca_verdict *verdict, nca_error *error)
{
    const nca_shape *shape = &tried->shape;
    const nca_layout layout = nca_layout_of(&shape->spec);
    const size_t state = nca_state_size((size_t)shape->batch, (size_t)shape->height,
                                        (size_t)shape->width, (size_t)shape->spec.channels);
    nca_verify_result expected = {0}, got = {0};
    nca_case_start start;
    NCA_TRY(nca_case_begin(tried, &start, error));
    const nca_verify_case given = verify_case(tried, &start);
    nca_status status;
    char name[96];
    NCA_GO(nca_verify_compute(&given, judge, &expected, error));
    NCA_GO(nca_verify_compute(&given, device, &got, error));
    snprintf(name, sizeof name, "%s: states", tried->name);
    nca_verdict_add_rollout(verdict, name, compare(got.states, expected.states, state),
                            device_allowance);
    snprintf(name, sizeof name, "%s: gradient", tried->name);
    nca_verdict_add_rollout(verdict, name, compare(got.gradient, expected.gradient, layout.total),
                            device_allowance);
    snprintf(name, sizeof name, "%s: state gradient", tried->name);
    nca_verdict_add_rollout(verdict, name,
                            compare(got.state_gradient, expected.state_gradient, state),
                            device_allowance);
cleanup:
    nca_verify_result_free(&expected);
    nca_verify_result_free(&got);
    nca_case_free(&start);
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
    NCA_GO(nca_compute_open(name, &plainest, &judge, error));
    for (const nca_case *test_case = nca_cases; test_case->name; test_case++)
        if (nca_case_is_verified(test_case))
            NCA_GO(verify_devices(test_case, &device, &judge, verdict, error));
cleanup:
    nca_compute_close(&judge);
    nca_compute_close(&device);
    return status;
}

nca_status nca_verify_built_in(const nca_compute *compute, const nca_device_options *options,
                               nca_verdict *verdict, nca_error *error)
{
    const nca_device_options on_cpu = {.threads = options->threads};
    const bool is_reduced = verdict->is_reduced;
    nca_compute reference = {0};
    nca_status status;
    NCA_TRY(nca_compute_open("reference", &on_cpu, &reference, error));
    fprintf(verdict->to, "gradients against finite differences, f64\n");
    for (const nca_case *test_case = nca_cases; test_case->name; test_case++)
        if (nca_case_is_verified(test_case) &&
            test_case->shape.objective.kind != NCA_GIVEN)   // no loss
            NCA_GO(verify_differences(test_case, &reference, verdict, error));
    const bool is_judged = compute->backend != reference.backend;
    if (is_judged)
        fprintf(verdict->to, "%s against the reference\n", compute->backend->name);
    for (const nca_case *test_case = nca_cases; is_judged && test_case->name; test_case++)
        if (nca_case_is_verified(test_case))
            NCA_GO(verify_devices(test_case, compute, &reference, verdict, error));
    verdict->is_reduced = false;   // CPUs compute in f32
    for (const nca_backend *const *b = nca_backends(); *b; b++)
        for (int i = 1; (*b)->variants && (*b)->variants[i]; i++)
            NCA_GO(verify_variant(*b, (*b)->variants[i], &on_cpu, verdict, error));
cleanup:
    verdict->is_reduced = is_reduced;
    nca_compute_close(&reference);
    return status;
}
