// A still WebP by libwebp: lossy or lossless, with or without alpha, turned as its Exif chunk says.
//
//   "RIFF", size, "WEBP", then chunks: name, size, data up to an even byte
//
// Source: developers.google.com/speed/webp/docs/riff_container.
#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>

#include "media/stored.h"

enum { RIFF_BYTES = 8, FIRST_CHUNK = 12 };

static int find_orientation(const nca_picture_file *file, size_t end)
{
    for (size_t at = FIRST_CHUNK; end - at >= RIFF_BYTES;) {
        const size_t length = nca_little(file->bytes + at + 4, 4);
        if (length > end - at - RIFF_BYTES)
            break;
        if (memcmp(file->bytes + at, "EXIF", 4) == 0)
            return nca_exif_orientation(file->bytes + at + RIFF_BYTES, length);
        at += RIFF_BYTES + length + length % 2;
        if (at > end)
            break;
    }
    return 0;
}

nca_status nca_webp_read(const nca_picture_file *file, nca_stored *out, nca_error *error)
{
    const uint64_t end = RIFF_BYTES + (uint64_t)nca_little(file->bytes + 4, 4);
    WebPBitstreamFeatures about;
    nca_stored found;
    if (end > file->size)
        return nca_verdict_say(NCA_CUT_OFF, file->name, error);
    if (WebPGetFeatures(file->bytes, (size_t)end, &about) != VP8_STATUS_OK)
        return nca_verdict_say(NCA_DAMAGED, file->name, error);
    if (about.has_animation)
        return nca_fail(error, NCA_FORMAT,
                        "%s: an animated WebP, of which any frame may be meant; save the one that "
                        "is to be grown as PNG",
                        file->name);
    NCA_TRY(nca_stored_create(file->name, (uint64_t)about.width, (uint64_t)about.height, &found,
                              error));
    const size_t row_bytes = (size_t)found.width * 4;
    if (!WebPDecodeRGBAInto(file->bytes, (size_t)end, found.pixels,
                            row_bytes * (size_t)found.height, (int)row_bytes)) {
        free(found.pixels);
        return nca_verdict_say(NCA_DAMAGED, file->name, error);
    }
    const int orientation = find_orientation(file, (size_t)end);
    found.orientation = orientation > 0 ? orientation : 1;
    *out = found;
    return NCA_OK;
}
