// The one table of exporters: a new one is a file here and a row.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "report/export.h"

extern const nca_exporter nca_exporter_json, nca_exporter_html, nca_exporter_onnx,
    nca_exporter_glsl;

static const nca_exporter *const exporters[] = {
    &nca_exporter_json, &nca_exporter_html, &nca_exporter_onnx, &nca_exporter_glsl, NULL,
};

const char *const nca_numbers_words[NCA_NUMBERS + 1] = {"float32", "float16", "uint8", NULL};

const nca_exporter *const *nca_exporters(void)
{
    return exporters;
}

static const nca_exporter *find_extension(const char *extension)
{
    for (const nca_exporter *const *one = exporters; *one; one++)
        if (strcasecmp(extension, (*one)->extension) == 0)
            return *one;
    return NULL;
}

// "a, b" becomes "a, b, WORD".
static void add_word(char *list, size_t size, const char *word)
{
    const size_t used = strlen(list);
    snprintf(list + used, size - used, "%s%s", used > 0 ? ", " : "", word);
}

nca_status nca_exporter_find(const char *name, const char *path, const nca_exporter **out,
                             nca_error *error)
{
    char extension[16] = "", known[128] = "";
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    if (name)
        snprintf(extension, sizeof extension, ".%s", name);
    const nca_exporter *found = find_extension(name ? extension : dot ? dot : "");
    if (found) {
        *out = found;
        return NCA_OK;
    }
    for (const nca_exporter *const *one = exporters; *one; one++)
        add_word(known, sizeof known, (*one)->extension + (name ? 1 : 0));
    if (name)
        return nca_fail(error, NCA_ARGUMENT, "--format %.60s: no such format; choose one of %s",
                        name, known);
    return nca_fail(error, NCA_ARGUMENT,
                    "--output %.200s: its extension says no format; choose one of %s, or --format",
                    path, known);
}

nca_status nca_exporter_numbers(const nca_exporter *exporter, const char *name, nca_numbers *out,
                                nca_error *error)
{
    char known[64] = "";
    const nca_numbers *one = exporter->numbers;
    while (name && *one != NCA_NUMBERS && strcmp(nca_numbers_words[*one], name) != 0)
        add_word(known, sizeof known, nca_numbers_words[*one++]);
    if (*one == NCA_NUMBERS)
        return nca_fail(error, NCA_ARGUMENT, "--numbers %.40s: %s files have %s", name,
                        exporter->extension, known);
    *out = *one;
    return NCA_OK;
}

// A shader puts four channels into a pixel and groups of them in a square of up to 8 x 8; a page
// keeps its pictures so too. Many graphics cards refuse pictures of more than 16384 pixels a side.
nca_status nca_exporter_check_grid(const nca_exporter *exporter, const nca_export_rule *rule,
                                   nca_error *error)
{
    enum { SIDE_MAX = 2048 };
    const int height = rule->model.grid_height, width = rule->model.grid_width;
    if (!exporter->has_grid || (height <= SIDE_MAX && width <= SIDE_MAX))
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "%s: its grid of %dx%d is too large for a %s file, which has at most %d cells "
                    "a side; choose .json or .onnx, which have no grid",
                    rule->path, height, width, exporter->extension, SIDE_MAX);
}
