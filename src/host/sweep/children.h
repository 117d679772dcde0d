// Processes of this program that a command starts, so that several runs go side by side and one
// that fails takes no other with it.
#ifndef NCA_SWEEP_CHILDREN_H
#define NCA_SWEEP_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>

#include "nca/status.h"

// Starts `nca` with these arguments (ended by NULL; the first is the command), in a process group
// of its own: Ctrl-C reaches it only through its parent, and if that is killed it gets SIGTERM. It
// reads nothing; what it prints is added to the file `log`. Call it from a thread that lives as
// long as the process.
nca_status nca_child_start(const char *const *arguments, const char *log, pid_t *out,
                           nca_error *error);

// Whether it has ended; its exit code then, 128 + the signal where one ended it. Does not wait.
bool nca_child_has_ended(pid_t child, int *code);

#endif
