// Every CPU kernel of every instruction set against its scalar definition, on odd counts and sizes.
// Where the processor lacks AVX-512, its kernels run through SIMDe's portable intrinsics.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/cpu.h"
#include "verify/cases.h"

void nca_cpu_fill_avx512_by_simde(nca_cpu_ops *ops, const nca_spec *spec);

typedef struct variant {
    const char *name;
    void (*fill)(nca_cpu_ops *ops, const nca_spec *spec);
} variant;

// main() ends the list before the last where the processor lacks it.
static variant variants[] = {
#if defined(__x86_64__)
    {"avx2", nca_cpu_fill_avx2},
#if defined(NCA_TEST_AVX512)
    {"avx512 by SIMDe", nca_cpu_fill_avx512_by_simde},
#endif
    {"avx512", nca_cpu_fill_avx512},
#endif
    {NULL, NULL},
};
enum { VARIANTS = sizeof variants / sizeof *variants - 1 };

static const int counts[] = {1, 2, 3, 5, 6, 7, 8, 11, 12, 13, 17, 24, 47, 48};
enum { COUNTS = sizeof counts / sizeof *counts };

// The scalar table, overwritten by a variant where one is given.
static nca_cpu_ops fill_ops_of(const variant *v, const nca_spec *spec)
{
    nca_cpu_ops ops;
    nca_cpu_fill_scalar(&ops, spec);
    if (v)
        v->fill(&ops, spec);
    return ops;
}

static nca_cpu_ops fill_ops(const variant *v, int channels, int hidden)
{
    const nca_spec spec = nca_spec_growing(channels, hidden);
    return fill_ops_of(v, &spec);
}

// Uniform numbers in -1..1, the same in every run of the test.
static void fill_uniform(float *x, size_t count, uint32_t sample)
{
    const nca_key key = {.seed = 5};
    for (size_t i = 0; i < count; i++)
        x[i] = (float)nca_random_uniform(key, NCA_RANDOM_TEST, sample, 0, (uint32_t)i) * 2 - 1;
}

enum { SLACK = 16 };   // floats that kernels may read behind an array

static float *uniform(size_t count, uint32_t sample)
{
    float *x = calloc(count + SLACK, sizeof *x);
    assert_non_null(x);
    fill_uniform(x, count, sample);
    return x;
}

// Relative error in the L2 norm. Sums of up to 144 products in another order: a few 1e-7.
static void assert_close(const float *got, const float *expected, size_t count, const char *what)
{
    double difference = 0, size = 0;
    for (size_t i = 0; i < count; i++) {
        difference += ((double)got[i] - expected[i]) * ((double)got[i] - expected[i]);
        size += (double)expected[i] * expected[i];
    }
    const double error = sqrt(difference) / (sqrt(size) + 1e-30);
    if (!(error <= 2e-6))
        fail_msg("%s: relative error %.2e", what, error);
}

static void test_fire_bits_are_equal(void **state)
{
    (void)state;
    static const uint32_t thresholds[] = {0, 1, 13107, 32768, 65535, 65536};
    const nca_cpu_ops scalar = fill_ops(NULL, 16, 128);
    for (const variant *v = variants; v->name; v++)
        for (size_t t = 0; t < sizeof thresholds / sizeof *thresholds; t++)
            for (size_t groups = 1; groups <= 9; groups++) {
                uint8_t expected[72], got[80];
                const nca_cpu_ops ops = fill_ops(v, 16, 128);
                const nca_key key = {.seed = 0xfedcba9876543210u + t, .update = 0xffffffffu};
                memset(got, 7, sizeof got);
                scalar.fire(key, 3, 0xffffffu, thresholds[t], 0xffffu, groups, expected);
                ops.fire(key, 3, 0xffffffu, thresholds[t], 0xffffu, groups, got);
                assert_memory_equal(got, expected, groups * 8);
                for (size_t i = groups * 8; i < sizeof got; i++)
                    assert_int_equal(got[i], 7);   // nothing is written beyond
            }
}

