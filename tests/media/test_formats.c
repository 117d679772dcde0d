// Output formats: what is written is read back by other libraries than wrote it.
#define _GNU_SOURCE   // nftw
#include "media/small_film.h"

#include <gif_lib.h>
#include <math.h>
#include <webp/demux.h>

#include "media/image.h"

static void expect_frame(const uint8_t *rgba, int frame)
{
    uint8_t rgb[BYTES];
    draw(frame, rgb);
    for (int i = 0; i < HEIGHT * WIDTH; i++) {
        assert_memory_equal(rgba + 4 * i, rgb + 3 * i, 3);
        assert_int_equal(rgba[4 * i + 3], 255);
    }
}

static void test_webp_reads_back_as_it_was(void **state)
{
    (void)state;
    size_t size;
    WebPAnimInfo info;
    WebPAnimDecoderOptions options;
    assert_int_equal(write_film(scratch("a.webp"), &usual, true, NULL), NCA_OK);
    unsigned char *bytes = scratch_read(scratch("a.webp"), &size);
    assert_true(WebPAnimDecoderOptionsInit(&options));
    options.color_mode = MODE_RGBA;
    WebPAnimDecoder *decoder =
        WebPAnimDecoderNew(&(WebPData){.bytes = bytes, .size = size}, &options);
    assert_non_null(decoder);
    assert_true(WebPAnimDecoderGetInfo(decoder, &info));
    assert_int_equal(info.canvas_width, WIDTH);
    assert_int_equal(info.canvas_height, HEIGHT);
    assert_int_equal(info.frame_count, FRAMES);
    assert_int_equal(info.loop_count, 0);   // for ever
    for (int i = 0; i < FRAMES; i++) {
        uint8_t *rgba;
        int end_ms;
        assert_true(WebPAnimDecoderGetNext(decoder, &rgba, &end_ms));
        assert_int_equal(end_ms, 50 * (i + 1));
        expect_frame(rgba, i);
    }
    WebPAnimDecoderDelete(decoder);
    free(bytes);
}

static void test_gif_reads_back_as_it_was(void **state)
{
    (void)state;
    int code;
    assert_int_equal(write_film(scratch("a.gif"), &usual, true, NULL), NCA_OK);
    GifFileType *gif = DGifOpenFileName(scratch("a.gif"), &code);
    assert_non_null(gif);
    assert_int_equal(DGifSlurp(gif), GIF_OK);
    assert_int_equal(gif->ImageCount, FRAMES);
    assert_int_equal(gif->SWidth, WIDTH);
    assert_int_equal(gif->SHeight, HEIGHT);
    for (int i = 0; i < FRAMES; i++) {
        GraphicsControlBlock control;
        uint8_t rgb[BYTES];
        draw(i, rgb);
        assert_int_equal(DGifSavedExtensionToGCB(gif, i, &control), GIF_OK);
        assert_int_equal(control.DelayTime, 5);
        for (int p = 0; p < HEIGHT * WIDTH; p++) {
            const GifColorType *colour = &gif->SColorMap->Colors[gif->SavedImages[i].RasterBits[p]];
            assert_int_equal(colour->Red, rgb[3 * p]);
            assert_int_equal(colour->Green, rgb[3 * p + 1]);
            assert_int_equal(colour->Blue, rgb[3 * p + 2]);
        }
    }
    assert_int_equal(DGifCloseFile(gif, &code), GIF_OK);
}

// Hundredths of a second of a GIF's frames, or milliseconds of a WebP's; how many there are.
static int read_times(const char *path, const unsigned char *bytes, size_t size, int *times)
{
    int code, count = 0;
    if (strstr(path, ".gif")) {
        GifFileType *gif = DGifOpenFileName(path, &code);
        assert_non_null(gif);
        assert_int_equal(DGifSlurp(gif), GIF_OK);
        for (; count < gif->ImageCount; count++) {
            GraphicsControlBlock control;
            assert_int_equal(DGifSavedExtensionToGCB(gif, count, &control), GIF_OK);
            times[count] = control.DelayTime;
        }
        assert_int_equal(DGifCloseFile(gif, &code), GIF_OK);
        return count;
    }
    WebPAnimDecoder *decoder = WebPAnimDecoderNew(&(WebPData){.bytes = bytes, .size = size}, NULL);
    uint8_t *rgba;
    assert_non_null(decoder);
    for (int end_ms, before_ms = 0; WebPAnimDecoderHasMoreFrames(decoder); before_ms = end_ms) {
        assert_true(WebPAnimDecoderGetNext(decoder, &rgba, &end_ms));
        times[count++] = end_ms - before_ms;
    }
    WebPAnimDecoderDelete(decoder);
    return count;
}

