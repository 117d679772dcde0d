// The pool as a checkpoint keeps it: only the cells of which some number's bits are not all zero.
//
//   pool.cells   [M,C] F32              in the order of rows, y and x
//   pool.kept    [N,H,ceil(W/8)] U8     which these are: bit x % 8 of byte x / 8
//
// Version 0.1.0 wrote every cell, as "pool" [N,H,W,C] F32; that is read as well.
#ifndef NCA_TRAIN_POOL_CELLS_H
#define NCA_TRAIN_POOL_CELLS_H

#include "model/safetensors.h"
#include "nca/backend.h"

// Bytes of "pool.kept".
size_t nca_pool_kept_bytes(const nca_shape *shape);

// Moves the cells that are kept to the front; returns how many they are.
//   states   [N,H,W,C]
//   kept     nca_pool_kept_bytes() out
size_t nca_pool_pack(const nca_shape *shape, float *states, uint8_t *kept);

// The pool of a file while it is read, row by row.
typedef struct nca_packed_pool {
    const nca_shape *shape;
    const uint8_t *kept;   // NULL: every cell is there
    const float *next;     // cell
} nca_packed_pool;

// Finds it and checks that it is of this shape. The shape and the tensors stay the caller's.
nca_status nca_pool_find(const nca_tensors *tensors, const nca_shape *shape, nca_packed_pool *out,
                         nca_error *error);
// The next row, [H,W,C]; as often as the pool has rows.
void nca_pool_unpack(nca_packed_pool *pool, float *state);

#endif
