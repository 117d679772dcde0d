// States as pictures side by side: a batch before and after its rollout, and the pool.
#include <math.h>
#include <stdlib.h>

#include "media/canvas.h"
#include "media/mosaic.h"
#include "media/writers.h"
#include "nca/image.h"

enum { SHOWN_MAX = 16, GAP = 4, LABEL = 22, SIDE_MAX = 2000 };

// More is slow to write and too large to look at: a picture shows fewer states instead.
static const uint64_t pixels_max = 1 << 24;

static const nca_colour ground = {236, 238, 241}, ink = {34, 40, 49};

static int choose_scale(int columns, int side)
{
    const int scale = SIDE_MAX / (columns * (side + GAP));
    return scale < 1 ? 1 : scale > 4 ? 4 : scale;
}

// Where the states of a picture lie: `shown` tiles in rows of `columns`.
typedef struct tile_layout {
    int shown, columns, rows;
    int scale;           // pixels of a cell
    int height, width;   // of a tile with the gap after it
    int label;           // height of a row's label
} tile_layout;

static tile_layout lay_out(const nca_states *states, int shown, int rows, int label)
{
    tile_layout layout = {
        .shown = shown, .rows = rows, .columns = (shown + rows - 1) / rows, .label = label};
    layout.scale = choose_scale(layout.columns, states->width);
    layout.height = states->height * layout.scale + GAP;
    layout.width = states->width * layout.scale + GAP;
    return layout;
}

static bool is_too_large(const tile_layout *layout)
{
    return layout->shown > layout->rows &&
           (uint64_t)layout->rows * (uint64_t)(layout->label + layout->height) *
                   (uint64_t)layout->columns * (uint64_t)layout->width >
               pixels_max;
}

static nca_status create_canvas(const tile_layout *layout, nca_canvas *out, nca_error *error)
{
    NCA_TRY(nca_canvas_create(layout->rows * (layout->label + layout->height) + GAP,
                              layout->columns * layout->width + GAP, out, error));
    nca_canvas_fill(out, 0, 0, out->height, out->width, ground);
    return NCA_OK;
}

// State `number` of the data as the tile of a row and column; rgb [H,W,3] is scratch.
static void draw_state(nca_canvas *canvas, const tile_layout *at, int row, int column,
                       const nca_states *states, int number, uint8_t *rgb)
{
    const size_t state = (size_t)states->height * (size_t)states->width * (size_t)states->channels;
    states->paint(states->data + (size_t)number * state, states->height, states->width,
                  states->channels, rgb);
    nca_canvas_picture(canvas, (row + 1) * at->label + row * at->height + (at->label ? 0 : GAP),
                       GAP + column * at->width, at->scale, rgb, states->height, states->width);
}

nca_status nca_batch_picture_write(const char *path, const float *before, const nca_states *after,
                                   nca_error *error)
{
    static const char *const labels[] = {"before", "after"};
    nca_states first = *after;
    const nca_states *const rows[] = {&first, after};
    first.data = before;
    const int count = after->count < SHOWN_MAX ? after->count : SHOWN_MAX;
    tile_layout at = lay_out(after, 2 * count, 2, LABEL);
    while (is_too_large(&at))
        at = lay_out(after, at.shown - 2, 2, LABEL);
    nca_canvas canvas = {0};
    nca_status status;
    uint8_t *rgb = malloc((size_t)after->height * (size_t)after->width * 3);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to draw it", path);
    NCA_GO(create_canvas(&at, &canvas, error));
    for (int r = 0; r < 2; r++) {
        nca_canvas_text(&canvas, r * (LABEL + at.height) + 5, GAP, 2, labels[r], ink);
        for (int i = 0; i < at.columns; i++)
            draw_state(&canvas, &at, r, i, rows[r], i, rgb);
    }
    NCA_GO(nca_png_write(path, canvas.rgb, canvas.height, canvas.width, error));
cleanup:
    nca_canvas_free(&canvas);
    free(rgb);
    return status;
}

// Near-square.
static tile_layout lay_out_mosaic(const nca_states *states, int shown)
{
    const int columns = (int)ceil(sqrt(shown));
    return lay_out(states, shown, (shown + columns - 1) / columns, 0);
}

nca_status nca_mosaic_write(const char *path, const nca_states *states, nca_error *error)
{
    tile_layout at = lay_out_mosaic(states, states->count);
    while (is_too_large(&at))
        at = lay_out_mosaic(states, at.shown - 1);
    nca_canvas canvas = {0};
    nca_status status;
    uint8_t *rgb = malloc((size_t)states->height * (size_t)states->width * 3);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to draw it", path);
    NCA_GO(create_canvas(&at, &canvas, error));
    for (int i = 0; i < at.shown; i++)
        draw_state(&canvas, &at, i / at.columns, i % at.columns, states, i, rgb);
    NCA_GO(nca_png_write(path, canvas.rgb, canvas.height, canvas.width, error));
cleanup:
    nca_canvas_free(&canvas);
    free(rgb);
    return status;
}
