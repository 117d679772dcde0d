// The bar of a training run.
#include "cli/progress.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { BAR_MAX = 24, TEXT_BYTES = 256 };

static const double redraw_seconds = 0.1, line_seconds = 30, smoothing = 0.05;

double nca_clock(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void nca_format_duration(double seconds, char *text, size_t size)
{
    const long whole = seconds > 0 && seconds < 1e9 ? (long)(seconds + 0.5) : 0;
    if (whole >= 3600)
        snprintf(text, size, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, size, "%ld:%02ld", whole / 60, whole % 60);
}

void nca_progress_start(nca_progress *progress, FILE *to, bool is_quiet, int64_t first,
                        int64_t total)
{
    *progress = (nca_progress){.to = to,
                               .is_terminal = isatty(fileno(to)),
                               .is_quiet = is_quiet,
                               .first = first,
                               .total = total,
                               .started = nca_clock(),
                               .loss = NAN};
}

static int terminal_width(FILE *to)
{
    struct winsize size;
    return ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

static void smooth(nca_progress *progress, const nca_update_result *result)
{
    const double loss = log10(result->loss), pace = 1 / fmax(result->seconds, 1e-9);
    if (isfinite(loss))
        progress->loss =
            isnan(progress->loss) ? loss : progress->loss + smoothing * (loss - progress->loss);
    progress->pace =
        progress->pace > 0 ? progress->pace + smoothing * (pace - progress->pace) : pace;
}

static void describe(const nca_progress *progress, const nca_update_result *result,
                     char text[TEXT_BYTES])
{
    char left[32];
    nca_format_duration((double)(progress->total - result->update) / progress->pace, left,
                        sizeof left);
    snprintf(text, TEXT_BYTES,
             "%lld/%lld  log10 loss %.2f  %.2f updates/s  gradient %.2g  active %.1f%%  %s left",
             (long long)result->update, (long long)progress->total, progress->loss, progress->pace,
             result->gradient_norm, 100 * result->active_fraction, left);
}

static void clear_line(nca_progress *progress)
{
    if (progress->is_drawn)
        fprintf(progress->to, "\r\033[K");
    progress->is_drawn = false;
}

// The bar takes what the text leaves of the line.
static void draw_bar(nca_progress *progress, const nca_update_result *result)
{
    char text[TEXT_BYTES];
    describe(progress, result, text);
    const int width = terminal_width(progress->to), room = width - (int)strlen(text) - 4;
    const int bar = room > BAR_MAX ? BAR_MAX : room;
    clear_line(progress);
    if (bar >= 6) {
        const int eighths = (int)((double)result->update / (double)progress->total * bar * 8 + 0.5);
        static const char *const parts[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
        int drawn = 0;
        for (; drawn < eighths / 8; drawn++)
            fputs("█", progress->to);
        if (eighths % 8) {
            fputs(parts[eighths % 8], progress->to);
            drawn++;
        }
        fprintf(progress->to, "%*s  ", bar - drawn, "");
    }
    fprintf(progress->to, "%.*s", width - 1, text);
    fflush(progress->to);
    progress->is_drawn = true;
}

bool nca_progress_is_due(const nca_progress *progress)
{
    return nca_clock() - progress->drawn >= redraw_seconds;
}

// The first line at once, then with growing patience.
static bool is_line_due(const nca_progress *progress, double now, bool is_last)
{
    const double elapsed = now - progress->started;
    const double patience = elapsed < 60 ? 10 : line_seconds;
    return is_last || progress->last_line == 0 || now - progress->last_line >= patience;
}

void nca_progress_update(nca_progress *progress, const nca_update_result *result)
{
    const double now = nca_clock();
    const bool is_last = result->update >= progress->total;
    smooth(progress, result);
    if (progress->is_quiet)
        return;
    if (progress->is_terminal) {
        if (is_last || now - progress->drawn >= redraw_seconds) {
            draw_bar(progress, result);
            progress->drawn = now;
        }
    } else if (is_line_due(progress, now, is_last)) {
        char text[TEXT_BYTES];
        describe(progress, result, text);
        fprintf(progress->to, "%s\n", text);
        fflush(progress->to);
        progress->last_line = now;
    }
}

void nca_progress_say(nca_progress *progress, const char *format, ...)
{
    va_list arguments;
    clear_line(progress);
    va_start(arguments, format);
    vfprintf(progress->to, format, arguments);
    va_end(arguments);
    fputc('\n', progress->to);
    fflush(progress->to);
}

void nca_progress_finish(nca_progress *progress)
{
    if (progress->is_drawn)
        fputc('\n', progress->to);
    progress->is_drawn = false;
    fflush(progress->to);
}
