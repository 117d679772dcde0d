// The command line: every form of an option, every way to get one wrong, and in which order presets
// and config files count.
#define _GNU_SOURCE   // fmemopen, mkstemp
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/nearest.h"
#include "cli/options.h"

typedef struct sample_options {
    int64_t count;
    double share;
    const char *output;
    bool loud;
    nca_option_list places;
} sample_options;

static const nca_option rows[] = {
    {"count", NCA_OPTION_INT, offsetof(sample_options, count), 1, 9, "N", "how many [3]", "Sample"},
    {"share", NCA_OPTION_REAL, offsetof(sample_options, share), 0, 1, "P", "how much [0.5]", NULL},
    {"output", NCA_OPTION_STRING, offsetof(sample_options, output), 0, 0, "FILE", "where", NULL},
    {"loud", NCA_OPTION_FLAG, offsetof(sample_options, loud), 0, 0, NULL, "says more", NULL},
    {"place", NCA_OPTION_LIST, offsetof(sample_options, places), 0, 0, "Y,X", "several", NULL},
    {0},
};

static const nca_command plain = {.name = "sample",
                                  .arguments = "MODEL [FILE]",
                                  .summary = "Does nothing",
                                  .options = rows,
                                  .arguments_min = 1,
                                  .arguments_max = 2};
static const nca_command with_config = {.name = "sample",
                                        .arguments = "",
                                        .summary = "Does nothing",
                                        .options = rows,
                                        .has_config = true};

enum { WORDS_MAX = 16 };

// What a command line, split at blanks, is parsed into.
typedef struct parsed {
    char line[512];
    sample_options options;
    nca_config config;
    nca_arguments arguments;
    nca_error error;
    nca_status status;
} parsed;

static void parse(const nca_command *command, const char *line, parsed *out)
{
    char *words[WORDS_MAX];
    int count = 0;
    bool done;
    *out = (parsed){.options = {.count = 3, .share = 0.5}};
    snprintf(out->line, sizeof out->line, "%s", line);
    for (char *word = strtok(out->line, " "); word && count < WORDS_MAX; word = strtok(NULL, " "))
        words[count++] = word;
    out->status = nca_options_parse(command, count, words, &out->options,
                                    command->has_config ? &out->config : NULL, &out->arguments,
                                    &done, &out->error);
    assert_false(done);
}

static void expect_refused(const nca_command *command, const char *line, const char *message)
{
    parsed got;
    parse(command, line, &got);
    assert_int_not_equal(got.status, NCA_OK);
    assert_string_equal(got.error.message, message);
}

static void test_every_form_of_an_option(void **state)
{
    (void)state;
    parsed got;
    parse(&plain, "a.nca --count 7 --share=0.25 --loud -o x --place 1,2 --place=-3,4 b", &got);
    assert_int_equal(got.status, NCA_OK);
    assert_int_equal(got.options.count, 7);
    assert_true(got.options.share == 0.25);
    assert_true(got.options.loud);
    assert_string_equal(got.options.output, "x");
    assert_int_equal(got.options.places.count, 2);
    assert_string_equal(got.options.places.item[1], "-3,4");
    assert_int_equal(got.arguments.count, 2);
    assert_string_equal(got.arguments.item[1], "b");
}

static void test_of_an_option_given_twice_the_last_one_counts(void **state)
{
    (void)state;
    parsed got;
    parse(&plain, "--count 7 --count 2 --loud --no-loud m", &got);
    assert_int_equal(got.status, NCA_OK);
    assert_int_equal(got.options.count, 2);
    assert_false(got.options.loud);
}

static void test_two_dashes_end_the_options(void **state)
{
    (void)state;
    parsed got;
    parse(&plain, "--count 2 -- --count -o", &got);
    assert_int_equal(got.status, NCA_OK);
    assert_string_equal(got.arguments.item[0], "--count");
    assert_string_equal(got.arguments.item[1], "-o");
}

