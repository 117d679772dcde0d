// The rule as a file: what is saved loads to the same numbers; what is no rule is refused whole.
#define _GNU_SOURCE   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <math.h>

#include "model/safetensors.h"
#include "nca/model.h"
#include "scratch.h"

static nca_model make(int channels, int hidden)
{
    nca_model model;
    assert_int_equal(nca_model_create(&(nca_spec)NCA_GROWING(channels, hidden), &model, NULL),
                     NCA_OK);
    nca_model_initialize(&model, 7);
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(channels, hidden));
    for (size_t i = layout.size[0]; i < layout.total; i++)
        model.parameters[i] = (float)i / 3;
    model.fire_rate = 0.25;
    model.angle = -12.5;
    model.step_size = 1.0 / 3;
    model.grid_height = 40;
    model.grid_width = 50;
    snprintf(model.name, sizeof model.name, "%s", "a rule");
    return model;
}

static void test_the_layout_is_that_of_the_header(void **state)
{
    (void)state;
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(16, 128));
    assert_int_equal(layout.total, 8336);   // RECIPES: 48 x 128 + 128 + 128 x 16 + 16
    assert_int_equal(layout.offset[NCA_HIDDEN_WEIGHT], 0);
    assert_int_equal(layout.offset[NCA_HIDDEN_BIAS], 6144);
    assert_int_equal(layout.offset[NCA_OUTPUT_WEIGHT], 6272);
    assert_int_equal(layout.offset[NCA_OUTPUT_BIAS], 8320);
}

// Glorot uniform, +-sqrt(6 / 176), and zeros.
static void test_a_rule_starts_as_the_recipe_says(void **state)
{
    (void)state;
    nca_model model, same, other;
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(16, 128));
    assert_int_equal(nca_model_create(&(nca_spec)NCA_GROWING(16, 128), &model, NULL), NCA_OK);
    assert_int_equal(nca_model_create(&(nca_spec)NCA_GROWING(16, 128), &same, NULL), NCA_OK);
    assert_int_equal(nca_model_create(&(nca_spec)NCA_GROWING(16, 128), &other, NULL), NCA_OK);
    model.parameters[layout.total - 1] = 3;
    nca_model_initialize(&model, 1);
    nca_model_initialize(&same, 1);
    nca_model_initialize(&other, 2);
    const double limit = sqrt(6.0 / 176);
    double sum = 0, squares = 0, largest = 0;
    for (size_t i = 0; i < layout.size[0]; i++) {
        const double x = model.parameters[i];
        sum += x;
        squares += x * x;
        largest = fmax(largest, fabs(x));
    }
    const double n = (double)layout.size[0];
    assert_true(largest <= limit && largest > 0.999 * limit);
    assert_true(fabs(sum / n) < 4 * limit / sqrt(3 * n));   // four standard errors of the mean
    assert_true(fabs(squares / n / (limit * limit / 3) - 1) < 0.05);
    for (size_t i = layout.size[0]; i < layout.total; i++)
        assert_true(model.parameters[i] == 0);
    assert_memory_equal(model.parameters, same.parameters, layout.total * sizeof(float));
    assert_memory_not_equal(model.parameters, other.parameters, layout.total * sizeof(float));
    nca_model_free(&model);
    nca_model_free(&same);
    nca_model_free(&other);
}

// Otherwise no gradient would reach the first layer.
static void test_a_second_hidden_layer_starts_random(void **state)
{
    (void)state;
    const nca_spec spec = {.channels = 8, .hidden = {16, 24}};
    const nca_layout layout = nca_layout_of(&spec);
    nca_model model;
    assert_int_equal(nca_model_create(&spec, &model, NULL), NCA_OK);
    nca_model_initialize(&model, 1);
    const float *second = model.parameters + layout.offset[NCA_HIDDEN2_WEIGHT];
    double largest = 0;
    for (size_t i = 0; i < layout.size[NCA_HIDDEN2_WEIGHT]; i++)
        largest = fmax(largest, fabs((double)second[i]));
    assert_true(largest <= sqrt(6.0 / 40) && largest > 0.95 * sqrt(6.0 / 40));
    assert_memory_not_equal(model.parameters, second, 16 * sizeof(float));
    nca_model_free(&model);
}

