// The settings as rows of options, and questions about a row.
#include "config/settings.h"

#include <stdio.h>
#include <string.h>

// A text may be left empty where its default is.
// clang-format off
#define TEXT_ROW(name, standard, value, help)                                                     \
    {#name, NCA_OPTION_TEXT, offsetof(nca_config, name), sizeof(standard) > 1, NCA_TEXT_BYTES - 1, \
     value, help, NULL},
#define INT_ROW(name, standard, min, max, value, help)                                            \
    {#name, NCA_OPTION_INT, offsetof(nca_config, name), (double)min, (double)max, value, help,    \
     NULL},
#define REAL_ROW(name, standard, min, max, value, help)                                           \
    {#name, NCA_OPTION_REAL, offsetof(nca_config, name), min, max, value, help, NULL},
#define FLAG_ROW(name, standard, help)                                                            \
    {#name, NCA_OPTION_FLAG, offsetof(nca_config, name), 0, 0, NULL, help, NULL},
// clang-format on

static const nca_option config_rows[] = {
    NCA_CONFIG_FIELDS(TEXT_ROW, INT_ROW, REAL_ROW, FLAG_ROW){0},
};

static const nca_option source_rows[] = {
    {"config", NCA_OPTION_STRING, offsetof(nca_config_source, file), 0, 0, "FILE.json",
     "settings by their names in config.json, over the preset", NULL},
    {0},
};

const nca_option *nca_config_options(void)
{
    return config_rows;
}

const nca_option *nca_config_sources(void)
{
    return source_rows;
}

static char dashed(char c)
{
    return c == '_' ? '-' : c;
}

const nca_option *nca_option_find(const nca_option *rows, const char *name, size_t length)
{
    for (const nca_option *row = rows; row && row->name; row++) {
        size_t i = 0;
        while (i < length && dashed(row->name[i]) == dashed(name[i]))
            i++;
        if (i == length && !row->name[i])
            return row;
    }
    return NULL;
}

const char *nca_option_spell(const char *name, char text[NCA_OPTION_NAME_BYTES])
{
    size_t i = 0;
    for (; name[i] && i + 1 < NCA_OPTION_NAME_BYTES; i++)
        text[i] = dashed(name[i]);
    text[i] = 0;
    return text;
}

bool nca_option_is_output(const nca_option *row)
{
    return strcmp(row->name, "output") == 0 || strcmp(row->name, "out") == 0;
}

bool nca_option_is_flag(const nca_option *row)
{
    return row->kind == NCA_OPTION_FLAG || row->kind == NCA_OPTION_SWITCH;
}

void nca_option_range(const nca_option *row, char *text, size_t size)
{
    if (row->kind == NCA_OPTION_INT)
        snprintf(text, size, "%.0f to %.0f", row->min, row->max);
    else
        snprintf(text, size, "%.15g to %.15g", row->min, row->max);
}
