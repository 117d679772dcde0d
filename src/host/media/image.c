// Pictures in memory: made, freed, padded, trimmed, and drawn on white.
#include "media/image.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

nca_status nca_image_create(int height, int width, nca_image *out, nca_error *error)
{
    const uint64_t bytes = nca_memory_product((uint64_t)height, (uint64_t)width, 4, sizeof(float));
    NCA_TRY(nca_memory_check(bytes, error, "a picture of %dx%d", height, width));
    float *pixels = calloc((size_t)height * (size_t)width * 4, sizeof *pixels);
    if (!pixels)
        return nca_fail(error, NCA_MEMORY, "a picture of %dx%d: no memory for it", height, width);
    *out = (nca_image){.height = height, .width = width, .pixels = pixels};
    return NCA_OK;
}

void nca_image_free(nca_image *image)
{
    if (!image)
        return;
    free(image->pixels);
    *image = (nca_image){0};
}

nca_status nca_image_pad(const nca_image *image, int height, int width, nca_image *out,
                         nca_error *error)
{
    if (image->height > height || image->width > width)
        return nca_fail(error, NCA_ARGUMENT,
                        "a target of %dx%d: larger than the grid of %dx%d; shrink it with "
                        "--target-size or enlarge --grid",
                        image->height, image->width, height, width);
    NCA_TRY(nca_image_create(height, width, out, error));
    const int top = (height - image->height) / 2, left = (width - image->width) / 2;
    for (int y = 0; y < image->height; y++)
        memcpy(out->pixels + ((size_t)(top + y) * (size_t)width + (size_t)left) * 4,
               image->pixels + (size_t)y * (size_t)image->width * 4,
               (size_t)image->width * 4 * sizeof(float));
    return NCA_OK;
}

// Rows and columns that hold anything.
typedef struct pixel_bounds {
    int top, bottom, left, right;   // bottom and right are one past the last
} pixel_bounds;

static pixel_bounds find_bounds(const nca_image *image)
{
    pixel_bounds found = {.top = image->height, .left = image->width};
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++)
            if (image->pixels[((size_t)y * (size_t)image->width + (size_t)x) * 4 + 3] > 0) {
                found.top = y < found.top ? y : found.top;
                found.bottom = y + 1;
                found.left = x < found.left ? x : found.left;
                found.right = x + 1 > found.right ? x + 1 : found.right;
            }
    return found;
}

nca_status nca_image_trim(const nca_image *image, const char *name, nca_image *out,
                          nca_error *error)
{
    const pixel_bounds bounds = find_bounds(image);
    if (bounds.top >= bounds.bottom)
        return nca_fail(error, NCA_FORMAT, "%s: every pixel of it is clear; nothing can grow",
                        name);
    NCA_TRY(nca_image_create(bounds.bottom - bounds.top, bounds.right - bounds.left, out, error));
    for (int y = bounds.top; y < bounds.bottom; y++)
        memcpy(out->pixels + (size_t)(y - bounds.top) * (size_t)out->width * 4,
               image->pixels + ((size_t)y * (size_t)image->width + (size_t)bounds.left) * 4,
               (size_t)out->width * 4 * sizeof(float));
    return NCA_OK;
}

static uint8_t to_byte(float x)
{
    // Written so that a NaN becomes 0.
    return (uint8_t)(x > 0 ? (x < 1 ? x * 255 + 0.5f : 255) : 0);
}

void nca_image_on_white(const float *state, int height, int width, int channels, uint8_t *rgb)
{
    const size_t cells = (size_t)height * (size_t)width;
    for (size_t i = 0; i < cells; i++, state += channels, rgb += 3) {
        const float alpha = fminf(fmaxf(state[3], 0), 1);
        for (int k = 0; k < 3; k++)
            rgb[k] = to_byte(1 - alpha + state[k]);
    }
}
