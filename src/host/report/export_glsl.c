// A rule as GLSL for Shadertoy and its like: the rule's constants, then report/shader/rule.glsl,
// of which the rule takes what it needs.
#define _GNU_SOURCE   // open_memstream
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "nca/nca.h"
#include "report/export.h"
#include "task/digit_set.h"

extern const char nca_shader_text[];   // rule.glsl, embedded at build time

enum { GRID = 72, COLUMN = 4 };   // the article's grid; numbers in a column of weights
enum { HALF_MAX = 65504 };        // the largest half float

// -- Weights --------------------------------------------------------------------------------------

// The nearest half float.
static unsigned half_of(float value)
{
    const double size = fmin(fabs((double)value), HALF_MAX);   // 65519 is nearest to it as well
    const int exponent = size > 0 ? (int)fmax(ilogb(size), -14) : -14;
    const unsigned steps = (unsigned)lrint(ldexp(size, 10 - exponent));   // 1024 to 2048, or fewer
    const unsigned bits = ((unsigned)(exponent + 14) << 10) + steps;
    return bits | (signbit(value) ? 0x8000u : 0);
}

// Refuses a weight that as a half float would be infinite.
static nca_status check_halves(const nca_export *what, nca_error *error)
{
    const nca_model *model = &what->rules->model;
    const nca_layout layout = nca_layout_of(&model->spec);
    for (int tensor = 0; tensor < layout.tensors && what->numbers == NCA_FLOAT16; tensor++)
        for (size_t i = 0; i < layout.size[tensor]; i++) {
            const double value = (double)model->parameters[layout.offset[tensor] + i];
            if (fabs(value) >= HALF_MAX + 16)   // half of the next step, 32
                return nca_fail(error, NCA_ARGUMENT,
                                "%s: %g in its %s is beyond %d, the largest float16; give "
                                "--numbers float32",
                                what->rules->path, value, nca_tensor_name(tensor), HALF_MAX);
        }
    return NCA_OK;
}

typedef struct weights {
    FILE *to;
    nca_numbers numbers;
    int columns;   // so far
} weights;

// A column of half floats is half of a uvec4, W for short: shaders have a largest size.
static void add_halves(const weights *all, const float column[COLUMN])
{
    unsigned half[COLUMN];
    for (int i = 0; i < COLUMN; i++)
        half[i] = half_of(column[i]);
    fprintf(all->to, "%s0x%xu,0x%xu", all->columns % 2 == 0 ? "W(" : ",", half[0] | half[1] << 16,
            half[2] | half[3] << 16);
    if (all->columns % 2 == 1)
        fputc(')', all->to);
}

static void add_column(weights *all, const float column[COLUMN])
{
    const int at_once = all->numbers == NCA_FLOAT32 ? 1 : 2;
    if (all->columns > 0 && all->columns % at_once == 0)
        fputs(all->columns % (2 * at_once) == 0 ? ",\n" : ",", all->to);
    if (all->numbers == NCA_FLOAT32)
        fprintf(all->to, "W(%.9g,%.9g,%.9g,%.9g)", (double)column[0], (double)column[1],
                (double)column[2], (double)column[3]);
    else
        add_halves(all, column);
    all->columns++;
}

// Four units after four: a column for each input, and one of biases. Rows in front, of channels
// that do not change, are zero.
static void add_layer(weights *all, const nca_model *model, int weight, int rows_in_front)
{
    const nca_layout layout = nca_layout_of(&model->spec);
    const nca_tensor_shape shape = nca_tensor_shape_of(weight, &model->spec);
    const float *values = model->parameters + layout.offset[weight];
    const float *bias = model->parameters + layout.offset[weight + 1];
    const int rows = rows_in_front + (int)shape.size[0], columns = (int)shape.size[1];
    for (int first = 0; first < rows; first += COLUMN)
        for (int i = 0; i <= columns; i++) {
            float column[COLUMN] = {0};
            for (int k = 0; k < COLUMN; k++) {
                const int row = first + k - rows_in_front;
                if (row >= 0)
                    column[k] = i < columns ? values[row * columns + i] : bias[row];
            }
            add_column(all, column);
        }
}

