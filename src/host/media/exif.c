// How a camera was held: the orientation that an Exif block tells. The pixels are stored as the
// sensor lay, and every viewer turns them.
//
//   block     "Exif", 0, 0 in a JPEG, nothing of that in a PNG; then a TIFF file
//   TIFF      "II" or "MM" for the order of bytes, 42, where the first directory is
//   directory how many entries, then 12 bytes each: tag, type, count, value
//
// Sources: CIPA DC-008 (Exif 2.32), 4.6.4 A; TIFF 6.0, section 2.
#include <string.h>

#include "media/stored.h"

// A TIFF file within the segment; what lies outside reads as 0.
typedef struct tiff_block {
    const uint8_t *bytes;
    size_t size;
    bool is_big;   // the order of bytes
} tiff_block;

static uint32_t read_at(const tiff_block *tiff, size_t at, int count)
{
    uint32_t value = 0;
    if (at > tiff->size || tiff->size - at < (size_t)count)
        return 0;
    for (int i = 0; i < count; i++)
        value = value << 8 | tiff->bytes[at + (size_t)(tiff->is_big ? i : count - 1 - i)];
    return value;
}

// 0 where it does not say.
static int find_orientation(const uint8_t *bytes, size_t size)
{
    enum { MARK = 42, ORIENTATION = 0x0112, SHORT = 3, ENTRY_BYTES = 12 };
    if (size < 8 || (memcmp(bytes, "II", 2) != 0 && memcmp(bytes, "MM", 2) != 0))
        return 0;
    const tiff_block tiff = {.bytes = bytes, .size = size, .is_big = bytes[0] == 'M'};
    const size_t directory = read_at(&tiff, 4, 4);
    const size_t entries = read_at(&tiff, directory, 2);
    if (read_at(&tiff, 2, 2) != MARK)
        return 0;
    for (size_t i = 0; i < entries; i++) {
        const size_t at = directory + 2 + i * ENTRY_BYTES;
        if (at > size || size - at < ENTRY_BYTES)
            return 0;
        if (read_at(&tiff, at, 2) != ORIENTATION)
            continue;
        const uint32_t value = read_at(&tiff, at + 8, 2);
        const bool is_one = read_at(&tiff, at + 2, 2) == SHORT && read_at(&tiff, at + 4, 4) == 1;
        return is_one && value <= 8 ? (int)value : 0;
    }
    return 0;
}

int nca_exif_orientation(const uint8_t *block, size_t size)
{
    enum { NAME_BYTES = 6 };
    const bool is_named = size >= NAME_BYTES && memcmp(block, "Exif\0", NAME_BYTES) == 0;
    return is_named ? find_orientation(block + NAME_BYTES, size - NAME_BYTES)
                    : find_orientation(block, size);
}
