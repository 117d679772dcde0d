// A rollout as a film.
#include "eval/movie.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "model/session.h"
#include "nca/image.h"
#include "task/subject.h"

enum { SIDE_PIXELS = 360, FORWARD_MAX = 100 };

// A film while it is shot.
typedef struct shooting {
    const nca_film *film;
    const nca_backend *backend;
    const nca_format *format;
    nca_session *session;
    nca_writer *writer;
    nca_shape shape;        // of the session
    nca_subject subject;    // in it
    nca_sample sample;      // that it shows
    uint32_t drawn;         // samples so far
    float *values;          // of one item, to work in
    const nca_spec *spec;   // of the rule
    int scale, done;
    float *state;     // [H,W,C]
    uint8_t *small;   // [H,W,3]
    uint8_t *large;   // [H*scale,W*scale,3]
} shooting;

static void enlarge(const shooting *shot)
{
    const size_t width = (size_t)shot->film->width, scale = (size_t)shot->scale;
    for (size_t y = 0; y < (size_t)shot->film->height * scale; y++)
        for (size_t x = 0; x < width * scale; x++)
            memcpy(shot->large + (y * width * scale + x) * 3,
                   shot->small + (y / scale * width + x / scale) * 3, 3);
}

static nca_status shoot_frame(shooting *shot, nca_error *error)
{
    const nca_film *film = shot->film;
    NCA_TRY(shot->backend->download(
        shot->session, NCA_BATCH, 0,
        nca_state_size(1, (size_t)film->height, (size_t)film->width, (size_t)shot->spec->channels),
        shot->state, error));
    NCA_TRY(shot->backend->synchronize(shot->session, error));
    if (shot->format->wants_states)
        return shot->format->add(shot->writer, shot->state, error);
    film->task->paint(shot->state, film->height, film->width, shot->spec->channels, shot->small);
    enlarge(shot);
    return shot->format->add(shot->writer, shot->large, error);
}

// What befalls the sample at this step.
static nca_status intervene(shooting *shot, nca_error *error)
{
    const nca_key key = {.seed = shot->film->seed};
    for (int i = 0; i < shot->film->exchanges; i++) {
        if (shot->film->exchange_at[i] != shot->done)
            continue;
        NCA_TRY(nca_subject_draw_unlike(&shot->subject, key, shot->sample.item, &shot->drawn,
                                        &shot->sample, error));
        NCA_TRY(nca_subject_exchange(&shot->subject, 0, shot->sample.item, error));
    }
    for (int i = 0; i < shot->film->damages; i++)
        if (shot->film->damage[i].step == shot->done)
            NCA_TRY(shot->backend->damage(shot->session, 0, &shot->film->damage[i].region, error));
    return NCA_OK;
}

// The step of the next frame, damage or exchange, whichever comes first; not too far, so that a
// signal is answered and the progress moves.
static int next_stop(const shooting *shot)
{
    const nca_film *film = shot->film;
    int stop = (shot->done / film->every + 1) * film->every;
    stop = stop < film->steps ? stop : film->steps;
    stop = stop < shot->done + FORWARD_MAX ? stop : shot->done + FORWARD_MAX;
    for (int i = 0; i < film->damages; i++)
        if (film->damage[i].step > shot->done && film->damage[i].step < stop)
            stop = film->damage[i].step;
    for (int i = 0; i < film->exchanges; i++)
        if (film->exchange_at[i] > shot->done && film->exchange_at[i] < stop)
            stop = film->exchange_at[i];
    return stop;
}

static bool is_stopped(const nca_film *film)
{
    return film->stop && *film->stop;
}

static nca_status fail_stopped(nca_error *error)
{
    return nca_fail(error, NCA_INTERRUPTED, "stopped; nothing was written");
}

// The film's sample, in the state that the film is begun in or that it asks for; and the rules that
// move its cells.
static nca_status begin_sample(shooting *shot, const float *parameters, nca_error *error)
{
    const nca_film *film = shot->film;
    const nca_key key = {.seed = film->seed};
    NCA_TRY(nca_subject_upload_rules(&shot->subject, parameters, error));
    if (film->begin) {
        film->begin(film->begin_context, shot->state);
        if (!film->task->others)
            return NCA_OK;
    }
    shot->sample = nca_subject_draw(&shot->subject, key, shot->drawn++);
    if (!film->begin)
        nca_subject_start(&shot->subject, &shot->sample, shot->state);
    return film->task->others ? nca_subject_upload_targets(&shot->subject, &shot->sample, error)
                              : NCA_OK;
}

static nca_status shoot(shooting *shot, const float *parameters, nca_error *error)
{
    const nca_film *film = shot->film;
    const size_t elements =
        nca_state_size(1, (size_t)film->height, (size_t)film->width, (size_t)shot->spec->channels);
    memset(shot->state, 0, elements * sizeof *shot->state);
    NCA_TRY(begin_sample(shot, parameters, error));
    NCA_TRY(shot->backend->upload(shot->session, NCA_BATCH, 0, elements, shot->state, error));
    NCA_TRY(intervene(shot, error));
    NCA_TRY(shoot_frame(shot, error));
    while (shot->done < film->steps) {
        const int stop = next_stop(shot);
        const nca_rollout rollout = {.steps = stop - shot->done,
                                     .first_step = shot->done,
                                     .key = {.seed = film->seed},
                                     .fire_rate = film->fire_rate,
                                     .angle = nca_radians(film->angle),
                                     .step_size = film->step_size,
                                     .alive_threshold = NCA_ALIVE_THRESHOLD};
        NCA_TRY(shot->backend->forward(shot->session, &rollout, NULL, error));
        shot->done = stop;
        NCA_TRY(intervene(shot, error));
        if (stop % film->every == 0 || stop == film->steps)
            NCA_TRY(shoot_frame(shot, error));
        if (film->progress)
            film->progress(film->context, (double)stop / film->steps);
        if (is_stopped(film))
            return fail_stopped(error);
    }
    return NCA_OK;
}

