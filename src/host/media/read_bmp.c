// BMP of every kind that holds its own pixels: Windows and OS/2 headers, palettes, bit masks, runs,
// rows from below or from above, gaps in front of them.
//
//   14 bytes  "BM", size, 4 bytes, offset of the pixels
//   header    its size tells its version: 12 and 16 to 64 are OS/2's, 40 to 124 Windows'
//   masks     of red, green, blue (and alpha), where the header says so and has no room for them
//   palette   blue, green, red (and a byte that means nothing)
//   pixels    rows of a multiple of 4 bytes each, or runs
//
// Source: Microsoft's BITMAPINFOHEADER to BITMAPV5HEADER, and "Bitmap Compression" for the runs.
#include <stdlib.h>

#include "media/stored.h"

enum { FILE_HEADER_BYTES = 14, CORE_HEADER_BYTES = 12, COLOURS_MAX = 256 };

enum compression { PLAIN, RUNS_8, RUNS_4, MASKS, A_JPEG, A_PNG, ALPHA_MASKS };

typedef struct bmp {
    const nca_picture_file *file;
    nca_error *error;
    uint32_t header_bytes, width, height, bits, compression, offset;
    bool is_from_above;
    uint32_t mask[4];   // red, green, blue, alpha; 0: there is none
    bool is_alpha_doubtful;
    uint32_t colours;
    uint8_t colour[COLOURS_MAX][3];
} bmp;

static nca_status refuse(const bmp *image, nca_verdict verdict)
{
    return nca_verdict_say(verdict, image->file->name, image->error);
}

static nca_status refuse_kind(const bmp *image, const char *kind)
{
    return nca_fail(image->error, NCA_FORMAT,
                    "%s: a BMP of a kind this build does not read (%s); save it as PNG",
                    image->file->name, kind);
}

// A number of the header, 0 where that is too short to have it.
static uint32_t field(const bmp *image, uint32_t at, int bytes)
{
    return at + (uint32_t)bytes <= image->header_bytes
               ? nca_little(image->file->bytes + FILE_HEADER_BYTES + at, bytes)
               : 0;
}

static nca_status read_sizes(bmp *image)
{
    const nca_picture_file *file = image->file;
    if (file->size < FILE_HEADER_BYTES + CORE_HEADER_BYTES)
        return refuse(image, NCA_CUT_OFF);
    image->offset = nca_little(file->bytes + 10, 4);
    image->header_bytes = nca_little(file->bytes + FILE_HEADER_BYTES, 4);
    const uint32_t size = image->header_bytes;
    const bool is_known = size == CORE_HEADER_BYTES || size == 16 || size == 40 || size == 52 ||
                          size == 56 || size == 64 || size == 108 || size == 124;
    if (!is_known)
        return refuse_kind(image, "a header of an unknown version");
    if (size > file->size - FILE_HEADER_BYTES)
        return refuse(image, NCA_CUT_OFF);
    const bool is_core = size == CORE_HEADER_BYTES;
    image->width = field(image, 4, is_core ? 2 : 4);
    const uint32_t height = field(image, is_core ? 6 : 8, is_core ? 2 : 4);
    image->is_from_above = height > INT32_MAX;   // a negative number
    image->height = image->is_from_above ? 0 - height : height;
    image->bits = field(image, is_core ? 10 : 14, 2);
    image->compression = is_core ? PLAIN : field(image, 16, 4);
    image->colours = is_core ? 0 : field(image, 32, 4);
    return nca_stored_check(file->name, image->width, image->height, image->error);
}

static nca_status check_kind(const bmp *image)
{
    const uint32_t bits = image->bits;
    const bool is_os2 = image->header_bytes == 16 || image->header_bytes == 64;
    const bool has_palette = bits == 1 || bits == 2 || bits == 4 || bits == 8;
    const bool has_masks = bits == 16 || bits == 32;
    switch (image->compression) {
    case PLAIN:
        return has_palette || has_masks || bits == 24 ? NCA_OK
                                                      : refuse_kind(image, "bits of a pixel");
    case RUNS_8:
        return bits == 8 ? NCA_OK : refuse(image, NCA_DAMAGED);
    case RUNS_4:
        return bits == 4 ? NCA_OK : refuse(image, NCA_DAMAGED);
    case MASKS:
    case ALPHA_MASKS:
        if (!is_os2)
            return has_masks ? NCA_OK : refuse(image, NCA_DAMAGED);
        return refuse_kind(image, "Huffman-coded");
    case A_JPEG:
        return refuse_kind(image, is_os2 ? "run-length coded with 24 bits" : "a JPEG within it");
    case A_PNG:
        return refuse_kind(image, "a PNG within it");
    default:
        return refuse_kind(image, "a compression of an unknown number");
    }
}

