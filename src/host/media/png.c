// PNG by stb_image_write: one picture, or a filmstrip of frames.
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "media/writers.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image_write.h>

enum { PICTURE_LIMIT_BYTES = 1 << 30 };

// Where stb_image_write's pieces go, and how that went.
typedef struct sink {
    nca_output *output;
    nca_status status;
    nca_error *error;
} sink;

static void take_piece(void *context, void *bytes, int size)
{
    sink *to = context;
    if (to->status == NCA_OK)
        to->status = nca_output_write(to->output, bytes, (size_t)size, to->error);
}

// stb_image_write counts bytes in ints.
static nca_status check_size(const char *path, uint64_t height, uint64_t width, nca_error *error)
{
    const uint64_t bytes = nca_memory_product(height, width, 3, 1);
    if (bytes <= PICTURE_LIMIT_BYTES)
        return nca_memory_check(bytes, error, "%.200s", path);
    return nca_fail(error, NCA_ARGUMENT,
                    "%s: a picture of %llux%llu pixels is %llu bytes, and at most %d can be "
                    "written; choose fewer or smaller frames",
                    path, (unsigned long long)height, (unsigned long long)width,
                    (unsigned long long)bytes, PICTURE_LIMIT_BYTES);
}

// Commits the output or abandons it.
static nca_status write_picture(nca_output *output, const char *path, const uint8_t *rgb,
                                int height, int width, nca_error *error)
{
    sink to = {.output = output, .error = error};
    if (!stbi_write_png_to_func(take_piece, &to, width, height, 3, rgb, width * 3) &&
        to.status == NCA_OK)
        to.status = nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    if (to.status == NCA_OK)
        return nca_output_commit(to.output, error);
    nca_output_abandon(to.output);
    return to.status;
}

nca_status nca_png_write(const char *path, const uint8_t *rgb, int height, int width,
                         nca_error *error)
{
    nca_output *output;
    NCA_TRY(check_size(path, (uint64_t)height, (uint64_t)width, error));
    NCA_TRY(nca_output_open(path, &output, error));
    return write_picture(output, path, rgb, height, width, error);
}

// A filmstrip is drawn in memory, and written at the end.
typedef struct strip {
    char *path;
    nca_output *output;
    nca_writer_options options;
    int columns, rows, drawn;
    uint8_t *rgb;
} strip;

static void free_strip(strip *png)
{
    if (!png)
        return;
    nca_output_abandon(png->output);
    free(png->path);
    free(png->rgb);
    free(png);
}

static nca_status open_strip(const char *path, const nca_writer_options *options, nca_writer **out,
                             nca_error *error)
{
    const int frames = options->columns > 0 ? options->frames : 1;
    const int columns =
        options->columns > 0 && options->columns < frames ? options->columns : frames;
    const int rows = frames / columns + (frames % columns > 0);
    NCA_TRY(check_size(path, (uint64_t)rows * (uint64_t)options->height,
                       (uint64_t)columns * (uint64_t)options->width, error));
    strip *png = calloc(1, sizeof *png);
    if (png) {
        png->options = *options;
        png->columns = columns;
        png->rows = rows;
        png->path = strdup(path);
        png->rgb = malloc((size_t)png->rows * (size_t)options->height * (size_t)png->columns *
                          (size_t)options->width * 3);
    }
    if (!png || !png->path || !png->rgb) {
        free_strip(png);
        return nca_fail(error, NCA_MEMORY, "%s: no memory for a strip of %d frames", path, frames);
    }
    const nca_status status = nca_output_open(path, &png->output, error);
    if (status != NCA_OK) {
        free_strip(png);
        return status;
    }
    memset(png->rgb, 255,
           (size_t)png->rows * (size_t)options->height * (size_t)png->columns *
               (size_t)options->width * 3);
    *out = (nca_writer *)png;
    return NCA_OK;
}

static nca_status add_frame(nca_writer *writer, const void *frame, nca_error *error)
{
    strip *png = (strip *)writer;
    const size_t row = (size_t)png->options.width * 3, line = row * (size_t)png->columns;
    const int at = png->options.columns > 0 ? png->drawn++ : 0;   // without columns the last stays
    (void)error;
    if (at >= png->rows * png->columns)
        return NCA_OK;
    uint8_t *to = png->rgb + (size_t)(at / png->columns) * (size_t)png->options.height * line +
                  (size_t)(at % png->columns) * row;
    for (int y = 0; y < png->options.height; y++)
        memcpy(to + (size_t)y * line, (const uint8_t *)frame + (size_t)y * row, row);
    return NCA_OK;
}

static nca_status close_strip(nca_writer *writer, bool keep, nca_error *error)
{
    strip *png = (strip *)writer;
    nca_status status = NCA_OK;
    if (keep) {
        status = write_picture(png->output, png->path, png->rgb, png->rows * png->options.height,
                               png->columns * png->options.width, error);
        png->output = NULL;
    }
    free_strip(png);
    return status;
}

const nca_format nca_format_png = {
    .extension = ".png",
    .description = "the last frame, or with --columns a filmstrip",
    .open = open_strip,
    .add = add_frame,
    .close = close_strip,
};
