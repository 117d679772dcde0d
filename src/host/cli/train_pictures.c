// The pictures of a run as it goes.
#include "cli/train_pictures.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "study/evaluate.h"

enum { POOL_SHOWN = 64, GROWTH_STEPS = 200, HEALING_STEPS = 600 };

static const double preview_seconds = 0.5;

static nca_status write_curve(nca_train_pictures *of, nca_error *error)
{
    char path[NCA_PATH_BYTES], title[128];
    snprintf(title, sizeof title, "%.60s, %lld of %lld updates", of->config->preset,
             (long long)nca_trainer_done(of->trainer), (long long)of->config->updates);
    NCA_TRY(nca_run_log_path(of->log, "loss.png", path, error));
    return nca_curve_write(path, of->log->points, of->log->count, title, error);
}

static nca_status name_picture(nca_train_pictures *of, const char *kind, char path[NCA_PATH_BYTES],
                               nca_error *error)
{
    char name[64];
    snprintf(name, sizeof name, "pictures/%s-%06lld.png", kind,
             (long long)nca_trainer_done(of->trainer));
    return nca_run_log_path(of->log, name, path, error);
}

static nca_status write_batch(nca_train_pictures *of, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    const float *before, *after;
    NCA_TRY(name_picture(of, "batch", path, error));
    NCA_TRY(nca_trainer_batch(of->trainer, &before, &after, error));
    return nca_batch_picture_write(path, before, after, (int)of->config->batch, of->height,
                                   of->width, (int)of->config->channels, error);
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
    nca_status status = name_picture(of, "pool", path, error);
    if (status == NCA_OK)
        status = nca_trainer_pool(of->trainer, 0, count, states, error);
    if (status == NCA_OK)
        status = nca_mosaic_write(path, states, count, of->height, of->width,
                                  (int)of->config->channels, error);
    free(states);
    return status;
}

nca_status nca_train_pictures_write(nca_train_pictures *of, nca_error *error)
{
    NCA_TRY(write_curve(of, error));
    NCA_TRY(write_batch(of, error));
    return write_pool(of, error);
}

nca_status nca_train_pictures_finish(nca_train_pictures *of, nca_error *error)
{
    nca_movie movie = {.height = of->height,
                       .width = of->width,
                       .steps = GROWTH_STEPS,
                       .every = 2,
                       .damage_at = -1,
                       .seed = (uint64_t)of->config->seed};
    char path[NCA_PATH_BYTES];
    nca_model model;
    NCA_TRY(nca_trainer_model(of->trainer, &model, error));
    nca_status status = nca_run_log_path(of->log, "growth.webp", path, error);
    if (status == NCA_OK)
        status = nca_movie_write(path, &model, &movie, of->compute, error);
    movie.steps = HEALING_STEPS;
    movie.every = 4;
    movie.damage_at = GROWTH_STEPS;
    movie.region = nca_cut_region(NCA_CUT_LEFT, of->height, of->width);
    if (status == NCA_OK)
        status = nca_run_log_path(of->log, "healing.webp", path, error);
    if (status == NCA_OK)
        status = nca_movie_write(path, &model, &movie, of->compute, error);
    nca_model_free(&model);
    return status;
}

const char *nca_train_pictures_elapsed(nca_train_pictures *of)
{
    nca_format_duration(nca_clock() - of->progress->started, of->elapsed, sizeof of->elapsed);
    return of->elapsed;
}

bool nca_train_pictures_preview_is_due(const nca_train_pictures *of)
{
    return of->progress->is_terminal && nca_clock() - of->previewed >= preview_seconds;
}

// Samples side by side, two rows of pixels a line: the upper half block carries the upper one.
static void print_samples(FILE *to, const uint8_t *rgb, int shown, int height, int width, int every)
{
    const size_t sample = (size_t)height * (size_t)width * 3;
    for (int y = 0; y < height; y += 2 * every) {
        for (int i = 0; i < shown; i++) {
            for (int x = 0; x < width; x += every) {
                const int below = y + every < height ? y + every : y;
                const uint8_t *a =
                    rgb + (size_t)i * sample + ((size_t)y * (size_t)width + (size_t)x) * 3;
                const uint8_t *b =
                    rgb + (size_t)i * sample + ((size_t)below * (size_t)width + (size_t)x) * 3;
                fprintf(to, "\033[38;2;%d;%d;%dm\033[48;2;%d;%d;%dm▀", a[0], a[1], a[2], b[0], b[1],
                        b[2]);
            }
            fprintf(to, "\033[0m ");
        }
        fprintf(to, "\033[K\n");
    }
}

nca_status nca_train_pictures_preview(nca_train_pictures *of, nca_error *error)
{
    struct winsize size = {.ws_col = 80, .ws_row = 24};
    const float *before, *after;
    ioctl(fileno(of->progress->to), TIOCGWINSZ, &size);
    NCA_TRY(nca_trainer_batch(of->trainer, &before, &after, error));
    int every = 1;
    while ((of->height / every + 1) / 2 + 2 > size.ws_row || of->width / every + 1 > size.ws_col)
        every++;
    const int room = size.ws_col / ((of->width + every - 1) / every + 1);
    const int shown = of->config->batch < room ? (int)of->config->batch : room;
    const size_t pixels = (size_t)of->height * (size_t)of->width;
    uint8_t *rgb = malloc((size_t)shown * pixels * 3);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "the preview: no memory for it");
    for (int i = 0; i < shown; i++)
        nca_image_on_white(after + (size_t)i * pixels * (size_t)of->config->channels, of->height,
                           of->width, (int)of->config->channels, rgb + (size_t)i * pixels * 3);
    // Over the previous one: the bar's line, then up over the picture.
    fprintf(of->progress->to, "\r\033[K");
    if (of->preview_lines > 0)
        fprintf(of->progress->to, "\033[%dA", of->preview_lines);
    print_samples(of->progress->to, rgb, shown, of->height, of->width, every);
    of->preview_lines = (of->height + 2 * every - 1) / (2 * every);
    of->progress->is_drawn = false;
    of->previewed = nca_clock();
    free(rgb);
    return NCA_OK;
}
