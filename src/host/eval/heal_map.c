// Makes a heal map. Patterns are grown once, one in each slot of the batch; then trials of all
// damages fill round after round of that batch.
#include "eval/heal_map.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/session.h"
#include "task/damage.h"
#include "task/subject.h"

const double nca_map_radius[NCA_MAP_RADII] = {0.1, 0.2, 0.3, 0.4, 0.5};

// As many as a GPU is busy with, and few enough for the memory of a large grid.
enum { SLOTS_MAX = 64 };

// A map while it is made.
typedef struct mapping {
    const nca_evaluate_options *options;
    nca_heal_map *map;
    const nca_backend *backend;
    nca_session *session;
    nca_shape shape;   // of it
    nca_subject subject;
    size_t state;                 // elements of one
    uint32_t rounds;              // done; each has other fire bits
    int *usable;                  // [patterns] slots whose pattern is there when left whole
    int filled;                   // of them, in the next round
    nca_map_damage **damage;      // [slots] what is tried in them
    float *grown;                 // [slots,H,W,C] at the cut
    float *item;                  // of one item, to work in
    nca_sample *starts;           // [slots] as they began
    nca_sample_report *samples;   // [slots]
    double *whole;                // [slots] log10 losses of the patterns left whole
    double *values;               // [slots] log10 losses to work in
    double total, gone;           // steps of the batch, for progress
} mapping;

// -- What is cut ----------------------------------------------------------------------------------

// Middles of circles lie from a quarter to three quarters of an axis of `cells` cells.
static double place_on(int cells, int number, int side)
{
    const double half = (cells - 1) / 2.0;
    return half * (0.5 + (side > 1 ? (double)number / (side - 1) : 0.5));
}

static void plan_circles(nca_heal_map *map, int radius)
{
    const nca_grid *grid = &map->grid;
    for (int place = 0; place < map->side * map->side; place++)
        map->circle[radius][place].region =
            (nca_region){.kind = NCA_REGION_CIRCLE,
                         .center_y = place_on(grid->height, place / map->side, map->side),
                         .center_x = place_on(grid->width, place % map->side, map->side),
                         .radius_y = nca_map_radius[radius] * (grid->height - 1) / 2.0,
                         .radius_x = nca_map_radius[radius] * (grid->width - 1) / 2.0};
}

static void plan_damages(nca_heal_map *map)
{
    for (int radius = 0; radius < NCA_MAP_RADII; radius++)
        plan_circles(map, radius);
    for (int i = 0; i < NCA_MAP_ANGLES; i++)
        map->half[i].region = nca_damage_half(2 * 3.14159265358979323846 * i / NCA_MAP_ANGLES, 0,
                                              map->grid.height, map->grid.width);
}

static bool is_cell_empty(const mapping *maker, const float *cell)
{
    for (int k = 0; k < maker->shape.spec.channels; k++)
        if (cell[k] != 0)
            return false;
    return true;
}

// Whether a circle clears anything of a state.
static bool clears(const mapping *maker, const nca_region *circle, const float *state)
{
    for (int y = 0; y < maker->shape.height; y++)
        for (int x = 0; x < maker->shape.width; x++) {
            const double v = (y - circle->center_y) / circle->radius_y;
            const double u = (x - circle->center_x) / circle->radius_x;
            const size_t cell = (size_t)y * (size_t)maker->shape.width + (size_t)x;
            if (v * v + u * u < 1 &&
                !is_cell_empty(maker, state + cell * (size_t)maker->shape.spec.channels))
                return true;
        }
    return false;
}

// -- The batch ------------------------------------------------------------------------------------

// Takes the batch from the step of the cut, or the start, some steps on.
static nca_status go_on(mapping *maker, int from, int steps, nca_error *error)
{
    enum { PIECE = 100 };
    const nca_evaluate_options *options = maker->options;
    nca_rollout rollout = {.key = {.seed = options->seed, .update = maker->rounds},
                           .fire_rate = options->fire_rate,
                           .angle = nca_radians(options->angle),
                           .step_size = options->step_size,
                           .alive_threshold = NCA_ALIVE_THRESHOLD};
    for (int gone = 0; gone < steps; gone += rollout.steps) {
        rollout.first_step = from + gone;
        rollout.steps = steps - gone < PIECE ? steps - gone : PIECE;
        NCA_TRY(maker->backend->forward(maker->session, &rollout, NULL, error));
        NCA_TRY(maker->backend->synchronize(maker->session, error));
        if (options->stop && *options->stop)
            return nca_fail(error, NCA_INTERRUPTED, "stopped; nothing was written");
        maker->gone += rollout.steps;
        if (options->progress)
            options->progress(options->context, fmin(1, maker->gone / maker->total));
    }
    return NCA_OK;
}

