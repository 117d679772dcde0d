// The outside oracle's files: rollouts with their gradients, and optimizer cases, computed by
// PyTorch in f64. A relative error of max(1e-5, 10 x PyTorch's own in f32) is allowed; 1e-5 for
// optimizers.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "model/safetensors.h"
#include "model/session.h"
#include "model/spec_read.h"
#include "model/zoo.h"
#include "verify/verify.h"

static const double least_allowance = 1e-5, float32_factor = 10;

// An oracle file that is open.
typedef struct oracle_file {
    const char *path;
    nca_tensors tensors;
    const nca_compute *compute;
    nca_verdict *verdict;
    nca_error *error;
} oracle_file;

static nca_status read_number(const oracle_file *oracle, const char *key, double otherwise,
                              double *out)
{
    const char *text = nca_tensors_metadata(&oracle->tensors, key);
    char *end = NULL;
    *out = text ? strtod(text, &end) : otherwise;
    if ((!text && !isnan(otherwise)) || (text && end != text && !*end && isfinite(*out)))
        return NCA_OK;
    return nca_fail(oracle->error, NCA_FORMAT, "%s: its metadata \"%s\" is no number", oracle->path,
                    key);
}

static nca_status require(const oracle_file *oracle, const char *name, nca_dtype dtype, int axes,
                          const int64_t *shape, const nca_tensor **out)
{
    return nca_tensors_require(&oracle->tensors, name, dtype, axes, shape, out, oracle->error);
}

static nca_status find_allowance(const oracle_file *oracle, const char *name, double *out)
{
    char key[96];
    double own;
    snprintf(key, sizeof key, "float32_error.%s", name);
    NCA_TRY(read_number(oracle, key, 0, &own));
    *out = fmax(least_allowance, float32_factor * own);
    return NCA_OK;
}

static nca_status judge(const oracle_file *oracle, const char *name, const float *got, int axes,
                        const int64_t *shape)
{
    const nca_tensor *expected;
    double allowance;
    NCA_TRY(require(oracle, name, NCA_F64, axes, shape, &expected));
    NCA_TRY(find_allowance(oracle, name, &allowance));
    nca_verdict_add_rollout(oracle->verdict, name,
                            nca_relative_error(got, expected->data, expected->elements), allowance);
    return NCA_OK;
}

// The metadata "objective", a word, with "objective_first" and "objective_count"; without them the
// mean over the four visible channels. A word other than that has a target for each sample.
static nca_status read_objective(const oracle_file *oracle, nca_objective *out)
{
    static const struct {
        const char *word;
        nca_objective objective;
    } known[] = {
        {"mean_squared", {.kind = NCA_MEAN_SQUARED}},
        {"half_squared_of_the_living",
         {.kind = NCA_HALF_SQUARED, .cells = NCA_CELLS_ALIVE, .is_per_sample = true}},
        {"cross_entropy_of_the_living", {.kind = NCA_CROSS_ENTROPY, .cells = NCA_CELLS_ALIVE}},
    };
    const char *text = nca_tensors_metadata(&oracle->tensors, "objective");
    double first, count;
    NCA_TRY(read_number(oracle, "objective_first", 0, &first));
    NCA_TRY(read_number(oracle, "objective_count", 0, &count));
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(text ? text : "mean_squared", known[i].word) == 0) {
            *out = known[i].objective;
            out->first = first >= 0 && first <= 256 ? (int)first : -1;
            out->count = count >= 0 && count <= 256 ? (int)count : -1;
            return NCA_OK;
        }
    return nca_fail(oracle->error, NCA_FORMAT, "%s: its objective is \"%.40s\", which is not known",
                    oracle->path, text);
}

// The spec and the sizes of a case, from its metadata and the shapes of what it starts from.
static nca_status read_shape(const oracle_file *oracle, nca_shape *out)
{
    const int64_t any[] = {-1, -1, -1, -1};
    const nca_tensor *x0, *fire;
    NCA_TRY(require(oracle, "x0", NCA_F32, 4, any, &x0));
    NCA_TRY(require(oracle, "fire", NCA_U8, 4, any, &fire));
    for (int i = 0; i < 4; i++)
        if (x0->shape[i] < 1 || x0->shape[i] > 65536)
            return nca_fail(oracle->error, NCA_FORMAT, "%s: x0 has an axis of %llu", oracle->path,
                            (unsigned long long)x0->shape[i]);
    if (fire->shape[0] < 1)
        return nca_fail(oracle->error, NCA_FORMAT,
                        "%s: its fire masks are of no step; a rollout has one at least",
                        oracle->path);
    if (fire->shape[0] > 65536)
        return nca_fail(oracle->error, NCA_FORMAT, "%s: too many steps", oracle->path);
    *out = (nca_shape){.batch = (int)x0->shape[0],
                       .height = (int)x0->shape[1],
                       .width = (int)x0->shape[2],
                       .tape_steps = (int)fire->shape[0]};
    NCA_TRY(nca_spec_read(&oracle->tensors, NULL, &out->spec, oracle->error));
    const int64_t states[] = {-1, -1, -1, out->spec.channels};
    NCA_TRY(require(oracle, "x0", NCA_F32, 4, states, &x0));
    return read_objective(oracle, &out->objective);
}

