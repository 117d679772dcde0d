// Rows of options: the parser, --help, config files and shell completion are all made from them.
#ifndef NCA_CONFIG_SETTINGS_H
#define NCA_CONFIG_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/config.h"

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

// The rows of nca/config.h as options, ended by a row without a name. Their names are written with
// underscores, as in config.json; on the command line with dashes.
const nca_option *nca_config_options(void);
// Where a command that trains reads settings from before its options.
typedef struct nca_config_source {
    const char *file;
} nca_config_source;
// The options beside them that name it: --config.
const nca_option *nca_config_sources(void);
// The row of an option, its name written either way; NULL where there is none.
const nca_option *nca_option_find(const nca_option *rows, const char *name, size_t length);
// Its name as it is typed, without the dashes in front; returns `text`.
enum { NCA_OPTION_NAME_BYTES = 64 };
const char *nca_option_spell(const char *name, char text[NCA_OPTION_NAME_BYTES]);
// Whether -o is short for it: `output` of a command that makes a file, `out` of one that makes a
// folder.
bool nca_option_is_output(const nca_option *row);
// Whether it is given without a value.
bool nca_option_is_flag(const nca_option *row);
// What a number may be, in words: "1 to 4096".
void nca_option_range(const nca_option *row, char *text, size_t size);
#endif
