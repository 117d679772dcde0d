// Pictures: what is read of each format, and what is refused before or by its reader.
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
#include <time.h>

#include "corpus.h"
#include "media/image.h"

// The disc as it was drawn: straight RGB and alpha, 0 to 255.
static void disc(int y, int x, double rgba[4])
{
    const double alpha = (SIDE / 2.5 - hypot(y - (SIDE - 1) / 2.0, x - (SIDE - 1) / 2.0)) * 255;
    rgba[0] = 200;
    rgba[1] = x * 255 / SIDE;
    rgba[2] = y * 255 / SIDE;
    rgba[3] = floor(fmin(fmax(alpha, 0), 255));
}

// How far a picture is from the disc at most, in 255ths.
static double compare(const nca_image *image, bool on_white)
{
    double worst = 0;
    assert_int_equal(image->height, SIDE);
    assert_int_equal(image->width, SIDE);
    for (int y = 0; y < SIDE; y++)
        for (int x = 0; x < SIDE; x++) {
            const float *p = image->pixels + (y * SIDE + x) * 4;
            double rgba[4];
            disc(y, x, rgba);
            const double alpha = rgba[3] / 255, shown = on_white ? 255 : rgba[3];
            worst = fmax(worst, fabs(p[3] * 255 - shown));
            for (int k = 0; k < 3; k++)
                worst = fmax(
                    worst, fabs(p[k] * 255 - rgba[k] * alpha - (on_white ? 255 * (1 - alpha) : 0)));
        }
    return worst;
}

static void test_each_format_gives_the_same_picture(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool on_white;
        double
            allowed;   // 255ths: 1 where Pillow rounded, 110 where JPEG at quality 30 blurs edges
    } files[] = {
        {"rgba.png", false, 1e-4},   {"rgba.bmp", false, 1e-4}, {"rgba.tga", false, 1e-4},
        {"packed.tga", false, 1e-4}, {"rgb.bmp", true, 1.001},  {"base.jpg", true, 110},
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t size;
        nca_image image;
        nca_error error = {0};
        unsigned char *bytes = load(files[i].name, &size);
        if (nca_image_decode(bytes, size, files[i].name, &image, &error) != NCA_OK)
            fail_msg("%s", error.message);
        const double worst = compare(&image, files[i].on_white);
        if (worst > files[i].allowed)
            fail_msg("%s: %g of 255 from what was drawn", files[i].name, worst);
        nca_image_free(&image);
        free(bytes);
    }
}

static const char *const all[] = {
    "rgba.png", "palette.png",     "grey.png",   "bits.png",    "grey16.png", "interlaced.png",
    "base.jpg", "progressive.jpg", "cmyk.jpg",   "grey.jpg",    "rgb.bmp",    "palette.bmp",
    "rgba.bmp", "rgba.tga",        "packed.tga", "palette.tga", "turned.jpg",
};
enum { ALL = sizeof all / sizeof *all };

static void test_every_kind_of_the_formats_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        size_t size;
        nca_image image;
        nca_error error = {0};
        unsigned char *bytes = load(all[i], &size);
        if (nca_image_decode(bytes, size, all[i], &image, &error) != NCA_OK)
            fail_msg("%s", error.message);
        for (int p = 0; p < image.height * image.width; p++) {
            const float *pixel = image.pixels + 4 * p;
            assert_true(pixel[3] >= 0 && pixel[3] <= 1);
            for (int k = 0; k < 3; k++)
                assert_true(pixel[k] >= 0 && pixel[k] <= pixel[3]);
        }
        nca_image_free(&image);
        free(bytes);
    }
}

// Cut off after any number of bytes; the last row's padding of a BMP and what Pillow writes behind
// a TGA are not missed.
static void test_a_picture_that_was_cut_off_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < ALL; i++) {
        size_t size, spare = 0;
        unsigned char *bytes = load(all[i], &size);
        if (strstr(all[i], ".bmp"))
            spare = 3;
        if (strstr(all[i], ".tga"))
            spare = 26;   // the footer
        for (size_t length = 1; length + spare < size; length++) {
            nca_image image = {.height = 77};
            nca_error error = {0};
            unsigned char *part = malloc(length);   // exactly so many, for the sanitizer
            assert_non_null(part);
            memcpy(part, bytes, length);
            if (nca_image_decode(part, length, "x", &image, &error) != NCA_FORMAT)
                fail_msg("%s: taken with %zu of %zu bytes", all[i], length, size);
            assert_int_equal(image.height, 77);
            free(part);
        }
        free(bytes);
    }
}

