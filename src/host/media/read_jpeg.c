// A JPEG's segments, looked through before stb_image decodes them: it fills up what is missing from
// a file that was cut off, decodes what names tables that are not there, follows all scans that a
// file claims, and knows only some of the ways to code.
//
//   segments: ff, marker, length, data; after SOS coded data up to a marker; EOI ends it
//
// Source: ITU-T T.81, annexes B and K.
#include <stdlib.h>
#include <string.h>

#include "media/jpeg_tables.h"
#include "media/stored.h"

enum {
    // Encoders write a dozen scans; each one costs a pass over the whole picture.
    SCANS_MAX = 200,
    COMPONENTS_MAX = 4,
    TABLES_MAX = 4,
    STANDARD_TABLES = 2,   // of either class
};

// The bytes behind ff.
enum marker {
    BASELINE = 0xc0,
    PROGRESSIVE = 0xc2,
    HUFFMAN_TABLES = 0xc4,
    ARITHMETIC_TABLES = 0xcc,
    START_OF_IMAGE = 0xd8,
    END_OF_IMAGE = 0xd9,
    START_OF_SCAN = 0xda,
    QUANTIZERS = 0xdb,
    EXIF = 0xe1,
    ADOBE = 0xee,
    START_OF_LS_FRAME = 0xf7,
};

typedef struct component {
    uint8_t id, horizontal, vertical, quantizer;
    bool is_scanned;
} component;

// What was found so far.
typedef struct jpeg {
    const uint8_t *bytes;
    size_t size;
    const char *name;
    nca_error *error;
    uint8_t frame;   // its marker; 0 before it
    int components, scans, transform;
    component component[COMPONENTS_MAX];
    bool has_quantizer[TABLES_MAX], has_table[2][TABLES_MAX];   // by class: DC, AC
    bool needs_standard_tables;
} jpeg;

static nca_status refuse(const jpeg *image, const char *why)
{
    return nca_fail(image->error, NCA_FORMAT, "%s: %s", image->name, why);
}

static nca_status refuse_tables(const jpeg *image)
{
    return refuse(image, "a JPEG whose tables are wrong: damaged; get it again");
}

static nca_status refuse_kind(const jpeg *image, const char *kind)
{
    return nca_fail(image->error, NCA_FORMAT,
                    "%s: unsupported: %s; save it as an ordinary JPEG or as PNG", image->name,
                    kind);
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

// Huffman tables: class and number, 16 counts, then so many symbols. stb_image 2.27 writes beyond
// its own tables where there are more than 256 of them.
static nca_status read_huffman_tables(jpeg *image, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        size_t symbols = 0;
        for (size_t i = 1; i <= 16 && at + i < size; i++)
            symbols += data[at + i];
        if (symbols > 256 || 17 + symbols > size - at)
            return refuse_tables(image);
        if (data[at] >> 4 < 2 && (data[at] & 15) < TABLES_MAX)
            image->has_table[data[at] >> 4][data[at] & 15] = true;
        at += 17 + symbols;
    }
    return NCA_OK;
}

static nca_status read_quantizers(jpeg *image, const uint8_t *data, size_t size)
{
    for (size_t at = 0; at < size;) {
        const size_t length = data[at] >> 4 ? 129 : 65;
        if (length > size - at)
            return refuse_tables(image);
        if ((data[at] & 15) < TABLES_MAX)
            image->has_quantizer[data[at] & 15] = true;
        at += length;
    }
    return NCA_OK;
}

static const char *describe_frame(uint8_t marker)
{
    switch (marker) {
    case 0xc3:
        return "lossless JPEG";
    case 0xc5:
    case 0xc6:
    case 0xc7:
    case 0xde:
        return "hierarchical JPEG";
    case 0xc9:
    case 0xca:
    case ARITHMETIC_TABLES:
        return "arithmetic-coded JPEG";
    case 0xcb:
        return "arithmetic-coded lossless JPEG";
    case 0xcd:
    case 0xce:
    case 0xcf:
        return "arithmetic-coded hierarchical JPEG";
    case START_OF_LS_FRAME:
        return "JPEG-LS";
    default:
        return NULL;
    }
}