// The tensors one after the other. The caller frees them.
static nca_status read_parameters(const oracle_file *oracle, const nca_shape *shape, float **out)
{
    const nca_layout layout = nca_layout_of(&shape->spec);
    const nca_tensor *found[NCA_TENSORS];
    for (int i = 0; i < layout.tensors; i++) {
        const nca_tensor_shape wanted = nca_tensor_shape_of(i, &shape->spec);
        const int64_t sizes[] = {(int64_t)wanted.size[0], (int64_t)wanted.size[1]};
        NCA_TRY(require(oracle, nca_tensor_name(i), NCA_F32, wanted.axes, sizes, &found[i]));
    }
    *out = malloc(layout.total * sizeof **out);
    if (!*out)
        return nca_fail(oracle->error, NCA_MEMORY, "%s: no memory for its parameters",
                        oracle->path);
    for (int i = 0; i < layout.tensors; i++)
        memcpy(*out + layout.offset[i], found[i]->data, found[i]->size_bytes);
    return NCA_OK;
}

// The target of all samples [H,W,V], that of each [B,H,W,V], or their labels [B].
static nca_status find_target(const oracle_file *oracle, const nca_shape *shape,
                              const nca_tensor **out)
{
    const nca_objective *objective = &shape->objective;
    const int64_t sizes[] = {shape->batch, shape->height, shape->width,
                             nca_objective_channels(objective)};
    if (objective->kind == NCA_CROSS_ENTROPY)
        return require(oracle, "labels", NCA_F32, 1, sizes, out);
    return objective->is_per_sample ? require(oracle, "target", NCA_F32, 4, sizes, out)
                                    : require(oracle, "target", NCA_F32, 3, sizes + 1, out);
}

static nca_status read_rollout(const oracle_file *oracle, nca_verify_case *out)
{
    const nca_shape *shape = &out->shape;
    const int64_t fires[] = {shape->tape_steps, shape->batch, shape->height, shape->width};
    const nca_tensor *x0 = nca_tensors_find(&oracle->tensors, "x0"), *fire, *target;
    nca_rollout *rollout = &out->rollout;
    double steps;
    NCA_TRY(require(oracle, "fire", NCA_U8, 4, fires, &fire));
    NCA_TRY(find_target(oracle, shape, &target));
    NCA_TRY(read_number(oracle, "angle", 0, &rollout->angle));
    NCA_TRY(read_number(oracle, "step_size", 1, &rollout->step_size));
    NCA_TRY(read_number(oracle, "alive_threshold", 0.1, &rollout->alive_threshold));
    NCA_TRY(read_number(oracle, "steps", shape->tape_steps, &steps));
    if (rollout->alive_threshold < 0)
        return nca_fail(oracle->error, NCA_FORMAT,
                        "%s: its alive_threshold is %g; it must be 0 or more", oracle->path,
                        rollout->alive_threshold);
    if (steps != shape->tape_steps)
        return nca_fail(oracle->error, NCA_FORMAT, "%s: says %g steps and has fire masks for %d",
                        oracle->path, steps, shape->tape_steps);
    rollout->steps = shape->tape_steps;
    rollout->fire_rate = 0.5;
    out->states = x0->data;
    out->fire = fire->data;
    out->target = target->data;
    return NCA_OK;
}

static nca_status judge_result(const oracle_file *oracle, const nca_shape *shape,
                               const nca_verify_result *result)
{
    const nca_layout layout = nca_layout_of(&shape->spec);
    const int64_t batch = shape->batch;
    const int64_t states[] = {batch, shape->height, shape->width, shape->spec.channels};
    nca_status status;
    float *losses = malloc((size_t)batch * sizeof *losses);
    if (!losses)
        return nca_fail(oracle->error, NCA_MEMORY, "%s: no memory for its losses", oracle->path);
    for (int64_t b = 0; b < batch; b++)
        losses[b] = (float)result->samples[b].loss;
    NCA_GO(judge(oracle, "expected.x", result->states, 4, states));
    NCA_GO(judge(oracle, "expected.loss", losses, 1, &batch));
    for (int i = 0; i < layout.tensors; i++) {
        const nca_tensor_shape given = nca_tensor_shape_of(i, &shape->spec);
        const int64_t sizes[] = {(int64_t)given.size[0], (int64_t)given.size[1]};
        char name[64];
        snprintf(name, sizeof name, "expected.grad.%s", nca_tensor_name(i));
        NCA_GO(judge(oracle, name, result->gradient + layout.offset[i], given.axes, sizes));
    }
    NCA_GO(judge(oracle, "expected.grad.x0", result->state_gradient, 4, states));
cleanup:
    free(losses);
    return status;
}

