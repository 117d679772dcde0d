// The article's published rules: bytes become the weights they stand for and back, anything else is
// refused.
#define _GNU_SOURCE   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <float.h>
#include <math.h>

#include "nca/model.h"
#include "scratch.h"

// Base64 by its definition, apart from the importer's.
static void encode(const uint8_t *bytes, size_t count, char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < count; i += 3) {
        const size_t left = count - i;
        const unsigned group =
            bytes[i] << 16 | (left > 1 ? bytes[i + 1] : 0) << 8 | (left > 2 ? bytes[i + 2] : 0);
        *text++ = digits[group >> 18];
        *text++ = digits[group >> 12 & 63];
        *text++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *text++ = left > 2 ? digits[group & 63] : '=';
    }
    *text = 0;
}

typedef struct json_layer {
    const char *inputs, *outputs, *weight_scale, *bias_scale, *type, *data;
} json_layer;

static void write_layer(char *to, size_t room, const json_layer *layer)
{
    snprintf(to, room,
             "{\"in_ch\": %s, \"out_ch\": %s, \"weight_scale\": %s, \"bias_scale\": %s, "
             "\"type\": %s, \"data_b64\": \"%s\"}",
             layer->inputs, layer->outputs, layer->weight_scale, layer->bias_scale, layer->type,
             layer->data);
}

static nca_status import(const json_layer *first, const json_layer *second, nca_model *out,
                         nca_error *error)
{
    char a[1000], b[1000], text[2100];
    write_layer(a, sizeof a, first);
    write_layer(b, sizeof b, second);
    snprintf(text, sizeof text, "[%s,\n%s]\n", a, b);
    scratch_write("rule.json", text, strlen(text));
    return nca_model_import(scratch("rule.json"), out, error);
}

// C = 4, K = 8: layers 12 -> 8 and 8 -> 4, whose bytes count up.
static char first_data[200], second_data[100];
static const json_layer first_right = {"12", "8", "2.5", "-0.5", "\"uint8\"", first_data};
static const json_layer second_right = {"8", "4", "1", "10", "\"uint8\"", second_data};

static int make_data(void **state)
{
    uint8_t bytes[13 * 8];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    encode(bytes, 13 * 8, first_data);
    encode(bytes, 9 * 4, second_data);
    return scratch_setup(state);
}

static double value_of(size_t index, double scale)
{
    return ((uint8_t)(index * 7) / 255.0 - 0.5) * scale;
}

static void test_bytes_become_weights_and_biases(void **state)
{
    (void)state;
    nca_model model;
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(4, 8));
    assert_int_equal(import(&first_right, &second_right, &model, NULL), NCA_OK);
    assert_int_equal(model.spec.channels, 4);
    assert_int_equal(model.spec.hidden[0], 8);
    assert_string_equal(model.name, "rule.json");
    for (size_t k = 0; k < 8; k++) {
        for (size_t i = 0; i < 12; i++)
            assert_true(model.parameters[k * 12 + i] == (float)value_of(i * 8 + k, 2.5));
        assert_true(model.parameters[layout.offset[1] + k] == (float)value_of(12 * 8 + k, -0.5));
    }
    for (size_t c = 0; c < 4; c++) {
        for (size_t k = 0; k < 8; k++)
            assert_true(model.parameters[layout.offset[2] + c * 8 + k] ==
                        (float)value_of(k * 4 + c, 1));
        assert_true(model.parameters[layout.offset[3] + c] == (float)value_of(8 * 4 + c, 10));
    }
    nca_model_free(&model);
}

// The other kind that the article's notebook writes: what it computes with, scales of 1.
static void test_floats_are_taken_as_they_are(void **state)
{
    (void)state;
    static char text[2][600];
    float numbers[13 * 8];
    json_layer layers[2] = {{"12", "8", "1", "1.0", "\"float32\"", text[0]},
                            {"8", "4", "1", "1", "\"float32\"", text[1]}};
    const nca_layout layout = nca_layout_of(&(nca_spec)NCA_GROWING(4, 8));
    nca_model model;
    for (size_t i = 0; i < 13 * 8; i++)
        numbers[i] = (float)sin((double)i) / 3;
    encode((const uint8_t *)numbers, sizeof numbers, text[0]);
    encode((const uint8_t *)numbers, 9 * 4 * sizeof *numbers, text[1]);
    assert_int_equal(import(&layers[0], &layers[1], &model, NULL), NCA_OK);
    for (size_t k = 0; k < 8; k++) {
        for (size_t i = 0; i < 12; i++)
            assert_true(model.parameters[k * 12 + i] == numbers[i * 8 + k]);
        assert_true(model.parameters[layout.offset[1] + k] == numbers[12 * 8 + k]);
    }
    for (size_t c = 0; c < 4; c++)
        assert_true(model.parameters[layout.offset[3] + c] == numbers[8 * 4 + c]);
    nca_model_free(&model);
    nca_error error = {0};
    layers[0].weight_scale = "2";
    assert_int_equal(import(&layers[0], &layers[1], &model, &error), NCA_FORMAT);
    assert_non_null(strstr(error.message, "scales that are not 1"));
    layers[0].weight_scale = "1";
    numbers[7] = INFINITY;
    encode((const uint8_t *)numbers, sizeof numbers, text[0]);
    assert_int_equal(import(&layers[0], &layers[1], &model, &error), NCA_FORMAT);
    assert_non_null(strstr(error.message, "not finite"));
}

