// The table of CPU kernels: each entry has a scalar definition, which AVX2 and AVX-512 overwrite
// one by one. What each has to do, in flop and bytes, stands in bench.c.
#ifndef NCA_CPU_OPS_H
#define NCA_CPU_OPS_H

#include <stddef.h>
#include <stdint.h>

#include "nca/backend.h"

// Cells that pass through perception and the network together, so few that their hidden units stay
// in the first-level cache. Where the weights do not fit there anyway, a larger chunk reads them
// less often.
enum { NCA_CPU_CHUNK = 48, NCA_CPU_CHUNK_LARGE = 80 };

// Weights, biases, hidden units, their gradients and the sums of parameters are read in whole
// vectors: behind each of these arrays 64 bytes more are readable, whatever they hold. Nothing is
// written there.

// Parameters in the orders in which the kernels read them: I inputs, K hidden units, K2 of a second
// hidden layer (0: there is none), L those of the last, O outputs.
typedef struct nca_cpu_rule {
    int inputs, hidden, hidden2, outputs;
    const float *hidden_weight;    // [K,I]
    const float *hidden_bias;      // [K]
    const float *hidden2_weight;   // [K2,K]
    const float *hidden2_bias;     // [K2]
    const float *output_weight;    // [O,L]
    const float *output_bias;      // [O]
    float *hidden_panels;     // [K/panel,I,panel]: hidden_weight transposed, in panels of columns
    float *hidden2_columns;   // [K,K2]: hidden2_weight transposed
    float *output_columns;    // [L,O]: output_weight transposed
    float *mix_columns;       // [C,C]: the mixing matrix transposed; empty where there is none
    uint32_t *words;   // room for weights of variants with a rule_pack(), without the three above
} nca_cpu_rule;

// Widths in words and scratch: whole vectors of bf16.
static inline size_t nca_cpu_padded(int width)
{
    return ((size_t)width + 31) / 32 * 32;
}

// A number takes up to two bf16: in bf16x3 a high and a low one. Room is made for both.
enum { NCA_CPU_PARTS = 2 };

// Words that one part of a layer takes in nca_cpu_rule.words: weights for both directions, and
// biases.
static inline size_t nca_cpu_layer_words(int inputs, int outputs)
{
    return nca_cpu_padded(inputs) * nca_cpu_padded(outputs) + nca_cpu_padded(outputs);
}

// Sums of d loss / d parameters, in the order in which the kernels add to them.
typedef struct nca_cpu_gradient {
    float *hidden_columns;   // [I,K]: hidden.weight transposed
    float *hidden_bias;      // [K]
    float *output_weight;    // [O,L]
    float *output_bias;      // [O]
    float *hidden2_weight;   // [K2,K]
    float *hidden2_bias;     // [K2]
} nca_cpu_gradient;

// Cells on their way back through the network.
typedef struct nca_cpu_chunk {
    int count;             // at most nca_cpu_ops.chunk
    const float *p;        // [count,I] what they perceive
    const float *hidden;   // what the forward pass gives for p, as mlp_hidden() leaves it
    const float *dout;     // [count,O]
    float *dhidden;        // scratch, as large as `hidden`
    float *dp;             // [count,I] out
} nca_cpu_chunk;

// Cosine and sine of the angle of perception.
typedef struct nca_cpu_rotation {
    float cosine;
    float sine;
} nca_cpu_rotation;