static void expect_same(const nca_model *a, const nca_model *b)
{
    const nca_layout layout = nca_layout_of(&a->spec);
    assert_int_equal(a->spec.channels, b->spec.channels);
    assert_int_equal(a->spec.hidden[0], b->spec.hidden[0]);
    assert_memory_equal(a->parameters, b->parameters, layout.total * sizeof(float));
    assert_true(a->fire_rate == b->fire_rate && a->angle == b->angle);
    assert_true(a->step_size == b->step_size);
    assert_int_equal(a->grid_height, b->grid_height);
    assert_int_equal(a->grid_width, b->grid_width);
}

static void test_every_spec_is_saved(void **state)
{
    (void)state;
    static const nca_spec specs[] = {
        {.channels = 8, .hidden = {12}, .perception = NCA_MOORE, .alive = NCA_ALIVE_EVERYWHERE},
        {.channels = 8, .hidden = {12, 4}, .perception = NCA_SUMMED, .noise = 0.02},
        {.channels = 20,
         .hidden = {12, 8},
         .frozen = 3,
         .alive = NCA_ALIVE_CHANNEL,
         .alive_channel = 2},
    };
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        nca_model model, back = {0};
        assert_int_equal(nca_model_create(&specs[i], &model, NULL), NCA_OK);
        nca_model_initialize(&model, 3);
        assert_int_equal(nca_model_save(&model, scratch("model.safetensors"), NULL), NCA_OK);
        assert_int_equal(nca_model_load(scratch("model.safetensors"), &back, NULL), NCA_OK);
        assert_memory_equal(&back.spec, &specs[i], sizeof back.spec);
        expect_same(&model, &back);
        nca_model_free(&model);
        nca_model_free(&back);
    }
}

static void test_what_is_saved_loads_the_same(void **state)
{
    (void)state;
    static const int sizes[][2] = {{4, 4}, {16, 128}, {20, 36}};
    for (size_t i = 0; i < 3; i++) {
        nca_model model = make(sizes[i][0], sizes[i][1]), back = {0};
        assert_int_equal(nca_model_save(&model, scratch("model.safetensors"), NULL), NCA_OK);
        assert_int_equal(nca_model_load(scratch("model.safetensors"), &back, NULL), NCA_OK);
        expect_same(&model, &back);
        assert_string_equal(back.name, "a rule");
        nca_model_free(&back);
        // The folder that holds it does as well.
        assert_int_equal(nca_model_load(scratch_folder, &back, NULL), NCA_OK);
        expect_same(&model, &back);
        nca_model_free(&back);
        nca_model_free(&model);
    }
}

static void test_a_name_cut_within_a_character_is_saved_without_it(void **state)
{
    (void)state;
    nca_model model = make(4, 4), back;
    snprintf(model.name, sizeof model.name, "%s", "\xF0\x9F\xA6\x8E x\xff y \xF0\x9F\xA6");
    assert_int_equal(nca_model_save(&model, scratch("name"), NULL), NCA_OK);
    assert_int_equal(nca_model_load(scratch("name"), &back, NULL), NCA_OK);
    assert_string_equal(back.name, "\xF0\x9F\xA6\x8E x y ");
    nca_model_free(&back);
    nca_model_free(&model);
}

// What a file of the four tensors can get wrong.
typedef struct file_variant {
    uint64_t shapes[NCA_TENSORS_OF_ONE_LAYER][2];
    nca_dtype dtype;
    const char *key, *value;   // metadata
    float first;               // parameter
    int left_out;              // tensor, or -1
} file_variant;