static void test_fire_rate_is_what_was_asked(void **state)
{
    (void)state;
    enum { GROUPS = 8192 };
    static uint8_t bits[GROUPS * 8];
    static const double rates[] = {0.1, 0.5, 0.75};
    for (size_t r = 0; r < 3; r++) {
        const uint32_t threshold = nca_fire_threshold(rates[r]);
        size_t fired = 0;
        nca_cpu_fire_scalar((nca_key){.seed = 11}, 0, 0, threshold, 0, GROUPS, bits);
        for (size_t i = 0; i < sizeof bits; i++)
            fired += bits[i];
        // Five standard deviations of 65,536 draws.
        assert_true(fabs((double)fired / sizeof bits - rates[r]) < 5 * 0.5 / 256);
    }
}

static void test_noise_is_equal(void **state)
{
    (void)state;
    for (const variant *v = variants; v->name; v++)
        for (int count = 1; count <= 21; count++) {
            const nca_cpu_ops ops = fill_ops(v, 16, 128);
            const nca_key key = {.seed = 0xfedcba9876543210u, .update = 0xffffffffu};
            const uint32_t first = 0xfffffff0u;   // the index goes round
            float expected[21], got[22];
            got[count] = 7;
            nca_cpu_noise_scalar(key, 3, 0xffffffu, first, count, 1e-3f, expected);
            ops.noise(key, 3, 0xffffffu, first, count, 1e-3f, got);
            assert_memory_equal(got, expected, (size_t)count * sizeof *got);
            assert_true(got[count] == 7);   // nothing is written beyond
        }
}

static void test_dilate_is_equal(void **state)
{
    (void)state;
    enum { STRIDE = 136 };
    uint8_t mature[3 * STRIDE], expected[STRIDE], got[STRIDE];
    nca_cpu_fire_scalar((nca_key){.seed = 3}, 0, 0, 6000, 0, sizeof mature / 8, mature);
    for (const variant *v = variants; v->name; v++) {
        const nca_cpu_ops ops = fill_ops(v, 16, 128);
        for (size_t count = 1; count <= STRIDE - 2; count++) {
            nca_cpu_dilate_scalar(mature + STRIDE + 1, STRIDE, count, expected);
            ops.dilate(mature + STRIDE + 1, STRIDE, count, got);
            assert_memory_equal(got, expected, count);
        }
    }
}

// Cells of a padded plane of 5x11 cells, some of them neighbours.
enum { PLANE_ROW = 13, PLANE = 7 * PLANE_ROW };

static void list_cells(uint32_t *cells, int count)
{
    for (int i = 0; i < count; i++)
        cells[i] = (uint32_t)(PLANE_ROW * (1 + i % 5) + 1 + i * 7 % 11);
}

// What a perception gives, forward and backward, in one array: the cells', then the plane's.
static float *run_perceive(const variant *v, const nca_spec *spec, int count, double angle)
{
    const size_t row = PLANE_ROW * (size_t)spec->channels, plane = PLANE * (size_t)spec->channels;
    const size_t inputs = (size_t)count * (size_t)nca_spec_inputs(spec);
    const nca_cpu_rotation rotation = {(float)cos(angle), (float)sin(angle)};
    const nca_cpu_ops ops = fill_ops_of(v, spec);
    float *state = uniform(plane, 1), *dp = uniform(inputs, 2), *all = calloc(inputs + plane, 4);
    uint32_t cells[48];
    list_cells(cells, count);
    ops.perceive(state, row, spec->channels, cells, count, rotation, all);
    ops.perceive_backward(dp, row, spec->channels, cells, count, rotation, all + inputs);
    free(state), free(dp);
    return all;
}

