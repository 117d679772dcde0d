// One step of a rule as an ONNX graph: next = step(state, fire). Inside, channels come before rows
// and columns, as ONNX's convolutions want them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "nca/tensor.h"
#include "report/export.h"
#include "report/onnx_graph.h"

static void node(nca_message *graph, const char *op, const char *inputs, const char *output)
{
    nca_onnx_node(graph, op, inputs, output, NULL, 0);
}

static void node_on_axis(nca_message *graph, const char *op, const char *inputs, const char *output,
                         int64_t axis)
{
    const nca_onnx_attribute attribute = {"axis", false, 1, {axis}};
    nca_onnx_node(graph, op, inputs, output, &attribute, 1);
}

static void transpose(nca_message *graph, const char *input, const char *output, bool to_last)
{
    const nca_onnx_attribute first = {"perm", true, 4, {0, 3, 1, 2}};
    const nca_onnx_attribute last = {"perm", true, 4, {0, 2, 3, 1}};
    nca_onnx_node(graph, "Transpose", input, output, to_last ? &last : &first, 1);
}

// A look at the 3x3 neighbourhood; what lies outside the grid is zero.
static void look_around(nca_message *graph, const char *inputs, const char *output, int64_t groups)
{
    const nca_onnx_attribute attributes[] = {{"kernel_shape", true, 2, {3, 3}},
                                             {"pads", true, 4, {1, 1, 1, 1}},
                                             {"group", false, 1, {groups}}};
    nca_onnx_node(graph, "Conv", inputs, output, attributes, 3);
}

// -- Perception -----------------------------------------------------------------------------------

// Filters of the two gradients: for each channel by itself, or for the sum over all.
static bool add_filters(nca_message *graph, const nca_spec *spec)
{
    const int64_t channels = spec->channels;
    const bool is_summed = spec->perception == NCA_SUMMED;
    const int64_t shape[] = {is_summed ? 1 : channels, is_summed ? channels : 1, 3, 3};
    float *x = malloc((size_t)channels * 9 * sizeof *x);
    float *y = malloc((size_t)channels * 9 * sizeof *y);
    for (int64_t i = 0; x && y && i < channels * 9; i++) {
        const int dy = (int)(i % 9 / 3) - 1, dx = (int)(i % 3) - 1;
        x[i] = (float)NCA_SOBEL_X(dy, dx) / 8;
        y[i] = (float)NCA_SOBEL_X(dx, dy) / 8;
    }
    if (x && y) {
        nca_onnx_floats(graph, "sobel_x", x, 4, shape);
        nca_onnx_floats(graph, "sobel_y", y, 4, shape);
    }
    const bool is_done = x && y;
    free(x);
    free(y);
    return is_done;
}

static void turn_gradients(nca_message *graph, double angle)
{
    nca_onnx_number(graph, "angle", (float)angle);
    nca_onnx_number(graph, "radians_of_a_degree", (float)nca_radians(1));
    node(graph, "Mul", "angle radians_of_a_degree", "radians");
    node(graph, "Cos", "radians", "cosine");
    node(graph, "Sin", "radians", "sine");
    node(graph, "Mul", "cosine gradient_x", "cosine_x");
    node(graph, "Mul", "sine gradient_y", "sine_y");
    node(graph, "Mul", "sine gradient_x", "sine_x");
    node(graph, "Mul", "cosine gradient_y", "cosine_y");
    node(graph, "Sub", "cosine_x sine_y", "turned_x");
    node(graph, "Add", "sine_x cosine_y", "turned_y");
}

static bool perceive_gradients(nca_message *graph, const nca_model *model)
{
    const nca_spec *spec = &model->spec;
    const bool is_summed = spec->perception == NCA_SUMMED;
    if (!add_filters(graph, spec))
        return false;
    look_around(graph, "x sobel_x", "gradient_x", is_summed ? 1 : spec->channels);
    look_around(graph, "x sobel_y", "gradient_y", is_summed ? 1 : spec->channels);
    turn_gradients(graph, model->angle);
    if (is_summed) {
        nca_onnx_wholes(graph, "for_every_channel", (const int64_t[]){1, spec->channels, 1, 1}, 4);
        node(graph, "Tile", "turned_x for_every_channel", "all_x");
        node(graph, "Tile", "turned_y for_every_channel", "all_y");
    }
    node_on_axis(graph, "Concat", is_summed ? "x all_x all_y" : "x turned_x turned_y", "perceived",
                 1);
    return true;
}