static nca_status load_variant(const file_variant *variant, nca_model *out, nca_error *error)
{
    static const char *const names[] = {"hidden.weight", "hidden.bias", "output.weight",
                                        "output.bias"};
    static float data[70000];
    nca_tensor tensor[NCA_TENSORS_OF_ONE_LAYER];
    int count = 0;
    data[0] = variant->first;
    for (int i = 0; i < NCA_TENSORS_OF_ONE_LAYER; i++)
        if (i != variant->left_out)
            tensor[count++] = (nca_tensor){.name = names[i],
                                           .dtype = variant->dtype,
                                           .axes = variant->shapes[i][1] ? 2 : 1,
                                           .shape = {variant->shapes[i][0], variant->shapes[i][1]},
                                           .data = data};
    const nca_metadata metadata[] = {{variant->key, variant->value}};
    assert_int_equal(nca_tensors_write(scratch("variant"), tensor, (size_t)count, metadata,
                                       variant->key ? 1 : 0, NULL),
                     NCA_OK);
    return nca_model_load(scratch("variant"), out, error);
}

#define RIGHT                                                                         \
    {                                                                                 \
        .shapes = {{8, 12}, {8, 0}, {4, 8}, {4, 0}}, .dtype = NCA_F32, .left_out = -1 \
    }

static void expect_refused(const file_variant *variant, const char *words)
{
    nca_model model = {.spec = {.hidden = {77}}};
    nca_error error = {0};
    assert_int_equal(load_variant(variant, &model, &error), NCA_FORMAT);
    if (!strstr(error.message, words))
        fail_msg("says: %s", error.message);
    assert_int_equal(model.spec.hidden[0], 77);   // untouched
}

static void test_settings_that_are_missing_have_defaults(void **state)
{
    (void)state;
    const file_variant variant = RIGHT;
    nca_model model;
    assert_int_equal(load_variant(&variant, &model, NULL), NCA_OK);
    assert_int_equal(model.spec.channels, 4);
    assert_int_equal(model.spec.hidden[0], 8);
    assert_true(model.fire_rate == 0.5 && model.angle == 0 && model.step_size == 1);
    assert_int_equal(model.grid_height, 0);
    assert_string_equal(model.name, "");
    nca_model_free(&model);
}