// Near the scalar definition, and the same bits on every instruction set that has vectors.
static void check_perceive(const nca_spec *spec, int count, double angle)
{
    const size_t inputs = (size_t)count * (size_t)nca_spec_inputs(spec);
    const size_t plane = PLANE * (size_t)spec->channels;
    float *expected = run_perceive(NULL, spec, count, angle), *first = NULL;
    for (const variant *v = variants; v->name; v++) {
        float *got = run_perceive(v, spec, count, angle);
        assert_close(got, expected, inputs, "perceive");
        assert_close(got + inputs, expected + inputs, plane, "perceive_backward");
        if (first)
            assert_memory_equal(got, first, (inputs + plane) * sizeof *got);
        first = first ? (free(got), first) : got;
    }
    free(expected), free(first);
}

static void test_perceive_matches_scalar(void **state)
{
    (void)state;
    for (int perception = 0; perception < NCA_PERCEPTIONS; perception++)
        for (int channels = 4; channels <= 36; channels += 4)
            for (int i = 0; i < COUNTS; i++) {
                const nca_spec spec = {.channels = channels,
                                       .perception = (nca_perception)perception,
                                       .hidden = {128}};
                check_perceive(&spec, counts[i], 0);
                check_perceive(&spec, counts[i], 0.7);
            }
}

// <perceive(x), dp> = <x, perceive_backward(dp)>: one is the other's transpose.
static void test_perceive_backward_is_the_transpose(void **state)
{
    (void)state;
    enum { CHANNELS = 4, ROW = PLANE_ROW * CHANNELS, SIZE = PLANE * CHANNELS, INPUTS = 48 * 12 };
    float *x = uniform(SIZE, 3), *dp = uniform(INPUTS, 4), p[INPUTS], back[SIZE] = {0};
    const nca_cpu_rotation rotation = {(float)cos(1.1), (float)sin(1.1)};
    uint32_t cells[48];
    double left = 0, right = 0;
    list_cells(cells, 48);
    nca_cpu_perceive_scalar(x, ROW, CHANNELS, cells, 48, rotation, p);
    nca_cpu_perceive_backward_scalar(dp, ROW, CHANNELS, cells, 48, rotation, back);
    for (int i = 0; i < INPUTS; i++)
        left += (double)p[i] * dp[i];
    for (int i = 0; i < SIZE; i++)
        right += (double)x[i] * back[i];
    assert_true(fabs(left - right) < 1e-5 * fabs(left));
    free(x), free(dp);
}

// A rule with random parameters, packed for panels of `panel` columns.
typedef struct packed_rule {
    nca_cpu_rule rule;
    float *parameters, *panels, *second, *columns;
} packed_rule;

// to [columns,rows] = from [rows,columns], transposed; owned.
static float *transposed(const float *from, int rows, int columns)
{
    float *to = uniform((size_t)rows * (size_t)columns, 0);
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < columns; j++)
            to[j * rows + i] = from[i * columns + j];
    return to;
}

static packed_rule pack_rule_of(const nca_spec *spec, int panel)
{
    const nca_layout layout = nca_layout_of(spec);
    const int inputs = nca_spec_inputs(spec), hidden = spec->hidden[0];
    const int width = panel ? panel : hidden;
    packed_rule packed = {.parameters = uniform(layout.total, 6),
                          .panels = uniform(layout.size[NCA_HIDDEN_WEIGHT], 0)};
    const float *const at = packed.parameters;
    packed.rule = (nca_cpu_rule){
        .inputs = inputs,
        .outputs = nca_spec_outputs(spec),
        .hidden = hidden,
        .hidden2 = spec->hidden[1],
        .hidden_weight = at,
        .hidden_bias = at + layout.offset[NCA_HIDDEN_BIAS],
        .hidden2_weight = at + layout.offset[NCA_HIDDEN2_WEIGHT],
        .hidden2_bias = at + layout.offset[NCA_HIDDEN2_BIAS],
        .output_weight = at + layout.offset[NCA_OUTPUT_WEIGHT],
        .output_bias = at + layout.offset[NCA_OUTPUT_BIAS],
        .hidden_panels = packed.panels,
    };
    for (int j = 0; j < hidden; j++)
        for (int k = 0; k < inputs; k++)
            packed.panels[(j / width * inputs + k) * width + j % width] =
                packed.rule.hidden_weight[j * inputs + k];
    packed.second = transposed(packed.rule.hidden2_weight, spec->hidden[1], hidden);
    packed.columns =
        transposed(packed.rule.output_weight, packed.rule.outputs, nca_spec_last_hidden(spec));
    packed.rule.hidden2_columns = packed.second;
    packed.rule.output_columns = packed.columns;
    return packed;
}

