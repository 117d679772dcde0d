// Colours are gathered in boxes; the box whose colours lie farthest from their mean is cut in two,
// at the mean of the channel in which they differ most, until there are 256. A box is shown as its
// mean. Source: the variance-based cut of Wan, Prusinkiewicz and Wong 1990.
#include "media/gif_palette.h"

#include <stdlib.h>
#include <string.h>

// What falls into a bin, as one colour: the mean.
typedef struct bin {
    double count, mean[3];
    int number;
} bin;

// Neighbours in the array of bins.
typedef struct colour_box {
    bin *first;
    size_t bins;
    double mean[3], spread[3];   // sum of squared distances from the mean, a channel each
} colour_box;

static colour_box measure(bin *first, size_t bins)
{
    colour_box whole = {.first = first, .bins = bins};
    double count = 0;
    for (size_t i = 0; i < bins; i++) {
        count += first[i].count;
        for (int k = 0; k < 3; k++)
            whole.mean[k] += first[i].count * first[i].mean[k];
    }
    for (int k = 0; k < 3; k++)
        whole.mean[k] /= count;
    for (size_t i = 0; i < bins; i++)
        for (int k = 0; k < 3; k++) {
            const double off = first[i].mean[k] - whole.mean[k];
            whole.spread[k] += first[i].count * off * off;
        }
    return whole;
}

static int widest(const colour_box *box)
{
    int channel = 0;
    for (int k = 1; k < 3; k++)
        if (box->spread[k] > box->spread[channel])
            channel = k;
    return channel;
}

// Those below the mean go to the front; the rest become the new box.
static colour_box cut(colour_box *whole)
{
    const int channel = widest(whole);
    size_t below = 0;
    for (size_t i = 0; i < whole->bins; i++)
        if (whole->first[i].mean[channel] < whole->mean[channel]) {
            const bin moved = whole->first[i];
            whole->first[i] = whole->first[below];
            whole->first[below++] = moved;
        }
    const colour_box above = measure(whole->first + below, whole->bins - below);
    *whole = measure(whole->first, below);
    return above;
}

static double spread_of(const colour_box *box)
{
    return box->bins > 1 ? box->spread[0] + box->spread[1] + box->spread[2] : 0;
}

static int cut_all(bin *bins, size_t used, colour_box boxes[NCA_PALETTE_COLOURS])
{
    int count = 1;
    boxes[0] = measure(bins, used);
    for (; count < NCA_PALETTE_COLOURS; count++) {
        int largest = 0;
        for (int i = 1; i < count; i++)
            if (spread_of(&boxes[i]) > spread_of(&boxes[largest]))
                largest = i;
        if (spread_of(&boxes[largest]) <= 0)
            break;
        boxes[count] = cut(&boxes[largest]);
    }
    return count;
}

// The bins that hold anything, moved to the front; how many.
static size_t fill_bins(const uint8_t *rgb, size_t pixels, bin *bins)
{
    size_t used = 0;
    for (size_t i = 0; i < pixels; i++, rgb += 3) {
        bin *into = &bins[nca_palette_bin(rgb)];
        into->count++;
        for (int k = 0; k < 3; k++)
            into->mean[k] += rgb[k];
    }
    for (int i = 0; i < NCA_PALETTE_BINS; i++) {
        if (bins[i].count == 0)
            continue;
        bin kept = bins[i];
        kept.number = i;
        for (int k = 0; k < 3; k++)
            kept.mean[k] /= kept.count;
        bins[used++] = kept;
    }
    return used;
}

bool nca_palette_make(const uint8_t *rgb, size_t pixels, nca_palette *out)
{
    colour_box boxes[NCA_PALETTE_COLOURS];
    bin *bins = calloc(NCA_PALETTE_BINS, sizeof *bins);
    if (!bins)
        return false;
    const size_t used = fill_bins(rgb, pixels, bins);
    const int count = used > 0 ? cut_all(bins, used, boxes) : 0;
    memset(out, 0, sizeof *out);
    for (int i = 0; i < count; i++) {
        for (int k = 0; k < 3; k++)
            out->rgb[i][k] = (uint8_t)(boxes[i].mean[k] + 0.5);
        for (size_t b = 0; b < boxes[i].bins; b++)
            out->shown[boxes[i].first[b].number] = (uint8_t)i;
    }
    free(bins);
    return true;
}
