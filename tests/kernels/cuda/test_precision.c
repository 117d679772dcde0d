// The network's products in tf32 and bf16: how far states and gradients are from f32 on both paths,
// that the option acts at all, what is refused, and what verify and train say of it.
#include "device_under_test.h"

#include "verify/precision.h"

static const char *const paths[] = {"fused", "cublas"};
enum { PATHS = sizeof paths / sizeof *paths };

// The unit roundoff: half the distance of numbers with 11 and 8 significant bits, from 1 on.
static const struct {
    const char *name;
    double roundoff;
} precisions[] = {{"tf32", 0x1p-11}, {"bf16", 0x1p-8}};

// The tensors of the gradient, the states after a rollout, and the gradient of those before it.
enum { STATES = NCA_TENSORS_OF_ONE_LAYER, STATE_GRADIENT, TENSORS };

typedef struct precision_result {
    float *tensor[TENSORS];
    size_t size[TENSORS];
} precision_result;

static void free_result(precision_result *result)
{
    for (int i = 0; i < TENSORS; i++)
        free(result->tensor[i]);
}

// Away from where a rounding decides something, which would count by all that hangs on it and by no
// multiple of the roundoff: hidden units far from the kink of ReLU, half of them on each side
// (their sums of 48 weights below 0.08 times inputs of some 0.25 stay below 1 by five sigma), and
// alpha far from the threshold of life, which the rule changes by a hundredth of what the rest
// changes.
static void leave_edges(const nca_shape *shape, float *parameters, float *states)
{
    const nca_layout layout = nca_layout_of(&shape->spec);
    const size_t channels = (size_t)shape->spec.channels, hidden = (size_t)shape->spec.hidden[0];
    for (size_t k = 0; k < hidden; k++) {
        parameters[layout.offset[NCA_HIDDEN_BIAS] + k] = k % 2 ? 1.0f : -1.0f;
        parameters[layout.offset[NCA_OUTPUT_WEIGHT] + NCA_ALPHA * hidden + k] *= 0.01f;
    }
    for (size_t i = NCA_ALPHA; i < batch_of(shape); i += channels)
        states[i] = states[i] > 0.5f ? states[i] : 0;
}

static precision_result compute(const nca_compute *on, const nca_shape *shape)
{
    const nca_rollout rollout = {.steps = shape->tape_steps,
                                 .key = {.seed = 11, .update = 5},
                                 .fire_rate = 0.5,
                                 .angle = 0.4,
                                 .step_size = 1,
                                 .alive_threshold = NCA_ALIVE_THRESHOLD,
                                 .keep_tape = true};
    const nca_layout layout = nca_layout_of(&shape->spec);
    float *parameters = uniform(layout.total, 1, 0.08), *states = mixed_states(shape, 2);
    float *target = uniform(cells_of(shape) * NCA_VISIBLE, 3, 0.5);
    nca_sample_report samples[4];
    nca_session *session = open_session(on, shape);
    precision_result got;
    leave_edges(shape, parameters, states);
    write_buffer(on, session, NCA_PARAMETERS, layout.total, parameters);
    write_buffer(on, session, NCA_BATCH, batch_of(shape), states);
    write_buffer(on, session, NCA_TARGET, cells_of(shape) * NCA_VISIBLE, target);
    assert_ok(on->backend->forward(session, &rollout, NULL, error));
    assert_ok(on->backend->loss(session, samples, error));
    got.tensor[STATES] = read_buffer(on, session, NCA_BATCH, batch_of(shape));
    assert_ok(on->backend->backward(session, NULL, error));
    got.tensor[STATE_GRADIENT] = read_buffer(on, session, NCA_BATCH_GRADIENT, batch_of(shape));
    got.size[STATES] = got.size[STATE_GRADIENT] = batch_of(shape);
    float *gradient = read_buffer(on, session, NCA_GRADIENT, layout.total);
    for (int i = 0; i < layout.tensors; i++) {
        got.size[i] = layout.size[i];
        got.tensor[i] = allocate(layout.size[i], sizeof(float));
        memcpy(got.tensor[i], gradient + layout.offset[i], layout.size[i] * sizeof(float));
    }
    on->backend->destroy(session);
    free(gradient);
    free(parameters);
    free(states);
    free(target);
    return got;
}

