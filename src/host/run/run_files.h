// Which files lie in a folder of a run, and which of them are only parts of files.
#ifndef NCA_RUN_RUN_FILES_H
#define NCA_RUN_RUN_FILES_H

#include <stdbool.h>
#include <stdint.h>

// Removes what a killed process left half written, in the folder and its pictures/, and nothing
// that is called otherwise; returns its bytes.
int64_t nca_run_files_tidy(const char *folder);

// Removes the files of a run that has not begun, and pictures/ where that is empty; the metrics,
// which are the lock, stay.
void nca_run_files_remove(const char *folder);

// Whether a place is that of a file of a run in its folder, or of one of its pictures.
bool nca_run_files_have(const char *place);

// Whether a process was killed here before it had written config.json: there are metrics without a
// byte, and at most parts of files.
bool nca_run_files_are_abandoned(const char *folder);

// Whether there is something in the folder, so that no new run can begin in it.
bool nca_run_files_exist(const char *folder);

#endif
