// Shell completion, made from the table of commands and their option rows.
#ifndef NCA_CLI_COMPLETION_H
#define NCA_CLI_COMPLETION_H

#include <stdio.h>

#include "cli/options.h"

// How to complete `nca` in "bash", "zsh" or "fish". `commands` ends with NULL.
// NCA_ARGUMENT for another shell.
nca_status nca_completion_print(FILE *to, const char *shell, const nca_command *const *commands,
                                nca_error *error);

#endif
