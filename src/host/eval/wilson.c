// The Wilson score interval.
#include "eval/wilson.h"

#include <math.h>

nca_interval nca_wilson(int hits, int total)
{
    const double z = 1.959963984540054;   // of the normal distribution, 97.5 %
    if (total <= 0)
        return (nca_interval){0, 1};
    const double n = total, share = hits / n, spread = z * z / n;
    const double middle = (share + spread / 2) / (1 + spread);
    const double half = z * sqrt(share * (1 - share) / n + spread / (4 * n)) / (1 + spread);
    return (nca_interval){.low = hits == 0 ? 0 : middle - half,
                          .high = hits == total ? 1 : middle + half};
}
