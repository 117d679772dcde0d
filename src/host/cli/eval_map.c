// The heal map: options, progress, the picture and what is printed.
#include "cli/eval_map.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/command.h"
#include "cli/progress.h"
#include "eval/heal_map_json.h"
#include "eval/heal_map_picture.h"
#include "media/writers.h"

enum { SIDE = 7, TRIALS = 16 };

bool nca_map_is_asked(const nca_map_arguments *arguments)
{
    return arguments->is_asked || arguments->picture || arguments->side > 0 ||
           arguments->trials > 0;
}

nca_status nca_map_check_picture(const nca_map_arguments *arguments, char place[NCA_PATH_BYTES],
                                 nca_error *error)
{
    *place = 0;
    return arguments->picture ? nca_output_check_picture("map-picture", arguments->picture,
                                                         arguments->force, place, error)
                              : NCA_OK;
}

nca_status nca_map_make(const nca_map_arguments *arguments, const nca_model *model,
                        const nca_run_task *judged, const nca_evaluate_options *options,
                        const nca_compute *compute, nca_heal_map *out, nca_error *error)
{
    nca_percent percent = {.word = "mapped"};
    nca_evaluate_options own = *options;
    own.progress = nca_percent_show;
    own.context = &percent;
    const nca_status status = nca_heal_map_make(
        model, judged->task, judged->content.data, &own,
        arguments->side > 0 ? (int)arguments->side : SIDE,
        arguments->trials > 0 ? (int)arguments->trials : TRIALS, compute, out, error);
    nca_percent_show(&percent, 1);   // clears its line, even after a failure
    return status;
}

nca_status nca_map_write_picture(const nca_heal_map *map, const nca_run_task *judged,
                                 const char *place, nca_error *error)
{
    nca_canvas canvas = {0};
    nca_status status = NCA_OK;
    if (!*place)
        return NCA_OK;
    if (!map->has_pattern) {
        fprintf(stderr, "--map-picture: not drawn, for there is nothing to heal\n");
        return NCA_OK;
    }
    NCA_GO(nca_heal_map_draw(map, judged->task, judged->content.data, &canvas, error));
    NCA_GO(nca_png_write(place, canvas.rgb, canvas.height, canvas.width, error));
cleanup:
    nca_canvas_free(&canvas);
    return status;
}

void nca_map_print(const nca_heal_map *map)
{
    char line[NCA_MAP_LINES][NCA_MAP_BYTES];
    const int lines = nca_map_write(map, line);
    printf("\n  heal map: %d places, %d trials of each damage, 95 %% intervals\n",
           map->side * map->side, map->trials);
    if (map->has_pattern && map->patterns < map->grown)
        printf("  of %d patterns %d are there at the end when left whole; only these are cut\n",
               map->grown, map->patterns);
    for (int i = 0; i < lines; i++)
        printf("  %s\n", line[i]);
}

void nca_map_print_json(const nca_heal_map *map)
{
    json_t *json = nca_heal_map_json(map);
    char *text = json ? json_dumps(json, JSON_REAL_PRECISION(6)) : NULL;
    printf(",\n  \"heal_map\": %s", text ? text : "null");
    free(text);
    json_decref(json);
}
