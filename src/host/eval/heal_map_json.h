// A heal map as JSON, for nca eval and for the page of a run.
#ifndef NCA_EVAL_HEAL_MAP_JSON_H
#define NCA_EVAL_HEAL_MAP_JSON_H

#include <jansson.h>

#include "eval/heal_map.h"

// A new reference; NULL without memory.
json_t *nca_heal_map_json(const nca_heal_map *map);

#endif
