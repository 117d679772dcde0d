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

nca_status nca_format_find(const char *path, const nca_format **out, nca_error *error)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    char known[128] = "";
    for (const nca_format *const *format = formats; *format; format++) {
        if (dot && strcasecmp(dot, (*format)->extension) == 0) {
            *out = *format;
            return NCA_OK;
        }
        const size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", (*format)->extension);
    }
    return nca_fail(error, NCA_ARGUMENT, "%.200s: its extension says no format; choose one of %s",
                    path, known);
}
