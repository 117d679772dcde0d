// Median and range of a few numbers.
#include "base/spread.h"

#include <math.h>
#include <stdlib.h>

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

nca_spread nca_spread_of(double *values, size_t count)
{
    if (count == 0)
        return (nca_spread){NAN, NAN, NAN};
    qsort(values, count, sizeof *values, compare_doubles);
    const double middle =
        count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
    return (nca_spread){.median = middle, .min = values[0], .max = values[count - 1]};
}
