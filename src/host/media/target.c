// A target from what the user names: a picture or an emoji; keyed, trimmed and brought to size.
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "media/image.h"

// A colour within so many 255ths of the background in each channel is taken for it: JPEG's noise.
enum { KEY_TOLERANCE = 12 };

bool nca_target_is_file(const char *source)
{
    struct stat about;
    const bool is_there = stat(source, &about) == 0 && S_ISREG(about.st_mode);
    return is_there || strchr(source, '/') || strchr(source, '.');
}

// "#rrggbb" or "rrggbb".
static bool read_colour(const char *text, float rgb[3])
{
    text += *text == '#';
    if (strlen(text) != 6 || strspn(text, "0123456789abcdefABCDEF") != 6)
        return false;
    const unsigned long code = strtoul(text, NULL, 16);
    for (int k = 0; k < 3; k++)
        rgb[k] = (float)(code >> (16 - 8 * k) & 0xff) / 255;
    return true;
}

static void key_background(nca_image *image, const float rgb[3])
{
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++) {
        float *p = image->pixels + 4 * i;
        bool is_background = true;
        for (int k = 0; k < 3; k++)
            is_background &= fabsf(p[k] - rgb[k] * p[3]) <= KEY_TOLERANCE / 255.0f;
        if (is_background)
            memset(p, 0, 4 * sizeof *p);
    }
}

static nca_status resize(nca_image *image, int target_size, nca_error *error)
{
    const int longer = image->height > image->width ? image->height : image->width;
    if (longer == target_size)
        return NCA_OK;   // pixel for pixel
    const double ratio = (double)target_size / longer;
    const int height = (int)fmax(1, floor(image->height * ratio + 0.5));
    const int width = (int)fmax(1, floor(image->width * ratio + 0.5));
    nca_image resampled;
    NCA_TRY(nca_image_resample(image, height, width, &resampled, error));
    nca_image_free(image);
    *image = resampled;
    return NCA_OK;
}

static nca_status trim(nca_image *image, const char *name, nca_error *error)
{
    nca_image trimmed;
    NCA_TRY(nca_image_trim(image, name, &trimmed, error));
    nca_image_free(image);
    *image = trimmed;
    return NCA_OK;
}

static nca_status check_visible(const nca_image *image, const char *name, nca_error *error)
{
    nca_image visible;
    NCA_TRY(nca_image_trim(image, name, &visible, error));
    nca_image_free(&visible);
    return NCA_OK;
}

nca_status nca_target_fit(nca_image *image, const nca_target_options *options, bool is_emoji,
                          nca_error *error)
{
    float rgb[3];
    const char *background = options->background ? options->background : "";
    nca_status status;
    if (*background && !read_colour(background, rgb))
        NCA_GO(nca_fail(error, NCA_ARGUMENT, "--background %.20s: not a colour; write #rrggbb",
                        background));
    else if (*background && !is_emoji)
        key_background(image, rgb);
    NCA_GO(options->trim || is_emoji ? trim(image, options->source, error)
                                     : check_visible(image, options->source, error));
    NCA_GO(resize(image, options->target_size, error));
    return NCA_OK;
cleanup:
    nca_image_free(image);
    return status;
}

nca_status nca_target_load(const nca_target_options *options, nca_image *out, nca_error *error)
{
    const bool is_emoji = !nca_target_is_file(options->source);
    nca_image image;
    if (is_emoji)
        NCA_TRY(
            nca_emoji_draw(options->source, options->font, options->target_size, &image, error));
    else
        NCA_TRY(nca_image_read(options->source, &image, error));
    NCA_TRY(nca_target_fit(&image, options, is_emoji, error));
    *out = image;
    return NCA_OK;
}
