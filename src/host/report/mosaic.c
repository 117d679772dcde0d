// States as pictures side by side: a batch before and after its rollout, and the pool.
#include <math.h>
#include <stdlib.h>

#include "io/writers.h"
#include "report/canvas.h"
#include "report/pictures.h"

enum { SHOWN_MAX = 16, GAP = 4, LABEL = 22, SIDE_MAX = 2000 };

static const nca_colour ground = {236, 238, 241}, ink = {34, 40, 49};

// One state as a picture at a place of the canvas.
static void draw_state(nca_canvas *canvas, int top, int left, int scale, const float *state,
                       int height, int width, int channels, uint8_t *rgb)
{
    nca_image_on_white(state, height, width, channels, rgb);
    nca_canvas_picture(canvas, top, left, scale, rgb, height, width);
}

static int choose_scale(int shown, int side)
{
    const int scale = SIDE_MAX / (shown * (side + GAP));
    return scale < 1 ? 1 : scale > 4 ? 4 : scale;
}

nca_status nca_batch_picture_write(const char *path, const float *before, const float *after,
                                   int batch, int height, int width, int channels, nca_error *error)
{
    const int shown = batch < SHOWN_MAX ? batch : SHOWN_MAX, scale = choose_scale(shown, width);
    const int tile_height = height * scale + GAP, tile_width = width * scale + GAP;
    const size_t state = (size_t)height * (size_t)width * (size_t)channels;
    const float *const rows[] = {before, after};
    static const char *const labels[] = {"before", "after"};
    nca_canvas canvas;
    uint8_t *rgb = malloc((size_t)height * (size_t)width * 3);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to draw it", path);
    nca_status status = nca_canvas_create(2 * (LABEL + tile_height) + GAP, shown * tile_width + GAP,
                                          &canvas, error);
    if (status == NCA_OK) {
        nca_canvas_fill(&canvas, 0, 0, canvas.height, canvas.width, ground);
        for (int r = 0; r < 2; r++) {
            const int top = r * (LABEL + tile_height);
            nca_canvas_text(&canvas, top + 5, GAP, 2, labels[r], ink);
            for (int i = 0; i < shown; i++)
                draw_state(&canvas, top + LABEL, GAP + i * tile_width, scale,
                           rows[r] + (size_t)i * state, height, width, channels, rgb);
        }
        status = nca_png_write(path, canvas.rgb, canvas.height, canvas.width, error);
        nca_canvas_free(&canvas);
    }
    free(rgb);
    return status;
}

nca_status nca_mosaic_write(const char *path, const float *states, int count, int height, int width,
                            int channels, nca_error *error)
{
    const int columns = (int)ceil(sqrt(count)), rows = (count + columns - 1) / columns;
    const int scale = choose_scale(columns, width);
    const size_t state = (size_t)height * (size_t)width * (size_t)channels;
    nca_canvas canvas;
    uint8_t *rgb = malloc((size_t)height * (size_t)width * 3);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "%s: no memory to draw it", path);
    nca_status status = nca_canvas_create(rows * (height * scale + GAP) + GAP,
                                          columns * (width * scale + GAP) + GAP, &canvas, error);
    if (status == NCA_OK) {
        nca_canvas_fill(&canvas, 0, 0, canvas.height, canvas.width, ground);
        for (int i = 0; i < count; i++)
            draw_state(&canvas, GAP + i / columns * (height * scale + GAP),
                       GAP + i % columns * (width * scale + GAP), scale, states + (size_t)i * state,
                       height, width, channels, rgb);
        status = nca_png_write(path, canvas.rgb, canvas.height, canvas.width, error);
        nca_canvas_free(&canvas);
    }
    free(rgb);
    return status;
}
