// A graph of ONNX as a message of Protocol Buffers. Field numbers are those of onnx.proto3.
#include "report/onnx_graph.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "nca/nca.h"

enum { IR_VERSION = 7, OPSET = 13, F32 = 1, I64 = 7 };
enum { ATTRIBUTE_WHOLE = 2, ATTRIBUTE_WHOLES = 7 };

static nca_message describe_attribute(const nca_onnx_attribute *attribute)
{
    nca_message made = {0};
    nca_message_text(&made, 1, attribute->name);
    for (int i = 0; i < attribute->count; i++)
        nca_message_whole(&made, attribute->is_list ? 8 : 3, attribute->values[i]);
    nca_message_whole(&made, 20, attribute->is_list ? ATTRIBUTE_WHOLES : ATTRIBUTE_WHOLE);
    return made;
}

void nca_onnx_node(nca_message *graph, const char *op, const char *inputs, const char *output,
                   const nca_onnx_attribute *attributes, int count)
{
    nca_message node = {0};
    for (const char *word = inputs; *word; word += strcspn(word, " "), word += *word == ' ')
        nca_message_bytes(&node, 1, word, strcspn(word, " "));
    nca_message_text(&node, 2, output);
    nca_message_text(&node, 3, output);   // the node is called as what it makes
    nca_message_text(&node, 4, op);
    for (int i = 0; i < count; i++) {
        nca_message made = describe_attribute(&attributes[i]);
        nca_message_part(&node, 5, &made);
    }
    nca_message_part(graph, 1, &node);
}

static void add_tensor(nca_message *graph, const char *name, int kind, int axes,
                       const int64_t *shape, const void *values, size_t value_bytes)
{
    nca_message tensor = {0};
    size_t count = 1;
    for (int i = 0; i < axes; i++) {
        nca_message_whole(&tensor, 1, shape[i]);
        count *= (size_t)shape[i];
    }
    nca_message_whole(&tensor, 2, kind);
    nca_message_text(&tensor, 8, name);
    nca_message_bytes(&tensor, 9, values, count * value_bytes);
    nca_message_part(graph, 5, &tensor);
}

void nca_onnx_floats(nca_message *graph, const char *name, const float *values, int axes,
                     const int64_t *shape)
{
    add_tensor(graph, name, F32, axes, shape, values, sizeof *values);
}

void nca_onnx_wholes(nca_message *graph, const char *name, const int64_t *values, int count)
{
    add_tensor(graph, name, I64, 1, (const int64_t[]){count}, values, sizeof *values);
}

void nca_onnx_number(nca_message *graph, const char *name, float value)
{
    add_tensor(graph, name, F32, 0, NULL, &value, sizeof value);
}

static nca_message describe_shape(const char *axes)
{
    nca_message shape = {0};
    for (const char *word = axes; *word; word += strcspn(word, " "), word += *word == ' ') {
        nca_message axis = {0};
        if (isdigit((unsigned char)*word))
            nca_message_whole(&axis, 1, strtoll(word, NULL, 10));
        else
            nca_message_bytes(&axis, 2, word, strcspn(word, " "));
        nca_message_part(&shape, 1, &axis);
    }
    return shape;
}

void nca_onnx_value(nca_message *graph, nca_onnx_side side, const char *name, const char *axes,
                    const char *words)
{
    nca_message shape = describe_shape(axes), tensor = {0}, type = {0}, value = {0};
    nca_message_whole(&tensor, 1, F32);
    nca_message_part(&tensor, 2, &shape);
    nca_message_part(&type, 1, &tensor);
    nca_message_text(&value, 1, name);
    nca_message_part(&value, 2, &type);
    nca_message_text(&value, 3, words);
    nca_message_part(graph, side, &value);
}

void nca_onnx_model(nca_message *model, nca_message *graph, const char *name, const char *words,
                    const char *const *pairs)
{
    nca_message opset = {0};
    nca_message_text(graph, 2, name);
    nca_message_text(&opset, 1, "");   // the operators of ONNX itself
    nca_message_whole(&opset, 2, OPSET);
    nca_message_whole(model, 1, IR_VERSION);
    nca_message_text(model, 2, "nca");
    nca_message_text(model, 3, NCA_VERSION);
    nca_message_text(model, 6, words);
    nca_message_part(model, 7, graph);
    nca_message_part(model, 8, &opset);
    for (; *pairs; pairs += 2) {
        nca_message pair = {0};
        nca_message_text(&pair, 1, pairs[0]);
        nca_message_text(&pair, 2, pairs[1]);
        nca_message_part(model, 14, &pair);
    }
}