// log10 losses of the batch as it is; one that is not finite counts as infinite.
static nca_status measure(mapping *maker, double *losses, nca_error *error)
{
    NCA_TRY(maker->backend->loss(maker->session, maker->samples, error));
    NCA_TRY(maker->backend->synchronize(maker->session, error));
    for (int i = 0; i < maker->shape.batch; i++) {
        const double loss = maker->samples[i].loss;
        losses[i] = isfinite(loss) ? log10(loss) : INFINITY;
    }
    return NCA_OK;
}

static nca_status upload_grown(mapping *maker, nca_error *error)
{
    return maker->backend->upload(maker->session, NCA_BATCH, 0,
                                  nca_buffer_elements(&maker->shape, NCA_BATCH), maker->grown,
                                  error);
}

// Every slot grows a sample of its own to the step of the cut.
static nca_status grow(mapping *maker, nca_error *error)
{
    const nca_key key = {.seed = maker->options->seed};
    const size_t size = nca_buffer_elements(&maker->shape, NCA_BATCH);
    for (int i = 0; i < maker->shape.batch; i++) {
        maker->starts[i] = nca_subject_draw(&maker->subject, key, (uint32_t)i);
        nca_subject_start(&maker->subject, &maker->starts[i],
                          maker->grown + (size_t)i * maker->state);
    }
    NCA_TRY(nca_subject_upload_targets(&maker->subject, maker->starts, error));
    NCA_TRY(upload_grown(maker, error));
    NCA_TRY(go_on(maker, 0, maker->options->cut_at, error));
    NCA_TRY(maker->backend->download(maker->session, NCA_BATCH, 0, size, maker->grown, error));
    return maker->backend->synchronize(maker->session, error);
}

// What becomes of them without damage.
static nca_status leave_whole(mapping *maker, nca_error *error)
{
    NCA_TRY(go_on(maker, maker->options->cut_at, maker->options->heal_steps, error));
    NCA_TRY(measure(maker, maker->whole, error));
    memcpy(maker->values, maker->whole, (size_t)maker->shape.batch * sizeof *maker->values);
    maker->map->whole = nca_spread_of(maker->values, (size_t)maker->shape.batch);
    for (int i = 0; i < maker->shape.batch; i++)
        if (maker->whole[i] <= maker->subject.task->good_loss)
            maker->usable[maker->map->patterns++] = i;
    maker->map->has_pattern = maker->map->whole.median <= maker->subject.task->good_loss;
    return NCA_OK;
}

static nca_status try_round(mapping *maker, nca_error *error)
{
    maker->rounds++;
    NCA_TRY(upload_grown(maker, error));
    for (int i = 0; i < maker->filled; i++)
        NCA_TRY(maker->backend->damage(maker->session, maker->usable[i], &maker->damage[i]->region,
                                       error));
    NCA_TRY(go_on(maker, maker->options->cut_at, maker->options->heal_steps, error));
    NCA_TRY(measure(maker, maker->values, error));
    for (int i = 0; i < maker->filled; i++) {
        nca_map_tally *tally = &maker->damage[i]->tally;
        const int slot = maker->usable[i];
        tally->healed += nca_is_healed(maker->values[slot], maker->whole[slot]);
        tally->tried++;
    }
    maker->filled = 0;
    return NCA_OK;
}

static nca_status try_damages(mapping *maker, nca_map_damage *damages, int count, nca_error *error)
{
    for (int i = 0; i < count * maker->map->trials; i++) {
        nca_map_damage *damage = &damages[i / maker->map->trials];
        const size_t slot = (size_t)maker->usable[maker->filled];
        const float *state = maker->grown + slot * maker->state;
        if (clears(maker, &damage->region, state))
            maker->damage[maker->filled++] = damage;
        if (maker->filled == maker->map->patterns)
            NCA_TRY(try_round(maker, error));
    }
    return NCA_OK;
}

