// What a mistyped word probably meant.
#ifndef NCA_BASE_NEAREST_H
#define NCA_BASE_NEAREST_H

#include <stddef.h>

// The candidate nearest to `word` by edit distance, or NULL where none is near.
const char *nca_nearest(const char *word, const char *const *candidates, size_t count);

#endif