// stb_image enlarges colours by whole factors.
static bool has_whole_factors(const jpeg *image)
{
    int horizontal = 1, vertical = 1;
    bool is_whole = true;
    for (int i = 0; i < image->components; i++) {
        const component *one = &image->component[i];
        is_whole &= one->horizontal > 0 && one->vertical > 0;
        horizontal = one->horizontal > horizontal ? one->horizontal : horizontal;
        vertical = one->vertical > vertical ? one->vertical : vertical;
    }
    for (int i = 0; is_whole && i < image->components; i++)
        is_whole = horizontal % image->component[i].horizontal == 0 &&
                   vertical % image->component[i].vertical == 0;
    return is_whole;
}

static nca_status read_frame(jpeg *image, uint8_t marker, const uint8_t *data, size_t size)
{
    if (image->frame)
        return refuse_kind(image, "JPEG of several frames");
    if (size < 6 || size < 6 + 3 * (size_t)data[5])
        return nca_verdict_say(NCA_DAMAGED, image->name, image->error);
    if (data[0] != 8)
        return nca_fail(image->error, NCA_FORMAT,
                        "%s: unsupported: JPEG of %d bits a sample; save it with 8, or as PNG",
                        image->name, data[0]);
    if (nca_big(data + 1, 2) == 0)
        return refuse_kind(image, "JPEG whose height comes after its pixels (DNL)");
    image->frame = marker;
    image->components = data[5];
    if (image->components != 1 && image->components != 3 && image->components != 4)
        return nca_fail(image->error, NCA_FORMAT,
                        "%s: unsupported: JPEG of %d components; save it as RGB or grey",
                        image->name, image->components);
    for (int i = 0; i < image->components; i++) {
        const uint8_t *one = data + 6 + 3 * i;
        image->component[i] = (component){
            .id = one[0], .horizontal = one[1] >> 4, .vertical = one[1] & 15, .quantizer = one[2]};
    }
    if (!has_whole_factors(image))
        return refuse_kind(image, "JPEG whose colours are stored at no whole fraction of its size");
    return NCA_OK;
}

// One component of a scan, whose tables `tables` names.
static nca_status check_tables(jpeg *image, component *one, uint8_t tables, const uint8_t *spectrum)
{
    const bool is_progressive = image->frame == PROGRESSIVE;
    const int number[2] = {tables >> 4, tables & 15};
    // A progressive scan is of the constant part, or of the others; what refines the first needs no
    // table.
    const bool is_needed[2] = {!is_progressive || (spectrum[0] == 0 && spectrum[2] >> 4 == 0),
                               !is_progressive || spectrum[0] > 0};
    if (one->quantizer >= TABLES_MAX || !image->has_quantizer[one->quantizer])
        return refuse(image, "a JPEG that names a quantisation table which it does not bring: "
                             "damaged; get it again");
    for (int class = 0; class < 2; class ++) {
        if (!is_needed[class] ||
            (number[class] < TABLES_MAX && image->has_table[class][number[class]]))
            continue;
        if (number[class] >= STANDARD_TABLES)
            return refuse(image, "a JPEG that names a Huffman table which it does not bring: "
                                 "damaged; get it again");
        image->needs_standard_tables = true;
    }
    one->is_scanned = true;
    return NCA_OK;
}

static nca_status read_scan(jpeg *image, const uint8_t *data, size_t size)
{
    const int count = size > 0 ? data[0] : 0;
    if (!image->frame || count < 1 || count > image->components || size < 4 + 2 * (size_t)count)
        return nca_verdict_say(NCA_DAMAGED, image->name, image->error);
    if (++image->scans > SCANS_MAX)
        return refuse(image, "a JPEG of more scans than any program writes; save it again without "
                             "them");
    for (int i = 0; i < count; i++) {
        component *one = NULL;
        for (int k = 0; k < image->components && !one; k++)
            if (image->component[k].id == data[1 + 2 * i])
                one = &image->component[k];
        if (!one)
            return nca_verdict_say(NCA_DAMAGED, image->name, image->error);
        NCA_TRY(check_tables(image, one, data[2 + 2 * i], data + 1 + 2 * count));
    }
    return NCA_OK;
}

static bool is_segment_of(const uint8_t *data, size_t size, const char *name, size_t least)
{
    return size >= least && memcmp(data, name, strlen(name) + 1) == 0;
}

static nca_status read_segment(jpeg *image, uint8_t marker, const uint8_t *data, size_t size)
{
    const char *unsupported = describe_frame(marker);
    if (unsupported)
        return refuse_kind(image, unsupported);
    switch (marker) {
    case BASELINE:
    case BASELINE + 1:
    case PROGRESSIVE:
        return read_frame(image, marker, data, size);
    case HUFFMAN_TABLES:
        return read_huffman_tables(image, data, size);
    case QUANTIZERS:
        return read_quantizers(image, data, size);
    case START_OF_SCAN:
        return read_scan(image, data, size);
    case ADOBE:
        if (is_segment_of(data, size, "Adobe", 12))
            image->transform = data[11];
        return NCA_OK;
    default:
        return NCA_OK;
    }
}

