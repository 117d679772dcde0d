// config.json: what is written reads back bit for bit, and what is wrong is refused by name.
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

#include "cli/options.h"
#include "config/config_json.h"

static nca_status read_text(const char *text, nca_config *config, nca_error *error)
{
    return nca_config_from_json(text, strlen(text), "x.json", config, error);
}

static void expect_refused(const char *text, const char *message)
{
    nca_config config = nca_config_default();
    const nca_config before = config;
    nca_error error = {0};
    assert_int_equal(read_text(text, &config, &error), NCA_FORMAT);
    assert_string_equal(error.message, message);
    assert_memory_equal(&config, &before, sizeof config);   // nothing half read
}

static void expect_round_trip(const nca_config *config)
{
    nca_config back = nca_config_default();
    char *text;
    assert_int_equal(nca_config_to_json(config, &text, NULL), NCA_OK);
    assert_int_equal(read_text(text, &back, NULL), NCA_OK);
    assert_null(nca_config_difference(config, &back));
    assert_string_equal(config->preset, back.preset);
    assert_int_equal(config->updates, back.updates);
    assert_int_equal(config->checkpoint_every, back.checkpoint_every);
    free(text);
}

static void test_what_is_written_reads_back_bit_for_bit(void **state)
{
    (void)state;
    static const double rates[] = {
        0.1, 1.0 / 3, 2e-3, 1, 0, 9.9999999999999982, 0x1.fffffffffffffp-7, DBL_MIN, DBL_TRUE_MIN};
    nca_config config = nca_config_default();
    expect_round_trip(&config);
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        config.rate = rates[i];
        expect_round_trip(&config);
    }
    config.seed = NCA_SEED_MAX;
    config.trim = true;
    config.epsilon = 1e-30;
    strcpy(config.target, "a \"quoted\\\" \n name \U0001f98e.png");
    memset(config.font, 'f', NCA_TEXT_BYTES - 1);
    config.font[NCA_TEXT_BYTES - 1] = 0;
    expect_round_trip(&config);
}

static void test_numbers_are_written_as_short_as_they_can(void **state)
{
    (void)state;
    const nca_config config = nca_config_default();
    char *text;
    assert_int_equal(nca_config_to_json(&config, &text, NULL), NCA_OK);
    assert_non_null(strstr(text, "\"rate\": 0.002,"));
    assert_non_null(strstr(text, "\"step_size\": 1.0,"));
    assert_non_null(strstr(text, "\"epsilon\": 1e-07,"));
    assert_non_null(strstr(text, "\"batch\": 8,"));
    assert_non_null(strstr(text, "\"trim\": false,"));
    free(text);
}

static void test_what_json_cannot_hold_is_not_written(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    nca_error error;
    char *text = NULL;
    strcpy(config.target, "\xff.png");
    assert_int_equal(nca_config_to_json(&config, &text, &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "--target \xff.png: not UTF-8"));
    config = nca_config_default();
    config.angle = NAN;
    assert_int_equal(nca_config_to_json(&config, &text, &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "--angle: not a finite number"));
    assert_null(text);
}

static void test_only_what_is_named_changes(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    config.pool = 77;
    assert_int_equal(
        read_text("{\"batch\": 4, \"rate\": 1, \"trim\": true, \"grid\": \"56\"}", &config, NULL),
        NCA_OK);
    assert_int_equal(config.batch, 4);
    assert_true(config.rate == 1);
    assert_true(config.trim);
    assert_string_equal(config.grid, "56");
    assert_int_equal(config.pool, 77);
    assert_int_equal(read_text("{}", &config, NULL), NCA_OK);
}

static void test_wrong_keys_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"batchh\": 8}",
                   "x.json: \"batchh\": no such setting; did you mean \"batch\"?");
    expect_refused("{\"steps-min\": 8}",
                   "x.json: \"steps-min\": no such setting; did you mean \"steps_min\"?");
    expect_refused("{\"\": 8}", "x.json: \"\": no such setting; see nca train --help");
    expect_refused("{\"threads\": 2}",
                   "x.json: \"threads\": no such setting; see nca train --help");
}

static void test_wrong_types_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"batch\": \"8\"}", "x.json: \"batch\" must be a number");
    expect_refused("{\"batch\": null}", "x.json: \"batch\" must be a number");
    expect_refused("{\"batch\": 8.0}", "x.json: \"batch\" must be a whole number");
    expect_refused("{\"rate\": [1]}", "x.json: \"rate\" must be a number");
    expect_refused("{\"trim\": 1}", "x.json: \"trim\" must be true or false");
    expect_refused("{\"font\": 3}", "x.json: \"font\" must be a text of up to 1023 bytes");
    expect_refused("{\"grid\": 56}", "x.json: \"grid\" must be a text of 1 to 1023 bytes");
    expect_refused("{\"preset\": \"\"}", "x.json: \"preset\" must be a text of 1 to 1023 bytes");
    char text[2048] = "{\"font\": \"";
    memset(text + 10, 'f', NCA_TEXT_BYTES);
    strcpy(text + 10 + NCA_TEXT_BYTES, "\"}");
    expect_refused(text, "x.json: \"font\" must be a text of up to 1023 bytes");
}

#define TOO_SMALL ": too small to be told from 0; write 0 or a larger number"

