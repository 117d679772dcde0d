// Sessions that fit: the one way in which the host opens them.
#ifndef NCA_MODEL_SESSION_H
#define NCA_MODEL_SESSION_H

#include "nca/backend.h"

// Refuses what would not fit in memory, naming the bytes: the session on its device, and where that
// lies in the host's memory both together, `extra_host_bytes` being what the caller keeps beside
// it. Looks at what the process may have, not only at what the machine has, and allocates nothing.
//   what   the thing that would not fit, for the message: "a batch of 8 grids of 72x72"
nca_status nca_session_check(const nca_compute *compute, const nca_shape *shape,
                             uint64_t extra_host_bytes, const char *what, nca_error *error);

// The same, and then creates the session. The caller destroys it.
nca_status nca_session_open(const nca_compute *compute, const nca_shape *shape,
                            uint64_t extra_host_bytes, const char *what, nca_session **out,
                            nca_error *error);

// What the backend chose by itself for a session that is open.
nca_session_info nca_session_about(const nca_compute *compute, const nca_session *session);

#endif