static precision_result compute_as(const char *path, const char *precision, int tape_every,
                                   const nca_shape *shape)
{
    nca_compute on = open_device_as(path, precision, tape_every);
    const precision_result got = compute(&on, shape);
    nca_compute_close(&on);
    return got;
}

// cuBLAS computes in f32 what it finds too small for tf32: there errors have no least size.
static bool may_be_f32(const char *path)
{
#if defined(NCA_TEST_EMULATED)
    return strcmp(path, "cublas") == 0 && nca_emulator_get()->tf32_from > 0;
#else
    return strcmp(path, "cublas") == 0;
#endif
}

// On the way through both layers and back a number is rounded at most six times, each time by at
// most `roundoff`; errors of so many terms are independent, and their squares add up: 2.4
// roundoffs. Hardware may cut bits off where the emulator rounds, which doubles that; 8 leaves
// room. A wrong term, or a wrong place for one, is off by the order of 1. What is not rounded is
// off by some 1e-7.
static void check_errors(const char *path, int precision, const precision_result *got,
                         const precision_result *f32)
{
    const double roundoff = precisions[precision].roundoff;
    for (int i = 0; i < TENSORS; i++) {
        const double off = relative_error(got->tensor[i], f32->tensor[i], got->size[i]);
        const double least = may_be_f32(path) ? 0 : roundoff / 20;
        if (!(off <= 8 * roundoff && off >= least))
            fail_msg("%s, %s: tensor %d is off by %g, %g roundoffs", path,
                     precisions[precision].name, i, off, off / roundoff);
    }
}

static void test_errors_are_those_of_the_rounding(void **state)
{
    (void)state;
    static const nca_shape shapes[] = {NCA_GROWING_SHAPE(2, 17, 13, 0, 4, 16, 128),
                                       NCA_GROWING_SHAPE(1, 9, 33, 0, 3, 20, 132)};
    for (int p = 0; p < PATHS; p++)
        for (int s = 0; s < 2; s++) {
            if (s == 1 && strcmp(paths[p], "fused") == 0)
                continue;
            precision_result f32 = compute_as(paths[p], "f32", 0, &shapes[s]);
            for (int i = 0; i < 2; i++) {
                precision_result got = compute_as(paths[p], precisions[i].name, 0, &shapes[s]);
                check_errors(paths[p], i, &got, &f32);
                free_result(&got);
            }
            free_result(&f32);
        }
}

// f32 is what is computed where nothing is asked for, to the bit.
static void test_f32_is_the_default(void **state)
{
    (void)state;
    const nca_shape shape = NCA_GROWING_SHAPE(2, 9, 8, 0, 3, 16, 128);
    for (int p = 0; p < PATHS; p++) {
        precision_result plain = compute_as(paths[p], NULL, 0, &shape);
        precision_result asked = compute_as(paths[p], "f32", 0, &shape);
        for (int i = 0; i < TENSORS; i++)
            assert_memory_equal(plain.tensor[i], asked.tensor[i], plain.size[i] * sizeof(float));
        free_result(&plain);
        free_result(&asked);
    }
}

// Neither the order of blocks, warps and lanes nor a thinned tape changes a bit.
static void test_orders_and_thinned_tapes_give_the_same_bits(void **state)
{
    (void)state;
    if (IS_SANITIZED)   // about numbers, by kernels that have run before
        skip();
    const nca_shape shape = NCA_GROWING_SHAPE(2, 17, 13, 0, 5, 16, 128);
    static const struct {
        uint64_t seed;
        int every;
    } ways[] = {{1, 0}, {7, 0}, {0, 2}, {9, 3}};
    for (int p = 0; p < PATHS; p++)
        for (int i = 0; i < 2; i++) {
            precision_result expected = compute_as(paths[p], precisions[i].name, 0, &shape);
            for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
                order_by(ways[w].seed);
                precision_result got =
                    compute_as(paths[p], precisions[i].name, ways[w].every, &shape);
                order_by(0);
                for (int t = 0; t < TENSORS; t++)
                    assert_memory_equal(got.tensor[t], expected.tensor[t],
                                        got.size[t] * sizeof(float));
                free_result(&got);
            }
            free_result(&expected);
        }
}

