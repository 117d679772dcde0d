// Hostile pictures, all the way to a target: decoded, keyed, trimmed, premultiplied, resampled,
// padded.
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "media/image.h"

static void require(int holds)
{
    if (!holds)
        abort();
}

// Premultiplied: alpha within 0..1, colours within 0..alpha.
static void check_pixels(const nca_image *image)
{
    const size_t pixels = (size_t)image->height * (size_t)image->width;
    for (size_t i = 0; i < pixels; i++) {
        const float *p = image->pixels + 4 * i;
        require(p[3] >= 0 && p[3] <= 1);
        for (int k = 0; k < 3; k++)
            require(p[k] >= 0 && p[k] <= p[3]);
    }
}

// The last two bytes choose size, keying and trimming, so that one corpus serves all of them.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    nca_image image, padded;
    nca_error error = {0};
    if (size < 2)
        return 0;
    const uint8_t *choice = bytes + size - 2;
    const nca_target_options options = {.source = "fuzz",
                                        .background = choice[0] & 1 ? "#ffffff" : "",
                                        .target_size = 1 + choice[1] % 64,
                                        .trim = choice[0] & 2};
    if (nca_image_decode(bytes, size - 2, "fuzz", &image, &error) != NCA_OK) {
        require(strncmp(error.message, "fuzz: ", 6) == 0);
        return 0;
    }
    check_pixels(&image);
    if (nca_target_fit(&image, &options, false, &error) != NCA_OK)
        return 0;
    check_pixels(&image);
    require(image.height <= options.target_size && image.width <= options.target_size);
    require(image.height == options.target_size || image.width == options.target_size);
    require(nca_image_pad(&image, 64, 64, &padded, &error) == NCA_OK);
    nca_image_free(&image);
    nca_image_free(&padded);
    return 0;
}
