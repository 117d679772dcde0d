// Pictures: premultiplied RGBA in floats, as a target and as the visible channels of a state.
#ifndef NCA_IMAGE_H
#define NCA_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nca/api.h"
#include "nca/status.h"

#ifdef __cplusplus
extern "C" {
#endif

// [H,W,4] f32, red, green and blue multiplied by alpha, all in 0..1.
typedef struct nca_image {
    int height;
    int width;
    float *pixels;   // owned
} nca_image;

// A clear picture, which the caller frees.
NCA_API nca_status nca_image_create(int height, int width, nca_image *out, nca_error *error);
NCA_API void nca_image_free(nca_image *image);

// What becomes a target, and how.
typedef struct nca_target_options {
    const char *source;       // a file, an emoji, or its code points: "U+1F469 U+200D U+1F680"
    const char *font;         // a colour bitmap font for emoji; NULL or "" finds Noto Color Emoji
    const char *background;   // "#rrggbb" that becomes transparent; NULL or "" keys nothing
    int target_size;          // the longer side after shrinking or enlarging, in cells
    bool trim;                // first cut the empty border away (always done for an emoji)
} nca_target_options;

// Whether a source names a file: one that is there, or a text with a slash or a dot in it. A folder
// that is called as an emoji is none.
NCA_API bool nca_target_is_file(const char *source);

// Loads, keys, trims and premultiplies the source, and resamples it with Lanczos-3 in float so that
// its longer side is target_size; an image of that size already is taken pixel for pixel. Not
// padded. The caller frees `out`.
NCA_API nca_status nca_target_load(const nca_target_options *options, nca_image *out,
                                   nca_error *error);

// Puts the image in the middle of a clear canvas (odd remainders go to the bottom and the right).
// NCA_ARGUMENT when the image is larger than the canvas.
NCA_API nca_status nca_image_pad(const nca_image *image, int height, int width, nca_image *out,
                                 nca_error *error);

// A PNG, JPEG, WebP, BMP or TGA file, premultiplied, and turned as its Exif block says. Refuses
// what is not an image, an animation, a kind that would be read wrongly (named, with the way out),
// a file above 256 MiB, and more than 16384 pixels a side or 2^26 in all.
NCA_API nca_status nca_image_read(const char *path, nca_image *out, nca_error *error);
// The same from memory; `name` stands in messages.
NCA_API nca_status nca_image_decode(const uint8_t *bytes, size_t size_bytes, const char *name,
                                    nca_image *out, nca_error *error);

// What a state looks like to a person.
//   state  [H,W,C] f32
//   rgb    [H,W,3] out, bytes
typedef void (*nca_paint)(const float *state, int height, int width, int channels, uint8_t *rgb);

// The visible part of a state on white: 1 - clip(alpha, 0, 1) + RGB, clipped. An nca_paint.
// Source: Mordvintsev et al. 2020, the notebook's to_rgb.
NCA_API void nca_image_on_white(const float *state, int height, int width, int channels,
                                uint8_t *rgb);

#ifdef __cplusplus
}
#endif
#endif
