// The command line: every option from its row, nothing guessed, nothing ignored.
#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"
#include "config/config_json.h"
#include "config/presets.h"
#include "nca/task.h"

// The name of a row as it is typed.
static const char *spell(const nca_option *row)
{
    static char name[NCA_OPTION_NAME_BYTES];
    return nca_option_spell(row->name, name);
}

static nca_status fail_number(const nca_option *row, const char *text, const char *what,
                              nca_error *error)
{
    char range[80];
    nca_option_range(row, range, sizeof range);
    return nca_fail(error, NCA_ARGUMENT, "--%s %.60s: %smust be %s", spell(row), text, what, range);
}

nca_status nca_option_read_int(const nca_option *row, const char *text, int64_t *out,
                               nca_error *error)
{
    char *end;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    if (end == text || *end || strspn(text, "+-0123456789") != strlen(text))
        return fail_number(row, text, "not a whole number; it ", error);
    if (errno == ERANGE || (double)value < row->min || (double)value > row->max)
        return fail_number(row, text, "", error);
    *out = value;
    return NCA_OK;
}

nca_status nca_option_read_real(const nca_option *row, const char *text, double *out,
                                nca_error *error)
{
    char *end;
    errno = 0;
    const double value = strtod(text, &end);
    // Words (nan, infinity) and hexadecimal have letters that a decimal number has not.
    if (end == text || *end || strspn(text, "+-.eE0123456789") != strlen(text))
        return fail_number(row, text, "not a number; it ", error);
    if (errno == ERANGE && value == 0)
        return fail_number(row, text, "too small to be told from 0; it ", error);
    if (!(value >= row->min && value <= row->max))
        return fail_number(row, text, "", error);
    *out = value;
    return NCA_OK;
}

static nca_status fail_empty(const nca_option *row, nca_error *error)
{
    return nca_fail(error, NCA_ARGUMENT, "--%s: needs a value, %s", spell(row), row->value);
}

static nca_status store_text(const nca_option *row, const char *text, char *to, nca_error *error)
{
    if (!*text && row->min > 0)
        return fail_empty(row, error);
    if (strlen(text) >= NCA_TEXT_BYTES)
        return nca_fail(error, NCA_ARGUMENT, "--%s: longer than %d bytes", spell(row),
                        NCA_TEXT_BYTES - 1);
    memcpy(to, text, strlen(text) + 1);
    return NCA_OK;
}

static nca_status store_item(const nca_option *row, const char *text, nca_option_list *list,
                             nca_error *error)
{
    if (!*text)
        return fail_empty(row, error);
    if (list->count == NCA_OPTION_LIST_MAX)
        return nca_fail(error, NCA_ARGUMENT, "--%s: given more than %d times", spell(row),
                        NCA_OPTION_LIST_MAX);
    list->item[list->count++] = text;
    return NCA_OK;
}

// Puts a value into the field of its row.
static nca_status store(const nca_option *row, const char *text, void *values, nca_error *error)
{
    void *field = (char *)values + row->target;
    switch (row->kind) {
    case NCA_OPTION_TEXT:
        return store_text(row, text, field, error);
    case NCA_OPTION_STRING:
        if (!*text)
            return fail_empty(row, error);
        *(const char **)field = text;
        return NCA_OK;
    case NCA_OPTION_INT:
        return nca_option_read_int(row, text, field, error);
    case NCA_OPTION_REAL:
        return nca_option_read_real(row, text, field, error);
    case NCA_OPTION_LIST:
        return store_item(row, text, field, error);
    case NCA_OPTION_FLAG:
    case NCA_OPTION_SWITCH:
        break;
    }
    return NCA_OK;
}

// What is being parsed, and where its values go.
typedef struct option_parser {
    const nca_command *command;
    int argc, at;
    char **argv;
    void *values;
    nca_config *config;
    nca_config_source source;
    nca_arguments *arguments;
    nca_error *error;
} option_parser;

// Names of the command's options, or of its flags only; `room` of them at most.
static size_t collect_names(const option_parser *parser, bool only_flags, const char **names,
                            size_t room)
{
    const nca_option *tables[] = {parser->command->options,
                                  parser->config ? nca_config_options() : NULL,
                                  parser->config ? nca_config_sources() : NULL};
    size_t count = 0;
    for (size_t t = 0; t < 3; t++)
        for (const nca_option *row = tables[t]; row && row->name && count < room; row++)
            if (!only_flags || nca_option_is_flag(row))
                names[count++] = row->name;
    return count;
}

