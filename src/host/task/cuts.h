// The five cuts by which healing is judged.
#ifndef NCA_TASK_CUTS_H
#define NCA_TASK_CUTS_H

#include "nca/backend.h"

// The article's five cuts: X(enum, name). Upper is rows 0..H/2-1 and lower the others, left is
// columns 0..W/2-1 and right the others, so that the middle line of an odd side goes with lower and
// right. The centre is two ninths of the sides: 16x16 of 72x72.
#define NCA_CUTS(X) \
    X(UPPER, "upper") X(LOWER, "lower") X(LEFT, "left") X(RIGHT, "right") X(CENTER, "center")
enum {
#define NCA_CUT_ENUM(name, text) NCA_CUT_##name,
    NCA_CUTS(NCA_CUT_ENUM)
#undef NCA_CUT_ENUM
        NCA_CUT_COUNT,
};

// The region a cut clears on a grid of this size.
nca_region nca_cut_region(int cut, int height, int width);
const char *nca_cut_name(int cut);

#endif
