// A rule: its spec, its parameters, and what it takes to run it as it was trained.
#ifndef NCA_MODEL_H
#define NCA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/api.h"
#include "nca/spec.h"
#include "nca/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// A rule as it lies in model.safetensors: its parameters, and what it takes to run it as it was
// trained.
typedef struct nca_model {
    nca_spec spec;
    float *parameters;   // [layout.total], owned
    double fire_rate;    // probability that a cell updates in a step
    double angle;        // degrees by which perception is rotated
    double step_size;    // multiplies the update
    int grid_height;     // the grid it was trained on; 0 where unknown
    int grid_width;
    int seed[2];            // where its seed stands: rows and columns from the middle of the grid
    char name[128];         // where it came from, for people: target and preset, or the file
    char config_json[20];   // checksum of the config.json it was trained by; empty where unknown
    char task[24];   // that trained it, where that trains adversaries; empty for all other rules
    char kept_rule[20];   // checksum of its training's victim or adversary; empty: none or unknown
} nca_model;

static inline double nca_radians(double degrees)
{
    return degrees * (3.14159265358979323846 / 180);
}

// Allocates parameters, all zero, with fire rate 0.5, angle 0, step size 1.
NCA_API nca_status nca_model_create(const nca_spec *spec, nca_model *out, nca_error *error);
NCA_API void nca_model_free(nca_model *model);

// Layers with a ReLU are Glorot uniform, +-sqrt(6 / (inputs + units)); the output layer and all
// biases are zero; a mixing matrix is the identity.
// Source: Mordvintsev et al. 2020, the notebook; Glorot and Bengio 2010 for a second hidden layer.
NCA_API void nca_model_initialize(nca_model *model, uint64_t seed);

// The same rule with the hidden units of `spec`, as many as it has or more, and with its noise.
// Where the noise is the same, a rollout leaves the same states, bit for bit where the same kernel
// computes both. New units have weights drawn by `seed`, as nca_model_initialize() draws them, and
// no effect yet. NCA_ARGUMENT where it does not fit, in words that go on after the rule's name.
NCA_API nca_status nca_model_widen(const nca_model *model, const nca_spec *spec, uint64_t seed,
                                   nca_model *out, nca_error *error);

// model.safetensors: the tensors as F32, the rest as metadata. Written whole or not at all.
NCA_API nca_status nca_model_save(const nca_model *model, const char *path, nca_error *error);

// Reads a model.safetensors, a run folder that holds one, or a rule that comes with the program,
// "zoo:lizard". Tensors are F32, or F16, BF16 or F64, which become F32. On failure `out` is
// untouched.
NCA_API nca_status nca_model_load(const char *path, nca_model *out, nca_error *error);
// The same; `usual` says perception, frozen channels, alive and noise where the file does not
// (NULL: those of the article's rule). Sizes are always the file's.
NCA_API nca_status nca_model_load_as(const char *path, const nca_spec *usual, nca_model *out,
                                     nca_error *error);

// Reads one of the article's published rules (JSON, two layers of bytes or of floats).
NCA_API nca_status nca_model_import(const char *path, nca_model *out, nca_error *error);
// The same from memory; `name` stands in messages, and its last part in the model.
NCA_API nca_status nca_model_parse_published(const uint8_t *text, size_t size_bytes,
                                             const char *name, nca_model *out, nca_error *error);

// Writes a rule in that format: floats, with which an import gives the same rule, or bytes, as on
// the article's page. The format has no room for angle and step size, so they go into the weights;
// the fire rate is lost. NCA_ARGUMENT, in words that go on after the rule's name, where the rule is
// not of the article's kind: sobel, alive by maximum, one hidden layer, nothing frozen, no noise;
// or where a number is too large: from 5e5 on for bytes.
NCA_API nca_status nca_model_publish(const nca_model *model, bool as_bytes, const char *path,
                                     nca_error *error);

#ifdef __cplusplus
}
#endif
#endif
