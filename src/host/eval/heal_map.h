// A map of what a rule heals: circles of several sizes at many places and halves at many angles,
// each cut out of a grown pattern again and again.
#ifndef NCA_EVAL_HEAL_MAP_H
#define NCA_EVAL_HEAL_MAP_H

#include "base/spread.h"
#include "eval/evaluate.h"
#include "eval/wilson.h"

enum {
    NCA_MAP_RADII = 5,
    NCA_MAP_SIDE_MAX = 15,
    NCA_MAP_PLACES_MAX = NCA_MAP_SIDE_MAX * NCA_MAP_SIDE_MAX,
    NCA_MAP_ANGLES = 16,
    NCA_MAP_LINES = 1 + NCA_MAP_RADII + 1,
    NCA_MAP_BYTES = 200,
};

// In units of half the grid, as the damage of training is. The article's own goes up to 0.4.
extern const double nca_map_radius[NCA_MAP_RADII];

// The share that a sentence about "any circle" asks for.
#define NCA_MAP_SHARE 0.99

// Trials of a damage, or of several. One that clears nothing, where the pattern has no cell, says
// nothing of healing and is not made.
typedef struct nca_map_tally {
    int healed, tried;
} nca_map_tally;

typedef struct nca_map_damage {
    nca_region region;
    nca_map_tally tally;
} nca_map_damage;

typedef struct nca_heal_map {
    nca_grid grid;
    int cut_at, heal_steps;
    int side;           // places lie in so many rows and columns
    int trials;         // of each damage
    int grown;          // patterns; up to 64
    nca_spread whole;   // their log10 losses when left whole, at the moment of judging
    int patterns;       // of them that are there then; only these are cut
    bool has_pattern;   // by the median; without one there is nothing to heal, and no trial
    // [radius][row * side + column]; row 0 is highest, column 0 leftmost
    nca_map_damage circle[NCA_MAP_RADII][NCA_MAP_PLACES_MAX];
    nca_map_damage half[NCA_MAP_ANGLES];   // cleared: 0 right, then clockwise, 4 lower, 8 left
} nca_heal_map;

// NCA_ARGUMENT for a task with frozen channels, which no rule can heal.
nca_status nca_heal_map_check(const nca_task *task, nca_error *error);

// Makes the map. Grid, seed, moments, fire rate and the like are those of `options`, and so are
// stop and progress; its cuts, circles and steps are not looked at.
//   side     1 to NCA_MAP_SIDE_MAX; the middles of circles lie evenly over the inner half of each
//            axis, where training draws them
//   trials   of each damage, 1 or more: each goes on with other fire bits, and from one of the
//            patterns, which were grown with fire bits of their own
// A trial is healed by nca_is_healed(), beside the same pattern left whole. NCA_ARGUMENT as
// nca_heal_map_check(); NCA_MEMORY; NCA_INTERRUPTED once `stop` is not 0.
nca_status nca_heal_map_make(const nca_model *model, const nca_task *task, const void *content,
                             const nca_evaluate_options *options, int side, int trials,
                             const nca_compute *compute, nca_heal_map *out, nca_error *error);

// All circles of a radius, and all halves.
nca_map_tally nca_map_circles(const nca_heal_map *map, int radius);
nca_map_tally nca_map_halves(const nca_heal_map *map);
// The damage of several that healed least; NULL where none was tried.
const nca_map_damage *nca_map_worst(const nca_map_damage *damages, int count);

// How many of the radii, from the smallest, heal wherever the circle lies with at least
// NCA_MAP_SHARE. The lower end of Wilson's 95 % interval over all places is that high, and no
// single place is an exception: one with so many failures that a rule which heals NCA_MAP_SHARE
// would have that many, or more, less than once in a thousand times.
int nca_map_healed_radii(const nca_heal_map *map);
// The fewest trials of a radius that can show so much: all of them healed.
int nca_map_trials_needed(void);

// The sentence, then a line for each radius and one for halves; how many there are.
int nca_map_write(const nca_heal_map *map, char line[NCA_MAP_LINES][NCA_MAP_BYTES]);

#endif