// Where frames come faster than browsers show them, evenly chosen ones are left out.
static void test_a_film_lasts_as_long_as_asked(void **state)
{
    (void)state;
    static const double rates[] = {7, 15, 24, 30, 40, 50, 60, 90, 100};
    static const char *const names[] = {"t.gif", "t.webp"};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        for (int is_webp = 0; is_webp < 2; is_webp++) {
            nca_writer_options options = usual;
            options.frames = 7;
            options.frames_per_second = rates[i];
            const double units = is_webp ? 1000 : 100, asked = 7 * units / rates[i];
            const int shortest = is_webp ? 11 : 2;
            const char *path = scratch(names[is_webp]);
            size_t size;
            int times[7], sum = 0;
            assert_int_equal(write_film(path, &options, true, NULL), NCA_OK);
            unsigned char *bytes = scratch_read(path, &size);
            const int count = read_times(path, bytes, size, times);
            assert_int_equal(count, asked / 7 >= shortest ? 7 : (int)(asked / shortest + 1e-9));
            for (int k = 0; k < count; k++) {
                assert_true(times[k] >= shortest);
                sum += times[k];
            }
            assert_true(fabs(sum - asked) <= 0.5);
            free(bytes);
        }
}

// More colours than a palette holds: each is shown as one nearby, the most frequent as itself.
static void test_gif_of_many_colours_stays_near_them(void **state)
{
    (void)state;
    enum { SIDE = 64 };
    const nca_writer_options options = {
        .height = SIDE, .width = SIDE, .frames = 1, .frames_per_second = 20};
    static uint8_t rgb[SIDE * SIDE * 3];
    nca_writer *writer;
    int code, worst = 0;
    for (int i = 0; i < SIDE * SIDE; i++) {
        const uint8_t colour[] = {(uint8_t)(i % 64 * 4), (uint8_t)(i / 64 * 4), 90};
        memcpy(rgb + 3 * i, i < SIDE * SIDE / 2 ? (uint8_t[]){250, 10, 10} : colour, 3);
    }
    const nca_format *format = find(scratch("many.gif"));
    assert_int_equal(format->open(scratch("many.gif"), &options, &writer, NULL), NCA_OK);
    assert_int_equal(format->add(writer, rgb, NULL), NCA_OK);
    assert_int_equal(format->close(writer, true, NULL), NCA_OK);
    GifFileType *gif = DGifOpenFileName(scratch("many.gif"), &code);
    assert_non_null(gif);
    assert_int_equal(DGifSlurp(gif), GIF_OK);
    for (int i = 0; i < SIDE * SIDE; i++) {
        const GifColorType *colour = &gif->SColorMap->Colors[gif->SavedImages[0].RasterBits[i]];
        const int off[] = {abs(colour->Red - rgb[3 * i]), abs(colour->Green - rgb[3 * i + 1]),
                           abs(colour->Blue - rgb[3 * i + 2])};
        for (int k = 0; k < 3; k++)
            worst = off[k] > worst ? off[k] : worst;
        if (i < SIDE * SIDE / 2)
            assert_true(off[0] + off[1] + off[2] == 0);
    }
    assert_in_range(worst, 1, 24);   // bins are 8 apart, and the nearest kept one is not far
    assert_int_equal(DGifCloseFile(gif, &code), GIF_OK);
}

// Reads a PNG by the reader of targets, which is another program than the writer.
static void read_png(const char *path, int height, int width, uint8_t *rgb)
{
    nca_image image;
    assert_int_equal(nca_image_read(path, &image, NULL), NCA_OK);
    assert_int_equal(image.height, height);
    assert_int_equal(image.width, width);
    for (int i = 0; i < height * width; i++) {
        assert_true(image.pixels[4 * i + 3] == 1);
        for (int k = 0; k < 3; k++)
            rgb[3 * i + k] = (uint8_t)(image.pixels[4 * i + k] * 255 + 0.5f);
    }
    nca_image_free(&image);
}

static void test_png_is_the_last_frame(void **state)
{
    (void)state;
    uint8_t rgb[BYTES], expected[BYTES];
    assert_int_equal(write_film(scratch("a.png"), &usual, true, NULL), NCA_OK);
    read_png(scratch("a.png"), HEIGHT, WIDTH, rgb);
    draw(FRAMES - 1, expected);
    assert_memory_equal(rgb, expected, BYTES);
}

