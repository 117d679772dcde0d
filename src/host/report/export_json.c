// A rule as the article's authors published theirs: JSON that nca import reads, and the article's
// page.
#include "report/export.h"

static nca_status write_json(const nca_export *what, const char *place, nca_error *error)
{
    const nca_export_rule *rule = what->rules;
    nca_error why;
    const nca_status status =
        nca_model_publish(&rule->model, what->numbers == NCA_UINT8, place, &why);
    if (status == NCA_ARGUMENT)
        return nca_fail(error, status, "%s: %s", rule->path, why.message);
    return status == NCA_OK ? status : nca_fail(error, status, "%s", why.message);
}

const nca_exporter nca_exporter_json = {
    .extension = ".json",
    .description = "the format of the article's published rules, which nca import reads",
    .rules_max = 1,
    .numbers = {NCA_FLOAT32, NCA_UINT8, NCA_NUMBERS},
    .write = write_json,
};