static nca_status verify_rollout(const oracle_file *oracle)
{
    nca_verify_case given = {0};
    nca_verify_result result = {0};
    nca_status status;
    float *parameters;
    NCA_TRY(read_shape(oracle, &given.shape));
    NCA_TRY(read_rollout(oracle, &given));
    NCA_TRY(read_parameters(oracle, &given.shape, &parameters));
    given.parameters = parameters;
    NCA_GO(nca_verify_compute(&given, oracle->compute, &result, oracle->error));
    NCA_GO(judge_result(oracle, &given.shape, &result));
cleanup:
    nca_verify_result_free(&result);
    free(parameters);
    return status;
}

// An optimizer case: tensors "a" and "b" of any shape, put at the beginning of two tensors of a
// small rule; the zeros behind them change neither norms nor Adam.
enum { CASE_TENSORS = 2 };

typedef struct optimizer_case {
    const nca_tensor *param[CASE_TENSORS], *grad[CASE_TENSORS], *expected[CASE_TENSORS];
    const double *rates;
    int updates;
    nca_optimizer_step step;
    nca_shape shape;
    nca_layout layout;
} optimizer_case;

static const char *const case_names[CASE_TENSORS] = {"a", "b"};
static const int case_places[CASE_TENSORS] = {NCA_HIDDEN_WEIGHT, NCA_OUTPUT_WEIGHT};

// A tensor that is [updates, ...] of `elements` each, or without updates just so many.
static nca_status find_series(const oracle_file *oracle, const char *name, nca_dtype dtype,
                              size_t elements, const nca_tensor **out)
{
    const nca_tensor *found = nca_tensors_find(&oracle->tensors, name);
    if (!found || found->dtype != dtype || found->elements != elements)
        return nca_fail(oracle->error, NCA_FORMAT,
                        "%s: \"%s\" is missing or of another shape or type", oracle->path, name);
    *out = found;
    return NCA_OK;
}

static nca_status read_optimizer_tensors(const oracle_file *oracle, optimizer_case *out)
{
    size_t largest = 0;
    for (int i = 0; i < CASE_TENSORS; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s.param", case_names[i]);
        out->param[i] = nca_tensors_find(&oracle->tensors, name);
        if (!out->param[i] || out->param[i]->elements > 1 << 20)
            return nca_fail(oracle->error, NCA_FORMAT, "%s: \"%s\" is missing or too large",
                            oracle->path, name);
        const size_t elements = out->param[i]->elements, all = elements * (size_t)out->updates;
        NCA_TRY(find_series(oracle, name, NCA_F32, elements, &out->param[i]));
        snprintf(name, sizeof name, "%s.grad", case_names[i]);
        NCA_TRY(find_series(oracle, name, NCA_F32, all, &out->grad[i]));
        snprintf(name, sizeof name, "expected.%s.param", case_names[i]);
        NCA_TRY(find_series(oracle, name, NCA_F64, all, &out->expected[i]));
        largest = elements > largest ? elements : largest;
    }
    const int units = (int)((largest + 3) / 4 + 3) / 4 * 4;
    out->shape =
        (nca_shape){.batch = 1, .height = 1, .width = 1, .spec = nca_spec_growing(4, units)};
    out->layout = nca_layout_of(&out->shape.spec);
    return NCA_OK;
}

static nca_status read_optimizer(const oracle_file *oracle, optimizer_case *out)
{
    const nca_tensor *rates = nca_tensors_find(&oracle->tensors, "learning_rate");
    double normalize, clip;
    if (!rates || rates->dtype != NCA_F64 || rates->axes != 1 || rates->elements > 65536)
        return nca_fail(oracle->error, NCA_FORMAT, "%s: \"learning_rate\" is no list of F64",
                        oracle->path);
    out->rates = rates->data;
    out->updates = (int)rates->elements;
    NCA_TRY(read_optimizer_tensors(oracle, out));
    NCA_TRY(read_number(oracle, "beta1", NAN, &out->step.beta1));
    NCA_TRY(read_number(oracle, "beta2", NAN, &out->step.beta2));
    NCA_TRY(read_number(oracle, "eps", NAN, &out->step.epsilon));
    NCA_TRY(read_number(oracle, "normalize", 0, &normalize));
    NCA_TRY(read_number(oracle, "clip", 0, &clip));
    if (normalize != 0)
        out->step.transform[out->step.transforms++].kind = NCA_GRADIENT_NORMALIZE;
    if (clip > 0) {
        out->step.transform[out->step.transforms].kind = NCA_GRADIENT_CLIP;
        out->step.transform[out->step.transforms++].value = clip;
    }
    return NCA_OK;
}

