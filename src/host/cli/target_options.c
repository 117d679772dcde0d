// A cell of the grid on the command line.
#include "cli/target_options.h"

#include "config/grid.h"

nca_status nca_place_read(const char *option, const char *text, int height, int width, int place[2],
                          nca_error *error)
{
    int read[2];
    if (!nca_place_parse(text, read) || read[0] >= height || read[1] >= width)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s %.40s: must be a row and a column of the grid, 0,0 to %d,%d", option,
                        text, height - 1, width - 1);
    place[0] = read[0];
    place[1] = read[1];
    return NCA_OK;
}
