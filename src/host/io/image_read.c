// Pictures from files, by stb_image: PNG, JPEG, BMP and TGA, and nothing else.
#include <stdlib.h>

#include "io/files.h"
#include "io/image.h"

// A small file can claim to unpack to gigabytes. What stb_image may ask for at once is bounded by
// the size that the picture is said to have. It is cleared, for a JPEG may name a Huffman table that
// it never brings, and a table of nothing decodes to nothing instead of to what the memory held.
static _Thread_local size_t piece_limit_bytes;

static void *take_piece(size_t bytes)
{
    return bytes <= piece_limit_bytes ? calloc(1, bytes) : NULL;
}

static void *grow_piece(void *piece, size_t bytes)
{
    return bytes <= piece_limit_bytes ? realloc(piece, bytes) : NULL;
}

#define STBI_MALLOC(bytes) take_piece(bytes)
#define STBI_REALLOC(piece, bytes) grow_piece(piece, bytes)
#define STBI_FREE(piece) free(piece)
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_ONLY_BMP
#define STBI_ONLY_TGA
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#if defined(__GNUC__)   // the parts of stb_image that are switched off leave declarations behind
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <stb/stb_image.h>

enum { FILE_LIMIT_BYTES = 256 << 20, SIDE_MAX = 16384, BOOKKEEPING_BYTES = 1 << 20 };

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
enum { PIXELS_MAX = 1 << 14 };   // a fuzzer's time is better spent on many small pictures
#else
enum { PIXELS_MAX = 1 << 26 };
#endif

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
    if (size_bytes > FILE_LIMIT_BYTES)
        return nca_fail(error, NCA_FORMAT, "%s: more than %d bytes; shrink it first", name,
                        FILE_LIMIT_BYTES);
    NCA_TRY(nca_image_check(bytes, size_bytes, name, error));
    piece_limit_bytes = BOOKKEEPING_BYTES;
    if (!stbi_info_from_memory(bytes, (int)size_bytes, &width, &height, &channels))
        return nca_fail(error, NCA_FORMAT, "%s: a damaged image, or one too large (%s)", name,
                        stbi_failure_reason());
    if (width < 1 || height < 1 || width > SIDE_MAX || height > SIDE_MAX ||
        (int64_t)width * height > PIXELS_MAX)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %d x %d pixels; at most %d a side and %d in all, shrink it first",
                        name, width, height, SIDE_MAX, PIXELS_MAX);
    // 16 bits a channel; twice that, as buffers grow by doubling; and the compressed data.
    piece_limit_bytes =
        BOOKKEEPING_BYTES + 2 * size_bytes + 2 * 8 * ((size_t)width + 32) * ((size_t)height + 32);
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
