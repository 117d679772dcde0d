// What a count says about the share behind it.
#ifndef NCA_EVAL_WILSON_H
#define NCA_EVAL_WILSON_H

typedef struct nca_interval {
    double low, high;
} nca_interval;

// The Wilson score interval, 95 %, of a share of which `hits` of `total` draws were seen; 0 to 1
// where nothing was drawn. It holds for few draws and for shares of 0 and 1, where the usual one
// has no width.  Source: Wilson 1927.
nca_interval nca_wilson(int hits, int total);

#endif
