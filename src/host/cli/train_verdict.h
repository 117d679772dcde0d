// What nca train says at its end of how good the rule is.
#ifndef NCA_CLI_TRAIN_VERDICT_H
#define NCA_CLI_TRAIN_VERDICT_H

#include "cli/command.h"
#include "cli/progress.h"
#include "nca/task.h"

// Judges the rule in the folder as `nca eval` does, but for the long run, and says the verdict.
// Where that would take long beside the training, or a signal ends it, says the last losses alone.
nca_status nca_train_say_verdict(nca_call *call, const nca_config *config, const nca_task *task,
                                 const nca_content *content, const char *folder,
                                 nca_progress *progress);

#endif
