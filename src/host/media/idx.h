// IDX files: an array of bytes behind a header of its sizes, as sets of handwritten digits come.
#ifndef NCA_MEDIA_IDX_H
#define NCA_MEDIA_IDX_H

#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"

enum { NCA_IDX_AXES_MAX = 3 };

typedef struct nca_idx {
    uint32_t size[NCA_IDX_AXES_MAX];   // of the axes, the outermost first
    size_t size_bytes;                 // their product
    uint8_t *bytes;                    // row major, owned
} nca_idx;

// Reads a file, packed by gzip or not, of unsigned bytes with so many axes. NCA_FORMAT where it is
// no such file, or longer or shorter than its sizes say. Nothing is allocated beyond what a file of
// 256 MiB and an array of 1 GiB take. The caller frees `out`.
nca_status nca_idx_read(const char *path, int axes, nca_idx *out, nca_error *error);
void nca_idx_free(nca_idx *idx);

// The same from memory; `name` stands in messages.
nca_status nca_idx_parse(const uint8_t *file, size_t file_bytes, const char *name, int axes,
                         nca_idx *out, nca_error *error);

#endif