// Where the palette is: behind the header, and behind masks that the header has no room for.
static uint32_t find_palette(const bmp *image)
{
    const uint32_t masks = image->compression == MASKS         ? 3
                           : image->compression == ALPHA_MASKS ? 4
                                                               : 0;
    return FILE_HEADER_BYTES + image->header_bytes + (image->header_bytes == 40 ? 4 * masks : 0);
}

static bool is_contiguous(uint32_t mask)
{
    const uint32_t low = mask & (0 - mask);
    return (mask & (mask + low)) == 0;
}

// Those of a 40-byte header follow it, at the same place where later versions have them within.
static nca_status read_masks(bmp *image)
{
    static const uint32_t usual[][4] = {{0x7c00, 0x03e0, 0x001f, 0},
                                        {0xff0000, 0xff00, 0xff, 0xff000000}};
    enum { AT = FILE_HEADER_BYTES + 40 };
    const bool has_alpha = image->compression == ALPHA_MASKS || image->header_bytes >= 56;
    const int count = has_alpha ? 4 : 3;
    if (image->compression == PLAIN) {
        for (int k = 0; k < 4; k++)
            image->mask[k] = usual[image->bits == 32][k];
        image->is_alpha_doubtful = image->bits == 32;
        return NCA_OK;
    }
    if (image->file->size < AT + 4 * (size_t)count)
        return refuse(image, NCA_CUT_OFF);
    for (int k = 0; k < count; k++)
        image->mask[k] = nca_little(image->file->bytes + AT + 4 * k, 4);
    const uint32_t *mask = image->mask;
    uint32_t seen = 0;
    for (int k = 0; k < count; k++) {
        if (!is_contiguous(mask[k]) || (seen & mask[k]))
            return refuse(image, NCA_DAMAGED);
        seen |= mask[k];
    }
    const bool fits = image->bits == 32 || seen >> 16 == 0;
    return fits && (mask[0] | mask[1] | mask[2]) ? NCA_OK : refuse(image, NCA_DAMAGED);
}

static nca_status read_palette(bmp *image)
{
    const uint32_t entry = image->header_bytes == CORE_HEADER_BYTES ? 3 : 4;
    const uint32_t at = find_palette(image), room = (image->offset - at) / entry;
    const uint32_t most = 1u << image->bits;
    if (image->colours == 0 || image->colours > most)
        image->colours = most;
    if (image->colours > room)
        image->colours = room;
    for (uint32_t i = 0; i < image->colours; i++)
        for (uint32_t k = 0; k < 3; k++)
            image->colour[i][k] = image->file->bytes[at + i * entry + 2 - k];
    return NCA_OK;
}

static uint8_t *find_row(const bmp *image, const nca_stored *out, uint32_t row)
{
    const size_t y = image->is_from_above ? row : image->height - 1 - row;
    return out->pixels + y * image->width * 4;
}

static bool put_colour(const bmp *image, uint32_t index, uint8_t *pixel)
{
    if (index >= image->colours)
        return false;
    for (int k = 0; k < 3; k++)
        pixel[k] = image->colour[index][k];
    pixel[3] = 255;
    return true;
}

// The part of a pixel under a mask, as 0 to 255.
static uint8_t take_part(uint32_t pixel, uint32_t mask, uint8_t otherwise)
{
    if (mask == 0)
        return otherwise;
    const uint32_t low = mask & (0 - mask);
    return (uint8_t)((uint64_t)((pixel & mask) / low) * 255 / (mask / low));
}

static bool put_row(const bmp *image, const uint8_t *from, uint8_t *to)
{
    const uint32_t bits = image->bits;
    bool is_sound = true;
    for (uint32_t x = 0; x < image->width && is_sound; x++, to += 4) {
        if (bits <= 8) {
            const uint32_t shift = 8 - bits - x * bits % 8;
            is_sound = put_colour(image, from[x * bits / 8] >> shift & ((1u << bits) - 1), to);
        } else if (bits == 24) {
            for (uint32_t k = 0; k < 3; k++)
                to[k] = from[3 * x + 2 - k];
            to[3] = 255;
        } else {
            const uint32_t pixel = nca_little(from + x * bits / 8, (int)bits / 8);
            for (int k = 0; k < 4; k++)
                to[k] = take_part(pixel, image->mask[k], k < 3 ? 0 : 255);
        }
    }
    return is_sound;
}

// Programs leave the fourth byte of a pixel empty: a picture all of whose alpha is 0 is opaque.
static void fill_alpha(nca_stored *picture)
{
    const size_t count = (size_t)picture->height * (size_t)picture->width;
    for (size_t i = 0; i < count; i++)
        if (picture->pixels[4 * i + 3])
            return;
    for (size_t i = 0; i < count; i++)
        picture->pixels[4 * i + 3] = 255;
}

