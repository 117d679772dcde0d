// The loss curve: every update a pale point, their running median a dark line.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/spread.h"
#include "media/canvas.h"
#include "media/curve.h"
#include "media/writers.h"
#include "nca/train.h"

enum {
    HEIGHT = 640,
    WIDTH = 1100,
    TOP = 60,
    BOTTOM = 70,
    LEFT = 90,
    RIGHT = 30,
    WINDOW_MAX = 201,
    WINDOW_MIN = 9,
    TICKS = 7,
};

static const nca_colour ink = {34, 40, 49}, axis = {150, 156, 165}, grid = {230, 233, 238},
                        pale = {110, 160, 220}, dark = {15, 70, 150}, alarm = {213, 94, 0};

// The part of the plane that is drawn.
typedef struct plot_frame {
    double first, last;   // updates
    double low, high;     // log10 loss
} plot_frame;

static double to_x(const plot_frame *frame, double update)
{
    return LEFT + (update - frame->first) / (frame->last - frame->first) * (WIDTH - LEFT - RIGHT);
}

static double to_y(const plot_frame *frame, double loss)
{
    return TOP + (frame->high - loss) / (frame->high - frame->low) * (HEIGHT - TOP - BOTTOM);
}

// 1, 2 or 5 times a power of ten, so that about TICKS of them fit.
static double nice_step(double range)
{
    const double rough = range / TICKS, power = pow(10, floor(log10(rough)));
    const double part = rough / power;
    return power * (part < 1.5 ? 1 : part < 3.5 ? 2 : part < 7.5 ? 5 : 10);
}

static plot_frame choose_frame(const double *logs, const nca_curve_point *points, size_t count)
{
    plot_frame view = {.first = (double)points[0].update,
                       .last = (double)points[count - 1].update,
                       .low = INFINITY,
                       .high = -INFINITY};
    for (size_t i = 0; i < count; i++)
        if (isfinite(logs[i])) {
            view.low = fmin(view.low, logs[i]);
            view.high = fmax(view.high, logs[i]);
        }
    if (!(view.low <= view.high))
        view.low = view.high = 0;
    if (view.last <= view.first)
        view.last = view.first + 1;
    view.high = fmin(view.high, view.low + 6);   // an explosion must not flatten the rest
    const double room = fmax(0.05 * (view.high - view.low), 0.05);
    view.low -= room;
    view.high += room;
    return view;
}

// Text whose end is at `right`.
static void draw_text_before(nca_canvas *canvas, int top, int right, const char *text)
{
    nca_canvas_text(canvas, top, right - nca_canvas_text_width(2, text), 2, text, ink);
}

static void draw_axes(nca_canvas *canvas, const plot_frame *frame, const char *title)
{
    char text[64];
    const double step_y = nice_step(frame->high - frame->low);
    const double step_x = fmax(1, nice_step(frame->last - frame->first));
    for (double y = ceil(frame->low / step_y) * step_y; y <= frame->high; y += step_y) {
        const int at = (int)to_y(frame, y);
        nca_canvas_fill(canvas, at, LEFT, 1, WIDTH - LEFT - RIGHT, grid);
        snprintf(text, sizeof text, "%.*f", step_y < 0.1 ? 2 : 1, fabs(y) < 1e-9 ? 0 : y);
        draw_text_before(canvas, at - 7, LEFT - 10, text);
    }
    for (double x = ceil(frame->first / step_x) * step_x; x <= frame->last; x += step_x) {
        const int at = (int)to_x(frame, x);
        nca_canvas_fill(canvas, TOP, at, HEIGHT - TOP - BOTTOM, 1, grid);
        snprintf(text, sizeof text, "%.0f", x);
        nca_canvas_text(canvas, HEIGHT - BOTTOM + 12, at - nca_canvas_text_width(2, text) / 2, 2,
                        text, ink);
    }
    nca_canvas_fill(canvas, TOP, LEFT, HEIGHT - TOP - BOTTOM, 1, axis);
    nca_canvas_fill(canvas, HEIGHT - BOTTOM, LEFT, 1, WIDTH - LEFT - RIGHT, axis);
    nca_canvas_text(canvas, 22, LEFT, 2, title, ink);
    draw_text_before(canvas, HEIGHT - 28, WIDTH - RIGHT, "update");
}

