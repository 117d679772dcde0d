// Pictures from files, by stb_image: PNG, JPEG, BMP and TGA, and nothing else.
#include <stdlib.h>

#include "base/files.h"
#include "media/image.h"

// A small file can claim to unpack to gigabytes. What stb_image may ask for at once is bounded by
// the size that the picture is said to have. It is cleared, for a JPEG may name a Huffman table
// that it never brings, and a table of nothing decodes to nothing instead of to what the memory
// held.
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

// Pixels as they are stored, straight RGBA.
typedef struct stored {
    stbi_uc *pixels;   // [H,W,4]
    int height, width;
    int orientation;   // as nca_exif_orientation() has it
} stored;

// Where the pixel of the picture at (y, x) is stored.
static const stbi_uc *find_pixel(const stored *from, int y, int x)
{
    const int orientation = from->orientation;
    const bool is_turned = orientation >= 5;   // rows are columns
    const bool is_upside_down =
        orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool is_mirrored =
        orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const int row = is_turned ? x : y, column = is_turned ? y : x;
    const int stored_row = is_upside_down ? from->height - 1 - row : row;
    const int stored_column = is_mirrored ? from->width - 1 - column : column;
    return from->pixels + ((size_t)stored_row * (size_t)from->width + (size_t)stored_column) * 4;
}

static void premultiply(const stored *from, nca_image *image)
{
    float *to = image->pixels;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, to += 4) {
            const stbi_uc *pixel = find_pixel(from, y, x);
            const float alpha = pixel[3] / 255.0f;
            for (int k = 0; k < 3; k++)
                to[k] = pixel[k] / 255.0f * alpha;
            to[3] = alpha;
        }
}

static nca_status take_up(const stored *from, nca_image *out, nca_error *error)
{
    const bool is_turned = from->orientation >= 5;
    NCA_TRY(nca_image_create(is_turned ? from->width : from->height,
                             is_turned ? from->height : from->width, out, error));
    premultiply(from, out);
    return NCA_OK;
}

// The size in a PNG's header: stb_image does not tell one that it refuses.
static bool read_png_size(const uint8_t *bytes, size_t size, uint32_t *width, uint32_t *height)
{
    if (size < 24 || bytes[0] != 0x89)
        return false;
    *width = *height = 0;
    for (int i = 0; i < 4; i++) {
        *width = *width << 8 | bytes[16 + i];
        *height = *height << 8 | bytes[20 + i];
    }
    return true;
}

static nca_status fail_size(const char *name, uint32_t width, uint32_t height, nca_error *error)
{
    if (width == 0 || height == 0)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %u x %u pixels: there is nothing in it; get it again", name, width,
                        height);
    return nca_fail(error, NCA_FORMAT,
                    "%s: %u x %u pixels; at most %d a side and %d in all, shrink it first", name,
                    width, height, SIDE_MAX, PIXELS_MAX);
}

static bool is_size_allowed(uint32_t width, uint32_t height)
{
    return width >= 1 && height >= 1 && width <= SIDE_MAX && height <= SIDE_MAX &&
           (uint64_t)width * height <= PIXELS_MAX;
}

static nca_status check_size(const uint8_t *bytes, size_t size_bytes, const char *name, stored *out,
                             nca_error *error)
{
    uint32_t width, height;
    int channels;
    if (read_png_size(bytes, size_bytes, &width, &height) && !is_size_allowed(width, height))
        return fail_size(name, width, height, error);
    if (!stbi_info_from_memory(bytes, (int)size_bytes, &out->width, &out->height, &channels))
        return nca_fail(error, NCA_FORMAT, "%s: a damaged image, or one too large (%s)", name,
                        stbi_failure_reason());
    if (!is_size_allowed((uint32_t)out->width, (uint32_t)out->height))
        return fail_size(name, (uint32_t)out->width, (uint32_t)out->height, error);
    return NCA_OK;
}

nca_status nca_image_decode(const uint8_t *bytes, size_t size_bytes, const char *name,
                            nca_image *out, nca_error *error)
{
    stored found = {.orientation = nca_exif_orientation(bytes, size_bytes)};
    int channels;
    if (size_bytes == 0)
        return nca_fail(error, NCA_FORMAT, "%s: empty", name);
    if (size_bytes > FILE_LIMIT_BYTES)
        return nca_fail(error, NCA_FORMAT, "%s: more than %d bytes; shrink it first", name,
                        FILE_LIMIT_BYTES);
    NCA_TRY(nca_image_check(bytes, size_bytes, name, error));
    piece_limit_bytes = BOOKKEEPING_BYTES;
    NCA_TRY(check_size(bytes, size_bytes, name, &found, error));
    // 16 bits a channel; twice that, as buffers grow by doubling; and the compressed data.
    piece_limit_bytes = BOOKKEEPING_BYTES + 2 * size_bytes +
                        2 * 8 * ((size_t)found.width + 32) * ((size_t)found.height + 32);
    found.pixels =
        stbi_load_from_memory(bytes, (int)size_bytes, &found.width, &found.height, &channels, 4);
    if (!found.pixels)
        return nca_fail(error, NCA_FORMAT, "%s: a damaged image (%s)", name, stbi_failure_reason());
    const nca_status status = take_up(&found, out, error);
    stbi_image_free(found.pixels);
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
