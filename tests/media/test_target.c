// From a picture to a target: keyed, trimmed, resampled, padded.
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

#include "media/image.h"
#include "scratch.h"

static nca_image make(int height, int width)
{
    nca_image image;
    assert_int_equal(nca_image_create(height, width, &image, NULL), NCA_OK);
    return image;
}

static float *at(const nca_image *image, int y, int x)
{
    return image->pixels + (y * image->width + x) * 4;
}

static void fill(nca_image *image, float r, float g, float b, float a)
{
    for (int i = 0; i < image->height * image->width; i++) {
        const float rgba[] = {r, g, b, a};
        memcpy(image->pixels + 4 * i, rgba, sizeof rgba);
    }
}

// Premultiplied colours that vary smoothly with place.
static void fill_smoothly(nca_image *image)
{
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++) {
            float *p = at(image, y, x);
            const double v = (y + 0.5) / image->height, u = (x + 0.5) / image->width;
            p[3] = (float)(0.6 + 0.3 * sin(2 * u + v));
            p[0] = p[3] * (float)(0.5 + 0.4 * u);
            p[1] = p[3] * (float)(0.5 - 0.4 * v);
            p[2] = p[3] * (float)(0.5 + 0.3 * u * v);
        }
}

static double mean(const nca_image *image, int channel)
{
    double sum = 0;
    for (int i = 0; i < image->height * image->width; i++)
        sum += image->pixels[4 * i + channel];
    return sum / (image->height * image->width);
}

static const int sizes[][4] = {{128, 136, 40, 38}, {17, 5, 40, 12}, {9, 9, 9, 9},    {1, 1, 7, 7},
                               {40, 40, 1, 1},     {3, 200, 2, 50}, {31, 37, 30, 36}};
enum { SIZES = sizeof sizes / sizeof *sizes };

static void test_a_constant_picture_stays_constant(void **state)
{
    (void)state;
    for (size_t i = 0; i < SIZES; i++) {
        nca_image image = make(sizes[i][0], sizes[i][1]), out;
        fill(&image, 0.25f, 0.5f, 0.125f, 0.75f);
        assert_int_equal(nca_image_resample(&image, sizes[i][2], sizes[i][3], &out, NULL), NCA_OK);
        assert_int_equal(out.height, sizes[i][2]);
        assert_int_equal(out.width, sizes[i][3]);
        for (int p = 0; p < out.height * out.width; p++) {
            assert_true(fabsf(out.pixels[4 * p] - 0.25f) < 1e-6f);
            assert_true(fabsf(out.pixels[4 * p + 1] - 0.5f) < 1e-6f);
            assert_true(fabsf(out.pixels[4 * p + 2] - 0.125f) < 1e-6f);
            assert_true(fabsf(out.pixels[4 * p + 3] - 0.75f) < 1e-6f);
        }
        nca_image_free(&image);
        nca_image_free(&out);
    }
}

// Borders weigh a little more or less than they should, so that the mean is kept nearly.
static void test_shrinking_keeps_the_mean(void **state)
{
    (void)state;
    nca_image image = make(128, 136), out;
    fill_smoothly(&image);
    assert_int_equal(nca_image_resample(&image, 38, 40, &out, NULL), NCA_OK);
    for (int k = 0; k < 4; k++)
        assert_true(fabs(mean(&out, k) - mean(&image, k)) < 2e-3);
    nca_image_free(&image);
    nca_image_free(&out);
}

