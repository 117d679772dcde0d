// The pictures of an attack: what its states look like, and its figures over the strength.
#include "attack/paint.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "media/canvas.h"
#include "media/writers.h"

nca_status nca_attack_paint_begin(nca_attack_painter *painter, int shown, nca_attack_point *out,
                                  nca_error *error)
{
    const size_t cells = (size_t)painter->grid.height * (size_t)painter->grid.width;
    out->height = painter->grid.height;
    out->width = painter->grid.width;
    if (shown == 0)
        return NCA_OK;
    out->rgb = malloc((size_t)shown * cells * 3);
    painter->next = out->rgb;
    return out->rgb ? NCA_OK
                    : nca_fail(error, NCA_MEMORY, "%d states: no memory to show them", shown);
}

void nca_attack_look(void *context, nca_evaluate_moment moment, int number, const float *state)
{
    nca_attack_painter *painter = context;
    (void)moment, (void)number;
    painter->paint(state, painter->grid.height, painter->grid.width, painter->channels,
                   painter->next);
    painter->next += (size_t)painter->grid.height * (size_t)painter->grid.width * 3;
}

static const nca_colour ink = {34, 40, 49}, axis = {150, 156, 165}, grid = {230, 233, 238};

// -- States ---------------------------------------------------------------------------------------

enum { GAP = 6, LABEL = 80, STATE_PIXELS = 84 };

nca_status nca_attack_picture_write(const char *path, const nca_attack_point *points, int count,
                                    int shown, nca_error *error)
{
    const int height = points->height, width = points->width;
    const int longer = height > width ? height : width;
    const int scale = longer < STATE_PIXELS ? STATE_PIXELS / longer : 1;
    nca_canvas canvas = {0};
    nca_status status;
    NCA_GO(nca_canvas_create(GAP + count * (height * scale + GAP),
                             LABEL + shown * (width * scale + GAP), &canvas, error));
    for (int i = 0; i < count; i++) {
        const int top = GAP + i * (height * scale + GAP);
        char text[32];
        snprintf(text, sizeof text, "%g", points[i].strength);
        nca_canvas_text(&canvas, top + height * scale / 2 - 7, GAP, 2, text, ink);
        for (int k = 0; k < shown; k++)
            nca_canvas_picture(&canvas, top, LABEL + k * (width * scale + GAP), scale,
                               points[i].rgb + (size_t)k * (size_t)height * (size_t)width * 3,
                               height, width);
    }
    NCA_GO(nca_png_write(path, canvas.rgb, canvas.height, canvas.width, error));
cleanup:
    nca_canvas_free(&canvas);
    return status;
}

// -- Figures over the strength --------------------------------------------------------------------

enum { HEIGHT = 420, WIDTH = 900, TOP = 30, BOTTOM = 90, LEFT = 80, RIGHT = 30, TICKS = 5 };

// The part of the plane that is drawn.
typedef struct view {
    double last, low, high;
} view;

static bool is_log(const nca_figure *figure)
{
    return strncmp(figure->name, "log10", 5) == 0;
}

// A share has no place on an axis of log10 losses.
static bool is_drawn(const nca_figure *figures, int k)
{
    return is_log(&figures[k]) || !is_log(&figures[0]);
}

static view choose_view(const nca_figure *figures, const nca_attack_point *points, int count)
{
    view seen = {points[count - 1].strength, 0, is_log(&figures[0]) ? -INFINITY : 1};
    for (int i = 0; i < count; i++)
        for (int k = 0; figures[k].name; k++)
            if (is_drawn(figures, k) && isfinite(points[i].figure[k])) {
                seen.low = fmin(seen.low, floor(points[i].figure[k]));
                seen.high = fmax(seen.high, points[i].figure[k]);
            }
    if (seen.low < 0)   // log10 losses; what has exploded leaves the axis
        seen.high = fmin(ceil(seen.high), 0);
    if (!(seen.high > seen.low))
        seen.high = seen.low + 1;
    seen.last = seen.last > 0 ? seen.last : 1;
    return seen;
}