static void test_wrong_numbers_are_named(void **state)
{
    (void)state;
    static const char *const refused[][2] = {
        {"0", "--count 0: must be 1 to 9"},
        {"-3", "--count -3: must be 1 to 9"},
        {"99999999999999999999", "--count 99999999999999999999: must be 1 to 9"},
        {"3.5", "--count 3.5: not a whole number; it must be 1 to 9"},
        {"3x", "--count 3x: not a whole number; it must be 1 to 9"},
        {"0x3", "--count 0x3: not a whole number; it must be 1 to 9"},
        {"1e0", "--count 1e0: not a whole number; it must be 1 to 9"},
        {"--", "--count: needs a value, N; write --count=-- where that is one"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char line[64];
        snprintf(line, sizeof line, "m --count %s", refused[i][0]);
        expect_refused(&plain, line, refused[i][1]);
    }
    expect_refused(&plain, "m --count=", "--count : not a whole number; it must be 1 to 9");
}

static void test_wrong_reals_are_named(void **state)
{
    (void)state;
    static const char *const words[] = {"nan",    "-nan",  "inf", "infinity", "x",
                                        "0x1p-1", "0.5.5", "1,5", "."};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char line[64], message[128];
        snprintf(line, sizeof line, "m --share %s", words[i]);
        snprintf(message, sizeof message, "--share %s: not a number; it must be 0 to 1", words[i]);
        expect_refused(&plain, line, message);
    }
    expect_refused(&plain, "m --share 1e999", "--share 1e999: must be 0 to 1");
    expect_refused(&plain, "m --share -0.1", "--share -0.1: must be 0 to 1");
}

static void test_wrong_options_suggest_the_nearest(void **state)
{
    (void)state;
    expect_refused(&plain, "m --cuont 3", "--cuont: no such option; did you mean --count?");
    expect_refused(&with_config, "--steps_mim 3",
                   "--steps_mim: no such option; did you mean --steps-min?");
    expect_refused(&plain, "m --no-luod", "--no-luod: no such option; did you mean --no-loud?");
    expect_refused(&plain, "m --zzzzzzzz", "--zzzzzzzz: no such option; see nca sample --help");
    expect_refused(&plain, "m --batch 3", "--batch: no such option; see nca sample --help");
    expect_refused(&plain, "m -x",
                   "-x: no such option; options begin with --, see nca sample --help");
    expect_refused(&plain, "m --no-count", "--no-count: no such option; did you mean --count?");
}

static void test_values_and_arguments_that_are_missing_or_too_many(void **state)
{
    (void)state;
    expect_refused(&plain, "m --output", "--output: needs a value, FILE");
    expect_refused(&plain, "m --output=", "--output: needs a value, FILE");
    expect_refused(&plain, "m --place=", "--place: needs a value, Y,X");
    expect_refused(&plain, "m --output --loud",
                   "--output: needs a value, FILE; write --output=--loud where that is one");
    expect_refused(&plain, "m --loud=yes", "--loud: takes no value; write --loud or --no-loud");
    expect_refused(&plain, "", "needs MODEL [FILE]; see nca sample --help");
    expect_refused(&plain, "a b c", "c: one argument too many, at most 2; see nca sample --help");
}

static void test_settings_are_options(void **state)
{
    (void)state;
    parsed got;
    parse(&with_config, "--steps-min 3 --steps_max=5 --trim --target x.png --count 2", &got);
    assert_int_equal(got.status, NCA_OK);
    assert_int_equal(got.config.steps_min, 3);
    assert_int_equal(got.config.steps_max, 5);
    assert_true(got.config.trim);
    assert_string_equal(got.config.target, "x.png");
    assert_int_equal(got.config.batch, 8);
    assert_int_equal(got.options.count, 2);
}