static nca_status make(mapping *maker, nca_error *error)
{
    nca_heal_map *map = maker->map;
    NCA_TRY(grow(maker, error));
    NCA_TRY(leave_whole(maker, error));
    if (!map->has_pattern)
        return NCA_OK;
    for (int radius = 0; radius < NCA_MAP_RADII; radius++)
        NCA_TRY(try_damages(maker, map->circle[radius], map->side * map->side, error));
    NCA_TRY(try_damages(maker, map->half, NCA_MAP_ANGLES, error));
    return maker->filled > 0 ? try_round(maker, error) : NCA_OK;
}

// -- From the start to the end --------------------------------------------------------------------

static nca_status open(mapping *maker, const nca_model *model, const nca_compute *compute,
                       nca_error *error)
{
    const size_t slots = (size_t)maker->shape.batch;
    const size_t size = nca_buffer_elements(&maker->shape, NCA_BATCH);
    char what[96];
    snprintf(what, sizeof what, "a heal map: %zu grids of %dx%d", slots, maker->shape.height,
             maker->shape.width);
    NCA_TRY(nca_session_open(compute, &maker->shape, size * sizeof *maker->grown, what,
                             &maker->session, error));
    maker->grown = calloc(size, sizeof *maker->grown);
    maker->item = calloc(nca_values_size(&maker->shape), sizeof *maker->item);
    maker->starts = calloc(slots, sizeof *maker->starts);
    maker->samples = calloc(slots, sizeof *maker->samples);
    maker->whole = calloc(2 * slots, sizeof *maker->whole);
    maker->damage = calloc(slots, sizeof *maker->damage);
    maker->usable = calloc(slots, sizeof *maker->usable);
    if (!maker->grown || !maker->item || !maker->starts || !maker->samples || !maker->whole ||
        !maker->damage || !maker->usable)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for them", what);
    maker->values = maker->whole + slots;
    maker->subject.session = maker->session;
    maker->subject.values = maker->item;
    return nca_subject_upload_rules(&maker->subject, model->parameters, error);
}

static void close(mapping *maker)
{
    maker->backend->destroy(maker->session);
    free(maker->grown);
    free(maker->item);
    free(maker->starts);
    free(maker->samples);
    free(maker->whole);
    free(maker->damage);
    free(maker->usable);
}

nca_status nca_heal_map_check(const nca_task *task, nca_error *error)
{
    if (!task->frozen)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "a heal map: samples of the task %s have frozen channels, and no rule can "
                    "heal those; leave the map out",
                    task->name);
}

nca_status nca_heal_map_make(const nca_model *model, const nca_task *task, const void *content,
                             const nca_evaluate_options *options, int side, int trials,
                             const nca_compute *compute, nca_heal_map *out, nca_error *error)
{
    const int trials_in_all = (NCA_MAP_RADII * side * side + NCA_MAP_ANGLES) * trials;
    const int slots = trials_in_all < SLOTS_MAX ? trials_in_all : SLOTS_MAX;
    mapping maker = {.options = options,
                     .map = out,
                     .backend = compute->backend,
                     .shape = nca_judging_shape(task, NULL, &model->spec, slots, &options->grid),
                     .subject = {.task = task, .content = content, .backend = compute->backend}};
    nca_status status;
    maker.subject.shape = &maker.shape;
    maker.state = nca_buffer_elements(&maker.shape, NCA_BATCH) / (size_t)slots;
    maker.total =
        options->cut_at + options->heal_steps * (1 + ceil((double)trials_in_all / (double)slots));
    *out = (nca_heal_map){.grid = options->grid,
                          .cut_at = options->cut_at,
                          .heal_steps = options->heal_steps,
                          .side = side,
                          .trials = trials,
                          .grown = slots};
    plan_damages(out);
    NCA_TRY(nca_heal_map_check(task, error));
    if (task->check)
        NCA_TRY(task->check(content, &maker.shape, error));
    NCA_GO(open(&maker, model, compute, error));
    NCA_GO(make(&maker, error));
cleanup:
    close(&maker);
    return status;
}