// Every number of it is a small multiple of the roundoff: a few units cross ReLU's kink there, and
// count by the square root of their share, which is the roundoff's.
static void check_measured(const char *path, const nca_precision_error *found, double roundoff)
{
    const double most = 8 * roundoff + 2 * sqrt(roundoff);
    const double least = may_be_f32(path) ? 0 : roundoff / 100;
    assert_true(found->norm >= least && found->norm <= most);
    assert_true(found->largest >= least && found->largest <= most);
}

static void test_the_error_is_measured_in_one_line(void **state)
{
    (void)state;
    if (IS_SANITIZED)   // about numbers, by kernels that have run before
        skip();
    for (int p = 0; p < PATHS; p++)
        for (int i = 0; i < 2; i++) {
            const nca_device_options options = {.cuda_path = paths[p],
                                                .precision = precisions[i].name};
            nca_compute on = open_device_as(paths[p], precisions[i].name, 0);
            nca_precision_errors found;
            char words[NCA_PRECISION_BYTES];
            assert_ok(nca_precision_measure(DEVICE_NAME, &options, &on,
                                            &(nca_spec)NCA_GROWING(16, 128), &found, error));
            nca_compute_close(&on);
            check_measured(paths[p], &found.states, precisions[i].roundoff);
            for (int t = 0; t < found.tensors; t++)
                check_measured(paths[p], &found.gradient[t], precisions[i].roundoff);
            nca_precision_words(precisions[i].name, &found, words);
            assert_true(strncmp(words, precisions[i].name, 4) == 0 && !strchr(words, '\n'));
            assert_non_null(strstr(words, "output.bias "));
            assert_true(may_be_f32(paths[p]) || !strstr(words, "computed in f32"));
            assert_true(words[strlen(words) - 1] == ')' || strstr(words, "computed in f32"));
        }
}

#if defined(NCA_TEST_EMULATED)
// As on an H100, where cuBLAS leaves products in f32 whose sizes are all below 512: errors are
// judged from above only, and the line says what was computed.
static void test_products_too_small_for_tf32_are_told(void **state)
{
    (void)state;
    const nca_shape shape = NCA_GROWING_SHAPE(2, 17, 13, 0, 4, 16, 128);
    const nca_device_options options = {.cuda_path = "cublas", .precision = "tf32"};
    nca_precision_errors found;
    char words[NCA_PRECISION_BYTES];
    nca_emulator_get()->tf32_from = 512;
    precision_result f32 = compute_as("cublas", "f32", 0, &shape);
    precision_result got = compute_as("cublas", "tf32", 0, &shape);
    check_errors("cublas", 0, &got, &f32);
    nca_compute on = open_device_as("cublas", "tf32", 0);
    assert_ok(nca_precision_measure(DEVICE_NAME, &options, &on, &(nca_spec)NCA_GROWING(16, 128),
                                    &found, error));
    nca_compute_close(&on);
    nca_emulator_get()->tf32_from = 0;
    assert_non_null(
        strstr(nca_precision_words("tf32", &found, words), "the device computed in f32"));
    free_result(&got);
    free_result(&f32);
}
#endif

// A resumed run is told apart by these words.
static void test_precisions_have_names_of_their_own(void **state)
{
    (void)state;
    static const char *const asked[] = {NULL, "tf32", "bf16"};
    char seen[3][sizeof((nca_device_info *)0)->variant];
    for (int i = 0; i < 3; i++) {
        nca_compute on = open_device_as("cublas", asked[i], 0);
        nca_device_info info;
        on.backend->info(on.device, &info);
        nca_compute_close(&on);
        assert_int_equal(info.threads, 0);
        strcpy(seen[i], *info.arithmetic ? info.arithmetic : info.variant);
        assert_true(asked[i] == NULL || strstr(info.variant, asked[i]) != NULL);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(seen[k], seen[i]);
    }
}

