// What is said off a terminal while something takes long: nothing at first, then a line with the
// time left.
#define _GNU_SOURCE   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "cli/progress.h"
#include "scratch.h"

// What a call says on standard error.
static const char *said(nca_percent *percent, double done)
{
    static char text[200];
    const int kept = dup(STDERR_FILENO);
    FILE *file = fopen(scratch("said"), "w+");
    assert_non_null(file);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    nca_percent_show(percent, done);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    close(kept);
    rewind(file);
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    fclose(file);
    return text;
}

static void test_what_is_quick_says_nothing(void **state)
{
    (void)state;
    nca_percent percent = {.word = "judged"};
    for (int i = 0; i <= 10; i++)
        assert_string_equal(said(&percent, i / 10.0), "");
}

// Begun 30 seconds ago with a tenth done; four tenths since then, and five are left.
static void test_a_line_has_the_time_left(void **state)
{
    (void)state;
    nca_percent percent = {.word = "judged", .started = nca_clock() - 30, .first = 0.1};
    percent.drawn = percent.started;
    const char *line = said(&percent, 0.5);
    int minutes, seconds;
    assert_int_equal(sscanf(line, " 50%% judged, %d:%d left", &minutes, &seconds), 2);
    assert_true(minutes == 0 && seconds >= 36 && seconds <= 39);   // 37.5, and a slow machine
    assert_string_equal(said(&percent, 0.6), "");                  // not again so soon
    assert_string_equal(said(&percent, 1), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_quick_says_nothing),
        cmocka_unit_test(test_a_line_has_the_time_left),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
