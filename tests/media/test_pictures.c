// Pictures of a run: what is drawn where, and that odd runs draw something and never fail.
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

#include "eval/movie.h"
#include "media/canvas.h"
#include "media/curve.h"
#include "media/mosaic.h"
#include "nca/image.h"
#include "nca/train.h"
#include "scratch.h"

static nca_image read_picture(const char *path)
{
    nca_image image;
    nca_error error = {0};
    if (nca_image_read(path, &image, &error) != NCA_OK)
        fail_msg("%s", error.message);
    return image;
}

static bool is_near(const nca_image *image, int y, int x, const int rgb[3])
{
    for (int k = 0; k < 3; k++)
        if (fabs(image->pixels[(y * image->width + x) * 4 + k] * 255 - rgb[k]) > 2)
            return false;
    return true;
}

static int count_near(const nca_image *image, const int rgb[3])
{
    int count = 0;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            count += is_near(image, y, x, rgb);
    return count;
}

// States whose cells all have one colour: the number of the state.
static float *make_states(int count, int height, int width, int channels)
{
    const size_t cells = (size_t)height * (size_t)width;
    float *states = calloc((size_t)count * cells * (size_t)channels, sizeof *states);
    assert_non_null(states);
    for (int i = 0; i < count; i++)
        for (size_t c = 0; c < cells; c++) {
            float *cell = states + ((size_t)i * cells + c) * (size_t)channels;
            cell[0] = (float)(i + 1) * 10 / 255;
            cell[NCA_ALPHA] = 1;
        }
    return states;
}

static void test_a_mosaic_shows_every_state_in_order(void **state)
{
    (void)state;
    float *states = make_states(7, 5, 6, 4);
    const nca_states seven = {states, 7, 5, 6, 4, nca_image_on_white};
    assert_int_equal(nca_mosaic_write(scratch("m.png"), &seven, NULL), NCA_OK);
    nca_image image = read_picture(scratch("m.png"));
    // Three columns; every state has an area of its own colour, as large as its cells.
    int scale = 0, last_y = -1, last_x = -1;
    for (int i = 0; i < 7; i++) {
        const int colour[3] = {(i + 1) * 10, 0, 0};
        const int area = count_near(&image, colour);
        assert_true(area >= 30 && area % 30 == 0);
        scale = (int)sqrt(area / 30);
        int y = 0, x = 0;
        while (!is_near(&image, y, x, colour))
            if (++x == image.width)
                x = 0, y++;
        if (i % 3 > 0)
            assert_true(y == last_y && x > last_x);
        else
            assert_true(y > last_y);
        last_y = y;
        last_x = x;
    }
    assert_true(scale >= 1);
    nca_image_free(&image);
    free(states);
}

static void test_a_batch_is_shown_before_and_after(void **state)
{
    (void)state;
    float *before = make_states(2, 8, 8, 16), *after = make_states(20, 8, 8, 16);
    // Twenty samples are more than are shown; the first of both rows have colours 10 and 20.
    float *many = make_states(20, 8, 8, 16);
    const nca_states twenty = {after, 20, 8, 8, 16, nca_image_on_white},
                     two = {after, 2, 8, 8, 16, nca_image_on_white};
    assert_int_equal(nca_batch_picture_write(scratch("b.png"), many, &twenty, NULL), NCA_OK);
    nca_image image = read_picture(scratch("b.png"));
    static const int first[3] = {10, 0, 0}, shown[3] = {160, 0, 0}, hidden[3] = {170, 0, 0};
    const int area = count_near(&image, first);
    assert_true(area >= 2 * 64);
    assert_int_equal(count_near(&image, shown), area);
    assert_int_equal(count_near(&image, hidden), 0);
    nca_image_free(&image);
    assert_int_equal(nca_batch_picture_write(scratch("b.png"), before, &two, NULL), NCA_OK);
    free(before);
    free(after);
    free(many);
}

// A mosaic of all would be above a gigabyte: it shows the first few, and so does a batch.
static void test_large_states_are_shown_in_part(void **state)
{
    (void)state;
    enum { SIDE = 2400, THERE = 2 };
    const nca_states many = {
        make_states(THERE, SIDE, SIDE, 4), 64, SIDE, SIDE, 4, nca_image_on_white};
    static const int first[3] = {10, 0, 0}, second[3] = {20, 0, 0};
    assert_int_equal(nca_mosaic_write(scratch("l.png"), &many, NULL), NCA_OK);
    nca_image image = read_picture(scratch("l.png"));
    assert_int_equal(count_near(&image, first), SIDE * SIDE);
    assert_int_equal(count_near(&image, second), SIDE * SIDE);
    assert_true((size_t)image.height * (size_t)image.width < 3 * SIDE * SIDE);
    nca_image_free(&image);
    assert_int_equal(nca_batch_picture_write(scratch("l.png"), many.data, &many, NULL), NCA_OK);
    image = read_picture(scratch("l.png"));
    assert_int_equal(count_near(&image, first), 2 * SIDE * SIDE);
    assert_int_equal(count_near(&image, second), 0);
    nca_image_free(&image);
    free((void *)many.data);
}

