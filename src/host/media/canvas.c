// Drawing on a picture in memory.
#include "media/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { GLYPH_WIDTH = 5, GLYPH_HEIGHT = 9, ADVANCE = 6 };

// Rows of five dots, the highest of five bits on the left: seven above the baseline, and two below
// it where a letter goes down there.
static const struct {
    char letter;
    uint8_t rows[GLYPH_HEIGHT];
} glyphs[] = {
    {'0', {14, 17, 19, 21, 25, 17, 14}},
    {'1', {4, 12, 4, 4, 4, 4, 14}},
    {'2', {14, 17, 1, 2, 4, 8, 31}},
    {'3', {31, 2, 4, 2, 1, 17, 14}},
    {'4', {2, 6, 10, 18, 31, 2, 2}},
    {'5', {31, 16, 30, 1, 1, 17, 14}},
    {'6', {6, 8, 16, 30, 17, 17, 14}},
    {'7', {31, 1, 2, 4, 8, 8, 8}},
    {'8', {14, 17, 17, 14, 17, 17, 14}},
    {'9', {14, 17, 17, 15, 1, 2, 12}},
    {'-', {0, 0, 0, 31, 0, 0, 0}},
    {'.', {0, 0, 0, 0, 0, 12, 12}},
    {',', {0, 0, 0, 0, 0, 12, 12, 4, 8}},
    {':', {0, 12, 12, 0, 12, 12, 0}},
    {'/', {0, 1, 2, 4, 8, 16, 0}},
    {'+', {0, 4, 4, 31, 4, 4, 0}},
    {'(', {2, 4, 8, 8, 8, 4, 2}},
    {')', {8, 4, 2, 2, 2, 4, 8}},
    {'%', {24, 25, 2, 4, 8, 19, 3}},
    {'_', {0, 0, 0, 0, 0, 0, 0, 31}},
    {'A', {14, 17, 17, 17, 31, 17, 17}},
    {'B', {30, 17, 17, 30, 17, 17, 30}},
    {'C', {14, 17, 16, 16, 16, 17, 14}},
    {'D', {28, 18, 17, 17, 17, 18, 28}},
    {'E', {31, 16, 16, 30, 16, 16, 31}},
    {'F', {31, 16, 16, 30, 16, 16, 16}},
    {'G', {14, 17, 16, 23, 17, 17, 15}},
    {'H', {17, 17, 17, 31, 17, 17, 17}},
    {'I', {14, 4, 4, 4, 4, 4, 14}},
    {'J', {7, 2, 2, 2, 2, 18, 12}},
    {'K', {17, 18, 20, 24, 20, 18, 17}},
    {'L', {16, 16, 16, 16, 16, 16, 31}},
    {'M', {17, 27, 21, 21, 17, 17, 17}},
    {'N', {17, 17, 25, 21, 19, 17, 17}},
    {'O', {14, 17, 17, 17, 17, 17, 14}},
    {'P', {30, 17, 17, 30, 16, 16, 16}},
    {'Q', {14, 17, 17, 17, 21, 18, 13}},
    {'R', {30, 17, 17, 30, 20, 18, 17}},
    {'S', {15, 16, 16, 14, 1, 1, 30}},
    {'T', {31, 4, 4, 4, 4, 4, 4}},
    {'U', {17, 17, 17, 17, 17, 17, 14}},
    {'V', {17, 17, 17, 17, 17, 10, 4}},
    {'W', {17, 17, 17, 21, 21, 21, 10}},
    {'X', {17, 17, 10, 4, 10, 17, 17}},
    {'Y', {17, 17, 17, 10, 4, 4, 4}},
    {'Z', {31, 1, 2, 4, 8, 16, 31}},
    {'a', {0, 0, 14, 1, 15, 17, 15}},
    {'b', {16, 16, 22, 25, 17, 17, 30}},
    {'c', {0, 0, 14, 16, 16, 17, 14}},
    {'d', {1, 1, 13, 19, 17, 17, 15}},
    {'e', {0, 0, 14, 17, 31, 16, 14}},
    {'f', {6, 9, 8, 28, 8, 8, 8}},
    {'g', {0, 0, 15, 17, 17, 17, 15, 1, 14}},
    {'h', {16, 16, 22, 25, 17, 17, 17}},
    {'i', {4, 0, 12, 4, 4, 4, 14}},
    {'j', {2, 0, 6, 2, 2, 2, 2, 18, 12}},
    {'k', {16, 16, 18, 20, 24, 20, 18}},
    {'l', {12, 4, 4, 4, 4, 4, 14}},
    {'m', {0, 0, 26, 21, 21, 17, 17}},
    {'n', {0, 0, 22, 25, 17, 17, 17}},
    {'o', {0, 0, 14, 17, 17, 17, 14}},
    {'p', {0, 0, 30, 17, 17, 17, 30, 16, 16}},
    {'q', {0, 0, 15, 17, 17, 17, 15, 1, 1}},
    {'r', {0, 0, 22, 25, 16, 16, 16}},
    {'s', {0, 0, 14, 16, 14, 1, 30}},
    {'t', {8, 8, 28, 8, 8, 9, 6}},
    {'u', {0, 0, 17, 17, 17, 19, 13}},
    {'v', {0, 0, 17, 17, 17, 10, 4}},
    {'w', {0, 0, 17, 17, 21, 21, 10}},
    {'x', {0, 0, 17, 10, 4, 10, 17}},
    {'y', {0, 0, 17, 17, 17, 17, 15, 1, 14}},
    {'z', {0, 0, 31, 2, 4, 8, 31}},
};

