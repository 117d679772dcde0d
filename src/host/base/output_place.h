// Where an output goes: the file behind a link, the name it has until it is whole, standard output.
#ifndef NCA_BASE_OUTPUT_PLACE_H
#define NCA_BASE_OUTPUT_PLACE_H

#include <stdbool.h>

#include "base/files.h"

// The file that a path means in the end, through links, the last of which may lead to nothing yet;
// "-" stays. For names that the user gives. NCA_FILE where links go in a circle.
nca_status nca_output_follow(const char *path, char place[NCA_PATH_BYTES], nca_error *error);

// NCA_FILE where the folder that the place lies in is not there, or takes no files.
//   option   that names it: "output"
nca_status nca_output_folder_check(const char *option, const char *place, nca_error *error);
// Whether two places are the same file, or would be if they were written: the same name in the same
// folder, however that is spelled.
bool nca_output_is_same(const char *place, const char *other);

// A name beside `path` for mkostemps(), which ends with ".XXXXXX.part"; for standard output it is
// in the folder for temporary files. Where the name is long it is no longer than that. The caller
// frees it; NULL without memory.
char *nca_temporary_name(const char *path);

// Whether an output is called "-".
bool nca_is_standard_output(const char *path);
// NCA_ARGUMENT where that is a terminal, which would show the bytes.
nca_status nca_standard_output_check(nca_error *error);
// NCA_FILE, with the reason that errno holds. Call it right after the write that failed.
nca_status nca_standard_output_fail(nca_error *error);
// Copies a file, from its beginning, to standard output.
nca_status nca_standard_output_send(int file, nca_error *error);

#endif
