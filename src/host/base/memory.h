// How much memory there is, asked before a size that a user or a file chose is allocated.
#ifndef NCA_BASE_MEMORY_H
#define NCA_BASE_MEMORY_H

#include <stdint.h>

#include "nca/status.h"

// Bytes this process may have: the machine's memory, or what its control group or its own limit
// leaves of that.
uint64_t nca_memory_bytes(void);

// a * b * c * d; UINT64_MAX where that overflows.
uint64_t nca_memory_product(uint64_t a, uint64_t b, uint64_t c, uint64_t d);
// a + b; UINT64_MAX where that overflows.
uint64_t nca_memory_sum(uint64_t a, uint64_t b);

// Refuses what would not fit: "WHAT: needs N GiB and this machine has M; choose smaller sizes".
// Allocates nothing.
nca_status nca_memory_check(uint64_t bytes, nca_error *error, const char *what, ...)
    NCA_PRINTF(3, 4);

#endif