// What the colours mean, each behind its sample.
static void draw_legend(nca_canvas *canvas, bool has_events)
{
    const int y = HEIGHT - 28, middle = y + 7;
    int x = LEFT;
    nca_canvas_text(canvas, y, x, 2, "log10 loss:", ink);
    x += nca_canvas_text_width(2, "log10 loss: ");
    nca_canvas_dot(canvas, middle, x + 4, 4, pale, 1);
    nca_canvas_text(canvas, y, x + 16, 2, "each update", ink);
    x += 16 + nca_canvas_text_width(2, "each update  ");
    nca_canvas_line(canvas, middle, x, middle, x + 24, 2.5, dark);
    nca_canvas_text(canvas, y, x + 36, 2, "running median", ink);
    x += 36 + nca_canvas_text_width(2, "running median  ");
    if (!has_events)
        return;
    nca_canvas_line(canvas, y, x + 2, y + 14, x + 2, 2, alarm);
    nca_canvas_text(canvas, y, x + 14, 2, "update went wrong", ink);
}

// The median of the finite values around one; NaN where there is none.
static double median_around(const double *logs, size_t count, size_t at, size_t window)
{
    double near[WINDOW_MAX];
    size_t used = 0;
    const size_t first = at > window / 2 ? at - window / 2 : 0;
    for (size_t i = first; i < count && i <= at + window / 2; i++)
        if (isfinite(logs[i]))
            near[used++] = logs[i];
    return nca_spread_of(near, used).median;
}

// Few points are drawn large, many small and faint. Returns whether an update was lost.
static bool draw_points(nca_canvas *canvas, const plot_frame *frame, const nca_curve_point *points,
                        const double *logs, size_t count)
{
    const double opacity = fmin(0.8, 3000.0 / (double)count + 0.1);
    const double diameter = count < 500 ? 4 : count < 4000 ? 3 : 2;
    bool has_events = false;
    for (size_t i = 0; i < count; i++) {
        const double x = to_x(frame, (double)points[i].update), y = to_y(frame, logs[i]);
        if (isfinite(logs[i]) && y >= TOP)
            nca_canvas_dot(canvas, y, x, diameter, pale, opacity);
        if (!nca_event_is_fault(points[i].event))
            continue;
        nca_canvas_line(canvas, TOP, x, TOP + 14, x, 2, alarm);
        has_events = true;
    }
    return has_events;
}

// One stroke for each two pixels is as fine as the eye sees.
static void draw_median(nca_canvas *canvas, const plot_frame *frame, const nca_curve_point *points,
                        const double *logs, size_t count)
{
    const size_t strokes = (WIDTH - LEFT - RIGHT) / 2;
    const size_t stride = count > strokes ? count / strokes : 1;
    size_t window = count / 30 | 1;
    window = window < WINDOW_MIN ? WINDOW_MIN : window > WINDOW_MAX - 2 ? WINDOW_MAX - 2 : window;
    double last_x = NAN, last_y = NAN;
    for (size_t i = 0; i < count; i += stride) {
        const double x = to_x(frame, (double)points[i].update);
        const double y = to_y(frame, median_around(logs, count, i, window));
        if (isfinite(y) && isfinite(last_y) && y >= TOP && last_y >= TOP)
            nca_canvas_line(canvas, last_y, last_x, y, x, 2.5, dark);
        last_x = x;
        last_y = y;
    }
}

nca_status nca_curve_write(const char *path, const nca_curve_point *points, size_t count,
                           const char *title, nca_error *error)
{
    nca_canvas canvas = {0};
    nca_status status;
    if (count == 0)
        return NCA_OK;
    double *logs = malloc(count * sizeof *logs);
    if (!logs)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for %zu points", path, count);
    for (size_t i = 0; i < count; i++)
        logs[i] = log10(points[i].loss);
    const plot_frame frame = choose_frame(logs, points, count);
    NCA_GO(nca_canvas_create(HEIGHT, WIDTH, &canvas, error));
    draw_axes(&canvas, &frame, title);
    draw_legend(&canvas, draw_points(&canvas, &frame, points, logs, count));
    draw_median(&canvas, &frame, points, logs, count);
    NCA_GO(nca_png_write(path, canvas.rgb, canvas.height, canvas.width, error));
cleanup:
    nca_canvas_free(&canvas);
    free(logs);
    return status;
}
