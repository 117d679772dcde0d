// nca info: what a file or a folder of a run or a study holds, or what this build and machine are.
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "cli/command.h"
#include "cli/printable.h"
#include "cli/study_info.h"
#include "config/config_json.h"
#include "media/image.h"
#include "media/writers.h"
#include "model/safetensors.h"
#include "model/zoo.h"
#include "nca/backend.h"
#include "nca/nca.h"
#include "nca/task.h"

enum { PATH_BYTES = 4096 };

typedef struct info_options {
    bool json;
} info_options;

static const nca_option rows[] = {
    {"json", NCA_OPTION_FLAG, offsetof(info_options, json), 0, 0, NULL, "JSON", NULL},
    {0},
};

#ifdef __clang__
#define COMPILER __VERSION__
#else
#define COMPILER "gcc " __VERSION__
#endif

enum { VALUE_COLUMN = 22, KEY_BYTES = 256 };

// Underscores are JSON's. Names and values may come from a hostile file.
static void print_key(const char *key, int indent)
{
    char text[KEY_BYTES];
    snprintf(text, sizeof text, "%s", key);
    for (char *c = text; *c; c++)
        *c = *c == '_' ? ' ' : *c;
    printf("%*s", indent, "");
    nca_print_safely(stdout, text);
}

// What is told is collected as JSON and printed either way.
static void print_value(const char *key, const json_t *value, int indent)
{
    char *text = json_is_string(value)
                     ? NULL
                     : json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6));
    const int used = indent + (int)strlen(key);
    print_key(key, indent);
    printf("%*s ", used < VALUE_COLUMN ? VALUE_COLUMN - used : 0, "");
    nca_print_safely(stdout, text ? text : json_string_value(value));
    putchar('\n');
    free(text);
}

static void print_object(json_t *object, int indent)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_object(value)) {
            print_key(key, indent);
            putchar('\n');
            print_object(value, indent + 2);
        } else {
            print_value(key, value, indent);
        }
    }
}

static json_t *find_program(const char *name)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : ""; *at; at += strcspn(at, ":"), at += *at == ':') {
        char full[PATH_BYTES];
        snprintf(full, sizeof full, "%.*s/%s", (int)strcspn(at, ":"), at, name);
        if (access(full, X_OK) == 0)
            return json_string(full);
    }
    return json_null();
}

static json_t *describe_device(const nca_backend *backend)
{
    nca_device *device = NULL;
    nca_device_info info;
    nca_error error;
    if (backend->open(NULL, &device, &error) != NCA_OK)
        return json_pack("{s:s, s:s}", "what", backend->description, "not here", error.message);
    backend->info(device, &info);
    backend->close(device);
    json_t *words = json_pack("{s:s, s:s, s:s, s:i, s:f}", "what", backend->description, "name",
                              info.name, "variant", info.variant, "threads", info.threads,
                              "memory_gib", (double)info.memory_bytes / (1 << 30));
    if (info.threads == 0)   // a GPU is not counted in them
        json_object_del(words, "threads");
    return words;
}

static json_t *describe_zoo(void)
{
    nca_zoo zoo;
    nca_zoo_list(&zoo);
    json_t *names = json_array();
    for (int i = 0; i < zoo.count; i++)
        json_array_append_new(names, json_sprintf(NCA_ZOO_PREFIX "%s", zoo.name[i]));
    return names;
}

static json_t *describe_build(void)
{
    json_t *devices = json_object(), *formats = json_object();
    for (const nca_backend *const *backend = nca_backends(); *backend; backend++)
        json_object_set_new(devices, (*backend)->name, describe_device(*backend));
    for (const nca_format *const *format = nca_formats(); *format; format++)
        json_object_set_new(formats, (*format)->extension, json_string((*format)->description));
    const char *font = nca_emoji_font();
    return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "nca", NCA_VERSION, "compiler",
                     COMPILER, "devices", devices, "formats", formats, "zoo", describe_zoo(),
                     "emoji_font", font ? json_string(font) : json_null(), "ffmpeg",
                     find_program("ffmpeg"));
}

static json_t *describe_tensor(const nca_tensor *tensor)
{
    json_t *shape = json_array();
    for (int i = 0; i < tensor->axes; i++)
        json_array_append_new(shape, json_integer((json_int_t)tensor->shape[i]));
    json_t *object = json_pack("{s:s, s:o}", "dtype", tensor->dtype_name, "shape", shape);
    float *x = nca_dtype_is_float(tensor->dtype) && tensor->elements > 0
                   ? malloc(tensor->elements * sizeof *x)
                   : NULL;
    if (x) {
        nca_tensor_to_floats(tensor, x);
        double low = x[0], high = x[0];
        for (size_t i = 1; i < tensor->elements; i++) {
            low = x[i] < low || isnan(x[i]) ? x[i] : low;   // NaN stays
            high = x[i] > high ? x[i] : high;
        }
        json_object_set_new(object, "range",
                            isfinite(low) && isfinite(high) ? json_pack("[f,f]", low, high)
                                                            : json_string("not finite"));
        free(x);
    }
    return object;
}

