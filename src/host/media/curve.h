// The loss curve of a run, as a picture.
#ifndef NCA_MEDIA_CURVE_H
#define NCA_MEDIA_CURVE_H

#include <stddef.h>
#include <stdint.h>

#include "nca/train.h"

// One update of the loss curve.
typedef struct nca_curve_point {
    int64_t update;
    double loss;   // NaN: a gap
    nca_event event;
} nca_curve_point;

// log10 of the loss over updates as PNG: axes with numbers, every update a pale point, their
// running median a dark line; events (skipped, rolled back) as marks.
// Without any update there is nothing to draw, and no file.
nca_status nca_curve_write(const char *path, const nca_curve_point *points, size_t count,
                           const char *title, nca_error *error);

#endif
