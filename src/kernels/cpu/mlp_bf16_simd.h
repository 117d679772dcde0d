// The update rule's network in bf16 or bf16x3, for any sizes, one or two hidden layers, forward and
// backward: a layer is one matrix product forward and two backward. Whatever a later product reads
// is rounded and brought into its order where it is made. Whoever includes this has included how
// products are summed, first: begin_products(), multiply_words() and end_products().
#ifndef NCA_CPU_MLP_BF16_SIMD_H
#define NCA_CPU_MLP_BF16_SIMD_H

#include "bf16.h"
#include "ops.h"
#include "product_bf16_simd.h"

// -- Weights in words -----------------------------------------------------------------------------

// One layer; padded numbers are zero, so that what stands beside activations does not matter.
typedef struct word_layer {
    int inputs, outputs;
    size_t in, out;       // the same, padded
    size_t low;           // words from a part of the weights to its low one
    uint32_t *forward;    // [in/2,out]  two inputs of an output
    uint32_t *backward;   // [out/2,in]  two outputs of an input
    float *bias;          // [out]
} word_layer;

typedef struct word_network {
    word_layer first, second, output;   // `second` is empty where there is none
} word_network;

static word_layer place_layer(uint32_t **next, int inputs, int outputs)
{
    const size_t in = nca_cpu_padded(inputs), out = nca_cpu_padded(outputs);
    word_layer layer = {.inputs = inputs, .outputs = outputs, .in = in, .out = out};
    layer.low = nca_cpu_layer_words(inputs, outputs);
    layer.forward = *next;
    layer.backward = layer.forward + in * out / 2;
    layer.bias = (float *)(void *)(layer.backward + in * out / 2);
    *next += PARTS * layer.low;
    return layer;
}

static word_network place_network(const nca_cpu_rule *rule)
{
    uint32_t *next = rule->words;
    word_network network = {.first = place_layer(&next, rule->inputs, rule->hidden)};
    if (rule->hidden2)
        network.second = place_layer(&next, rule->hidden, rule->hidden2);
    network.output =
        place_layer(&next, rule->hidden2 ? rule->hidden2 : rule->hidden, rule->outputs);
    return network;
}

static void pack_weight(const word_layer *layer, size_t part, size_t i, size_t o, float weight)
{
    const uint32_t half = nca_bf16_round(weight);
    layer->forward[part + i / 2 * layer->out + o] |= half << i % 2 * 16;
    layer->backward[part + o / 2 * layer->in + i] |= half << o % 2 * 16;
}

static void pack_layer(const word_layer *layer, const float *weight, const float *bias)
{
    const size_t inputs = (size_t)layer->inputs, outputs = (size_t)layer->outputs;
    memset(layer->forward, 0, PARTS * layer->low * sizeof *layer->forward);
    for (size_t o = 0; o < outputs; o++)
        for (size_t i = 0; i < inputs; i++, weight++) {
            pack_weight(layer, 0, i, o, *weight);
            if (PARTS == 2)
                pack_weight(layer, layer->low, i, o, nca_bf16_rest(*weight));
        }
    memcpy(layer->bias, bias, outputs * sizeof *bias);
}

static void pack_words(nca_cpu_rule *rule)
{
    const word_network network = place_network(rule);
    pack_layer(&network.first, rule->hidden_weight, rule->hidden_bias);
    if (rule->hidden2)
        pack_layer(&network.second, rule->hidden2_weight, rule->hidden2_bias);
    pack_layer(&network.output, rule->output_weight, rule->output_bias);
}

// -- Activations, which lie in the caller's scratch -----------------------------------------------

// Room for those of a whole chunk in both orders.
static activations place_activations(float **scratch, int numbers)
{
    const size_t width = nca_cpu_padded(numbers), half = NCA_CPU_CHUNK * width / 2;
    uint32_t *at = (uint32_t *)(void *)*scratch;
    *scratch += PARTS * 2 * half;
    return (activations){.width = width, .low = 2 * half, .rows = at, .pairs = at + half};
}

// Of the forward pass: what cells perceive, and their hidden units.
typedef struct forward_activations {
    activations p, first, second;
} forward_activations;

static forward_activations place_forward(const nca_cpu_rule *rule, const float *hidden)
{
    float *scratch = (float *)hidden;   // where mlp_hidden() has left them
    forward_activations held = {.p = place_activations(&scratch, rule->inputs)};
    held.first = place_activations(&scratch, rule->hidden);
    if (rule->hidden2)
        held.second = place_activations(&scratch, rule->hidden2);
    return held;
}

// Zeros up to the padded width, where products read whole tiles.
static void clear_padding(const activations *to, int count, int numbers)
{
    const size_t held = ((size_t)numbers + LANES - 1) / LANES * LANES;
    for (int m = 0; CLEARS_PADDING && to->rows && held < to->width && m < count; m += 2)
        keep_activations(to, m, (int)held, vector_zero(), vector_zero());
}

// Rounds x [count,numbers]; adds its rows up where `row_sum` is given.
static void round_rows(const float *x, int count, int numbers, const activations *to,
                       float *row_sum)
{
    const size_t width = (size_t)numbers;
    for (size_t n = 0; n < width; n += LANES) {
        const int tail = tail_of(width, n);
        vector total = row_sum ? load(row_sum + n, tail) : vector_zero();
        for (int m = 0; m < count; m += 2) {
            const float *row = x + (size_t)m * width + n;
            const vector even = load(row, tail);
            const vector odd = m + 1 < count ? load(row + width, tail) : vector_zero();
            keep_activations(to, m, (int)n, even, odd);
            total = vector_add(vector_add(total, even), odd);
        }
        if (row_sum)
            store(row_sum + n, total, tail);
    }
    clear_padding(to, count, numbers);
}

