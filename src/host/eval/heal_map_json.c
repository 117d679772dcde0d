// A heal map as JSON; docs/evaluation.md says what the keys mean.
#include "eval/heal_map_json.h"
#include "base/json_values.h"

// Sets count, trials and interval into `object`, and returns it.
static json_t *add_tally(json_t *object, const nca_map_tally *tally)
{
    const nca_interval interval = nca_wilson(tally->healed, tally->tried);
    const bool is_set = nca_json_set(object, "healed", json_integer(tally->healed)) &&
                        nca_json_set(object, "tried", json_integer(tally->tried)) &&
                        nca_json_set(object, "low", json_real(interval.low)) &&
                        nca_json_set(object, "high", json_real(interval.high));
    if (is_set)
        return object;
    json_decref(object);
    return NULL;
}

static json_t *circles_of(const nca_heal_map *map, int radius)
{
    const nca_map_tally all = nca_map_circles(map, radius);
    const nca_region *first = &map->circle[radius][0].region;
    json_t *places = json_array();
    for (int i = 0; i < map->side * map->side; i++) {
        const nca_map_damage *damage = &map->circle[radius][i];
        json_array_append_new(places,
                              add_tally(json_pack("{s:[f, f]}", "center", damage->region.center_y,
                                                  damage->region.center_x),
                                        &damage->tally));
    }
    return add_tally(json_pack("{s:f, s:[f, f], s:o}", "radius", nca_map_radius[radius],
                               "radius_cells", first->radius_y, first->radius_x, "places", places),
                     &all);
}

static json_t *halves_of(const nca_heal_map *map)
{
    const nca_map_tally all = nca_map_halves(map);
    json_t *angles = json_array();
    for (int i = 0; i < NCA_MAP_ANGLES; i++)
        json_array_append_new(angles,
                              add_tally(json_pack("{s:f}", "angle", 360.0 * i / NCA_MAP_ANGLES),
                                        &map->half[i].tally));
    return add_tally(json_pack("{s:o}", "angles", angles), &all);
}

json_t *nca_heal_map_json(const nca_heal_map *map)
{
    char line[NCA_MAP_LINES][NCA_MAP_BYTES];
    json_t *circles = json_array(), *lines = json_array();
    const int radii = nca_map_healed_radii(map), count = nca_map_write(map, line);
    for (int i = 0; i < NCA_MAP_RADII; i++)
        json_array_append_new(circles, circles_of(map, i));
    for (int i = 0; i < count; i++)
        json_array_append_new(lines, json_string(line[i]));
    return json_pack("{s:[i, i], s:i, s:i, s:i, s:i, s:i, s:i, s:o, s:o, s:o, s:o, s:o}", "grid",
                     map->grid.height, map->grid.width, "cut_at", map->cut_at, "heal_steps",
                     map->heal_steps, "side", map->side, "trials", map->trials, "grown", map->grown,
                     "patterns", map->patterns, "undamaged", nca_json_number(map->whole.median),
                     "heals_up_to", radii > 0 ? json_real(nca_map_radius[radii - 1]) : json_null(),
                     "lines", lines, "circles", circles, "halves", halves_of(map));
}
