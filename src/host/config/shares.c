// Updates given as a share of all, such as the 40% of "steps:40%x0.3".
#include "config/shares.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char digits[] = "0123456789";

// The characters of "18.75" in "18.75%x0.3"; 0 where no share begins.
static size_t share_length(const char *text)
{
    size_t length = strspn(text, digits);
    if (length > 0 && text[length] == '.')
        length += 1 + strspn(text + length + 1, digits);
    return length > 0 && text[length] == '%' && text[length + 1] != '%' ? length : 0;
}

// A share stands where an update can: at the beginning, and after ':' or ','.
static bool can_begin(const char *text, const char *item)
{
    return item == text || item[-1] == ':' || item[-1] == ',';
}

nca_status nca_shares_settle(const char *option, int64_t updates, char text[NCA_TEXT_BYTES],
                             nca_error *error)
{
    char settled[NCA_TEXT_BYTES];
    size_t used = 0;
    for (const char *item = text; *item && used < sizeof settled;) {
        const size_t length = can_begin(text, item) ? share_length(item) : 0;
        if (length == 0) {
            settled[used++] = *item++;
            continue;
        }
        const double percent = strtod(item, NULL);
        if (percent > 100)
            return nca_fail(error, NCA_ARGUMENT, "--%s: %.*s: at most 100%% of the updates", option,
                            (int)length + 1, item);
        used += (size_t)snprintf(settled + used, sizeof settled - used, "%lld",
                                 llround(percent / 100 * (double)updates));
        item += length + 1;
    }
    if (used >= sizeof settled)
        return nca_fail(error, NCA_ARGUMENT, "--%s: too long with its shares as updates", option);
    settled[used] = 0;
    memcpy(text, settled, used + 1);
    return NCA_OK;
}
