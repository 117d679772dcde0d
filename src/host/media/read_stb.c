// PNG and JPEG by stb_image, and nothing else of it. The readers look through a file before.
#include <stdlib.h>

#include "media/stored.h"

// A small file can claim to unpack to gigabytes. What stb_image may ask for at once is bounded by
// the size that the picture is said to have.
static _Thread_local size_t piece_limit_bytes;

// Cleared: what a damaged file leaves undefined is then the same every time.
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
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#if defined(__GNUC__)   // the parts of stb_image that are switched off leave declarations behind
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#endif
#include <stb/stb_image.h>

enum { BOOKKEEPING_BYTES = 1 << 20 };

nca_status nca_stb_read(const nca_picture_file *file, nca_stored *out, nca_error *error)
{
    nca_stored found = {.orientation = 1};
    int channels;
    piece_limit_bytes = BOOKKEEPING_BYTES;
    if (!stbi_info_from_memory(file->bytes, (int)file->size, &found.width, &found.height,
                               &channels))
        return nca_fail(error, NCA_FORMAT, "%s: a damaged image, or one too large (%s)", file->name,
                        stbi_failure_reason());
    NCA_TRY(nca_stored_check(file->name, (uint64_t)found.width, (uint64_t)found.height, error));
    // 16 bits a channel; twice that, as buffers grow by doubling; and the compressed data.
    piece_limit_bytes = BOOKKEEPING_BYTES + 2 * file->size +
                        2 * 8 * ((size_t)found.width + 32) * ((size_t)found.height + 32);
    found.pixels = stbi_load_from_memory(file->bytes, (int)file->size, &found.width, &found.height,
                                         &channels, 4);
    if (!found.pixels)
        return nca_fail(error, NCA_FORMAT, "%s: a damaged image (%s)", file->name,
                        stbi_failure_reason());
    *out = found;
    return NCA_OK;
}