// Colours that come only in part would be left grey. Four components are inverted CMYK, or YCCK
// where Adobe's segment says so.
static nca_status check_whole(const jpeg *image)
{
    bool is_whole = image->scans > 0;
    for (int i = 0; i < image->components; i++)
        is_whole &= image->component[i].is_scanned;
    if (!is_whole)
        return nca_verdict_say(NCA_CUT_OFF, image->name, image->error);
    if (image->components == 4 && image->transform == 1)
        return refuse_kind(image,
                           "JPEG of four components that says they are three (Adobe transform 1)");
    return NCA_OK;
}

static nca_status check_segments(jpeg *image)
{
    bool is_coded = false;
    for (size_t at = 2;;) {
        at = find_marker(image->bytes, image->size, at, is_coded);
        if (at >= image->size)
            return nca_verdict_say(NCA_CUT_OFF, image->name, image->error);
        const uint8_t marker = image->bytes[at++];
        is_coded = marker == START_OF_SCAN;
        if (marker == END_OF_IMAGE)
            return check_whole(image);
        if (marker <= 0x01 || (marker >= 0xd0 && marker <= START_OF_IMAGE))
            continue;   // these stand alone
        const size_t left = image->size - at;
        const size_t length = left < 2 ? 0 : nca_big(image->bytes + at, 2);
        if (length < 2 || length > left)
            return nca_verdict_say(NCA_CUT_OFF, image->name, image->error);
        NCA_TRY(read_segment(image, marker, image->bytes + at + 2, length - 2));
        at += length;
    }
}

int nca_jpeg_orientation(const uint8_t *bytes, size_t size)
{
    if (size < 2 || bytes[0] != 0xff || bytes[1] != START_OF_IMAGE)
        return 1;
    for (size_t at = 2; size - at >= 4 && bytes[at] == 0xff;) {
        const uint8_t marker = bytes[at + 1];
        const size_t length = nca_big(bytes + at + 2, 2);
        if (marker == 0xff) {   // a fill byte
            at++;
            continue;
        }
        if (marker == START_OF_SCAN || length < 2 || length > size - at - 2)
            break;
        const uint8_t *data = bytes + at + 4;
        if (marker == EXIF && is_segment_of(data, length - 2, "Exif", 6)) {
            const int found = nca_exif_orientation(data, length - 2);
            if (found)
                return found;
        }
        at += 2 + length;
    }
    return 1;
}

// Puts in front what the file leaves to be understood: webcams send the standard's tables with no
// frame, and four components without Adobe's segment are CMYK, which stb_image takes for YCbCr.
static nca_status read_completed(const jpeg *image, nca_stored *out, nca_error *error)
{
    static const uint8_t cmyk[] = {0xff, ADOBE, 0,   14, 'A', 'd', 'o', 'b',
                                   'e',  0,     100, 0,  0,   0,   0,   0};
    const size_t first = image->components == 4 && image->transform < 0 ? sizeof cmyk : 0;
    const size_t second = image->needs_standard_tables ? sizeof nca_jpeg_tables : 0;
    uint8_t *copy = malloc(image->size + first + second);
    if (!copy)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its %zu bytes", image->name,
                        image->size);
    memcpy(copy, image->bytes, 2);
    memcpy(copy + 2, cmyk, first);
    memcpy(copy + 2 + first, nca_jpeg_tables, second);
    memcpy(copy + 2 + first + second, image->bytes + 2, image->size - 2);
    const nca_picture_file completed = {
        .bytes = copy, .size = image->size + first + second, .name = image->name};
    const nca_status status = nca_stb_read(&completed, out, error);
    free(copy);
    return status;
}

nca_status nca_jpeg_read(const nca_picture_file *file, nca_stored *out, nca_error *error)
{
    jpeg image = {.bytes = file->bytes,
                  .size = file->size,
                  .name = file->name,
                  .error = error,
                  .transform = -1};
    NCA_TRY(check_segments(&image));
    NCA_TRY(read_completed(&image, out, error));
    out->orientation = nca_jpeg_orientation(file->bytes, file->size);
    return NCA_OK;
}
