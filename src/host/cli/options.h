// Option rows: the parser, --help, config files and shell completion are all made from them.
#ifndef NCA_CLI_OPTIONS_H
#define NCA_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "config/settings.h"
#include "nca/status.h"

typedef struct nca_call nca_call;             // cli/command.h
typedef struct nca_help_page nca_help_page;   // cli/help_page.h

// A subcommand: main.c holds the one table of them.
typedef struct nca_command {
    const char *name;
    const char *program;     // whose only command it is, in the place of a name; NULL: nca
    const char *arguments;   // "MODEL [FILE...]", for help
    const char *summary;     // one line
    const char *details;     // paragraphs and examples under the options; may be NULL
    // What help says after that, made from tables; may be NULL.
    void (*describe)(const nca_help_page *page);
    const nca_option *options;   // ended by a row without a name
    int arguments_min, arguments_max;
    bool has_config;   // the rows of nca/config.h are options as well
    // Of the struct that the options point into.
    size_t options_bytes;
    const void *defaults;   // NULL: zeros
    size_t device;          // its nca_device_arguments, which are opened before the work
    bool opens_device;
    bool stops;   // at a signal, when it looks for one
    // Exit codes are 0, 1 for a check that failed, 2 for bad input or a failed machine, 128 + the
    // signal that ended it.
    nca_status (*work)(nca_call *call);
} nca_command;

// What the parser leaves: the positional arguments.
typedef struct nca_arguments {
    int count;
    const char *item[NCA_OPTION_LIST_MAX];
} nca_arguments;

// Reads argv (without program and command name) into `values` (the struct the rows point into;
// defaults already there): --name VALUE, --name=VALUE, --flag, --no-flag, -o for --output; `--`
// ends the options, and of an option given twice the last one counts. `config` may be NULL where
// the command has none: it starts as nca_config_default(), then takes the preset, then --config
// FILE, then the options, whatever their order on the command line. Prints help and sets *done on
// --help. A wrong option suggests the nearest one.
nca_status nca_options_parse(const nca_command *command, int argc, char **argv, void *values,
                             nca_config *config, nca_arguments *arguments, bool *done,
                             nca_error *error);

// --config FILE and the options over what `values` and `config` hold already; no preset's column.
nca_status nca_options_apply(const nca_command *command, int argc, char **argv, void *values,
                             nca_config *config, nca_error *error);

void nca_help_print(FILE *to, const nca_command *command);

// A number of a row: the whole text, decimal, finite and within its range.
nca_status nca_option_read_int(const nca_option *row, const char *text, int64_t *out,
                               nca_error *error);
nca_status nca_option_read_real(const nca_option *row, const char *text, double *out,
                                nca_error *error);

// What a person types for it: "nca train", or the program's name. Valid until the next call.
const char *nca_command_words(const nca_command *command);

// Prints "WORDS: message" on stderr and returns the exit code: 1 for a training or check that went
// wrong, 128 + the signal where one ended it, 2 for everything else.
int nca_report_failure(const char *words, const nca_error *error);

#endif
