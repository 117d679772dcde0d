// The page about runs, from their JSON.
#include "report/page.h"

#include "report/page_json.h"

static nca_status collect_runs(const nca_page_run *runs, int count, json_t **out, nca_error *error)
{
    json_t *list = json_array(), *data = json_pack("{s:o}", "runs", list);
    nca_status status;
    if (!data)
        return nca_fail(error, NCA_MEMORY, "the page: no memory");
    for (int i = 0; i < count; i++) {
        json_t *run = NULL;
        NCA_GO(nca_page_run_json(&runs[i], &run, error));
        if (json_array_append_new(list, run) != 0)
            NCA_GO(nca_fail(error, NCA_MEMORY, "%s: no memory for its page", runs[i].name));
    }
    *out = data;
    return NCA_OK;
cleanup:
    json_decref(data);
    return status;
}

nca_status nca_page_write(const char *path, const nca_page_run *runs, int count, nca_error *error)
{
    json_t *data = NULL;
    NCA_TRY(collect_runs(runs, count, &data, error));
    const nca_status status = nca_html_write(path, NCA_PAGE_OF_RUNS, "nca report", data, error);
    json_decref(data);
    return status;
}