static void test_a_setting_is_empty_only_where_its_default_is(void **state)
{
    (void)state;
    parsed got;
    parse(&with_config, "--font= --background=", &got);
    assert_int_equal(got.status, NCA_OK);
    expect_refused(&with_config, "--target=", "--target: needs a value, FILE|EMOJI");
    expect_refused(&with_config, "--preset=", "--preset: needs a value, NAME");
    char line[1100];
    memset(line, 'x', sizeof line);
    memcpy(line, "--target=", 9);
    line[sizeof line - 1] = 0;
    char *words[] = {line};
    bool done;
    assert_int_equal(nca_options_parse(&with_config, 1, words, &got.options, &got.config,
                                       &got.arguments, &done, &got.error),
                     NCA_ARGUMENT);
    assert_string_equal(got.error.message, "--target: longer than 1023 bytes");
}

// The name of a file with this text; unlinked by the caller.
static void write_file(char path[64], const char *text)
{
    strcpy(path, "/tmp/nca-test-options-XXXXXX");
    const int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
}

static void test_preset_then_file_then_options_whatever_their_order(void **state)
{
    (void)state;
    static const char *const orders[] = {"--batch 5 --config %s --preset blog-regenerating",
                                         "--preset blog-regenerating --batch 5 --config %s",
                                         "--config %s --preset blog-regenerating --batch 5"};
    char path[64], line[128];
    write_file(path, "{\"batch\": 3, \"damaged\": 2}");
    for (size_t i = 0; i < 3; i++) {
        parsed got;
        snprintf(line, sizeof line, orders[i], path);
        parse(&with_config, line, &got);
        assert_int_equal(got.status, NCA_OK);
        assert_int_equal(got.config.batch, 5);         // of the options
        assert_int_equal(got.config.damaged, 2);       // of the file
        assert_int_equal(got.config.steps_min, 128);   // of the preset
        assert_string_equal(got.config.preset, "blog-regenerating");
    }
    unlink(path);
}

static void test_a_file_brings_its_preset_with_it(void **state)
{
    (void)state;
    char path[64], line[128];
    parsed got;
    write_file(path, "{\"preset\": \"growing\", \"batch\": 3}");
    snprintf(line, sizeof line, "--config %s", path);
    parse(&with_config, line, &got);
    assert_int_equal(got.status, NCA_OK);
    assert_int_equal(got.config.pool, 0);
    assert_int_equal(got.config.batch, 3);
    assert_string_equal(got.config.preset, "growing");

    // The command line's preset is the stronger one.
    snprintf(line, sizeof line, "--config %s --preset persistent", path);
    parse(&with_config, line, &got);
    assert_int_equal(got.status, NCA_OK);
    assert_int_equal(got.config.pool, 1024);
    assert_string_equal(got.config.preset, "persistent");
    unlink(path);
}

static void test_options_lie_over_a_config_that_is_there(void **state)
{
    (void)state;
    char *words[] = {"--updates", "9", "--place", "1,1"};
    nca_config config = nca_config_default();
    sample_options options = {.places = {.count = 1, .item = {"0,0"}}};
    config.batch = 5;
    assert_int_equal(nca_options_apply(&with_config, 4, words, &options, &config, NULL), NCA_OK);
    assert_int_equal(config.updates, 9);
    assert_int_equal(config.batch, 5);
    assert_int_equal(options.places.count, 1);
    assert_string_equal(options.places.item[0], "1,1");
}

static void test_a_list_has_an_end(void **state)
{
    (void)state;
    char *words[2 * NCA_OPTION_LIST_MAX + 2];
    sample_options options = {0};
    nca_arguments arguments;
    nca_error error;
    bool done;
    for (int i = 0; i <= NCA_OPTION_LIST_MAX; i++) {
        words[2 * i] = "--place";
        words[2 * i + 1] = "1,1";
    }
    assert_int_equal(nca_options_parse(&plain, 2 * NCA_OPTION_LIST_MAX + 2, words, &options, NULL,
                                       &arguments, &done, &error),
                     NCA_ARGUMENT);
    assert_string_equal(error.message, "--place: given more than 64 times");
}

