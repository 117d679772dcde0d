// Every hyper-parameter of a training run, with unit, default and range: the one list from which
// the struct, the options of `nca train`, their help, config.json and its checks are made. Defaults
// are the preset `healing`; the others (config/presets.c) change many of them at once.
//
// A new hyper-parameter is one row here: `--steps-min` on the command line is "steps_min" in JSON
// and config.steps_min in C.
#ifndef NCA_CONFIG_H
#define NCA_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "nca/api.h"
#include "nca/status.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NCA_TEXT_BYTES = 1024 };

// The largest --seed of any command, exact as a double, so that ranges can hold it.
#define NCA_SEED_MAX 9000000000000000000

// TEXT(name, default, value, help)                  char[NCA_TEXT_BYTES]
// INT(name, default, min, max, value, help)         int64_t
// REAL(name, default, min, max, value, help)        double
// FLAG(name, default, help)                         bool
// `value` stands for the option's argument in help, with its unit.
#define NCA_CONFIG_FIELDS(TEXT, INT, REAL, FLAG)                                             \
    TEXT(preset, "healing", "NAME", "settings to start from")                                \
    TEXT(task, "grow", "NAME", "what is learnt")                                             \
    TEXT(target, "\xF0\x9F\x98\x9D", "FILE|EMOJI",                                           \
         "what to grow: a PNG, JPEG, WebP, BMP or TGA, or an emoji")                         \
    INT(target_size, 20, 1, 4096, "CELLS", "longer side of the target")                      \
    INT(padding, 8, 0, 4096, "CELLS", "empty cells around the target, where --grid is auto") \
    TEXT(grid, "auto", "N|HxW|auto", "grid in cells; auto is target size + 2 x padding")     \
    FLAG(trim, false, "cut the empty border of an image away first")                         \
    TEXT(background, "", "#RRGGBB", "colour of an image without alpha that becomes clear")   \
    TEXT(font, "", "FILE", "colour bitmap font for an emoji")                                \
    TEXT(data, "", "DIR", "folder of the data that a task learns from")                      \
    INT(held_out, 0, 0, 100000000, "N",                                                      \
        "last items of the data, kept for judging and not trained on")                       \
    TEXT(victim, "", "RULE|RUN", "rule that an adversary is trained against")                \
    REAL(share, 0.1, 0, 1, "P", "share of the cells that the adversary moves")               \
    INT(say, 8, 0, 15, "CLASS", "class that the adversary makes the others say")             \
    TEXT(seed_at, "auto", "auto|middle|Y,X",                                                 \
         "where the seed stands; auto: the visible cell nearest the middle")                 \
    TEXT(from, "", "RULE|RUN", "begin with this rule: a file, a run folder, or zoo:NAME")    \
    INT(channels, 16, 4, 256, "N", "numbers in a cell, a multiple of 4")                     \
    INT(hidden, 128, 4, 4096, "N", "hidden units of the rule, a multiple of 4")              \
    INT(hidden2, 0, 0, 4096, "N", "units of a second hidden layer; 0: there is none")        \
    TEXT(perception, "sobel", "sobel|moore|summed",                                          \
         "gradients of each channel, all neighbours, or gradients of the sum")               \
    TEXT(alive, "maximum", "maximum|channel|everywhere",                                     \
         "cells that live: near a mature one, by a frozen channel, or all")                  \
    REAL(noise, 0, 0, 100, "X", "standard deviation of the noise added to an update")        \
    REAL(fire_rate, 0.5, 0.0001, 1, "P", "probability that a cell updates in a step")        \
    REAL(angle, 0, -360, 360, "DEGREES", "rotation of perception")                           \
    REAL(step_size, 1, 0.0001, 100, "X", "multiplies every update of a cell")                \
    INT(batch, 8, 1, 4096, "N", "samples an update")                                         \
    INT(pool, 1024, 0, 1048576, "N", "past states to train from; 0: all start anew")         \
    FLAG(pool_replacement, false, "draw from the pool with replacement")                     \
    INT(reseeded, 1, 0, 4096, "N", "worst samples of a batch that start anew")               \
    INT(exchanged, 0, 0, 4096, "N", "samples of a batch that get another digit")             \
    INT(damaged, 4, 0, 4096, "N", "best samples of a batch that are damaged")                \
    REAL(damage_radius_min, 0.1, 0, 2, "R", "smallest damage, in units of half the grid")    \
    REAL(damage_radius_max, 0.4, 0, 2, "R", "largest damage, in units of half the grid")     \
    REAL(damage_halves, 0.5, 0, 1, "P",                                                      \
         "share of damage that is half of the grid, cut at any angle")                       \
    REAL(damage_centred, 0.2, 0, 1, "P", "share of the rest that is a hole in the middle")   \
    TEXT(damage_changes, "none", "UPDATE:SETTING=VALUE[,...]",                               \
         "damage settings that change after so many updates, or none")                       \
    TEXT(perturb, "none", "KIND:STRENGTH",                                                   \
         "train against an attack: none, or a change of samples, as killed:0.1")             \
    INT(perturbed, 4, 0, 4096, "N", "samples of a batch that --perturb changes")             \
    TEXT(adversary, "", "RULE|RUN", "rule that moves the cells of --perturb cells:SHARE")    \
    INT(steps_min, 64, 1, 65536, "T", "fewest steps of a rollout")                           \
    INT(steps_max, 95, 1, 65536, "T", "most steps of a rollout, drawn as well")              \
    INT(updates, 5000, 0, 100000000, "N", "updates in all")                                  \
    TEXT(until, "updates", "updates|healed", "healed: end as soon as the rule is judged so") \
    REAL(rate, 0.002, 0, 10, "X", "learning rate of Adam at the start")                      \
    TEXT(schedule, "steps:40%x0.3,74%x0.33,92%x0.33", "SCHEDULE",                            \
         "constant, cosine, or steps:UPDATExFACTOR[,...]")                                   \
    TEXT(loss, "squared", "squared|cross-entropy", "which loss, where a task has both")      \
    TEXT(gradient, "normalize", "TRANSFORMS", "none, or some of normalize,clip:X,global:X")  \
    REAL(beta1, 0.9, 0, 0.999999, "X", "Adam's decay of the mean")                           \
    REAL(beta2, 0.999, 0, 0.999999999, "X", "Adam's decay of the square")                    \
    REAL(epsilon, 1e-7, 1e-30, 1, "X", "Adam's epsilon")                                     \
    INT(average, 300, 0, 1000000, "N",                                                       \
        "write the average over about the last N updates; 0: the rule itself")               \
    TEXT(health, "on", "on|off", "off: no update is skipped, no rule or pool repaired")      \
    INT(seed, 1, 0, NCA_SEED_MAX, "N", "random seed of every draw")                          \
    INT(checkpoint_every, 500, 1, 100000000, "N", "updates between checkpoints")             \
    INT(keep, 2, 1, 100, "N", "how many of the latest checkpoints to keep")                  \
    INT(pictures_every, 500, 1, 100000000, "N", "updates between pictures of batch, pool and loss")

