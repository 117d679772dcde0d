// TGA: palettes, colours and greys, as they are or in packets, from any of the four corners.
//
//   18 bytes  length of the text, has a palette, kind, palette (first index, entries, bits of one),
//             place (4 bytes), width, height, bits of a pixel, descriptor
//   text, palette, pixels
//   descriptor  bits 0 to 3: bits of alpha; 4: from the right; 5: from above; 6 and 7: interleaved
//
// Source: Truevision, TGA File Format Specification, version 2.0.
#include <stdlib.h>
#include <string.h>

#include "media/stored.h"

enum { HEADER_BYTES = 18, PALETTE = 1, COLOURS = 2, GREYS = 3, IN_PACKETS = 8 };
enum { FROM_THE_RIGHT = 0x10, FROM_ABOVE = 0x20, INTERLEAVED = 0xc0 };

typedef struct tga {
    const nca_picture_file *file;
    uint32_t kind, first, colours, width, height;
    size_t pixel_bytes, colour_bytes;
    const uint8_t *palette;
    size_t at;   // of the pixels
    uint8_t descriptor;
} tga;

static bool is_among(uint8_t bits, const char *depths)
{
    return bits > 0 && strchr(depths, bits);
}

bool nca_tga_is_likely(const uint8_t *bytes, size_t size)
{
    static const char colours[] = {15, 16, 24, 32, 0}, others[] = {8, 16, 0};
    if (size < HEADER_BYTES || bytes[1] > 1 || (bytes[17] & INTERLEAVED))
        return false;
    if (bytes[1] && !is_among(bytes[7], colours))
        return false;
    switch (bytes[2] & ~IN_PACKETS) {
    case PALETTE:
        return bytes[1] && is_among(bytes[16], others);
    case COLOURS:
        return is_among(bytes[16], colours);
    case GREYS:
        return is_among(bytes[16], others);
    default:
        return false;
    }
}

// The part of the sample that means alpha is left out where it is one bit: programs disagree.
static void put_colour(const uint8_t *from, size_t bytes, uint8_t *pixel)
{
    pixel[3] = bytes == 4 ? from[3] : 255;
    if (bytes == 2) {
        const uint32_t value = nca_little(from, 2);
        for (int k = 0; k < 3; k++)
            pixel[k] = (uint8_t)((value >> (10 - 5 * k) & 31) * 255 / 31);
        return;
    }
    for (int k = 0; k < 3; k++)
        pixel[k] = from[2 - k];
}

static bool put_pixel(const tga *image, const uint8_t *from, uint8_t *pixel)
{
    if (image->kind == COLOURS) {
        put_colour(from, image->pixel_bytes, pixel);
    } else if (image->kind == GREYS) {
        memset(pixel, from[0], 3);
        pixel[3] = image->pixel_bytes == 2 ? from[1] : 255;
    } else {
        const uint32_t index = nca_little(from, (int)image->pixel_bytes);
        if (index < image->first || index - image->first >= image->colours)
            return false;
        put_colour(image->palette + (index - image->first) * image->colour_bytes,
                   image->colour_bytes, pixel);
    }
    return true;
}

// Where the pixel with a number, in the order of the file, belongs.
static uint8_t *find_pixel(const tga *image, const nca_stored *out, size_t number)
{
    const size_t row = number / image->width, column = number % image->width;
    const size_t y = image->descriptor & FROM_ABOVE ? row : image->height - 1 - row;
    const size_t x = image->descriptor & FROM_THE_RIGHT ? image->width - 1 - column : column;
    return out->pixels + (y * image->width + x) * 4;
}

static nca_verdict read_plain(const tga *image, nca_stored *out)
{
    const size_t pixels = (size_t)image->width * image->height;
    if (pixels * image->pixel_bytes > image->file->size - image->at)
        return NCA_CUT_OFF;
    for (size_t i = 0; i < pixels; i++)
        if (!put_pixel(image, image->file->bytes + image->at + i * image->pixel_bytes,
                       find_pixel(image, out, i)))
            return NCA_DAMAGED;
    return NCA_WHOLE;
}

// Packets: a count, then one pixel that is repeated, or so many.
static nca_verdict read_packets(const tga *image, nca_stored *out)
{
    const size_t pixels = (size_t)image->width * image->height;
    const uint8_t *bytes = image->file->bytes;
    size_t at = image->at;
    for (size_t done = 0; done < pixels;) {
        if (at >= image->file->size)
            return NCA_CUT_OFF;
        const bool is_repeated = bytes[at] & 128;
        const size_t count = (bytes[at] & 127u) + 1;
        const size_t length = (is_repeated ? 1 : count) * image->pixel_bytes;
        at++;
        if (length > image->file->size - at)
            return NCA_CUT_OFF;
        for (size_t i = 0; i < count && done < pixels; i++, done++)
            if (!put_pixel(image, bytes + at + (is_repeated ? 0 : i * image->pixel_bytes),
                           find_pixel(image, out, done)))
                return NCA_DAMAGED;
        at += length;
    }
    return NCA_WHOLE;
}

nca_status nca_tga_read(const nca_picture_file *file, nca_stored *out, nca_error *error)
{
    const uint8_t *bytes = file->bytes;
    const bool has_palette = bytes[1];
    tga image = {.file = file,
                 .kind = bytes[2] & ~IN_PACKETS,
                 .first = nca_little(bytes + 3, 2),
                 .colours = has_palette ? nca_little(bytes + 5, 2) : 0,
                 .width = nca_little(bytes + 12, 2),
                 .height = nca_little(bytes + 14, 2),
                 .pixel_bytes = (bytes[16] + 7u) / 8,
                 .colour_bytes = (bytes[7] + 7u) / 8,
                 .descriptor = bytes[17]};
    const size_t palette_at = HEADER_BYTES + (size_t)bytes[0];
    image.at = palette_at + image.colours * image.colour_bytes;
    if (image.at > file->size)
        return nca_verdict_say(NCA_CUT_OFF, file->name, error);
    image.palette = bytes + palette_at;
    nca_stored found;
    NCA_TRY(nca_stored_create(file->name, image.width, image.height, &found, error));
    const nca_verdict verdict =
        bytes[2] & IN_PACKETS ? read_packets(&image, &found) : read_plain(&image, &found);
    if (verdict != NCA_WHOLE) {
        free(found.pixels);
        return nca_verdict_say(verdict, file->name, error);
    }
    *out = found;
    return NCA_OK;
}
