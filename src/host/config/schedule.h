// What a config's texts mean to the optimizer: the gradient rules and the schedule of the rate.
#ifndef NCA_CONFIG_SCHEDULE_H
#define NCA_CONFIG_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#include "nca/backend.h"

// "none", or "normalize", "clip:X" and "global:X" separated by commas, applied in this order.
nca_status nca_gradient_rules_parse(const char *text, nca_optimizer_step *out, nca_error *error);

// The learning rate of `update`, counted from 1, of `updates` in all:
//   constant          rate
//   cosine            rate * (1 + cos(pi * (update - 1) / updates)) / 2
//   steps:UxF[,...]   rate, multiplied by F for every U that update is beyond
nca_status nca_schedule_rate(const char *text, double rate, int64_t update, int64_t updates,
                             double *out, nca_error *error);

// Whether the rate of an update depends on how many there are in all.
bool nca_schedule_needs_updates(const char *text);

#endif
