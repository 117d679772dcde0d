// The program as a whole.
#include "cli/commands.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/nearest.h"
#include "base/output_place.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/manual.h"
#include "nca/nca.h"

enum { COMMANDS_MAX = 32 };

static void print_usage(FILE *to, const nca_command *const *commands)
{
    fprintf(to,
            "nca %s trains neural cellular automata: rules that grow, hold and heal a picture.\n\n"
            "Usage: nca COMMAND [OPTION...]\n\nCommands:\n",
            NCA_VERSION);
    for (const nca_command *const *command = commands; *command; command++)
        fprintf(to, "  %-12s%s\n", (*command)->name, (*command)->summary);
    fprintf(to, "\nnca COMMAND --help says more; nca completion bash|zsh|fish completes them "
                "in a shell.\n");
}

static int fail_unknown(const nca_command *const *commands, const char *word)
{
    const char *names[COMMANDS_MAX] = {"--help", "--version", "completion", "man"};
    size_t count = 4;
    for (const nca_command *const *command = commands; *command && count < COMMANDS_MAX; command++)
        names[count++] = (*command)->name;
    const char *nearest = nca_nearest(word, names, count);
    nca_error error;
    if (nearest)
        nca_fail(&error, NCA_ARGUMENT, "%.60s: no such command; did you mean nca %s?", word,
                 nearest);
    else
        nca_fail(&error, NCA_ARGUMENT, "%.60s: no such command; see nca --help", word);
    return nca_report_failure("nca", &error);
}

static int fail_extra(const char *word)
{
    nca_error error;
    nca_fail(&error, NCA_ARGUMENT, "%.100s: one argument too many; see nca --help", word);
    return nca_report_failure("nca", &error);
}

static const nca_command *find_command(const nca_command *const *commands, const char *name)
{
    for (const nca_command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, name) == 0)
            return *command;
    return NULL;
}

// Completion and manual are no rows of the table, for they are made from all of them.
static void print_completion_help(void)
{
    printf("Usage: nca completion bash|zsh|fish\n\n"
           "Prints what makes the shell complete commands, options and their words.\n\n"
           "Examples:\n"
           "  source <(nca completion bash)    in ~/.bashrc, and likewise zsh in ~/.zshrc\n"
           "  nca completion fish | source     in ~/.config/fish/config.fish\n");
}

static void print_man_help(void)
{
    printf("Usage: nca man [COMMAND]\n\n"
           "Prints a page of the manual: nca(1), or that of a command.\n\n"
           "Examples:\n"
           "  nca man train | man -l -\n");
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

typedef void print_one(FILE *to, const nca_command *command);
typedef void print_all(FILE *to, const nca_command *const *commands);

// Of the command that is named, or of all.
static int print_of(const nca_command *const *commands, int argc, char **argv, print_one *one,
                    print_all *all)
{
    const nca_command *command = argc > 0 ? find_command(commands, argv[0]) : NULL;
    if (argc > 0 && !command)
        return fail_unknown(commands, argv[0]);
    if (argc > 1)
        return fail_extra(argv[1]);
    if (command)
        one(stdout, command);
    else
        all(stdout, commands);
    return 0;
}

// `nca help`, `nca help COMMAND`.
static int print_help(const nca_command *const *commands, int argc, char **argv)
{
    if (argc == 1 && strcmp(argv[0], "completion") == 0) {
        print_completion_help();
        return 0;
    }
    if (argc == 1 && strcmp(argv[0], "man") == 0) {
        print_man_help();
        return 0;
    }
    return print_of(commands, argc, argv, nca_help_print, print_usage);
}

// What nca(1) itself is about, besides the table of commands.
static bool is_of_main_page(const char *word)
{
    return strcmp(word, "nca") == 0 || strcmp(word, "completion") == 0 || strcmp(word, "man") == 0;
}

// `nca man`, `nca man COMMAND`.
static int print_man(const nca_command *const *commands, int argc, char **argv)
{
    if (argc > 0 && is_help(argv[0])) {
        print_man_help();
        return 0;
    }
    if (argc == 1 && is_of_main_page(argv[0]))
        argc = 0;
    return print_of(commands, argc, argv, nca_manual_print_command, nca_manual_print);
}

static int print_completion(const nca_command *const *commands, int argc, char **argv)
{
    nca_error error;
    if (argc > 0 && is_help(argv[0])) {
        print_completion_help();
        return 0;
    }
    const nca_status status =
        argc == 1 ? nca_completion_print(stdout, argv[0], commands, &error)
                  : nca_fail(&error, NCA_ARGUMENT, "needs one shell: bash, zsh or fish");
    return status == NCA_OK ? 0 : nca_report_failure("nca completion", &error);
}

// A closed standard stream would give its number to the next file opened, and what is printed would
// end up in that file. What takes the number can be read only: to print into it still fails.
static void keep_standard_streams(void)
{
    int file;
    do
        file = open("/dev/null", O_RDONLY);
    while (file >= 0 && file <= STDERR_FILENO);
    if (file >= 0)
        close(file);
}

// What was printed is part of the result: a full disk behind standard output is a failure.
static int finish(int code)
{
    nca_error error;
    const bool is_whole = fflush(stdout) == 0 && !ferror(stdout);
    if (is_whole || errno == EPIPE || code != 0)
        return code;
    nca_standard_output_fail(&error);
    return nca_report_failure("nca", &error);
}

static int run(const nca_command *const *commands, int argc, char **argv)
{
    if (argc < 2) {
        print_usage(stderr, commands);
        return 2;
    }
    const char *word = argv[1];
    const nca_command *command = find_command(commands, word);
    if (command)
        return nca_call_run(command, argc - 2, argv + 2);
    if (is_help(word) || strcmp(word, "help") == 0)
        return print_help(commands, argc - 2, argv + 2);
    if (strcmp(word, "completion") == 0)
        return print_completion(commands, argc - 2, argv + 2);
    if (strcmp(word, "man") == 0)
        return print_man(commands, argc - 2, argv + 2);
    if (strcmp(word, "--version") == 0) {
        if (argc > 2)
            return fail_extra(argv[2]);
        printf("nca %s\n", NCA_VERSION);
        return 0;
    }
    return fail_unknown(commands, word);
}

int nca_commands_run(const nca_command *const *commands, int argc, char **argv)
{
    keep_standard_streams();
    signal(SIGXFSZ, SIG_IGN);   // a file above the limit is a failed write, like a full disk
    return finish(run(commands, argc, argv));
}
