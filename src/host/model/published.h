// What reader and writer of the article's published rules share.
#ifndef NCA_MODEL_PUBLISHED_H
#define NCA_MODEL_PUBLISHED_H

// The scale of a layer's bytes is less than this; its largest weight is half of its scale.
#define NCA_PUBLISHED_SCALE_LIMIT 1e6

#endif
