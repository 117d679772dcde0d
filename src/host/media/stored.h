// What the readers of picture files share: a picture as its file stores it, and the bytes of files.
#ifndef NCA_MEDIA_STORED_H
#define NCA_MEDIA_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"

// Straight RGBA in the rows and columns of the file.
typedef struct nca_stored {
    uint8_t *pixels;   // [H,W,4], owned; freed with free()
    int height, width;
    int orientation;   // as nca_exif_orientation() has it
} nca_stored;

// A file on its way to a picture; `name` stands in messages.
typedef struct nca_picture_file {
    const uint8_t *bytes;
    size_t size;
    const char *name;
} nca_picture_file;

// Why a reader refuses a file. Each means one sentence behind the file's name.
typedef enum nca_verdict {
    NCA_WHOLE,
    NCA_CUT_OFF,    // ends too early
    NCA_CHECKSUM,   // one in it is wrong
    NCA_DAMAGED,    // contradicts itself
} nca_verdict;
// NCA_OK for NCA_WHOLE, else NCA_FORMAT.
nca_status nca_verdict_say(nca_verdict verdict, const char *name, nca_error *error);

// NCA_FORMAT for a size that is not allowed: of no pixels, more than 16384 a side or 2^26 in all.
nca_status nca_stored_check(const char *name, uint64_t width, uint64_t height, nca_error *error);
// Checks the size and allocates the pixels, all 0.
nca_status nca_stored_create(const char *name, uint64_t width, uint64_t height, nca_stored *out,
                             nca_error *error);

// A reader for each format, which gets a file of that format. The caller frees out->pixels.
typedef nca_status nca_picture_reader(const nca_picture_file *file, nca_stored *out,
                                      nca_error *error);
nca_picture_reader nca_png_read, nca_jpeg_read, nca_bmp_read, nca_tga_read, nca_webp_read;
// PNG and JPEG, decoded by stb_image as they are.
nca_picture_reader nca_stb_read;

// TGA has no signature: whether the header makes sense as one.
bool nca_tga_is_likely(const uint8_t *bytes, size_t size);

// What a file is that is none of these, with the way out; NULL where nothing is known of it.
const char *nca_picture_describe(const uint8_t *bytes, size_t size);

// Where the stored pixels of a photograph belong, from an Exif block with or without its name in
// front; 0 where it does not say. Where row 0 and column 0 of what is stored lie in the picture:
//   1 top, left      2 top, right     3 bottom, right   4 bottom, left
//   5 left, top      6 right, top     7 right, bottom   8 left, bottom
int nca_exif_orientation(const uint8_t *block, size_t size);
// The same of a whole JPEG; 1, as it is stored, where it does not say.
int nca_jpeg_orientation(const uint8_t *bytes, size_t size);

// Numbers of `count` bytes, the lowest or the highest first.
static inline uint32_t nca_little(const uint8_t *at, int count)
{
    uint32_t value = 0;
    for (int i = count - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static inline uint32_t nca_big(const uint8_t *at, int count)
{
    uint32_t value = 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | at[i];
    return value;
}

#endif