// A convolution of each channel by itself gives its nine neighbours one after the other; the
// network wants all channels of the first neighbour, then of the second, and so on.
static bool perceive_neighbours(nca_message *graph, const nca_spec *spec)
{
    const int64_t channels = spec->channels, shape[] = {9 * channels, 1, 3, 3};
    float *filters = calloc((size_t)channels * 81, sizeof *filters);
    int64_t *order = malloc((size_t)channels * 9 * sizeof *order);
    for (int64_t i = 0; filters && order && i < 9 * channels; i++) {
        filters[i * 9 + i % 9] = 1;
        order[i] = i % channels * 9 + i / channels;
    }
    const bool is_done = filters && order;
    if (is_done) {
        nca_onnx_floats(graph, "neighbours", filters, 4, shape);
        nca_onnx_wholes(graph, "by_neighbour", order, (int)(9 * channels));
        look_around(graph, "x neighbours", "by_channel", channels);
        node_on_axis(graph, "Gather", "by_channel by_neighbour", "perceived", 1);
    }
    free(filters);
    free(order);
    return is_done;
}

// -- Network --------------------------------------------------------------------------------------

// A linear layer of every cell: a convolution of 1x1. Its tensors keep their names.
static void linear(nca_message *graph, const nca_model *model, int weight, const char *input,
                   const char *output)
{
    const nca_layout layout = nca_layout_of(&model->spec);
    const nca_tensor_shape shape = nca_tensor_shape_of(weight, &model->spec);
    const int64_t rows = (int64_t)shape.size[0], sizes[] = {rows, (int64_t)shape.size[1], 1, 1};
    const int bias = weight + 1;
    char inputs[100];
    snprintf(inputs, sizeof inputs, "%s %s %s", input, nca_tensor_name(weight),
             nca_tensor_name(bias));
    nca_onnx_floats(graph, nca_tensor_name(weight), model->parameters + layout.offset[weight], 4,
                    sizes);
    nca_onnx_floats(graph, nca_tensor_name(bias), model->parameters + layout.offset[bias], 1,
                    &rows);
    nca_onnx_node(graph, "Conv", inputs, output, NULL, 0);
}

static void add_network(nca_message *graph, const nca_model *model)
{
    const bool has_two = model->spec.hidden[1] > 0;
    linear(graph, model, NCA_HIDDEN_WEIGHT, "perceived", "hidden.sum");
    node(graph, "Relu", "hidden.sum", "hidden");
    if (has_two) {
        linear(graph, model, NCA_HIDDEN2_WEIGHT, "hidden", "hidden2.sum");
        node(graph, "Relu", "hidden2.sum", "hidden2");
    }
    linear(graph, model, NCA_OUTPUT_WEIGHT, has_two ? "hidden2" : "hidden", "output");
}

// -- Masks ----------------------------------------------------------------------------------------

// Which cells are alive by the largest alpha around them.
static void find_alive(nca_message *graph, const char *state, const char *alive)
{
    const nca_onnx_attribute attributes[] = {{"kernel_shape", true, 2, {3, 3}},
                                             {"pads", true, 4, {1, 1, 1, 1}}};
    char alpha[40], largest[48], inputs[80];
    snprintf(alpha, sizeof alpha, "%s.alpha", state);
    snprintf(largest, sizeof largest, "%s.largest", alpha);
    snprintf(inputs, sizeof inputs, "%s alive_channel", state);
    node_on_axis(graph, "Gather", inputs, alpha, 1);
    nca_onnx_node(graph, "MaxPool", alpha, largest, attributes, 2);
    snprintf(inputs, sizeof inputs, "%s threshold", largest);
    node(graph, "Greater", inputs, alive);
}

// Which cells are updated: those that fire, and live where a channel says who does.
static const char *add_updated(nca_message *graph, const nca_spec *spec)
{
    const nca_onnx_attribute to_f32 = {"to", false, 1, {1}};
    nca_onnx_wholes(graph, "channel_axis", (const int64_t[]){1}, 1);
    node(graph, "Unsqueeze", "fire channel_axis", "fires");
    if (spec->alive != NCA_ALIVE_CHANNEL)
        return "fires";
    node_on_axis(graph, "Gather", "x alive_channel", "life", 1);
    node(graph, "Greater", "life threshold", "lives");
    nca_onnx_node(graph, "Cast", "lives", "alive", &to_f32, 1);
    node(graph, "Mul", "fires alive", "updated");
    return "updated";
}

