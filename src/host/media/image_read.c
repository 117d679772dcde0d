// Pictures from files: the format is found by its signature, its reader gives pixels as they are
// stored, and here they are turned and premultiplied.
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "media/image.h"
#include "media/stored.h"

enum { FILE_LIMIT_BYTES = 256 << 20 };

static bool is_png(const uint8_t *bytes, size_t size)
{
    return size >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0;
}

static bool is_jpeg(const uint8_t *bytes, size_t size)
{
    // The third byte begins a segment. With f7 it is a JPEG-LS, which has a name of its own.
    return size >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8;
}

static bool is_bmp(const uint8_t *bytes, size_t size)
{
    return size >= 2 && memcmp(bytes, "BM", 2) == 0;
}

static bool is_webp(const uint8_t *bytes, size_t size)
{
    return size >= 12 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0;
}

// The one table of the formats that are read.
static const struct {
    bool (*is_one)(const uint8_t *bytes, size_t size);
    nca_picture_reader *read;
} formats[] = {
    {is_png, nca_png_read},
    {is_jpeg, nca_jpeg_read},
    {is_bmp, nca_bmp_read},
    {is_webp, nca_webp_read},
};

static nca_status read_stored(const nca_picture_file *file, nca_stored *out, nca_error *error)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (formats[i].is_one(file->bytes, file->size))
            return formats[i].read(file, out, error);
    const char *known = nca_picture_describe(file->bytes, file->size);
    if (known)
        return nca_fail(error, NCA_FORMAT, "%s: %s", file->name, known);
    if (nca_tga_is_likely(file->bytes, file->size))
        return nca_tga_read(file, out, error);
    return nca_fail(error, NCA_FORMAT,
                    "%s: not an image this build can read (PNG, JPEG, WebP, BMP, TGA); convert it "
                    "first",
                    file->name);
}

// Where the pixel of the picture at (y, x) is stored.
static const uint8_t *find_pixel(const nca_stored *from, int y, int x)
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

static void premultiply(const nca_stored *from, nca_image *image)
{
    float *to = image->pixels;
    for (int y = 0; y < image->height; y++)
        for (int x = 0; x < image->width; x++, to += 4) {
            const uint8_t *pixel = find_pixel(from, y, x);
            const float alpha = pixel[3] / 255.0f;
            for (int k = 0; k < 3; k++)
                to[k] = pixel[k] / 255.0f * alpha;
            to[3] = alpha;
        }
}

static nca_status take_up(const nca_stored *from, nca_image *out, nca_error *error)
{
    const bool is_turned = from->orientation >= 5;
    NCA_TRY(nca_image_create(is_turned ? from->width : from->height,
                             is_turned ? from->height : from->width, out, error));
    premultiply(from, out);
    return NCA_OK;
}

nca_status nca_image_decode(const uint8_t *bytes, size_t size_bytes, const char *name,
                            nca_image *out, nca_error *error)
{
    const nca_picture_file file = {.bytes = bytes, .size = size_bytes, .name = name};
    nca_stored found = {.orientation = 1};
    if (size_bytes == 0)
        return nca_fail(error, NCA_FORMAT, "%s: empty", name);
    if (size_bytes > FILE_LIMIT_BYTES)
        return nca_fail(error, NCA_FORMAT, "%s: more than %d bytes; shrink it first", name,
                        FILE_LIMIT_BYTES);
    NCA_TRY(read_stored(&file, &found, error));
    const nca_status status = take_up(&found, out, error);
    free(found.pixels);
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