static void test_states_that_exploded_are_still_shown(void **state)
{
    (void)state;
    float *states = make_states(2, 8, 8, 4);
    states[0] = NAN;
    states[1] = INFINITY;
    states[2] = -INFINITY;
    states[3] = NAN;
    const nca_states two = {states, 2, 8, 8, 4, nca_image_on_white};
    assert_int_equal(nca_mosaic_write(scratch("n.png"), &two, NULL), NCA_OK);
    nca_image image = read_picture(scratch("n.png"));
    nca_image_free(&image);
    free(states);
}

static const int dark[3] = {15, 70, 150}, alarm_colour[3] = {213, 94, 0};

// Where the dark line is in a column; negative where it is not.
static int find_line(const nca_image *image, int x)
{
    for (int y = 0; y < image->height; y++)
        if (is_near(image, y, x, dark))
            return y;
    return -1;
}

static void test_a_curve_that_falls_is_drawn_falling(void **state)
{
    (void)state;
    enum { POINTS = 1000 };
    static nca_curve_point points[POINTS];
    for (int i = 0; i < POINTS; i++)
        points[i] = (nca_curve_point){.update = i + 1, .loss = pow(10, -1 - 3.0 * i / POINTS)};
    points[500].event = NCA_EVENT_SKIPPED;
    assert_int_equal(nca_curve_write(scratch("c.png"), points, POINTS, "title", NULL), NCA_OK);
    nca_image image = read_picture(scratch("c.png"));
    const int left = find_line(&image, image.width / 5),
              middle = find_line(&image, image.width / 2),
              right = find_line(&image, image.width * 4 / 5);
    assert_true(left > 0 && middle > left + 50 && right > middle + 50);
    assert_true(count_near(&image, alarm_colour) > 10);   // the event's mark
    nca_image_free(&image);
}

static void test_odd_curves_are_drawn(void **state)
{
    (void)state;
    static const nca_curve_point one[] = {{.update = 5, .loss = 0.1}};
    static const nca_curve_point same[] = {{.update = 1, .loss = 0.1}, {.update = 1, .loss = 0.1}};
    const nca_curve_point none[] = {{.update = 1, .loss = NAN}, {.update = 2, .loss = INFINITY}};
    const nca_curve_point zero[] = {{.update = 1, .loss = 0}, {.update = 2, .loss = 1}};
    const nca_curve_point wide[] = {{.update = 1, .loss = 1e-300},
                                    {.update = 100000000, .loss = 1e300}};
    const struct {
        const nca_curve_point *points;
        size_t count;
    } curves[] = {{one, 1}, {same, 2}, {none, 2}, {zero, 2}, {wide, 2}};
    for (size_t i = 0; i < sizeof curves / sizeof *curves; i++) {
        assert_int_equal(
            nca_curve_write(scratch("odd.png"), curves[i].points, curves[i].count, "x", NULL),
            NCA_OK);
        nca_image image = read_picture(scratch("odd.png"));
        assert_true(image.height > 100 && image.width > 100);
        nca_image_free(&image);
        unlink(scratch("odd.png"));
    }
    assert_int_equal(nca_curve_write(scratch("odd.png"), NULL, 0, "x", NULL), NCA_OK);
    assert_int_equal(access(scratch("odd.png"), F_OK), -1);   // nothing to draw yet
}

static void test_drawing_stays_on_the_canvas(void **state)
{
    (void)state;
    nca_canvas canvas;
    nca_error error;
    const nca_colour red = {255, 0, 0};
    static const uint8_t picture[3] = {1, 2, 3};
    assert_int_equal(nca_canvas_create(10, 12, &canvas, NULL), NCA_OK);
    nca_canvas_fill(&canvas, -5, -5, 100, 7, red);
    nca_canvas_line(&canvas, -20, -20, 30, 30, 3, red);
    nca_canvas_text(&canvas, 5, -3, 2, "text \xff", red);
    nca_canvas_dot(&canvas, NAN, 3, 2, red, 1);
    nca_canvas_dot(&canvas, 1e300, -1e300, 2, red, 1);
    nca_canvas_picture(&canvas, 9, 11, 5, picture, 1, 1);
    assert_memory_equal(canvas.rgb, "\xff\0\0", 3);
    assert_memory_equal(canvas.rgb + (9 * 12 + 11) * 3, picture, 3);
    nca_canvas_free(&canvas);
    assert_int_equal(nca_canvas_create(2000000000, 2000000000, &canvas, &error), NCA_MEMORY);
    assert_non_null(strstr(error.message, "needs 11175870895.4 GiB"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_mosaic_shows_every_state_in_order),
        cmocka_unit_test(test_a_batch_is_shown_before_and_after),
        cmocka_unit_test(test_large_states_are_shown_in_part),
        cmocka_unit_test(test_states_that_exploded_are_still_shown),
        cmocka_unit_test(test_a_curve_that_falls_is_drawn_falling),
        cmocka_unit_test(test_odd_curves_are_drawn),
        cmocka_unit_test(test_drawing_stays_on_the_canvas),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
