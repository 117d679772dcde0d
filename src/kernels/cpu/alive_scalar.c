// The alive mask: a cell is alive where any cell of its 3x3 neighbourhood is mature (alpha above
// the threshold), which is the same as their largest alpha being above it.
#include "ops.h"

void nca_cpu_dilate_scalar(const uint8_t *mature, size_t stride, size_t count, uint8_t *alive)
{
    for (size_t i = 0; i < count; i++) {
        const uint8_t *m = mature + i;
        uint8_t any = 0;
        for (ptrdiff_t dy = -1; dy <= 1; dy++)
            for (ptrdiff_t dx = -1; dx <= 1; dx++)
                any |= m[dy * (ptrdiff_t)stride + dx];
        alive[i] = any;
    }
}
