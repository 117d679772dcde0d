// The axes and the order of every array in nca.
//
//   B  batch            H W  grid height and width, in cells      C  channels of a cell
//   K  hidden units     T    steps of a rollout                   N  rows of the pool
//
// A state is [B,H,W,C] f32, row major, channel last: the C numbers of a cell are neighbours in
// memory. Channels 0-2 are red, green and blue premultiplied by alpha, channel 3 is alpha, the
// others are hidden. y counts rows from the top, x columns from the left. Cells outside the grid
// are zero and never alive.
#ifndef NCA_TENSOR_H
#define NCA_TENSOR_H

#include <stddef.h>

enum {
    NCA_VISIBLE = 4,   // channels that a target has: premultiplied RGB and alpha
    NCA_ALPHA = 3,     // the channel that says whether a cell is alive
};

// A cell is alive where the largest alpha of its 3x3 neighbourhood is above this.
// Source: Mordvintsev et al. 2020.
#define NCA_ALIVE_THRESHOLD 0.1f

// Elements of a state of `batch` grids.
static inline size_t nca_state_size(size_t batch, size_t height, size_t width, size_t channels)
{
    return batch * height * width * channels;
}

#endif
