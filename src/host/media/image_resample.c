// Lanczos-3 in float, over premultiplied colours: first along rows, then along columns.
// Shrinking widens the kernel by the ratio, so that every source pixel counts.
#include <math.h>
#include <stdlib.h>

#include "media/image.h"

enum { LOBES = 3 };

static double lanczos(double x)
{
    static const double pi = 3.14159265358979323846;
    if (x == 0)
        return 1;
    if (fabs(x) >= LOBES)
        return 0;
    return LOBES * sin(pi * x) * sin(pi * x / LOBES) / (pi * pi * x * x);
}

// One line of `from` pixels to one of `to` pixels; `step` floats apart in both.
static void resample_line(const float *in, int from, float *out, int to, size_t step)
{
    const double ratio = (double)from / to, scale = ratio > 1 ? ratio : 1;
    for (int i = 0; i < to; i++) {
        const double center = (i + 0.5) * ratio;
        const int first = (int)fmax(0, floor(center - LOBES * scale));
        const int last = (int)fmin(from, ceil(center + LOBES * scale));
        double sum[4] = {0}, weights = 0;
        for (int j = first; j < last; j++) {
            const double weight = lanczos((j + 0.5 - center) / scale);
            weights += weight;
            for (int k = 0; k < 4; k++)
                sum[k] += weight * in[(size_t)j * step + (size_t)k];
        }
        for (int k = 0; k < 4; k++)
            out[(size_t)i * step + (size_t)k] = (float)(sum[k] / weights);
    }
}

// The kernel's negative lobes overshoot at edges: alpha back into 0..1, colours into 0..alpha.
static void clamp(nca_image *image)
{
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++) {
        float *p = image->pixels + 4 * i;
        p[3] = fminf(fmaxf(p[3], 0), 1);
        for (int k = 0; k < 3; k++)
            p[k] = fminf(fmaxf(p[k], 0), p[3]);
    }
}

nca_status nca_image_resample(const nca_image *image, int height, int width, nca_image *out,
                              nca_error *error)
{
    nca_image wide;
    const size_t row = (size_t)width * 4;
    NCA_TRY(nca_image_create(image->height, width, &wide, error));
    nca_status status;
    NCA_GO(nca_image_create(height, width, out, error));
    for (int y = 0; y < image->height; y++)
        resample_line(image->pixels + (size_t)y * (size_t)image->width * 4, image->width,
                      wide.pixels + (size_t)y * row, width, 4);
    for (int x = 0; x < width; x++)
        resample_line(wide.pixels + (size_t)x * 4, image->height, out->pixels + (size_t)x * 4,
                      height, row);
    clamp(out);
cleanup:
    nca_image_free(&wide);
    return status;
}
