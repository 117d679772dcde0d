// Checksums: those of other programs, of pieces as of the whole, and of lines that carry their own.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/checksum.h"

// By xxhsum -H3.
static void test_checksums_are_those_of_xxhsum(void **state)
{
    (void)state;
    char text[NCA_CHECKSUM_BYTES];
    nca_checksum(NULL, 0, text);
    assert_string_equal(text, "2d06800538d394c2");
    nca_checksum(&(nca_bytes){"nca", 3}, 1, text);
    assert_string_equal(text, "4e31ebfe5bf1cceb");
    uint8_t many[1000];
    for (int i = 0; i < 1000; i++)
        many[i] = (uint8_t)i;
    nca_checksum(&(nca_bytes){many, sizeof many}, 1, text);
    assert_string_equal(text, "d33dd80b46f60e50");
    for (size_t at = 0; at <= sizeof many; at += 37) {
        const nca_bytes pieces[] = {{many, at}, {"", 0}, {many + at, sizeof many - at}};
        nca_checksum(pieces, 3, text);
        assert_string_equal(text, "d33dd80b46f60e50");
    }
}

static bool holds(const char *line)
{
    return nca_checksum_line_holds(line, strlen(line));
}

static void test_lines_hold_what_was_written(void **state)
{
    (void)state;
    static const char start[] = "{\"update\": 1";
    char digits[NCA_CHECKSUM_BYTES], line[100];
    nca_checksum(&(nca_bytes){start, strlen(start)}, 1, digits);
    snprintf(line, sizeof line, "%s" NCA_CHECKSUM_LINE_END, start, digits);
    const size_t length = strlen(line) - 1;   // without the newline
    assert_true(nca_checksum_line_holds(line, length));
    for (size_t bit = 0; bit < 8 * (length - 2); bit++) {   // without its end no JSON is left
        char *at = line + bit / 8;
        *at ^= (char)(1u << bit % 8);
        if (nca_checksum_line_holds(line, length))
            fail_msg("bit %zu of byte %zu: %s", bit % 8, bit / 8, line);
        *at ^= (char)(1u << bit % 8);
    }
}

// Lines of version 0.1.0 have no checksum.
static void test_older_lines_pass(void **state)
{
    (void)state;
    assert_true(holds(""));
    assert_true(holds("{\"update\": 1}"));
    assert_true(
        holds("{\"update\": 1, \"event\": \"skipped\", \"event_text\": \"a loss of nan\"}"));
    assert_false(holds("{\"checksum\": 1}"));
    assert_false(holds("{\"update\": 1, \"chacksum\": \"0123456789abcdef\"}"));
    assert_false(holds("{\"update\": 1, \"checksum\": \"0123456789abcdeg\"}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_checksums_are_those_of_xxhsum),
        cmocka_unit_test(test_lines_hold_what_was_written),
        cmocka_unit_test(test_older_lines_pass),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
