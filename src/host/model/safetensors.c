// Reads and checks safetensors files.
//
//   8 bytes   N, the length of the header, little endian
//   N bytes   JSON: {"name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, ...,
//             "__metadata__": {"key": "value", ...}}, padded with spaces
//   the rest  the data; offsets count from its first byte, without gaps or overlaps
//
// Source: github.com/huggingface/safetensors, the format's own description.
#include "model/safetensors.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "model/tensors_checksum.h"

// The format allows a header of 100 MB; a JSON of that size could be made to fill gigabytes.
enum { LENGTH_BYTES = 8, HEADER_LIMIT_BYTES = 4 << 20 };
enum { SHAPE_BYTES = 24 * NCA_TENSOR_AXES_MAX };

const nca_dtype_row nca_dtypes[NCA_DTYPE_COUNT] = {
#define NCA_DTYPE_ROW(name, text, bytes) {text, bytes},
    NCA_DTYPES(NCA_DTYPE_ROW)
#undef NCA_DTYPE_ROW
};

// What is being read: the file's name for messages, and its data.
typedef struct tensor_reader {
    const char *path;
    const uint8_t *data;
    uint64_t data_bytes;
    nca_error *error;
} tensor_reader;

static nca_status refuse(const tensor_reader *reader, const char *name, const char *why)
{
    return nca_fail(reader->error, NCA_FORMAT,
                    "%s: tensor \"%.60s\": %s; the file is damaged: put a whole copy in its place",
                    reader->path, name, why);
}

static nca_status read_dtype(const tensor_reader *reader, const json_t *entry, nca_tensor *tensor)
{
    const char *text = json_string_value(json_object_get(entry, "dtype"));
    if (!text || !*text)
        return refuse(reader, tensor->name, "has no dtype");
    tensor->dtype_name = text;
    tensor->dtype = NCA_OTHER;
    for (int i = 0; i < NCA_OTHER; i++)
        if (strcmp(text, nca_dtypes[i].name) == 0)
            tensor->dtype = (nca_dtype)i;
    return NCA_OK;
}

static nca_status read_shape(const tensor_reader *reader, const json_t *entry, nca_tensor *tensor)
{
    const json_t *shape = json_object_get(entry, "shape");
    if (!json_is_array(shape) || json_array_size(shape) > NCA_TENSOR_AXES_MAX)
        return refuse(reader, tensor->name, "has no shape of up to 8 axes");
    tensor->axes = (int)json_array_size(shape);
    uint64_t elements = 1;
    for (int i = 0; i < tensor->axes; i++) {
        const json_t *size = json_array_get(shape, (size_t)i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return refuse(reader, tensor->name, "has a shape that is not of whole numbers");
        tensor->shape[i] = (uint64_t)json_integer_value(size);
        if (__builtin_mul_overflow(elements, tensor->shape[i], &elements))
            return refuse(reader, tensor->name, "has a shape too large for any memory");
    }
    tensor->elements = elements;
    if (__builtin_mul_overflow(elements, nca_dtypes[tensor->dtype].bytes, &tensor->size_bytes))
        return refuse(reader, tensor->name, "has a shape too large for any memory");
    return NCA_OK;
}

static nca_status read_offsets(const tensor_reader *reader, const json_t *entry, nca_tensor *tensor)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last) ||
        json_integer_value(first) < 0 || json_integer_value(last) < json_integer_value(first))
        return refuse(reader, tensor->name, "has no pair of data offsets");
    const uint64_t begin = (uint64_t)json_integer_value(first);
    const uint64_t end = (uint64_t)json_integer_value(last);
    if (end > reader->data_bytes)
        return refuse(reader, tensor->name, "lies beyond the end of the file");
    if (tensor->dtype == NCA_OTHER)
        tensor->size_bytes = end - begin;
    if (end - begin != tensor->size_bytes)
        return refuse(reader, tensor->name, "has more or fewer bytes than its shape");
    tensor->data = reader->data + begin;
    return NCA_OK;
}

