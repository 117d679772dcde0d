// States as pictures: a batch before and after, and many as a mosaic.
#ifndef NCA_MEDIA_MOSAIC_H
#define NCA_MEDIA_MOSAIC_H

#include "nca/image.h"

// States to be shown.
typedef struct nca_states {
    const float *data;   // [count,H,W,C]; the caller's
    int count, height, width, channels;
    nca_paint paint;   // what each looks like
} nca_states;

// Two rows, before and after, of up to 16 samples. A cell is 1 to 4 pixels wide, so that a row is
// about 2000 where it can be. Of samples that would make more than 2^24 pixels fewer are shown.
nca_status nca_batch_picture_write(const char *path, const float *before, const nca_states *after,
                                   nca_error *error);

// The states as a near-square mosaic, with the same bounds: the first of them where all would be
// too large.
nca_status nca_mosaic_write(const char *path, const nca_states *states, nca_error *error);

#endif
