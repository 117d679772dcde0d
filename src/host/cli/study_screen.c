// The lines of a study while its runs are trained and judged.
#include "cli/study_screen.h"

#include <stdio.h>
#include <unistd.h>

void nca_study_screen_end(nca_study_screen *screen)
{
    if (screen->is_drawn)
        printf("\r\033[K");
    screen->is_drawn = false;
    fflush(stdout);
}

static void say(void *context, const char *line)
{
    nca_study_screen_end(context);
    printf("%s\n", line);
    fflush(stdout);
}

// One line that is drawn anew: how far every run at work is.
static void draw(void *context, const nca_study_run *const *runs, int count)
{
    nca_study_screen *screen = context;
    char line[100];
    size_t used = 0;
    for (int i = 0; i < count && used < sizeof line; i++) {
        const int64_t updates = runs[i]->config.updates;
        used += (size_t)snprintf(
            line + used, sizeof line - used, "%s%s %.0f%%", used ? ", " : "", runs[i]->name,
            100.0 * (double)runs[i]->updates / (double)(updates ? updates : 1));
    }
    nca_study_screen_end(screen);
    printf("%.79s", used ? line : "");
    fflush(stdout);
    screen->is_drawn = true;
}

static void show_percent(void *context, double done)
{
    nca_study_screen *screen = context;
    nca_percent_show(&screen->percent, done);
}

nca_study_watch nca_study_watch_by(nca_study_screen *screen, bool is_quiet)
{
    *screen = (nca_study_screen){.percent = {.word = "judged"}};
    if (is_quiet)
        return (nca_study_watch){0};
    return (nca_study_watch){.say = say,
                             .at_work = nca_is_terminal(stdout) ? draw : NULL,
                             .judged = nca_is_terminal(stderr) ? show_percent : NULL,
                             .context = screen};
}
