// The pictures of a run as it goes: loss curve, batch, pool, and at the end growth and healing.
#ifndef NCA_CLI_TRAIN_PICTURES_H
#define NCA_CLI_TRAIN_PICTURES_H

#include <signal.h>

#include "cli/progress.h"
#include "run/run_log.h"

typedef struct nca_train_pictures {
    const nca_config *config;
    nca_trainer *trainer;
    nca_run_log *log;
    const nca_compute *compute;
    nca_progress *progress;
    int height, width;
    const volatile sig_atomic_t *stop;   // ends the films when not 0; may be NULL
    double previewed;                    // when the terminal last showed the batch
    bool is_dead;                        // nothing lived at the end of growth.webp
    char elapsed[32];
} nca_train_pictures;

// pictures/target.png, what it should become.
nca_status nca_train_pictures_target(nca_train_pictures *pictures, const nca_image *target,
                                     nca_error *error);
// loss.png; nothing before the first update.
nca_status nca_train_pictures_curve(nca_train_pictures *pictures, nca_error *error);
// loss.png, pictures/batch-UPDATE.png and pool-UPDATE.png of the latest update, whose batch before
// the rollout was kept.
nca_status nca_train_pictures_write(nca_train_pictures *pictures, nca_error *error);
// The batch in the terminal, above the bar.
bool nca_train_pictures_preview_is_due(const nca_train_pictures *pictures);
nca_status nca_train_pictures_preview(nca_train_pictures *pictures, nca_error *error);
// growth.webp and healing.webp.
nca_status nca_train_pictures_finish(nca_train_pictures *pictures, nca_error *error);
// How long the run took, in words.
const char *nca_train_pictures_elapsed(nca_train_pictures *pictures);

#endif
