// A heal map as a picture.
#ifndef NCA_EVAL_HEAL_MAP_PICTURE_H
#define NCA_EVAL_HEAL_MAP_PICTURE_H

#include "eval/heal_map.h"
#include "media/canvas.h"

// A panel for each radius: the task's picture, pale, and on it a dot in the middle of each circle,
// coloured by the share that healed. One panel more for the halves: a dot on the side that was
// cleared. The caller frees `out`.
nca_status nca_heal_map_draw(const nca_heal_map *map, const nca_task *task, const void *content,
                             nca_canvas *out, nca_error *error);

#endif
