// The batch in the terminal. A character is two pixels: '▀' has the upper one as its colour and the
// lower one as its background.
#define _GNU_SOURCE   // open_memstream
#include "cli/preview.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nca/image.h"
#include "nca/tensor.h"

enum { SHOWN_MAX = 8 };

// Below this a pattern is hard to recognise: then rather fewer samples.
static const double smallest_scale = 0.5;

// How the samples lie: rows of them with a column or a line between, each of height x width pixels.
typedef struct arrangement {
    int count, rows, per_row;
    int height, width;
    double scale;
} arrangement;

static arrangement arrange_rows(const nca_preview *preview, int count, int rows)
{
    arrangement a = {.count = count, .rows = rows, .per_row = (count + rows - 1) / rows};
    const int room_x = (preview->columns + 1) / a.per_row - 1;
    const int room_y = 2 * ((preview->lines + 1) / rows - 1);
    if (room_x < 1 || room_y < 2)
        return a;
    const double x = (double)room_x / preview->width, y = (double)room_y / preview->height;
    a.scale = fmin(1, fmin(x, y));
    a.width = (int)fmax(1, preview->width * a.scale);
    a.height = 2 * (int)fmin(room_y / 2, ceil(preview->height * a.scale / 2));
    return a;
}

// The number of rows that shows `count` samples largest.
static arrangement arrange_samples(const nca_preview *preview, int count)
{
    arrangement best = {0};
    for (int rows = 1; rows <= count; rows++) {
        const arrangement a = arrange_rows(preview, count, rows);
        if (a.scale > best.scale)
            best = a;
    }
    return best;
}

static arrangement arrange(const nca_preview *preview)
{
    for (int count = preview->batch < SHOWN_MAX ? preview->batch : SHOWN_MAX; count > 1; count--) {
        const arrangement a = arrange_samples(preview, count);
        if (a.scale >= smallest_scale)
            return a;
    }
    return arrange_samples(preview, 1);
}

// The mean colour of what a pixel of the preview covers of a picture, as 0xRRGGBB.
static uint32_t average(const uint8_t *rgb, const nca_preview *preview, const arrangement *a, int y,
                        int x)
{
    const int top = y * preview->height / a->height, left = x * preview->width / a->width;
    int bottom = (y + 1) * preview->height / a->height, right = (x + 1) * preview->width / a->width;
    bottom = bottom > top ? bottom : top + 1;
    right = right > left ? right : left + 1;
    uint32_t sum[3] = {0}, count = 0;
    for (int v = top; v < bottom; v++)
        for (int u = left; u < right; u++, count++)
            for (int i = 0; i < 3; i++)
                sum[i] += rgb[((size_t)v * (size_t)preview->width + (size_t)u) * 3 + (size_t)i];
    return sum[0] / count << 16 | sum[1] / count << 8 | sum[2] / count;
}

// The nearest of the six steps that the palette of 256 colours has of each part.
static uint32_t find_step(uint32_t part)
{
    return part < 48 ? 0 : part < 115 ? 1 : (part - 35) / 40;
}

// The nearest colour of xterm's palette: 16 and on are 6 x 6 x 6 of these steps, 232 and on are
// greys from 8 to 238.
static uint32_t find_indexed(uint32_t colour)
{
    const uint32_t red = colour >> 16, green = colour >> 8 & 255, blue = colour & 255;
    const uint32_t grey = (red + green + blue) / 3;
    const uint32_t apart =
        (red > green ? red - green : green - red) + (green > blue ? green - blue : blue - green);
    if (apart < 12 && grey >= 4 && grey < 243)
        return 232 + (grey - 3) / 10;
    return 16 + 36 * find_step(red) + 6 * find_step(green) + find_step(blue);
}

// Says a colour to the terminal where it is not the one already set.
static void set_colour(FILE *to, const nca_preview *preview, int layer, uint32_t colour,
                       int64_t *current)
{
    if (*current != colour && preview->has_true_colour)
        fprintf(to, "\033[%d;2;%u;%u;%um", layer, colour >> 16, colour >> 8 & 255, colour & 255);
    else if (*current != colour)
        fprintf(to, "\033[%d;5;%um", layer, find_indexed(colour));
    *current = colour;
}

static void draw_line(FILE *to, const uint8_t *rgb, const nca_preview *preview,
                      const arrangement *a, int line)
{
    int64_t front = -1, back = -1;
    for (int x = 0; x < a->width; x++) {
        const uint32_t upper = average(rgb, preview, a, 2 * line, x);
        const uint32_t lower = average(rgb, preview, a, 2 * line + 1, x);
        set_colour(to, preview, 48, lower, &back);
        if (upper != lower)
            set_colour(to, preview, 38, upper, &front);
        fputs(upper != lower ? "▀" : " ", to);
    }
    fputs("\033[0m", to);
}

// One row of samples; `rgb` holds all of them.
static int draw_row(FILE *to, const uint8_t *rgb, const nca_preview *preview, const arrangement *a,
                    int row)
{
    const size_t sample = (size_t)preview->height * (size_t)preview->width * 3;
    const int first = row * a->per_row;
    for (int line = 0; line < a->height / 2; line++) {
        for (int i = first; i < a->count && i < first + a->per_row; i++) {
            if (i > first)
                fputc(' ', to);
            draw_line(to, rgb + (size_t)i * sample, preview, a, line);
        }
        fputs("\033[K\n", to);
    }
    return a->height / 2;
}

bool nca_terminal_has_true_colour(void)
{
    const char *says = getenv("COLORTERM");
    return says && (strcmp(says, "truecolor") == 0 || strcmp(says, "24bit") == 0);
}

nca_status nca_preview_draw(const nca_preview *preview, char **text, int *lines, nca_error *error)
{
    const arrangement a = arrange(preview);
    const size_t pixels = (size_t)preview->height * (size_t)preview->width;
    size_t size_bytes;
    char *drawn = NULL;
    uint8_t *rgb = malloc((size_t)a.count * pixels * 3);
    FILE *to = rgb ? open_memstream(&drawn, &size_bytes) : NULL;
    if (!to) {
        free(rgb);
        return nca_fail(error, NCA_MEMORY, "--preview: no memory for it");
    }
    for (int i = 0; i < a.count; i++)
        preview->paint(preview->states + (size_t)i * pixels * (size_t)preview->channels,
                       preview->height, preview->width, preview->channels,
                       rgb + (size_t)i * pixels * 3);
    int count = 0;
    for (int row = 0; row < a.rows; row++) {
        if (row > 0)
            fputs("\033[K\n", to);
        count += (row > 0) + draw_row(to, rgb, preview, &a, row);
    }
    free(rgb);
    if (fclose(to) != 0) {
        free(drawn);
        return nca_fail(error, NCA_MEMORY, "--preview: no memory for it");
    }
    *text = drawn;
    *lines = count;
    return NCA_OK;
}