static nca_status fail_unknown(const option_parser *parser, const char *name, size_t length)
{
    const char *names[128], *no = "";
    char word[64];
    snprintf(word, sizeof word, "%.*s", (int)(length < 63 ? length : 63), name);
    size_t count = collect_names(parser, false, names, 127);
    names[count++] = "help";
    const char *nearest = nca_nearest(word, names, count);
    if (!nearest && strncmp(word, "no-", 3) == 0) {
        no = "no-";
        nearest = nca_nearest(word + 3, names, collect_names(parser, true, names, 128));
    }
    if (!nearest)
        return nca_fail(parser->error, NCA_ARGUMENT, "--%s: no such option; see %s --help", word,
                        nca_command_words(parser->command));
    const nca_option shown = {.name = nearest};
    return nca_fail(parser->error, NCA_ARGUMENT, "--%s: no such option; did you mean --%s%s?", word,
                    no, spell(&shown));
}

// The row of an option and the struct its value goes to.
static const nca_option *find_row(option_parser *parser, const char *name, size_t length,
                                  void **values)
{
    const nca_option *row = nca_option_find(parser->command->options, name, length);
    *values = parser->values;
    if (!row && parser->config) {
        row = nca_option_find(nca_config_options(), name, length);
        *values = parser->config;
    }
    if (!row && parser->config) {
        row = nca_option_find(nca_config_sources(), name, length);
        *values = &parser->source;
    }
    return row;
}

// A flag, as --name or --no-name.
static nca_status store_flag(option_parser *parser, const nca_option *row, void *values, bool is_on,
                             bool has_value)
{
    if (has_value)
        return nca_fail(parser->error, NCA_ARGUMENT, "--%s: takes no value; write --%s or --no-%s",
                        spell(row), spell(row), spell(row));
    void *field = (char *)values + row->target;
    if (row->kind == NCA_OPTION_SWITCH)
        *(int *)field = is_on;
    else
        *(bool *)field = is_on;
    return NCA_OK;
}

// The value of an option in the word after it. One that looks like an option is a forgotten value.
static nca_status store_next(option_parser *parser, const nca_option *row, void *values)
{
    if (parser->at >= parser->argc)
        return fail_empty(row, parser->error);
    const char *text = parser->argv[parser->at++];
    if (strncmp(text, "--", 2) == 0)
        return nca_fail(parser->error, NCA_ARGUMENT,
                        "--%s: needs a value, %s; write --%s=%.60s where that is one", spell(row),
                        row->value, spell(row), text);
    return store(row, text, values, parser->error);
}

// `name` is the word without its dashes.
static nca_status parse_option(option_parser *parser, const char *name)
{
    const char *equals = strchr(name, '=');
    const size_t length = equals ? (size_t)(equals - name) : strlen(name);
    void *values;
    const nca_option *row = find_row(parser, name, length, &values);
    parser->at++;
    if (row && nca_option_is_flag(row))
        return store_flag(parser, row, values, true, equals != NULL);
    if (!row && length > 3 && strncmp(name, "no-", 3) == 0) {
        row = find_row(parser, name + 3, length - 3, &values);
        if (row && nca_option_is_flag(row))
            return store_flag(parser, row, values, false, equals != NULL);
        row = NULL;
    }
    if (!row)
        return fail_unknown(parser, name, length);
    if (equals)
        return store(row, equals + 1, values, parser->error);
    return store_next(parser, row, values);
}

static nca_status fail_too_many(const option_parser *parser)
{
    const int most = parser->command->arguments_max;
    char words[32] = "";
    if (most > 1)
        snprintf(words, sizeof words, ", at most %d", most);
    return nca_fail(parser->error, NCA_ARGUMENT, "%.100s: one argument too many%s; see %s --help",
                    parser->argv[parser->at], words, nca_command_words(parser->command));
}

static nca_status parse_argument(option_parser *parser)
{
    if (parser->arguments->count >= parser->command->arguments_max ||
        parser->arguments->count >= NCA_OPTION_LIST_MAX)
        return fail_too_many(parser);
    parser->arguments->item[parser->arguments->count++] = parser->argv[parser->at++];
    return NCA_OK;
}

// -o
static nca_status parse_output(option_parser *parser)
{
    const nca_option *row = parser->command->options;
    while (row && row->name && !nca_option_is_output(row))
        row++;
    if (!row || !row->name)
        return nca_fail(parser->error, NCA_ARGUMENT, "-o: no such option; see %s --help",
                        nca_command_words(parser->command));
    return parse_option(parser, row->name);
}

