// The pictures of a run as it goes: loss curve, batch, pool, and at the end films.
#ifndef NCA_RUN_TRAIN_PICTURES_H
#define NCA_RUN_TRAIN_PICTURES_H

#include <signal.h>

#include "nca/train.h"
#include "run/run_log.h"

typedef struct nca_train_pictures {
    const nca_config *config;
    nca_trainer *trainer;
    const void *content;   // of its task
    nca_run_log *log;
    const nca_compute *compute;
    int height, width;
    const volatile sig_atomic_t *stop;   // ends the films when not 0; may be NULL
    bool is_dead;                        // it was dead at the end of the first film
} nca_train_pictures;

// pictures/target.png, what it should become; nothing where the task has no such picture.
nca_status nca_train_pictures_target(nca_train_pictures *pictures, nca_error *error);
// loss.png; nothing before the first update.
nca_status nca_train_pictures_curve(nca_train_pictures *pictures, nca_error *error);
// loss.png, pictures/batch-UPDATE.png and pool-UPDATE.png of the latest update, whose batch before
// the rollout was kept.
nca_status nca_train_pictures_write(nca_train_pictures *pictures, nca_error *error);
// The films of the task.
nca_status nca_train_pictures_finish(nca_train_pictures *pictures, nca_error *error);

#endif
