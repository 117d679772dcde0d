// The pictures of a run as it goes.
#include "run/train_pictures.h"

#include <stdlib.h>

#include "eval/movie.h"
#include "media/mosaic.h"

enum { POOL_SHOWN = 64 };

nca_status nca_train_pictures_curve(nca_train_pictures *pictures, nca_error *error)
{
    char path[NCA_PATH_BYTES], title[128];
    snprintf(title, sizeof title, "%.60s, %lld of %lld updates", pictures->config->preset,
             (long long)nca_trainer_done(pictures->trainer), (long long)pictures->config->updates);
    NCA_TRY(nca_path_join(pictures->log->folder, "loss.png", path, error));
    return nca_curve_write(path, pictures->log->points, pictures->log->count, title, error);
}

nca_status nca_train_pictures_target(nca_train_pictures *pictures, nca_error *error)
{
    const nca_task *task = nca_trainer_task(pictures->trainer);
    const nca_image *target = task->picture ? task->picture(pictures->content) : NULL;
    char path[NCA_PATH_BYTES];
    if (!target)
        return NCA_OK;
    NCA_TRY(nca_path_join(pictures->log->folder, "pictures/target.png", path, error));
    const nca_states shown = {.data = target->pixels,
                              .count = 1,
                              .height = pictures->height,
                              .width = pictures->width,
                              .channels = NCA_VISIBLE,
                              .paint = nca_image_on_white};
    return nca_mosaic_write(path, &shown, error);
}

static nca_status name_picture(nca_train_pictures *pictures, const char *kind,
                               char path[NCA_PATH_BYTES], nca_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "pictures/%s-%06lld.png", kind,
             (long long)nca_trainer_done(pictures->trainer));
    return nca_path_join(pictures->log->folder, name, path, error);
}

static nca_states show_states(const nca_train_pictures *pictures, const float *states, int count)
{
    return (nca_states){.data = states,
                        .count = count,
                        .height = pictures->height,
                        .width = pictures->width,
                        .channels = (int)pictures->config->channels,
                        .paint = nca_trainer_task(pictures->trainer)->paint};
}

static nca_status write_batch(nca_train_pictures *pictures, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    const float *before, *after;
    NCA_TRY(name_picture(pictures, "batch", path, error));
    NCA_TRY(nca_trainer_batch(pictures->trainer, &before, &after, error));
    const nca_states shown = show_states(pictures, after, (int)pictures->config->batch);
    return nca_batch_picture_write(path, before, &shown, error);
}

static nca_status write_pool(nca_train_pictures *pictures, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    const int count =
        pictures->config->pool < POOL_SHOWN ? (int)pictures->config->pool : POOL_SHOWN;
    const size_t state =
        nca_state_size((size_t)count, (size_t)pictures->height, (size_t)pictures->width,
                       (size_t)pictures->config->channels);
    if (count == 0)
        return NCA_OK;
    float *states = malloc(state * sizeof *states);
    if (!states)
        return nca_fail(error, NCA_MEMORY, "the pool's picture: no memory for it");
    const nca_states shown = show_states(pictures, states, count);
    nca_status status;
    NCA_GO(name_picture(pictures, "pool", path, error));
    NCA_GO(nca_trainer_pool(pictures->trainer, 0, count, states, error));
    NCA_GO(nca_mosaic_write(path, &shown, error));
cleanup:
    free(states);
    return status;
}

nca_status nca_train_pictures_write(nca_train_pictures *pictures, nca_error *error)
{
    NCA_TRY(nca_train_pictures_curve(pictures, error));
    NCA_TRY(write_batch(pictures, error));
    return write_pool(pictures, error);
}

static nca_status write_film(nca_train_pictures *pictures, const nca_model *model,
                             const nca_task_film *film, bool *is_dead, nca_error *error)
{
    nca_movie movie = {.task = nca_trainer_task(pictures->trainer),
                       .content = pictures->content,
                       .height = pictures->height,
                       .width = pictures->width,
                       .steps = film->steps,
                       .every = film->every,
                       .damage_at = film->damage_at,
                       .exchange_at = film->exchange_at,
                       .seed = (uint64_t)pictures->config->seed,
                       .stop = pictures->stop,
                       .is_dead = is_dead};
    char path[NCA_PATH_BYTES];
    if (film->region)
        movie.region = film->region(pictures->height, pictures->width);
    NCA_TRY(nca_path_join(pictures->log->folder, film->file, path, error));
    return nca_movie_write(path, model, &movie, pictures->compute, error);
}

nca_status nca_train_pictures_finish(nca_train_pictures *pictures, nca_error *error)
{
    const nca_task_film *films = nca_trainer_task(pictures->trainer)->films;
    nca_model model;
    nca_status status;
    NCA_TRY(nca_trainer_model(pictures->trainer, &model, error));
    nca_trainer_release(pictures->trainer);   // the films need its memory
    for (const nca_task_film *film = films; film && film->file; film++)
        NCA_GO(
            write_film(pictures, &model, film, film == films ? &pictures->is_dead : NULL, error));
cleanup:
    nca_model_free(&model);
    return status;
}
