// The one table of output formats: a new one is a file here and a row.
#include "media/writers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

extern const nca_format nca_format_webp, nca_format_gif, nca_format_mp4, nca_format_png,
    nca_format_npy;

static const nca_format *const formats[] = {
    &nca_format_webp, &nca_format_gif, &nca_format_mp4, &nca_format_png, &nca_format_npy, NULL,
};

const nca_format *const *nca_formats(void)
{
    return formats;
}

// `what` stands in front of the list.
static nca_status fail_format(const char *name, const char *what, nca_error *error)
{
    char known[128] = "";
    for (const nca_format *const *format = formats; *format; format++) {
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", (*format)->extension);
    }
    return nca_fail(error, NCA_ARGUMENT, "%.200s: %s; choose one of %s", name, what, known);
}

static const nca_format *find_extension(const char *extension)
{
    for (const nca_format *const *format = formats; *format; format++)
        if (strcasecmp(extension, (*format)->extension) == 0)
            return *format;
    return NULL;
}

nca_status nca_format_find(const char *path, const nca_format **out, nca_error *error)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    const nca_format *found = strcmp(path, "-") == 0 ? formats[0]
                              : dot                  ? find_extension(dot)
                                                     : NULL;
    if (!found)
        return fail_format(path, "its extension says no format", error);
    *out = found;
    return NCA_OK;
}

nca_status nca_format_named(const char *name, const nca_format **out, nca_error *error)
{
    char extension[16];
    snprintf(extension, sizeof extension, ".%s", name);
    const nca_format *found = find_extension(extension);
    if (!found)
        return fail_format(name, "no format here", error);
    *out = found;
    return NCA_OK;
}
