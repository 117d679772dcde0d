// What a rule heals, for the page: the heal map as a picture and in numbers.
#include "eval/heal_map_json.h"
#include "eval/heal_map_picture.h"
#include "report/page_json.h"

nca_status nca_page_heal_map(const nca_page_run *run, json_t **out, nca_error *error)
{
    nca_canvas canvas = {0};
    json_t *map = NULL, *picture = NULL;
    nca_status status;
    *out = NULL;
    if (!run->heal_map) {
        *out = json_null();
        return NCA_OK;
    }
    if (run->heal_map->has_pattern) {
        NCA_GO(nca_heal_map_draw(run->heal_map, run->task, run->content, &canvas, error));
        NCA_GO(nca_page_picture(canvas.rgb, canvas.height, canvas.width, &picture, error));
    } else {   // a chart of nothing
        picture = json_null();
    }
    map = nca_heal_map_json(run->heal_map);
    if (!nca_json_set(map, "picture", picture))
        NCA_GO(nca_fail(error, NCA_MEMORY, "%s: no memory for its page", run->name));
    *out = map;
    map = NULL;
cleanup:
    nca_canvas_free(&canvas);
    json_decref(map);
    return status;
}
