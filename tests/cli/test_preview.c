// The batch in the terminal: fits, says as many lines as it has, and shows the right colours.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/preview.h"

enum { CHANNELS = 4 };

// The widest line in characters, escape sequences left out, and the number of lines.
static void measure(const char *text, int *columns, int *lines)
{
    int at = 0;
    *columns = *lines = 0;
    for (const char *c = text; *c; c++) {
        if (*c == '\033') {
            c += strcspn(c, "mK");
        } else if (*c == '\n') {
            (*lines)++;
            at = 0;
        } else if (((unsigned char)*c & 0xc0) != 0x80) {
            at++;
        }
        *columns = at > *columns ? at : *columns;
    }
}

static char *draw(int batch, int height, int width, int columns, int lines, int *drawn)
{
    float *states = calloc((size_t)(batch * height * width) * CHANNELS, sizeof *states);
    const nca_preview preview = {.has_true_colour = true,
                                 .states = states,
                                 .paint = nca_image_on_white,
                                 .batch = batch,
                                 .height = height,
                                 .width = width,
                                 .channels = CHANNELS,
                                 .columns = columns,
                                 .lines = lines};
    char *text;
    assert_int_equal(nca_preview_draw(&preview, &text, drawn, NULL), NCA_OK);
    free(states);
    return text;
}

static void test_fits_any_terminal(void **state)
{
    (void)state;
    static const int terminals[][2] = {{80, 22}, {200, 48}, {300, 100}, {40, 10},
                                       {10, 3},  {2, 1},    {1, 1}};
    static const int batches[][3] = {{8, 72, 72}, {4, 56, 56},  {1, 72, 72},  {16, 9, 9},
                                     {3, 1, 1},   {5, 200, 20}, {5, 20, 200}, {2, 7, 5}};
    for (size_t t = 0; t < sizeof terminals / sizeof *terminals; t++)
        for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
            int said, columns, lines;
            char *text = draw(batches[b][0], batches[b][1], batches[b][2], terminals[t][0],
                              terminals[t][1], &said);
            measure(text, &columns, &lines);
            assert_int_equal(lines, said);
            assert_in_range(lines, 1, terminals[t][1]);
            assert_in_range(columns, 1, terminals[t][0]);
            free(text);
        }
}

static void test_a_terminal_without_room_shows_nothing(void **state)
{
    (void)state;
    int lines;
    char *text = draw(8, 72, 72, 80, 0, &lines);
    assert_int_equal(lines, 0);
    assert_string_equal(text, "");
    free(text);
}

// What a terminal is sent for two cells [2,C], one above the other.
static void expect_character(const float *states, bool has_true_colour, const char *expected)
{
    const nca_preview preview = {.has_true_colour = has_true_colour,
                                 .states = states,
                                 .paint = nca_image_on_white,
                                 .batch = 1,
                                 .height = 2,
                                 .width = 1,
                                 .channels = CHANNELS,
                                 .columns = 80,
                                 .lines = 22};
    char *text;
    int lines;
    assert_int_equal(nca_preview_draw(&preview, &text, &lines, NULL), NCA_OK);
    assert_string_equal(text, expected);
    assert_int_equal(lines, 1);
    free(text);
}

static void test_colours_of_a_character(void **state)
{
    (void)state;
    // Above opaque red, below opaque blue.
    static const float states[2 * CHANNELS] = {1, 0, 0, 1, 0, 0, 1, 1};
    expect_character(states, true, "\033[48;2;0;0;255m\033[38;2;255;0;0m▀\033[0m\033[K\n");
}

// A terminal that does not say that it has true colour gets the nearest of 256: 16 + 36 r + 6 g + b
// of six steps each, 0, 95, 135, 175, 215 and 255, or one of 24 greys.
static void test_colours_of_a_plainer_terminal(void **state)
{
    (void)state;
    static const struct {
        float states[2 * CHANNELS];
        const char *text;
    } cases[] = {
        {{1, 0, 0, 1, 0, 0, 1, 1}, "\033[48;5;21m\033[38;5;196m▀\033[0m\033[K\n"},
        {{0, 0, 0, 1, 0, 0, 0, 0}, "\033[48;5;231m\033[38;5;16m▀\033[0m\033[K\n"},
        {{0.5f, 0.5f, 0.5f, 1, 0.37f, 0.53f, 0.69f, 1},
         "\033[48;5;67m\033[38;5;244m▀\033[0m\033[K\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_character(cases[i].states, false, cases[i].text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits_any_terminal),
        cmocka_unit_test(test_a_terminal_without_room_shows_nothing),
        cmocka_unit_test(test_colours_of_a_character),
        cmocka_unit_test(test_colours_of_a_plainer_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
