// NCA_CPU_ISA=rounding: how a factor is rounded, and each product of the network against its own
// rounded factors in f64.
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
#include "cpu/rounding.h"
#include "verify/cases.h"

typedef float rounded_of(float x);

typedef struct precision {
    rounded_of *round;
    double error;   // of a rounded number beside the number, at most
    void (*fill[3])(nca_cpu_ops *ops, const nca_spec *spec);   // AVX2, AVX-512
} precision;

// clang-format off
#if defined(__x86_64__)
#define KERNELS(name) {nca_cpu_fill_rounding_##name##_avx2, nca_cpu_fill_rounding_##name##_avx512}
#else
#define KERNELS(name) {NULL}
#endif
// clang-format on
static const precision precisions[] = {
    {nca_rounded_bf16, 0x1p-8, KERNELS(bf16)},
    {nca_rounded_tf32, 0x1p-11, KERNELS(tf32)},
    {nca_rounded_bf16x3, 0x1p-16, KERNELS(bf16x3)},
};
enum { PRECISIONS = sizeof precisions / sizeof *precisions };

// -- One number -----------------------------------------------------------------------------------

static uint32_t round_bits(rounded_of *round, uint32_t bits)
{
    return nca_bf16_bits_of(round(nca_bf16_float_of(bits)));
}

static void test_ties_by_hand(void **state)
{
    (void)state;
    static const struct {
        rounded_of *round;
        uint32_t from, to;
    } rows[] = {
        {nca_rounded_bf16, 0x3f808000, 0x3f800000},   // a tie, to even: down
        {nca_rounded_bf16, 0x3f818000, 0x3f820000},   // up
        {nca_rounded_bf16, 0x3f808001, 0x3f810000},
        {nca_rounded_bf16, 0x00018000, 0x00020000},   // a subnormal is kept
        {nca_rounded_bf16, 0x7f7fffff, 0x7f800000},
        {nca_rounded_bf16, 0xff800000, 0xff800000},
        {nca_rounded_tf32, 0x3f801000, 0x3f802000},   // a tie, away from zero
        {nca_rounded_tf32, 0xbf801000, 0xbf802000},
        {nca_rounded_tf32, 0x3f800fff, 0x3f800000},
        {nca_rounded_tf32, 0x7f7fffff, 0x7f800000},
        {nca_rounded_tf32, 0xff800000, 0xff800000},
        {nca_rounded_bf16x3, 0x3f808000, 0x3f808000},   // 1 + 2^-8: the low part has the tie
        {nca_rounded_bf16x3, 0x3f800001, 0x3f800001},   // 1 + 2^-23 as well
        {nca_rounded_bf16x3, 0x3f804001, 0x3f804000},   // 1 + 2^-9 + 2^-23: the last is lost
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(round_bits(rows[i].round, rows[i].from), rows[i].to);
}

static void test_what_is_no_number_is_noticed(void **state)
{
    (void)state;
    static const uint32_t nans[] = {0x7f800001, 0x7fc00000, 0x7fffffff, 0xffffffff};
    for (int p = 0; p < PRECISIONS; p++)
        for (int i = 0; i < 4; i++)
            assert_true(isnan(precisions[p].round(nca_bf16_float_of(nans[i]))));
    assert_true(isnan(nca_rounded_bf16x3(INFINITY)));
}

// Of any bits, from 2^-100 on: the low part of a number near the least one has fewer bits.
static float draw_number(uint32_t number)
{
    uint32_t drawn[4];
    nca_random_words((nca_key){.seed = 17}, NCA_RANDOM_TEST, 0, 0, number, drawn);
    return nca_bf16_float_of((drawn[0] & 0x807fffffu) | (27 + drawn[1] % 226) << 23);
}

static void test_error_is_within_its_allowance(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        const float x = draw_number(i);
        assert_int_equal(nca_bf16_bits_of(nca_rounded_bf16(x)), (uint32_t)nca_bf16_round(x) << 16);
        for (int p = 0; p < PRECISIONS; p++) {
            const float rounded = precisions[p].round(x);
            assert_true(fabs((double)rounded - x) <= precisions[p].error * fabs((double)x));
            assert_true(precisions[p].round(rounded) == rounded);
        }
    }
}

// -- The network ----------------------------------------------------------------------------------

// One factor of a product: number k is at[k * step].
typedef struct factor {
    const float *at;
    int step;
} factor;

