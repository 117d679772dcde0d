// Time that passes, and how long something took.
#ifndef NCA_BASE_CLOCK_H
#define NCA_BASE_CLOCK_H

#include <stddef.h>

// Minutes and seconds, or hours too: "3:07", "2:15:00".
void nca_format_duration(double seconds, char *text, size_t size);
// Seconds of a clock that only runs forward.
double nca_clock(void);

#endif