// States are padded by a border of one clear cell: cell (y, x) of [H,W] is number (y+1)*(W+2) +
// x+1. `row` is the distance between rows, in floats: (W+2)*C.
typedef struct nca_cpu_ops {
    const char *name;
    int panel;   // columns of a panel of hidden_panels; 0: all K
    int chunk;   // cells that pass through the network together, at most

    // Fire bits of groups first..first+count-1 of eight cells each, bits [count*8], 0 or 1.
    void (*fire)(nca_key key, uint32_t sample, uint32_t step, uint32_t threshold, uint32_t first,
                 size_t count, uint8_t *bits);

    // The noise on numbers first..first+count-1 of an update, by nca_random_normal().
    void (*noise)(nca_key key, uint32_t sample, uint32_t step, uint32_t first, int count,
                  float scale, float *drawn);

    // alive[i] = 1 where any of the nine bytes of `mature` around byte i is not 0, i in 0..count-1;
    // `mature` points to the first of them, its rows are `stride` bytes apart.
    void (*dilate)(const uint8_t *mature, size_t stride, size_t count, uint8_t *alive);

    // p [count,I] of the listed cells of a padded state, by the spec's perception.
    void (*perceive)(const float *state, size_t row, int channels, const uint32_t *cells, int count,
                     nca_cpu_rotation rotation, float *p);
    // Its transpose: adds dp [count,I] into the nine cells around each listed cell of `gradient`.
    void (*perceive_backward)(const float *dp, size_t row, int channels, const uint32_t *cells,
                              int count, nca_cpu_rotation rotation, float *gradient);

    // hidden [count,K] = relu(p W1 + b1), out [count,O] = hidden W2 + b2; count <= chunk.
    // With a second hidden layer `hidden` holds [count,K], then [count,K2], as after mlp_hidden().
    // Where there is a rule_pack() that leaves what the variant's backward pass reads: room for the
    // padded I, K and K2 of a whole chunk, times NCA_CPU_PARTS.
    void (*mlp)(const nca_cpu_rule *rule, const float *p, int count, float *hidden, float *out);
    // From dout to dp, and adds to the sums.
    void (*mlp_backward)(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                         const nca_cpu_gradient *sums);
    // The hidden layers alone, for a backward pass that computes them again.
    void (*mlp_hidden)(const nca_cpu_rule *rule, const float *p, int count, float *hidden);

    // Fills rule->words from the parameters, and may let the rule's pointers to weights point
    // there; NULL: this variant reads the arrays of f32.
    void (*rule_pack)(nca_cpu_rule *rule);

    // Runs `rounds` rounds of independent multiply-adds in registers; returns their flop.
    double (*burn)(long rounds, float *sink);
} nca_cpu_ops;

// Fills the table with the scalar definitions, which do for any spec.
void nca_cpu_fill_scalar(nca_cpu_ops *ops, const nca_spec *spec);
// Overwrites entries with faster ones. `summed` keeps the scalar perception; 16 channels, three
// groups of inputs and one layer of a multiple of 64 hidden units have a network of their own.
void nca_cpu_fill_avx2(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_avx512(nca_cpu_ops *ops, const nca_spec *spec);
// The network in less than f32: by definition, in each arithmetic (mlp_reduced_scalar.c), and fast.
void nca_cpu_fill_bf16_scalar(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_bf16_amx_scalar(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_bf16x3_scalar(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_avx512bf16(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_amx(nca_cpu_ops *ops, const nca_spec *spec);
void nca_cpu_fill_amx_bf16x3(nca_cpu_ops *ops, const nca_spec *spec);
// By rounding factors and multiplying them in f32: the same bits with either vector width.
#define NCA_CPU_ROUNDING(kernels)                                                      \
    void nca_cpu_fill_rounding_bf16_##kernels(nca_cpu_ops *ops, const nca_spec *spec); \
    void nca_cpu_fill_rounding_tf32_##kernels(nca_cpu_ops *ops, const nca_spec *spec); \
    void nca_cpu_fill_rounding_bf16x3_##kernels(nca_cpu_ops *ops, const nca_spec *spec)
NCA_CPU_ROUNDING(scalar);
NCA_CPU_ROUNDING(avx2);
NCA_CPU_ROUNDING(avx512);

// The scalar definitions, each in its op's file.
void nca_cpu_fire_scalar(nca_key key, uint32_t sample, uint32_t step, uint32_t threshold,
                         uint32_t first, size_t count, uint8_t *bits);
void nca_cpu_noise_scalar(nca_key key, uint32_t sample, uint32_t step, uint32_t first, int count,
                          float scale, float *drawn);
void nca_cpu_dilate_scalar(const uint8_t *mature, size_t stride, size_t count, uint8_t *alive);
void nca_cpu_perceive_scalar(const float *state, size_t row, int channels, const uint32_t *cells,
                             int count, nca_cpu_rotation rotation, float *p);
void nca_cpu_perceive_backward_scalar(const float *dp, size_t row, int channels,
                                      const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                      float *gradient);
void nca_cpu_perceive_moore(const float *state, size_t row, int channels, const uint32_t *cells,
                            int count, nca_cpu_rotation rotation, float *p);
void nca_cpu_perceive_moore_backward(const float *dp, size_t row, int channels,
                                     const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                     float *gradient);
void nca_cpu_perceive_summed(const float *state, size_t row, int channels, const uint32_t *cells,
                             int count, nca_cpu_rotation rotation, float *p);
void nca_cpu_perceive_summed_backward(const float *dp, size_t row, int channels,
                                      const uint32_t *cells, int count, nca_cpu_rotation rotation,
                                      float *gradient);
void nca_cpu_mlp_scalar(const nca_cpu_rule *rule, const float *p, int count, float *hidden,
                        float *out);
void nca_cpu_mlp_hidden_scalar(const nca_cpu_rule *rule, const float *p, int count, float *hidden);
void nca_cpu_mlp_backward_scalar(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                                 const nca_cpu_gradient *sums);

#endif
