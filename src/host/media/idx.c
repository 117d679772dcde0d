// Reads IDX files: the sizes are checked against the bytes that are there.
#include "media/idx.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/files.h"

enum {
    FILE_LIMIT_BYTES = 256 << 20,
    ARRAY_LIMIT_BYTES = 1 << 30,
    PACKED_BYTES_MAX = 1032,   // that one byte of gzip can stand for
    UNSIGNED_BYTES = 8,        // the header's word for the type
    HEADER_BYTES_MAX = 4 + 4 * NCA_IDX_AXES_MAX
};

// The bytes of a file, unpacked as they are taken.
typedef struct source {
    bool is_packed;
    uint64_t bytes_max;   // that it can hold
    z_stream stream;
    const uint8_t *at;   // of a plain file
    size_t left;
} source;

static bool open_source(source *from, const uint8_t *file, size_t file_bytes)
{
    enum { GZIP = 16, LARGEST_WINDOW = 15 };
    *from = (source){.is_packed = file_bytes >= 2 && file[0] == 0x1f && file[1] == 0x8b,
                     .at = file,
                     .left = file_bytes};
    from->bytes_max = file_bytes * (from->is_packed ? PACKED_BYTES_MAX : 1);
    from->stream.next_in = (Bytef *)(uintptr_t)file;
    from->stream.avail_in = (uInt)file_bytes;
    return !from->is_packed || inflateInit2(&from->stream, LARGEST_WINDOW + GZIP) == Z_OK;
}

static void close_source(source *from)
{
    if (from->is_packed)
        inflateEnd(&from->stream);
}

// Whether there were so many bytes.
static bool take(source *from, uint8_t *to, size_t count)
{
    if (from->is_packed) {
        int result = Z_OK;
        from->stream.next_out = to;
        from->stream.avail_out = (uInt)count;
        while (from->stream.avail_out > 0 && result == Z_OK)
            result = inflate(&from->stream, Z_NO_FLUSH);
        return from->stream.avail_out == 0;
    }
    if (count > from->left)
        return false;
    memcpy(to, from->at, count);
    from->at += count;
    from->left -= count;
    return true;
}

// Whether nothing follows, and the checksum of a packed file is right.
static bool is_at_end(source *from)
{
    uint8_t more;
    if (!from->is_packed)
        return from->left == 0;
    from->stream.next_out = &more;
    from->stream.avail_out = 1;
    return inflate(&from->stream, Z_FINISH) == Z_STREAM_END && from->stream.avail_out == 1;
}

static nca_status read_header(source *from, const char *name, int axes, nca_idx *out,
                              nca_error *error)
{
    uint8_t header[HEADER_BYTES_MAX];
    uint64_t product = 1;
    if (!take(from, header, 4 + 4 * (size_t)axes) || header[0] || header[1])
        return nca_fail(error, NCA_FORMAT, "%s: no IDX file; give one as MNIST's", name);
    if (header[2] != UNSIGNED_BYTES || header[3] != axes)
        return nca_fail(error, NCA_FORMAT,
                        "%s: an IDX file of type %d with %d axes; it must be of bytes (8) with %d",
                        name, header[2], header[3], axes);
    for (int i = 0; i < axes; i++) {
        const uint8_t *word = header + 4 + 4 * i;
        out->size[i] = (uint32_t)word[0] << 24 | (uint32_t)word[1] << 16 | (uint32_t)word[2] << 8 |
                       (uint32_t)word[3];
        product = out->size[i] <= ARRAY_LIMIT_BYTES ? product * out->size[i] : UINT64_MAX;
        if (product > ARRAY_LIMIT_BYTES)
            return nca_fail(error, NCA_FORMAT, "%s: its header says more than %d bytes", name,
                            ARRAY_LIMIT_BYTES);
    }
    out->size_bytes = (size_t)product;
    return NCA_OK;
}

static nca_status read_all(source *from, const char *name, int axes, nca_idx *out, nca_error *error)
{
    NCA_TRY(read_header(from, name, axes, out, error));
    const bool can_hold = out->size_bytes <= from->bytes_max;
    out->bytes = can_hold ? malloc(out->size_bytes + 1) : NULL;
    if (can_hold && !out->bytes)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its %zu bytes", name,
                        out->size_bytes);
    if (can_hold && take(from, out->bytes, out->size_bytes) && is_at_end(from))
        return NCA_OK;
    return nca_fail(error, NCA_FORMAT,
                    "%s: does not hold the %zu bytes that its header says; get it anew", name,
                    out->size_bytes);
}

nca_status nca_idx_parse(const uint8_t *file, size_t file_bytes, const char *name, int axes,
                         nca_idx *out, nca_error *error)
{
    source from;
    nca_idx idx = {0};
    if (!open_source(&from, file, file_bytes))
        return nca_fail(error, NCA_MEMORY, "%s: no memory to unpack it", name);
    const nca_status status = read_all(&from, name, axes, &idx, error);
    close_source(&from);
    if (status == NCA_OK)
        *out = idx;
    else
        nca_idx_free(&idx);
    return status;
}

nca_status nca_idx_read(const char *path, int axes, nca_idx *out, nca_error *error)
{
    uint8_t *file;
    size_t file_bytes;
    NCA_TRY(nca_file_read(path, FILE_LIMIT_BYTES, &file, &file_bytes, error));
    const nca_status status = nca_idx_parse(file, file_bytes, path, axes, out, error);
    free(file);
    return status;
}

void nca_idx_free(nca_idx *idx)
{
    free(idx->bytes);
    *idx = (nca_idx){0};
}
