// Handwritten digits with their labels: what the task of digits learns from.
#ifndef NCA_TASK_DIGIT_SET_H
#define NCA_TASK_DIGIT_SET_H

#include <stddef.h>
#include <stdint.h>

#include "nca/status.h"

enum { NCA_DIGIT_CLASSES = 10 };

// What each class looks like, RGB.
extern const uint8_t nca_digit_colours[NCA_DIGIT_CLASSES][3];

typedef struct nca_digits {
    int height, width;
    int64_t count;      // in all
    int64_t held_out;   // the last of them, that are not trained on
    int64_t stride;     // by which those that a rule is judged by are gone through
    float *values;      // [count,H,W] grey of 0..1, then [count] labels 0..9
} nca_digits;

// Reads the IDX files of a folder, packed by gzip or not, under the names that MNIST has:
// train-images-idx3-ubyte and train-labels-idx1-ubyte, then those of t10k. Where both are there,
// they follow each other. NCA_FILE where there is neither, NCA_FORMAT where files do not go
// together or no cell would live on them, NCA_ARGUMENT where more are held out than there are.
nca_status nca_digits_load(const char *folder, int64_t held_out, nca_digits *out, nca_error *error);
void nca_digits_free(nca_digits *digits);

static inline const float *nca_digits_grey(const nca_digits *digits, int64_t item)
{
    return digits->values + item * digits->height * digits->width;
}

static inline int nca_digits_label(const nca_digits *digits, int64_t item)
{
    return (int)digits->values[digits->count * digits->height * digits->width + item];
}

// Item number `number` of those that a rule is judged by: the held out, or all where none are. From
// one place on, they are spread evenly, and none comes twice before all have come.
int64_t nca_digits_judged(const nca_digits *digits, int64_t place, int64_t number);

#endif
