// A graph of ONNX that is being written: its nodes, constants, inputs and outputs.
// Source: onnx.proto3 of the ONNX project, IR version 7, operators of opset 13.
#ifndef NCA_REPORT_ONNX_GRAPH_H
#define NCA_REPORT_ONNX_GRAPH_H

#include "base/protobuf.h"

enum { NCA_ONNX_AXES_MAX = 4 };

// Attributes of a node: names and whole numbers.
typedef struct nca_onnx_attribute {
    const char *name;
    bool is_list;
    int count;
    int64_t values[8];
} nca_onnx_attribute;

// output = op(inputs); names have blanks between them.
void nca_onnx_node(nca_message *graph, const char *op, const char *inputs, const char *output,
                   const nca_onnx_attribute *attributes, int count);

// Constants of f32, of whole numbers, and a single f32.
void nca_onnx_floats(nca_message *graph, const char *name, const float *values, int axes,
                     const int64_t *shape);
void nca_onnx_wholes(nca_message *graph, const char *name, const int64_t *values, int count);
void nca_onnx_number(nca_message *graph, const char *name, float value);

typedef enum nca_onnx_side { NCA_ONNX_INPUT = 11, NCA_ONNX_OUTPUT = 12 } nca_onnx_side;

// An input or output of f32: its axes are names, or sizes; `words` are for people.
//   axes   with blanks between: "B H W 16"; empty for a number
void nca_onnx_value(nca_message *graph, nca_onnx_side side, const char *name, const char *axes,
                    const char *words);

// The whole file around the graph, which is freed. `pairs` are metadata: key, value, key, value...,
// ended by NULL.
void nca_onnx_model(nca_message *model, nca_message *graph, const char *name, const char *words,
                    const char *const *pairs);

#endif
