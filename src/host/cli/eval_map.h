// The heal map of nca eval and nca report: its options, and what is said and written of it.
#ifndef NCA_CLI_EVAL_MAP_H
#define NCA_CLI_EVAL_MAP_H

#include "base/files.h"
#include "cli/options.h"
#include "eval/heal_map.h"
#include "nca/model.h"
#include "run/run_task.h"

typedef struct nca_map_arguments {
    bool is_asked;
    const char *picture;    // NULL: none
    bool force;             // the picture may be written over a file
    int64_t side, trials;   // negative: not given
} nca_map_arguments;

#define NCA_MAP_NOT_GIVEN        \
    {                            \
        .side = -1, .trials = -1 \
    }

// Rows for the table of a command whose struct has a nca_map_arguments called `name`.
// clang-format off
#define NCA_MAP_ROWS(type, name)                                                                  \
    {"map", NCA_OPTION_FLAG, offsetof(type, name.is_asked), 0, 0, NULL,                           \
     "a heal map too: circles of five sizes at many places, halves at 16 angles; some minutes",   \
     "Heal map"},                                                                                 \
    {"map-places", NCA_OPTION_INT, offsetof(type, name.side), 1, NCA_MAP_SIDE_MAX, "N",           \
     "rows and columns of places at which each size of circle is cut [7]", NULL},                 \
    {"map-trials", NCA_OPTION_INT, offsetof(type, name.trials), 1, 1000, "N",                     \
     "trials of each circle and half, each with its own draws of the cells that update [16]",     \
     NULL}
// clang-format on

// Whether a map is asked for, by any of its options.
bool nca_map_is_asked(const nca_map_arguments *arguments);

// Refuses a picture that could not be written, before anything is computed.
//   place   out, where it is to be written: the file behind a link; empty without a picture
nca_status nca_map_check_picture(const nca_map_arguments *arguments, char place[NCA_PATH_BYTES],
                                 nca_error *error);

// Makes the map, showing how far it is. `options` are those of the evaluation beside it.
nca_status nca_map_make(const nca_map_arguments *arguments, const nca_model *model,
                        const nca_run_task *judged, const nca_evaluate_options *options,
                        const nca_compute *compute, nca_heal_map *out, nca_error *error);

// Draws it into the file of nca_map_check_picture(); none for an empty name, nor where the map has
// nothing to show, which it says.
nca_status nca_map_write_picture(const nca_heal_map *map, const nca_run_task *judged,
                                 const char *place, nca_error *error);

// Below the table, and as the last key of the JSON, after a comma.
void nca_map_print(const nca_heal_map *map);
void nca_map_print_json(const nca_heal_map *map);

#endif
