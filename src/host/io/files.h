// Whole files in and out: a file that nca writes appears whole or not at all (written beside,
// synced, renamed).
#ifndef NCA_IO_FILES_H
#define NCA_IO_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"

// Bytes of a file; a zero byte follows them, so that text can be read as a string. Freed with
// free(). Refuses directories, devices, and files above limit_bytes.
nca_status nca_file_read(const char *path, size_t limit_bytes, uint8_t **bytes, size_t *size_bytes,
                         nca_error *error);

// A file on its way: bytes go to a temporary name beside `path`; commit makes it `path`, abandon
// removes it. A full disk, a missing folder or a refused permission is NCA_FILE with the reason.
// Fails early where it can.
typedef struct nca_output nca_output;
nca_status nca_output_open(const char *path, nca_output **out, nca_error *error);
nca_status nca_output_write(nca_output *output, const void *bytes, size_t size_bytes,
                            nca_error *error);
nca_status nca_output_commit(nca_output *output,
                             nca_error *error);   // frees output, whatever it returns
void nca_output_abandon(nca_output *output);      // frees output; accepts NULL
// Its temporary name, for libraries and child processes that insist on writing a file themselves.
const char *nca_output_temporary(const nca_output *output);

// Open, write, commit in one.
nca_status nca_file_write(const char *path, const void *bytes, size_t size_bytes, nca_error *error);

// Makes a folder that does not exist yet, its parents as well. NCA_FILE when `path` exists and is
// not empty.
nca_status nca_folder_create(const char *path, nca_error *error);
bool nca_is_folder(const char *path);

#endif