// The settings of the list above, each a field by its name.
typedef struct nca_config {
#define NCA_FIELD_TEXT(name, ...) char name[NCA_TEXT_BYTES];
#define NCA_FIELD_INT(name, ...) int64_t name;
#define NCA_FIELD_REAL(name, ...) double name;
#define NCA_FIELD_FLAG(name, ...) bool name;
    NCA_CONFIG_FIELDS(NCA_FIELD_TEXT, NCA_FIELD_INT, NCA_FIELD_REAL, NCA_FIELD_FLAG)
#undef NCA_FIELD_TEXT
#undef NCA_FIELD_INT
#undef NCA_FIELD_REAL
#undef NCA_FIELD_FLAG
} nca_config;

// The defaults of the list above.
NCA_API nca_config nca_config_default(void);

// Shares of the updates in schedule and damage_changes, such as 40%, become numbers of updates,
// which stay when `updates` changes later. NCA_ARGUMENT: a share above 100%, or too long a text.
NCA_API nca_status nca_config_settle(nca_config *config, nca_error *error);

// Whether a field, by its name, changes the trajectory of a run. These do not: preset, data (where
// it lies), until, checkpoint_every, keep, pictures_every, and updates unless the schedule is
// cosine or there are shares that are not settled.
NCA_API bool nca_config_matters(const char *name, const nca_config *config);

// Whether a field, by its name, has another value; false where there is no such field.
NCA_API bool nca_config_differs(const char *name, const nca_config *a, const nca_config *b);

// The name of the first field that matters and differs; NULL where the trajectories are the same.
NCA_API const char *nca_config_difference(const nca_config *a, const nca_config *b);

#ifdef __cplusplus
}
#endif
#endif
