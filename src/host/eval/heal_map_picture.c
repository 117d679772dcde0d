// Draws a heal map.
#include "eval/heal_map_picture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "nca/image.h"

enum {
    COLUMNS = 3,
    ROWS = (NCA_MAP_RADII + 1 + COLUMNS - 1) / COLUMNS,
    PANEL = 216,   // pixels that a panel's grid has at most, unless its cells are more
    GAP = 28,
    HEADER = 54,
    LABEL = 62,   // above a panel
    LEGEND = 100,
    TEXT = 2,   // pixels of a dot of letters
};

static const nca_colour ink = {34, 40, 49}, grey = {120, 128, 138}, paper = {255, 255, 255};

// What a share looks like, from all downwards; blue and red can be told apart by everyone.
static const struct {
    double at_least;
    const char *words;
    nca_colour colour;
} shades[] = {
    {1.00, "all", {24, 84, 158}},    {0.90, "90 %", {86, 158, 210}},
    {0.75, "75 %", {190, 222, 240}}, {0.50, "50 %", {254, 224, 144}},
    {0.25, "25 %", {244, 140, 80}},  {0.00, "less", {178, 24, 43}},
};
enum { SHADES = sizeof shades / sizeof *shades };

static nca_colour shade_of(const nca_map_tally *tally)
{
    int shade = 0;
    while ((double)tally->healed / tally->tried < shades[shade].at_least)
        shade++;
    return shades[shade].colour;
}

// Where a panel lies, and the cells in it.
typedef struct panel {
    nca_canvas *canvas;
    int top, left;       // of the grid
    int height, width;   // of it, in pixels
    int scale;           // pixels of a cell
} panel;

static int choose_scale(const nca_grid *grid)
{
    const int side = grid->height > grid->width ? grid->height : grid->width;
    return side < PANEL ? PANEL / side : 1;
}

static panel place_panel(nca_canvas *canvas, const nca_heal_map *map, int number)
{
    const int scale = choose_scale(&map->grid);
    panel at = {.canvas = canvas,
                .height = map->grid.height * scale,
                .width = map->grid.width * scale,
                .scale = scale};
    const int width = at.width > PANEL ? at.width : PANEL;
    at.top = HEADER + LABEL + number / COLUMNS * (at.height + LABEL + GAP);
    at.left = GAP + number % COLUMNS * (width + GAP);
    return at;
}

// The dot of a damage, ringed; small and grey where nothing was tried.
static void draw_tally(const panel *at, double y, double x, double diameter,
                       const nca_map_tally *tally)
{
    const double down = at->top + (y + 0.5) * at->scale;
    const double right = at->left + (x + 0.5) * at->scale;
    if (tally->tried == 0) {
        nca_canvas_dot(at->canvas, down, right, 4, grey, 0.6);
        return;
    }
    nca_canvas_dot(at->canvas, down, right, diameter, ink, 0.75);
    nca_canvas_dot(at->canvas, down, right, diameter - 2, shade_of(tally), 1);
}

// The size of the circles, around the middle of the grid.
static void draw_ring(const panel *at, const nca_heal_map *map, const nca_region *circle)
{
    enum { STROKES = 72 };
    const double middle_y = at->top + map->grid.height * at->scale / 2.0;
    const double middle_x = at->left + map->grid.width * at->scale / 2.0;
    double last_y = NAN, last_x = NAN;
    for (int i = 0; i <= STROKES; i++) {
        const double angle = 2 * 3.14159265358979323846 * i / STROKES;
        const double y = middle_y + circle->radius_y * at->scale * sin(angle);
        const double x = middle_x + circle->radius_x * at->scale * cos(angle);
        if (i > 0)
            nca_canvas_line(at->canvas, last_y, last_x, y, x, 1.5, grey);
        last_y = y;
        last_x = x;
    }
}

// What it is, and how much of it healed.
static void label(const panel *at, const char *name, const nca_map_tally *all)
{
    char share[64] = "nothing cleared", range[64] = "";
    const nca_interval interval = nca_wilson(all->healed, all->tried);
    if (all->tried > 0) {
        snprintf(share, sizeof share, "%.1f %% healed", 100.0 * all->healed / all->tried);
        snprintf(range, sizeof range, "(%.1f to %.1f)", 100 * interval.low, 100 * interval.high);
    }
    nca_canvas_text(at->canvas, at->top - LABEL + 2, at->left, TEXT, name, ink);
    nca_canvas_text(at->canvas, at->top - LABEL + 21, at->left, TEXT, share, ink);
    nca_canvas_text(at->canvas, at->top - LABEL + 40, at->left, TEXT, range, grey);
}

// The picture behind the dots, and a frame.
static void draw_ground(const panel *at, const nca_heal_map *map, const uint8_t *rgb)
{
    nca_canvas_fill(at->canvas, at->top - 1, at->left - 1, at->height + 2, at->width + 2, grey);
    nca_canvas_fill(at->canvas, at->top, at->left, at->height, at->width, paper);
    if (rgb)
        nca_canvas_picture(at->canvas, at->top, at->left, at->scale, rgb, map->grid.height,
                           map->grid.width);
}