static double to_x(const view *seen, double strength)
{
    return LEFT + strength / seen->last * (WIDTH - LEFT - RIGHT);
}

static double to_y(const view *seen, double value)
{
    return TOP + (seen->high - value) / (seen->high - seen->low) * (HEIGHT - TOP - BOTTOM);
}

static void draw_axes(nca_canvas *canvas, const view *seen, const char *words)
{
    char text[32];
    for (int i = 0; i <= TICKS; i++) {
        const double value = seen->low + (seen->high - seen->low) * i / TICKS;
        const double strength = seen->last * i / TICKS;
        const int y = (int)to_y(seen, value), x = (int)to_x(seen, strength);
        nca_canvas_fill(canvas, y, LEFT, 1, WIDTH - LEFT - RIGHT, grid);
        snprintf(text, sizeof text, "%.3g", value);
        nca_canvas_text(canvas, y - 7, LEFT - 10 - nca_canvas_text_width(2, text), 2, text, ink);
        snprintf(text, sizeof text, "%.3g", strength);
        nca_canvas_text(canvas, HEIGHT - BOTTOM + 10, x - nca_canvas_text_width(2, text) / 2, 2,
                        text, ink);
    }
    nca_canvas_fill(canvas, TOP, LEFT, HEIGHT - TOP - BOTTOM, 1, axis);
    nca_canvas_fill(canvas, HEIGHT - BOTTOM, LEFT, 1, WIDTH - LEFT - RIGHT, axis);
    nca_canvas_text(canvas, HEIGHT - BOTTOM + 34, WIDTH - RIGHT - nca_canvas_text_width(2, words),
                    2, words, ink);
}

static void draw_figure(nca_canvas *canvas, const view *seen, const nca_attack_point *points,
                        int count, int figure, nca_colour colour)
{
    double last_x = NAN, last_y = NAN;
    for (int i = 0; i < count; i++) {
        const double value = points[i].figure[figure];
        const double x = to_x(seen, points[i].strength), y = to_y(seen, fmin(value, seen->high));
        if (isfinite(value) && isfinite(last_y))
            nca_canvas_line(canvas, last_y, last_x, y, x, 2.5, colour);
        if (isfinite(value))
            nca_canvas_dot(canvas, y, x, 8, colour, 1);
        last_x = x;
        last_y = isfinite(value) ? y : NAN;
    }
}

nca_status nca_attack_curve_write(const char *path, const nca_attack *attack,
                                  const nca_figure *figures, const nca_attack_point *points,
                                  int count, nca_error *error)
{
    static const nca_colour colours[] = {
        {213, 94, 0}, {15, 70, 150}, {24, 140, 66}, {120, 60, 215}, {120, 78, 44}};
    const view seen = choose_view(figures, points, count);
    nca_canvas canvas = {0};
    nca_status status;
    int left = LEFT;
    NCA_GO(nca_canvas_create(HEIGHT, WIDTH, &canvas, error));
    draw_axes(&canvas, &seen, attack->strength_words);
    for (int k = 0; k < NCA_ATTACK_FIGURES_MAX && figures[k].name; k++) {
        if (!is_drawn(figures, k))
            continue;
        draw_figure(&canvas, &seen, points, count, k, colours[k]);
        nca_canvas_dot(&canvas, HEIGHT - 21, left + 4, 8, colours[k], 1);
        nca_canvas_text(&canvas, HEIGHT - 28, left + 16, 2, figures[k].words, ink);
        left += 32 + nca_canvas_text_width(2, figures[k].words);
    }
    NCA_GO(nca_png_write(path, canvas.rgb, canvas.height, canvas.width, error));
cleanup:
    nca_canvas_free(&canvas);
    return status;
}