static void test_a_png_with_a_turned_bit_is_refused(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = load("rgba.png", &size);
    for (size_t bit = 8 * 8; bit < (size - 4) * 8;
         bit++) {   // the last chunk's sum is not looked at
        nca_image image;
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        const nca_status status = nca_image_decode(bytes, size, "x", &image, NULL);
        if (status == NCA_OK)
            fail_msg("taken with bit %zu turned", bit);
        bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    free(bytes);
}

// What came out of a file is a picture, whatever the file: of sane sizes and premultiplied pixels.
static void check_picture(const nca_image *image)
{
    assert_in_range(image->height, 1, 16384);
    assert_in_range(image->width, 1, 16384);
    for (size_t i = 0; i < (size_t)image->height * (size_t)image->width; i++) {
        const float *p = image->pixels + 4 * i;
        if (!(p[3] >= 0 && p[3] <= 1))
            fail_msg("alpha %g", p[3]);
        for (int k = 0; k < 3; k++)
            if (!(p[k] >= 0 && p[k] <= p[3]))
                fail_msg("colour %g with alpha %g", p[k], p[3]);
    }
}

// Any other file with any byte changed is refused or read as a picture, and nothing else happens.
static void test_a_changed_byte_does_no_harm(void **state)
{
    (void)state;
    static const unsigned char changes[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < ALL; i++) {
        size_t size;
        unsigned char *bytes = load(all[i], &size);
        for (size_t at = 0; at < size; at++)
            for (size_t change = 0; change < sizeof changes; change++) {
                nca_image image;
                if (strstr(all[i], ".tga") && (at == 13 || at == 15))
                    continue;   // only makes it large, which costs time
                bytes[at] ^= changes[change];
                if (nca_image_decode(bytes, size, "x", &image, NULL) == NCA_OK) {
                    check_picture(&image);
                    nca_image_free(&image);
                }
                bytes[at] ^= changes[change];
            }
        free(bytes);
    }
}

static void expect_refused(const void *bytes, size_t size, const char *words)
{
    nca_image image = {.height = 77};
    nca_error error = {0};
    assert_int_equal(nca_image_decode(bytes, size, "x", &image, &error), NCA_FORMAT);
    if (!strstr(error.message, words) || strncmp(error.message, "x: ", 3) != 0)
        fail_msg("says: %s", error.message);
    assert_int_equal(image.height, 77);
}

static void test_what_is_no_picture_is_refused(void **state)
{
    (void)state;
    expect_refused("", 0, "empty");
    expect_refused("x", 1, "not an image");
    expect_refused("GIF89a..................", 24, "a GIF");
    expect_refused("RIFF\0\0\0\0WEBPVP8 ........", 24, "contradicts itself");
    expect_refused("P6 1 1 255 \0\0\0........", 24, "not an image");
    expect_refused("\xff\xd8\xff", 3, "ends too early");
    expect_refused("\x89PNG\r\n\x1a\n", 8, "ends too early");
    expect_refused("BM", 2, "ends too early");
}

// The checksum of a chunk, to make files that are wrong in one way only.
static uint32_t sum_of(const unsigned char *bytes, size_t count)
{
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
    }
    return ~crc;
}

static void put_big(unsigned char *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> (24 - 8 * i));
}

// A PNG that says it is of another size.
static void resize_png(unsigned char *bytes, uint32_t width, uint32_t height)
{
    put_big(bytes + 16, width);
    put_big(bytes + 20, height);
    put_big(bytes + 29, sum_of(bytes + 12, 17));
}

static void test_pictures_of_giant_size_are_refused_unpacked(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = load("rgba.png", &size);
    resize_png(bytes, 0x7fffffff, 0x7fffffff);
    expect_refused(bytes, size, "2147483647 x 2147483647 pixels; at most 16384 a side");
    resize_png(bytes, 20000000, 1);   // more than stb_image looks at
    expect_refused(bytes, size, "20000000 x 1 pixels");
    resize_png(bytes, 16385, 1);
    expect_refused(bytes, size, "at most 16384 a side");
    resize_png(bytes, 16384, 16384);
    expect_refused(bytes, size, "16384 x 16384 pixels");
    resize_png(bytes, 0, 9);
    expect_refused(bytes, size, "0 x 9 pixels: there is nothing in it");
    resize_png(bytes, 4096, 4096);   // allowed, and the data is not there
    expect_refused(bytes, size, "damaged");
    free(bytes);
}

// One chunk of 9x9 pixels that unpacks to a gigabyte: stored blocks are as large packed as
// unpacked, so that this one is of a thousand copies. 258 bytes copied from one byte back cost a
// bit or two.
static void test_a_png_that_unpacks_without_end_is_refused(void **state)
{
    (void)state;
    enum { PACKED = 4 << 20 };
    size_t size;
    unsigned char *bytes = load("rgba.png", &size), *bomb = calloc(1, PACKED + 100);
    assert_non_null(bomb);
    memcpy(bomb, bytes, 33);   // signature and IHDR
    put_big(bomb + 33, PACKED);
    memcpy(bomb + 37, "IDAT", 4);
    unsigned char *data = bomb + 41;
    data[0] = 0x78;
    data[1] = 0x01;
    // A block of fixed codes: literal 0, then length 258 (11000101) at distance 1 (00000),
    // repeated: 13 bits, a whole number of times in 13 bytes.
    size_t bit = 16;
#define PUT(value, count)                    \
    for (int b = 0; b < (count); b++, bit++) \
    data[bit / 8] |= (unsigned char)(((value) >> b & 1) << bit % 8)
    PUT(1, 1);
    PUT(1, 2);
    PUT(0x0c, 8);   // 00110000 from its highest bit
    while (bit < (size_t)(PACKED - 16) * 8) {
        PUT(0xa3, 8);   // 11000101 from its highest bit
        PUT(0, 5);
    }
#undef PUT
    put_big(bomb + 41 + PACKED, sum_of(bomb + 37, PACKED + 4));
    memcpy(bomb + 45 + PACKED, bytes + size - 12, 12);
    const clock_t start = clock();
    expect_refused(bomb, PACKED + 57, "damaged image");
    assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 10);
    free(bomb);
    free(bytes);
}

