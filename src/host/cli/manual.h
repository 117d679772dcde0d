// The pages of the manual, made from the table of commands and their option rows.
#ifndef NCA_CLI_MANUAL_H
#define NCA_CLI_MANUAL_H

#include <stdio.h>

#include "cli/options.h"

// nca(1), the program as a whole. `commands` ends with NULL.
void nca_manual_print(FILE *to, const nca_command *const *commands);

// nca-COMMAND(1): what its help says.
void nca_manual_print_command(FILE *to, const nca_command *command);

#endif
