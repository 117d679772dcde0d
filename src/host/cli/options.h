// Option rows: the parser, --help, config files and shell completion are all made from them.
#ifndef NCA_CLI_OPTIONS_H
#define NCA_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "nca/config.h"
#include "nca/status.h"

typedef enum nca_option_kind {
    NCA_OPTION_TEXT,     // char[NCA_TEXT_BYTES]
    NCA_OPTION_STRING,   // const char *, pointing into argv
    NCA_OPTION_INT,      // int64_t
    NCA_OPTION_REAL,     // double
    NCA_OPTION_FLAG,     // bool; given without a value, or as --no-NAME
    NCA_OPTION_SWITCH,   // int; the same as 1 or 0, so that -1 before tells that it was not given
    NCA_OPTION_LIST,     // nca_option_list: may be given several times
} nca_option_kind;

enum { NCA_OPTION_LIST_MAX = 64 };

typedef struct nca_option_list {
    int count;
    const char *item[NCA_OPTION_LIST_MAX];
} nca_option_list;

// One option of a command. `target` is an offset into the command's own struct.
typedef struct nca_option {
    const char *name;   // without the dashes
    nca_option_kind kind;
    size_t target;
    double min, max;     // of numbers; of texts the fewest and the most bytes
    const char *value;   // stands for the argument in help
    const char *help;    // one line
    const char *group;   // heading under which help shows it; NULL: as the row before
} nca_option;

// A subcommand: main.c holds the one table of them.
typedef struct nca_command {
    const char *name;
    const char *arguments;        // "MODEL [FILE...]", for help
    const char *summary;          // one line
    const char *details;          // paragraphs and examples under the options; may be NULL
    void (*describe)(FILE *to);   // what help says after that, made from tables; may be NULL
    const nca_option *options;    // ended by a row without a name
    int arguments_min, arguments_max;
    bool has_config;   // the rows of nca/config.h are options as well
    // Returns the exit code: 0, 1 for a check that failed, 2 for bad input or a failed machine, 128
    // + the signal that ended it.
    int (*run)(int argc, char **argv, const struct nca_command *self);
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
// A text in the second column of help, broken between words; `used` columns of the line are taken.
void nca_help_wrap(FILE *to, int used, const char *text);

// The rows of nca/config.h as options, ended by a row without a name. Their names are written with
// underscores, as in config.json; on the command line with dashes.
const nca_option *nca_config_options(void);
// The options beside them that name where settings come from: --config.
const nca_option *nca_config_sources(void);
// The row of an option, its name written either way; NULL where there is none.
const nca_option *nca_option_find(const nca_option *rows, const char *name, size_t length);
// Whether it is given without a value.
bool nca_option_is_flag(const nca_option *row);
// What a number may be, in words: "1 to 4096".
void nca_option_range(const nca_option *row, char *text, size_t size);
// A number of a row: the whole text, decimal, finite and within its range.
nca_status nca_option_read_int(const nca_option *row, const char *text, int64_t *out,
                               nca_error *error);
nca_status nca_option_read_real(const nca_option *row, const char *text, double *out,
                                nca_error *error);

// The candidate nearest to `word` by edit distance, or NULL where none is near.
const char *nca_nearest(const char *word, const char *const *candidates, size_t count);

// Prints "nca COMMAND: message" on stderr and returns the exit code: 1 for a training or check that
// went wrong, 128 + the signal where one ended it, 2 for everything else.
int nca_report_failure(const char *command, const nca_error *error);

// config.json, complete: every field of nca/config.h by its name. The caller frees `text`.
nca_status nca_config_to_json(const nca_config *config, char **text, nca_error *error);
// Changes only the fields that the text names. Unknown keys, wrong types and values out of range
// are refused by name, with the nearest key where there is one.
nca_status nca_config_from_json(const char *text, size_t size_bytes, const char *name,
                                nca_config *config, nca_error *error);
nca_status nca_config_read(const char *path, nca_config *config, nca_error *error);
nca_status nca_config_write(const char *path, const nca_config *config, nca_error *error);

#endif
