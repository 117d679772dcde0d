// What the files that make targets share.
#ifndef NCA_MEDIA_IMAGE_H
#define NCA_MEDIA_IMAGE_H

#include "nca/image.h"

// Shrinks or enlarges to height x width with Lanczos-3 in float.
nca_status nca_image_resample(const nca_image *image, int height, int width, nca_image *out,
                              nca_error *error);

// Keys, trims and resamples a picture as the options say; `image` becomes the target, or is freed.
nca_status nca_target_fit(nca_image *image, const nca_target_options *options, bool is_emoji,
                          nca_error *error);

// The part between the first and the last row and column with any alpha.
// NCA_FORMAT where there is none; `name` stands in the message.
nca_status nca_image_trim(const nca_image *image, const char *name, nca_image *out,
                          nca_error *error);

// An emoji as typed or as code points, as large as a bitmap of the font: of several, as Apple's
// fonts have, the smallest of which `size` pixels can be seen, or the largest.
nca_status nca_emoji_draw(const char *text, const char *font, int size, nca_image *out,
                          nca_error *error);

// "U+1F469 U+200D U+1F680" as UTF-8; any other text as it is. NCA_ARGUMENT where it cannot be one.
enum { NCA_EMOJI_BYTES = 256 };
nca_status nca_emoji_spell(const char *text, char utf8[NCA_EMOJI_BYTES], nca_error *error);

// The emoji font that is found on this machine; NULL where there is none.
const char *nca_emoji_font(void);

#endif
