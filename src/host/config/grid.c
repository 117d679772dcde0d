// The grid, from its text or from the target and its padding.
#include "config/grid.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { GRID_MAX = 65536 };

// A side of the grid; moves on behind it.
static bool read_side(const char **text, int *side)
{
    char *end;
    const long value = strtol(*text, &end, 10);
    const bool is_number = end != *text && **text >= '0' && **text <= '9';
    *text = end;
    *side = (int)value;
    return is_number && value >= 1 && value <= GRID_MAX;
}

nca_status nca_grid_read(const char *text, nca_grid *out, nca_error *error)
{
    const char *at = text;
    nca_grid grid;
    bool is_grid = read_side(&at, &grid.height);
    grid.width = grid.height;
    if (is_grid && (*at == 'x' || *at == 'X')) {
        at++;
        is_grid = read_side(&at, &grid.width);
    }
    if (strcmp(text, "auto") == 0)
        return nca_fail(error, NCA_ARGUMENT, "--grid auto: must be N or HxW here");
    if (!is_grid || *at)
        return nca_fail(error, NCA_ARGUMENT,
                        "--grid %.40s: must be N, HxW or auto, each side 1..%d", text, GRID_MAX);
    *out = grid;
    return NCA_OK;
}

bool nca_place_parse(const char *text, int place[2])
{
    char *end;
    const bool is_plain = strspn(text, "0123456789,") == strlen(text);   // strtol skips blanks
    const long y = strtol(text, &end, 10);
    const bool has_comma = end != text && *end == ',';
    const char *second = has_comma ? end + 1 : text;
    const long x = strtol(second, &end, 10);
    if (!is_plain || !has_comma || end == second || *end || y > INT_MAX || x > INT_MAX)
        return false;
    place[0] = (int)y;
    place[1] = (int)x;
    return true;
}

nca_status nca_seed_at_read(const char *text, nca_seed_at *out, nca_error *error)
{
    int place[2] = {0};
    nca_seed_at read = {.kind = NCA_SEED_CELL};
    if (strcmp(text, "auto") == 0)
        read.kind = NCA_SEED_AUTO;
    else if (strcmp(text, "middle") == 0)
        read.kind = NCA_SEED_FROM_MIDDLE;
    else if (!nca_place_parse(text, place))
        return nca_fail(error, NCA_ARGUMENT,
                        "--seed-at %.40s: must be auto, middle, or a row and a column of the grid, "
                        "as 12,20",
                        text);
    read.y = place[0];
    read.x = place[1];
    *out = read;
    return NCA_OK;
}

bool nca_grid_is_auto(const nca_config *config)
{
    return strcmp(config->grid, "auto") == 0;
}

nca_grid nca_grid_auto(const nca_config *config)
{
    const int side = (int)(config->target_size + 2 * config->padding);
    return (nca_grid){side, side};
}

nca_status nca_config_grid(const nca_config *config, nca_grid *out, nca_error *error)
{
    if (!nca_grid_is_auto(config))
        return nca_grid_read(config->grid, out, error);
    *out = nca_grid_auto(config);
    return NCA_OK;
}
