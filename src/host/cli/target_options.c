// A cell of the grid on the command line.
#include "cli/target_options.h"

#include <stdlib.h>
#include <string.h>

nca_status nca_place_read(const char *option, const char *text, int height, int width, int place[2],
                          nca_error *error)
{
    char *end;
    const bool is_plain = strspn(text, "0123456789,") == strlen(text);   // strtol skips blanks
    const long y = strtol(text, &end, 10);
    const bool has_comma = end != text && *end == ',';
    const char *second = has_comma ? end + 1 : text;
    const long x = strtol(second, &end, 10);
    if (!is_plain || !has_comma || end == second || *end || y < 0 || x < 0 || y >= height ||
        x >= width)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s %.40s: must be a row and a column of the grid, 0,0 to %d,%d", option,
                        text, height - 1, width - 1);
    place[0] = (int)y;
    place[1] = (int)x;
    return NCA_OK;
}
