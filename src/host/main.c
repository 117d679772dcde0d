// nca: the table of commands, and nothing else.
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "nca/nca.h"

extern const nca_command nca_command_train, nca_command_run, nca_command_eval, nca_command_import,
    nca_command_info, nca_command_verify, nca_command_bench;

// A new command is a file src/host/cli/cmd_NAME.c and a row here.
static const nca_command *const commands[] = {
    &nca_command_train, &nca_command_run,    &nca_command_eval, &nca_command_import,
    &nca_command_bench, &nca_command_verify, &nca_command_info, NULL,
};

static void print_usage(FILE *to)
{
    fprintf(to,
            "nca %s trains neural cellular automata: rules that grow, hold and heal a picture.\n\n"
            "Usage: nca COMMAND [OPTION...]\n\nCommands:\n",
            NCA_VERSION);
    for (const nca_command *const *command = commands; *command; command++)
        fprintf(to, "  %-12s%s\n", (*command)->name, (*command)->summary);
    fprintf(to, "\nnca COMMAND --help says more.\n");
}

static int fail_unknown(const char *word)
{
    const char *names[32];
    size_t count = 0;
    for (const nca_command *const *command = commands; *command; command++)
        names[count++] = (*command)->name;
    const char *nearest = nca_nearest(word, names, count);
    nca_error error;
    if (nearest)
        nca_fail(&error, NCA_ARGUMENT, "%.60s: no such command; did you mean nca %s?", word,
                 nearest);
    else
        nca_fail(&error, NCA_ARGUMENT, "%.60s: no such command; see nca --help", word);
    return nca_report_failure("", &error);
}

int main(int argc, char **argv)
{
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(argc < 2 ? stderr : stdout);
        exit(argc < 2 ? 2 : 0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("nca %s\n", NCA_VERSION);
        exit(0);
    }
    for (const nca_command *const *command = commands; *command; command++)
        if (strcmp((*command)->name, argv[1]) == 0)
            exit((*command)->run(argc - 2, argv + 2, *command));
    exit(fail_unknown(argv[1]));
}