// A gradient reaches the optimizer through a rollout everywhere else; here it is put there.
static nca_status put(const optimizer_case *test_case, const nca_backend *backend,
                      nca_session *session, nca_buffer buffer, const nca_tensor *const *from,
                      int update, nca_error *error)
{
    for (int i = 0; i < CASE_TENSORS; i++) {
        const size_t elements = test_case->param[i]->elements;
        NCA_TRY(backend->upload(session, buffer, test_case->layout.offset[case_places[i]], elements,
                                (const float *)from[i]->data + (size_t)update * elements, error));
    }
    return NCA_OK;
}

// The larger error; NaN is the worst, and stays.
static double worse(double a, double b)
{
    return isnan(a) || a > b ? a : b;
}

// The worst error over the updates, for each tensor.
static nca_status follow(const oracle_file *oracle, optimizer_case *given, nca_session *session,
                         float *got, double worst[CASE_TENSORS])
{
    const nca_backend *backend = oracle->compute->backend;
    NCA_TRY(put(given, backend, session, NCA_PARAMETERS, given->param, 0, oracle->error));
    for (int u = 0; u < given->updates; u++) {
        nca_update_report report;
        given->step.time = u + 1;
        given->step.rate = given->rates[u];
        NCA_TRY(put(given, backend, session, NCA_GRADIENT, given->grad, u, oracle->error));
        NCA_TRY(backend->update(session, &given->step, &report, oracle->error));
        for (int i = 0; i < CASE_TENSORS; i++) {
            const size_t elements = given->param[i]->elements;
            NCA_TRY(backend->download(session, NCA_PARAMETERS, given->layout.offset[case_places[i]],
                                      elements, got, oracle->error));
            NCA_TRY(backend->synchronize(session, oracle->error));
            const double *expected =
                (const double *)given->expected[i]->data + (size_t)u * elements;
            worst[i] = worse(worst[i], nca_relative_error(got, expected, elements));
        }
    }
    return NCA_OK;
}

static nca_status verify_optimizer(const oracle_file *oracle)
{
    optimizer_case given = {0};
    double worst[CASE_TENSORS] = {0};
    nca_session *session;
    nca_status status;
    NCA_TRY(read_optimizer(oracle, &given));
    NCA_TRY(
        nca_session_open(oracle->compute, &given.shape, 0, oracle->path, &session, oracle->error));
    float *got = malloc(given.layout.total * sizeof *got);
    if (!got)
        NCA_GO(nca_fail(oracle->error, NCA_MEMORY, "%s: no memory for it", oracle->path));
    NCA_GO(follow(oracle, &given, session, got, worst));
    for (int i = 0; i < CASE_TENSORS; i++) {
        char name[32];
        snprintf(name, sizeof name, "expected.%s.param", case_names[i]);
        nca_verdict_add(oracle->verdict, name, worst[i], least_allowance);
    }
cleanup:
    free(got);
    oracle->compute->backend->destroy(session);
    return status;
}

nca_status nca_verify_file(const char *path, const nca_compute *compute, nca_verdict *verdict,
                           nca_error *error)
{
    oracle_file oracle = {.path = path, .compute = compute, .verdict = verdict, .error = error};
    if (nca_zoo_is_name(path) || nca_is_folder(path))
        return nca_verify_rule(path, compute, verdict, error);
    NCA_TRY(nca_tensors_read(path, &oracle.tensors, error));
    const bool is_optimizer = nca_tensors_find(&oracle.tensors, "learning_rate") != NULL;
    const bool is_rollout = nca_tensors_find(&oracle.tensors, "x0") != NULL;
    const bool is_rule = nca_tensors_find(&oracle.tensors, "hidden.weight") != NULL;
    nca_status status;
    if (is_optimizer || is_rollout)
        fprintf(verdict->to, "%s\n", path);
    if (is_optimizer)
        status = verify_optimizer(&oracle);
    else if (is_rollout)
        status = verify_rollout(&oracle);
    else if (is_rule)
        status = nca_verify_rule(path, compute, verdict, error);
    else
        status = nca_fail(error, NCA_FORMAT,
                          "%s: neither a rollout, nor an optimizer case, nor a rule", path);
    nca_tensors_free(&oracle.tensors);
    return status;
}