// Five frames in rows of two: the last place stays white.
static void test_png_with_columns_is_a_filmstrip(void **state)
{
    (void)state;
    nca_writer_options options = usual;
    static uint8_t rgb[BYTES * 6];
    uint8_t frame[BYTES];
    options.columns = 2;
    assert_int_equal(write_film(scratch("strip.png"), &options, true, NULL), NCA_OK);
    read_png(scratch("strip.png"), HEIGHT * 3, WIDTH * 2, rgb);
    for (int i = 0; i < 6; i++) {
        if (i < FRAMES)
            draw(i, frame);
        else
            memset(frame, 255, sizeof frame);
        for (int y = 0; y < HEIGHT; y++)
            assert_memory_equal(rgb + ((i / 2 * HEIGHT + y) * 2 + i % 2) * WIDTH * 3,
                                frame + y * WIDTH * 3, WIDTH * 3);
    }
    options.columns = 100;   // more than there are frames
    assert_int_equal(write_film(scratch("strip.png"), &options, true, NULL), NCA_OK);
    read_png(scratch("strip.png"), HEIGHT, WIDTH * FRAMES, rgb);
}

// Byte for byte by numpy.lib.format's documentation.
static void test_npy_holds_every_state(void **state)
{
    (void)state;
    size_t size;
    assert_int_equal(write_film(scratch("a.npy"), &usual, true, NULL), NCA_OK);
    unsigned char *bytes = scratch_read(scratch("a.npy"), &size);
    const size_t states = HEIGHT * WIDTH * 4, header = size - FRAMES * states * sizeof(float);
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00", 8);
    assert_int_equal(header % 64, 0);
    assert_int_equal(bytes[8] + 256 * bytes[9], header - 10);
    assert_int_equal(bytes[header - 1], '\n');
    const char dict[] = "{'descr': '<f4', 'fortran_order': False, 'shape': (5, 6, 10, 4), }";
    assert_memory_equal(bytes + 10, dict, sizeof dict - 1);
    assert_int_equal(strspn((char *)bytes + 10 + sizeof dict - 1, " "),
                     header - 11 - (sizeof dict - 1));
    for (int i = 0; i < FRAMES; i++) {
        float first, last;
        memcpy(&first, bytes + header + (size_t)i * states * 4, 4);
        memcpy(&last, bytes + header + (size_t)(i + 1) * states * 4 - 4, 4);
        assert_true(first == (float)i && last == -1.5f);
    }
    free(bytes);
}

// H.264 loses a little, and its sides are even. The odd names would be an option or a protocol.
static void test_mp4_reads_back_nearly_as_it_was(void **state)
{
    (void)state;
    enum { TALL = 32, WIDE = 49, PADDED = 50 };
    const nca_writer_options options = {
        .height = TALL, .width = WIDE, .frames = 3, .frames_per_second = 10};
    static uint8_t rgb[TALL * WIDE * 3], back[3 * TALL * PADDED * 3 + 1];
    static const char *const names[] = {"a.mp4", "a:b.mp4", "-x.mp4"};
    if (!has_ffmpeg())
        skip();
    char *before = getcwd(NULL, 0);
    assert_int_equal(chdir(scratch_folder), 0);
    for (size_t n = 0; n < 3; n++) {
        nca_writer *writer;
        char command[256];
        const nca_format *format = find(names[n]);
        assert_int_equal(format->open(names[n], &options, &writer, NULL), NCA_OK);
        for (int i = 0; i < 3; i++) {
            memset(rgb, 80 * i + 20, sizeof rgb);
            assert_int_equal(format->add(writer, rgb, NULL), NCA_OK);
        }
        assert_int_equal(format->close(writer, true, NULL), NCA_OK);
        snprintf(command, sizeof command,
                 "ffmpeg -v error -nostdin -i file:%s -f rawvideo -pix_fmt rgb24 pipe:1", names[n]);
        FILE *from = popen(command, "r");
        assert_non_null(from);
        assert_int_equal(fread(back, 1, sizeof back, from), 3 * TALL * PADDED * 3);
        assert_int_equal(pclose(from), 0);
        for (int i = 0; i < 3; i++)
            assert_in_range(back[(i * TALL + 10) * PADDED * 3 + 30], 80 * i + 14, 80 * i + 26);
    }
    assert_int_equal(chdir(before), 0);
    free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_webp_reads_back_as_it_was),
        cmocka_unit_test(test_gif_reads_back_as_it_was),
        cmocka_unit_test(test_a_film_lasts_as_long_as_asked),
        cmocka_unit_test(test_gif_of_many_colours_stays_near_them),
        cmocka_unit_test(test_png_is_the_last_frame),
        cmocka_unit_test(test_png_with_columns_is_a_filmstrip),
        cmocka_unit_test(test_npy_holds_every_state),
        cmocka_unit_test(test_mp4_reads_back_nearly_as_it_was),
    };
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
