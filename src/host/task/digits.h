// What the tasks about digits share: which cells live, and what they say.
#ifndef NCA_TASK_DIGITS_H
#define NCA_TASK_DIGITS_H

#include "nca/spec.h"
#include "nca/tensor.h"

// A cell lives where its grey, the first channel, is above this.
#define NCA_DIGIT_GREY_LIMIT NCA_ALIVE_THRESHOLD

// Settings that none of them reads: pictures, and their damage.
#define NCA_DIGITS_UNREAD                                                                  \
    "target", "target_size", "padding", "trim", "background", "font", "damage_radius_min", \
        "damage_radius_max", "damage_halves", "damage_centred"

// What rules of digits are where their file does not say it; digits.c.
extern const nca_spec nca_digits_usual;

// The class that a cell says: its largest of the last channels; -1 where no single one is.
//   cell   [channels]
int nca_digit_said(const float *cell, int channels);

#endif