static void test_a_mark_in_front_is_no_part_of_the_text(void **state)
{
    (void)state;
    char a[1000], b[1000], text[2100];
    nca_model model;
    nca_error error = {0};
    write_layer(a, sizeof a, &first_right);
    write_layer(b, sizeof b, &second_right);
    snprintf(text, sizeof text, "\xef\xbb\xbf[%s,%s]", a, b);
    scratch_write("rule.json", text, strlen(text));
    assert_int_equal(nca_model_import(scratch("rule.json"), &model, NULL), NCA_OK);
    nca_model_free(&model);
    scratch_write("rule.json", "\xff\xfe[\0", 4);
    assert_int_equal(nca_model_import(scratch("rule.json"), &model, &error), NCA_FORMAT);
    assert_non_null(strstr(error.message, "text in UTF-16; save it as UTF-8"));
}

static void expect_refused(const json_layer *first, const json_layer *second, const char *words)
{
    nca_model model = {.spec = {.hidden = {77}}};
    nca_error error = {0};
    assert_int_equal(import(first, second, &model, &error), NCA_FORMAT);
    if (!strstr(error.message, words))
        fail_msg("says: %s", error.message);
    assert_int_equal(model.spec.hidden[0], 77);
}

static void test_a_layer_with_a_wrong_field_is_refused(void **state)
{
    (void)state;
    static const char *const sizes[] = {"0", "-4", "3", "4097", "12.0", "\"12\"", "null", "1e9"};
    static const char *const scales[] = {"\"2\"", "null", "1e7", "[]", "true"};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        json_layer wrong = first_right;
        wrong.inputs = sizes[i];
        expect_refused(&wrong, &second_right, "layer 1 is not one");
        wrong = second_right;
        wrong.outputs = sizes[i];
        expect_refused(&first_right, &wrong, "layer 2 is not one");
    }
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        json_layer wrong = first_right;
        wrong.weight_scale = scales[i];
        expect_refused(&wrong, &second_right, "layer 1 is not one");
        wrong = first_right;
        wrong.bias_scale = scales[i];
        expect_refused(&wrong, &second_right, "layer 1 is not one");
    }
    json_layer wrong = first_right;
    wrong.type = "\"int8\"";
    expect_refused(&wrong, &second_right, "layer 1 is of type \"int8\"");
    wrong.type = "8";
    expect_refused(&wrong, &second_right, "layer 1 is not one");
}

static void test_data_of_another_length_or_alphabet_is_refused(void **state)
{
    (void)state;
    char data[300];
    json_layer wrong = first_right;
    wrong.data = data;
    strcpy(data, "");
    expect_refused(&wrong, &second_right, "does not hold 104 bytes");
    snprintf(data, sizeof data, "%sAAAA", first_data);
    expect_refused(&wrong, &second_right, "does not hold 104 bytes");
    snprintf(data, sizeof data, "%.*s", (int)strlen(first_data) - 4, first_data);
    expect_refused(&wrong, &second_right, "does not hold 104 bytes");
    snprintf(data, sizeof data, "%s", first_data);
    data[5] = '-';
    expect_refused(&wrong, &second_right, "does not hold 104 bytes");
    data[5] = '=';
    expect_refused(&wrong, &second_right, "does not hold 104 bytes");
    data[5] = ' ';
    expect_refused(&wrong, &second_right, "does not hold 104 bytes");
}

static void test_layers_that_do_not_fit_together_are_refused(void **state)
{
    (void)state;
    static char data[400];
    uint8_t bytes[17 * 16] = {0};
    json_layer other = second_right;
    other.data = data;
    encode(bytes, 13 * 4, data);
    other.inputs = "12";
    expect_refused(&first_right, &other, "12 -> 8 and 12 -> 4");
    encode(bytes, 9 * 8, data);
    other.inputs = "8";
    other.outputs = "8";
    expect_refused(&first_right, &other, "12 -> 8 and 8 -> 8");
    json_layer odd_first = first_right, odd_second = second_right;
    static char odd_data[400];
    encode(bytes, 13 * 6, odd_data);
    odd_first.outputs = "6";
    odd_first.data = odd_data;
    encode(bytes, 7 * 4, data);
    odd_second.inputs = "6";
    odd_second.data = data;
    expect_refused(&odd_first, &odd_second, "12 -> 6 and 6 -> 4");
}

