// A rule that a run needs beside the one it trains. Its folder keeps a copy, named after the option
// that gave the rule: --victim is victim.safetensors.
#ifndef NCA_MODEL_KEPT_RULE_H
#define NCA_MODEL_KEPT_RULE_H

#include "base/checksum.h"
#include "base/files.h"
#include "nca/model.h"

// Where the rule is read: the copy in the folder, or where that is NULL or has none, what was
// given.
//   copy   out, where the copy would be; empty where there is no folder
const char *nca_kept_rule_place(const char *option, const char *given, const char *folder,
                                char copy[NCA_PATH_BYTES]);
// The copy in the folder, or where that is NULL or has none, the rule that was given. The caller
// frees it.
//   given   a file, a run folder, or zoo:NAME
//   usual   says what the file does not; may be NULL
nca_status nca_kept_rule_load(const char *option, const char *given, const char *folder,
                              const nca_spec *usual, nca_model *out, nca_error *error);
// Makes the copy where the folder has none; nothing where there is no rule.
nca_status nca_kept_rule_save(const char *option, const nca_model *rule, const char *folder,
                              nca_error *error);
// Of all that decides what a rule does: two files with the same one hold the same rule.
void nca_kept_rule_checksum(const nca_model *rule, char checksum[NCA_CHECKSUM_BYTES]);

#endif
