// What a cell computes: the rule spec. The layout of the parameters, the model file, the kernels'
// choice of variant and every size follow from it.
//
// A cell looks around (perception), two or three linear layers with ReLU between them propose a
// change of all channels that are not frozen, and an alive mask clears dead cells. A spec that sets
// only channels (16) and hidden[0] (128) is the rule of Mordvintsev et al. 2020.
#ifndef NCA_SPEC_H
#define NCA_SPEC_H

#include <stdbool.h>
#include <stddef.h>

#include "nca/api.h"
#include "nca/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif

// A fixed linear look around; cells outside the grid are zero.
typedef enum nca_perception {
    NCA_SOBEL,    // [3,C] itself, x-gradient, y-gradient, the gradients rotated by an angle
    NCA_MOORE,    // [9,C] the 3x3 neighbourhood in row order
    NCA_SUMMED,   // [3,C] itself, and for every channel the gradients of the sum over channels
    NCA_PERCEPTIONS
} nca_perception;

// The names of perceptions in settings and files, in the order of the enum, ended by NULL.
extern NCA_API const char *const nca_perception_words[NCA_PERCEPTIONS + 1];

// Eight times the weight of the neighbour (dy, dx) in the x-gradient; for the y-gradient it is
// NCA_SOBEL_X(dx, dy). The only definition of the filter.
#define NCA_SOBEL_X(dy, dx) ((dx) * ((dy) == 0 ? 2 : 1))

// Which cells are alive and so updated. A dead cell becomes zero by `maximum`, and stays as it is
// by `channel`.
typedef enum nca_alive {
    NCA_ALIVE_MAXIMUM,      // the largest alpha of the 3x3 neighbourhood is above the threshold,
                            // before the step and after its update
    NCA_ALIVE_CHANNEL,      // the cell's own channel `alive_channel`, a frozen one, is above it
    NCA_ALIVE_EVERYWHERE,   // all
    NCA_ALIVES
} nca_alive;

// The names of the kinds of alive, likewise.
extern NCA_API const char *const nca_alive_words[NCA_ALIVES + 1];

enum { NCA_LAYERS_MAX = 2 };   // hidden

// What a cell computes: the rule spec.
typedef struct nca_spec {
    int channels;   // C
    nca_perception perception;
    int hidden
        [NCA_LAYERS_MAX];   // K of the first hidden layer, and of the second; 0: there is none
    int frozen;             // leading channels that no update touches
    nca_alive alive;
    int alive_channel;   // of NCA_ALIVE_CHANNEL
    double noise;        // standard deviation of the draw added to each number of an update
    // Before each step every state is multiplied by a matrix [C,C], a parameter, and clipped to
    // +-mix_bound; 0: it is not. Dead cells are zero and stay so. Nothing is frozen then.
    double mix_bound;
} nca_spec;

// The rule of the article with other sizes.
static inline nca_spec nca_spec_growing(int channels, int hidden)
{
    nca_spec spec = {channels, NCA_SOBEL, {hidden, 0}, 0, NCA_ALIVE_MAXIMUM, 0, 0, 0};
    return spec;
}

// The same as an initializer of C.
#define NCA_GROWING(c, k)                 \
    {                                     \
        .channels = (c), .hidden = {(k) } \
    }

// The bound of states that the article mixes.
#define NCA_MIX_BOUND 3

// Groups of C numbers that a cell perceives, and inputs of the first layer.
static inline int nca_spec_groups(const nca_spec *spec)
{
    return spec->perception == NCA_MOORE ? 9 : 3;
}

static inline int nca_spec_inputs(const nca_spec *spec)
{
    return nca_spec_groups(spec) * spec->channels;
}

// Channels that an update changes.
static inline int nca_spec_outputs(const nca_spec *spec)
{
    return spec->channels - spec->frozen;
}

// Hidden units of the last hidden layer.
static inline int nca_spec_last_hidden(const nca_spec *spec)
{
    return spec->hidden[1] > 0 ? spec->hidden[1] : spec->hidden[0];
}

// -- Parameters -----------------------------------------------------------------------------------

// One flat f32 array of the tensors below, each row major as PyTorch's `Linear` has it; those of a
// second hidden layer are empty where there is none.
// X(enum, name in files, axes, rows, columns) for k and k2 hidden units, i inputs, o outputs and m
// channels that are mixed
#define NCA_PARAMETER_TENSORS(X)                           \
    X(HIDDEN_WEIGHT, "hidden.weight", 2, k, i)             \
    X(HIDDEN_BIAS, "hidden.bias", 1, k, 1)                 \
    X(OUTPUT_WEIGHT, "output.weight", 2, o, (k2 ? k2 : k)) \
    X(OUTPUT_BIAS, "output.bias", 1, o, 1)                 \
    X(HIDDEN2_WEIGHT, "hidden2.weight", 2, k2, k)          \
    X(HIDDEN2_BIAS, "hidden2.bias", 1, k2, 1)              \
    X(MIX, "mix", 2, m, m)

enum {
#define NCA_TENSOR_ENUM(name, text, axes, rows, columns) NCA_##name,
    NCA_PARAMETER_TENSORS(NCA_TENSOR_ENUM)
#undef NCA_TENSOR_ENUM
        NCA_TENSORS,
    NCA_TENSORS_OF_ONE_LAYER = NCA_HIDDEN2_WEIGHT,   // the first ones
    NCA_TENSORS_OF_TWO_LAYERS = NCA_MIX,
};

// What one of them is called in files.
NCA_API const char *nca_tensor_name(int tensor);

// Sizes of a tensor.
typedef struct nca_tensor_shape {
    int axes;         // 1 or 2
    size_t size[2];   // of a bias [size, 1]
} nca_tensor_shape;

static inline nca_tensor_shape nca_tensor_shape_of(int tensor, const nca_spec *spec)
{
    const size_t k = (size_t)spec->hidden[0], k2 = (size_t)spec->hidden[1];
    const size_t i = (size_t)nca_spec_inputs(spec), o = (size_t)nca_spec_outputs(spec);
    const size_t m = spec->mix_bound > 0 ? (size_t)spec->channels : 0;
    const nca_tensor_shape shapes[] = {
#define NCA_TENSOR_SHAPE(name, text, axes, rows, columns) {axes, {rows, columns}},
        NCA_PARAMETER_TENSORS(NCA_TENSOR_SHAPE)
#undef NCA_TENSOR_SHAPE
    };
    return shapes[tensor];
}

// How many of them a rule has, from the first on; those of a second hidden layer may be empty.
static inline int nca_spec_tensors(const nca_spec *spec)
{
    return spec->mix_bound > 0   ? NCA_TENSORS
           : spec->hidden[1] > 0 ? NCA_TENSORS_OF_TWO_LAYERS
                                 : NCA_TENSORS_OF_ONE_LAYER;
}

// Offsets and sizes, in elements, of the tensors.
typedef struct nca_layout {
    int tensors;
    size_t offset[NCA_TENSORS];
    size_t size[NCA_TENSORS];
    size_t total;
} nca_layout;

static inline nca_layout nca_layout_of(const nca_spec *spec)
{
    nca_layout layout;
    layout.tensors = nca_spec_tensors(spec);
    layout.total = 0;
    for (int tensor = 0; tensor < NCA_TENSORS; tensor++) {
        const nca_tensor_shape shape = nca_tensor_shape_of(tensor, spec);
        layout.offset[tensor] = layout.total;
        layout.size[tensor] = shape.size[0] * shape.size[1];
        layout.total += layout.size[tensor];
    }
    return layout;
}

#ifdef __cplusplus
}
#endif
#endif
