// What the checks share: computing a case through the seam, and judging a tensor.
#include "verify/verify.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "model/session.h"
#include "verify/cases.h"

void nca_verify_result_free(nca_verify_result *result)
{
    free(result->states);
    free(result->gradient);
    free(result->state_gradient);
    free(result->samples);
    *result = (nca_verify_result){0};
}

static nca_status allocate(const nca_shape *shape, nca_verify_result *out, nca_error *error)
{
    const size_t state = nca_state_size((size_t)shape->batch, (size_t)shape->height,
                                        (size_t)shape->width, (size_t)shape->spec.channels);
    const nca_layout layout = nca_layout_of(&shape->spec);
    *out = (nca_verify_result){.states = calloc(state, sizeof(float)),
                               .gradient = calloc(layout.total, sizeof(float)),
                               .state_gradient = calloc(state, sizeof(float)),
                               .samples = calloc((size_t)shape->batch, sizeof(*out->samples))};
    if (out->states && out->gradient && out->state_gradient && out->samples)
        return NCA_OK;
    return nca_fail(error, NCA_MEMORY, "a case of %zu numbers: no memory for it", state);
}

static nca_status run(const nca_verify_case *test_case, const nca_backend *backend,
                      nca_session *session, nca_verify_result *out, nca_error *error)
{
    const nca_shape *shape = &test_case->shape;
    const size_t cells = (size_t)shape->height * (size_t)shape->width;
    const size_t state = cells * (size_t)shape->batch * (size_t)shape->spec.channels;
    const size_t total = nca_layout_of(&shape->spec).total;
    const nca_buffer target = nca_case_target(shape);
    nca_rollout rollout = test_case->rollout;
    rollout.fire = test_case->fire;
    rollout.keep_tape = true;
    NCA_TRY(backend->upload(session, NCA_PARAMETERS, 0, total, test_case->parameters, error));
    NCA_TRY(backend->upload(session, NCA_BATCH, 0, state, test_case->states, error));
    NCA_TRY(backend->upload(session, target, 0, nca_buffer_elements(shape, target),
                            test_case->target, error));
    NCA_TRY(backend->forward(session, &rollout, NULL, error));
    NCA_TRY(backend->loss(session, out->samples, error));
    NCA_TRY(backend->backward(session, NULL, error));
    NCA_TRY(backend->download(session, NCA_BATCH, 0, state, out->states, error));
    NCA_TRY(backend->download(session, NCA_GRADIENT, 0, total, out->gradient, error));
    NCA_TRY(backend->download(session, NCA_BATCH_GRADIENT, 0, state, out->state_gradient, error));
    return backend->synchronize(session, error);
}

nca_status nca_verify_compute(const nca_verify_case *test_case, const nca_compute *compute,
                              nca_verify_result *out, nca_error *error)
{
    const nca_shape *shape = &test_case->shape;
    const uint64_t state = nca_state_size((size_t)shape->batch, (size_t)shape->height,
                                          (size_t)shape->width, (size_t)shape->spec.channels);
    nca_session *session = NULL;
    nca_verify_result result = {0};
    nca_status status;
    char what[96];
    snprintf(what, sizeof what, "a case of %d grids of %dx%d and %d steps", shape->batch,
             shape->height, shape->width, shape->tape_steps);
    NCA_TRY(nca_session_open(compute, shape, nca_memory_product(2, state, sizeof(float), 1), what,
                             &session, error));
    NCA_GO(allocate(&test_case->shape, &result, error));
    NCA_GO(run(test_case, compute->backend, session, &result, error));
    *out = result;
    result = (nca_verify_result){0};
cleanup:
    nca_verify_result_free(&result);
    compute->backend->destroy(session);
    return status;
}

double nca_relative_error(const float *got, const double *expected, size_t count)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += (got[i] - expected[i]) * (got[i] - expected[i]);
        size += expected[i] * expected[i];
    }
    return size > 0 ? sqrt(difference / size) : sqrt(difference);
}

void nca_verdict_add_rollout(nca_verdict *verdict, const char *name, double error, double allowance)
{
    if (!verdict->is_reduced || !isfinite(error)) {
        nca_verdict_add(verdict, name, error, allowance);
        return;
    }
    verdict->reported++;
    fprintf(verdict->to, "  %-40s error %.2e   reported only: f32 is allowed %.0e\n", name, error,
            allowance);
}

void nca_verdict_report(nca_verdict *verdict, const char *name, double error)
{
    const bool is_finite = isfinite(error);
    verdict->checked += !is_finite;
    verdict->failed += !is_finite;
    verdict->reported += is_finite;
    fprintf(verdict->to, "  %-40s error %.2e   %s\n", name, error,
            is_finite ? "reported only" : "FAILED");
}

void nca_verdict_add(nca_verdict *verdict, const char *name, double error, double allowance)
{
    const bool passes = error <= allowance;   // a NaN does not
    verdict->checked++;
    verdict->failed += !passes;
    fprintf(verdict->to, "  %-40s error %.2e   allowed %.2e   %s\n", name, error, allowance,
            passes ? "ok" : "FAILED");
}