static packed_rule pack_rule(int channels, int hidden, int panel)
{
    return pack_rule_of(&(nca_spec)NCA_GROWING(channels, hidden), panel);
}

static void free_rule(packed_rule *packed)
{
    free(packed->parameters), free(packed->panels), free(packed->second), free(packed->columns);
}

// What the network gives for the same inputs, forward and backward, in one array.
static float *run_network(const nca_cpu_ops *ops, const nca_spec *spec, int count, size_t *size)
{
    packed_rule packed = pack_rule_of(spec, ops->panel);
    const nca_layout layout = nca_layout_of(spec);
    const size_t n = (size_t)count, units = n * (size_t)(spec->hidden[0] + spec->hidden[1]);
    const size_t inputs = n * (size_t)nca_spec_inputs(spec);
    const size_t outputs = n * (size_t)nca_spec_outputs(spec);
    float *p = uniform(inputs, 7), *dout = uniform(outputs, 8);
    *size = 2 * units + inputs + outputs + layout.total;
    float *all = calloc(*size + SLACK, sizeof *all);
    float *unit = all, *dunit = all + units, *dp = dunit + units, *out = dp + inputs;
    float *sums = out + outputs;
    fill_uniform(sums, layout.total, 9);   // the kernels add to what is there
    const nca_cpu_gradient gradient = {
        .hidden_columns = sums,
        .hidden_bias = sums + layout.offset[NCA_HIDDEN_BIAS],
        .output_weight = sums + layout.offset[NCA_OUTPUT_WEIGHT],
        .output_bias = sums + layout.offset[NCA_OUTPUT_BIAS],
        .hidden2_weight = sums + layout.offset[NCA_HIDDEN2_WEIGHT],
        .hidden2_bias = sums + layout.offset[NCA_HIDDEN2_BIAS],
    };
    ops->mlp(&packed.rule, p, count, unit, out);
    ops->mlp_hidden(&packed.rule, p, count, unit);
    const nca_cpu_chunk cells = {
        .count = count, .p = p, .hidden = unit, .dout = dout, .dhidden = dunit, .dp = dp};
    ops->mlp_backward(&packed.rule, &cells, &gradient);
    free(p), free(dout);
    free_rule(&packed);
    return all;
}

// Near the scalar definition, and the same bits on every instruction set that has vectors.
static void check_network(const nca_spec *spec)
{
    const nca_cpu_ops scalar = fill_ops_of(NULL, spec);
    for (int i = 0; i < COUNTS; i++) {
        size_t size;
        float *expected = run_network(&scalar, spec, counts[i], &size), *first = NULL;
        for (const variant *v = variants; v->name; v++) {
            const nca_cpu_ops ops = fill_ops_of(v, spec);
            float *got = run_network(&ops, spec, counts[i], &size);
            assert_close(got, expected, size, v->name);
            if (first)
                assert_memory_equal(got, first, size * sizeof *got);
            first = first ? (free(got), first) : got;
        }
        free(expected), free(first);
    }
}

// Whether no case before this one has a rule of its size.
static bool is_new_rule(const nca_case *test_case)
{
    for (const nca_case *before = nca_cases; before < test_case; before++)
        if (memcmp(&before->shape.spec, &test_case->shape.spec, sizeof before->shape.spec) == 0)
            return false;
    return true;
}

