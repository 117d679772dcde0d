// nca trains neural cellular automata. This header includes the others; a good order to read them
// in is tensor, spec, model, config, backend, plan, task, train.
#ifndef NCA_H
#define NCA_H

// The version of program and library.
#define NCA_VERSION "0.1.0"

// The date of that version.
#define NCA_RELEASED "2026-11-27"

#include "nca/api.h"       // what libnca.so exports
#include "nca/backend.h"   // the seam: what a device does
#include "nca/config.h"    // every hyper-parameter
#include "nca/image.h"     // targets and pictures
#include "nca/model.h"     // the update rule and its file
#include "nca/plan.h"      // the settings as numbers
#include "nca/rng.h"       // random numbers as a function of what they are for
#include "nca/spec.h"      // what a cell computes, and the layout of its parameters
#include "nca/status.h"    // what went wrong, in words
#include "nca/task.h"      // what is learnt
#include "nca/tensor.h"    // axes, order, the alive threshold
#include "nca/train.h"     // the training loop

#endif
