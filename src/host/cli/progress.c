// The bar of a training run.
#include "cli/progress.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/printable.h"

enum { BAR_MIN = 6, BAR_MAX = 24, TEXT_BYTES = 256, SAID_BYTES = 8192 };

static const double redraw_seconds = 0.1, line_seconds = 30, first_seconds = 10;
// What an update takes is a mean of about this long: steps differ from update to update, and other
// programs come and go.
static const double pace_seconds = 120;

bool nca_is_terminal(FILE *to)
{
    const char *term = getenv("TERM");
    return isatty(fileno(to)) && term && strcmp(term, "dumb") != 0;
}

void nca_progress_start(nca_progress *progress, FILE *to, bool is_quiet, int64_t first,
                        int64_t total)
{
    *progress = (nca_progress){.to = to,
                               .is_terminal = nca_is_terminal(to),
                               .is_quiet = is_quiet,
                               .first = first,
                               .total = total,
                               .started = nca_clock(),
                               .loss = NAN};
}

void nca_progress_size(const nca_progress *progress, int *columns, int *lines)
{
    struct winsize size;
    const bool is_known = ioctl(fileno(progress->to), TIOCGWINSZ, &size) == 0;
    *columns = is_known && size.ws_col > 0 ? size.ws_col : 80;
    *lines = is_known && size.ws_row > 0 ? size.ws_row : 24;
}

// Means of all updates at first, then of the latest ones.
static void smooth(nca_progress *progress, const nca_update_result *result)
{
    const double loss = log10(result->loss), one = 1.0 / (double)++progress->updates;
    const double part = fmax(1.0 / NCA_PROGRESS_UPDATES, one);
    const double share = fmax(fmin(result->seconds / pace_seconds, 1), one);
    if (isfinite(loss))
        progress->loss =
            isnan(progress->loss) ? loss : progress->loss + part * (loss - progress->loss);
    progress->update_seconds += share * (result->seconds - progress->update_seconds);
}

// What there is to say, in at most `room` characters: the less important words go first.
static void describe(const nca_progress *progress, const nca_update_result *result, int room,
                     char text[TEXT_BYTES])
{
    char left[32], gradient[32], active[32];
    const double seconds = fmax(progress->update_seconds, 1e-9);
    nca_format_duration((double)(progress->total - result->update) * seconds, left, sizeof left);
    snprintf(gradient, sizeof gradient, "  gradient %.2g", result->gradient_norm);
    snprintf(active, sizeof active, "  active %.1f%%", 100 * result->active_fraction);
    for (int words = 3; words >= 0; words--) {
        const int length =
            snprintf(text, TEXT_BYTES, "%lld/%lld  log10 loss %.2f", (long long)result->update,
                     (long long)progress->total, progress->loss);
        snprintf(text + length, TEXT_BYTES - (size_t)length, "  %.2f%s%s%s  %s left", 1 / seconds,
                 words > 2 ? " updates/s" : "/s", words > 1 ? gradient : "",
                 words > 0 ? active : "", left);
        if ((int)strlen(text) <= room)
            return;
    }
}

static void clear_line(nca_progress *progress)
{
    if (progress->is_drawn)
        fprintf(progress->to, "\r\033[K");
    progress->is_drawn = false;
}

// Bar and picture go; what comes next begins where they began.
static void clear_picture(nca_progress *progress)
{
    clear_line(progress);
    if (progress->picture_lines > 0)
        fprintf(progress->to, "\033[%dA\033[J", progress->picture_lines);
    progress->picture_lines = 0;
}

// Blocks of eighths of a character.
static void draw_blocks(FILE *to, double part, int bar)
{
    static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
    const int filled = (int)(part * bar * 8 + 0.5);
    for (int i = 0; i < filled / 8; i++)
        fputs("█", to);
    fprintf(to, "%s%*s  ", eighths[filled % 8], bar - (filled + 7) / 8, "");
}

// The bar takes what the text leaves of the line; where that is too little, the text itself is the
// bar, its finished part in reverse.
static void draw_bar(nca_progress *progress, const nca_update_result *result)
{
    const double part = (double)result->update / (double)progress->total;
    char text[TEXT_BYTES];
    int width, height;
    nca_progress_size(progress, &width, &height);
    describe(progress, result, width - 1, text);
    const int length = (int)strlen(text) < width ? (int)strlen(text) : width - 1;
    const int room = width - length - 4, bar = room > BAR_MAX ? BAR_MAX : room;
    clear_line(progress);
    if (bar >= BAR_MIN) {
        draw_blocks(progress->to, part, bar);
        fputs(text, progress->to);
    } else {
        const int done = (int)(part * length + 0.5);
        fprintf(progress->to, "\033[7m%.*s\033[27m%.*s", done, text, length - done, text + done);
    }
    fflush(progress->to);
    progress->is_drawn = true;
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
        describe(progress, result, TEXT_BYTES, text);
        fprintf(progress->to, "%s\n", text);
        fflush(progress->to);
        progress->last_line = now;
    }
}

void nca_progress_say(nca_progress *progress, const char *format, ...)
{
    char said[SAID_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(said, sizeof said, format, arguments);
    va_end(arguments);
    clear_picture(progress);
    nca_print_safely(progress->to, said);
    fputc('\n', progress->to);
    fflush(progress->to);
}

void nca_progress_picture(nca_progress *progress, const char *text, int lines)
{
    // Over the old picture rather than after clearing it: so nothing flickers.
    if (lines > 0 && lines == progress->picture_lines) {
        clear_line(progress);
        fprintf(progress->to, "\033[%dA", lines);
    } else {
        clear_picture(progress);
    }
    fputs(text, progress->to);
    fflush(progress->to);
    progress->picture_lines = lines;
    progress->drawn = 0;   // the bar stood where the picture now is
}

void nca_progress_finish(nca_progress *progress)
{
    if (progress->is_drawn)
        fputc('\n', progress->to);
    progress->is_drawn = false;
    progress->picture_lines = 0;
    fflush(progress->to);
}

// The time left, as soon as what is done says something about it.
static void describe_left(const nca_percent *percent, double now, double done, char text[64])
{
    char left[32];
    const double gone = now - percent->started, part = done - percent->first;
    *text = 0;
    if (gone < 1 || part <= 0)
        return;
    nca_format_duration(gone * (1 - done) / part, left, sizeof left);
    snprintf(text, 64, ", %s left", left);
}

static void begin_percent(nca_percent *percent, double now, double done)
{
    percent->started = now;
    percent->first = done;
    percent->drawn = nca_is_terminal(stderr) ? 0 : now - line_seconds + first_seconds;
}

void nca_percent_show(void *context, double done)
{
    nca_percent *percent = context;
    const bool is_terminal = nca_is_terminal(stderr), is_done = done >= 1;
    const double now = nca_clock(), patience = is_terminal ? redraw_seconds : line_seconds;
    char left[64];
    if (percent->started == 0)
        begin_percent(percent, now, done);
    if (is_done ? !is_terminal : now - percent->drawn < patience)
        return;
    describe_left(percent, now, done, left);
    fputs(is_terminal ? "\r\033[K" : "", stderr);
    if (!is_done)
        fprintf(stderr, "%3.0f%% %s%s%s", 100 * done, percent->word, left, is_terminal ? "" : "\n");
    fflush(stderr);
    percent->drawn = now;
}
