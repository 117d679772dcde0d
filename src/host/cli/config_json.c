// config.json: every hyper-parameter by its name, read strictly and written to round trip.
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "io/files.h"

enum { FILE_LIMIT_BYTES = 1 << 20 };

nca_status nca_config_to_json(const nca_config *config, char **text, nca_error *error)
{
    json_t *object = json_object();
    for (const nca_option *row = nca_config_options(); row->name; row++) {
        const void *field = (const char *)config + row->target;
        json_t *value = row->kind == NCA_OPTION_TEXT   ? json_string(field)
                        : row->kind == NCA_OPTION_INT  ? json_integer(*(const int64_t *)field)
                        : row->kind == NCA_OPTION_REAL ? json_real(*(const double *)field)
                                                       : json_boolean(*(const bool *)field);
        if (json_object_set_new(object, row->name, value) != 0) {
            json_decref(object);
            return nca_fail(error, NCA_ARGUMENT, "%s: not a text in UTF-8", row->name);
        }
    }
    *text = json_dumps(object, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
    json_decref(object);
    return *text ? NCA_OK : nca_fail(error, NCA_MEMORY, "config.json: no memory to write it");
}

static nca_status fail_type(const char *name, const nca_option *row, const char *what,
                            nca_error *error)
{
    return nca_fail(error, NCA_FORMAT, "%s: \"%s\" must be %s", name, row->name, what);
}

static nca_status fail_range(const char *name, const nca_option *row, nca_error *error)
{
    return nca_fail(error, NCA_FORMAT, "%s: \"%s\" must be %.15g to %.15g", name, row->name,
                    row->min, row->max);
}

static nca_status store(const char *name, const nca_option *row, const json_t *value,
                        nca_config *config, nca_error *error)
{
    void *field = (char *)config + row->target;
    if (row->kind == NCA_OPTION_TEXT) {
        const char *text = json_string_value(value);
        if (!text || strlen(text) >= NCA_TEXT_BYTES)
            return fail_type(name, row, "a text of up to 1023 bytes", error);
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
