// The update rule: two linear layers, 3C -> K, ReLU, K -> C, and where its parameters lie.
//
// Parameters are one flat f32 array of four tensors in this order, each row major, as PyTorch's
// `Linear` has them:
//   hidden.weight [K,3C]   inputs in three groups of C: identity, x-gradient, y-gradient
//   hidden.bias   [K]
//   output.weight [C,K]
//   output.bias   [C]
#ifndef NCA_MODEL_H
#define NCA_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"
#include "nca/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    NCA_HIDDEN_WEIGHT,
    NCA_HIDDEN_BIAS,
    NCA_OUTPUT_WEIGHT,
    NCA_OUTPUT_BIAS,
    NCA_TENSORS,
};

// Offsets and sizes, in elements, of the four tensors.
typedef struct nca_layout {
    size_t offset[NCA_TENSORS];
    size_t size[NCA_TENSORS];
    size_t total;
} nca_layout;

static inline nca_layout nca_layout_of(int channels, int hidden)
{
    const size_t c = (size_t)channels, k = (size_t)hidden;
    nca_layout layout;
    layout.size[NCA_HIDDEN_WEIGHT] = k * NCA_PERCEIVED * c;
    layout.size[NCA_HIDDEN_BIAS] = k;
    layout.size[NCA_OUTPUT_WEIGHT] = c * k;
    layout.size[NCA_OUTPUT_BIAS] = c;
    layout.total = 0;
    for (int i = 0; i < NCA_TENSORS; i++) {
        layout.offset[i] = layout.total;
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
