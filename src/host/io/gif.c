// Animated GIF by giflib. A palette of 256 serves all frames: the colours that the frames use, at
// five bits a channel, the most frequent first, each other one shown as the nearest of them.
#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

#include "io/files.h"
#include "io/memory.h"
#include "io/writers.h"

enum { COLOURS = 256, BINS = 1 << 15 };

// Frames are kept until the palette is known.
typedef struct animation {
    char *path;
    nca_writer_options options;
    uint8_t *frames;   // [room,H,W,3]
    int count, room;
} animation;

static size_t frame_bytes(const animation *of)
{
    return (size_t)of->options.height * (size_t)of->options.width * 3;
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
    animation *of = calloc(1, sizeof *of);
    if (of) {
        of->options = *options;
        of->room = options->frames;
        of->path = strdup(path);
        of->frames = calloc((size_t)of->room, frame_bytes(of));
    }
    if (!of || !of->path || !of->frames) {
        if (of) {
            free(of->path);
            free(of->frames);
        }
        free(of);
        return nca_fail(error, NCA_MEMORY,
                        "%s: no memory for %d frames; write fewer or smaller ones", path,
                        options->frames);
    }
    *out = (nca_writer *)of;
    return NCA_OK;
}

static nca_status add_frame(nca_writer *writer, const void *frame, nca_error *error)
{
    animation *of = (animation *)writer;
    (void)error;
    if (of->count < of->room)
        memcpy(of->frames + (size_t)of->count++ * frame_bytes(of), frame, frame_bytes(of));
    return NCA_OK;
}

static int bin_of(const uint8_t *rgb)
{
    return rgb[0] >> 3 << 10 | rgb[1] >> 3 << 5 | rgb[2] >> 3;
}

// What falls into a bin: its mean is the colour.
typedef struct bin {
    uint64_t count, sum[3];
    int number;
} bin;

static int compare_counts(const void *a, const void *b)
{
    const bin *x = a, *y = b;
    if (x->count != y->count)
        return x->count < y->count ? 1 : -1;
    return (x->number > y->number) - (x->number < y->number);
}

static int distance(const GifColorType *a, const uint64_t mean[3])
{
    const int r = a->Red - (int)mean[0], g = a->Green - (int)mean[1], b = a->Blue - (int)mean[2];
    return r * r + g * g + b * b;
}

static uint8_t nearest(const GifColorType *palette, int colours, const uint64_t mean[3])
{
    int best = 0;
    for (int i = 1; i < colours; i++)
        if (distance(&palette[i], mean) < distance(&palette[best], mean))
            best = i;
    return (uint8_t)best;
}

// Counts the colours, fills the palette, and says for each bin which of them shows it.
static bool make_palette(const animation *of, GifColorType palette[COLOURS], uint8_t *shown)
{
    const size_t bytes = frame_bytes(of) * (size_t)of->count;
    bin *bins = calloc(BINS, sizeof *bins);
    if (!bins)
        return false;
    for (int i = 0; i < BINS; i++)
        bins[i].number = i;
    for (size_t i = 0; i < bytes; i += 3) {
        bin *into = &bins[bin_of(of->frames + i)];
        into->count++;
        for (int k = 0; k < 3; k++)
            into->sum[k] += of->frames[i + (size_t)k];
    }
    qsort(bins, BINS, sizeof *bins, compare_counts);
    memset(palette, 0, COLOURS * sizeof *palette);
    int used = 0;
    for (int i = 0; i < BINS && bins[i].count > 0; i++) {
        for (int k = 0; k < 3; k++)
            bins[i].sum[k] /= bins[i].count;
        if (used < COLOURS)
            palette[used++] =
                (GifColorType){(GifByteType)bins[i].sum[0], (GifByteType)bins[i].sum[1],
                               (GifByteType)bins[i].sum[2]};
        shown[bins[i].number] = i < COLOURS ? (uint8_t)i : nearest(palette, used, bins[i].sum);
    }
    free(bins);
    return true;
}

