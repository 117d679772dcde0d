// Precisions below f32 on the CPU: the definition of bf16 against the processor's own instructions,
// and every kernel against its definition, bit for bit. Where the processor lacks AVX-512, AVX-512
// BF16 or AMX, the kernels run by a stand-in for its instructions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cpu/bf16.h"
#include "cpu/cpu.h"
#include "verify/cases.h"

void nca_cpu_fill_avx512bf16_by_stand_in(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_amx_by_stand_in(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_amx_bf16x3_by_stand_in(nca_cpu_ops *ops, const nca_spec *spec);
NCA_CPU_ROUNDING(by_simde);

typedef void fill_of(nca_cpu_ops *ops, const nca_spec *spec);

// -- One instruction ------------------------------------------------------------------------------

// Numbers of every kind: any bits, near one, near the least and the greatest, and special ones.
static uint32_t draw_bits(uint32_t sample, uint32_t number)
{
    static const uint32_t special[] = {0,          0x7f800000, 0x7fc00000, 0x7f810000,
                                       0x00010000, 0x007f0000, 0x00800000, 0x3f800000,
                                       0x7f7f0000, 0x00000001, 0x007fffff, 0x00800001};
    static const uint32_t least[] = {0, 112, 124, 60, 0, 250}, spread[] = {256, 24, 6, 8, 6, 6};
    uint32_t drawn[4];
    nca_random_words((nca_key){.seed = 17}, NCA_RANDOM_TEST, sample, 0, number, drawn);
    const uint32_t kind = drawn[1] % 7, sign = drawn[0] & 0x80000000u;
    if (kind == 6)
        return sign | special[drawn[2] % (sizeof special / sizeof *special)];
    return sign | (least[kind] + drawn[2] % spread[kind]) << 23 | (drawn[0] & 0x7fffffu);
}

static bool is_nan(uint32_t bits)
{
    return (bits & 0x7fffffffu) > 0x7f800000u;
}

// A NaN's other bits are nobody's business.
static bool is_equal(uint32_t got, uint32_t expected)
{
    return got == expected || (is_nan(got) && is_nan(expected));
}

static void test_rounding_by_hand(void **state)
{
    (void)state;
    static const struct {
        uint32_t from, to;
    } rows[] = {
        {0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f808001, 0x3f81}, {0x3f818000, 0x3f82},
        {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80}, {0x7f800001, 0x7fc0},
        {0x007fffff, 0x0000}, {0x80000001, 0x8000}, {0x00800000, 0x0080}, {0xbf818000, 0xbf82},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(nca_bf16_round(nca_bf16_float_of(rows[i].from)), rows[i].to);
}

static void test_dot_by_hand(void **state)
{
    (void)state;
    const uint32_t one = 0x3f803f80u, halves = 0x3f003f00u, least = 0x00800080u;
    assert_true(nca_bf16_dot(3, one, halves) == 4);
    // The odd product comes first: 2^24 + 1 is 2^24, and 1 more again; in the other order as well,
    // but 1 - 2^24 + 2^24 tells which was lost.
    const uint32_t large = nca_bf16_word(0x1p24f, -0x1p24f), units = nca_bf16_word(1, 1);
    assert_true(nca_bf16_dot(1.5f, large, units) == 2);    // -2^24 + 1.5 is -2^24 + 2
    assert_true(nca_bf16_dot(0, least, halves) == 0);      // half the least number is none
    assert_true(nca_bf16_dot(0x1p-149f, one, 0) == 0);     // neither is a subnormal sum
    assert_true(nca_bf16_dot(1, 0x007f007fu, one) == 1);   // nor a subnormal factor
    assert_true(nca_bf16_dot(0x1p-126f, least, halves) == 0x1p-125f);
}

// In tiles the sum of 2^24 and many ones is not lost: they are added up among themselves first.
static void test_tile_dot_by_hand(void **state)
{
    (void)state;
    uint32_t a[NCA_BF16_TILE_PAIRS], b[NCA_BF16_TILE_PAIRS];
    for (int k = 0; k < NCA_BF16_TILE_PAIRS; k++)
        a[k] = b[k] = nca_bf16_word(1, 1);
    float one_by_one = 0x1p24f;
    for (int k = 0; k < NCA_BF16_TILE_PAIRS; k++)
        one_by_one = nca_bf16_dot(one_by_one, a[k], b[k]);
    assert_true(one_by_one == 0x1p24f);
    assert_true(nca_bf16_tile_dot(0x1p24f, a, b) == 0x1p24f + 32);
}

#if defined(__x86_64__)
#include <immintrin.h>

#define ON_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

ON_BF16 static void dot_by_processor(const uint32_t *sum, const uint32_t *a, const uint32_t *b,
                                     uint32_t *out)
{
    const __m512 result = _mm512_dpbf16_ps(_mm512_loadu_ps(sum), (__m512bh)_mm512_loadu_si512(a),
                                           (__m512bh)_mm512_loadu_si512(b));
    _mm512_storeu_ps(out, result);
}

ON_BF16 static void round_by_processor(const uint32_t *x, const uint32_t *y, uint16_t *out)
{
    _mm512_storeu_si512(out, (__m512i)_mm512_cvtne2ps_pbh(_mm512_loadu_ps(y), _mm512_loadu_ps(x)));
}

static uint32_t draw_word(uint32_t sample, uint32_t number)
{
    return draw_bits(sample, 2 * number) >> 16 | (draw_bits(sample, 2 * number + 1) & 0xffff0000u);
}

static void test_processor_gives_what_is_defined(void **state)
{
    (void)state;
    enum { RESULTS = 10000000, LANES = 16 };
    if (!nca_cpu_has_avx512bf16())
        skip();
    for (uint32_t first = 0; first < RESULTS; first += LANES) {
        uint32_t sum[LANES], a[LANES], b[LANES], got[LANES];
        uint16_t rounded[2 * LANES];
        for (uint32_t i = 0; i < LANES; i++) {
            sum[i] = draw_bits(0, first + i);
            a[i] = draw_word(1, first + i);
            b[i] = draw_word(2, first + i);
        }
        dot_by_processor(sum, a, b, got);
        round_by_processor(sum, a, rounded);
        for (int i = 0; i < LANES; i++) {
            const float expected = nca_bf16_dot(nca_bf16_float_of(sum[i]), a[i], b[i]);
            if (!is_equal(got[i], nca_bf16_bits_of(expected)))
                fail_msg("%08x + %08x . %08x: the processor has %08x, the definition %08x", sum[i],
                         a[i], b[i], got[i], nca_bf16_bits_of(expected));
            assert_int_equal(rounded[i], nca_bf16_round(nca_bf16_float_of(sum[i])));
            assert_int_equal(rounded[LANES + i], nca_bf16_round(nca_bf16_float_of(a[i])));
        }
    }
}

// What LDTILECFG reads.
typedef struct tile_shapes {
    uint8_t palette, start_row, reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} tile_shapes;

enum { EDGE = NCA_BF16_TILE_PAIRS };   // of a tile, in rows and words
typedef uint32_t tile[EDGE][EDGE];

__attribute__((target("amx-tile,amx-bf16"))) static void
tile_dot_by_processor(const tile a, const tile b, tile sums)
{
    enum { ROW = sizeof(uint32_t) * EDGE };
    const tile_shapes shapes = {
        .palette = 1, .row_bytes = {ROW, ROW, ROW}, .rows = {EDGE, EDGE, EDGE}};
    // gcc 12 does not know that these two read memory.
    __asm__ volatile("" ::: "memory");
    _tile_loadconfig(&shapes);
    _tile_loadd(0, sums, ROW);
    _tile_loadd(1, a, ROW);
    _tile_loadd(2, b, ROW);
    _tile_dpbf16ps(0, 1, 2);
    _tile_stored(0, sums, ROW);
    _tile_release();
}

// Row m of a by column n of b, whose words are pairs of rows.
static uint32_t defined_tile_dot(uint32_t sum, const tile a, const tile b, int m, int n)
{
    uint32_t column[EDGE];
    for (int k = 0; k < EDGE; k++)
        column[k] = b[k][n];
    return nca_bf16_bits_of(nca_bf16_tile_dot(nca_bf16_float_of(sum), a[m], column));
}

// One word in `share` is of any bits, the others of numbers near one: among many of any bits nearly
// every sum is a NaN.
static uint32_t draw_word_of_tile(uint32_t sample, uint32_t number, uint32_t share)
{
    const uint32_t drawn = draw_word(sample, number);
    return number % share == 0 ? drawn : (drawn & 0x83ff83ffu) | 0x3c003c00u;
}

static void test_tiles_give_what_is_defined(void **state)
{
    (void)state;
    enum { TILES = 10000000 / (EDGE * EDGE) + 1 };
    static const uint32_t shares[] = {1, 1u << 31, 5, 64, 700};
    if (!nca_cpu_has_amx())
        skip();
    for (uint32_t t = 0; t < TILES; t++) {
        tile a, b, sums, got;
        for (uint32_t i = 0; i < EDGE * EDGE; i++) {
            const uint32_t number = t * EDGE * EDGE + i, share = shares[t % 5];
            a[i / EDGE][i % EDGE] = draw_word_of_tile(3, number, share);
            b[i / EDGE][i % EDGE] = draw_word_of_tile(4, number, share);
            sums[i / EDGE][i % EDGE] = number % 3 ? draw_bits(5, number) : 0;
        }
        memcpy(got, sums, sizeof got);
        tile_dot_by_processor(a, b, got);
        for (int m = 0; m < EDGE; m++)
            for (int n = 0; n < EDGE; n++) {
                const uint32_t expected = defined_tile_dot(sums[m][n], a, b, m, n);
                if (!is_equal(got[m][n], expected))
                    fail_msg("tile %u, sum %d,%d from %08x: the processor has %08x, the "
                             "definition %08x",
                             t, m, n, sums[m][n], got[m][n], expected);
            }
    }
}
#else
static void test_processor_gives_what_is_defined(void **state)
{
    (void)state;
    skip();
}

static void test_tiles_give_what_is_defined(void **state)
{
    (void)state;
    skip();
}
#endif

// -- The network ----------------------------------------------------------------------------------

typedef struct variant {
    const char *name;
    fill_of *definition, *fill;
    bool (*is_supported)(void);
} variant;

// A row for each precision of `rounding`.
// clang-format off
#define ROUNDED(precision, width, kernels, is_supported)                        \
    {#precision " rounded, " width, nca_cpu_fill_rounding_##precision##_scalar, \
     nca_cpu_fill_rounding_##precision##_##kernels, is_supported}
#define ROUNDING(width, kernels, is_supported)     \
    ROUNDED(bf16, width, kernels, is_supported),   \
    ROUNDED(tf32, width, kernels, is_supported),   \
    ROUNDED(bf16x3, width, kernels, is_supported)
// clang-format on

static const variant variants[] = {
#if defined(NCA_TEST_BF16)
    ROUNDING("AVX-512 by SIMDe", by_simde, nca_cpu_has_avx2),
    {"avx512bf16 by a stand-in", nca_cpu_fill_bf16_scalar, nca_cpu_fill_avx512bf16_by_stand_in,
     nca_cpu_has_avx2},
    {"amx by a stand-in", nca_cpu_fill_bf16_amx_scalar, nca_cpu_fill_amx_by_stand_in,
     nca_cpu_has_avx2},
    {"amx in bf16x3 by a stand-in", nca_cpu_fill_bf16x3_scalar, nca_cpu_fill_amx_bf16x3_by_stand_in,
     nca_cpu_has_avx2},
#endif
#if defined(__x86_64__)
    {"avx512bf16", nca_cpu_fill_bf16_scalar, nca_cpu_fill_avx512bf16, nca_cpu_has_avx512bf16},
    {"amx", nca_cpu_fill_bf16_amx_scalar, nca_cpu_fill_amx, nca_cpu_has_amx},
    {"amx in bf16x3", nca_cpu_fill_bf16x3_scalar, nca_cpu_fill_amx_bf16x3, nca_cpu_has_amx},
    ROUNDING("AVX2", avx2, nca_cpu_has_avx2),
    ROUNDING("AVX-512", avx512, nca_cpu_has_avx512),
#endif
    {NULL, NULL, NULL, NULL},
};

static float *uniform(size_t count, uint32_t sample)
{
    const nca_key key = {.seed = 5};
    float *x = calloc(count + 16, sizeof *x);
    assert_non_null(x);
    for (size_t i = 0; i < count; i++)
        x[i] = (float)nca_random_uniform(key, NCA_RANDOM_TEST, sample, 0, (uint32_t)i) * 2 - 1;
    return x;
}

// What the network gives, forward and backward, in one array: out, dp, sums.
static float *run_network(fill_of *fill, const nca_spec *spec, int count, size_t *size)
{
    const nca_layout layout = nca_layout_of(spec);
    const size_t n = (size_t)count, inputs = n * (size_t)nca_spec_inputs(spec);
    const size_t outputs = n * (size_t)nca_spec_outputs(spec);
    const size_t units =
        NCA_CPU_PARTS * (nca_cpu_padded(nca_spec_inputs(spec)) + nca_cpu_padded(spec->hidden[0]) +
                         nca_cpu_padded(spec->hidden[1]));
    const int last = nca_spec_last_hidden(spec);
    float *at = uniform(layout.total, 6), *p = uniform(inputs, 7), *dout = uniform(outputs, 8);
    float *hidden = uniform(NCA_CPU_CHUNK * units, 10),
          *dhidden = uniform(NCA_CPU_CHUNK * units, 11);
    uint32_t *words = calloc(nca_cpu_layer_words(nca_spec_inputs(spec), spec->hidden[0]) +
                                 nca_cpu_layer_words(spec->hidden[0], spec->hidden[1]) +
                                 nca_cpu_layer_words(last, nca_spec_outputs(spec)),
                             NCA_CPU_PARTS * sizeof *words);
    nca_cpu_rule rule = {.inputs = nca_spec_inputs(spec),
                         .hidden = spec->hidden[0],
                         .hidden2 = spec->hidden[1],
                         .outputs = nca_spec_outputs(spec),
                         .hidden_weight = at,
                         .hidden_bias = at + layout.offset[NCA_HIDDEN_BIAS],
                         .hidden2_weight = at + layout.offset[NCA_HIDDEN2_WEIGHT],
                         .hidden2_bias = at + layout.offset[NCA_HIDDEN2_BIAS],
                         .output_weight = at + layout.offset[NCA_OUTPUT_WEIGHT],
                         .output_bias = at + layout.offset[NCA_OUTPUT_BIAS],
                         .words = words};
    *size = inputs + outputs + layout.total;
    float *all = uniform(*size, 9), *out = all, *dp = out + outputs, *sums = dp + inputs;
    const nca_cpu_gradient gradient = {
        .hidden_columns = sums,
        .hidden_bias = sums + layout.offset[NCA_HIDDEN_BIAS],
        .output_weight = sums + layout.offset[NCA_OUTPUT_WEIGHT],
        .output_bias = sums + layout.offset[NCA_OUTPUT_BIAS],
        .hidden2_weight = sums + layout.offset[NCA_HIDDEN2_WEIGHT],
        .hidden2_bias = sums + layout.offset[NCA_HIDDEN2_BIAS],
    };
    const nca_cpu_chunk cells = {
        .count = count, .p = p, .hidden = hidden, .dout = dout, .dhidden = dhidden, .dp = dp};
    nca_cpu_ops ops;
    nca_cpu_fill_scalar(&ops, spec);
    fill(&ops, spec);
    if (ops.rule_pack)
        ops.rule_pack(&rule);
    ops.mlp(&rule, p, count, hidden, out);
    ops.mlp_hidden(&rule, p, count, hidden);
    ops.mlp_backward(&rule, &cells, &gradient);
    free(at), free(p), free(dout), free(hidden), free(dhidden), free(words);
    return all;
}

static void check_network(const nca_spec *spec)
{
    static const int counts[] = {1, 2, 3, 8, 13, 24, 47, 48};
    for (const variant *v = variants; v->name; v++)
        for (size_t i = 0; v->is_supported() && i < sizeof counts / sizeof *counts; i++) {
            size_t size;
            float *expected = run_network(v->definition, spec, counts[i], &size);
            float *got = run_network(v->fill, spec, counts[i], &size);
            for (size_t k = 0; k < size; k++)
                if (!is_equal(nca_bf16_bits_of(got[k]), nca_bf16_bits_of(expected[k])))
                    fail_msg("%s, %d inputs, %d and %d hidden, %d cells: number %zu is %g, not %g",
                             v->name, nca_spec_inputs(spec), spec->hidden[0], spec->hidden[1],
                             counts[i], k, got[k], expected[k]);
            free(expected), free(got);
        }
}

// Of rules of many sizes: odd ones, parts of vectors, one and two layers.
static void test_network_equals_its_definition(void **state)
{
    (void)state;
    check_network(&(nca_spec)NCA_GROWING(16, 128));
    check_network(
        &(nca_spec){.channels = 20, .perception = NCA_MOORE, .hidden = {80, 80}, .frozen = 1});
    for (int width = 4; width <= 76; width += 9) {
        check_network(&(nca_spec){.channels = 4 + width % 16, .hidden = {width, 80 - width}});
        check_network(&(nca_spec){.channels = width, .hidden = {5}, .frozen = width / 8});
    }
}

// Fails where a sum of products is off by more than the allowed part of the sum of their sizes.
static void check_sum(float sum, const float *a, const float *b, int depth, double allowed)
{
    double exact = 0, sizes = 0;
    for (int k = 0; k < depth; k++) {
        exact += (double)a[k] * b[k];
        sizes += fabs((double)a[k] * b[k]);
    }
    assert_true(fabs(sum - exact) <= allowed * sizes);
}

// With u = 2^-8, the largest error of rounding to bf16 beside the number itself, a product of two
// rounded factors is off by 2u + u^2 of its size, and a sum by that of the sum of its terms' sizes;
// the rest is f32's own rounding of each partial sum.
static void test_product_is_within_its_allowance(void **state)
{
    (void)state;
    enum { DEPTH = 128, SUMS = 2000 };
    const double u = 0x1p-8, allowed = 2 * u + u * u + DEPTH * 0x1p-24;
    for (uint32_t s = 0; s < SUMS; s++) {
        float *a = uniform(DEPTH, 2 * s), *b = uniform(DEPTH, 2 * s + 1), sum = 0;
        for (int k = 0; k < DEPTH; k += 2)
            sum = nca_bf16_dot(sum, nca_bf16_word(a[k], a[k + 1]), nca_bf16_word(b[k], b[k + 1]));
        check_sum(sum, a, b, DEPTH, allowed);
        free(a), free(b);
    }
}

// In two parts a number is off by at most u^2 of its size: once in each factor of a product, and
// once in the product of the low parts, which is left out. A sum has three times as many terms to
// round.
static void test_product_in_parts_is_within_its_allowance(void **state)
{
    (void)state;
    enum { TILES = 4, PAIRS = NCA_BF16_TILE_PAIRS, DEPTH = TILES * 2 * PAIRS, SUMS = 2000 };
    const double u = 0x1p-8,
                 allowed = u * u * (2 + u * u + (1 + u) * (1 + u)) + 3 * DEPTH * 0x1p-24;
    for (uint32_t s = 0; s < SUMS; s++) {
        float *a = uniform(DEPTH, 2 * s), *b = uniform(DEPTH, 2 * s + 1), sum = 0;
        for (int first = 0; first < DEPTH; first += 2 * PAIRS) {
            uint32_t high[2][PAIRS], low[2][PAIRS];
            for (int k = 0, at = first; k < PAIRS; k++, at += 2) {
                high[0][k] = nca_bf16_word(a[at], a[at + 1]);
                high[1][k] = nca_bf16_word(b[at], b[at + 1]);
                low[0][k] = nca_bf16_word(nca_bf16_rest(a[at]), nca_bf16_rest(a[at + 1]));
                low[1][k] = nca_bf16_word(nca_bf16_rest(b[at]), nca_bf16_rest(b[at + 1]));
            }
            sum = nca_bf16_tile_dot(sum, high[0], low[1]);
            sum = nca_bf16_tile_dot(sum, high[0], high[1]);
            sum = nca_bf16_tile_dot(sum, low[0], high[1]);
        }
        check_sum(sum, a, b, DEPTH, allowed);
        free(a), free(b);
    }
}

static void test_parts_by_hand(void **state)
{
    (void)state;
    assert_true(nca_bf16_rest(1) == 0);
    assert_true(nca_bf16_rest(0x1.01p0f) == 0x1p-8f);                   // a tie goes down to 1
    assert_true(nca_bf16_rest(0x1.03p0f) == -0x1p-8f);                  // and up to 1 + 2^-6
    assert_true(nca_bf16_rest(-0x1.000002p0f) == -0x1p-23f);            // nothing is lost
    assert_true(nca_bf16_rest(0x1p-127f) == 0x1p-127f);                 // whose bf16 is zero
    assert_true(isnan(nca_bf16_rest(nca_bf16_float_of(0x7f800000))));   // so it is noticed
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding_by_hand),
        cmocka_unit_test(test_dot_by_hand),
        cmocka_unit_test(test_tile_dot_by_hand),
        cmocka_unit_test(test_processor_gives_what_is_defined),
        cmocka_unit_test(test_tiles_give_what_is_defined),
        cmocka_unit_test(test_network_equals_its_definition),
        cmocka_unit_test(test_product_is_within_its_allowance),
        cmocka_unit_test(test_product_in_parts_is_within_its_allowance),
        cmocka_unit_test(test_parts_by_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
