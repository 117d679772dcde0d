// A target from what the user names: a picture or an emoji; keyed, trimmed and brought to size.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/image.h"

// A colour within so many 255ths of the background in each channel is taken for it: JPEG's noise.
enum { KEY_TOLERANCE = 12 };

static bool is_file_name(const char *source)
{
    return access(source, F_OK) == 0 || strchr(source, '/') || strchr(source, '.');
}

// "#rrggbb" or "rrggbb".
static bool read_colour(const char *text, float rgb[3])
{
    unsigned code;
    int length = 0;
    text += *text == '#';
    if (strlen(text) != 6 || sscanf(text, "%6x%n", &code, &length) != 1 || length != 6)
        return false;
    for (int k = 0; k < 3; k++)
        rgb[k] = (float)(code >> (16 - 8 * k) & 0xff) / 255;
    return true;
}

static nca_status key_background(nca_image *image, const char *colour, nca_error *error)
{
    float rgb[3];
    if (!colour || !*colour)
        return NCA_OK;
    if (!read_colour(colour, rgb))
        return nca_fail(error, NCA_ARGUMENT, "--background %.20s: not a colour; write #rrggbb",
                        colour);
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++) {
        float *p = image->pixels + 4 * i;
        bool is_background = true;
        for (int k = 0; k < 3; k++)
            is_background &= fabsf(p[k] - rgb[k] * p[3]) <= KEY_TOLERANCE / 255.0f;
        if (is_background)
            memset(p, 0, 4 * sizeof *p);
    }
    return NCA_OK;
}

static nca_status fit(nca_image *image, int target_size, nca_error *error)
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

nca_status nca_target_load(const nca_target_options *options, nca_image *out, nca_error *error)
{
    const bool is_file = is_file_name(options->source);
    nca_image image;
    if (is_file)
        NCA_TRY(nca_image_read(options->source, &image, error));
    else
        NCA_TRY(nca_emoji_draw(options->source, options->font, &image, error));
    nca_status status = is_file ? key_background(&image, options->background, error) : NCA_OK;
    if (status == NCA_OK)
        status = options->trim || !is_file ? trim(&image, options->source, error)
                                           : check_visible(&image, options->source, error);
    if (status == NCA_OK)
        status = fit(&image, options->target_size, error);
    if (status == NCA_OK)
        *out = image;
    else
        nca_image_free(&image);
    return status;
}
