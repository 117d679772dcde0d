// The pictures of a run as it goes.
#include "run/train_pictures.h"

#include <stdlib.h>

#include "eval/evaluate.h"
#include "eval/movie.h"
#include "media/mosaic.h"

enum { POOL_SHOWN = 64, GROWTH_STEPS = 200, HEALING_STEPS = 600 };

nca_status nca_train_pictures_curve(nca_train_pictures *of, nca_error *error)
{
    char path[NCA_PATH_BYTES], title[128];
    snprintf(title, sizeof title, "%.60s, %lld of %lld updates", of->config->preset,
             (long long)nca_trainer_done(of->trainer), (long long)of->config->updates);
    NCA_TRY(nca_path_join(of->log->folder, "loss.png", path, error));
    return nca_curve_write(path, of->log->points, of->log->count, title, error);
}

nca_status nca_train_pictures_target(nca_train_pictures *of, const nca_image *target,
                                     nca_error *error)
{
    char path[NCA_PATH_BYTES];
    NCA_TRY(nca_path_join(of->log->folder, "pictures/target.png", path, error));
    const nca_states shown = {.data = target->pixels,
                              .count = 1,
                              .height = of->height,
                              .width = of->width,
                              .channels = NCA_VISIBLE,
                              .paint = nca_image_on_white};
    return nca_mosaic_write(path, &shown, error);
}

static nca_status name_picture(nca_train_pictures *of, const char *kind, char path[NCA_PATH_BYTES],
                               nca_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "pictures/%s-%06lld.png", kind,
             (long long)nca_trainer_done(of->trainer));
    return nca_path_join(of->log->folder, name, path, error);
}

static nca_states show_states(const nca_train_pictures *of, const float *states, int count)
{
    return (nca_states){.data = states,
                        .count = count,
                        .height = of->height,
                        .width = of->width,
                        .channels = (int)of->config->channels,
                        .paint = nca_trainer_task(of->trainer)->paint};
}

static nca_status write_batch(nca_train_pictures *of, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    const float *before, *after;
    NCA_TRY(name_picture(of, "batch", path, error));
    NCA_TRY(nca_trainer_batch(of->trainer, &before, &after, error));
    const nca_states shown = show_states(of, after, (int)of->config->batch);
    return nca_batch_picture_write(path, before, &shown, error);
}

static nca_status write_pool(nca_train_pictures *of, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    const int count = of->config->pool < POOL_SHOWN ? (int)of->config->pool : POOL_SHOWN;
    const size_t state = nca_state_size((size_t)count, (size_t)of->height, (size_t)of->width,
                                        (size_t)of->config->channels);
    if (count == 0)
        return NCA_OK;
    float *states = malloc(state * sizeof *states);
    if (!states)
        return nca_fail(error, NCA_MEMORY, "the pool's picture: no memory for it");
    const nca_states shown = show_states(of, states, count);
    nca_status status;
    NCA_GO(name_picture(of, "pool", path, error));
    NCA_GO(nca_trainer_pool(of->trainer, 0, count, states, error));
    NCA_GO(nca_mosaic_write(path, &shown, error));
cleanup:
    free(states);
    return status;
}

nca_status nca_train_pictures_write(nca_train_pictures *of, nca_error *error)
{
    NCA_TRY(nca_train_pictures_curve(of, error));
    NCA_TRY(write_batch(of, error));
    return write_pool(of, error);
}

nca_status nca_train_pictures_finish(nca_train_pictures *of, nca_error *error)
{
    nca_movie movie = {.task = nca_trainer_task(of->trainer),
                       .content = of->content,
                       .height = of->height,
                       .width = of->width,
                       .steps = GROWTH_STEPS,
                       .every = 2,
                       .damage_at = -1,
                       .seed = (uint64_t)of->config->seed,
                       .stop = of->stop,
                       .is_dead = &of->is_dead};
    char path[NCA_PATH_BYTES];
    nca_model model;
    nca_status status;
    NCA_TRY(nca_trainer_model(of->trainer, &model, error));
    NCA_GO(nca_path_join(of->log->folder, "growth.webp", path, error));
    NCA_GO(nca_movie_write(path, &model, &movie, of->compute, error));
    movie.is_dead = NULL;
    movie.steps = HEALING_STEPS;
    movie.every = 4;
    movie.damage_at = GROWTH_STEPS;
    movie.region = nca_cut_region(NCA_CUT_LEFT, of->height, of->width);
    NCA_GO(nca_path_join(of->log->folder, "healing.webp", path, error));
    NCA_GO(nca_movie_write(path, &model, &movie, of->compute, error));
cleanup:
    nca_model_free(&model);
    return status;
}