static int compare_places(const void *a, const void *b)
{
    const nca_tensor *x = a, *y = b;
    if (x->data != y->data)
        return x->data < y->data ? -1 : 1;
    return (x->size_bytes > y->size_bytes) - (x->size_bytes < y->size_bytes);
}

// Tensors lie one after the other, from the first byte to the last. Sorts them by place.
static nca_status check_places(const tensor_reader *reader, nca_tensors *tensors)
{
    const uint8_t *end = reader->data;
    if (tensors->count > 0)
        qsort(tensors->tensor, tensors->count, sizeof *tensors->tensor, compare_places);
    for (size_t i = 0; i < tensors->count; i++) {
        if ((const uint8_t *)tensors->tensor[i].data != end)
            return refuse(reader, tensors->tensor[i].name, "overlaps another or leaves a gap");
        end += tensors->tensor[i].size_bytes;
    }
    if (end != reader->data + reader->data_bytes)
        return nca_fail(reader->error, NCA_FORMAT,
                        "%s: bytes after the last tensor; put a whole copy in its place",
                        reader->path);
    return NCA_OK;
}

// Data of 8-byte elements behind a header of any length: copied where it is not aligned.
static nca_status align_data(const tensor_reader *reader, nca_tensors *tensors)
{
    bool aligned = true;
    size_t total = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const nca_tensor *tensor = &tensors->tensor[i];
        const size_t element = nca_dtypes[tensor->dtype].bytes;
        aligned &= element == 0 || (uintptr_t)tensor->data % element == 0;
        total += (tensor->size_bytes + 7) / 8 * 8;
    }
    if (aligned)
        return NCA_OK;
    uint8_t *copy = malloc(total);
    if (!copy)
        return nca_fail(reader->error, NCA_MEMORY, "%s: no memory for its %zu bytes", reader->path,
                        total);
    tensors->memory[1] = copy;
    for (size_t i = 0; i < tensors->count; i++) {
        nca_tensor *tensor = &tensors->tensor[i];
        if (tensor->size_bytes > 0)
            memcpy(copy, tensor->data, tensor->size_bytes);
        tensor->data = copy;
        copy += (tensor->size_bytes + 7) / 8 * 8;
    }
    return NCA_OK;
}

static nca_status read_metadata(const tensor_reader *reader, json_t *entry, nca_tensors *out)
{
    const char *key;
    json_t *value;
    if (json_is_null(entry))   // some programs write it for none
        return NCA_OK;
    if (!json_is_object(entry))
        return nca_fail(reader->error, NCA_FORMAT,
                        "%s: its metadata is no object; put a whole copy in its place",
                        reader->path);
    out->metadata = calloc(json_object_size(entry) + 1, sizeof *out->metadata);
    if (!out->metadata)
        return nca_fail(reader->error, NCA_MEMORY, "%s: no memory for its metadata", reader->path);
    json_object_foreach(entry, key, value)
    {
        if (!json_is_string(value))
            return nca_fail(reader->error, NCA_FORMAT,
                            "%s: metadata \"%.60s\" is no string; put a whole copy in its place",
                            reader->path, key);
        out->metadata[out->metadata_count++] = (nca_metadata){key, json_string_value(value)};
    }
    return NCA_OK;
}

static nca_status read_entries(const tensor_reader *reader, json_t *header, nca_tensors *out)
{
    const char *name;
    json_t *entry;
    out->tensor = calloc(json_object_size(header) + 1, sizeof *out->tensor);
    if (!out->tensor)
        return nca_fail(reader->error, NCA_MEMORY, "%s: no memory for its list of tensors",
                        reader->path);
    json_object_foreach(header, name, entry)
    {
        if (strcmp(name, "__metadata__") == 0) {
            NCA_TRY(read_metadata(reader, entry, out));
            continue;
        }
        nca_tensor *tensor = &out->tensor[out->count++];
        tensor->name = name;
        NCA_TRY(read_dtype(reader, entry, tensor));
        NCA_TRY(read_shape(reader, entry, tensor));
        NCA_TRY(read_offsets(reader, entry, tensor));
    }
    return check_places(reader, out);
}

