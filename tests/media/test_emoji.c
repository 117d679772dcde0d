// Emoji, typed or as code points, sequences included: one glyph each, or a refusal that says why.
// Skipped where there is no emoji font.
#define _GNU_SOURCE   // nftw
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/image.h"
#include "scratch.h"

static nca_image draw(const char *text)
{
    nca_image image;
    nca_error error = {0};
    if (nca_emoji_draw(text, NULL, 40, &image, &error) != NCA_OK)
        fail_msg("%s", error.message);
    return image;
}

static bool is_same(const nca_image *a, const nca_image *b)
{
    return a->height == b->height && a->width == b->width &&
           memcmp(a->pixels, b->pixels, (size_t)a->height * (size_t)a->width * 4 * sizeof(float)) ==
               0;
}

static void expect_same(const char *first, const char *second)
{
    nca_image a = draw(first), b = draw(second);
    if (!is_same(&a, &b))
        fail_msg("%s and %s are two pictures", first, second);
    nca_image_free(&a);
    nca_image_free(&b);
}

static void expect_different(const char *first, const char *second)
{
    nca_image a = draw(first), b = draw(second);
    if (is_same(&a, &b))
        fail_msg("%s and %s are one picture", first, second);
    nca_image_free(&a);
    nca_image_free(&b);
}

// The font's bitmaps are 136 x 128, premultiplied; the lizard is green.
static void test_an_emoji_is_a_picture(void **state)
{
    (void)state;
    nca_image image = draw("🦎");
    double sum[4] = {0};
    assert_int_equal(image.height, 128);
    assert_int_equal(image.width, 136);
    for (int i = 0; i < 128 * 136; i++)
        for (int k = 0; k < 4; k++) {
            const float *p = image.pixels + 4 * i;
            assert_true(p[k] >= 0 && p[k] <= p[3] && p[3] <= 1);
            sum[k] += p[k];
        }
    assert_true(sum[1] > 1.2 * sum[0] && sum[1] > 1.5 * sum[2]);
    assert_true(sum[3] > 0.1 * 128 * 136 && sum[3] < 0.9 * 128 * 136);
    nca_image_free(&image);
}

static void test_code_points_say_the_same_as_typing(void **state)
{
    (void)state;
    expect_same("🦎", "U+1F98E");
    expect_same("🦎", "u+1f98e");
    expect_same("👩‍🚀", "U+1F469 U+200D U+1F680");
    expect_same("👩‍🚀", "U+1F469,U+200D,U+1F680");
    expect_same("👩‍🚀", "U+1F469U+200DU+1F680");
    expect_same("✌🏽", "U+270C U+1F3FD");
}

static void test_sequences_are_one_picture(void **state)
{
    (void)state;
    static const char *const sequences[] = {
        "🇩🇪",   // flag, of two letters
        "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",   // England, by tags
        "🏳️‍🌈",              // flag with a rainbow, joined
        "👨‍👩‍👧‍👦",   // family of four, joined
        "👩🏽‍🚀",             // astronaut with a skin tone
        "👍🏿",                    // skin tone
        "1️⃣",                     // keycap
        "#️⃣",
        "❤️",   // with the selector for colour
        "❤️‍🔥",
        "☺️",
        "😝",
        "5",   // what a keycap is made of is a picture as well
    };
    for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
        nca_image image = draw(sequences[i]);
        nca_image_free(&image);
    }
    expect_different("👍", "👍🏿");
    expect_different("🇩🇪", "🇫🇷");
    expect_different("1️⃣", "2️⃣");
    expect_different("5", "5️⃣");
    expect_same("😝", "😝\uFE0F");   // the selector changes nothing here
}

static void expect_refused(const char *text, const char *words)
{
    nca_image image = {.height = 77};
    nca_error error = {0};
    if (nca_emoji_draw(text, NULL, 40, &image, &error) != NCA_ARGUMENT)
        fail_msg("\"%s\" is taken", text);
    if (!strstr(error.message, words))
        fail_msg("\"%s\": says %s", text, error.message);
    assert_int_equal(image.height, 77);
}