nca_status nca_canvas_create(int height, int width, nca_canvas *out, nca_error *error)
{
    NCA_TRY(nca_memory_check(nca_memory_product((uint64_t)height, (uint64_t)width, 3, 1), error,
                             "a picture of %dx%d", height, width));
    uint8_t *rgb = malloc((size_t)height * (size_t)width * 3);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "a picture of %dx%d: no memory for it", height, width);
    memset(rgb, 255, (size_t)height * (size_t)width * 3);
    *out = (nca_canvas){.height = height, .width = width, .rgb = rgb};
    return NCA_OK;
}

void nca_canvas_free(nca_canvas *canvas)
{
    free(canvas->rgb);
    *canvas = (nca_canvas){0};
}

static void blend(nca_canvas *canvas, int y, int x, nca_colour colour, double opacity)
{
    if (y < 0 || x < 0 || y >= canvas->height || x >= canvas->width || !(opacity > 0))
        return;
    uint8_t *pixel = canvas->rgb + ((size_t)y * (size_t)canvas->width + (size_t)x) * 3;
    const uint8_t over[3] = {colour.r, colour.g, colour.b};
    for (int k = 0; k < 3; k++)
        pixel[k] = (uint8_t)(pixel[k] + fmin(opacity, 1) * (over[k] - pixel[k]) + 0.5);
}

void nca_canvas_fill(nca_canvas *canvas, int top, int left, int height, int width,
                     nca_colour colour)
{
    for (int y = top; y < top + height; y++)
        for (int x = left; x < left + width; x++)
            blend(canvas, y, x, colour, 1);
}

void nca_canvas_dot(nca_canvas *canvas, double y, double x, double diameter, nca_colour colour,
                    double opacity)
{
    const double reach = diameter / 2 + 1;
    if (!(y >= -reach && x >= -reach && y < canvas->height + reach && x < canvas->width + reach))
        return;   // outside, or a NaN
    for (int v = (int)floor(y - reach); v <= (int)ceil(y + reach); v++)
        for (int u = (int)floor(x - reach); u <= (int)ceil(x + reach); u++) {
            const double inside = diameter / 2 + 0.5 - hypot(v + 0.5 - y, u + 0.5 - x);
            blend(canvas, v, u, colour, opacity * fmin(fmax(inside, 0), 1));
        }
}

// How far a point is from the stretch between two others.
static double distance(double y, double x, double y0, double x0, double y1, double x1)
{
    const double dy = y1 - y0, dx = x1 - x0, length = dy * dy + dx * dx;
    double part = length > 0 ? ((y - y0) * dy + (x - x0) * dx) / length : 0;
    part = fmin(fmax(part, 0), 1);
    return hypot(y - y0 - part * dy, x - x0 - part * dx);
}

void nca_canvas_line(nca_canvas *canvas, double y0, double x0, double y1, double x1, double width,
                     nca_colour colour)
{
    const int top = (int)floor(fmin(y0, y1) - width), bottom = (int)ceil(fmax(y0, y1) + width);
    const int left = (int)floor(fmin(x0, x1) - width), right = (int)ceil(fmax(x0, x1) + width);
    for (int y = top; y <= bottom; y++)
        for (int x = left; x <= right; x++)
            blend(canvas, y, x, colour,
                  width / 2 + 0.5 - distance(y + 0.5, x + 0.5, y0, x0, y1, x1));
}

static const uint8_t *find_glyph(char letter)
{
    for (size_t i = 0; i < sizeof glyphs / sizeof *glyphs; i++)
        if (glyphs[i].letter == letter)
            return glyphs[i].rows;
    return NULL;
}

void nca_canvas_text(nca_canvas *canvas, int top, int left, int scale, const char *text,
                     nca_colour colour)
{
    for (; *text; text++, left += ADVANCE * scale) {
        const uint8_t *rows = find_glyph(*text);
        for (int y = 0; rows && y < GLYPH_HEIGHT; y++)
            for (int x = 0; x < GLYPH_WIDTH; x++)
                if (rows[y] >> (GLYPH_WIDTH - 1 - x) & 1)
                    nca_canvas_fill(canvas, top + y * scale, left + x * scale, scale, scale,
                                    colour);
    }
}

int nca_canvas_text_width(int scale, const char *text)
{
    return (int)strlen(text) * ADVANCE * scale;
}

void nca_canvas_picture(nca_canvas *canvas, int top, int left, int scale, const uint8_t *rgb,
                        int height, int width)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, rgb += 3)
            nca_canvas_fill(canvas, top + y * scale, left + x * scale, scale, scale,
                            (nca_colour){rgb[0], rgb[1], rgb[2]});
}
