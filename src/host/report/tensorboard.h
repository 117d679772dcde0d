// A run as an event file that TensorBoard reads: every number of metrics.jsonl, and the pictures.
#ifndef NCA_REPORT_TENSORBOARD_H
#define NCA_REPORT_TENSORBOARD_H

#include "base/files.h"

// The folder of a run among those that TensorBoard shows: FOLDER/NAME, where NAME is the last part
// of the run's path.
nca_status nca_tensorboard_place(const char *folder, const char *run, char place[NCA_PATH_BYTES],
                                 nca_error *error);

// Writes the event file of a run folder into `place`, which is made where it is not there; a file
// of an earlier call is replaced. NCA_FORMAT where metrics.jsonl is not as this program writes it.
nca_status nca_tensorboard_write(const char *run, const char *place, nca_error *error);

#endif
