// nca: the table of commands, and nothing else.
#include <stdlib.h>

#include "cli/commands.h"

extern const nca_command nca_command_train, nca_command_run, nca_command_eval, nca_command_attack,
    nca_command_report, nca_command_study, nca_command_clean, nca_command_import,
    nca_command_export, nca_command_info, nca_command_verify, nca_command_bench;

// A new command is a file src/host/cli/cmd_NAME.c and a row here.
// clang-format off
static const nca_command *const commands[] = {
    &nca_command_train, &nca_command_run,
    &nca_command_eval, &nca_command_attack,
    &nca_command_report, &nca_command_study,
    &nca_command_clean, &nca_command_import,
    &nca_command_export, &nca_command_bench,
    &nca_command_verify, &nca_command_info,
    NULL,
};
// clang-format on

int main(int argc, char **argv)
{
    exit(nca_commands_run(commands, argc, argv));
}
