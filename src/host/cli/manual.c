// The pages of the manual, in the language of man(7).
#include "cli/manual.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "cli/help_page.h"
#include "nca/nca.h"

static void print_character(FILE *to, char c)
{
    static const char special[] = "\\-'`^~\"";
    static const char *const names[] = {"\\e", "\\-", "\\(aq", "\\(ga", "\\(ha", "\\(ti", "\\(dq"};
    const char *found = c ? strchr(special, c) : NULL;
    if (found)
        fputs(names[found - special], to);
    else
        fputc(c, to);
}

// So much of a text as it stands there. A dot at the start of a line would be a command.
static void print_literally(FILE *to, const char *text, size_t length)
{
    if (length > 0 && *text == '.')
        fputs("\\&", to);
    for (size_t i = 0; i < length; i++)
        print_character(to, text[i]);
}

enum { LINE_BYTES = 70 };   // of the source of a page

// A text in lines of words, whose own breaks mean nothing.
static void print_filled(FILE *to, const char *text, size_t length)
{
    size_t at = 0;
    for (const char *end = text + length; text < end;) {
        const size_t blanks = strspn(text, " \n");
        const size_t size = strcspn(text + blanks, " \n");
        text += blanks;
        if (text >= end || size == 0)
            break;
        if (at > 0)
            fputc(at + size > LINE_BYTES ? '\n' : ' ', to);
        at = at + size > LINE_BYTES ? 0 : at;
        print_literally(to, text, size);
        at += size + 1;
        text += size;
    }
    fputc('\n', to);
}

static void print_section(FILE *to, const char *words)
{
    fprintf(to, ".SH \"%s\"\n", words);
}

static void print_title(FILE *to, const char *command)
{
    char name[64] = "NCA";
    size_t used = strlen(name);
    if (command)
        used += (size_t)snprintf(name + used, sizeof name - used, "-%s", command);
    for (size_t i = 0; i < used && i < sizeof name; i++)
        name[i] = (char)toupper((unsigned char)name[i]);
    fputs(".TH ", to);
    print_literally(to, name, strlen(name));
    fprintf(to, " 1 %s \"nca %s\" \"User Commands\"\n", NCA_RELEASED, NCA_VERSION);
}

// -- Help as a page -------------------------------------------------------------------------------

static void print_heading(FILE *to, const char *words)
{
    fputs(".SS ", to);
    print_literally(to, words, strlen(words));
    fputc('\n', to);
}

// "-o, --output FILE": what is typed is bold, what stands for something is slanted.
static void print_term(FILE *to, const char *term)
{
    const char *value = *term == '-' ? strrchr(term, ' ') : NULL;
    if (value && value[1] == '-')
        value = NULL;
    const size_t typed = value ? (size_t)(value - term) : strlen(term);
    fputs("\\fB", to);
    print_literally(to, term, typed);
    fputs("\\fR", to);
    if (value) {
        fputs(" \\fI", to);
        print_literally(to, value + 1, strlen(value + 1));
        fputs("\\fR", to);
    }
    fputc('\n', to);
}

static void print_row(FILE *to, const char *term, const char *words)
{
    fputs(".TP\n", to);
    print_term(to, term);
    print_filled(to, words, strlen(words));
}

// Lines that stay as they are, up to the end of the paragraph or to one that is not indented.
// Returns what follows them.
static const char *print_kept(FILE *to, const char *text)
{
    fputs(".PP\n.nf\n.RS 2\n", to);
    while (*text == ' ') {
        const size_t indent = strspn(text, " "), size = strcspn(text, "\n");
        fprintf(to, "%*s", indent > 2 ? (int)indent - 2 : 0, "");
        print_literally(to, text + indent, size - indent);
        fputc('\n', to);
        text += text[size] ? size + 1 : size;
    }
    fputs(".RE\n.fi\n", to);
    return text;
}

static void print_text(FILE *to, const char *text)
{
    while (*text) {
        const char *blank = strstr(text, "\n\n"), *kept = strstr(text, "\n ");
        const char *end = blank ? blank : text + strlen(text);
        if (*text == ' ') {
            text = print_kept(to, text);
        } else {
            end = kept && kept < end ? kept : end;
            fputs(".PP\n", to);
            print_filled(to, text, (size_t)(end - text));
            text = end;
        }
        text += strspn(text, "\n");
    }
}