// Progressive, each scan a pass over the whole picture: what an encoder never writes is not
// followed.
static void test_a_jpeg_of_scans_without_end_is_refused(void **state)
{
    (void)state;
    enum { SCANS = 300 };
    size_t size, start = 0;
    unsigned char *bytes = load("progressive.jpg", &size);
    while (memcmp(bytes + start, "\xff\xda", 2) != 0)
        start++;
    const size_t scan = size - 2 - start;   // one or more, up to the end marker
    unsigned char *many = malloc(size + SCANS * scan);
    assert_non_null(many);
    memcpy(many, bytes, start);
    for (size_t i = 0; i < SCANS; i++)
        memcpy(many + start + i * scan, bytes + start, scan);
    memcpy(many + start + SCANS * scan, "\xff\xd9", 2);
    expect_refused(many, start + SCANS * scan + 2, "more scans than any program writes");
    free(many);
    free(bytes);
}

// stb_image 2.27 would write behind its tables.
static void test_a_jpeg_with_too_many_codes_is_refused(void **state)
{
    (void)state;
    size_t size, at = 0;
    unsigned char *bytes = load("base.jpg", &size);
    while (memcmp(bytes + at, "\xff\xc4", 2) != 0)
        at++;
    memset(bytes + at + 5, 255, 16);
    expect_refused(bytes, size, "tables are wrong");
    memset(bytes + at + 5, 0, 16);
    bytes[at + 5 + 7] = 200;   // fewer than 256, but more than the segment holds
    expect_refused(bytes, size, "tables are wrong");
    free(bytes);
}

static void test_files_are_read_as_from_memory(void **state)
{
    (void)state;
    size_t size;
    nca_image image;
    nca_error error;
    unsigned char *bytes = load("rgba.png", &size);
    scratch_write("disc.png", bytes, size);
    free(bytes);
    assert_int_equal(nca_image_read(scratch("disc.png"), &image, NULL), NCA_OK);
    assert_true(compare(&image, false) < 1e-4);
    nca_image_free(&image);
    assert_int_equal(nca_image_read(scratch("missing.png"), &image, &error), NCA_FILE);
    assert_int_equal(nca_image_read(scratch_folder, &image, &error), NCA_FILE);
    assert_int_equal(nca_image_read("/dev/zero", &image, &error), NCA_FILE);
    scratch_write("giant.png", "x", 1);
    assert_int_equal(truncate(scratch("giant.png"), (off_t)1 << 30), 0);
    assert_int_equal(nca_image_read(scratch("giant.png"), &image, &error), NCA_FORMAT);
    assert_non_null(strstr(error.message, "at most 268435456"));
}

// Source: the notebook's to_rgb.
static void test_a_state_is_shown_on_white(void **state)
{
    (void)state;
    const float cells[4][5] = {
        {0, 0, 0, 0, 9}, {0.25f, 0.5f, 1, 1, 9}, {0.1f, 0.2f, 0.3f, 0.5f, 9}, {-3, NAN, 7, 2, 9}};
    uint8_t rgb[12];
    static const uint8_t expected[12] = {255, 255, 255, 64, 128, 255, 153, 179, 204, 0, 0, 255};
    nca_image_on_white(cells[0], 2, 2, 5, rgb);
    assert_memory_equal(rgb, expected, sizeof rgb);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_format_gives_the_same_picture),
        cmocka_unit_test(test_every_kind_of_the_formats_is_read),
        cmocka_unit_test(test_a_picture_that_was_cut_off_is_refused),
        cmocka_unit_test(test_a_png_with_a_turned_bit_is_refused),
        cmocka_unit_test(test_a_changed_byte_does_no_harm),
        cmocka_unit_test(test_what_is_no_picture_is_refused),
        cmocka_unit_test(test_pictures_of_giant_size_are_refused_unpacked),
        cmocka_unit_test(test_a_png_that_unpacks_without_end_is_refused),
        cmocka_unit_test(test_a_jpeg_of_scans_without_end_is_refused),
        cmocka_unit_test(test_a_jpeg_with_too_many_codes_is_refused),
        cmocka_unit_test(test_files_are_read_as_from_memory),
        cmocka_unit_test(test_a_state_is_shown_on_white),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