static void add_update(nca_message *graph, const nca_model *model)
{
    const nca_spec *spec = &model->spec;
    char inputs[80];
    if (spec->noise > 0) {
        transpose(graph, "noise", "noise_of_channels", false);
        node(graph, "Add", "output noise_of_channels", "noisy");
    }
    nca_onnx_number(graph, "step_size", (float)model->step_size);
    node(graph, "Mul", spec->noise > 0 ? "noisy step_size" : "output step_size", "step");
    snprintf(inputs, sizeof inputs, "step %s", add_updated(graph, spec));
    node(graph, "Mul", inputs, "update");
    if (spec->frozen > 0) {
        nca_onnx_wholes(graph, "behind_frozen",
                        (const int64_t[]){0, spec->frozen, 0, 0, 0, 0, 0, 0}, 8);
        node(graph, "Pad", "update behind_frozen", "update_of_all");
    }
    node(graph, "Add", spec->frozen > 0 ? "x update_of_all" : "x update", "y");
}

static void add_masks(nca_message *graph)
{
    nca_onnx_number(graph, "zero", 0);
    find_alive(graph, "x", "alive_before");
    find_alive(graph, "y", "alive_after");
    node(graph, "And", "alive_before alive_after", "stays_alive");
    node(graph, "Where", "stays_alive y zero", "living");
}

// -- The graph ------------------------------------------------------------------------------------

static void add_inputs(nca_message *graph, const nca_model *model)
{
    const nca_spec *spec = &model->spec;
    char state[40], noise[40];
    snprintf(state, sizeof state, "B H W %d", spec->channels);
    snprintf(noise, sizeof noise, "B H W %d", nca_spec_outputs(spec));
    nca_onnx_value(graph, NCA_ONNX_INPUT, "state", state,
                   "as nca run writes it into an .npy: a frame, with a batch in front");
    nca_onnx_value(graph, NCA_ONNX_INPUT, "fire", "B H W", "1 where a cell updates, else 0");
    if (spec->noise > 0)
        nca_onnx_value(graph, NCA_ONNX_INPUT, "noise", noise,
                       "normal numbers of the deviation in the metadata, or zeros");
    nca_onnx_value(graph, NCA_ONNX_OUTPUT, "next", state, "the state after the step");
}

// False without memory.
static bool add_step(nca_message *graph, const nca_model *model)
{
    const nca_spec *spec = &model->spec;
    const bool is_maximum = spec->alive == NCA_ALIVE_MAXIMUM;
    const int64_t channel = is_maximum ? NCA_ALPHA : spec->alive_channel;
    transpose(graph, "state", "x", false);
    if (spec->alive != NCA_ALIVE_EVERYWHERE) {
        nca_onnx_wholes(graph, "alive_channel", &channel, 1);
        nca_onnx_number(graph, "threshold", NCA_ALIVE_THRESHOLD);
    }
    if (!(spec->perception == NCA_MOORE ? perceive_neighbours(graph, spec)
                                        : perceive_gradients(graph, model)))
        return false;
    add_network(graph, model);
    add_update(graph, model);
    if (is_maximum)
        add_masks(graph);
    transpose(graph, is_maximum ? "living" : "y", "next", true);
    return true;
}

static void describe_model(nca_message *out, nca_message *graph, const nca_model *model)
{
    char fire_rate[40], noise[40], height[20], width[20], name[sizeof model->name];
    const char *const pairs[] = {"fire_rate", fire_rate,    "noise", noise, "grid_height",
                                 height,      "grid_width", width,   NULL};
    snprintf(fire_rate, sizeof fire_rate, "%.9g", model->fire_rate);
    snprintf(noise, sizeof noise, "%.9g", model->spec.noise);
    snprintf(height, sizeof height, "%d", model->grid_height);
    snprintf(width, sizeof width, "%d", model->grid_width);
    nca_text_copy(name, sizeof name, *model->name ? model->name : "a rule");
    nca_onnx_model(out, graph, "step", name, pairs);
}

static nca_status write_onnx(const nca_export *what, const char *place, nca_error *error)
{
    const nca_model *model = &what->rules[0].model;
    nca_message graph = {0}, file = {0};
    nca_status status;
    add_inputs(&graph, model);
    const bool is_done = add_step(&graph, model);
    describe_model(&file, &graph, model);
    if (!is_done || file.is_short)
        NCA_GO(nca_fail(error, NCA_MEMORY, "%s: no memory to write it", place));
    NCA_GO(nca_file_write(place, file.bytes, file.size_bytes, error));
cleanup:
    nca_message_free(&file);
    return status;
}

const nca_exporter nca_exporter_onnx = {
    .extension = ".onnx",
    .description = "one step of the rule as an ONNX graph",
    .rules_max = 1,
    .numbers = {NCA_FLOAT32, NCA_NUMBERS},
    .write = write_onnx,
};