static void test_numbers_out_of_range_are_refused(void **state)
{
    (void)state;
    expect_refused("{\"batch\": 0}", "x.json: \"batch\" must be 1 to 4096");
    expect_refused("{\"rate\": -1e-9}", "x.json: \"rate\" must be 0 to 10");
    expect_refused("{\"rate\": 11}", "x.json: \"rate\" must be 0 to 10");
    expect_refused("{\n\"target\": \"1e-999\\\"1e-999\", \"rate\": 1e-400}",
                   "x.json: line 2: 1e-400" TOO_SMALL);
    expect_refused("{\"rate\": 0.0001E-400}", "x.json: line 1: 0.0001E-400" TOO_SMALL);
    expect_refused("{\"rate\": -10e-999}", "x.json: line 1: -10e-999" TOO_SMALL);
    expect_refused("{\"seed\": -1}", "x.json: \"seed\" must be 0 to 9000000000000000000");
}

static void test_zeros_of_every_form_are_zero(void **state)
{
    (void)state;
    static const char *const zeros[] = {"0", "0.0", "-0.0", "0e5", "0.000E-999", "0.0e+99"};
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++) {
        nca_config config = nca_config_default();
        char text[64];
        snprintf(text, sizeof text, "{\"target\": \"1e-999\", \"rate\": %s}", zeros[i]);
        assert_int_equal(read_text(text, &config, NULL), NCA_OK);
        assert_true(config.rate == 0);
    }
}

// What to do is what helps against what is wrong.
static void expect_way_out(const char *text, const char *way_out)
{
    nca_config config = nca_config_default();
    nca_error error = {0};
    assert_int_equal(read_text(text, &config, &error), NCA_FORMAT);
    if (!strstr(error.message, way_out))
        fail_msg("says %s", error.message);
}

static void test_each_error_has_its_way_out(void **state)
{
    (void)state;
    expect_way_out("{\"seed\": 99999999999999999999}", "; write a smaller number");
    expect_way_out("{\"rate\": 1e999}", "; write a smaller number");
    expect_way_out("{\"batch\": 8, \"batch\": 4}", "; leave one of them out");
    expect_way_out("{\"target\": \"\xff\"}", "; save it as UTF-8");
    expect_way_out("{\"batch\": 8", "; it must be a whole JSON object");
    expect_way_out("{\"batch\": 08}", "; correct it there");
}

static void test_a_later_error_undoes_what_was_read(void **state)
{
    (void)state;
    expect_refused("{\"batch\": 4, \"pool\": -1}", "x.json: \"pool\" must be 0 to 1048576");
}

// The parser's own words are its own; the file's name and the refusal are ours.
static void test_hostile_json_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "{",
        "{\"batch\"",
        "{\"batch\": 8",
        "{\"batch\": 8}}",
        "{\"batch\": 8, }",
        "[1]",
        "8",
        "null",
        "\"batch\"",
        "{\"batch\": 8, \"batch\": 4}",
        "{\"rate\": NaN}",
        "{\"rate\": Infinity}",
        "{\"rate\": 1e999}",
        "{\"seed\": 9223372036854775808}",
        "{\"batch\": 0x8}",
        "{\"batch\": 08}",
        "{'batch': 8}",
        "{\"target\": \"\\u0000\"}",
        "{\"target\": \"\xff\"}",
        "{\"target\": \"\\ud800\"}",
        "\xef\xbb\xbf{}",
        "{}{}",
        "// no comments\n{}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nca_config config = nca_config_default();
        nca_error error = {0};
        assert_int_equal(read_text(bad[i], &config, &error), NCA_FORMAT);
        assert_memory_equal(error.message, "x.json: ", 8);
    }
}

static void test_depth_does_not_exhaust_the_stack(void **state)
{
    (void)state;
    enum { DEPTH = 500000 };
    char *text = malloc(DEPTH + 16);
    nca_config config = nca_config_default();
    memcpy(text, "{\"batch\":", 9);
    memset(text + 9, '[', DEPTH);
    assert_int_equal(nca_config_from_json(text, 9 + DEPTH, "x.json", &config, NULL), NCA_FORMAT);
    free(text);
}

static void test_zero_bytes_are_refused(void **state)
{
    (void)state;
    static const char text[] = "{\"batch\"\0: 8}";
    nca_config config = nca_config_default();
    assert_int_equal(nca_config_from_json(text, sizeof text - 1, "x.json", &config, NULL),
                     NCA_FORMAT);
}

static void test_files_that_are_none_are_refused(void **state)
{
    (void)state;
    nca_config config = nca_config_default();
    nca_error error;
    assert_int_equal(nca_config_read("/nonexistent/x.json", &config, &error), NCA_FILE);
    assert_non_null(strstr(error.message, "/nonexistent/x.json: "));
    assert_int_equal(nca_config_read("/", &config, &error), NCA_FILE);
    assert_int_not_equal(nca_config_read("/dev/zero", &config, &error), NCA_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_written_reads_back_bit_for_bit),
        cmocka_unit_test(test_numbers_are_written_as_short_as_they_can),
        cmocka_unit_test(test_what_json_cannot_hold_is_not_written),
        cmocka_unit_test(test_only_what_is_named_changes),
        cmocka_unit_test(test_wrong_keys_are_refused),
        cmocka_unit_test(test_wrong_types_are_refused),
        cmocka_unit_test(test_numbers_out_of_range_are_refused),
        cmocka_unit_test(test_zeros_of_every_form_are_zero),
        cmocka_unit_test(test_each_error_has_its_way_out),
        cmocka_unit_test(test_a_later_error_undoes_what_was_read),
        cmocka_unit_test(test_hostile_json_is_refused),
        cmocka_unit_test(test_depth_does_not_exhaust_the_stack),
        cmocka_unit_test(test_zero_bytes_are_refused),
        cmocka_unit_test(test_files_that_are_none_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
