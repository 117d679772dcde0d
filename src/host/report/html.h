// One HTML file that needs nothing else and may ask for nothing else: what all pages share.
#ifndef NCA_REPORT_HTML_H
#define NCA_REPORT_HTML_H

#include <jansson.h>
#include <stdbool.h>

#include "nca/status.h"
#include "report/parts.h"

// Writes the page of a kind (NCA_PAGE_...), whole or not at all, with its parts in their order and
// `data` for its scripts. Texts in the data may hold anything; they are shown, never run. `title`
// is plain words.
nca_status nca_html_write(const char *path, int page, const char *title, const json_t *data,
                          nca_error *error);

// Whether this build has the library that draws the charts.
bool nca_page_has_charts(void);

#endif
