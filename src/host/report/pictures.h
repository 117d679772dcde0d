// Pictures of a run: loss curve, batch before and after, pool mosaic, growth and healing.
#ifndef NCA_REPORT_PICTURES_H
#define NCA_REPORT_PICTURES_H

#include <signal.h>
#include <stdint.h>

#include "nca/backend.h"
#include "nca/image.h"
#include "nca/model.h"
#include "study/run_log.h"

// log10 of the loss over updates as PNG: axes with numbers, every update a pale point, their
// running median a dark line; events (skipped, rolled back) as marks.
// Without any update there is nothing to draw, and no file.
nca_status nca_curve_write(const char *path, const nca_curve_point *points, size_t count,
                           const char *title, nca_error *error);

// States to be shown.
typedef struct nca_states {
    const float *data;   // [count,H,W,C]; the caller's
    int count, height, width, channels;
} nca_states;

// Two rows, before and after, of up to 16 samples, on white. A cell is 1 to 4 pixels wide, so that
// a row is about 2000 where it can be. Of samples that would make more than 2^24 pixels fewer are
// shown.
nca_status nca_batch_picture_write(const char *path, const float *before, const nca_states *after,
                                   nca_error *error);

// The states as a near-square mosaic, on white, with the same bounds: the first of them where all
// would be too large.
nca_status nca_mosaic_write(const char *path, const nca_states *states, nca_error *error);

// An animation (by the path's extension) from the seed over `steps` steps; `region` is cleared at
// step `damage_at` (negative: never). Scale is chosen so that the longer side is about 360 pixels.
typedef struct nca_movie {
    int height, width;
    int steps;
    int every;   // steps a frame
    int damage_at;
    nca_region region;
    uint64_t seed;
    const volatile sig_atomic_t *stop;   // as in nca_film, and so is what follows
    bool *is_dead;
} nca_movie;
nca_status nca_movie_write(const char *path, const nca_model *model, const nca_movie *movie,
                           const nca_compute *compute, nca_error *error);

#endif
