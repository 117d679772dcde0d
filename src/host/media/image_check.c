// Looks through a picture's file before it is decoded: stb_image fills up what is missing from one
// that was cut off, does not look at checksums, and follows a JPEG through all scans it claims.
//
//   PNG    chunks: length, type, data, CRC-32 of type and data; the last is IEND
//   JPEG   segments: ff, marker, length, data; after SOS coded data up to a marker; EOI ends it
//   BMP    rows of pixels behind the offset in the header, each a multiple of 4 bytes
//   TGA    18 bytes, a text, a palette, then pixels or packets of them
//
// Sources: the PNG specification; ITU-T T.81; Microsoft's BITMAPINFOHEADER; Truevision's TGA 2.0.
#include <stdlib.h>
#include <string.h>

#include "media/image.h"

// Encoders write a dozen scans; each one costs a pass over the whole picture.
enum { JPEG_SCANS_MAX = 200 };

typedef enum verdict { WHOLE, UNKNOWN, CUT_OFF, CHECKSUM, TABLES, ENDLESS } verdict;

static const char *const words[] = {
    [UNKNOWN] = "not an image this build can read (PNG, JPEG, BMP, TGA); convert it first",
    [CUT_OFF] = "ends too early: cut off or damaged; get it again",
    [CHECKSUM] = "a checksum in it is wrong: damaged; get it again",
    [TABLES] = "a JPEG whose tables are wrong: damaged; get it again",
    [ENDLESS] = "a JPEG of more scans than any program writes; save it again without them",
};