static void test_tensors_of_other_shapes_are_refused(void **state)
{
    (void)state;
    file_variant variant = RIGHT;
    for (int i = 0; i < NCA_TENSORS_OF_ONE_LAYER; i++) {
        variant.left_out = i;
        expect_refused(&variant, "has no tensor");
    }
    variant = (file_variant)RIGHT;
    variant.dtype = NCA_I32;
    expect_refused(&variant, "it must be F32 (or F16, BF16, F64) [");
    static const uint64_t wrong[][3] = {{0, 8, 13}, {0, 12, 12}, {1, 7, 0}, {1, 8, 1},
                                        {2, 8, 4},  {2, 4, 12},  {3, 8, 0}, {3, 4, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        variant = (file_variant)RIGHT;
        variant.shapes[wrong[i][0]][0] = wrong[i][1];
        variant.shapes[wrong[i][0]][1] = wrong[i][2];
        expect_refused(&variant, "it must be F32 (or F16, BF16, F64) [");
    }
}

static void test_sizes_that_cannot_run_are_refused(void **state)
{
    (void)state;
    const file_variant odd = {
        .shapes = {{6, 12}, {6, 0}, {4, 6}, {4, 0}}, .dtype = NCA_F32, .left_out = -1};
    const file_variant none = {
        .shapes = {{8, 12}, {8, 0}, {0, 8}, {0, 0}}, .dtype = NCA_F32, .left_out = -1};
    const file_variant many = {
        .shapes = {{4, 780}, {4, 0}, {260, 4}, {260, 0}}, .dtype = NCA_F32, .left_out = -1};
    const file_variant wide = {
        .shapes = {{4100, 12}, {4100, 0}, {4, 4100}, {4, 0}}, .dtype = NCA_F32, .left_out = -1};
    expect_refused(&odd, "4 channels and 6 hidden units");
    expect_refused(&none, "0 channels");
    expect_refused(&many, "260 channels");
    expect_refused(&wide, "4100 hidden units");
}

// A rule of halves or doubles is the same rule, whatever else lies in the file.
static void test_a_rule_of_other_floats_is_read(void **state)
{
    (void)state;
    static const nca_dtype dtypes[] = {NCA_F16, NCA_BF16, NCA_F64};
    for (size_t i = 0; i < sizeof dtypes / sizeof *dtypes; i++) {
        file_variant variant = RIGHT;
        nca_model model;
        variant.dtype = dtypes[i];
        assert_int_equal(load_variant(&variant, &model, NULL), NCA_OK);
        assert_int_equal(model.spec.hidden[0], 8);
        nca_model_free(&model);
    }
}

static void test_settings_out_of_range_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"fire_rate", "1.5"},     {"fire_rate", "-1"},       {"fire_rate", "nan"},
        {"fire_rate", ""},        {"fire_rate", "0.5x"},     {"angle_degrees", "361"},
        {"angle_degrees", "inf"}, {"step_size", "1e9"},      {"grid_height", "-1"},
        {"grid_height", "1e300"}, {"grid_width", "2000000"}, {"grid_width", "0x10p99"},
        {"fire_rate", "0"},       {"fire_rate", " 0.5"},     {"fire_rate", "0x1"},
        {"step_size", "0x1p0"},   {"angle_degrees", "\t9"},  {"perception", "hexagons"},
        {"perception", ""},       {"alive", "sometimes"},    {"noise", "-1"},
        {"frozen", "0.5"},        {"frozen", "256"},         {"alive_channel", "-1"},
        {"alive", "channel"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        file_variant variant = RIGHT;
        variant.key = wrong[i][0];
        variant.value = wrong[i][1];
        expect_refused(&variant, wrong[i][0]);
    }
    file_variant variant = RIGHT;
    variant.key = "grid_height";
    variant.value = "72.9";
    expect_refused(&variant, "whole cells");
}

static void test_a_ruined_rule_is_refused(void **state)
{
    (void)state;
    file_variant variant = RIGHT;
    variant.first = NAN;
    expect_refused(&variant, "not a finite number");
    variant.first = -INFINITY;
    expect_refused(&variant, "not a finite number");
}

static void test_what_is_no_model_is_refused(void **state)
{
    (void)state;
    nca_model model = {0};
    nca_error error;
    char longest[5000];
    assert_int_equal(nca_model_load(scratch("missing"), &model, &error), NCA_FILE);
    assert_int_equal(nca_model_load("/dev/null", &model, &error), NCA_FILE);
    mkdir(scratch("empty"), 0700);
    assert_int_equal(nca_model_load(scratch("empty"), &model, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "empty: a folder without a rule"));
    scratch_write("empty/config.json", "{}", 2);
    assert_int_equal(nca_model_load(scratch("empty"), &model, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "empty/model.safetensors: No such file; nca train"));
    memset(longest, '/', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_int_not_equal(nca_model_load(longest, &model, &error), NCA_OK);
    assert_null(model.parameters);
    nca_model_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_layout_is_that_of_the_header),
        cmocka_unit_test(test_a_rule_starts_as_the_recipe_says),
        cmocka_unit_test(test_a_second_hidden_layer_starts_random),
        cmocka_unit_test(test_every_spec_is_saved),
        cmocka_unit_test(test_what_is_saved_loads_the_same),
        cmocka_unit_test(test_a_name_cut_within_a_character_is_saved_without_it),
        cmocka_unit_test(test_settings_that_are_missing_have_defaults),
        cmocka_unit_test(test_tensors_of_other_shapes_are_refused),
        cmocka_unit_test(test_a_rule_of_other_floats_is_read),
        cmocka_unit_test(test_sizes_that_cannot_run_are_refused),
        cmocka_unit_test(test_settings_out_of_range_are_refused),
        cmocka_unit_test(test_a_ruined_rule_is_refused),
        cmocka_unit_test(test_what_is_no_model_is_refused),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