static void print_name(FILE *to, const char *name, const char *summary)
{
    print_section(to, "NAME");
    print_literally(to, name, strlen(name));
    fprintf(to, " \\-\n%c", tolower((unsigned char)*summary));
    print_filled(to, summary + 1, strlen(summary + 1));
}

void nca_manual_print_command(FILE *to, const nca_command *command)
{
    const nca_help_page page = {to, print_heading, print_row, print_text};
    char name[64];
    snprintf(name, sizeof name, "nca-%s", command->name);
    print_title(to, command->name);
    print_name(to, name, command->summary);
    print_section(to, "SYNOPSIS");
    fprintf(to, "\\fBnca %s\\fR [\\fIOPTION\\fR...]", command->name);
    if (*command->arguments) {
        fputs(" \\fI", to);
        print_literally(to, command->arguments, strlen(command->arguments));
        fputs("\\fR", to);
    }
    fputc('\n', to);
    print_section(to, "DESCRIPTION");
    print_filled(to, command->summary, strlen(command->summary));
    nca_help_tell(&page, command);
    print_section(to, "SEE ALSO");
    fputs("\\fBnca\\fR(1)\n", to);
}

// -- The program as a whole -----------------------------------------------------------------------

static const char description[] =
    "Every cell of a grid runs the same small neural network. nca trains it on a picture: after\n"
    "training, the cells grow the picture from a single cell, keep it, and regrow what is cut "
    "away.\n"
    "nca train makes a run folder, which the other commands read; a trained rule is one file,\n"
    "model.safetensors.\n"
    "\n"
    "  nca train --target \xF0\x9F\xA6\x8E --out runs/lizard\n"
    "  nca run runs/lizard --damage left@200 -o healing.webp\n"
    "  nca eval runs/lizard\n"
    "\n"
    "nca COMMAND --help says what this manual says. nca completion bash, zsh or fish prints what\n"
    "completes commands and options in that shell, where no package has installed it. nca man\n"
    "COMMAND prints a page of this manual.\n";

static const char *const exit_codes[][2] = {
    {"0", "The command did what it was asked for."},
    {"1", "A check failed, or a training went wrong."},
    {"2",
     "An option, a file or a device cannot be used; one line says which, why, and what helps."},
    {"129, 130, 143", "A signal ended it."},
};

static const char *const environment[][2] = {
    {"TMPDIR", "Where an output for a pipe is made first. /tmp unless set."},
};

// NCA_CPU_ISA, whose names the CPU's table has.
static void print_isas(FILE *to)
{
    char names[96], words[300];
    for (const nca_backend *const *backend = nca_backends(); *backend; backend++) {
        if (!(*backend)->list_isas)
            continue;
        (*backend)->list_isas(names, sizeof names);
        snprintf(words, sizeof words,
                 "The widest instructions that the CPU may use: %s; rounding computes any "
                 "--precision in f32 with rounded factors, for tests.",
                 names);
        print_row(to, "NCA_CPU_ISA", words);
    }
}

static void print_pairs(FILE *to, const char *const (*pairs)[2], size_t count)
{
    for (size_t i = 0; i < count; i++)
        print_row(to, pairs[i][0], pairs[i][1]);
}

static void print_see_also(FILE *to, const nca_command *const *commands)
{
    print_section(to, "SEE ALSO");
    for (; *commands; commands++)
        fprintf(to, "\\fBnca\\-%s\\fR(1)%s\n", (*commands)->name, commands[1] ? "," : "");
}

void nca_manual_print(FILE *to, const nca_command *const *commands)
{
    print_title(to, NULL);
    print_name(to, "nca", "Trains neural cellular automata");
    print_section(to, "SYNOPSIS");
    fputs("\\fBnca\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n", to);
    print_section(to, "DESCRIPTION");
    fputs("Trains neural cellular automata.\n", to);
    print_text(to, description);
    print_section(to, "COMMANDS");
    for (const nca_command *const *command = commands; *command; command++)
        print_row(to, (*command)->name, (*command)->summary);
    print_section(to, "EXIT STATUS");
    print_pairs(to, exit_codes, sizeof exit_codes / sizeof *exit_codes);
    print_section(to, "ENVIRONMENT");
    print_isas(to);
    print_pairs(to, environment, sizeof environment / sizeof *environment);
    print_see_also(to, commands);
}
