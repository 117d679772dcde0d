// Training for some updates, by what is public.
#ifndef NCA_TESTS_TRAINING_H
#define NCA_TESTS_TRAINING_H

#include "nca/train.h"
#include "support.h"

// The mean loss of these updates; none meets anything.
static inline double train_on(nca_trainer *trainer, int updates)
{
    double loss = 0;
    for (int i = 0; i < updates; i++) {
        nca_update_result result;
        assert_ok(nca_trainer_update(trainer, &result, error));
        assert_int_equal(result.event, NCA_EVENT_NONE);
        loss += result.loss / updates;
    }
    return loss;
}

#endif
