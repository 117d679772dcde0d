// What only some checkpoints hold: the averages of a run with --average, and how far the rate is
// lowered where training has gone back to a good rule. Other checkpoints have none of it.
//
//   average, good.average   [P] F64   sums of rules (average.c)
//   averaged                [2] I64   how many are in each
//   slowed                  [2] I64   halvings of the rate, and the update of the latest return
#ifndef NCA_TRAIN_SAVED_EXTRAS_H
#define NCA_TRAIN_SAVED_EXTRAS_H

#include "model/safetensors.h"
#include "train/trainer_state.h"

enum { NCA_EXTRAS_MAX = 4, NCA_AVERAGES = 2 };

// Numbers on their way into a file, which the tensors point to.
typedef struct nca_extra_numbers {
    int64_t averaged[NCA_AVERAGES];
    int64_t slowed[2];
} nca_extra_numbers;

// The tensors of a trainer, into `tensor` with room for NCA_EXTRAS_MAX; returns how many.
size_t nca_extras_list(const nca_trainer *trainer, nca_extra_numbers *numbers, nca_tensor *tensor);

// Those of a file; NULL where the trainer needs none.
typedef struct nca_found_extras {
    const nca_tensor *average[NCA_AVERAGES], *averaged, *slowed;
} nca_found_extras;

// Finds and checks them: NCA_FORMAT where one is missing or damaged.
nca_status nca_extras_find(const nca_trainer *trainer, const nca_tensors *tensors,
                           nca_found_extras *out, nca_error *error);
void nca_extras_take(nca_trainer *trainer, const nca_found_extras *found);

#endif