static void write_weights(FILE *to, const nca_model *model, nca_numbers numbers)
{
    const nca_spec *spec = &model->spec;
    const char *type = numbers == NCA_FLOAT32 ? "vec4" : "uvec4";
    weights all = {to, numbers, 0};
    fprintf(to, "#define W %s\nconst %s WEIGHTS[] = %s[](\n", type, type, type);
    add_layer(&all, model, NCA_HIDDEN_WEIGHT, 0);
    const int second = all.columns;
    if (spec->hidden[1] > 0)
        add_layer(&all, model, NCA_HIDDEN2_WEIGHT, 0);
    const int output = all.columns;
    add_layer(&all, model, NCA_OUTPUT_WEIGHT, spec->frozen);
    if (numbers != NCA_FLOAT32 && all.columns % 2 == 1)
        add_column(&all, (const float[COLUMN]){0});
    fputs(");\n", to);
    if (spec->hidden[1] > 0)
        fprintf(to, "const int HIDDEN2_AT = %d;   // first column of the second hidden layer\n",
                second);
    fprintf(to, "const int OUTPUT_AT = %d;   // first column of the output layer\n\n", output);
    fputs(numbers == NCA_FLOAT32
              ? "vec4 column(int i)\n{\n    return WEIGHTS[i];\n}\n\n"
              : "// Two half floats in a number, two columns in four.\nvec4 column(int i)\n{\n"
                "    uvec2 pair = i % 2 == 0 ? WEIGHTS[i / 2].xy : WEIGHTS[i / 2].zw;\n"
                "    return vec4(unpackHalf2x16(pair.x), unpackHalf2x16(pair.y));\n}\n\n",
          to);
}

// -- Constants ------------------------------------------------------------------------------------

// In a comment: plain letters, for some hosts choke on others.
static void write_name(FILE *to, const nca_model *model)
{
    for (const char *c = *model->name ? model->name : "A rule"; *c; c++)
        fputc(*c >= ' ' && *c <= '~' && !strchr("\\$'\"@`", *c) ? *c : ' ', to);
}

static void write_head(FILE *to, const nca_model *model, const int grid[2])
{
    const int tiles = (int)ceil(sqrt(model->spec.channels / 4.0));
    fputs("// ", to);
    write_name(to, model);
    fprintf(
        to,
        ": a neural cellular automaton, written by nca %s.\n"
        "// Four parts for the four tabs of Shadertoy, each below its line of ==== and with the\n"
        "// inputs that the line names, their filter nearest. The picture must have at least\n"
        "// %d x %d pixels. Rewind to begin again.\n\n"
        "// ==== Common ====\n",
        NCA_VERSION, tiles * grid[1], (model->spec.channels / 4 + tiles - 1) / tiles * grid[0]);
}

// A side of the rule's grid; GRID where its file does not say it (0).
static int side_of(int side)
{
    return side > 0 ? side : GRID;
}

static void write_sizes(FILE *to, const nca_model *model)
{
    const nca_spec *spec = &model->spec;
    const int height = side_of(model->grid_height), width = side_of(model->grid_width);
    fprintf(to, "const ivec2 GRID = ivec2(%d, %d);   // columns, rows\n", width, height);
    if (spec->frozen == 0)
        fprintf(to, "const ivec2 SEED = ivec2(%d, %d);   // column, row\n",
                width / 2 + model->seed[1], height / 2 + model->seed[0]);
    fprintf(to, "const int GROUPS = %d;   // of four channels\n", spec->channels / 4);
    fprintf(to, "const int TILES = %d;\n", (int)ceil(sqrt(spec->channels / 4.0)));
    fprintf(to, "const int INPUTS = %d;   // of the network, in fours\n",
            nca_spec_inputs(spec) / 4);
    fprintf(to, "const int HIDDEN = %d;   // units, in fours\n", spec->hidden[0] / 4);
    if (spec->hidden[1] > 0)
        fprintf(to, "const int HIDDEN2 = %d;   // of the second hidden layer\n",
                spec->hidden[1] / 4);
}

static void write_settings(FILE *to, const nca_model *model)
{
    const nca_spec *spec = &model->spec;
    fprintf(to, "const uint RANDOM_SEED = 1u;\n");
    fprintf(to, "const uint FIRE_RATE = %uu;   // of 65536: how often a cell is updated\n",
            nca_fire_threshold(model->fire_rate));
    fprintf(to, "const float STEP_SIZE = %#.9g;\n", model->step_size);
    if (spec->perception != NCA_MOORE)
        fprintf(to, "const float ANGLE = %#.9g;   // by which perception is rotated\n",
                nca_radians(model->angle));
    if (spec->alive != NCA_ALIVE_EVERYWHERE || spec->frozen > 0)
        fprintf(to, "const float ALIVE_THRESHOLD = %#.9g;\n", (double)NCA_ALIVE_THRESHOLD);
    if (spec->alive == NCA_ALIVE_CHANNEL)
        fprintf(to, "const int ALIVE_CHANNEL = %d;\n", spec->alive_channel);
    if (spec->noise > 0)
        fprintf(
            to,
            "const float NOISE = %#.9g;   // for a sum of random bits\nconst int FROZEN = %d;\n",
            (double)nca_noise_scale(spec->noise), spec->frozen);
}