// -- Layers ---------------------------------------------------------------------------------------

static word_product go_forward_in_words(const word_layer *layer, const activations *x, int count)
{
    return (word_product){.a = x->rows,
                          .a_row = x->width / 2,
                          .a_step = 1,
                          .b = layer->forward,
                          .b_row = layer->out,
                          .a_low = x->low,
                          .b_low = layer->low,
                          .depth = (layer->inputs + 1) / 2,
                          .rows = count,
                          .columns = layer->outputs,
                          .start = layer->bias};
}

static void make_units(const word_layer *layer, const activations *x, int count, activations units)
{
    word_product product = go_forward_in_words(layer, x, count);
    product.how = UNITS;
    product.to = units;
    multiply_words(&product);
    clear_padding(&units, count, layer->outputs);
}

static word_product go_back_in_words(const word_layer *layer, const activations *dy, int count)
{
    return (word_product){.a = dy->rows,
                          .a_row = dy->width / 2,
                          .a_step = 1,
                          .b = layer->backward,
                          .b_row = layer->in,
                          .a_low = dy->low,
                          .b_low = layer->low,
                          .depth = (layer->outputs + 1) / 2,
                          .rows = count,
                          .columns = layer->inputs};
}

static void gate_units(const word_layer *layer, const activations *dy, int count,
                       const activations *units, activations dunits, float *bias_sum)
{
    word_product product = go_back_in_words(layer, dy, count);
    product.how = UNITS;
    product.gate = units;
    product.to = dunits;
    product.row_sum = bias_sum;
    multiply_words(&product);
    clear_padding(&dunits, count, layer->inputs);
}

// weights [rows,columns] += the sum over cells of a times b.
static void add_outer_words(const activations *a, int rows, const activations *b, int columns,
                            int count, float *weights)
{
    const word_product product = {.a = a->pairs,
                                  .a_row = 1,
                                  .a_step = a->width,
                                  .b = b->pairs,
                                  .b_row = b->width,
                                  .a_low = a->low,
                                  .b_low = b->low,
                                  .depth = (count + 1) / 2,
                                  .rows = rows,
                                  .columns = columns,
                                  .out = weights,
                                  .out_row = (size_t)columns,
                                  .how = ADD_WORDS};
    multiply_words(&product);
}

// -- The network ----------------------------------------------------------------------------------

// The orders in which the backward pass reads again, and the forward pass reads on.
static void mlp_bf16_hidden(const nca_cpu_rule *rule, const float *p, int count, float *hidden)
{
    const word_network network = place_network(rule);
    const forward_activations held = place_forward(rule, hidden);
    activations first = held.first, second = held.second;
    first.rows = rule->hidden2 ? first.rows : NULL;
    second.rows = NULL;
    round_rows(p, count, rule->inputs, &held.p, NULL);
    begin_products();
    make_units(&network.first, &held.p, count, first);
    if (rule->hidden2)
        make_units(&network.second, &first, count, second);
    end_products();
}

static void mlp_bf16(const nca_cpu_rule *rule, const float *p, int count, float *hidden, float *out)
{
    const word_network network = place_network(rule);
    forward_activations held = place_forward(rule, hidden);
    held.p.pairs = held.first.pairs = held.second.pairs = NULL;
    round_rows(p, count, rule->inputs, &held.p, NULL);
    begin_products();
    make_units(&network.first, &held.p, count, held.first);
    if (rule->hidden2)
        make_units(&network.second, &held.first, count, held.second);
    word_product output =
        go_forward_in_words(&network.output, rule->hidden2 ? &held.second : &held.first, count);
    output.out = out;
    output.out_row = (size_t)rule->outputs;
    multiply_words(&output);
    end_products();
}

static void mlp_bf16_backward(const nca_cpu_rule *rule, const nca_cpu_chunk *cells,
                              const nca_cpu_gradient *sums)
{
    const int count = cells->count, inputs = rule->inputs, hidden = rule->hidden;
    const int outputs = rule->outputs, last = rule->hidden2 ? rule->hidden2 : hidden;
    const word_network network = place_network(rule);
    const forward_activations held = place_forward(rule, cells->hidden);
    const activations *const last_units = rule->hidden2 ? &held.second : &held.first;
    float *scratch = cells->dhidden;
    const activations dout = place_activations(&scratch, outputs);
    const activations dfirst = place_activations(&scratch, hidden);
    const activations dlast = rule->hidden2 ? place_activations(&scratch, last) : dfirst;
    round_rows(cells->dout, count, outputs, &dout, sums->output_bias);
    begin_products();
    gate_units(&network.output, &dout, count, last_units, dlast,
               rule->hidden2 ? sums->hidden2_bias : sums->hidden_bias);
    add_outer_words(&dout, outputs, last_units, last, count, sums->output_weight);
    if (rule->hidden2) {
        gate_units(&network.second, &dlast, count, &held.first, dfirst, sums->hidden_bias);
        add_outer_words(&dlast, last, &held.first, hidden, count, sums->hidden2_weight);
    }
    word_product back = go_back_in_words(&network.first, &dfirst, count);
    back.out = cells->dp;
    back.out_row = (size_t)inputs;
    multiply_words(&back);
    add_outer_words(&held.p, inputs, &dfirst, hidden, count, sums->hidden_columns);
    end_products();
}

static void fill_network(nca_cpu_ops *ops, const char *name)
{
    ops->name = name;
    ops->chunk = NCA_CPU_CHUNK;
    ops->rule_pack = pack_words;
    ops->mlp = mlp_bf16;
    ops->mlp_hidden = mlp_bf16_hidden;
    ops->mlp_backward = mlp_bf16_backward;
}

#endif