static uint64_t read_length(const uint8_t *bytes)
{
    uint64_t length = 0;
    for (int i = 0; i < LENGTH_BYTES; i++)
        length |= (uint64_t)bytes[i] << (8 * i);
    return length;
}

// Whether a file of so many bytes can begin with this length.
static nca_status check_length(uint64_t length, uint64_t size_bytes, const char *name,
                               nca_error *error)
{
    if (size_bytes < LENGTH_BYTES || length < 2 || length > size_bytes - LENGTH_BYTES)
        return nca_fail(error, NCA_FORMAT,
                        "%s: not a whole safetensors file; put a whole copy in its place", name);
    if (length > HEADER_LIMIT_BYTES)
        return nca_fail(error, NCA_FORMAT,
                        "%s: not a safetensors file of this program: its header would be %llu "
                        "bytes",
                        name, (unsigned long long)length);
    return NCA_OK;
}

// Everything the header says, checked against the size of the data; the data is not looked at.
static nca_status parse_header(const tensor_reader *reader, const uint8_t *text, size_t length,
                               nca_tensors *out)
{
    json_t *header = json_loadb((const char *)text, length, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(header)) {
        json_decref(header);
        return nca_fail(
            reader->error, NCA_FORMAT,
            "%s: not a safetensors file: its header is no JSON object; put a whole copy in its "
            "place",
            reader->path);
    }
    out->memory[0] = header;
    return read_entries(reader, header, out);
}

nca_status nca_tensors_parse(const uint8_t *bytes, size_t size_bytes, const char *name,
                             nca_tensors *out, nca_error *error)
{
    const uint64_t length = size_bytes < LENGTH_BYTES ? 0 : read_length(bytes);
    NCA_TRY(check_length(length, size_bytes, name, error));
    const tensor_reader reader = {.path = name,
                                  .data = bytes + LENGTH_BYTES + length,
                                  .data_bytes = size_bytes - LENGTH_BYTES - length,
                                  .error = error};
    nca_tensors tensors = {.name = name};
    nca_status status;
    NCA_GO(parse_header(&reader, bytes + LENGTH_BYTES, (size_t)length, &tensors));
    NCA_GO(nca_tensors_check(&tensors, bytes, size_bytes - (size_t)reader.data_bytes, reader.data,
                             (size_t)reader.data_bytes, error));
    NCA_GO(align_data(&reader, &tensors));
    *out = tensors;
    return NCA_OK;
cleanup:
    nca_tensors_free(&tensors);
    return status;
}

// The header is judged before the data is read: what cannot be right costs no memory.
static nca_status read_input(const nca_input *input, nca_tensors *tensors, nca_error *error)
{
    uint8_t first[LENGTH_BYTES] = {0};
    if (input->size_bytes >= LENGTH_BYTES)
        NCA_TRY(nca_input_read(input, 0, first, LENGTH_BYTES, error));
    const uint64_t length = read_length(first);
    NCA_TRY(check_length(length, input->size_bytes, input->path, error));
    const uint64_t data_bytes = input->size_bytes - LENGTH_BYTES - length;
    NCA_TRY(nca_memory_check(data_bytes, error, "%.200s", input->path));
    uint8_t *data = malloc((size_t)data_bytes + 1), *head = malloc(LENGTH_BYTES + (size_t)length);
    const tensor_reader reader = {
        .path = input->path, .data = data, .data_bytes = data_bytes, .error = error};
    tensors->memory[2] = data;
    nca_status status;
    if (!data || !head)
        NCA_GO(nca_fail(error, NCA_MEMORY, "%s: no memory for its %llu bytes", input->path,
                        (unsigned long long)input->size_bytes));
    NCA_GO(nca_input_read(input, 0, head, LENGTH_BYTES + (size_t)length, error));
    NCA_GO(parse_header(&reader, head + LENGTH_BYTES, (size_t)length, tensors));
    NCA_GO(nca_input_read(input, LENGTH_BYTES + length, data, (size_t)data_bytes, error));
    NCA_GO(nca_tensors_check(tensors, head, LENGTH_BYTES + (size_t)length, data, (size_t)data_bytes,
                             error));
    NCA_GO(align_data(&reader, tensors));
cleanup:
    free(head);
    return status;
}

