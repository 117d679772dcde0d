// What the files that make targets share.
#ifndef NCA_MEDIA_IMAGE_H
#define NCA_MEDIA_IMAGE_H

#include "nca/image.h"

// Shrinks or enlarges to height x width with Lanczos-3 in float.
nca_status nca_image_resample(const nca_image *image, int height, int width, nca_image *out,
                              nca_error *error);

// Whether a file is whole, as far as its format says; NCA_FORMAT where it is not. Contents are
// stb_image's to judge.
nca_status nca_image_check(const uint8_t *bytes, size_t size_bytes, const char *name,
                           nca_error *error);

// Where the stored pixels of a JPEG belong, as Exif numbers it; 1, as they are, where the file does
// not say. Where row 0 and column 0 of what is stored lie in the picture:
//   1 top, left      2 top, right     3 bottom, right   4 bottom, left
//   5 left, top      6 right, top     7 right, bottom   8 left, bottom
int nca_exif_orientation(const uint8_t *bytes, size_t size_bytes);

// Keys, trims and resamples a picture as the options say; `image` becomes the target, or is freed.
nca_status nca_target_fit(nca_image *image, const nca_target_options *options, bool is_emoji,
                          nca_error *error);

// The part between the first and the last row and column with any alpha.
// NCA_FORMAT where there is none; `name` stands in the message.
nca_status nca_image_trim(const nca_image *image, const char *name, nca_image *out,
                          nca_error *error);

// An emoji as typed or as code points, at the size of the font's bitmaps.
nca_status nca_emoji_draw(const char *text, const char *font, nca_image *out, nca_error *error);

// "U+1F469 U+200D U+1F680" as UTF-8; any other text as it is. NCA_ARGUMENT where it cannot be one.
enum { NCA_EMOJI_BYTES = 256 };
nca_status nca_emoji_spell(const char *text, char utf8[NCA_EMOJI_BYTES], nca_error *error);

// The emoji font that is found on this machine; NULL where there is none.
const char *nca_emoji_font(void);

#endif