static uint32_t little(const uint8_t *at, int bytes)
{
    uint32_t value = 0;
    for (int i = bytes - 1; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

static uint32_t big(const uint8_t *at, int bytes)
{
    uint32_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

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

// Checksums of the chunks that the picture is made of: those with a capital letter.
static bool is_chunk_sound(const uint8_t *type, size_t length)
{
    return are_sums_ignored || (*type & 0x20) ||
           crc32(type, length + 4) == big(type + 4 + length, 4);
}

static verdict check_png(const uint8_t *bytes, size_t size)
{
    size_t at = 8;
    while (size - at >= 12) {
        const size_t length = big(bytes + at, 4);
        if (length > size - at - 12)
            return CUT_OFF;
        if (!is_chunk_sound(bytes + at + 4, length))
            return CHECKSUM;
        if (memcmp(bytes + at + 4, "IEND", 4) == 0)
            return WHOLE;
        at += length + 12;
    }
    return CUT_OFF;
}

// Where the next marker's own byte is; `size` where there is none. Fill bytes are skipped, and in
// coded data so are stuffed zeros and restarts.
static size_t find_marker(const uint8_t *bytes, size_t size, size_t at, bool is_coded)
{
    for (; at + 1 < size; at++) {
        const uint8_t marker = bytes[at + 1];
        const bool is_data = marker == 0 || (marker >= 0xd0 && marker <= 0xd7);
        if (bytes[at] == 0xff && marker != 0xff && !(is_coded && is_data))
            return at + 1;
    }
    return size;
}

// Huffman tables: 16 counts, then so many symbols. stb_image 2.27 writes beyond its own tables
// where there are more than 256 of them.
static bool are_tables_sound(const uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t symbols = 0;
        for (size_t i = 1; i <= 16 && at + i < size; i++)
            symbols += bytes[at + i];
        if (symbols > 256 || 17 + symbols > size - at)
            return false;
        at += 17 + symbols;
    }
    return true;
}

static verdict check_jpeg(const uint8_t *bytes, size_t size)
{
    enum { HUFFMAN_TABLES = 0xc4, START_OF_SCAN = 0xda, END_OF_IMAGE = 0xd9 };
    int scans = 0;
    bool is_coded = false;
    for (size_t at = 2;;) {
        at = find_marker(bytes, size, at, is_coded);
        if (at >= size)
            return CUT_OFF;
        const uint8_t marker = bytes[at++];
        is_coded = marker == START_OF_SCAN;
        if (marker == END_OF_IMAGE)
            return WHOLE;
        if (marker <= 0x01 || (marker >= 0xd0 && marker <= 0xd8))
            continue;   // these stand alone
        if (is_coded && ++scans > JPEG_SCANS_MAX)
            return ENDLESS;
        if (size - at < 2 || big(bytes + at, 2) < 2 || big(bytes + at, 2) > size - at)
            return CUT_OFF;
        if (marker == HUFFMAN_TABLES && !are_tables_sound(bytes + at + 2, big(bytes + at, 2) - 2))
            return TABLES;
        at += big(bytes + at, 2);
    }
}

static verdict check_bmp(const uint8_t *bytes, size_t size)
{
    if (size < 30)
        return CUT_OFF;
    const bool is_old = little(bytes + 14, 4) == 12;
    const uint64_t width = little(bytes + 18, is_old ? 2 : 4);
    const int32_t signed_height = (int32_t)little(bytes + (is_old ? 20 : 22), is_old ? 2 : 4);
    const uint64_t height = (uint64_t)llabs((long long)signed_height);
    const uint64_t bits = little(bytes + (is_old ? 24 : 28), 2);
    // The last row's padding may be missing.
    const uint64_t row = (width * bits + 31) / 32 * 4, last = (width * bits + 7) / 8;
    const uint64_t offset = little(bytes + 10, 4);
    return height == 0 || offset + (height - 1) * row + last <= size ? WHOLE : CUT_OFF;
}

// Packets of a run-length coded TGA: a count, then one pixel or so many.
static verdict check_packets(const uint8_t *bytes, size_t size, size_t at, uint64_t pixels,
                             size_t pixel_bytes)
{
    for (uint64_t done = 0; done < pixels;) {
        if (at >= size)
            return CUT_OFF;
        const size_t count = (bytes[at] & 127u) + 1;
        const size_t length = (bytes[at] & 128 ? 1 : count) * pixel_bytes;
        if (length > size - at - 1)
            return CUT_OFF;
        at += 1 + length;
        done += count;
    }
    return WHOLE;
}

// The format has no signature.
static bool looks_like_tga(const uint8_t *bytes, size_t size)
{
    static const char depths[] = {8, 15, 16, 24, 32, 0};
    if (size < 18 || bytes[1] > 1 || !bytes[16] || !strchr(depths, bytes[16]))
        return false;
    const int kind = bytes[2] & ~8;
    return bytes[1] ? kind == 1 && bytes[7] && strchr(depths, bytes[7]) : kind == 2 || kind == 3;
}

static verdict check_tga(const uint8_t *bytes, size_t size)
{
    if (!looks_like_tga(bytes, size))
        return UNKNOWN;
    const size_t palette = bytes[1] ? little(bytes + 5, 2) * ((bytes[7] + 7u) / 8) : 0;
    const size_t skipped = bytes[1] ? little(bytes + 3, 2) : 0;   // stb_image counts it in bytes
    const size_t at = 18 + bytes[0] + skipped + palette, pixel_bytes = (bytes[16] + 7u) / 8;
    const uint64_t pixels = (uint64_t)little(bytes + 12, 2) * little(bytes + 14, 2);
    if (bytes[2] >= 8)
        return check_packets(bytes, size, at, pixels, pixel_bytes);
    return at + pixels * pixel_bytes <= size ? WHOLE : CUT_OFF;
}

nca_status nca_image_check(const uint8_t *bytes, size_t size_bytes, const char *name,
                           nca_error *error)
{
    verdict found;
    if (size_bytes >= 8 && memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) == 0)
        found = check_png(bytes, size_bytes);
    else if (size_bytes >= 2 && bytes[0] == 0xff && bytes[1] == 0xd8)
        found = check_jpeg(bytes, size_bytes);
    else if (size_bytes >= 2 && memcmp(bytes, "BM", 2) == 0)
        found = check_bmp(bytes, size_bytes);
    else
        found = check_tga(bytes, size_bytes);
    if (found == WHOLE)
        return NCA_OK;
    return nca_fail(error, NCA_FORMAT, "%s: %s", name, words[found]);
}
