// Help and failure lines: what people read of a command, made from its rows.
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/stop.h"
#include "cli/help_page.h"
#include "cli/printable.h"
#include "config/presets.h"
#include "nca/task.h"

enum { COLUMN = 30, WIDTH_MIN = 60, WIDTH_MAX = 100, TEXT_BYTES = 1024, TERM_BYTES = 256 };

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

// "-o, --name VALUE"
static const char *term_of(const nca_option *row, bool has_no, char term[TERM_BYTES])
{
    char name[NCA_OPTION_NAME_BYTES];
    snprintf(term, TERM_BYTES, "%s--%s%s%s%s", nca_option_is_output(row) ? "-o, " : "",
             has_no ? "[no-]" : "", nca_option_spell(row->name, name), row->value ? " " : "",
             row->value ? row->value : "");
    return term;
}

static void tell_rows(const nca_help_page *page, const nca_option *rows)
{
    char term[TERM_BYTES];
    for (const nca_option *row = rows; row && row->name; row++) {
        if (row->group)
            page->heading(page->to, row->group);
        page->row(page->to, term_of(row, row->kind == NCA_OPTION_SWITCH, term), row->help);
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

static void tell_config(const nca_help_page *page)
{
    const nca_config standard = nca_config_default();
    page->heading(page->to,
                  "Settings, with the default in brackets (a preset changes many of them)");
    tell_rows(page, nca_config_sources());
    for (const nca_option *row = nca_config_options(); row->name; row++) {
        char term[TERM_BYTES], text[TEXT_BYTES], value[NCA_TEXT_BYTES];
        describe_default(row, &standard, value, sizeof value);
        snprintf(text, sizeof text, "%s%.500s", row->help, value);
        page->row(page->to, term_of(row, row->kind == NCA_OPTION_FLAG, term), text);
    }
    page->heading(page->to, "Tasks");
    for (const nca_task *const *row = nca_tasks(); *row; row++)
        page->row(page->to, (*row)->name, (*row)->summary);
    page->heading(page->to, "Presets");
    for (const nca_preset *row = nca_presets(); row->name; row++)
        page->row(page->to, row->name, row->summary);
}

void nca_help_tell(const nca_help_page *page, const nca_command *command)
{
    if (command->options && command->options->name && !command->options->group)
        page->heading(page->to, "Options");
    tell_rows(page, command->options);
    if (command->has_config)
        tell_config(page);
    if (command->details)
        page->text(page->to, command->details);
    if (command->describe)
        command->describe(page);
}

const char *nca_command_words(const nca_command *command)
{
    static char words[32];
    if (command->program)
        return command->program;
    snprintf(words, sizeof words, "nca %s", command->name);
    return words;
}

static void print_heading(FILE *to, const char *words)
{
    fprintf(to, "\n%s:\n", words);
}

static void print_row(FILE *to, const char *term, const char *words)
{
    print_wrapped(to, fprintf(to, "  %s", term), COLUMN, words);
}

static void print_text(FILE *to, const char *text)
{
    fprintf(to, "\n%s", text);
}

void nca_help_print(FILE *to, const nca_command *command)
{
    const nca_help_page page = {to, print_heading, print_row, print_text};
    fprintf(to, "Usage: %s [OPTION...]%s%s\n\n%s.\n", nca_command_words(command),
            *command->arguments ? " " : "", command->arguments, command->summary);
    nca_help_tell(&page, command);
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
