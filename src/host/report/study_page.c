// The page about a study.
#include "report/study_page.h"

#include <math.h>

#include "report/page_json.h"

enum { POINTS_MAX = 400, EVENTS_SHOWN = 20 };   // of a run: a study has many

static nca_status put_picture(json_t *object, const char *key, const nca_study_picture *picture,
                              nca_error *error)
{
    json_t *value = NULL;
    if (!picture->rgb)
        return NCA_OK;
    NCA_TRY(nca_page_picture(picture->rgb, picture->height, picture->width, &value, error));
    return nca_json_set(object, key, value) ? NCA_OK
                                            : nca_fail(error, NCA_MEMORY, "the page: no memory");
}

// The loss over updates; a point stands for several of the history's, by their mean.
static json_t *curve_of(const nca_history *history)
{
    const size_t width = (history->count + POINTS_MAX - 1) / POINTS_MAX;
    json_t *update = json_array(), *loss = json_array();
    for (size_t from = 0; from < history->count; from += width) {
        const size_t end = from + width < history->count ? from + width : history->count;
        double sum = 0;
        int known = 0;
        for (size_t i = from; i < end; i++)
            if (isfinite(history->point[i].loss)) {
                sum += history->point[i].loss;
                known++;
            }
        json_array_append_new(update, json_integer(history->point[end - 1].update));
        json_array_append_new(loss, nca_json_number(known ? sum / known : NAN));
    }
    return json_pack("{s:o, s:o, s:I}", "update", update, "loss", loss, "updates_a_point",
                     (json_int_t)(history->updates_a_point * (int64_t)width));
}

static nca_status add_run(const nca_study_run *run, json_t *object, nca_error *error)
{
    static const char *const names[] = {"grown", "held", "whole"};
    json_t *pictures = json_object();
    if (!nca_json_set(object, "pictures", pictures) ||
        !nca_json_set(object, "history", curve_of(&run->history)) ||
        !nca_json_set(object, "event_list", nca_page_events(&run->history, EVENTS_SHOWN)))
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its page", run->name);
    for (int i = 0; i < NCA_STUDY_PICTURES; i++)
        NCA_TRY(put_picture(pictures,
                            i < NCA_STUDY_CUT ? names[i] : nca_cut_name(i - NCA_STUDY_CUT),
                            &run->picture[i], error));
    return put_picture(pictures, "pool", &run->pool, error);
}

static nca_status add_pictures(const nca_study *study, json_t *data, nca_error *error)
{
    json_t *runs = json_object_get(data, "runs");
    NCA_TRY(put_picture(data, "target", &study->target, error));
    for (int i = 0; i < study->count; i++)
        if (study->runs[i].is_judged)
            NCA_TRY(add_run(&study->runs[i], json_array_get(runs, (size_t)i), error));
    return NCA_OK;
}

nca_status nca_study_page_write(const char *path, const nca_study *study, const json_t *json,
                                nca_error *error)
{
    json_t *data = json_deep_copy(json);
    nca_status status;
    if (!data)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    NCA_GO(add_pictures(study, data, error));
    NCA_GO(nca_html_write(path, NCA_PAGE_OF_STUDY, "nca study", data, error));
cleanup:
    json_decref(data);
    return status;
}