static void test_other_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } bad[] = {
        {"", "not JSON"},
        {"[", "not JSON"},
        {"[{}, {}", "not JSON"},
        {"[{}, {}] x", "not JSON"},
        {"[{\"a\": 1, \"a\": 2}, {}]", "not JSON"},
        {"{}", "array of two layers"},
        {"[]", "array of two layers"},
        {"[{}]", "array of two layers"},
        {"[{}, {}, {}]", "array of two layers"},
        {"[1, 2]", "layer 1"},
        {"[{}, {}]", "layer 1"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nca_model model = {.spec = {.hidden = {77}}};
        nca_error error = {0};
        scratch_write("bad.json", bad[i].text, strlen(bad[i].text));
        assert_int_equal(nca_model_import(scratch("bad.json"), &model, &error), NCA_FORMAT);
        if (!strstr(error.message, bad[i].words))
            fail_msg("%s: says %s", bad[i].text, error.message);
        assert_int_equal(model.spec.hidden[0], 77);
    }
}

static void test_what_is_no_file_is_refused(void **state)
{
    (void)state;
    nca_model model;
    assert_int_equal(nca_model_import(scratch("missing"), &model, NULL), NCA_FILE);
    assert_int_equal(nca_model_import("/dev/zero", &model, NULL), NCA_FILE);
    scratch_write("giant.json", "[", 1);
    assert_int_equal(truncate(scratch("giant.json"), 100000000), 0);
    assert_int_equal(nca_model_import(scratch("giant.json"), &model, NULL), NCA_FORMAT);
}

// A rule of small numbers, none of them equal.
static nca_model make_rule(void)
{
    nca_model rule;
    assert_int_equal(nca_model_create(&(nca_spec)NCA_GROWING(4, 8), &rule, NULL), NCA_OK);
    const nca_layout layout = nca_layout_of(&rule.spec);
    for (size_t i = 0; i < layout.total; i++)
        rule.parameters[i] = (float)sin((double)i) / 3;
    return rule;
}

static nca_model publish_and_import(const nca_model *rule, bool as_bytes)
{
    nca_model again;
    assert_int_equal(nca_model_publish(rule, as_bytes, scratch("out.json"), NULL), NCA_OK);
    assert_int_equal(nca_model_import(scratch("out.json"), &again, NULL), NCA_OK);
    assert_int_equal(again.spec.channels, rule->spec.channels);
    assert_int_equal(again.spec.hidden[0], rule->spec.hidden[0]);
    return again;
}

static void test_floats_come_back_as_they_were(void **state)
{
    (void)state;
    nca_model rule = make_rule(), again = publish_and_import(&rule, false);
    assert_memory_equal(again.parameters, rule.parameters,
                        nca_layout_of(&rule.spec).total * sizeof(float));
    nca_model_free(&again);
    nca_model_free(&rule);
}

// Of 255 steps from the largest weight to its negative, the nearest is half a step away at most.
static void test_bytes_are_the_nearest_and_stay_the_same(void **state)
{
    (void)state;
    nca_model rule = make_rule(), once = publish_and_import(&rule, true);
    nca_model twice = publish_and_import(&once, true);
    for (size_t i = 0; i < nca_layout_of(&rule.spec).total; i++) {
        assert_true(fabsf(once.parameters[i] - rule.parameters[i]) <= 1.0001f / 3 / 255);
        assert_true(fabsf(twice.parameters[i] - once.parameters[i]) < 1e-7f);
    }
    nca_model_free(&twice);
    nca_model_free(&once);
    memset(rule.parameters, 0, nca_layout_of(&rule.spec).total * sizeof(float));
    once = publish_and_import(&rule, true);
    for (size_t i = 0; i < nca_layout_of(&rule.spec).total; i++)
        assert_true(once.parameters[i] == 0);
    nca_model_free(&once);
    nca_model_free(&rule);
}

