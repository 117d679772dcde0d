// What nca info says of a folder of nca study.
#ifndef NCA_CLI_STUDY_INFO_H
#define NCA_CLI_STUDY_INFO_H

#include <jansson.h>
#include <stdbool.h>

#include "nca/status.h"

// Whether it is one: there is a study.json, or a folder of a run and no config.json of its own.
bool nca_is_study(const char *folder);

// What its study.json has found of every setting, and how far every run is that has a folder.
nca_status nca_study_describe(const char *folder, json_t **out, nca_error *error);

#endif