static void test_network_matches_scalar(void **state)
{
    (void)state;
    int checked = 0;
    for (const nca_case *test_case = nca_cases; test_case->name; test_case++)
        if (is_new_rule(test_case)) {
            check_network(&test_case->shape.spec);
            checked++;
        }
    assert_true(checked > 10);
}

// Every number of vectors in a row, whole ones and parts, in every layer.
static void test_network_of_every_width_matches_scalar(void **state)
{
    (void)state;
    for (int width = 4; width <= 172; width += 12) {
        const nca_spec spec = {.channels = 4 + width % 16, .hidden = {width, 176 - width}};
        const nca_spec back = {.channels = width, .hidden = {4}, .frozen = width / 8};
        check_network(&spec);
        check_network(&back);
    }
}

// The kernels for any sizes give the same bits as those written for 16 channels.
static void test_any_network_equals_that_of_sixteen_channels(void **state)
{
    (void)state;
    const nca_spec own = NCA_GROWING(16, 128), any = {.channels = 16, .hidden = {128}, .frozen = 1};
    for (const variant *v = variants; v->name; v++)
        for (int i = 0; i < COUNTS; i++) {
            const nca_cpu_ops fast = fill_ops_of(v, &own), general = fill_ops_of(v, &any);
            size_t size;
            assert_true(fast.mlp != general.mlp);
            float *expected = run_network(&fast, &own, counts[i], &size);
            float *got = run_network(&general, &own, counts[i], &size);
            assert_memory_equal(got, expected, size * sizeof *got);
            free(expected), free(got);
        }
}

// The result of a cell does not depend on how many cells pass through the network with it.
static void test_network_is_independent_of_grouping(void **state)
{
    (void)state;
    for (const variant *v = variants; v->name; v++) {
        const nca_cpu_ops ops = fill_ops(v, 16, 128);
        packed_rule packed = pack_rule(16, 128, ops.panel);
        float *p = uniform(48 * 48, 7), hidden[48 * 128 + SLACK], together[48 * 16], alone[16];
        ops.mlp(&packed.rule, p, 48, hidden, together);
        for (int i = 0; i < 48; i++) {
            ops.mlp(&packed.rule, p + i * 48, 1, hidden, alone);
            assert_memory_equal(alone, together + (size_t)i * 16, sizeof alone);
        }
        free(p);
        free_rule(&packed);
    }
}

static void check_nan_passes(const nca_cpu_ops *ops)
{
    packed_rule packed = pack_rule(16, 128, ops->panel);
    float p[48] = {0}, hidden[128 + SLACK], out[16];
    p[5] = NAN;
    ops->mlp(&packed.rule, p, 1, hidden, out);
    assert_true(isnan(out[0]) && isnan(out[15]));
    free_rule(&packed);
}

static void test_nan_passes_through_the_network(void **state)
{
    (void)state;
    nca_cpu_ops ops = fill_ops(NULL, 16, 128);
    check_nan_passes(&ops);
    for (const variant *v = variants; v->name; v++) {
        ops = fill_ops(v, 16, 128);
        check_nan_passes(&ops);
    }
}

int main(void)
{
#if defined(__x86_64__)
    if (!nca_cpu_has_avx512())
        variants[VARIANTS - 1] = variants[VARIANTS];
#endif
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fire_bits_are_equal),
        cmocka_unit_test(test_fire_rate_is_what_was_asked),
        cmocka_unit_test(test_noise_is_equal),
        cmocka_unit_test(test_dilate_is_equal),
        cmocka_unit_test(test_perceive_matches_scalar),
        cmocka_unit_test(test_perceive_backward_is_the_transpose),
        cmocka_unit_test(test_network_matches_scalar),
        cmocka_unit_test(test_network_of_every_width_matches_scalar),
        cmocka_unit_test(test_any_network_equals_that_of_sixteen_channels),
        cmocka_unit_test(test_network_is_independent_of_grouping),
        cmocka_unit_test(test_nan_passes_through_the_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
