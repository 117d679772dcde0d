// Animated WebP by libwebp, lossless: cells have hard edges.
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include "base/files.h"
#include "media/writers.h"

enum { SHORTEST_MS = 11 };   // browsers take up to 10 for 100

typedef struct animation {
    char *path;
    nca_writer_options options;
    WebPAnimEncoder *encoder;
    nca_output *output;
    int given, shown, written;   // frames
} animation;

static int time_ms(const animation *webp)
{
    return nca_frame_time(&webp->options, webp->shown, webp->written, 1000);
}

static void free_animation(animation *webp)
{
    WebPAnimEncoderDelete(webp->encoder);
    nca_output_abandon(webp->output);
    free(webp->path);
    free(webp);
}

static nca_status open_animation(const char *path, const nca_writer_options *options,
                                 nca_writer **out, nca_error *error)
{
    WebPAnimEncoderOptions settings;
    if (options->width > WEBP_MAX_DIMENSION || options->height > WEBP_MAX_DIMENSION)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: frames of %dx%d pixels are too large for WebP; at most %d a side",
                        path, options->height, options->width, WEBP_MAX_DIMENSION);
    if (1000.0 * options->frames / options->frames_per_second > INT_MAX)
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: a film of %d frames is too long for WebP; write fewer, or more a "
                        "second",
                        path, options->frames);
    animation *webp = calloc(1, sizeof *webp);
    if (!webp || !WebPAnimEncoderOptionsInit(&settings)) {
        free(webp);
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    }
    settings.anim_params.loop_count = 0;
    settings.anim_params.bgcolor = 0xffffffff;
    webp->options = *options;
    webp->shown = nca_frames_shown(SHORTEST_MS, options->frames, options->frames_per_second);
    webp->path = strdup(path);
    webp->encoder = WebPAnimEncoderNew(options->width, options->height, &settings);
    if (!webp->path || !webp->encoder) {
        free_animation(webp);
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    }
    const nca_status status = nca_output_open(path, &webp->output, error);
    if (status != NCA_OK) {
        free_animation(webp);
        return status;
    }
    *out = (nca_writer *)webp;
    return NCA_OK;
}

static nca_status add_frame(nca_writer *writer, const void *frame, nca_error *error)
{
    animation *webp = (animation *)writer;
    WebPPicture picture;
    WebPConfig config;
    if (!nca_frame_is_shown(webp->options.frames, webp->shown, webp->given++))
        return NCA_OK;
    if (!WebPPictureInit(&picture) || !WebPConfigInit(&config) ||
        !WebPConfigLosslessPreset(&config, 3))
        return nca_fail(error, NCA_MISSING, "libwebp: of another version than this build's");
    picture.use_argb = 1;
    picture.width = webp->options.width;
    picture.height = webp->options.height;
    const bool is_added = WebPPictureImportRGB(&picture, frame, webp->options.width * 3) &&
                          WebPAnimEncoderAdd(webp->encoder, &picture, time_ms(webp), &config);
    webp->written++;
    WebPPictureFree(&picture);
    return is_added ? NCA_OK
                    : nca_fail(error, NCA_MEMORY, "%s: %s", webp->path,
                               WebPAnimEncoderGetError(webp->encoder));
}

static nca_status close_animation(nca_writer *writer, bool keep, nca_error *error)
{
    animation *webp = (animation *)writer;
    nca_status status = NCA_OK;
    WebPData data;
    WebPDataInit(&data);
    if (!keep)
        goto cleanup;
    if (!WebPAnimEncoderAdd(webp->encoder, NULL, time_ms(webp), NULL) ||
        !WebPAnimEncoderAssemble(webp->encoder, &data))
        NCA_GO(nca_fail(error, NCA_MEMORY, "%s: %s", webp->path,
                        WebPAnimEncoderGetError(webp->encoder)));
    NCA_GO(nca_output_write(webp->output, data.bytes, data.size, error));
    status = nca_output_commit(webp->output, error);
    webp->output = NULL;
cleanup:
    WebPDataClear(&data);
    free_animation(webp);
    return status;
}

const nca_format nca_format_webp = {
    .extension = ".webp",
    .description = "an animation, lossless",
    .shortest_ms = SHORTEST_MS,
    .open = open_animation,
    .add = add_frame,
    .close = close_animation,
};