// Against the definition, written out: one pixel is the normalised sum over both axes at once.
static void test_a_pixel_is_the_lanczos_sum(void **state)
{
    (void)state;
    const int from = 20, to = 6, y = 2, x = 4;
    nca_image image = make(from, from), out;
    fill_smoothly(&image);
    for (int i = 0; i < from * from; i++)   // no longer smooth
        for (int k = 0; k < 4; k++)
            image.pixels[4 * i + k] *= 0.75f + 0.25f * ((i * 7 + k) % 5) / 4;
    assert_int_equal(nca_image_resample(&image, to, to, &out, NULL), NCA_OK);
    const double ratio = (double)from / to;
    double sum[4] = {0}, total = 0;
    for (int j = 0; j < from; j++)
        for (int i = 0; i < from; i++) {
            double weight = 1;
            const double away[] = {(j + 0.5 - (y + 0.5) * ratio) / ratio,
                                   (i + 0.5 - (x + 0.5) * ratio) / ratio};
            for (int axis = 0; axis < 2; axis++) {
                const double t = M_PI * away[axis];
                if (fabs(away[axis]) >= 3)
                    weight = 0;
                else if (t != 0)
                    weight *= sin(t) / t * sin(t / 3) / (t / 3);
            }
            total += weight;
            for (int k = 0; k < 4; k++)
                sum[k] += weight * at(&image, j, i)[k];
        }
    for (int k = 0; k < 4; k++)
        assert_true(fabs(at(&out, y, x)[k] - sum[k] / total) < 1e-6);
    nca_image_free(&image);
    nca_image_free(&out);
}

// Left half red and opaque, right half clear: the edge overshoots, and must not leave the range.
static void test_colours_stay_premultiplied_at_edges(void **state)
{
    (void)state;
    nca_image image = make(40, 40), out;
    for (int y = 0; y < 40; y++)
        for (int x = 0; x < 20; x++) {
            at(&image, y, x)[0] = 1;
            at(&image, y, x)[3] = 1;
        }
    assert_int_equal(nca_image_resample(&image, 13, 13, &out, NULL), NCA_OK);
    for (int i = 0; i < 13 * 13; i++) {
        const float *p = out.pixels + 4 * i;
        assert_true(p[3] >= 0 && p[3] <= 1 && p[0] >= 0 && p[0] <= p[3]);
        assert_true(fabsf(p[0] - p[3]) < 1e-6f);   // red stays red: no dark fringe
        assert_true(p[1] == 0 && p[2] == 0);
    }
    nca_image_free(&image);
    nca_image_free(&out);
}

static nca_status fit(nca_image *image, nca_target_options options, nca_error *error)
{
    options.source = "x";
    return nca_target_fit(image, &options, false, error);
}

static void test_a_picture_of_the_right_size_is_taken_pixel_for_pixel(void **state)
{
    (void)state;
    nca_image image = make(30, 40), copy = make(30, 40);
    fill_smoothly(&image);
    memcpy(copy.pixels, image.pixels, 30 * 40 * 4 * sizeof(float));
    assert_int_equal(fit(&image, (nca_target_options){.target_size = 40}, NULL), NCA_OK);
    assert_int_equal(image.height, 30);
    assert_memory_equal(image.pixels, copy.pixels, 30 * 40 * 4 * sizeof(float));
    nca_image_free(&image);
    nca_image_free(&copy);
}

