// Picture files of every kind that needs care: read as another decoder reads them, or refused by
// name. The files, and what they show, are made by pictures/make.py with Pillow.
#define _GNU_SOURCE   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "media/image.h"
#include "scratch.h"

static unsigned char *load(const char *name, const char *extension, size_t *size)
{
    char path[256];
    snprintf(path, sizeof path, "tests/media/pictures/%s%s", name, extension);
    return scratch_read(path, size);
}

// How far a picture is from the bytes that are expected at most, in 255ths; premultiplied.
static double compare(const nca_image *image, const unsigned char *expected, size_t size)
{
    double worst = 0;
    assert_int_equal(image->width, expected[0]);
    assert_int_equal(image->height, expected[1]);
    assert_int_equal(size, 2 + (size_t)image->width * (size_t)image->height * 4);
    for (size_t i = 0; i < (size - 2) / 4; i++) {
        const unsigned char *rgba = expected + 2 + 4 * i;
        for (int k = 0; k < 4; k++) {
            const double wanted = k < 3 ? rgba[k] * (rgba[3] / 255.0) : rgba[3];
            worst = fmax(worst, fabs(image->pixels[4 * i + (size_t)k] * 255 - wanted));
        }
    }
    return worst;
}

// Exact where nothing is rounded; decoders of JPEG round otherwise, and spread colours otherwise
// where these are stored at half the size.
static const double exact = 1e-3, rounded = 4, spread = 24;

static const struct {
    const char *file, *expected;
    const double *allowed;
} read_right[] = {
    {"b24.bmp", "opaque", &exact},
    {"b24_top.bmp", "opaque", &exact},
    {"b32_v4.bmp", "clear", &exact},
    {"b32_v4_top.bmp", "clear", &exact},
    {"b16.bmp", "five", &exact},
    {"b16_top.bmp", "five", &exact},
    {"b16_565.bmp", "six", &exact},
    {"b8.bmp", "palette", &exact},
    {"b8_top.bmp", "palette", &exact},
    {"b4.bmp", "palette", &exact},
    {"b4_top.bmp", "palette", &exact},
    {"b2.bmp", "four", &exact},
    {"b1.bmp", "two", &exact},
    {"b1_top.bmp", "two", &exact},
    {"b32_empty.bmp", "opaque", &exact},
    {"b32_ten.bmp", "ten", &exact},
    {"b32_alpha_masks.bmp", "clear", &exact},
    {"v2.bmp", "opaque", &exact},
    {"v3.bmp", "clear", &exact},
    {"v3_565.bmp", "six", &exact},
    {"v5.bmp", "opaque", &exact},
    {"os2_1.bmp", "palette", &exact},
    {"os2_1_24.bmp", "opaque", &exact},
    {"os2_2.bmp", "palette", &exact},
    {"os2_2_short.bmp", "palette", &exact},
    {"gap1.bmp", "opaque", &exact},
    {"gap10.bmp", "opaque", &exact},
    {"gap68.bmp", "opaque", &exact},
    {"gap1_8.bmp", "palette", &exact},
    {"gap10_8.bmp", "palette", &exact},
    {"gap68_8.bmp", "palette", &exact},
    {"palette_24.bmp", "opaque", &exact},
    {"rle8.bmp", "runs", &exact},
    {"rle4.bmp", "runs", &exact},
    {"corner0.tga", "opaque", &exact},
    {"corner1.tga", "opaque", &exact},
    {"corner2.tga", "opaque", &exact},
    {"corner3.tga", "opaque", &exact},
    {"corner0_alpha.tga", "clear", &exact},
    {"corner1_alpha.tga", "clear", &exact},
    {"corner2_alpha.tga", "clear", &exact},
    {"corner3_alpha.tga", "clear", &exact},
    {"first_5.tga", "palette", &exact},
    {"first_5_packed.tga", "palette", &exact},
    {"first_300.tga", "palette", &exact},
    {"unused_palette.tga", "opaque", &exact},
    {"cmyk.jpg", "cmyk", &rounded},
    {"cmyk_adobe.jpg", "cmyk_adobe", &rounded},
    {"cmyk_progressive.jpg", "cmyk_progressive", &rounded},
    {"cmyk_progressive_adobe.jpg", "cmyk_progressive_adobe", &rounded},
    {"no_tables.jpg", "no_tables", &spread},
    {"no_tables_444.jpg", "no_tables_444", &rounded},
    {"no_tables_grey.jpg", "no_tables_grey", &rounded},
    {"some_tables.jpg", "some_tables", &spread},
    {"turned1.png", "turned1", &exact},
    {"turned2.png", "turned2", &exact},
    {"turned3.png", "turned3", &exact},
    {"turned4.png", "turned4", &exact},
    {"turned5.png", "turned5", &exact},
    {"turned6.png", "turned6", &exact},
    {"turned7.png", "turned7", &exact},
    {"turned8.png", "turned8", &exact},
    {"index_beyond.png", "index_beyond", &exact},
    {"lossless.webp", "lossless", &exact},
    {"lossy.webp", "lossy", &exact},   // by the same library
    {"lossy_alpha.webp", "lossy_alpha", &exact},
    {"turned_webp.webp", "turned_webp", &exact},
};
enum { READ_RIGHT = sizeof read_right / sizeof *read_right };

