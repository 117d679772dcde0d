// config.json: every hyper-parameter by its name, read strictly and written to round trip.
#define _GNU_SOURCE   // open_memstream
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "io/files.h"

enum { FILE_LIMIT_BYTES = 1 << 20 };

// The shortest decimal that reads back as the same double, so that 0.002 stays 0.002.
static void print_real(FILE *to, double value)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    fprintf(to, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

// False for a text that JSON cannot hold.
static bool print_text(FILE *to, const char *value)
{
    json_t *text = json_string(value);
    const bool is_written = text && json_dumpf(text, to, JSON_ENCODE_ANY) == 0;
    json_decref(text);
    return is_written;
}

static bool print_field(FILE *to, const nca_option *row, const nca_config *config)
{
    const void *field = (const char *)config + row->target;
    fprintf(to, "  \"%s\": ", row->name);
    switch (row->kind) {
    case NCA_OPTION_TEXT:
        return print_text(to, field);
    case NCA_OPTION_INT:
        fprintf(to, "%" PRId64, *(const int64_t *)field);
        return true;
    case NCA_OPTION_REAL:
        print_real(to, *(const double *)field);
        return isfinite(*(const double *)field);
    default:
        fputs(*(const bool *)field ? "true" : "false", to);
        return true;
    }
}

nca_status nca_config_to_json(const nca_config *config, char **text, nca_error *error)
{
    char *written = NULL;
    size_t size_bytes;
    FILE *to = open_memstream(&written, &size_bytes);
    const nca_option *refused = NULL;
    if (!to)
        return nca_fail(error, NCA_MEMORY, "config.json: no memory to write it");
    for (const nca_option *row = nca_config_options(); row->name && !refused; row++) {
        fputs(row == nca_config_options() ? "{\n" : ",\n", to);
        if (!print_field(to, row, config))
            refused = row;
    }
    fputs("\n}\n", to);
    if (fclose(to) != 0 || refused) {
        free(written);
        return refused ? nca_fail(error, NCA_ARGUMENT,
                                  "%s: JSON can hold texts in UTF-8 and finite numbers only; this "
                                  "is neither",
                                  refused->name)
                       : nca_fail(error, NCA_MEMORY, "config.json: no memory to write it");
    }
    *text = written;
    return NCA_OK;
}

static nca_status fail_type(const char *name, const nca_option *row, const char *what,
                            nca_error *error)
{
    return nca_fail(error, NCA_FORMAT, "%s: \"%s\" must be %s", name, row->name, what);
}

static nca_status fail_range(const char *name, const nca_option *row, nca_error *error)
{
    char range[80];
    nca_option_range(row, range, sizeof range);
    return nca_fail(error, NCA_FORMAT, "%s: \"%s\" must be %s", name, row->name, range);
}

static nca_status store(const char *name, const nca_option *row, const json_t *value,
                        nca_config *config, nca_error *error)
{
    void *field = (char *)config + row->target;
    if (row->kind == NCA_OPTION_TEXT) {
        const char *text = json_string_value(value);
        if (!text || strlen(text) < row->min || strlen(text) > row->max)
            return fail_type(
                name, row,
                row->min > 0 ? "a text of 1 to 1023 bytes" : "a text of up to 1023 bytes", error);
        memcpy(field, text, strlen(text) + 1);
    } else if (row->kind == NCA_OPTION_FLAG) {
        if (!json_is_boolean(value))
            return fail_type(name, row, "true or false", error);
        *(bool *)field = json_is_true(value);
    } else if (!json_is_number(value)) {
        return fail_type(name, row, "a number", error);
    } else if (row->kind == NCA_OPTION_INT) {
        if (!json_is_integer(value))
            return fail_type(name, row, "a whole number", error);
        const json_int_t number = json_integer_value(value);
        if ((double)number < row->min || (double)number > row->max)
            return fail_range(name, row, error);
        *(int64_t *)field = number;
    } else {
        const double number = json_number_value(value);
        if (!(number >= row->min && number <= row->max))
            return fail_range(name, row, error);
        *(double *)field = number;
    }
    return NCA_OK;
}

static nca_status fail_unknown(const char *name, const char *key, nca_error *error)
{
    const char *candidates[128];
    size_t count = 0;
    for (const nca_option *row = nca_config_options(); row->name && count < 128; row++)
        candidates[count++] = row->name;
    const char *nearest = nca_nearest(key, candidates, count);
    return nca_fail(error, NCA_FORMAT, "%s: \"%.60s\": no such setting%s%s%s", name, key,
                    nearest ? "; did you mean \"" : "; see nca train --help",
                    nearest ? nearest : "", nearest ? "\"?" : "");
}

nca_status nca_config_from_json(const char *text, size_t size_bytes, const char *name,
                                nca_config *config, nca_error *error)
{
    json_error_t where;
    json_t *object = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(object)) {
        json_decref(object);
        return object ? nca_fail(error, NCA_FORMAT, "%s: not a JSON object of settings", name)
                      : nca_fail(error, NCA_FORMAT, "%s: line %d: %s; it must be a JSON object",
                                 name, where.line, where.text);
    }
    nca_config changed = *config;
    nca_status status = NCA_OK;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const nca_option *row = nca_option_find(nca_config_options(), key, strlen(key));
        if (row && strcmp(row->name, key) != 0)
            row = NULL;   // dashes are the command line's; here they would allow a key twice
        status = row ? store(name, row, value, &changed, error) : fail_unknown(name, key, error);
        if (status != NCA_OK)
            break;
    }
    json_decref(object);
    if (status == NCA_OK)
        *config = changed;
    return status;
}

nca_status nca_config_read(const char *path, nca_config *config, nca_error *error)
{
    uint8_t *text;
    size_t size_bytes;
    NCA_TRY(nca_file_read(path, FILE_LIMIT_BYTES, &text, &size_bytes, error));
    const nca_status status =
        nca_config_from_json((const char *)text, size_bytes, path, config, error);
    free(text);
    return status;
}
