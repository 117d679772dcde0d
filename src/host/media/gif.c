// Animated GIF by giflib. One palette of 256 colours serves all frames.
#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

#include "base/files.h"
#include "base/memory.h"
#include "media/gif_palette.h"
#include "media/writers.h"

enum { SHORTEST_MS = 20 };   // browsers take up to 10 for 100

// Frames are kept until the palette is known.
typedef struct animation {
    char *path;
    nca_output *output;
    nca_writer_options options;
    uint8_t *frames;          // [room,H,W,3]
    int given, count, room;   // frames: those that came, and those that are shown
} animation;

static void free_animation(animation *gif)
{
    if (!gif)
        return;
    nca_output_abandon(gif->output);
    free(gif->path);
    free(gif->frames);
    free(gif);
}

static size_t frame_bytes(const animation *gif)
{
    return (size_t)gif->options.height * (size_t)gif->options.width * 3;
}

static nca_status check_size(const char *path, const nca_writer_options *options, nca_error *error)
{
    enum { SIDE_MAX = 65535 };
    if (options->width > SIDE_MAX || options->height > SIDE_MAX)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: frames of %dx%d pixels are too large for GIF; at most %d a side", path,
                        options->height, options->width, SIDE_MAX);
    return nca_memory_check(nca_memory_product((uint64_t)options->frames, (uint64_t)options->height,
                                               (uint64_t)options->width, 3),
                            error, "%.200s: its %d frames", path, options->frames);
}

static nca_status open_animation(const char *path, const nca_writer_options *options,
                                 nca_writer **out, nca_error *error)
{
    NCA_TRY(check_size(path, options, error));
    animation *gif = calloc(1, sizeof *gif);
    if (gif) {
        gif->options = *options;
        gif->room = nca_frames_shown(SHORTEST_MS, options->frames, options->frames_per_second);
        gif->path = strdup(path);
        gif->frames = calloc((size_t)gif->room, frame_bytes(gif));
    }
    if (!gif || !gif->path || !gif->frames) {
        free_animation(gif);
        return nca_fail(error, NCA_MEMORY,
                        "%s: no memory for %d frames; write fewer or smaller ones", path,
                        options->frames);
    }
    const nca_status status = nca_output_open(path, &gif->output, error);
    if (status != NCA_OK) {
        free_animation(gif);
        return status;
    }
    *out = (nca_writer *)gif;
    return NCA_OK;
}

static nca_status add_frame(nca_writer *writer, const void *frame, nca_error *error)
{
    animation *gif = (animation *)writer;
    (void)error;
    const bool is_shown = nca_frame_is_shown(gif->options.frames, gif->room, gif->given++);
    if (is_shown && gif->count < gif->room)
        memcpy(gif->frames + (size_t)gif->count++ * frame_bytes(gif), frame, frame_bytes(gif));
    return NCA_OK;
}

// giflib hands over bytes; a failure is kept until the end.
typedef struct sink {
    nca_output *output;
    nca_status status;
    nca_error *error;
} sink;

static int take_bytes(GifFileType *file, const GifByteType *bytes, int size)
{
    sink *to = file->UserData;
    to->status = nca_output_write(to->output, bytes, (size_t)size, to->error);
    return to->status == NCA_OK ? size : 0;
}

static bool put_frame(GifFileType *file, const animation *gif, int number,
                      const nca_palette *palette)
{
    const int width = gif->options.width, height = gif->options.height;
    const int hundredths = nca_frame_time(&gif->options, gif->room, number + 1, 100) -
                           nca_frame_time(&gif->options, gif->room, number, 100);
    GraphicsControlBlock control = {.DisposalMode = DISPOSE_DO_NOT,
                                    .DelayTime = hundredths,
                                    .TransparentColor = NO_TRANSPARENT_COLOR};
    GifByteType extension[4];
    EGifGCBToExtension(&control, extension);
    if (EGifPutExtension(file, GRAPHICS_EXT_FUNC_CODE, sizeof extension, extension) != GIF_OK ||
        EGifPutImageDesc(file, 0, 0, width, height, false, NULL) != GIF_OK)
        return false;
    const uint8_t *rgb = gif->frames + (size_t)number * frame_bytes(gif);
    GifPixelType *line = malloc((size_t)width);
    bool is_written = line != NULL;
    for (int y = 0; y < height && is_written; y++) {
        for (int x = 0; x < width; x++, rgb += 3)
            line[x] = nca_palette_find(palette, rgb);
        is_written = EGifPutLine(file, line, width) == GIF_OK;
    }
    free(line);
    return is_written;
}

static bool put_all(GifFileType *file, const animation *gif, const nca_palette *palette)
{
    static const GifByteType forever[] = {1, 0, 0};
    GifColorType colours[NCA_PALETTE_COLOURS];
    for (int i = 0; i < NCA_PALETTE_COLOURS; i++)
        colours[i] = (GifColorType){palette->rgb[i][0], palette->rgb[i][1], palette->rgb[i][2]};
    ColorMapObject *map = GifMakeMapObject(NCA_PALETTE_COLOURS, colours);
    bool is_written =
        map &&
        EGifPutScreenDesc(file, gif->options.width, gif->options.height, 8, 0, map) == GIF_OK &&
        EGifPutExtensionLeader(file, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
        EGifPutExtensionBlock(file, 11, "NETSCAPE2.0") == GIF_OK &&
        EGifPutExtensionBlock(file, sizeof forever, forever) == GIF_OK &&
        EGifPutExtensionTrailer(file) == GIF_OK;
    GifFreeMapObject(map);
    for (int i = 0; i < gif->count && is_written; i++)
        is_written = put_frame(file, gif, i, palette);
    return is_written;
}

static nca_status write_animation(animation *gif, nca_error *error)
{
    static nca_palette palette;
    sink to = {.output = gif->output, .error = error};
    int code = 0;
    if (!nca_palette_make(gif->frames, frame_bytes(gif) / 3 * (size_t)gif->count, &palette))
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its palette", gif->path);
    GifFileType *file = EGifOpen(&to, take_bytes, &code);
    if (file)
        EGifSetGifVersion(file, true);   // extensions came with GIF89a
    bool is_written = file && put_all(file, gif, &palette);
    if (file)
        is_written &= EGifCloseFile(file, &code) == GIF_OK;
    if (is_written && to.status == NCA_OK) {
        gif->output = NULL;
        return nca_output_commit(to.output, error);
    }
    return to.status != NCA_OK ? to.status
                               : nca_fail(error, NCA_MEMORY, "%s: giflib failed", gif->path);
}

static nca_status close_animation(nca_writer *writer, bool keep, nca_error *error)
{
    animation *gif = (animation *)writer;
    const nca_status status = keep ? write_animation(gif, error) : NCA_OK;
    free_animation(gif);
    return status;
}

const nca_format nca_format_gif = {
    .extension = ".gif",
    .description = "an animation of 256 colours",
    .shortest_ms = SHORTEST_MS,
    .open = open_animation,
    .add = add_frame,
    .close = close_animation,
};
