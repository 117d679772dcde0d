// safetensors: named arrays and string metadata in one file (github.com/huggingface/safetensors).
#ifndef NCA_MODEL_SAFETENSORS_H
#define NCA_MODEL_SAFETENSORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"

enum { NCA_TENSOR_AXES_MAX = 8 };

// X(enum, name in the file, bytes of an element)
// clang-format off
#define NCA_DTYPES(X)                                                                             \
    X(NCA_BOOL, "BOOL", 1) X(NCA_U8, "U8", 1) X(NCA_I8, "I8", 1)                                  \
    X(NCA_U16, "U16", 2) X(NCA_I16, "I16", 2) X(NCA_U32, "U32", 4) X(NCA_I32, "I32", 4)           \
    X(NCA_U64, "U64", 8) X(NCA_I64, "I64", 8)                                                     \
    X(NCA_F16, "F16", 2) X(NCA_BF16, "BF16", 2) X(NCA_F32, "F32", 4) X(NCA_F64, "F64", 8)         \
    X(NCA_OTHER, "", 0)
// clang-format on
// NCA_OTHER is any that is not in the list; its size is what the file says.

typedef enum nca_dtype {
#define NCA_DTYPE_ENUM(name, text, bytes) name,
    NCA_DTYPES(NCA_DTYPE_ENUM)
#undef NCA_DTYPE_ENUM
        NCA_DTYPE_COUNT,
    NCA_ANY_FLOAT,   // where one is asked for: F16, BF16, F32 or F64
} nca_dtype;

typedef struct nca_dtype_row {
    const char *name;   // in the file
    size_t bytes;       // of an element
} nca_dtype_row;
extern const nca_dtype_row nca_dtypes[NCA_DTYPE_COUNT];   // by nca_dtype

typedef struct nca_tensor {
    const char *name;
    nca_dtype dtype;
    const char *dtype_name;   // as the file has it
    int axes;
    uint64_t shape[NCA_TENSOR_AXES_MAX];
    const void *data;   // little endian, row major, aligned to its element
    size_t elements;
    size_t size_bytes;
} nca_tensor;

typedef struct nca_metadata {
    const char *key;
    const char *value;
} nca_metadata;

// What a file holds; owns everything it points to but its name.
typedef struct nca_tensors {
    const char *name;   // the file's, for messages; the caller's
    size_t count;
    nca_tensor *tensor;
    size_t metadata_count;
    nca_metadata *metadata;
    void *memory[3];   // private
} nca_tensors;

// Reads and checks everything: header length, JSON, names, dtypes, shapes, overlapping or leaking
// offsets, file size. The message begins with `path`. Headers above 4 MiB, and files that would not
// fit in memory, are refused before their data is read.
nca_status nca_tensors_read(const char *path, nca_tensors *out, nca_error *error);
nca_status nca_tensors_parse(const uint8_t *bytes, size_t size_bytes, const char *name,
                             nca_tensors *out, nca_error *error);
void nca_tensors_free(nca_tensors *tensors);

// The tensor or metadata value of a name; NULL where there is none.
const nca_tensor *nca_tensors_find(const nca_tensors *tensors, const char *name);
const char *nca_tensors_metadata(const nca_tensors *tensors, const char *key);
// The tensor of a name, with this dtype and shape [axes], or a message that says what was found and
// what is needed. A negative size fits any.
nca_status nca_tensors_require(const nca_tensors *tensors, const char *name, nca_dtype dtype,
                               int axes, const int64_t *shape, const nca_tensor **out,
                               nca_error *error);

// The elements of a tensor of F16, BF16, F32 or F64 as floats; what is beyond them becomes
// infinite.
//   to   [elements] out
void nca_tensor_to_floats(const nca_tensor *tensor, float *to);
bool nca_dtype_is_float(nca_dtype dtype);

// Writes whole or not at all; names and texts are UTF-8. elements and size_bytes of the tensors are
// taken from their shapes.
nca_status nca_tensors_write(const char *path, const nca_tensor *tensor, size_t count,
                             const nca_metadata *metadata, size_t metadata_count, nca_error *error);

#endif
