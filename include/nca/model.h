// The update rule: two linear layers, 3C -> K, ReLU, K -> C, and where its parameters lie.
//
// Parameters are one flat f32 array of four tensors in the order of the list below, each row major,
// as PyTorch's `Linear` has them. The inputs of hidden.weight lie in three groups of C: identity,
// x-gradient, y-gradient.
#ifndef NCA_MODEL_H
#define NCA_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"
#include "nca/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// X(enum, name in files, axes, sizes of the axes in C channels `c` and K hidden units `k`)
#define NCA_PARAMETER_TENSORS(X)                                 \
    X(HIDDEN_WEIGHT, "hidden.weight", 2, k, (NCA_PERCEIVED * c)) \
    X(HIDDEN_BIAS, "hidden.bias", 1, k, 1)                       \
    X(OUTPUT_WEIGHT, "output.weight", 2, c, k)                   \
    X(OUTPUT_BIAS, "output.bias", 1, c, 1)

enum {
#define NCA_TENSOR_ENUM(name, text, axes, rows, columns) NCA_##name,
    NCA_PARAMETER_TENSORS(NCA_TENSOR_ENUM)
#undef NCA_TENSOR_ENUM
        NCA_TENSORS,
};

// What one of them is called in files.
const char *nca_tensor_name(int tensor);

typedef struct nca_tensor_shape {
    int axes;         // 1 or 2
    size_t size[2];   // of a bias [size, 1]
} nca_tensor_shape;

static inline nca_tensor_shape nca_tensor_shape_of(int tensor, int channels, int hidden)
{
    const size_t c = (size_t)channels, k = (size_t)hidden;
    const nca_tensor_shape shapes[] = {
#define NCA_TENSOR_SHAPE(name, text, axes, rows, columns) {axes, {rows, columns}},
        NCA_PARAMETER_TENSORS(NCA_TENSOR_SHAPE)
#undef NCA_TENSOR_SHAPE
    };
    return shapes[tensor];
}

// Offsets and sizes, in elements, of the four tensors.
typedef struct nca_layout {
    size_t offset[NCA_TENSORS];
    size_t size[NCA_TENSORS];
    size_t total;
} nca_layout;

static inline nca_layout nca_layout_of(int channels, int hidden)
{
    nca_layout layout;
    layout.total = 0;
    for (int i = 0; i < NCA_TENSORS; i++) {
        const nca_tensor_shape shape = nca_tensor_shape_of(i, channels, hidden);
        layout.offset[i] = layout.total;
        layout.size[i] = shape.size[0] * shape.size[1];
        layout.total += layout.size[i];
    }
    return layout;
}

// A rule as it lies in model.safetensors: its parameters, and what it takes to run it as it was
// trained.
typedef struct nca_model {
    int channels;        // C, a multiple of 4
    int hidden;          // K, a multiple of 4
    float *parameters;   // [layout.total], owned
    double fire_rate;    // probability that a cell updates in a step
    double angle;        // degrees by which perception is rotated
    double step_size;    // multiplies the update
    int grid_height;     // the grid it was trained on; 0 where unknown
    int grid_width;
    char name[128];   // where it came from, for people: target and preset, or the file
} nca_model;

static inline double nca_radians(double degrees)
{
    return degrees * (3.14159265358979323846 / 180);
}

// Allocates parameters, all zero, with fire rate 0.5, angle 0, step size 1.
nca_status nca_model_create(int channels, int hidden, nca_model *out, nca_error *error);
void nca_model_free(nca_model *model);

// First layer Glorot uniform, +-sqrt(6 / (3C + K)); the second layer and all biases zero.
// Source: Mordvintsev et al. 2020, the notebook.
void nca_model_initialize(nca_model *model, uint64_t seed);

// model.safetensors: the four tensors as F32, the rest as metadata. Written whole or not at all.
nca_status nca_model_save(const nca_model *model, const char *path, nca_error *error);

// Reads a model.safetensors, or a run folder that holds one. On failure `out` is untouched.
nca_status nca_model_load(const char *path, nca_model *out, nca_error *error);

// Reads one of the article's published rules (JSON, two layers of bytes).
nca_status nca_model_import(const char *path, nca_model *out, nca_error *error);
// The same from memory; `name` stands in messages, and its last part in the model.
nca_status nca_model_parse_published(const uint8_t *text, size_t size_bytes, const char *name,
                                     nca_model *out, nca_error *error);

#ifdef __cplusplus
}
#endif
#endif