static void test_what_is_not_one_emoji_is_refused(void **state)
{
    (void)state;
    char longest[1000];
    expect_refused("", "neither a file nor one emoji");
    expect_refused("🦎🦋", "drawn as 2 glyphs");
    expect_refused("🦎 ", "neither a file nor one emoji");
    expect_refused("🇩🇪🇫🇷", "drawn as 2 glyphs");
    expect_refused("👨‍👨‍🦎", "neither a file nor one emoji");   // no such family
    expect_refused("lizard", "neither a file nor one emoji");
    expect_refused("x", "neither a file nor one emoji");
    expect_refused("漢", "neither a file nor one emoji");
    expect_refused("\xff\xfe", "neither a file nor one emoji");
    expect_refused("\n", "neither a file nor one emoji");
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = 0;
    expect_refused(longest, "too long for one emoji");
}

static void test_wrong_code_points_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"U+",
                                        "U+Z",
                                        "U+0",
                                        "U+110000",
                                        "U+1F98E x",
                                        "U+1F98E U",
                                        "U+1F98E U+",
                                        "U+-1",
                                        "U+ 1F98E",
                                        "U+0x1F98E",
                                        "U+FFFFFFFFFFFFFFFFFFFF1F98E"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        expect_refused(wrong[i], "not code points");
    expect_refused("U+D800", "neither a file nor one emoji");
    char longest[2000] = "";
    for (int i = 0; i < 100; i++)
        strcat(longest, "U+1F98E ");
    expect_refused(longest, "not code points");
}

static void expect_font_refused(const char *font, nca_status expected, const char *words)
{
    nca_image image = {.height = 77};
    nca_error error = {0};
    assert_int_equal(nca_emoji_draw("🦎", font, 40, &image, &error), expected);
    if (!strstr(error.message, words))
        fail_msg("says %s", error.message);
    assert_int_equal(image.height, 77);
}

static void test_other_fonts_are_taken_or_refused(void **state)
{
    (void)state;
    nca_image image, same = draw("🦎");
    size_t size;
    assert_int_equal(nca_emoji_draw("🦎", nca_emoji_font(), 40, &image, NULL), NCA_OK);
    assert_true(is_same(&image, &same));
    nca_image_free(&image);
    nca_image_free(&same);
    expect_font_refused(scratch("missing.ttf"), NCA_FILE, "missing.ttf: No such file");
    expect_font_refused(scratch_folder, NCA_FILE, "not a file");
    expect_font_refused(scratch_write("empty.ttf", "", 0), NCA_FORMAT, "not a font");
    expect_font_refused("tests/media/test_emoji.c", NCA_FORMAT, "not a font");
    assert_int_equal(mkfifo(scratch("pipe.ttf"), 0600), 0);
    alarm(10);
    expect_font_refused(scratch("pipe.ttf"), NCA_FILE, "not a file");
    alarm(0);
    // Cut off: the tables are there, the bitmap is not.
    unsigned char *font = scratch_read(nca_emoji_font(), &size);
    scratch_write("cut.ttf", font, size / 100);
    free(font);
    assert_int_not_equal(nca_emoji_draw("🦎", scratch("cut.ttf"), 40, &image, NULL), NCA_OK);
}

// A typed emoji is always trimmed: its longer side, without the bitmap's border, has the size
// asked.
static void test_an_emoji_target_fills_its_size(void **state)
{
    (void)state;
    const nca_target_options options = {.source = "😝", .target_size = 40};
    nca_image image;
    bool touches[4] = {false};
    assert_int_equal(nca_target_load(&options, &image, NULL), NCA_OK);
    assert_true(image.height == 40 || image.width == 40);
    for (int i = 0; i < image.width; i++) {
        touches[0] |= image.pixels[4 * i + 3] > 0;
        touches[1] |= image.pixels[((image.height - 1) * image.width + i) * 4 + 3] > 0;
    }
    for (int i = 0; i < image.height; i++) {
        touches[2] |= image.pixels[i * image.width * 4 + 3] > 0;
        touches[3] |= image.pixels[(i * image.width + image.width - 1) * 4 + 3] > 0;
    }
    assert_true(touches[0] && touches[1] && touches[2] && touches[3]);
    nca_image_free(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_emoji_is_a_picture),
        cmocka_unit_test(test_code_points_say_the_same_as_typing),
        cmocka_unit_test(test_sequences_are_one_picture),
        cmocka_unit_test(test_what_is_not_one_emoji_is_refused),
        cmocka_unit_test(test_wrong_code_points_are_refused),
        cmocka_unit_test(test_other_fonts_are_taken_or_refused),
        cmocka_unit_test(test_an_emoji_target_fills_its_size),
    };
    if (!nca_emoji_font())
        return 77;
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
