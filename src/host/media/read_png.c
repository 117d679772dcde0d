// A PNG's chunks, looked through before stb_image decodes them: it fills up what is missing from a
// file that was cut off, and looks neither at checksums nor at how the picture lies.
//
//   chunks: length, type, data, CRC-32 of type and data; the last is IEND
//
// Source: the PNG specification, third edition; eXIf in 11.3.4.5.
#include <stdlib.h>
#include <string.h>

#include "media/stored.h"

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
static const bool are_sums_ignored = true;   // a fuzzer would never get past them
#else
static const bool are_sums_ignored = false;
#endif

// Four bits at a time: a small table, and quick enough for a picture.
static uint32_t crc32(const uint8_t *bytes, size_t count)
{
    uint32_t table[16], crc = 0xffffffff;
    for (uint32_t i = 0; i < 16; i++) {
        table[i] = i;
        for (int bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
    }
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static bool is_type(const uint8_t *type, const char *name)
{
    return memcmp(type, name, 4) == 0;
}

// Checksums of the chunks that the picture is made of: those with a capital letter, and two others.
static bool is_chunk_sound(const uint8_t *type, size_t length)
{
    const bool counts = !(*type & 0x20) || is_type(type, "tRNS") || is_type(type, "eXIf");
    return are_sums_ignored || !counts || crc32(type, length + 4) == nca_big(type + 4 + length, 4);
}

// What is found on the way.
typedef struct png {
    int orientation;                    // 0: it does not say
    size_t palette_at, palette_bytes;   // of the chunk, and of its data; 0 without one
} png;

static nca_verdict check_chunks(const nca_picture_file *file, png *found)
{
    size_t at = 8;
    while (file->size - at >= 12) {
        const uint8_t *type = file->bytes + at + 4;
        const size_t length = nca_big(file->bytes + at, 4);
        if (length > file->size - at - 12)
            return NCA_CUT_OFF;
        if (!is_chunk_sound(type, length))
            return NCA_CHECKSUM;
        if (is_type(type, "eXIf"))
            found->orientation = nca_exif_orientation(type + 4, length);
        if (is_type(type, "PLTE")) {
            found->palette_at = at;
            found->palette_bytes = length;
        }
        if (is_type(type, "IEND"))
            return NCA_WHOLE;
        at += length + 12;
    }
    return NCA_CUT_OFF;
}

// stb_image shows a colour that the palette lacks as whatever lies in its memory. With a palette of
// all 256 it is black, as in browsers.
static nca_status read_completed(const nca_picture_file *file, const png *found, nca_stored *out,
                                 nca_error *error)
{
    enum { WHOLE_BYTES = 3 * 256, NAME_END = 8 };
    if (found->palette_at == 0 || found->palette_bytes >= WHOLE_BYTES ||
        found->palette_bytes % 3 != 0)
        return nca_stb_read(file, out, error);
    const size_t added = WHOLE_BYTES - found->palette_bytes;
    const size_t before = found->palette_at + NAME_END + found->palette_bytes;
    uint8_t *copy = calloc(1, file->size + added);
    if (!copy)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its %zu bytes", file->name,
                        file->size);
    memcpy(copy, file->bytes, before);
    memcpy(copy + before + added, file->bytes + before, file->size - before);
    copy[found->palette_at + 2] = WHOLE_BYTES >> 8;
    copy[found->palette_at + 3] = WHOLE_BYTES & 255;
    const nca_picture_file completed = {
        .bytes = copy, .size = file->size + added, .name = file->name};
    const nca_status status = nca_stb_read(&completed, out, error);
    free(copy);
    return status;
}

nca_status nca_png_read(const nca_picture_file *file, nca_stored *out, nca_error *error)
{
    png found = {0};
    // Its pixels lie otherwise and are compressed otherwise.
    if (file->size >= 16 && is_type(file->bytes + 12, "CgBI"))
        return nca_fail(error, NCA_FORMAT,
                        "%s: a PNG changed for Apple's devices (CgBI), which this build does not "
                        "read; take the one it was made from, or save it as PNG on a Mac",
                        file->name);
    NCA_TRY(nca_verdict_say(check_chunks(file, &found), file->name, error));
    // stb_image does not tell a size that it refuses.
    if (is_type(file->bytes + 12, "IHDR"))
        NCA_TRY(nca_stored_check(file->name, nca_big(file->bytes + 16, 4),
                                 nca_big(file->bytes + 20, 4), error));
    NCA_TRY(read_completed(file, &found, out, error));
    out->orientation = found.orientation > 0 ? found.orientation : 1;
    return NCA_OK;
}