static void test_the_longer_side_becomes_the_target_size(void **state)
{
    (void)state;
    static const int cases[][5] = {{128, 136, 40, 38, 40}, {136, 128, 40, 40, 38},
                                   {1, 4096, 40, 1, 40},   {5, 5, 40, 40, 40},
                                   {10, 20, 1, 1, 1},      {3, 4, 2, 2, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nca_image image = make(cases[i][0], cases[i][1]);
        fill(&image, 0.5f, 0.5f, 0.5f, 1);
        assert_int_equal(fit(&image, (nca_target_options){.target_size = cases[i][2]}, NULL),
                         NCA_OK);
        assert_int_equal(image.height, cases[i][3]);
        assert_int_equal(image.width, cases[i][4]);
        nca_image_free(&image);
    }
}

// Nothing but a square of 2x3 in a picture of 6x8.
static nca_image make_square(void)
{
    nca_image image = make(6, 8);
    for (int y = 1; y < 3; y++)
        for (int x = 4; x < 7; x++)
            at(&image, y, x)[3] = 0.1f * (float)(y * 3 + x);
    return image;
}

static void test_trimming_cuts_the_empty_border_away(void **state)
{
    (void)state;
    nca_image image = make_square();
    assert_int_equal(fit(&image, (nca_target_options){.target_size = 3, .trim = true}, NULL),
                     NCA_OK);
    assert_int_equal(image.height, 2);
    assert_int_equal(image.width, 3);
    for (int y = 0; y < 2; y++)
        for (int x = 0; x < 3; x++)
            assert_true(at(&image, y, x)[3] == 0.1f * (float)((y + 1) * 3 + x + 4));
    nca_image_free(&image);
    image = make_square();   // not asked for, not done
    assert_int_equal(fit(&image, (nca_target_options){.target_size = 8}, NULL), NCA_OK);
    assert_int_equal(image.height, 6);
    assert_int_equal(image.width, 8);
    nca_image_free(&image);
}

static void test_a_picture_of_nothing_is_refused(void **state)
{
    (void)state;
    for (int trim = 0; trim < 2; trim++) {
        nca_image image = make(6, 8);
        nca_error error;
        fill(&image, 0, 0, 0, 0);
        assert_int_equal(fit(&image, (nca_target_options){.target_size = 3, .trim = trim}, &error),
                         NCA_FORMAT);
        assert_non_null(strstr(error.message, "every pixel of it is clear"));
        assert_null(image.pixels);   // freed
    }
}

static void test_the_background_becomes_clear(void **state)
{
    (void)state;
    nca_image image = make(1, 5);
    const float pixels[5][4] = {
        {1, 1, 1, 1},                       // the background
        {247 / 255.f, 1, 244 / 255.f, 1},   // as JPEG leaves it
        {242 / 255.f, 1, 1, 1},             // too far in one channel
        {0.5f, 0.5f, 0.5f, 0.5f},           // the background, half clear
        {0, 0.5f, 0, 1},                    // what is to grow
    };
    memcpy(image.pixels, pixels, sizeof pixels);
    assert_int_equal(
        fit(&image, (nca_target_options){.target_size = 5, .background = "#ffffff"}, NULL), NCA_OK);
    static const float none[4];
    assert_memory_equal(at(&image, 0, 0), none, sizeof none);
    assert_memory_equal(at(&image, 0, 1), none, sizeof none);
    assert_memory_equal(at(&image, 0, 2), pixels[2], sizeof none);
    assert_memory_equal(at(&image, 0, 3), none, sizeof none);
    assert_memory_equal(at(&image, 0, 4), pixels[4], sizeof none);
    nca_image_free(&image);
}

static void test_colours_are_read_strictly(void **state)
{
    (void)state;
    static const char *const right[] = {"#008000", "008000", "#008000"};
    static const char *const wrong[] = {"#",       "white",   "#fff",     "#fffffff",
                                        "# 12345", "+12345",  "0x1234",   "#12345g",
                                        "##12345", "#-12345", "#ffffff ", "\xe2\x99\xa5"};
    for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
        nca_image image = make(1, 2);
        at(&image, 0, 0)[1] = 128 / 255.f;
        at(&image, 0, 0)[3] = at(&image, 0, 1)[3] = 1;
        assert_int_equal(
            fit(&image, (nca_target_options){.target_size = 2, .background = right[i]}, NULL),
            NCA_OK);
        assert_true(at(&image, 0, 0)[3] == 0 && at(&image, 0, 1)[3] == 1);
        nca_image_free(&image);
    }
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        nca_image image = make(1, 1);
        nca_error error = {0};
        fill(&image, 1, 1, 1, 1);
        assert_int_equal(
            fit(&image, (nca_target_options){.target_size = 1, .background = wrong[i]}, &error),
            NCA_ARGUMENT);
        assert_non_null(strstr(error.message, "--background"));
    }
}

