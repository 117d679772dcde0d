// Median and range of a few numbers.
#ifndef NCA_BASE_SPREAD_H
#define NCA_BASE_SPREAD_H

#include <stddef.h>

typedef struct nca_spread {
    double median, min, max;
} nca_spread;

// Sorts the values, none of them NaN. The median of an even count is the mean of the middle two;
// without values all three are NaN.
nca_spread nca_spread_of(double *values, size_t count);

#endif