static void write_classes(FILE *to)
{
    fprintf(to, "const int CLASSES = %d;\nconst vec3 CLASS_COLOURS[] = vec3[](", NCA_DIGIT_CLASSES);
    for (int i = 0; i < NCA_DIGIT_CLASSES; i++) {
        const uint8_t *colour = nca_digit_colours[i];
        fprintf(to, "%svec3(%d, %d, %d)",
                i % 5 ? ", "
                : i   ? ",\n    "
                      : "\n    ",
                colour[0], colour[1], colour[2]);
    }
    fputs(");\n", to);
}

// -- The text -------------------------------------------------------------------------------------

// Whether a rule needs a section of rule.glsl, by one of the words behind its "//@".
static bool needs(const nca_spec *spec, const char *words, size_t length)
{
    const char *const wanted[] = {"always",
                                  nca_perception_words[spec->perception],
                                  nca_alive_words[spec->alive],
                                  spec->hidden[1] > 0 ? "two_layers" : "one_layer",
                                  spec->frozen > 0 ? "digits" : "grows",
                                  spec->noise > 0 ? "noise" : "always"};
    for (size_t at = 0; at < length; at += strspn(words + at, " ")) {
        const size_t word = strcspn(words + at, " \n");
        for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
            if (strlen(wanted[i]) == word && strncmp(words + at, wanted[i], word) == 0)
                return true;
        at += word;
    }
    return false;
}

static void write_sections(FILE *to, const nca_spec *spec)
{
    static const char mark[] = "//@ ";
    bool is_needed = false;
    for (const char *line = nca_shader_text, *end; *line; line = end + 1) {
        end = strchr(line, '\n');
        const size_t length = (size_t)(end - line);
        if (strncmp(line, mark, strlen(mark)) == 0)
            is_needed = needs(spec, line + strlen(mark), length - strlen(mark));
        else if (is_needed)
            fprintf(to, "%.*s\n", (int)length, line);
    }
}

// A rule with frozen channels shows what its task says; the shader knows that of digits.
static nca_status check_picture(const nca_export *what, nca_error *error)
{
    const nca_export_rule *rule = what->rules;
    nca_run_task found;
    if (rule->model.spec.frozen == 0)
        return NCA_OK;
    NCA_TRY(nca_run_task_find(what->given, rule->path, &rule->model, &found, error));
    if (found.task == &nca_task_digits)
        return NCA_OK;
    return nca_fail(
        error, NCA_ARGUMENT,
        "%s: its task %s has frozen channels, which a shader cannot show; choose another "
        "format",
        rule->path, found.task->name);
}

static nca_status write_glsl(const nca_export *what, const char *place, nca_error *error)
{
    const nca_model *model = &what->rules->model;
    const int grid[2] = {side_of(model->grid_height), side_of(model->grid_width)};
    char *text = NULL;
    size_t size_bytes = 0;
    NCA_TRY(check_picture(what, error));
    NCA_TRY(check_halves(what, error));
    FILE *to = open_memstream(&text, &size_bytes);
    if (to) {
        write_head(to, model, grid);
        write_sizes(to, model);
        write_settings(to, model);
        if (model->spec.frozen > 0)
            write_classes(to);
        write_weights(to, model, what->numbers);
        write_sections(to, &model->spec);
    }
    const bool is_whole = to && !ferror(to);
    nca_status status = NCA_OK;
    if (!to || fclose(to) != 0 || !is_whole)
        status = nca_fail(error, NCA_MEMORY, "%s: no memory to write it", place);
    else
        status = nca_file_write(place, text, size_bytes, error);
    free(text);
    return status;
}

const nca_exporter nca_exporter_glsl = {
    .extension = ".glsl",
    .description = "a shader for Shadertoy and its like",
    .rules_max = 1,
    .has_grid = true,
    .numbers = {NCA_FLOAT16, NCA_FLOAT32, NCA_NUMBERS},
    .write = write_glsl,
};