// What the first layer makes of a cell's two gradients, and the output layer of a hidden unit.
static void test_angle_and_step_size_go_into_the_weights(void **state)
{
    (void)state;
    nca_model rule = make_rule();
    const nca_layout layout = nca_layout_of(&rule.spec);
    rule.angle = 30;
    rule.step_size = 0.7;
    nca_model again = publish_and_import(&rule, false);
    const double c = sqrt(0.75), s = 0.5, gx = 0.4, gy = -0.9;
    for (size_t k = 0; k < 8; k++) {
        const float *turned = rule.parameters + k * 12, *folded = again.parameters + k * 12;
        for (size_t i = 0; i < 4; i++) {
            const double asked =
                turned[4 + i] * (c * gx - s * gy) + turned[8 + i] * (s * gx + c * gy);
            assert_true(folded[i] == turned[i]);
            assert_true(fabs(folded[4 + i] * gx + folded[8 + i] * gy - asked) < 1e-7);
        }
    }
    for (size_t i = layout.offset[NCA_OUTPUT_WEIGHT]; i < layout.total; i++)
        assert_true(fabs(again.parameters[i] - 0.7 * rule.parameters[i]) < 1e-7);
    nca_model_free(&again);
    nca_model_free(&rule);
}

static void test_what_the_format_has_no_place_for_is_refused(void **state)
{
    (void)state;
    static const struct {
        nca_spec spec;
        const char *says;
    } cases[] = {
        {{4, NCA_MOORE, {8, 0}, 0, NCA_ALIVE_MAXIMUM, 0, 0, 0}, "perception"},
        {{4, NCA_SOBEL, {8, 0}, 0, NCA_ALIVE_EVERYWHERE, 0, 0, 0}, "alive mask"},
        {{4, NCA_SOBEL, {8, 0}, 1, NCA_ALIVE_MAXIMUM, 0, 0, 0}, "frozen"},
        {{4, NCA_SOBEL, {8, 0}, 0, NCA_ALIVE_MAXIMUM, 0, 0.02, 0}, "noise"},
        {{4, NCA_SOBEL, {8, 0}, 0, NCA_ALIVE_MAXIMUM, 0, 0, 3}, "matrix"},
        {{4, NCA_SOBEL, {8, 8}, 0, NCA_ALIVE_MAXIMUM, 0, 0, 0}, "second hidden layer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nca_model rule;
        nca_error error = {0};
        assert_int_equal(nca_model_create(&cases[i].spec, &rule, NULL), NCA_OK);
        assert_int_equal(nca_model_publish(&rule, false, scratch("refused.json"), &error),
                         NCA_ARGUMENT);
        assert_non_null(strstr(error.message, cases[i].says));
        assert_int_not_equal(access(scratch("refused.json"), F_OK), 0);
        nca_model_free(&rule);
    }
}

static void test_numbers_that_no_import_takes_are_refused(void **state)
{
    (void)state;
    nca_model rule = make_rule();
    nca_error error = {0};
    nca_model again;
    rule.parameters[0] = 499999;
    again = publish_and_import(&rule, true);
    assert_true(fabsf(again.parameters[0] - rule.parameters[0]) < 1);
    nca_model_free(&again);
    rule.parameters[0] = 500000;
    assert_int_equal(nca_model_publish(&rule, true, scratch("large.json"), &error), NCA_ARGUMENT);
    assert_string_equal(error.message,
                        "its hidden.weight holds 500000 once angle and step size are folded in, "
                        "too large for uint8; choose --numbers float32");
    again = publish_and_import(&rule, false);
    assert_true(again.parameters[0] == 500000);
    nca_model_free(&again);
    rule.parameters[nca_layout_of(&rule.spec).offset[NCA_OUTPUT_BIAS]] = FLT_MAX;
    rule.step_size = 2;
    assert_int_equal(nca_model_publish(&rule, false, scratch("large.json"), &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "its output.bias holds inf"));
    assert_non_null(strstr(error.message, "too large for float32; choose another format"));
    assert_int_not_equal(access(scratch("large.json"), F_OK), 0);
    nca_model_free(&rule);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_become_weights_and_biases),
        cmocka_unit_test(test_floats_are_taken_as_they_are),
        cmocka_unit_test(test_a_mark_in_front_is_no_part_of_the_text),
        cmocka_unit_test(test_a_layer_with_a_wrong_field_is_refused),
        cmocka_unit_test(test_data_of_another_length_or_alphabet_is_refused),
        cmocka_unit_test(test_layers_that_do_not_fit_together_are_refused),
        cmocka_unit_test(test_other_json_is_refused),
        cmocka_unit_test(test_what_is_no_file_is_refused),
        cmocka_unit_test(test_floats_come_back_as_they_were),
        cmocka_unit_test(test_bytes_are_the_nearest_and_stay_the_same),
        cmocka_unit_test(test_angle_and_step_size_go_into_the_weights),
        cmocka_unit_test(test_what_the_format_has_no_place_for_is_refused),
        cmocka_unit_test(test_numbers_that_no_import_takes_are_refused),
    };
    return cmocka_run_group_tests(tests, make_data, scratch_teardown);
}
