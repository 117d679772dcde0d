// Help and failure lines: what people read of a command, made from its rows.
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "cli/printable.h"

enum { COLUMN = 30 };

// "--name VALUE", padded to the column of the descriptions.
static void print_name(FILE *to, const char *name, const char *value)
{
    int width = fprintf(to, "  --");
    for (const char *c = name; *c; c++, width++)
        fputc(*c == '_' ? '-' : *c, to);
    if (value)
        width += fprintf(to, " %s", value);
    if (width >= COLUMN) {
        fputc('\n', to);
        width = 0;
    }
    fprintf(to, "%*s", COLUMN - width, "");
}

static void print_rows(FILE *to, const nca_option *rows)
{
    for (const nca_option *row = rows; row && row->name; row++) {
        if (row->group)
            fprintf(to, "\n%s:\n", row->group);
        print_name(to, row->name, row->value);
        fprintf(to, "%s\n", row->help);
    }
}

static void print_default(FILE *to, const nca_option *row, const nca_config *standard)
{
    const void *field = (const char *)standard + row->target;
    switch (row->kind) {
    case NCA_OPTION_TEXT:
        if (*(const char *)field)
            fprintf(to, " [%s]", (const char *)field);
        break;
    case NCA_OPTION_INT:
        fprintf(to, " [%lld]", (long long)*(const int64_t *)field);
        break;
    case NCA_OPTION_REAL:
        fprintf(to, " [%g]", *(const double *)field);
        break;
    default:
        break;
    }
}

static void print_config(FILE *to)
{
    const nca_config standard = nca_config_default();
    fprintf(to, "\nSettings, with the default in brackets (a preset changes a whole column of "
                "them):\n");
    print_name(to, "config", "FILE.json");
    fprintf(to, "settings by their names in config.json, over the preset\n");
    for (const nca_option *row = nca_config_options(); row->name; row++) {
        print_name(to, row->name, row->value);
        fprintf(to, "%s", row->help);
        print_default(to, row, &standard);
        fputc('\n', to);
    }
}

void nca_help_print(FILE *to, const nca_command *command)
{
    fprintf(to, "Usage: nca %s [OPTION...]%s%s\n\n%s.\n", command->name,
            *command->arguments ? " " : "", command->arguments, command->summary);
    if (command->options && command->options->name && !command->options->group)
        fprintf(to, "\nOptions:\n");
    print_rows(to, command->options);
    if (command->has_config)
        print_config(to);
    if (command->details)
        fprintf(to, "\n%s", command->details);
}

int nca_report_failure(const char *command, const nca_error *error)
{
    fprintf(stderr, "nca%s%s: ", *command ? " " : "", command);
    nca_print_safely(stderr, error->message);
    fputc('\n', stderr);
    return error->status == NCA_NUMERIC || error->status == NCA_INTERRUPTED ? 1 : 2;
}