static void test_padding_puts_the_picture_in_the_middle(void **state)
{
    (void)state;
    nca_image image = make(2, 3), out;
    fill(&image, 0.5f, 0.25f, 0, 1);
    assert_int_equal(nca_image_pad(&image, 7, 6, &out, NULL), NCA_OK);
    assert_int_equal(out.height, 7);
    assert_int_equal(out.width, 6);
    for (int y = 0; y < 7; y++)   // odd remainders go to the bottom and the right
        for (int x = 0; x < 6; x++) {
            const bool is_inside = y >= 2 && y < 4 && x >= 1 && x < 4;
            assert_true(at(&out, y, x)[3] == (is_inside ? 1.f : 0.f));
            assert_true(at(&out, y, x)[0] == (is_inside ? 0.5f : 0.f));
        }
    nca_image_free(&out);
    assert_int_equal(nca_image_pad(&image, 2, 3, &out, NULL), NCA_OK);   // it just fits
    assert_memory_equal(out.pixels, image.pixels, 2 * 3 * 4 * sizeof(float));
    nca_image_free(&out);
    nca_image_free(&image);
}

static void test_a_target_larger_than_the_grid_is_refused(void **state)
{
    (void)state;
    nca_image image = make(4, 9), out = {.height = 77};
    nca_error error;
    assert_int_equal(nca_image_pad(&image, 3, 20, &out, &error), NCA_ARGUMENT);
    assert_non_null(strstr(error.message, "4x9: larger than the grid of 3x20"));
    assert_int_equal(nca_image_pad(&image, 20, 8, &out, &error), NCA_ARGUMENT);
    assert_int_equal(out.height, 77);
    nca_image_free(&image);
}

// The whole way, from a file of the fuzzers' corpus: a disc of 9x9 on white.
static void test_a_file_becomes_a_target(void **state)
{
    (void)state;
    const nca_target_options options = {.source = "tests/fuzz/corpus/image/rgb.bmp",
                                        .background = "#ffffff",
                                        .target_size = 20,
                                        .trim = true};
    nca_image image;
    assert_int_equal(nca_target_load(&options, &image, NULL), NCA_OK);
    assert_int_equal(image.height, 20);
    assert_int_equal(image.width, 20);
    assert_true(at(&image, 10, 10)[3] > 0.99f);
    assert_true(fabsf(at(&image, 10, 10)[0] - 200 / 255.f) < 0.05f);
    assert_true(at(&image, 0, 0)[3] < 0.2f);
    nca_image_free(&image);
    nca_target_options missing = options;
    missing.source = "no such file.png";
    assert_int_equal(nca_target_load(&missing, &image, NULL), NCA_FILE);
    missing.source = "./tests";
    assert_int_equal(nca_target_load(&missing, &image, NULL), NCA_FILE);
}

static void test_only_files_take_a_name_from_an_emoji(void **state)
{
    (void)state;
    mkdir(scratch("\xf0\x9f\xa6\x8e"), 0700);
    char here[1024];
    assert_non_null(getcwd(here, sizeof here));
    assert_int_equal(chdir(scratch_folder), 0);
    assert_false(nca_target_is_file("\xf0\x9f\xa6\x8e"));   // a folder
    assert_false(nca_target_is_file("nothing"));
    scratch_write("picture", "x", 1);
    assert_true(nca_target_is_file("picture"));
    assert_true(nca_target_is_file("missing.png"));
    assert_true(nca_target_is_file("./nothing"));
    assert_int_equal(chdir(here), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_constant_picture_stays_constant),
        cmocka_unit_test(test_shrinking_keeps_the_mean),
        cmocka_unit_test(test_a_pixel_is_the_lanczos_sum),
        cmocka_unit_test(test_colours_stay_premultiplied_at_edges),
        cmocka_unit_test(test_a_picture_of_the_right_size_is_taken_pixel_for_pixel),
        cmocka_unit_test(test_the_longer_side_becomes_the_target_size),
        cmocka_unit_test(test_trimming_cuts_the_empty_border_away),
        cmocka_unit_test(test_a_picture_of_nothing_is_refused),
        cmocka_unit_test(test_the_background_becomes_clear),
        cmocka_unit_test(test_colours_are_read_strictly),
        cmocka_unit_test(test_padding_puts_the_picture_in_the_middle),
        cmocka_unit_test(test_a_target_larger_than_the_grid_is_refused),
        cmocka_unit_test(test_a_file_becomes_a_target),
        cmocka_unit_test(test_only_files_take_a_name_from_an_emoji),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
