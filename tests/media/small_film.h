// What tests of the output formats share: a film of five small frames, in any of them.
#ifndef NCA_TESTS_MEDIA_SMALL_FILM_H
#define NCA_TESTS_MEDIA_SMALL_FILM_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "media/writers.h"
#include "scratch.h"

enum { HEIGHT = 6, WIDTH = 10, FRAMES = 5, BYTES = HEIGHT * WIDTH * 3 };

// Squares of strong colours on white; no two frames are alike, as encoders join those that are.
static inline void draw(int frame, uint8_t *rgb)
{
    static const uint8_t colours[][3] = {{255, 0, 0}, {0, 128, 0}, {0, 0, 255}, {0, 0, 0}};
    memset(rgb, 255, BYTES);
    for (int y = 1; y < 4; y++)
        for (int x = frame; x < frame + 4; x++)
            memcpy(rgb + (y * WIDTH + x) * 3, colours[(frame + y) % 4], 3);
}

static const nca_writer_options usual = {
    .height = HEIGHT, .width = WIDTH, .channels = 4, .frames = FRAMES, .frames_per_second = 20};

static inline const nca_format *find(const char *path)
{
    const nca_format *format;
    assert_int_equal(nca_format_find(path, &format, NULL), NCA_OK);
    return format;
}

// Abandons the film at its end where it is not to be kept.
static inline nca_status write_film(const char *path, const nca_writer_options *options, bool keep,
                                    nca_error *error)
{
    const nca_format *format = find(path);
    static float states[HEIGHT * WIDTH * 4];
    uint8_t rgb[BYTES];
    nca_writer *writer;
    nca_status status = format->open(path, options, &writer, error);
    if (status != NCA_OK)
        return status;
    for (int i = 0; i < options->frames && status == NCA_OK; i++) {
        draw(i, rgb);
        states[0] = (float)i;
        states[HEIGHT * WIDTH * 4 - 1] = -1.5f;
        status = format->add(writer, format->wants_states ? (const void *)states : rgb, error);
    }
    const nca_status closed =
        format->close(writer, keep && status == NCA_OK, status == NCA_OK ? error : NULL);
    return status == NCA_OK ? closed : status;
}

static inline bool has_ffmpeg(void)
{
    return system("ffmpeg -version >/dev/null 2>&1") == 0;
}

#endif