static void test_every_kind_is_read_as_another_decoder_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < READ_RIGHT; i++) {
        size_t size, expected_size;
        nca_image image;
        nca_error error = {0};
        unsigned char *bytes = load(read_right[i].file, "", &size);
        unsigned char *expected = load(read_right[i].expected, ".rgba", &expected_size);
        if (nca_image_decode(bytes, size, read_right[i].file, &image, &error) != NCA_OK)
            fail_msg("%s", error.message);
        const double worst = compare(&image, expected, expected_size);
        if (!(worst <= *read_right[i].allowed))
            fail_msg("%s: %g of 255 from what it shows", read_right[i].file, worst);
        nca_image_free(&image);
        free(expected);
        free(bytes);
    }
}

static void expect_refused(const void *bytes, size_t size, const char *name, const char *words)
{
    nca_image image = {.height = 77};
    nca_error error = {0};
    if (nca_image_decode(bytes, size, name, &image, &error) != NCA_FORMAT)
        fail_msg("%s: not refused", name);
    if (!strstr(error.message, words) || strncmp(error.message, name, strlen(name)) != 0)
        fail_msg("says: %s", error.message);
    assert_int_equal(image.height, 77);
}

static void test_what_would_be_read_wrongly_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *file, *words;
    } refused[] = {
        {"index_beyond.bmp", "contradicts itself"},
        {"before_first.tga", "contradicts itself"},
        {"jpeg_in_it.bmp", "a JPEG within it); save it as PNG"},
        {"no_quantizer.jpg", "names a quantisation table which it does not bring"},
        {"wrong_sum.png", "a checksum in it is wrong"},
        {"apple.png", "Apple's devices (CgBI)"},
        {"animated.webp", "an animated WebP"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        size_t size;
        unsigned char *bytes = load(refused[i].file, "", &size);
        expect_refused(bytes, size, refused[i].file, refused[i].words);
        free(bytes);
    }
}

// Where a segment of a JPEG begins that has this marker.
static unsigned char *find_segment(unsigned char *bytes, size_t size, int marker)
{
    for (size_t at = 2; at + 4 < size; at += 2 + ((size_t)bytes[at + 2] << 8 | bytes[at + 3]))
        if (bytes[at + 1] == marker)
            return bytes + at;
    fail_msg("no segment %x", marker);
    return NULL;
}

static void test_a_jpeg_of_an_unsupported_kind_is_named(void **state)
{
    (void)state;
    static const struct {
        int marker;
        const char *words;
    } kinds[] = {
        {0xc3, "unsupported: lossless JPEG; save it as"},
        {0xc5, "unsupported: hierarchical JPEG"},
        {0xc7, "unsupported: hierarchical JPEG"},
        {0xc9, "unsupported: arithmetic-coded JPEG; save it as"},
        {0xca, "unsupported: arithmetic-coded JPEG"},
        {0xcb, "unsupported: arithmetic-coded lossless JPEG"},
        {0xcd, "unsupported: arithmetic-coded hierarchical JPEG"},
        {0xf7, "unsupported: JPEG-LS"},
    };
    size_t size;
    unsigned char *bytes = load("whole.jpg", "", &size);
    unsigned char *frame = find_segment(bytes, size, 0xc0);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        frame[1] = (unsigned char)kinds[i].marker;
        expect_refused(bytes, size, "x.jpg", kinds[i].words);
    }
    free(bytes);
}

// One byte of the frame or of the scan, and what is said then.
static void test_a_jpeg_that_stb_image_would_misread_is_refused(void **state)
{
    (void)state;
    static const struct {
        int marker, at, value;
        const char *words;
    } changes[] = {
        {0xc0, 4, 12, "JPEG of 12 bits a sample"},
        {0xc0, 6, 0, "height comes after its pixels"},   // with the byte before, which is 0
        {0xc0, 9, 2, "JPEG of 2 components"},
        {0xc0, 14, 0x31, "at no whole fraction of its size"},
        {0xc0, 12, 3, "quantisation table which it does not bring"},
        {0xda, 6, 0x20, "Huffman table which it does not bring"},
        {0xda, 6, 0x03, "Huffman table which it does not bring"},
        {0xda, 5, 9, "contradicts itself"},
    };
    size_t size;
    unsigned char *bytes = load("whole.jpg", "", &size);
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        unsigned char *byte = find_segment(bytes, size, changes[i].marker) + changes[i].at;
        const unsigned char kept = *byte;
        *byte = (unsigned char)changes[i].value;
        expect_refused(bytes, size, "x.jpg", changes[i].words);
        *byte = kept;
    }
    free(bytes);
}

