// Updates given as a share of all, such as the 40% of "steps:40%x0.3".
#ifndef NCA_CONFIG_SHARES_H
#define NCA_CONFIG_SHARES_H

#include "nca/config.h"

// Writes the text anew with each such share of `updates` as a number, rounded. NCA_ARGUMENT, in the
// name of `option`: a share above 100%, or a text that becomes too long.
nca_status nca_shares_settle(const char *option, int64_t updates, char text[NCA_TEXT_BYTES],
                             nca_error *error);

#endif
