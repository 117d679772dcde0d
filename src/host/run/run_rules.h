// The rules that a run is given: what it begins with, where --from names one, and the adversary
// that --perturb cells trains it against. Its folder keeps copies of both.
#ifndef NCA_RUN_RUN_RULES_H
#define NCA_RUN_RUN_RULES_H

#include <stddef.h>

#include "base/checksum.h"
#include "nca/train.h"

enum { NCA_FROM_BYTES = 1536 };

// Makes the trainer begin with the rule of config->from, a file or a run folder; nothing where that
// is empty. Where `folder` is not NULL and keeps that rule, it is taken from there. NCA_ARGUMENT
// where the rule does not fit, with what would make it fit.
//   out   the rule as it was read, which the caller frees
nca_status nca_run_from_begin(const nca_config *config, const char *folder, nca_trainer *trainer,
                              nca_model *out, nca_error *error);
// What it begins with, in words.
const char *nca_run_from_words(const nca_config *config, const nca_model *rule,
                               char text[NCA_FROM_BYTES]);

// Gives the trainer the rule of config->adversary; nothing where that is empty. Where `folder` is
// not NULL and keeps that rule, it is taken from there. NCA_ARGUMENT where it does not fit.
//   out   the adversary as it was read, which the caller frees; untouched where there is none
nca_status nca_run_adversary_begin(const nca_config *config, const char *folder,
                                   nca_trainer *trainer, nca_model *out, nca_error *error);

// Copies the rules that were given into the folder, as from.safetensors and adversary.safetensors.
// A copy that is there stays.
nca_status nca_run_rules_keep(const char *folder, const nca_model *from, const nca_model *adversary,
                              nca_error *error);

// The checksum of the other rule of a training, its victim or its adversary, as the folder keeps
// it, for nca_model.kept_rule; empty where there is none.
nca_status nca_run_other_checksum(const nca_config *config, const char *folder,
                                  char checksum[NCA_CHECKSUM_BYTES], nca_error *error);
// Refuses a folder whose victim or adversary is another than its rule was trained with:
// NCA_ARGUMENT. Older rules do not know which it was, and pass.
//   model   the rule of the folder
nca_status nca_run_other_check(const nca_config *config, const char *folder, const nca_model *model,
                               nca_error *error);
// Where a rule that `config` names is the one that the folder keeps, in whatever file, it is named
// as in `saved` again. A rule that cannot be read is refused.
//   saved    the settings of the folder
//   config   the same with others laid over them
nca_status nca_run_rules_recognize(const nca_config *saved, const char *folder, nca_config *config,
                                   nca_error *error);

#endif
