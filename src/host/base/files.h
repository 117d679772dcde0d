// Whole files in and out: a file that nca writes appears whole or not at all. It is written beside
// its place, synced and renamed.
#ifndef NCA_BASE_FILES_H
#define NCA_BASE_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "nca/status.h"

enum { NCA_PATH_BYTES = 4096 };

// FOLDER/NAME; NCA_ARGUMENT where that is too long.
nca_status nca_path_join(const char *folder, const char *name, char path[NCA_PATH_BYTES],
                         nca_error *error);

// Bytes of a file; a zero byte follows them, so that text can be read as a string. Freed with
// free(). Refuses directories, devices, pipes, and files above limit_bytes.
nca_status nca_file_read(const char *path, size_t limit_bytes, uint8_t **bytes, size_t *size_bytes,
                         nca_error *error);

// The same of text: without the byte order mark that it may begin with. Refuses UTF-16.
nca_status nca_text_read(const char *path, size_t limit_bytes, uint8_t **text, size_t *size_bytes,
                         nca_error *error);

// A file that is read in parts. Refuses directories, devices and pipes, and waits for nobody.
typedef struct nca_input {
    const char *path;   // the caller's
    int file;
    uint64_t size_bytes;
} nca_input;
nca_status nca_input_open(const char *path, nca_input *out, nca_error *error);
nca_status nca_input_read(const nca_input *input, uint64_t offset, void *bytes, size_t size_bytes,
                          nca_error *error);
void nca_input_close(nca_input *input);

// A file on its way: bytes go to a temporary name beside `path`; commit makes it `path`, abandon
// removes it. A full disk, a missing folder or a refused permission is NCA_FILE with the reason.
// Fails early where it can, and refuses a link. "-" is standard output, which gets the bytes when
// the output is committed; a terminal is refused.
typedef struct nca_output nca_output;
nca_status nca_output_open(const char *path, nca_output **out, nca_error *error);
nca_status nca_output_write(nca_output *output, const void *bytes, size_t size_bytes,
                            nca_error *error);
// Both free the output, whatever they return; abandon accepts NULL.
nca_status nca_output_commit(nca_output *output, nca_error *error);
void nca_output_abandon(nca_output *output);
// Its temporary name, for libraries and child processes that insist on writing a file themselves.
const char *nca_output_temporary(const nca_output *output);
// The child process that writes it, or 0 when that has ended.
void nca_output_set_child(nca_output *output, pid_t child);
// Ends the children and removes the temporary files of all outputs that are open, for a process
// that ends in this moment: it may be called in a signal handler, and nothing may be written after
// it.
void nca_outputs_remove(void);

// Open, write, commit in one.
nca_status nca_file_write(const char *path, const void *bytes, size_t size_bytes, nca_error *error);

// Makes a folder that does not exist yet, its parents as well; one that exists and is empty will
// do. NCA_FILE when it is not empty; no folder that was made stays then.
//   made   out, how many were made; may be NULL
nca_status nca_folder_create(const char *path, int *made, nca_error *error);
// Undoes nca_folder_create, where the folders are empty.
void nca_folder_unmake(const char *path, int made);
// NCA_FILE where a link lies among the files of a folder; a folder that is not there has none.
nca_status nca_folder_check_links(const char *path, nca_error *error);
bool nca_is_folder(const char *path);
// False also where it cannot be read.
bool nca_folder_is_empty(const char *path);

#endif
