// nca run: a rule grows on any grid, is damaged on the way, and the film of it is written.
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/stop.h"
#include "cli/command.h"
#include "cli/damage.h"
#include "cli/progress.h"
#include "cli/target_options.h"
#include "config/grid.h"
#include "media/writers.h"
#include "task/seed.h"

typedef struct run_options {
    nca_target_arguments target;
    const char *output, *format, *grid;
    nca_option_list seeds, damages, exchanges;
    int64_t steps, every, scale, columns, seed;
    double fire_rate, angle, step_size, frames_per_second;   // NaN: the model's
    bool force;
    nca_device_arguments device;
} run_options;

static const nca_option rows[] = {
    {"output", NCA_OPTION_STRING, offsetof(run_options, output), 0, 0, "FILE",
     "what to write, by its extension: .webp .gif .mp4 .png .npy; - is standard output "
     "[growth.webp]",
     "Film"},
    {"format", NCA_OPTION_STRING, offsetof(run_options, format), 0, 0, "webp|gif|mp4|png|npy",
     "what to write, whatever the name [by its extension; webp for -]", NULL},
    {"every", NCA_OPTION_INT, offsetof(run_options, every), 1, 1000000, "T",
     "steps for each frame [1]", NULL},
    {"scale", NCA_OPTION_INT, offsetof(run_options, scale), 0, 64, "PIXELS",
     "side of a cell [0: about 360 pixels in all]", NULL},
    {"fps", NCA_OPTION_REAL, offsetof(run_options, frames_per_second), 0.1, 100, "F",
     "frames a second [25]", NULL},
    {"columns", NCA_OPTION_INT, offsetof(run_options, columns), 0, 1000, "N",
     ".png: a filmstrip of so many frames a row [0: the last frame only]", NULL},
    {"force", NCA_OPTION_FLAG, offsetof(run_options, force), 0, 0, NULL,
     "write over a file that exists", NULL},
    NCA_TASK_ROWS(run_options, target),
    {"grid", NCA_OPTION_STRING, offsetof(run_options, grid), 0, 0, "N|HxW",
     "cells [the model's own]", "Run"},
    {"steps", NCA_OPTION_INT, offsetof(run_options, steps), 0, 10000000, "T", "steps [200]", NULL},
    {"seed-at", NCA_OPTION_LIST, offsetof(run_options, seeds), 0, 0, "Y,X",
     "place of a seed; may be given several times [where it stood in training]", NULL},
    {"damage", NCA_OPTION_LIST, offsetof(run_options, damages), 0, 0, "WHAT@STEP",
     "upper, lower, left, right, center, circle:Y,X,RADIUS or box:TOP,LEFT,BOTTOM,RIGHT; may be "
     "given several times",
     NULL},
    {"exchange", NCA_OPTION_LIST, offsetof(run_options, exchanges), 0, 0, "STEP",
     "after it put the next digit of another class under the state; may be given several times",
     NULL},
    {"seed", NCA_OPTION_INT, offsetof(run_options, seed), 0, 9e18, "N",
     "random seed of the fire masks, and of which digit it is [1]", NULL},
    {"fire-rate", NCA_OPTION_REAL, offsetof(run_options, fire_rate), 0.0001, 1, "P",
     "probability that a cell updates [the model's]", NULL},
    {"angle", NCA_OPTION_REAL, offsetof(run_options, angle), -360, 360, "DEGREES",
     "rotation of perception, and so of what grows [the model's]", NULL},
    {"step-size", NCA_OPTION_REAL, offsetof(run_options, step_size), 0.0001, 100, "X",
     "multiplies every update [the model's]", NULL},
    NCA_DEVICE_ROWS(run_options, device),
    {0},
};

static const char details[] =
    "MODEL is a model.safetensors, a run folder, or a trained rule that comes with nca: "
    "zoo:lizard\n"
    "(nca info lists them). A .npy holds every channel of every frame, [T,H,W,C], the seed first.\n"
    "\n"
    "Examples:\n"
    "  nca run zoo:lizard --damage left@200 --steps 400 -o heal.webp\n"
    "  nca run runs/lizard-regenerating --steps 600 --every 4 --damage left@200 --output "
    "heal.webp\n"
    "  nca run rule.safetensors --grid 120x200 --seed-at 40,50 --seed-at 80,150 --output two.gif\n"
    "  nca run rule.safetensors --steps 96 --every 12 --columns 9 --output strip.png\n"
    "  nca run rule.safetensors --angle 90 --output turned.mp4\n"
    "  nca run runs/mnist-digits --seed 7 --steps 400 --every 2 --exchange 200 --output "
    "digit.webp\n";

