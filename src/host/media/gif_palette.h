// The 256 colours of an animation of many more.
#ifndef NCA_MEDIA_GIF_PALETTE_H
#define NCA_MEDIA_GIF_PALETTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NCA_PALETTE_COLOURS = 256, NCA_PALETTE_BINS = 1 << 15 };

typedef struct nca_palette {
    uint8_t rgb[NCA_PALETTE_COLOURS][3];
    uint8_t shown[NCA_PALETTE_BINS];   // the colour that shows what falls into a bin
} nca_palette;

// The palette of `pixels` RGB pixels. Up to 256 colours that differ in their five highest bits are
// kept as they are; of more the ones nearest to each other are joined. False without memory.
bool nca_palette_make(const uint8_t *rgb, size_t pixels, nca_palette *out);

// Colours are told apart by five bits a channel.
static inline int nca_palette_bin(const uint8_t *rgb)
{
    return rgb[0] >> 3 << 10 | rgb[1] >> 3 << 5 | rgb[2] >> 3;
}

static inline uint8_t nca_palette_find(const nca_palette *palette, const uint8_t *rgb)
{
    return palette->shown[nca_palette_bin(rgb)];
}

#endif