// Help of a command; overwritten by the next call.
static const char *help_of(const nca_command *command)
{
    static char text[1 << 16];
    FILE *to = fmemopen(text, sizeof text, "w");
    nca_help_print(to, command);
    fclose(to);
    return text;
}

static void test_help_names_every_row(void **state)
{
    (void)state;
    const char *text = help_of(&with_config);
    for (const nca_option *row = rows; row->name; row++)
        assert_non_null(strstr(text, row->name));
    for (const nca_option *row = nca_config_options(); row->name; row++) {
        char name[64];
        snprintf(name, sizeof name, "  --%s%s", row->kind == NCA_OPTION_FLAG ? "[no-]" : "",
                 row->name);
        for (char *c = name; *c; c++)
            *c = *c == '_' ? '-' : *c;
        assert_non_null(strstr(text, name));
        assert_non_null(strstr(text, row->help));
    }
    assert_non_null(strstr(text, "[steps:40%x0.3,74%x0.33,92%x0.33]"));
    assert_non_null(strstr(text, "blog-unstable"));
}

static void test_help_stays_within_its_columns(void **state)
{
    (void)state;
    static const nca_option long_rows[] = {
        {"an-option-of-quite-some-length", NCA_OPTION_STRING, 0, 0, 0, "FILE",
         "words that go on and on until they no longer fit beside the name of the option, and then "
         "go on in the next line under the first of them",
         NULL},
        {0},
    };
    const nca_command command = {
        .name = "c", .arguments = "", .summary = "S", .options = long_rows};
    const char *text = help_of(&command);
    const char *line = strstr(text, "words");
    int lines = 0;
    for (size_t at = 0; line[at]; at += strcspn(line + at, "\n") + 1, lines++) {
        assert_true(strcspn(line + at, "\n") <= 100);
        if (lines > 0)
            assert_int_equal(strspn(line + at, " "), 30);
    }
    assert_int_equal(lines, 2);
}

static void test_nearest_keeps_its_distance(void **state)
{
    (void)state;
    static const char *const words[] = {"train", "run", "steps_min"};
    assert_string_equal(nca_nearest("trian", words, 3), "train");
    assert_string_equal(nca_nearest("steps-mn", words, 3), "steps_min");
    assert_string_equal(nca_nearest("rnu", words, 3), "run");   // two letters that changed places
    assert_string_equal(nca_nearest("steps", words, 3), "steps_min");   // the beginning of one
    assert_null(nca_nearest("fun-n", words, 3));
    assert_null(nca_nearest("box", words, 3));
    assert_null(nca_nearest("grin", words, 3));   // half of the letters are others'
    assert_null(nca_nearest("completely", words, 3));
    assert_null(nca_nearest("", words, 0));
    char endless[5000];
    memset(endless, 't', sizeof endless - 1);
    endless[sizeof endless - 1] = 0;
    assert_null(nca_nearest(endless, words, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_form_of_an_option),
        cmocka_unit_test(test_of_an_option_given_twice_the_last_one_counts),
        cmocka_unit_test(test_two_dashes_end_the_options),
        cmocka_unit_test(test_wrong_numbers_are_named),
        cmocka_unit_test(test_wrong_reals_are_named),
        cmocka_unit_test(test_wrong_options_suggest_the_nearest),
        cmocka_unit_test(test_values_and_arguments_that_are_missing_or_too_many),
        cmocka_unit_test(test_settings_are_options),
        cmocka_unit_test(test_a_setting_is_empty_only_where_its_default_is),
        cmocka_unit_test(test_preset_then_file_then_options_whatever_their_order),
        cmocka_unit_test(test_a_file_brings_its_preset_with_it),
        cmocka_unit_test(test_options_lie_over_a_config_that_is_there),
        cmocka_unit_test(test_a_list_has_an_end),
        cmocka_unit_test(test_help_names_every_row),
        cmocka_unit_test(test_help_stays_within_its_columns),
        cmocka_unit_test(test_nearest_keeps_its_distance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