// Where a film starts from, if places were given.
typedef struct seeds {
    const nca_task *task;
    nca_shape shape;   // of the film
    int count;
    int at[NCA_OPTION_LIST_MAX][2];   // y, x
} seeds;

static void put_seeds(const void *context, float *state)
{
    const seeds *places = context;
    for (int i = 0; i < places->count; i++)
        places->task->place(&places->shape, places->at[i][0], places->at[i][1], state);
}

static nca_status read_seeds(const run_options *options, const nca_model *model, nca_film *film,
                             seeds *out, nca_error *error)
{
    *out = (seeds){
        .task = film->task,
        .shape = {.batch = 1, .height = film->height, .width = film->width, .spec = model->spec},
        .count = options->seeds.count};
    const nca_seed_at own = {NCA_SEED_FROM_MIDDLE, model->seed[0], model->seed[1]};
    const nca_grid grid = {film->height, film->width};
    if (out->count > 0 && !film->task->place)
        return nca_fail(error, NCA_ARGUMENT,
                        "--seed-at: what the task %s starts from has no place; leave it out",
                        film->task->name);
    for (int i = 0; i < out->count; i++)
        NCA_TRY(nca_place_read("--seed-at", options->seeds.item[i], film->height, film->width,
                               out->at[i], error));
    if (out->count == 0 && film->task->place && (own.y != 0 || own.x != 0)) {
        NCA_TRY(nca_seed_cell(&own, &grid, out->at[0], error));
        out->count = 1;
    }
    film->begin = out->count > 0 ? put_seeds : NULL;
    film->begin_context = out;
    return NCA_OK;
}

static nca_status read_damages(const run_options *options, nca_film *film, nca_error *error)
{
    film->damages = options->damages.count;
    for (int i = 0; i < film->damages; i++)
        NCA_TRY(nca_damage_parse(options->damages.item[i], film->height, film->width, film->steps,
                                 &film->damage[i], error));
    return NCA_OK;
}

// The grid of a film: that of the content, where it has one, else the model's.
static int side(int content, int model)
{
    return content > 0 ? content : model > 0 ? model : 72;
}

static nca_status read_exchanges(const run_options *options, nca_film *film, nca_error *error)
{
    const nca_option_list *given = &options->exchanges;
    film->exchanges = given->count;
    if (given->count > 0 && !film->task->frozen)
        return nca_fail(error, NCA_ARGUMENT,
                        "--exchange: samples of the task %s have nothing to exchange; leave it out",
                        film->task->name);
    for (int i = 0; i < given->count; i++) {
        char *end = NULL;
        const bool is_number = given->item[i][0] >= '0' && given->item[i][0] <= '9';
        const long step = is_number ? strtol(given->item[i], &end, 10) : -1;
        if (!is_number || *end || step > film->steps)
            return nca_fail(error, NCA_ARGUMENT,
                            "--exchange %.40s: must be a step, 0 to %d, the last step of the run",
                            given->item[i], film->steps);
        film->exchange_at[i] = (int)step;
    }
    return NCA_OK;
}

static nca_status plan_film(const run_options *options, const nca_model *model,
                            const nca_grid *content, nca_percent *percent, nca_film *film,
                            nca_error *error)
{
    *film = (nca_film){
        .height = side(content->height, model->grid_height),
        .width = side(content->width, model->grid_width),
        .steps = (int)options->steps,
        .every = (int)options->every,
        .scale = (int)options->scale,
        .frames_per_second = options->frames_per_second,
        .columns = (int)options->columns,
        .seed = (uint64_t)options->seed,
        .fire_rate = isnan(options->fire_rate) ? model->fire_rate : options->fire_rate,
        .angle = isnan(options->angle) ? model->angle : options->angle,
        .step_size = isnan(options->step_size) ? model->step_size : options->step_size,
        .stop = &nca_stop_signal,
        .progress = nca_percent_show,
        .context = percent,
    };
    if (options->grid) {
        nca_grid grid;
        NCA_TRY(nca_grid_read(options->grid, &grid, error));
        film->height = grid.height;
        film->width = grid.width;
    }
    return read_damages(options, film, error);
}