static nca_status read_rows(const bmp *image, nca_stored *out)
{
    const uint64_t bits = (uint64_t)image->width * image->bits;
    const uint64_t row_bytes = (bits + 31) / 32 * 4, last_bytes = (bits + 7) / 8;
    // The last row's padding may be missing.
    if (image->offset + (image->height - 1) * row_bytes + last_bytes > image->file->size)
        return refuse(image, NCA_CUT_OFF);
    for (uint32_t row = 0; row < image->height; row++)
        if (!put_row(image, image->file->bytes + image->offset + row * row_bytes,
                     find_row(image, out, row)))
            return refuse(image, NCA_DAMAGED);
    if (image->is_alpha_doubtful)
        fill_alpha(out);
    return NCA_OK;
}

// Where a run is drawn; what lies outside of the picture is not.
typedef struct pen {
    const bmp *image;
    nca_stored *out;
    size_t x, row;
} pen;

static bool draw(pen *at, uint32_t index)
{
    const size_t x = at->x++;
    if (x >= at->image->width || at->row >= at->image->height)
        return true;
    return put_colour(at->image, index, find_row(at->image, at->out, (uint32_t)at->row) + 4 * x);
}

// `count` pixels of one byte, or of the two halves of one in turn.
static bool draw_run(pen *at, uint32_t count, uint8_t value)
{
    const bool is_halved = at->image->compression == RUNS_4;
    bool is_sound = true;
    for (uint32_t i = 0; i < count && is_sound; i++)
        is_sound = draw(at, !is_halved ? value : i % 2 ? value & 15 : value >> 4);
    return is_sound;
}

static bool draw_each(pen *at, uint32_t count, const uint8_t *values)
{
    const bool is_halved = at->image->compression == RUNS_4;
    bool is_sound = true;
    for (uint32_t i = 0; i < count && is_sound; i++)
        is_sound = draw(at, !is_halved ? values[i]
                            : i % 2    ? values[i / 2] & 15
                                       : values[i / 2] >> 4);
    return is_sound;
}

// Pixels that no run draws are of colour 0.
static nca_status clear(pen *at)
{
    const size_t pixels = (size_t)at->image->width * at->image->height;
    for (size_t i = 0; i < pixels; i++)
        if (!put_colour(at->image, 0, at->out->pixels + 4 * i))
            return refuse(at->image, NCA_DAMAGED);
    return NCA_OK;
}

// Pairs: a count and what to repeat; or 0 and an escape: 0 ends a row, 1 the picture, 2 moves by
// the two bytes that follow, and more is a number of pixels that follow, up to an even byte.
static nca_status read_runs(const bmp *image, nca_stored *out)
{
    enum { END_OF_ROW, END_OF_PICTURE, MOVE };
    const uint8_t *bytes = image->file->bytes;
    pen at = {.image = image, .out = out};
    NCA_TRY(clear(&at));
    for (size_t i = image->offset, size = image->file->size; size >= 2 && i <= size - 2;) {
        const uint8_t count = bytes[i], value = bytes[i + 1];
        const size_t follows = count > 0 || value < MOVE      ? 0
                               : value == MOVE                ? 2
                               : image->compression == RUNS_4 ? (value + 3u) / 4 * 2
                                                              : (value + 1u) / 2 * 2;
        bool is_sound = true;
        i += 2;
        if (follows > size - i)
            break;
        if (count > 0) {
            is_sound = draw_run(&at, count, value);
        } else if (value == END_OF_PICTURE) {
            return NCA_OK;
        } else if (value == END_OF_ROW) {
            at.x = 0;
            at.row++;
        } else if (value == MOVE) {
            at.x += bytes[i];
            at.row += bytes[i + 1];
        } else {
            is_sound = draw_each(&at, value, bytes + i);
        }
        if (!is_sound)
            return refuse(image, NCA_DAMAGED);
        i += follows;
    }
    return at.row >= image->height ? NCA_OK : refuse(image, NCA_CUT_OFF);
}

static nca_status read_pixels(bmp *image, nca_stored *out)
{
    if (image->bits <= 8)
        NCA_TRY(read_palette(image));
    else if (image->bits != 24)
        NCA_TRY(read_masks(image));
    if (image->compression == RUNS_8 || image->compression == RUNS_4)
        return read_runs(image, out);
    return read_rows(image, out);
}

nca_status nca_bmp_read(const nca_picture_file *file, nca_stored *out, nca_error *error)
{
    bmp image = {.file = file, .error = error};
    nca_stored found;
    NCA_TRY(read_sizes(&image));
    NCA_TRY(check_kind(&image));
    if (image.offset > file->size)
        return refuse(&image, NCA_CUT_OFF);
    if (image.offset < find_palette(&image))
        return refuse(&image, NCA_DAMAGED);
    NCA_TRY(nca_stored_create(file->name, image.width, image.height, &found, error));
    const nca_status status = read_pixels(&image, &found);
    if (status == NCA_OK)
        *out = found;
    else
        free(found.pixels);
    return status;
}