static void test_what_lies_under_a_picture_s_name_is_told(void **state)
{
    (void)state;
#define ROW(bytes, words)              \
    {                                  \
        bytes, sizeof bytes - 1, words \
    }
    static const struct {
        const char *bytes;
        size_t size;
        const char *words;
    } files[] = {
        ROW("GIF89a..................", "a GIF"),
        ROW("\x89PNG\n\x1a\n.................", "whose line ends were changed"),
        ROW("\x89PNG\r\n\x1a\r\n................", "whose line ends were changed"),
        ROW("\xef\xbf\xbdPNG\r\n\x1a\n...............", "changed into UTF-8"),
        ROW("\0\0\0\x18"
            "ftypheic\0\0\0\0mif1heic........",
            "an HEIC"),
        ROW("\0\0\0\x18"
            "ftypmif1\0\0\0\0mif1heic........",
            "an HEIC"),
        ROW("\0\0\0\x1c"
            "ftypavif\0\0\0\0avifmif1miaf....",
            "an AVIF"),
        ROW("\0\0\0\x18"
            "ftypisom\0\0\0\0mp41........",
            "a film"),
        ROW("\n<!DOCTYPE html><html><head>", "an HTML page"),
        ROW("\xef\xbb\xbf<html>...................", "an HTML page"),
        ROW("<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG"),
        ROW("version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "git lfs pull"),
        ROW("II*\0....................", "a TIFF"),
        ROW("8BPS....................", "a Photoshop file"),
        ROW("\xff\x0a......................", "a JPEG XL"),
        ROW("%PDF-1.4................", "a PDF"),
        ROW("P6 1 1 255 \0\0\0........", "not an image this build can read"),
        ROW("RIFF\4\0\0\0WAVE............", "not an image this build can read"),
    };
#undef ROW
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        expect_refused(files[i].bytes, files[i].size, "x.png", files[i].words);
}

// Cut off at any byte: refused, but for padding and ends that hold no pixel.
static void test_a_kind_that_was_cut_off_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *file;
        size_t spare;
    } files[] = {{"rle8.bmp", 2},         {"rle4.bmp", 2},      {"b4_top.bmp", 3},
                 {"v3.bmp", 0},           {"os2_1.bmp", 3},     {"corner1_alpha.tga", 0},
                 {"first_5.tga", 0},      {"lossless.webp", 0}, {"lossy_alpha.webp", 0},
                 {"turned_webp.webp", 0}, {"cmyk.jpg", 0},      {"no_tables.jpg", 0},
                 {"turned6.png", 0}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t size;
        unsigned char *bytes = load(files[i].file, "", &size);
        for (size_t length = 1; length + files[i].spare < size; length++) {
            nca_image image;
            unsigned char *part = malloc(length);   // exactly so many, for the sanitizer
            assert_non_null(part);
            memcpy(part, bytes, length);
            if (nca_image_decode(part, length, "x", &image, NULL) != NCA_FORMAT)
                fail_msg("%s: taken with %zu of %zu bytes", files[i].file, length, size);
            free(part);
        }
        free(bytes);
    }
}

// A font has bitmaps of 12, 24 and 48 pixels, each of a colour of its own, not in this order.
static void test_the_bitmaps_that_fit_are_taken(void **state)
{
    (void)state;
    static const struct {
        int size, expected, colour;
    } cases[] = {{1, 12, 0},  {12, 12, 0}, {13, 24, 1}, {24, 24, 1},
                 {25, 48, 2}, {48, 48, 2}, {90, 48, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nca_image image;
        nca_error error = {0};
        if (nca_emoji_draw("🦎", "tests/media/pictures/sbix.ttf", cases[i].size, &image,
                           &error) != NCA_OK)
            fail_msg("%s", error.message);
        assert_int_equal(image.height, cases[i].expected);
        for (int k = 0; k < 3; k++)
            assert_true(image.pixels[k] == (k == cases[i].colour ? 1 : 0));
        nca_image_free(&image);
    }
}

static void test_a_font_without_bitmaps_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *file, *words;
    } fonts[] = {{"colrv0.ttf", "a COLRv0 font, which has outlines"},
                 {"colrv1.ttf", "a COLRv1 font, which has outlines"},
                 {"plain.ttf", "a font without colours"}};
    for (size_t i = 0; i < sizeof fonts / sizeof *fonts; i++) {
        nca_image image;
        nca_error error = {0};
        char path[128];
        snprintf(path, sizeof path, "tests/media/pictures/%s", fonts[i].file);
        assert_int_equal(nca_emoji_draw("🦎", path, 40, &image, &error), NCA_FORMAT);
        if (!strstr(error.message, fonts[i].words) ||
            !strstr(error.message, "NotoColorEmoji.ttf of"))
            fail_msg("says: %s", error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_is_read_as_another_decoder_does),
        cmocka_unit_test(test_what_would_be_read_wrongly_is_refused_by_name),
        cmocka_unit_test(test_a_jpeg_of_an_unsupported_kind_is_named),
        cmocka_unit_test(test_a_jpeg_that_stb_image_would_misread_is_refused),
        cmocka_unit_test(test_what_lies_under_a_picture_s_name_is_told),
        cmocka_unit_test(test_a_kind_that_was_cut_off_is_refused),
        cmocka_unit_test(test_the_bitmaps_that_fit_are_taken),
        cmocka_unit_test(test_a_font_without_bitmaps_is_named),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
