// The five cuts by which healing is judged.
#include "task/cuts.h"

static const char *const cut_names[NCA_CUT_COUNT] = {
#define NCA_CUT_TEXT(name, text) text,
    NCA_CUTS(NCA_CUT_TEXT)
#undef NCA_CUT_TEXT
};

const char *nca_cut_name(int cut)
{
    return cut_names[cut];
}

nca_region nca_cut_region(int cut, int height, int width)
{
    nca_region region = {.kind = NCA_REGION_BOX, .bottom = height, .right = width};
    // The article's centre is 16x16 of 72x72: two ninths of a side.
    const int tall = (height * 2 + 4) / 9, wide = (width * 2 + 4) / 9;
    switch (cut) {
    case NCA_CUT_UPPER:
        region.bottom = height / 2;
        break;
    case NCA_CUT_LOWER:
        region.top = height / 2;
        break;
    case NCA_CUT_LEFT:
        region.right = width / 2;
        break;
    case NCA_CUT_RIGHT:
        region.left = width / 2;
        break;
    default:
        region.top = (height - tall) / 2;
        region.bottom = region.top + tall;
        region.left = (width - wide) / 2;
        region.right = region.left + wide;
        break;
    }
    return region;
}