static nca_status parse_all(option_parser *parser, bool *done)
{
    bool only_arguments = false;
    parser->at = 0;
    parser->arguments->count = 0;
    while (parser->at < parser->argc && !*done) {
        const char *word = parser->argv[parser->at];
        if (!only_arguments && strcmp(word, "--") == 0) {
            only_arguments = true;
            parser->at++;
        } else if (!only_arguments && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)) {
            *done = true;
        } else if (!only_arguments && strncmp(word, "--", 2) == 0) {
            NCA_TRY(parse_option(parser, word + 2));
        } else if (!only_arguments && strcmp(word, "-o") == 0) {
            NCA_TRY(parse_output(parser));
        } else if (!only_arguments && word[0] == '-' && word[1]) {
            return nca_fail(parser->error, NCA_ARGUMENT,
                            "%.60s: no such option; options begin with --, see %s --help", word,
                            nca_command_words(parser->command));
        } else {
            NCA_TRY(parse_argument(parser));
        }
    }
    return NCA_OK;
}

// The preset that was asked for, or that of the task; empty where neither was named.
static nca_status choose_preset(const nca_config *asked, const char **out, nca_error *error)
{
    const nca_task *task;
    *out = asked->preset;
    if (*asked->preset || !*asked->task)
        return NCA_OK;
    NCA_TRY(nca_task_find(asked->task, &task, error));
    *out = task->preset ? task->preset : "";
    return NCA_OK;
}

// Preset, then file, then options, whatever their order. The options are parsed twice: first to
// learn preset and file, then over them.
static nca_status parse_config(option_parser *parser, bool *done)
{
    static nca_config first;
    nca_config *config = parser->config;
    first = nca_config_default();
    parser->config = &first;
    first.preset[0] = first.task[0] = 0;
    const nca_status status = parse_all(parser, done);
    parser->config = config;
    NCA_TRY(status);
    if (*done)
        return NCA_OK;
    *config = nca_config_default();
    const char *asked;
    NCA_TRY(choose_preset(&first, &asked, parser->error));
    if (parser->source.file) {
        nca_config named = *config;
        named.preset[0] = 0;
        NCA_TRY(nca_config_read(parser->source.file, &named, parser->error));
        const char *preset = *asked ? asked : named.preset;
        if (*preset)
            NCA_TRY(nca_preset_apply(preset, config, parser->error));
        NCA_TRY(nca_config_read(parser->source.file, config, parser->error));
    } else if (*asked) {
        NCA_TRY(nca_preset_apply(asked, config, parser->error));
    }
    return NCA_OK;
}

// Lists collect: what the first of two passes found is dropped.
static void clear_lists(const nca_command *command, void *values)
{
    for (const nca_option *row = command->options; row && row->name; row++)
        if (row->kind == NCA_OPTION_LIST)
            ((nca_option_list *)(void *)((char *)values + row->target))->count = 0;
}

nca_status nca_options_parse(const nca_command *command, int argc, char **argv, void *values,
                             nca_config *config, nca_arguments *arguments, bool *done,
                             nca_error *error)
{
    option_parser parser = {.command = command,
                            .argc = argc,
                            .argv = argv,
                            .values = values,
                            .config = config,
                            .arguments = arguments,
                            .error = error};
    *done = false;
    if (config) {
        NCA_TRY(parse_config(&parser, done));
        clear_lists(command, values);
    }
    if (!*done)
        NCA_TRY(parse_all(&parser, done));
    if (*done) {
        nca_help_print(stdout, command);
        return NCA_OK;
    }
    if (arguments->count < command->arguments_min)
        return nca_fail(error, NCA_ARGUMENT, "needs %s; see %s --help", command->arguments,
                        nca_command_words(command));
    return NCA_OK;
}

nca_status nca_options_apply(const nca_command *command, int argc, char **argv, void *values,
                             nca_config *config, nca_error *error)
{
    nca_arguments arguments;
    bool done = false;
    option_parser parser = {.command = command,
                            .argc = argc,
                            .argv = argv,
                            .values = values,
                            .config = config,
                            .arguments = &arguments,
                            .error = error};
    clear_lists(command, values);
    NCA_TRY(parse_all(&parser, &done));
    if (!parser.source.file)
        return NCA_OK;
    NCA_TRY(nca_config_read(parser.source.file, config, error));
    clear_lists(command, values);
    return parse_all(&parser, &done);
}
