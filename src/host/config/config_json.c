// config.json: every hyper-parameter by its name, read strictly and written to round trip.
#define _GNU_SOURCE   // open_memstream
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/nearest.h"
#include "config/config_json.h"
#include "config/settings.h"

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

// JSON holds texts in UTF-8 and finite numbers only.
static nca_status fail_unwritable(const nca_option *row, const nca_config *config, nca_error *error)
{
    if (row->kind != NCA_OPTION_TEXT)
        return nca_fail(error, NCA_ARGUMENT, "--%s: not a finite number; give one", row->name);
    return nca_fail(error, NCA_ARGUMENT,
                    "--%s %.200s: not UTF-8, and so nothing that config.json can hold; give the "
                    "file another name",
                    row->name, (const char *)config + row->target);
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
        return refused ? fail_unwritable(refused, config, error)
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

// What is wrong, and what to do about it.
static nca_status fail_syntax(const char *name, const json_error_t *where, nca_error *error)
{
    const enum json_error_code code = json_error_code(where);
    const char *way_out =
        code == json_error_numeric_overflow ? "write a smaller number"
        : code == json_error_duplicate_key  ? "leave one of them out"
        : code == json_error_invalid_utf8   ? "save it as UTF-8"
        : code == json_error_premature_end_of_input || code == json_error_end_of_input_expected
            ? "it must be a whole JSON object of settings"
            : "correct it there";
    return nca_fail(error, NCA_FORMAT, "%s: line %d: %s; %s", name, where->line, where->text,
                    way_out);
}

// The end of a number or a string that begins here.
static const char *skip(const char *at, const char *end)
{
    static const char digits[] = "+-.eE0123456789";
    if (*at != '"') {
        while (at < end && *at && strchr(digits, *at))
            at++;
        return at;
    }
    for (at++; at < end && *at != '"'; at++)
        at += *at == '\\' && at + 1 < end;
    return at < end ? at + 1 : end;
}

// Whether a number of well formed JSON is too small for a double, which jansson reads as 0.
static bool is_vanishing(const char *at, size_t length)
{
    size_t digits = 0;
    while (digits < length && at[digits] != 'e' && at[digits] != 'E' &&
           !(at[digits] >= '1' && at[digits] <= '9'))
        digits++;
    if (digits == length || at[digits] == 'e' || at[digits] == 'E')
        return false;   // it is 0
    char *number = strndup(at, length);
    const bool is_zero = number && strtod(number, NULL) == 0;
    free(number);
    return is_zero;
}

static nca_status check_numbers(const char *text, size_t size_bytes, const char *name,
                                nca_error *error)
{
    const char *end = text + size_bytes;
    int line = 1;
    for (const char *at = text, *next; at < end; at = next) {
        const bool is_number = *at == '-' || (*at >= '0' && *at <= '9');
        next = is_number || *at == '"' ? skip(at, end) : at + 1;
        line += *at == '\n';
        if (is_number && is_vanishing(at, (size_t)(next - at)))
            return nca_fail(error, NCA_FORMAT,
                            "%s: line %d: %.*s: too small to be told from 0; write 0 or a larger "
                            "number",
                            name, line, (int)(next - at < 40 ? next - at : 40), at);
    }
    return NCA_OK;
}

nca_status nca_config_from_json(const char *text, size_t size_bytes, const char *name,
                                nca_config *config, nca_error *error)
{
    json_error_t where;
    json_t *object = json_loadb(text, size_bytes, JSON_REJECT_DUPLICATES, &where);
    if (!json_is_object(object)) {
        json_decref(object);
        return object ? nca_fail(error, NCA_FORMAT, "%s: not a JSON object of settings", name)
                      : fail_syntax(name, &where, error);
    }
    nca_config changed = *config;
    nca_status status = check_numbers(text, size_bytes, name, error);
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (status != NCA_OK)
            break;
        const nca_option *row = nca_option_find(nca_config_options(), key, strlen(key));
        if (row && strcmp(row->name, key) != 0)
            row = NULL;   // dashes are the command line's; here they would allow a key twice
        status = row ? store(name, row, value, &changed, error) : fail_unknown(name, key, error);
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
    NCA_TRY(nca_text_read(path, FILE_LIMIT_BYTES, &text, &size_bytes, error));
    const nca_status status =
        nca_config_from_json((const char *)text, size_bytes, path, config, error);
    free(text);
    return status;
}

nca_status nca_config_write(const char *path, const nca_config *config, nca_error *error)
{
    char *text;
    NCA_TRY(nca_config_to_json(config, &text, error));
    const nca_status status = nca_file_write(path, text, strlen(text), error);
    free(text);
    return status;
}

nca_status nca_config_checksum(const nca_config *config, char checksum[NCA_CHECKSUM_BYTES],
                               nca_error *error)
{
    char *text;
    NCA_TRY(nca_config_to_json(config, &text, error));
    const nca_bytes whole = {text, strlen(text)};
    nca_checksum(&whole, 1, checksum);
    free(text);
    return NCA_OK;
}
