// Writes safetensors files; the format stands in safetensors.c.
#include "model/safetensors.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/checksum.h"
#include "base/files.h"
#include "model/tensors_checksum.h"
#include "nca/nca.h"

enum { LENGTH_BYTES = 8, ALIGN_BYTES = 8 };

static size_t bytes_of(const nca_tensor *tensor)
{
    size_t bytes = nca_dtypes[tensor->dtype].bytes;
    for (int i = 0; i < tensor->axes; i++)
        bytes *= (size_t)tensor->shape[i];
    return bytes;
}

static json_t *describe(const nca_tensor *tensor, size_t offset)
{
    json_t *shape = json_array();
    bool is_whole = true;
    for (int i = 0; i < tensor->axes; i++)
        is_whole &= json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i])) == 0;
    if (!is_whole) {
        json_decref(shape);
        return NULL;
    }
    return json_pack("{s:s, s:o, s:[I,I]}", "dtype", nca_dtypes[tensor->dtype].name, "shape", shape,
                     "data_offsets", (json_int_t)offset, (json_int_t)(offset + bytes_of(tensor)));
}

// The caller's texts, and what every file of this program says of itself, the checksum still zero.
static json_t *describe_texts(const nca_metadata *metadata, size_t count)
{
    static const nca_metadata own[] = {
        {"format_version", NCA_TENSORS_VERSION},
        {"program", "nca " NCA_VERSION},
        {NCA_TENSORS_CHECKSUM, NCA_TENSORS_CHECKSUM_KIND "0000000000000000"}};
    json_t *texts = json_object();
    bool is_whole = true;
    for (size_t i = 0; i < count; i++)
        is_whole &=
            json_object_set_new(texts, metadata[i].key, json_string(metadata[i].value)) == 0;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        is_whole &= json_object_set_new(texts, own[i].key, json_string(own[i].value)) == 0;
    if (is_whole)
        return texts;
    json_decref(texts);
    return NULL;
}

// The header as JSON; NULL without memory, or where a name or text is not UTF-8.
static json_t *describe_all(const nca_tensor *tensor, size_t count, const nca_metadata *metadata,
                            size_t metadata_count)
{
    json_t *header = json_object();
    size_t offset = 0;
    bool is_whole =
        json_object_set_new(header, "__metadata__", describe_texts(metadata, metadata_count)) == 0;
    for (size_t i = 0; i < count; i++) {
        is_whole &= json_object_set_new(header, tensor[i].name, describe(&tensor[i], offset)) == 0;
        offset += bytes_of(&tensor[i]);
    }
    if (is_whole)
        return header;
    json_decref(header);
    return NULL;
}

// As text, its length a multiple of eight so that the data is aligned.
static char *make_header(const nca_tensor *tensor, size_t count, const nca_metadata *metadata,
                         size_t metadata_count)
{
    json_t *header = describe_all(tensor, count, metadata, metadata_count);
    char *text = header ? json_dumps(header, JSON_COMPACT) : NULL;
    json_decref(header);
    if (!text)
        return NULL;
    const size_t length = strlen(text);
    const size_t padded = (length + ALIGN_BYTES - 1) / ALIGN_BYTES * ALIGN_BYTES;
    char *grown = realloc(text, padded + 1);
    if (!grown) {
        free(text);
        return NULL;
    }
    memset(grown + length, ' ', padded - length);
    grown[padded] = 0;
    return grown;
}

static void write_length(uint64_t length, uint8_t bytes[LENGTH_BYTES])
{
    for (int i = 0; i < LENGTH_BYTES; i++)
        bytes[i] = (uint8_t)(length >> (8 * i));
}

// The checksum of the whole file goes into the place that the header keeps for it.
static bool put_checksum(char *header, const nca_tensor *tensor, size_t count)
{
    const size_t length = strlen(header);
    char *place = nca_tensors_checksum_place(header, length), digits[NCA_CHECKSUM_BYTES];
    nca_bytes *pieces = malloc((count + 2) * sizeof *pieces);
    uint8_t first[LENGTH_BYTES];
    if (place && pieces) {
        write_length(length, first);
        pieces[0] = (nca_bytes){first, sizeof first};
        pieces[1] = (nca_bytes){header, length};
        for (size_t i = 0; i < count; i++)
            pieces[i + 2] = (nca_bytes){tensor[i].data, bytes_of(&tensor[i])};
        nca_checksum(pieces, count + 2, digits);
        memcpy(place, digits, NCA_CHECKSUM_DIGITS);
    }
    free(pieces);
    return place && pieces;
}

static nca_status write_all(nca_output *output, const char *header, const nca_tensor *tensor,
                            size_t count, nca_error *error)
{
    const size_t length = strlen(header);
    uint8_t bytes[LENGTH_BYTES];
    write_length(length, bytes);
    NCA_TRY(nca_output_write(output, bytes, sizeof bytes, error));
    NCA_TRY(nca_output_write(output, header, length, error));
    for (size_t i = 0; i < count; i++)
        NCA_TRY(nca_output_write(output, tensor[i].data, bytes_of(&tensor[i]), error));
    return NCA_OK;
}

nca_status nca_tensors_write(const char *path, const nca_tensor *tensor, size_t count,
                             const nca_metadata *metadata, size_t metadata_count, nca_error *error)
{
    nca_output *output = NULL;
    nca_status status;
    char *header = make_header(tensor, count, metadata, metadata_count);
    if (!header || !put_checksum(header, tensor, count))
        NCA_GO(nca_fail(error, NCA_ARGUMENT,
                        "%s: cannot be written: no memory for its header, or a text in it is not "
                        "UTF-8",
                        path));
    NCA_GO(nca_output_open(path, &output, error));
    NCA_GO(write_all(output, header, tensor, count, error));
    status = nca_output_commit(output, error);
    output = NULL;
cleanup:
    nca_output_abandon(output);
    free(header);
    return status;
}
