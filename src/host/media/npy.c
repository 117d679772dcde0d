// NumPy's array file: every state as it is, [T,H,W,C] f32.
//
//   6 bytes \x93NUMPY, 2 bytes version 1.0, 2 bytes header length, the header as a Python dict
//   padded with blanks to a multiple of 64, then the data.
// Source: the documentation of numpy.lib.format.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "media/writers.h"

enum { PREFIX_BYTES = 10, HEADER_BYTES = 192 };

typedef struct array {
    nca_output *output;
    size_t state_bytes;
} array;

static nca_status write_header(array *npy, const nca_writer_options *options, nca_error *error)
{
    char header[HEADER_BYTES + 1];
    const int length = HEADER_BYTES - PREFIX_BYTES;
    memcpy(header, "\x93NUMPY\x01\x00", 8);
    header[8] = (char)(length & 0xff);
    header[9] = (char)(length >> 8);
    const int used = snprintf(header + PREFIX_BYTES, sizeof header - PREFIX_BYTES,
                              "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d, %d, "
                              "%d), }",
                              options->frames, options->height, options->width, options->channels);
    memset(header + PREFIX_BYTES + used, ' ', (size_t)(length - used));
    header[HEADER_BYTES - 1] = '\n';
    return nca_output_write(npy->output, header, HEADER_BYTES, error);
}

static nca_status open_array(const char *path, const nca_writer_options *options, nca_writer **out,
                             nca_error *error)
{
    array *npy = calloc(1, sizeof *npy);
    if (!npy)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    npy->state_bytes = (size_t)options->height * (size_t)options->width *
                       (size_t)options->channels * sizeof(float);
    nca_status status;
    NCA_GO(nca_output_open(path, &npy->output, error));
    NCA_GO(write_header(npy, options, error));
    *out = (nca_writer *)npy;
    return NCA_OK;
cleanup:
    nca_output_abandon(npy->output);
    free(npy);
    return status;
}

static nca_status add_state(nca_writer *writer, const void *frame, nca_error *error)
{
    array *npy = (array *)writer;
    return nca_output_write(npy->output, frame, npy->state_bytes, error);
}

static nca_status close_array(nca_writer *writer, bool keep, nca_error *error)
{
    array *npy = (array *)writer;
    nca_status status = NCA_OK;
    if (keep)
        status = nca_output_commit(npy->output, error);
    else
        nca_output_abandon(npy->output);
    free(npy);
    return status;
}

const nca_format nca_format_npy = {
    .extension = ".npy",
    .description = "all channels of every frame, [T,H,W,C] f32, for NumPy",
    .wants_states = true,
    .open = open_array,
    .add = add_state,
    .close = close_array,
};