nca_status nca_tensors_read(const char *path, nca_tensors *out, nca_error *error)
{
    nca_input input = {0};
    nca_tensors tensors = {.name = path};
    NCA_TRY(nca_input_open(path, &input, error));
    const nca_status status = read_input(&input, &tensors, error);
    nca_input_close(&input);
    if (status != NCA_OK)
        nca_tensors_free(&tensors);
    else
        *out = tensors;
    return status;
}

void nca_tensors_free(nca_tensors *tensors)
{
    if (!tensors)
        return;
    json_decref(tensors->memory[0]);
    free(tensors->memory[1]);
    free(tensors->memory[2]);
    free(tensors->tensor);
    free(tensors->metadata);
    *tensors = (nca_tensors){0};
}

const nca_tensor *nca_tensors_find(const nca_tensors *tensors, const char *name)
{
    for (size_t i = 0; i < tensors->count; i++)
        if (strcmp(tensors->tensor[i].name, name) == 0)
            return &tensors->tensor[i];
    return NULL;
}

const char *nca_tensors_metadata(const nca_tensors *tensors, const char *key)
{
    for (size_t i = 0; i < tensors->metadata_count; i++)
        if (strcmp(tensors->metadata[i].key, key) == 0)
            return tensors->metadata[i].value;
    return NULL;
}

bool nca_dtype_is_float(nca_dtype dtype)
{
    return dtype == NCA_F16 || dtype == NCA_BF16 || dtype == NCA_F32 || dtype == NCA_F64;
}

// "[16,128]"; a negative size is any, "*".
static const char *print_shape(const int64_t *shape, int axes, char text[SHAPE_BYTES])
{
    size_t used = (size_t)snprintf(text, SHAPE_BYTES, "[");
    for (int i = 0; i < axes; i++) {
        const char *comma = i > 0 ? "," : "";
        used += (size_t)(shape[i] < 0 ? snprintf(text + used, SHAPE_BYTES - used, "%s*", comma)
                                      : snprintf(text + used, SHAPE_BYTES - used, "%s%lld", comma,
                                                 (long long)shape[i]));
    }
    snprintf(text + used, SHAPE_BYTES - used, "]");
    return text;
}

static nca_status fail_unfit(const nca_tensors *tensors, const nca_tensor *tensor, nca_dtype dtype,
                             int axes, const int64_t *shape, nca_error *error)
{
    char found[SHAPE_BYTES], needed[SHAPE_BYTES];
    int64_t sizes[NCA_TENSOR_AXES_MAX];
    for (int i = 0; i < tensor->axes; i++)
        sizes[i] = (int64_t)tensor->shape[i];
    return nca_fail(
        error, NCA_FORMAT, "%s: tensor \"%s\" is %.20s %s; it must be %s %s: is it the right file?",
        tensors->name, tensor->name, tensor->dtype_name, print_shape(sizes, tensor->axes, found),
        dtype == NCA_ANY_FLOAT ? "F32 (or F16, BF16, F64)" : nca_dtypes[dtype].name,
        print_shape(shape, axes, needed));
}

nca_status nca_tensors_require(const nca_tensors *tensors, const char *name, nca_dtype dtype,
                               int axes, const int64_t *shape, const nca_tensor **out,
                               nca_error *error)
{
    const nca_tensor *tensor = nca_tensors_find(tensors, name);
    if (!tensor)
        return nca_fail(error, NCA_FORMAT, "%s: has no tensor \"%s\"; is it the right file?",
                        tensors->name, name);
    bool fits = dtype == NCA_ANY_FLOAT ? nca_dtype_is_float(tensor->dtype) : tensor->dtype == dtype;
    fits &= tensor->axes == axes;
    for (int i = 0; fits && i < axes; i++)
        fits = shape[i] < 0 || tensor->shape[i] == (uint64_t)shape[i];
    if (!fits)
        return fail_unfit(tensors, tensor, dtype, axes, shape, error);
    *out = tensor;
    return NCA_OK;
}