static nca_status describe_file(const char *path, json_t **out, nca_error *error)
{
    nca_tensors tensors;
    char in_zoo[NCA_PATH_BYTES];
    if (nca_zoo_is_name(path)) {
        NCA_TRY(nca_zoo_find(path, in_zoo, error));
        path = in_zoo;
    }
    NCA_TRY(nca_tensors_read(path, &tensors, error));
    json_t *named = json_object(), *metadata = json_object();
    json_int_t elements = 0;
    for (size_t i = 0; i < tensors.count; i++) {
        json_object_set_new(named, tensors.tensor[i].name, describe_tensor(&tensors.tensor[i]));
        elements += (json_int_t)tensors.tensor[i].elements;
    }
    for (size_t i = 0; i < tensors.metadata_count; i++)
        if (strcmp(tensors.metadata[i].key, "config") != 0)   // a run folder shows it itself
            json_object_set_new(metadata, tensors.metadata[i].key,
                                json_string(tensors.metadata[i].value));
    *out = json_pack("{s:s, s:I, s:o, s:o}", "file", path, "elements", elements, "metadata",
                     metadata, "tensors", named);
    nca_tensors_free(&tensors);
    return NCA_OK;
}

// The last whole line of the metrics, and how many there are.
static nca_status describe_metrics(const char *folder, json_t *into, nca_error *error)
{
    char path[PATH_BYTES];
    uint8_t *text;
    size_t size_bytes, lines = 0, start = 0, last = 0;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    NCA_TRY(nca_text_read(path, (size_t)4 << 30, &text, &size_bytes, error));
    for (size_t i = 0; i < size_bytes; i++)
        if (text[i] == '\n') {
            last = start;
            start = i + 1;
            lines++;
        }
    json_object_set_new(into, "updates_done", json_integer((json_int_t)lines));
    json_t *line = lines > 0 ? json_loadb((char *)text + last, start - last, 0, NULL) : NULL;
    json_object_set_new(into, "latest", line ? line : json_null());
    free(text);
    return NCA_OK;
}

static nca_status describe_folder(const char *folder, json_t **out, nca_error *error)
{
    char path[PATH_BYTES];
    nca_config config = nca_config_default();
    snprintf(path, sizeof path, "%s/config.json", folder);
    NCA_TRY(nca_config_read(path, &config, error));
    json_t *about = json_pack("{s:s, s:s, s:s, s:I, s:I}", "run", folder, "preset", config.preset,
                              "target", nca_task_source(&config), "updates",
                              (json_int_t)config.updates, "seed", (json_int_t)config.seed);
    json_t *model = NULL;
    nca_error why;
    nca_status status;
    NCA_GO(describe_metrics(folder, about, error));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    if (describe_file(path, &model, &why) != NCA_OK)
        model = json_pack("{s:s}", "not readable", why.message);
    if (model)
        json_object_set_new(about, "model", model);
    *out = about;
    return NCA_OK;
cleanup:
    json_decref(about);
    return status;
}

static nca_status inform(nca_call *call)
{
    const info_options *options = call->options;
    const char *path = call->arguments.count > 0 ? call->arguments.item[0] : NULL;
    json_t *about = NULL;
    if (!path)
        about = describe_build();
    else
        NCA_TRY(nca_is_study(path)    ? nca_study_describe(path, &about, &call->error)
                : nca_is_folder(path) ? describe_folder(path, &about, &call->error)
                                      : describe_file(path, &about, &call->error));
    if (!about)   // JSON holds UTF-8 only
        return nca_fail(&call->error, NCA_ARGUMENT, "%s: a name that is not UTF-8; rename it",
                        path ? path : "this machine");
    if (options->json) {
        json_dumpf(about, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_object(about, 0);
    }
    json_decref(about);
    return NCA_OK;
}

const nca_command nca_command_info = {
    .name = "info",
    .arguments = "[MODEL|DIR]",
    .summary = "Says what a file or a folder holds, or what this build and machine are",
    .options = rows,
    .arguments_max = 1,
    .options_bytes = sizeof(info_options),
    .work = inform,
};