// giflib hands over bytes; a failure is kept until the end.
typedef struct sink {
    nca_output *output;
    nca_status status;
    nca_error *error;
} sink;

static int take_bytes(GifFileType *gif, const GifByteType *bytes, int size)
{
    sink *to = gif->UserData;
    to->status = nca_output_write(to->output, bytes, (size_t)size, to->error);
    return to->status == NCA_OK ? size : 0;
}

static bool put_frame(GifFileType *gif, const animation *of, int number, const uint8_t *shown)
{
    const int width = of->options.width, height = of->options.height;
    const int delay = (int)(100 / of->options.frames_per_second + 0.5);   // hundredths of a second
    GraphicsControlBlock control = {.DisposalMode = DISPOSE_DO_NOT,
                                    .DelayTime = delay > 1 ? delay : 2,
                                    .TransparentColor = NO_TRANSPARENT_COLOR};
    GifByteType extension[4];
    EGifGCBToExtension(&control, extension);
    if (EGifPutExtension(gif, GRAPHICS_EXT_FUNC_CODE, sizeof extension, extension) != GIF_OK ||
        EGifPutImageDesc(gif, 0, 0, width, height, false, NULL) != GIF_OK)
        return false;
    const uint8_t *rgb = of->frames + (size_t)number * frame_bytes(of);
    GifPixelType *line = malloc((size_t)width);
    bool is_written = line != NULL;
    for (int y = 0; y < height && is_written; y++) {
        for (int x = 0; x < width; x++, rgb += 3)
            line[x] = shown[bin_of(rgb)];
        is_written = EGifPutLine(gif, line, width) == GIF_OK;
    }
    free(line);
    return is_written;
}

static bool put_all(GifFileType *gif, const animation *of, GifColorType *palette,
                    const uint8_t *shown)
{
    static const GifByteType forever[] = {1, 0, 0};
    ColorMapObject *map = GifMakeMapObject(COLOURS, palette);
    bool is_written =
        map && EGifPutScreenDesc(gif, of->options.width, of->options.height, 8, 0, map) == GIF_OK &&
        EGifPutExtensionLeader(gif, APPLICATION_EXT_FUNC_CODE) == GIF_OK &&
        EGifPutExtensionBlock(gif, 11, "NETSCAPE2.0") == GIF_OK &&
        EGifPutExtensionBlock(gif, sizeof forever, forever) == GIF_OK &&
        EGifPutExtensionTrailer(gif) == GIF_OK;
    GifFreeMapObject(map);
    for (int i = 0; i < of->count && is_written; i++)
        is_written = put_frame(gif, of, i, shown);
    return is_written;
}

static nca_status write_animation(const animation *of, nca_error *error)
{
    GifColorType palette[COLOURS];
    static uint8_t shown[BINS];
    sink to = {.error = error};
    int code = 0;
    if (!make_palette(of, palette, shown))
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its palette", of->path);
    NCA_TRY(nca_output_open(of->path, &to.output, error));
    GifFileType *gif = EGifOpen(&to, take_bytes, &code);
    if (gif)
        EGifSetGifVersion(gif, true);   // extensions came with GIF89a
    bool is_written = gif && put_all(gif, of, palette, shown);
    if (gif)
        is_written &= EGifCloseFile(gif, &code) == GIF_OK;
    if (is_written && to.status == NCA_OK)
        return nca_output_commit(to.output, error);
    nca_output_abandon(to.output);
    return to.status != NCA_OK ? to.status
                               : nca_fail(error, NCA_MEMORY, "%s: giflib failed", of->path);
}

static nca_status close_animation(nca_writer *writer, bool keep, nca_error *error)
{
    animation *of = (animation *)writer;
    const nca_status status = keep ? write_animation(of, error) : NCA_OK;
    free(of->path);
    free(of->frames);
    free(of);
    return status;
}

const nca_format nca_format_gif = {
    .extension = ".gif",
    .description = "an animation of 256 colours",
    .open = open_animation,
    .add = add_frame,
    .close = close_animation,
};