// A sum in f64, and by how much f32's may be off: each of its additions by 2^-24 of what is there.
typedef struct interval {
    double sum, off;
} interval;

static interval sum_of(float start, factor a, factor b, int depth)
{
    double sum = start, sizes = fabs((double)start);
    for (int k = 0; k < depth; k++) {
        const double product = (double)a.at[k * a.step] * b.at[k * b.step];
        sum += product;
        sizes += fabs(product);
    }
    return (interval){sum, (depth + 2) * 0x1p-24 * sizes};
}

static void check_sum(float got, interval expected)
{
    assert_true(fabs(got - expected.sum) <= expected.off);
}

// Of what is rounded when it has been summed: rounding keeps the order of numbers.
static void check_rounded(rounded_of *round, float got, interval expected)
{
    assert_true(round((float)(expected.sum - expected.off)) <= got);
    assert_true(got <= round((float)(expected.sum + expected.off)));
}

enum { COUNT = 13, INPUTS = 48, HIDDEN = 40, OUTPUTS = 16, SLACK = 16 };

// The parameters of a rule, its cells, and what the network makes of them; mlp_rounding_simd.h says
// what is where in scratch. Allocated, for the kernels keep floats in `words`.
typedef struct pass {
    float hidden_weight[HIDDEN][INPUTS], hidden_bias[HIDDEN];
    float output_weight[OUTPUTS][HIDDEN], output_bias[OUTPUTS];
    uint32_t words[NCA_CPU_PARTS * 2 * 64 * 65];
    float p[COUNT][INPUTS], dout[COUNT][OUTPUTS];
    struct {
        float p[COUNT][INPUTS], units[COUNT][HIDDEN], slack[SLACK];
    } hidden;
    struct {
        float dout[COUNT][OUTPUTS], units[COUNT][HIDDEN], slack[SLACK];
    } dhidden;
    float out[COUNT][OUTPUTS], dp[COUNT][INPUTS];
    float hidden_columns[INPUTS][HIDDEN], hidden_bias_sum[HIDDEN];
    float output_weight_sum[OUTPUTS][HIDDEN], output_bias_sum[OUTPUTS];
} pass;

static void fill_uniform(float *x, size_t count, uint32_t sample)
{
    for (size_t i = 0; i < count; i++)
        x[i] = (float)nca_random_uniform((nca_key){.seed = 5}, NCA_RANDOM_TEST, sample, 0,
                                         (uint32_t)i) *
                   2 -
               1;
}

static nca_cpu_rule go_through(const nca_cpu_ops *ops, pass *at)
{
    nca_cpu_rule rule = {.inputs = INPUTS,
                         .hidden = HIDDEN,
                         .outputs = OUTPUTS,
                         .hidden_weight = *at->hidden_weight,
                         .hidden_bias = at->hidden_bias,
                         .output_weight = *at->output_weight,
                         .output_bias = at->output_bias,
                         .words = at->words};
    const nca_cpu_chunk cells = {.count = COUNT,
                                 .p = *at->p,
                                 .hidden = *at->hidden.p,
                                 .dout = *at->dout,
                                 .dhidden = *at->dhidden.dout,
                                 .dp = *at->dp};
    const nca_cpu_gradient sums = {.hidden_columns = *at->hidden_columns,
                                   .hidden_bias = at->hidden_bias_sum,
                                   .output_weight = *at->output_weight_sum,
                                   .output_bias = at->output_bias_sum};
    fill_uniform(*at->hidden_weight, HIDDEN * INPUTS, 0);
    fill_uniform(at->hidden_bias, HIDDEN, 1);
    fill_uniform(*at->output_weight, OUTPUTS * HIDDEN, 2);
    fill_uniform(at->output_bias, OUTPUTS, 3);
    fill_uniform(*at->p, COUNT * INPUTS, 4);
    fill_uniform(*at->dout, COUNT * OUTPUTS, 5);
    ops->rule_pack(&rule);
    ops->mlp(&rule, *at->p, COUNT, *at->hidden.p, *at->out);
    ops->mlp_hidden(&rule, *at->p, COUNT, *at->hidden.p);
    ops->mlp_backward(&rule, &cells, &sums);
    return rule;
}

static void check_factors(rounded_of *round, const float *rounded, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(rounded[i] == round(from[i]));
}

