// Scheduled damage from the command line.
#include "cli/damage.h"
#include "base/nearest.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/options.h"
#include "eval/evaluate.h"

// `count` numbers with commas between, and nothing else: no blanks, no hexadecimal, no words.
static bool read_numbers(const char *text, double *numbers, int count)
{
    if (strspn(text, "+-.,eE0123456789") != strlen(text))
        return false;
    for (int i = 0; i < count; i++) {
        char *end;
        numbers[i] = strtod(text, &end);
        if (end == text || !isfinite(numbers[i]) || *end != (i + 1 < count ? ',' : 0))
            return false;
        text = end + 1;
    }
    return true;
}

// Whether the cell of the grid that is nearest to the middle lies within the circle.
static bool is_on_grid(const double circle[3], int height, int width)
{
    const double y = fmin(fmax(rint(circle[0]), 0), height - 1);
    const double x = fmin(fmax(rint(circle[1]), 0), width - 1);
    return hypot(y - circle[0], x - circle[1]) < circle[2];
}

static bool read_circle(const char *text, int height, int width, nca_region *out)
{
    double n[3];
    if (!read_numbers(text, n, 3) || n[2] <= 0 || !is_on_grid(n, height, width))
        return false;
    *out = (nca_region){.kind = NCA_REGION_CIRCLE,
                        .center_y = n[0],
                        .center_x = n[1],
                        .radius_y = n[2],
                        .radius_x = n[2]};
    return true;
}

static bool read_box(const char *text, int height, int width, nca_region *out)
{
    double n[4];
    if (!read_numbers(text, n, 4))
        return false;
    for (int i = 0; i < 4; i++)
        if (n[i] != floor(n[i]) || n[i] < 0 || n[i] > (i % 2 ? width : height))
            return false;
    *out = (nca_region){.kind = NCA_REGION_BOX,
                        .top = (int)n[0],
                        .left = (int)n[1],
                        .bottom = (int)n[2],
                        .right = (int)n[3]};
    return n[2] > n[0] && n[3] > n[1];
}

static int find_cut(const char *name)
{
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        if (strcmp(name, nca_cut_name(cut)) == 0)
            return cut;
    return -1;
}

static nca_status fail_what(const char *text, const char *what, nca_error *error)
{
    const char *names[NCA_CUT_COUNT + 2] = {"circle", "box"};
    for (int cut = 0; cut < NCA_CUT_COUNT; cut++)
        names[cut + 2] = nca_cut_name(cut);
    const char *nearest = nca_nearest(what, names, NCA_CUT_COUNT + 2);
    return nca_fail(error, NCA_ARGUMENT,
                    "--damage %.60s: must be upper, lower, left, right, center, circle:Y,X,RADIUS "
                    "or box:TOP,LEFT,BOTTOM,RIGHT within the grid, then @STEP%s%s%s",
                    text, nearest ? "; did you mean " : "", nearest ? nearest : "",
                    nearest ? "?" : "");
}

nca_status nca_damage_parse(const char *text, int height, int width, int steps,
                            nca_film_damage *out, nca_error *error)
{
    char what[128];
    const char *at = strrchr(text, '@');
    const size_t length = at ? (size_t)(at - text) : strlen(text);
    if (length >= sizeof what)
        return fail_what(text, "", error);
    memcpy(what, text, length);
    what[length] = 0;
    nca_film_damage damage = {0};
    const int cut = find_cut(what);
    bool is_known = cut >= 0;
    if (is_known)
        damage.region = nca_cut_region(cut, height, width);
    else if (strncmp(what, "circle:", 7) == 0)
        is_known = read_circle(what + 7, height, width, &damage.region);
    else if (strncmp(what, "box:", 4) == 0)
        is_known = read_box(what + 4, height, width, &damage.region);
    if (!is_known)
        return fail_what(text, what, error);
    char *end = NULL;
    const bool has_step = at && at[1] >= '0' && at[1] <= '9';
    const long step = has_step ? strtol(at + 1, &end, 10) : -1;
    if (!has_step || *end || step > steps)
        return nca_fail(error, NCA_ARGUMENT,
                        "--damage %.60s: must end with @STEP, 0 to %d, the last step of the run",
                        text, steps);
    damage.step = (int)step;
    *out = damage;
    return NCA_OK;
}
