// What a rule can be exported as, by extension: the one table of exporters is in exports.c.
#ifndef NCA_REPORT_EXPORT_H
#define NCA_REPORT_EXPORT_H

#include "nca/model.h"
#include "run/run_task.h"

// How numbers of a rule are written.
typedef enum nca_numbers { NCA_FLOAT32, NCA_FLOAT16, NCA_UINT8, NCA_NUMBERS } nca_numbers;

// What they are called in options, in the order of the enum, ended by NULL.
extern const char *const nca_numbers_words[NCA_NUMBERS + 1];

// A rule and where it comes from.
typedef struct nca_export_rule {
    const char *path;   // a file or a run folder, as it was given
    nca_model model;    // owned
} nca_export_rule;

typedef struct nca_export {
    const nca_export_rule *rules;
    int count;   // 1 up to the exporter's rules_max
    nca_numbers numbers;
    const nca_target_arguments *given;   // what was said of task and target, for run/run_task.h
    const char *target_option;   // one that was given about the target, "target-size"; NULL: none
} nca_export;

typedef struct nca_exporter {
    const char *extension;   // with the dot
    const char *description;
    int rules_max;       // in one file
    bool shows_target;   // and so takes the options about it
    bool has_grid;       // of the rule's size
    // How it can write numbers, the usual way first, ended by NCA_NUMBERS.
    nca_numbers numbers[NCA_NUMBERS + 1];
    // Writes the file whole or not at all. NCA_ARGUMENT where the format cannot express a rule, in
    // words that begin with the rule's path.
    nca_status (*write)(const nca_export *what, const char *place, nca_error *error);
} nca_exporter;

// All exporters, ended by NULL.
const nca_exporter *const *nca_exporters(void);
// The exporter by its name, the extension without the dot; where that is NULL, by the extension of
// the path. NCA_ARGUMENT with those there are.
nca_status nca_exporter_find(const char *name, const char *path, const nca_exporter **out,
                             nca_error *error);
// How numbers are written: the way that is named, or the exporter's usual one for NULL.
nca_status nca_exporter_numbers(const nca_exporter *exporter, const char *name, nca_numbers *out,
                                nca_error *error);

// NCA_ARGUMENT where the file would have a grid of the rule's size that is too large to be shown.
nca_status nca_exporter_check_grid(const nca_exporter *exporter, const nca_export_rule *rule,
                                   nca_error *error);

#endif
