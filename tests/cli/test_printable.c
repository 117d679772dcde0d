// Text from outside on its way to a terminal: nothing in it can move the cursor or hide a word.
#define _GNU_SOURCE   // open_memstream
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/printable.h"

static void expect_printed(const char *text, const char *expected)
{
    char *printed;
    size_t size;
    FILE *to = open_memstream(&printed, &size);
    nca_print_safely(to, text);
    fclose(to);
    assert_string_equal(printed, expected);
    free(printed);
}

static void test_text_of_every_script_goes_through(void **state)
{
    (void)state;
    expect_printed("", "");
    expect_printed("lizard 2.png: no such file", "lizard 2.png: no such file");
    expect_printed("\u00e9\u4e16\U0001f98e", "\u00e9\u4e16\U0001f98e");
    // A joined emoji keeps its joiner and its variation selector.
    expect_printed("\U0001f469\u200d\u2764\ufe0f", "\U0001f469\u200d\u2764\ufe0f");
}

static void test_what_garbles_a_terminal_is_spelled_out(void **state)
{
    (void)state;
    expect_printed("a\033[31mb", "a\\x1b[31mb");
    expect_printed("\r\n\t\177", "\\x0d\\x0a\\x09\\x7f");
    expect_printed("\xc2\x9b"
                   "31m",
                   "\\xc2\\x9b31m");
    expect_printed("a\u202eb", "a\\xe2\\x80\\xaeb");
    expect_printed("\u2028", "\\xe2\\x80\\xa8");
}

static void test_what_is_no_utf8_is_spelled_out(void **state)
{
    (void)state;
    expect_printed("\xff\xfe", "\\xff\\xfe");
    expect_printed("\x80x", "\\x80x");
    expect_printed("\xc0\xaf", "\\xc0\\xaf");
    expect_printed("\xed\xa0\x80", "\\xed\\xa0\\x80");
    expect_printed("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    expect_printed("\xf0\x9f\x98", "\\xf0\\x9f\\x98");   // cut in the middle, at the end
    expect_printed("\xf0\x9f", "\\xf0\\x9f");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_of_every_script_goes_through),
        cmocka_unit_test(test_what_garbles_a_terminal_is_spelled_out),
        cmocka_unit_test(test_what_is_no_utf8_is_spelled_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
