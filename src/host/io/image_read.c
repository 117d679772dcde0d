// Pictures from files, by stb_image: PNG, JPEG, BMP and TGA, and nothing else.
#include <stdlib.h>

#include "io/files.h"
#include "io/image.h"

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_TGA
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS 16384
#if defined(__GNUC__)   // the parts of stb_image that are switched off leave declarations behind
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <stb/stb_image.h>

enum { FILE_LIMIT_BYTES = 256 << 20, SIDE_MAX = 16384, PIXELS_MAX = 1 << 26 };

static void premultiply(const stbi_uc *bytes, nca_image *image)
{
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++) {
        const float alpha = bytes[4 * i + 3] / 255.0f;
        for (size_t k = 0; k < 3; k++)
            image->pixels[4 * i + k] = bytes[4 * i + k] / 255.0f * alpha;
        image->pixels[4 * i + 3] = alpha;
    }
}

nca_status nca_image_decode(const uint8_t *bytes, size_t size_bytes, const char *name,
                            nca_image *out, nca_error *error)
{
    int width, height, channels;
    if (size_bytes == 0)
        return nca_fail(error, NCA_FORMAT, "%s: empty", name);
    if (size_bytes > FILE_LIMIT_BYTES ||
        !stbi_info_from_memory(bytes, (int)size_bytes, &width, &height, &channels))
        return nca_fail(error, NCA_FORMAT,
                        "%s: not an image this build can read (PNG, JPEG, BMP, TGA); convert it "
                        "first",
                        name);
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX ||
        (int64_t)width * height > PIXELS_MAX)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %d x %d pixels; at most %d a side and %d in all, shrink it first",
                        name, width, height, SIDE_MAX, PIXELS_MAX);
    stbi_uc *pixels = stbi_load_from_memory(bytes, (int)size_bytes, &width, &height, &channels, 4);
    if (!pixels)
        return nca_fail(error, NCA_FORMAT, "%s: a damaged image (%s)", name, stbi_failure_reason());
    const nca_status status = nca_image_create(height, width, out, error);
    if (status == NCA_OK)
        premultiply(pixels, out);
    stbi_image_free(pixels);
    return status;
}

nca_status nca_image_read(const char *path, nca_image *out, nca_error *error)
{
    uint8_t *bytes;
    size_t size_bytes;
    NCA_TRY(nca_file_read(path, FILE_LIMIT_BYTES, &bytes, &size_bytes, error));
    const nca_status status = nca_image_decode(bytes, size_bytes, path, out, error);
    free(bytes);
    return status;
}
