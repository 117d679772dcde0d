// Settings described in lines, and compared with a config.
#define _GNU_SOURCE   // open_memstream
#include "train/saved_settings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_SHOWN = 60 };

char *nca_settings_describe(const nca_config *config)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
#define TEXT_LINE(name, ...) fprintf(to, #name "=%s\n", config->name);
#define INT_LINE(name, ...) fprintf(to, #name "=%" PRId64 "\n", config->name);
#define REAL_LINE(name, ...) fprintf(to, #name "=%.17g\n", config->name);
#define FLAG_LINE(name, ...) fprintf(to, #name "=%d\n", config->name);
    NCA_CONFIG_FIELDS(TEXT_LINE, INT_LINE, REAL_LINE, FLAG_LINE)
#undef TEXT_LINE
#undef INT_LINE
#undef REAL_LINE
#undef FLAG_LINE
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}

// The value of a line "name=value"; its length in *length.
static const char *find_line(const char *text, const char *name, size_t *length)
{
    const size_t named = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, named) == 0 && line[named] == '=') {
            *length = strcspn(line + named + 1, "\n");
            return line + named + 1;
        }
    }
    return NULL;
}

bool nca_settings_are_whole(const char *saved)
{
    size_t length;
    return find_line(saved, "seed", &length) != NULL;
}

static int shown(size_t length)
{
    return length < VALUE_SHOWN ? (int)length : VALUE_SHOWN;
}

// Adds a setting to the words where it differs.
static void compare(const char *saved, const char *own, const char *name, char *words, size_t size)
{
    size_t saved_length = 0, length = 0;
    const char *then = find_line(saved, name, &saved_length);
    const char *now = find_line(own, name, &length);
    const size_t used = strlen(words);
    if (!then || (saved_length == length && memcmp(then, now, length) == 0))
        return;
    snprintf(words + used, size - used, "%s\"%s\" (%.*s, not %.*s)", used > 0 ? ", " : "", name,
             shown(saved_length), then, shown(length), now);
}

bool nca_settings_compare(const char *saved, const nca_config *config, bool all, char *words,
                          size_t size)
{
    char *own = nca_settings_describe(config);
    *words = 0;
    if (!own)
        return false;
#define COMPARE(name, ...)                        \
    if (all || nca_config_matters(#name, config)) \
        compare(saved, own, #name, words, size);
    NCA_CONFIG_FIELDS(COMPARE, COMPARE, COMPARE, COMPARE)
#undef COMPARE
    free(own);
    return true;
}
