// Help and failure lines: what people read of a command, made from its rows.
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/stop.h"
#include "cli/options.h"
#include "cli/printable.h"
#include "config/presets.h"
#include "nca/task.h"

enum { COLUMN = 30, WIDTH_MIN = 60, WIDTH_MAX = 100, TEXT_BYTES = 1024 };

// Columns that help may fill: those of the terminal, where it goes to one and that is narrower.
static int choose_width(FILE *to)
{
    struct winsize size;
    if (!isatty(fileno(to)) || ioctl(fileno(to), TIOCGWINSZ, &size) != 0 || size.ws_col == 0)
        return WIDTH_MAX;
    return size.ws_col < WIDTH_MIN ? WIDTH_MIN : size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
}

// The text from the column on, broken between words; the cursor stands at `at`.
static void print_wrapped(FILE *to, int at, int column, const char *text)
{
    const int width = choose_width(to);
    if (at >= column) {
        fputc('\n', to);
        at = 0;
    }
    fprintf(to, "%*s", column - at, "");
    for (at = column; *text; text += strspn(text, " ")) {
        const int length = (int)strcspn(text, " ");
        if (at > column && at + 1 + length > width) {
            fprintf(to, "\n%*s", column, "");
            at = column;
        }
        at += fprintf(to, "%s%.*s", at > column ? " " : "", length, text);
        text += length;
    }
    fputc('\n', to);
}

void nca_help_wrap(FILE *to, int used, const char *text)
{
    print_wrapped(to, used, COLUMN, text);
}

// "--name VALUE"; returns how many columns that took.
static int print_name(FILE *to, const nca_option *row, bool has_no)
{
    char name[NCA_OPTION_NAME_BYTES];
    int width = fprintf(to, "  %s--%s%s", nca_option_is_output(row) ? "-o, " : "",
                        has_no ? "[no-]" : "", nca_option_spell(row->name, name));
    if (row->value)
        width += fprintf(to, " %s", row->value);
    return width;
}

static void print_rows(FILE *to, const nca_option *rows)
{
    for (const nca_option *row = rows; row && row->name; row++) {
        if (row->group)
            fprintf(to, "\n%s:\n", row->group);
        print_wrapped(to, print_name(to, row, row->kind == NCA_OPTION_SWITCH), COLUMN, row->help);
    }
}

// " [VALUE]", or nothing where there is no default.
static void describe_default(const nca_option *row, const nca_config *standard, char *text,
                             size_t size)
{
    const void *field = (const char *)standard + row->target;
    *text = 0;
    if (row->kind == NCA_OPTION_TEXT && *(const char *)field)
        snprintf(text, size, " [%s]", (const char *)field);
    else if (row->kind == NCA_OPTION_INT)
        snprintf(text, size, " [%lld]", (long long)*(const int64_t *)field);
    else if (row->kind == NCA_OPTION_REAL)
        snprintf(text, size, " [%g]", *(const double *)field);
}

static void print_config(FILE *to)
{
    const nca_config standard = nca_config_default();
    fprintf(to, "\nSettings, with the default in brackets (a preset changes many of "
                "them):\n");
    print_rows(to, nca_config_sources());
    for (const nca_option *row = nca_config_options(); row->name; row++) {
        char text[TEXT_BYTES], value[NCA_TEXT_BYTES];
        describe_default(row, &standard, value, sizeof value);
        snprintf(text, sizeof text, "%s%.500s", row->help, value);
        print_wrapped(to, print_name(to, row, row->kind == NCA_OPTION_FLAG), COLUMN, text);
    }
    fprintf(to, "\nTasks:\n");
    for (const nca_task *const *row = nca_tasks(); *row; row++)
        print_wrapped(to, fprintf(to, "  %s", (*row)->name), COLUMN, (*row)->summary);
    fprintf(to, "\nPresets:\n");
    for (const nca_preset *row = nca_presets(); row->name; row++)
        print_wrapped(to, fprintf(to, "  %s", row->name), COLUMN, row->summary);
}

const char *nca_command_words(const nca_command *command)
{
    static char words[32];
    if (command->program)
        return command->program;
    snprintf(words, sizeof words, "nca %s", command->name);
    return words;
}

void nca_help_print(FILE *to, const nca_command *command)
{
    fprintf(to, "Usage: %s [OPTION...]%s%s\n\n%s.\n", nca_command_words(command),
            *command->arguments ? " " : "", command->arguments, command->summary);
    if (command->options && command->options->name && !command->options->group)
        fprintf(to, "\nOptions:\n");
    print_rows(to, command->options);
    if (command->has_config)
        print_config(to);
    if (command->details)
        fprintf(to, "\n%s", command->details);
    if (command->describe)
        command->describe(to);
}

int nca_report_failure(const char *words, const nca_error *error)
{
    fprintf(stderr, "%s: ", words);
    nca_print_safely(stderr, error->message);
    fputc('\n', stderr);
    if (error->status == NCA_INTERRUPTED)
        return 128 + nca_stop_signal;
    return error->status == NCA_NUMERIC ? 1 : 2;
}
