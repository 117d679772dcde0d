// A rule as the JSON from which a page runs it: src/host/report/page/world.js reads it.
#ifndef NCA_REPORT_RULE_JSON_H
#define NCA_REPORT_RULE_JSON_H

#include <jansson.h>

#include "nca/model.h"
#include "nca/task.h"

// Spec, parameters, and what it takes to run them; with the picture of the task where `content` is
// there. The caller owns `out`.
//   name      what the page calls it
//   content   of the task; NULL: no target is shown and no loss
nca_status nca_page_rule_json(const char *name, const nca_model *model, const nca_task *task,
                              const void *content, json_t **out, nca_error *error);

#endif
