// What the values of a spec are called in settings and files.
#include "nca/spec.h"

const char *const nca_perception_words[] = {"sobel", "moore", "summed", NULL};
const char *const nca_alive_words[] = {"maximum", "channel", "everywhere", NULL};
