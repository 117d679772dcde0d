// The program as a whole: one command of a table, or what there is to say about them all.
#ifndef NCA_CLI_COMMANDS_H
#define NCA_CLI_COMMANDS_H

#include "cli/options.h"

// Runs the command that argv[1] names, or help, --version or completion. `commands` ends with NULL.
// Returns the exit code; a command that is none suggests the nearest.
int nca_commands_run(const nca_command *const *commands, int argc, char **argv);

#endif
