// A rollout written frame by frame: from any state, with damage on the way, in any format.
#ifndef NCA_EVAL_MOVIE_H
#define NCA_EVAL_MOVIE_H

#include <signal.h>

#include "media/writers.h"
#include "nca/backend.h"
#include "nca/model.h"
#include "nca/task.h"

enum { NCA_FILM_DAMAGES_MAX = 64, NCA_FILM_EXCHANGES_MAX = 64 };

typedef struct nca_film_damage {
    int step;   // after which it is done; 0 is before the first
    nca_region region;
} nca_film_damage;

typedef struct nca_film {
    int height, width;   // of the grid
    int steps, every;    // steps in all, and for each frame
    int scale;           // pixels of a cell; 0: about 360 pixels in all
    double frames_per_second;
    const nca_format *format;             // NULL: that of the path's extension
    int columns;                          // of a filmstrip; 0: the last frame
    uint64_t seed;                        // of the fire bits
    double fire_rate, angle, step_size;   // angle in degrees
    const nca_task *task;   // says what it starts from, what a state looks like, and what is dead
    const void *content;    // of the task; NULL where its beginnings do without
    // Makes the state [H,W,C] that it starts from instead, zero before. NULL: a new sample.
    void (*begin)(const void *begin_context, float *state);
    const void *begin_context;
    int damages;
    nca_film_damage damage[NCA_FILM_DAMAGES_MAX];
    int exchanges;   // of a task with frozen channels, each for the next item with another target
    int exchange_at[NCA_FILM_EXCHANGES_MAX];   // step after which it is done; 0 is before the first
    const volatile sig_atomic_t *stop;   // ends the film when not 0, leaving no file; may be NULL
    void (*progress)(void *context, double done);   // 0..1; may be NULL
    void *context;
    bool *is_dead;   // set to whether it is dead after the last step; may be NULL
} nca_film;

// How many frames a film has, and how many its format shows: some have a shortest time.
int nca_film_frames(const nca_film *film);
int nca_film_frames_shown(const nca_film *film);

// Writes the film whole or not at all; `model` is unchanged. NCA_ARGUMENT for an extension that is
// none and for content of another grid, NCA_INTERRUPTED where `stop` ended it, else what the file
// or the device could not do.
nca_status nca_film_write(const char *path, const nca_model *model, const nca_film *film,
                          const nca_compute *compute, nca_error *error);

// An animation (by the path's extension) from a new sample of a task over `steps` steps. At step
// `damage_at` the `region` is cleared, at `exchange_at` the sample gets another item. The scale is
// chosen so that the longer side is about 360 pixels.
typedef struct nca_movie {
    const nca_task *task;
    const void *content;
    int height, width;
    int steps;
    int every;                    // steps a frame
    int damage_at, exchange_at;   // 0: never
    nca_region region;
    uint64_t seed;
    const volatile sig_atomic_t *stop;   // as in nca_film, and so is what follows
    bool *is_dead;
} nca_movie;
nca_status nca_movie_write(const char *path, const nca_model *model, const nca_movie *movie,
                           const nca_compute *compute, nca_error *error);

#endif
