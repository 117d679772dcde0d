// The page about a study: study.json with pictures and curves.
#ifndef NCA_REPORT_STUDY_PAGE_H
#define NCA_REPORT_STUDY_PAGE_H

#include "report/html.h"
#include "sweep/study.h"

// Writes the page, whole or not at all. `json` is that of nca_study_json() and stays as it is.
nca_status nca_study_page_write(const char *path, const nca_study *study, const json_t *json,
                                nca_error *error);

#endif
