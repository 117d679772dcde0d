// How a photograph lies: a JPEG is turned as its Exif segment says.
#define _GNU_SOURCE   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "corpus.h"
#include "media/image.h"
#include "media/stored.h"

// An Exif segment that says how the picture lies, behind an entry of another tag.
static size_t put_exif(unsigned char *to, int orientation, bool is_big)
{
    static const unsigned char little[] = "\xff\xe1\0\x2e"
                                          "Exif\0\0II\x2a\0\x08\0\0\0\x02\0"
                                          "\x0f\x01\x02\0\x02\0\0\0nc\0\0"
                                          "\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";
    static const unsigned char big[] = "\xff\xe1\0\x2e"
                                       "Exif\0\0MM\0\x2a\0\0\0\x08\0\x02"
                                       "\x01\x0f\0\x02\0\0\0\x02nc\0\0"
                                       "\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    memcpy(to, is_big ? big : little, 48);
    to[is_big ? 41 : 40] = (unsigned char)orientation;
    return 48;
}

// base.jpg with that segment, in exactly as many bytes as it has.
static unsigned char *turn_jpeg(int orientation, bool is_big, size_t *size)
{
    unsigned char *plain = load("base.jpg", size);
    unsigned char *bytes = malloc(*size + 48);
    assert_non_null(bytes);
    memcpy(bytes, plain, 2);
    assert_int_equal(put_exif(bytes + 2, orientation, is_big), 48);
    memcpy(bytes + 50, plain + 2, *size - 2);
    *size += 48;
    free(plain);
    return bytes;
}

// Source: Exif's table of where row 0 and column 0 lie. The disc is square: its colours show how it
// lies.
static void test_a_photograph_is_turned_as_it_says(void **state)
{
    (void)state;
    enum { TOP, RIGHT, BOTTOM, LEFT };
    static const int sides[9][2] = {{TOP, LEFT},     {TOP, LEFT},     {TOP, RIGHT},
                                    {BOTTOM, RIGHT}, {BOTTOM, LEFT},  {LEFT, TOP},
                                    {RIGHT, TOP},    {RIGHT, BOTTOM}, {LEFT, BOTTOM}};
    size_t size;
    nca_image plain, image;
    unsigned char *bytes = load("base.jpg", &size);
    assert_int_equal(nca_image_decode(bytes, size, "x", &plain, NULL), NCA_OK);
    free(bytes);
    for (int i = 0; i <= 9; i++)
        for (int is_big = 0; is_big < 2; is_big++) {
            const int *lies = sides[i <= 8 ? i : 0];   // 0 and 9 mean nothing
            bytes = turn_jpeg(i, is_big, &size);
            assert_int_equal(nca_jpeg_orientation(bytes, size), i >= 1 && i <= 8 ? i : 1);
            assert_int_equal(nca_image_decode(bytes, size, "x", &image, NULL), NCA_OK);
            for (int row = 0; row < SIDE; row++)
                for (int column = 0; column < SIDE; column++) {
                    const int steps[2] = {row, column};
                    int y = 0, x = 0;
                    for (int k = 0; k < 2; k++) {   // so many steps away from that side
                        y = lies[k] == TOP ? steps[k] : lies[k] == BOTTOM ? SIDE - 1 - steps[k] : y;
                        x = lies[k] == LEFT ? steps[k] : lies[k] == RIGHT ? SIDE - 1 - steps[k] : x;
                    }
                    assert_memory_equal(image.pixels + (y * SIDE + x) * 4,
                                        plain.pixels + (row * SIDE + column) * 4,
                                        4 * sizeof(float));
                }
            nca_image_free(&image);
            free(bytes);
        }
    nca_image_free(&plain);
}

static void test_a_photograph_on_its_side_is_as_high_as_it_was_wide(void **state)
{
    (void)state;
    size_t size;
    nca_image image;
    unsigned char *bytes = load("turned.jpg", &size);   // 12 x 7, orientation 6
    assert_int_equal(nca_jpeg_orientation(bytes, size), 6);
    assert_int_equal(nca_image_decode(bytes, size, "x", &image, NULL), NCA_OK);
    assert_int_equal(image.height, 12);
    assert_int_equal(image.width, 7);
    const float *top = image.pixels + 3 * 4, *bottom = image.pixels + (11 * 7 + 3) * 4;
    assert_true(top[0] > 0.8f && bottom[0] < 0.2f);   // red at its left side, which is the top
    nca_image_free(&image);
    free(bytes);
}

// Cut off or lying about its lengths, the segment says nothing, and nothing behind it is read.
static void test_a_damaged_exif_segment_says_nothing(void **state)
{
    (void)state;
    size_t size;
    unsigned char *bytes = turn_jpeg(6, false, &size);
    for (size_t length = 0; length < 50; length++) {
        unsigned char *part = malloc(length + 1);
        assert_non_null(part);
        memcpy(part, bytes, length);
        part = realloc(part, length ? length : 1);   // exactly so many, for the sanitizer
        assert_int_equal(nca_jpeg_orientation(part, length), 1);
        free(part);
    }
    static const struct {
        size_t at;
        unsigned char value;
    } lies[] = {{5, 0x10},  {6, 'e'}, {12, 'X'},  {14, 0x2b}, {16, 0xff},
                {19, 0xff}, {20, 1},  {34, 0x13}, {36, 4},    {38, 2}};
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        unsigned char kept = bytes[lies[i].at];
        bytes[lies[i].at] = lies[i].value;
        if (nca_jpeg_orientation(bytes, size) != 1)
            fail_msg("byte %zu as %d still says it", lies[i].at, lies[i].value);
        bytes[lies[i].at] = kept;
    }
    assert_int_equal(nca_jpeg_orientation(bytes, size), 6);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_photograph_is_turned_as_it_says),
        cmocka_unit_test(test_a_photograph_on_its_side_is_as_high_as_it_was_wide),
        cmocka_unit_test(test_a_damaged_exif_segment_says_nothing),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
