// A small picture to draw on: RGB, rectangles, lines and text.
#ifndef NCA_MEDIA_CANVAS_H
#define NCA_MEDIA_CANVAS_H

#include <stdint.h>

#include "nca/status.h"

typedef struct nca_colour {
    uint8_t r, g, b;
} nca_colour;

typedef struct nca_canvas {
    int height, width;
    uint8_t *rgb;   // [H,W,3], owned
} nca_canvas;

// White all over.
nca_status nca_canvas_create(int height, int width, nca_canvas *out, nca_error *error);
void nca_canvas_free(nca_canvas *canvas);

void nca_canvas_fill(nca_canvas *canvas, int top, int left, int height, int width,
                     nca_colour colour);
// An anti-aliased disc of some pixels' diameter; opacity 0..1.
void nca_canvas_dot(nca_canvas *canvas, double y, double x, double diameter, nca_colour colour,
                    double opacity);
// An anti-aliased line of some pixels' width.
void nca_canvas_line(nca_canvas *canvas, double y0, double x0, double y1, double x1, double width,
                     nca_colour colour);
// Digits, Latin letters and a little punctuation, 5x7 dots, each `scale` pixels; `top` is where
// capital letters begin, and two dots more reach below their foot.
void nca_canvas_text(nca_canvas *canvas, int top, int left, int scale, const char *text,
                     nca_colour colour);
int nca_canvas_text_width(int scale, const char *text);
// A picture [H,W,3], each pixel a square of `scale`.
void nca_canvas_picture(nca_canvas *canvas, int top, int left, int scale, const uint8_t *rgb,
                        int height, int width);

#endif