static void refuse(const char *device, const char *path, const char *precision, const char *words)
{
    const nca_device_options options = {.cuda_path = path, .precision = precision};
    nca_error why = {0};
    nca_compute out;
    assert_refused(NCA_ARGUMENT, nca_compute_open(device, &options, &out, error));
    nca_compute_open(device, &options, &out, &why);
    if (!strstr(why.message, words))
        fail_msg("\"%s\" does not say \"%s\"", why.message, words);
}

static void test_what_is_not_there_is_refused(void **state)
{
    (void)state;
    refuse(DEVICE_NAME, NULL, "fp8", "there are f32, bf16, bf16x3, tf32, auto");
    refuse("cpu", NULL, "tf32", "tf32 is for --device cuda");
    refuse("reference", NULL, "tf32", "the reference computes in f64");
#if defined(NCA_TEST_EMULATED)
    nca_emulator_get()->capability = 75;
    refuse(DEVICE_NAME, NULL, "tf32", "compute capability 7.5 and 8.0 is needed");
    refuse(DEVICE_NAME, "cublas", "bf16", "compute capability 7.5 and 8.0 is needed");
    nca_compute on = open_device_as("cublas", "f32", 0);
    nca_compute_close(&on);
    nca_emulator_get()->capability = 90;
#endif
}

#if defined(NCA_TEST_EMULATED)
// Kernels that were compiled for an older device, and by its PTX run on this one, have no such
// product.
static void test_kernels_for_older_devices_are_refused(void **state)
{
    (void)state;
    const nca_shape shape = NCA_GROWING_SHAPE(1, 4, 4, 0, 2, 16, 128);
    nca_compute on = open_device_as("fused", "bf16", 0);
    nca_session *session;
    nca_error why = {0};
    nca_emulator_get()->image = 75;
    assert_int_equal(on.backend->create(on.device, &shape, &session, &why), NCA_DEVICE);
    nca_emulator_get()->image = 90;
    assert_non_null(strstr(why.message, "build for this device's architecture"));
    nca_compute_close(&on);
}

// Both paths round the same factors, so they differ by far less than from f32: only where a factor,
// which sums in another order change by some 3e-7, falls on the other side of a tie. Ties are two
// roundoffs apart, so in tf32 that happens to one factor in 3000, which is then two roundoffs off:
// by norm 2 / sqrt(3000), some 0.04 roundoffs a product. (On a GPU cuBLAS may cut bits off
// instead.)
static void test_both_paths_round_the_same_factors(void **state)
{
    (void)state;
    const nca_shape shape = NCA_GROWING_SHAPE(2, 17, 13, 0, 1, 16, 128);
    for (int i = 0; i < 2; i++) {
        precision_result fused = compute_as("fused", precisions[i].name, 0, &shape);
        precision_result cublas = compute_as("cublas", precisions[i].name, 0, &shape);
        for (int t = 0; t < TENSORS; t++) {
            const double off = relative_error(fused.tensor[t], cublas.tensor[t], fused.size[t]);
            if (!(off <= 0.1 * precisions[i].roundoff))
                fail_msg("%s: tensor %d differs by %g roundoffs", precisions[i].name, t,
                         off / precisions[i].roundoff);
        }
        free_result(&fused);
        free_result(&cublas);
    }
}
#endif

int main(void)
{
    if (!IS_EMULATED && !has_device("tf32"))
        return SKIPPED;
    check_accesses(false);   // test_cuda looks at them
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_are_those_of_the_rounding),
        cmocka_unit_test(test_f32_is_the_default),
        cmocka_unit_test(test_orders_and_thinned_tapes_give_the_same_bits),
        cmocka_unit_test(test_the_error_is_measured_in_one_line),
        cmocka_unit_test(test_precisions_have_names_of_their_own),
        cmocka_unit_test(test_what_is_not_there_is_refused),
#if defined(NCA_TEST_EMULATED)
        cmocka_unit_test(test_kernels_for_older_devices_are_refused),
        cmocka_unit_test(test_products_too_small_for_tf32_are_told),
        cmocka_unit_test(test_both_paths_round_the_same_factors),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
