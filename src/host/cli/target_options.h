// The options for a target, of commands other than train: the model's grid is the default.
#ifndef NCA_CLI_TARGET_OPTIONS_H
#define NCA_CLI_TARGET_OPTIONS_H

#include "cli/options.h"
#include "run/run_task.h"

// Rows for the table of a command whose struct has a nca_target_arguments called `name`.
// clang-format off
#define NCA_TASK_ROW(type, name)                                                                  \
    {"task", NCA_OPTION_STRING, offsetof(type, name.task), 0, 0, "NAME",                          \
     "what a rule alone was trained for [grow; a run folder says it itself]", "Task"}
#define NCA_TASK_ROWS(type, name)                                                                 \
    NCA_TASK_ROW(type, name),                                                                     \
    {"data", NCA_OPTION_STRING, offsetof(type, name.data), 0, 0, "DIR",                           \
     "folder of the task's data [the run's]", NULL},                                              \
    {"held-out", NCA_OPTION_INT, offsetof(type, name.held_out), 0, 100000000, "N",                \
     "judge by the last N items of the data; 0: by all [the run's, else 0]", NULL},               \
    {"victim", NCA_OPTION_STRING, offsetof(type, name.victim), 0, 0, "RULE|RUN",                  \
     "of an adversary: the rule that it is to turn [the run's]", NULL},                           \
    {"share", NCA_OPTION_REAL, offsetof(type, name.share), 0, 1, "P",                             \
     "of an adversary: the share of the cells that it moves [the run's, else 0.1]", NULL},        \
    {"say", NCA_OPTION_INT, offsetof(type, name.say), 0, 15, "CLASS",                             \
     "of an adversary: the class that it makes the others say [the run's, else 8]", NULL}
#define NCA_TARGET_HELP "what it should have grown [a run folder's own]"
#define NCA_TARGET_ROWS(type, name) NCA_TARGET_ROWS_SAYING(type, name, NCA_TARGET_HELP)
// The same for a command that does something else with the target.
#define NCA_TARGET_ROWS_SAYING(type, name, target_help)                                           \
    NCA_TASK_ROWS(type, name),                                                                    \
    NCA_PICTURE_ROWS(type, name, target_help),                                                    \
    {"padding", NCA_OPTION_INT, offsetof(type, name.padding), 0, 4096, "CELLS",                   \
     "empty cells around the target; the grid is then target size + 2 x padding [the model's]",   \
     NULL},                                                                                       \
    {"grid", NCA_OPTION_STRING, offsetof(type, name.grid), 0, 0, "N|HxW",                         \
     "grid in cells [the model's, where the target fits into it]", NULL},                         \
    {"seed-at", NCA_OPTION_STRING, offsetof(type, name.seed_at), 0, 0, "auto|middle|Y,X",         \
     "where the seed stands [where it stood in training]", NULL}
// Those about the target as a picture: for a command that takes grid and seed from the rule.
#define NCA_PICTURE_ROWS(type, name, target_help)                                                 \
    {"target", NCA_OPTION_STRING, offsetof(type, name.target), 0, 0, "FILE|EMOJI", target_help,   \
     "Target"},                                                                                   \
    {"target-size", NCA_OPTION_INT, offsetof(type, name.target_size), 1, 4096, "CELLS",           \
     "longer side of the target [the run's, else 40]", NULL},                                     \
    {"trim", NCA_OPTION_SWITCH, offsetof(type, name.trim), 0, 0, NULL,                            \
     "first cut the empty border of an image away [as in the run]", NULL},                        \
    {"background", NCA_OPTION_STRING, offsetof(type, name.background), 0, 0, "#RRGGBB",           \
     "colour of an image without alpha that becomes clear [the run's]", NULL},                    \
    {"font", NCA_OPTION_STRING, offsetof(type, name.font), 0, 0, "FILE",                          \
     "colour bitmap font for an emoji [the run's, else the system's]", NULL}
// clang-format on

// The first of NCA_PICTURE_ROWS that is given, by its name; NULL where none is.
const char *nca_target_option_given(const nca_target_arguments *given);
// A cell of a grid as text, "Y,X"; `option` stands in the message.
nca_status nca_place_read(const char *option, const char *text, int height, int width, int place[2],
                          nca_error *error);

#endif