static void draw_circles(nca_canvas *canvas, const nca_heal_map *map, int radius,
                         const uint8_t *rgb)
{
    const panel at = place_panel(canvas, map, radius);
    const nca_map_damage *damages = map->circle[radius];
    const nca_map_tally all = nca_map_circles(map, radius);
    const int apart = map->side > 1 ? map->side - 1 : 1;
    const int side = at.height < at.width ? at.height : at.width;
    const double diameter = fmin(fmax(0.65 * side / 2 / apart, 3), 18);
    char name[48];
    snprintf(name, sizeof name, "radius %.1f cells", damages[0].region.radius_x);
    draw_ground(&at, map, rgb);
    for (int i = 0; i < map->side * map->side; i++)
        draw_tally(&at, damages[i].region.center_y, damages[i].region.center_x, diameter,
                   &damages[i].tally);
    draw_ring(&at, map, &damages[0].region);
    label(&at, name, &all);
}

static void draw_halves(nca_canvas *canvas, const nca_heal_map *map, const uint8_t *rgb)
{
    const panel at = place_panel(canvas, map, NCA_MAP_RADII);
    const double half_y = (map->grid.height - 1) / 2.0, half_x = (map->grid.width - 1) / 2.0;
    const nca_map_tally all = nca_map_halves(map);
    draw_ground(&at, map, rgb);
    for (int i = 0; i < NCA_MAP_ANGLES; i++) {
        const double angle = 2 * 3.14159265358979323846 * i / NCA_MAP_ANGLES;
        draw_tally(&at, half_y * (1 + 0.7 * sin(angle)), half_x * (1 + 0.7 * cos(angle)), 18,
                   &map->half[i].tally);
    }
    label(&at, "halves", &all);
}

// What the colours mean.
static void draw_legend(nca_canvas *canvas)
{
    const int top = canvas->height - LEGEND, middle = top + 7;
    const char *const words = "healed, at least:";
    int x = GAP;
    nca_canvas_text(canvas, top, x, TEXT, words, ink);
    x += nca_canvas_text_width(TEXT, words) + 12;
    for (int i = 0; i < SHADES; i++) {
        nca_canvas_dot(canvas, middle, x + 8, 18, ink, 0.75);
        nca_canvas_dot(canvas, middle, x + 8, 16, shades[i].colour, 1);
        nca_canvas_text(canvas, top, x + 22, TEXT, shades[i].words, ink);
        x += 22 + nca_canvas_text_width(TEXT, shades[i].words) + 14;
    }
    nca_canvas_text(canvas, top + 28, GAP, TEXT,
                    "A dot is the middle of circles as large as the ring,", grey);
    nca_canvas_text(canvas, top + 47, GAP, TEXT, "or lies on the side where the half was cleared.",
                    grey);
    nca_canvas_text(canvas, top + 66, GAP, TEXT, "In brackets: 95 % intervals.", grey);
}

// The picture [H,W,3] of the task, pale; NULL in `out` where it has none.
static nca_status paint_ground(const nca_task *task, const void *content, uint8_t **out,
                               nca_error *error)
{
    const nca_image *picture = task->picture ? task->picture(content) : NULL;
    *out = NULL;
    if (!picture)
        return NCA_OK;
    const size_t count = (size_t)picture->height * (size_t)picture->width * 3;
    uint8_t *rgb = malloc(count);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "the picture of a heal map: no memory for it");
    nca_image_on_white(picture->pixels, picture->height, picture->width, NCA_VISIBLE, rgb);
    for (size_t i = 0; i < count; i++)
        rgb[i] = (uint8_t)(160 + rgb[i] * 95 / 255);
    *out = rgb;
    return NCA_OK;
}

nca_status nca_heal_map_draw(const nca_heal_map *map, const nca_task *task, const void *content,
                             nca_canvas *out, nca_error *error)
{
    char title[64];
    uint8_t *rgb;
    NCA_TRY(paint_ground(task, content, &rgb, error));
    const panel last = place_panel(NULL, map, ROWS * COLUMNS - 1);
    const int width = last.left + (last.width > PANEL ? last.width : PANEL) + GAP;
    const nca_status status =
        nca_canvas_create(last.top + last.height + LEGEND + GAP, width, out, error);
    if (status == NCA_OK) {
        snprintf(title, sizeof title, "What is healed %d steps after a cut at step %d",
                 map->heal_steps, map->cut_at);
        nca_canvas_text(out, GAP - 6, GAP, TEXT, title, ink);
        for (int radius = 0; radius < NCA_MAP_RADII; radius++)
            draw_circles(out, map, radius, rgb);
        draw_halves(out, map, rgb);
        draw_legend(out);
    }
    free(rgb);
    return status;
}