static void check_cell(rounded_of *round, const nca_cpu_rule *rule, const pass *at, int i)
{
    const float *const dunits = at->dhidden.units[i];
    for (int j = 0; j < HIDDEN; j++) {
        const interval unit = sum_of(at->hidden_bias[j], (factor){at->hidden.p[i], 1},
                                     (factor){rule->hidden_weight + j * INPUTS, 1}, INPUTS);
        if (unit.sum < -unit.off)
            assert_true(at->hidden.units[i][j] == 0);
        else if (unit.sum > unit.off)
            check_rounded(round, at->hidden.units[i][j], unit);
        if (at->hidden.units[i][j] > 0)
            check_rounded(round, dunits[j],
                          sum_of(0, (factor){at->dhidden.dout[i], 1},
                                 (factor){rule->output_weight + j, HIDDEN}, OUTPUTS));
        else
            assert_true(dunits[j] == 0);
    }
    for (int o = 0; o < OUTPUTS; o++)
        check_sum(at->out[i][o], sum_of(at->output_bias[o], (factor){at->hidden.units[i], 1},
                                        (factor){rule->output_weight + o * HIDDEN, 1}, HIDDEN));
    for (int k = 0; k < INPUTS; k++)
        check_sum(at->dp[i][k], sum_of(0, (factor){dunits, 1},
                                       (factor){rule->hidden_weight + k, INPUTS}, HIDDEN));
}

// Those of weights take rounded factors; those of biases what has not been rounded.
static void check_gradients(const nca_cpu_rule *rule, const pass *at)
{
    static const float one = 1;
    for (int j = 0; j < HIDDEN; j++) {
        interval bias = {0, 0};
        for (int k = 0; k < INPUTS; k++)
            check_sum(at->hidden_columns[k][j],
                      sum_of(0, (factor){at->hidden.p[0] + k, INPUTS},
                             (factor){at->dhidden.units[0] + j, HIDDEN}, COUNT));
        for (int o = 0; o < OUTPUTS; o++)
            check_sum(at->output_weight_sum[o][j],
                      sum_of(0, (factor){at->dhidden.dout[0] + o, OUTPUTS},
                             (factor){at->hidden.units[0] + j, HIDDEN}, COUNT));
        for (int i = 0; i < COUNT; i++)
            if (at->hidden.units[i][j] > 0) {
                const interval unit = sum_of(0, (factor){at->dhidden.dout[i], 1},
                                             (factor){rule->output_weight + j, HIDDEN}, OUTPUTS);
                bias.sum += unit.sum;
                bias.off += unit.off + COUNT * 0x1p-24 * (fabs(unit.sum) + unit.off);
            }
        check_sum(at->hidden_bias_sum[j], bias);
    }
    for (int o = 0; o < OUTPUTS; o++)
        check_sum(at->output_bias_sum[o],
                  sum_of(0, (factor){at->dout[0] + o, OUTPUTS}, (factor){&one, 0}, COUNT));
}

static void test_products_of_rounded_factors(void **state)
{
    (void)state;
    const nca_spec spec = NCA_GROWING(16, HIDDEN);
    int checked = 0;
    for (int p = 0; p < PRECISIONS; p++)
        for (int k = 0; precisions[p].fill[k]; k++) {
#if defined(__x86_64__)
            if (!(k == 0 ? nca_cpu_has_avx2() : nca_cpu_has_avx512()))
                continue;
#endif
            nca_cpu_ops ops;
            pass *at = calloc(1, sizeof *at);
            assert_non_null(at);
            nca_cpu_fill_scalar(&ops, &spec);
            precisions[p].fill[k](&ops, &spec);
            const nca_cpu_rule rule = go_through(&ops, at);
            rounded_of *round = precisions[p].round;
            check_factors(round, rule.hidden_weight, *at->hidden_weight, HIDDEN * INPUTS);
            check_factors(round, rule.output_weight, *at->output_weight, OUTPUTS * HIDDEN);
            check_factors(round, *at->hidden.p, *at->p, COUNT * INPUTS);
            check_factors(round, *at->dhidden.dout, *at->dout, COUNT * OUTPUTS);
            for (int i = 0; i < COUNT; i++)
                check_cell(round, &rule, at, i);
            check_gradients(&rule, at);
            free(at);
            checked++;
        }
    if (checked == 0)
        skip();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ties_by_hand),
        cmocka_unit_test(test_what_is_no_number_is_noticed),
        cmocka_unit_test(test_error_is_within_its_allowance),
        cmocka_unit_test(test_products_of_rounded_factors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