// The task of the rule; with its content only where beginnings are made of that, for the content
// may be far away.
static nca_status find_task(const run_options *options, const char *path, const nca_model *model,
                            nca_run_task *out, nca_error *error)
{
    nca_target_arguments given = options->target;
    given.grid = options->grid;
    NCA_TRY(nca_run_task_find(&given, path, model, out, error));
    if (out->task->victim && !out->task->reads_data && !nca_is_folder(path))
        return nca_fail(error, NCA_ARGUMENT,
                        "%s: turns a picture that its victim has grown, and a file alone does not "
                        "say which; give its run folder",
                        path);
    return out->task->frozen || out->task->others || out->task->victim
               ? nca_run_task_load(&given, path, model, out, error)
               : NCA_OK;
}

// In which format the film is written, and where.
static nca_status choose_output(const run_options *options, const nca_format **format,
                                char place[NCA_PATH_BYTES], nca_error *error)
{
    NCA_TRY(options->format ? nca_format_named(options->format, format, error)
                            : nca_format_find(options->output, format, error));
    return nca_output_check("output", options->output, options->force, place, error);
}

static void say_what_was_written(const run_options *options, const nca_film *film)
{
    const int frames = nca_film_frames(film), shown = nca_film_frames_shown(film);
    FILE *to = nca_output_words(options->output);
    fprintf(to, "%s: %d step%s on a grid of %dx%d\n", options->output, film->steps,
            film->steps == 1 ? "" : "s", film->height, film->width);
    if (shown < frames)
        fprintf(to,
                "%s: shows %d of %d frames, for a %s file has at most %.3g a second; it lasts as "
                "long as asked\n",
                options->output, shown, frames, film->format->extension,
                1000 / film->format->shortest_ms);
}

static nca_status run(nca_call *call)
{
    static nca_film film;
    static seeds from;
    const run_options *options = call->options;
    nca_error *error = &call->error;
    nca_percent percent = {.word = "grown"};
    const char *path = call->arguments.item[0];
    const nca_format *format;
    char place[NCA_PATH_BYTES];
    nca_run_task started = {0};
    nca_model model;
    nca_status status;
    NCA_TRY(choose_output(options, &format, place, error));
    NCA_TRY(nca_output_check_source("output", place, path, error));
    NCA_TRY(nca_run_rule_load(&options->target, path, &model, error));
    NCA_GO(find_task(options, path, &model, &started, error));
    NCA_GO(plan_film(options, &model, &started.content.grid, &percent, &film, error));
    film.format = format;
    film.task = started.task;
    film.content = started.content.data;
    NCA_GO(read_exchanges(options, &film, error));
    NCA_GO(read_seeds(options, &model, &film, &from, error));
    NCA_GO(nca_film_write(place, &model, &film, &call->compute, error));
cleanup:
    if (film.progress)
        film.progress(film.context, 1);   // whatever became of it, its line goes
    if (status == NCA_OK)
        say_what_was_written(options, &film);
    nca_run_task_free(&started);
    nca_model_free(&model);
    return status;
}

static const run_options defaults = {.target = NCA_TARGET_NOT_GIVEN,
                                     .output = "growth.webp",
                                     .steps = 200,
                                     .seed = 1,
                                     .every = 1,
                                     .frames_per_second = 25,
                                     .fire_rate = NAN,
                                     .angle = NAN,
                                     .step_size = NAN};

const nca_command nca_command_run = {
    .name = "run",
    .arguments = "MODEL",
    .summary = "Lets a rule grow, with damage on the way, and writes the film",
    .details = details,
    .options = rows,
    .arguments_min = 1,
    .arguments_max = 1,
    .options_bytes = sizeof(run_options),
    .defaults = &defaults,
    .device = offsetof(run_options, device),
    .opens_device = true,
    .stops = true,
    .work = run,
};