static nca_status look_for_life(shooting *shot, nca_error *error)
{
    nca_sample_report sample;
    NCA_TRY(shot->backend->loss(shot->session, &sample, error));
    NCA_TRY(shot->backend->synchronize(shot->session, error));
    *shot->film->is_dead = shot->film->task->is_dead && shot->film->task->is_dead(&sample);
    return NCA_OK;
}

int nca_film_frames(const nca_film *film)
{
    return 1 + (film->steps + film->every - 1) / film->every;
}

int nca_film_frames_shown(const nca_film *film)
{
    return nca_frames_shown(film->format->shortest_ms, nca_film_frames(film),
                            film->frames_per_second);
}

static nca_status open_film(shooting *shot, const char *path, const nca_model *model,
                            const nca_compute *compute, nca_error *error)
{
    const nca_film *film = shot->film;
    const size_t cells = (size_t)film->height * (size_t)film->width;
    const uint64_t scale = (uint64_t)shot->scale;
    const uint64_t frames = nca_memory_sum(
        nca_memory_product(cells, (uint64_t)shot->spec->channels, sizeof *shot->state, 1),
        nca_memory_product(cells, scale * scale + 1, 3, 1));
    char what[96];
    snprintf(what, sizeof what, "frames of %dx%d cells, %d pixels each", film->height, film->width,
             shot->scale);
    shot->shape = nca_judging_shape(film->task, NULL, &model->spec, 1,
                                    &(nca_grid){film->height, film->width});
    if (film->content && film->task->check && !film->begin)
        NCA_TRY(film->task->check(film->content, &shot->shape, error));
    NCA_TRY(nca_session_open(compute, &shot->shape, frames, what, &shot->session, error));
    shot->state = malloc(cells * (size_t)shot->spec->channels * sizeof *shot->state);
    shot->small = malloc(cells * 3);
    shot->large = malloc(cells * (size_t)shot->scale * (size_t)shot->scale * 3);
    shot->values = calloc(nca_values_size(&shot->shape), sizeof *shot->values);
    shot->subject = (nca_subject){.task = film->task,
                                  .content = film->content,
                                  .shape = &shot->shape,
                                  .backend = shot->backend,
                                  .session = shot->session,
                                  .values = shot->values};
    if (!shot->state || !shot->small || !shot->large || !shot->values)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for frames of %dx%d cells", path,
                        film->height, film->width);
    const int pixels = shot->format->wants_states ? 1 : shot->scale;
    const nca_writer_options options = {
        .height = film->height * pixels,
        .width = film->width * pixels,
        .channels = shot->spec->channels,
        .frames = nca_film_frames(film),
        .frames_per_second = film->frames_per_second,
        .columns = film->columns,
    };
    return shot->format->open(path, &options, &shot->writer, error);
}

nca_status nca_film_write(const char *path, const nca_model *model, const nca_film *film,
                          const nca_compute *compute, nca_error *error)
{
    const int longer = film->height > film->width ? film->height : film->width;
    shooting shot = {.film = film, .backend = compute->backend, .spec = &model->spec};
    shot.format = film->format;
    if (!shot.format)
        NCA_TRY(nca_format_find(path, &shot.format, error));
    shot.scale = film->scale > 0 ? film->scale : longer < SIDE_PIXELS ? SIDE_PIXELS / longer : 1;
    nca_status status;
    NCA_GO(open_film(&shot, path, model, compute, error));
    NCA_GO(shoot(&shot, model->parameters, error));
    if (film->is_dead)
        NCA_GO(look_for_life(&shot, error));
cleanup:
    if (shot.writer) {
        nca_error *kept = status == NCA_OK ? error : NULL;
        const nca_status closed = shot.format->close(shot.writer, status == NCA_OK, kept);
        status = status == NCA_OK ? closed : status;
    }
    shot.backend->destroy(shot.session);
    free(shot.state);
    free(shot.small);
    free(shot.large);
    free(shot.values);
    // What ends this program may have ended the one it writes to: no failure of its own.
    return status != NCA_OK && is_stopped(film) ? fail_stopped(error) : status;
}

nca_status nca_movie_write(const char *path, const nca_model *model, const nca_movie *movie,
                           const nca_compute *compute, nca_error *error)
{
    nca_film film = {.task = movie->task,
                     .content = movie->content,
                     .height = movie->height,
                     .width = movie->width,
                     .steps = movie->steps,
                     .every = movie->every,
                     .frames_per_second = 25,
                     .seed = movie->seed,
                     .fire_rate = model->fire_rate,
                     .angle = model->angle,
                     .step_size = model->step_size,
                     .stop = movie->stop,
                     .is_dead = movie->is_dead};
    if (movie->exchange_at > 0) {
        film.exchanges = 1;
        film.exchange_at[0] = movie->exchange_at;
    }
    if (movie->damage_at > 0) {
        film.damages = 1;
        film.damage[0] = (nca_film_damage){movie->damage_at, movie->region};
    }
    return nca_film_write(path, model, &film, compute, error);
}
