// What commands other than train ask of a target: the same options, but the model's grid first.
#ifndef NCA_CLI_TARGET_OPTIONS_H
#define NCA_CLI_TARGET_OPTIONS_H

#include "cli/options.h"
#include "nca/image.h"
#include "nca/model.h"

typedef struct nca_target_arguments {
    const char *target, *background, *font, *grid;
    int64_t target_size, padding;   // negative: not given
    int trim;                       // negative: not given
} nca_target_arguments;

#define NCA_TARGET_NOT_GIVEN                         \
    {                                                \
        .target_size = -1, .padding = -1, .trim = -1 \
    }

// Rows for the table of a command whose struct has a nca_target_arguments called `name`.
// clang-format off
#define NCA_TARGET_ROWS(type, name)                                                               \
    {"target", NCA_OPTION_STRING, offsetof(type, name.target), 0, 0, "FILE|EMOJI",                \
     "what it should have grown [a run folder's own]", "Target"},                                 \
    {"target-size", NCA_OPTION_INT, offsetof(type, name.target_size), 1, 4096, "CELLS",           \
     "longer side of the target [the run's, else 40]", NULL},                                     \
    {"padding", NCA_OPTION_INT, offsetof(type, name.padding), 0, 4096, "CELLS",                   \
     "empty cells around the target; the grid is then target size + 2 x padding [the model's]",   \
     NULL},                                                                                       \
    {"grid", NCA_OPTION_STRING, offsetof(type, name.grid), 0, 0, "N|HxW",                         \
     "grid in cells [the model's, where the target fits into it]", NULL},                         \
    {"trim", NCA_OPTION_SWITCH, offsetof(type, name.trim), 0, 0, NULL,                            \
     "first cut the empty border of an image away [as in the run]", NULL},                        \
    {"background", NCA_OPTION_STRING, offsetof(type, name.background), 0, 0, "#RRGGBB",           \
     "colour of an image without alpha that becomes clear [the run's]", NULL},                    \
    {"font", NCA_OPTION_STRING, offsetof(type, name.font), 0, 0, "FILE",                          \
     "colour bitmap font for an emoji [the run's, else the system's]", NULL}
// clang-format on

// The target padded to its grid. `path` is the model: a run folder says itself what it was trained
// on. The caller frees `out`.
nca_status nca_target_arguments_load(const nca_target_arguments *arguments, const char *path,
                                     const nca_model *model, nca_image *out, nca_error *error);

// Height and width of a grid as text, "N" or "HxW".
nca_status nca_grid_read(const char *text, int *height, int *width, nca_error *error);
// A cell of a grid as text, "Y,X"; `option` stands in the message.
nca_status nca_place_read(const char *option, const char *text, int height, int width, int place[2],
                          nca_error *error);

#endif
