// Which options about a target were given, and a cell of the grid on the command line.
#include "cli/target_options.h"

#include "config/grid.h"

// The rows, of a struct that holds nothing else.
typedef struct target_alone {
    nca_target_arguments target;
} target_alone;

static const nca_option rows[] = {NCA_PICTURE_ROWS(target_alone, target, ""), {0}};

// Whether a field is not what NCA_TARGET_NOT_GIVEN has there.
static bool is_given(const nca_option *row, const nca_target_arguments *given)
{
    const void *field = (const char *)given + row->target;
    if (row->kind == NCA_OPTION_STRING)
        return *(const char *const *)field != NULL;
    if (row->kind == NCA_OPTION_INT)
        return *(const int64_t *)field >= 0;
    return *(const int *)field >= 0;   // NCA_OPTION_SWITCH
}

const char *nca_target_option_given(const nca_target_arguments *given)
{
    for (const nca_option *row = rows; row->name; row++)
        if (is_given(row, given))
            return row->name;
    return NULL;
}

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
