// nca: the table of commands, and nothing else.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

// A closed standard stream would give its number to the next file opened, and what is printed would end
// up in that file.
static void keep_standard_streams(void)
{
    int file;
    do
        file = open("/dev/null", O_RDWR);
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
    nca_fail(&error, NCA_FILE, "standard output: cannot be written: %s", strerror(errno));
    return nca_report_failure("", &error);
}

int main(int argc, char **argv)
{
    keep_standard_streams();
    signal(SIGXFSZ, SIG_IGN);   // a file above the limit is a failed write, like a full disk
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
            exit(finish((*command)->run(argc - 2, argv + 2, *command)));
    exit(fail_unknown(argv[1]));
}
