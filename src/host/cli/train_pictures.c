// The pictures of a run as it goes.
#include "cli/train_pictures.h"

#include <stdlib.h>

nca_status nca_train_pictures_write(nca_train_pictures *pictures, nca_error *error)
{
    (void)pictures, (void)error;
    return NCA_OK;
}
bool nca_train_pictures_preview_is_due(const nca_train_pictures *pictures)
{
    (void)pictures;
    return false;
}
nca_status nca_train_pictures_preview(nca_train_pictures *pictures, nca_error *error)
{
    (void)pictures, (void)error;
    return NCA_OK;
}
nca_status nca_train_pictures_finish(nca_train_pictures *pictures, nca_error *error)
{
    (void)pictures, (void)error;
    return NCA_OK;
}
const char *nca_train_pictures_elapsed(nca_train_pictures *pictures)
{
    nca_format_duration(nca_clock() - pictures->progress->started, pictures->elapsed,
                        sizeof pictures->elapsed);
    return pictures->elapsed;
}
