// Judges the runs of a study that are complete: rule, metrics and pool from the folder, figures by
// evaluation.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/stop.h"
#include "base/text.h"
#include "config/config_json.h"
#include "model/safetensors.h"
#include "run/run_folder.h"
#include "run/run_task.h"
#include "sweep/study_runs.h"
#include "train/pool_cells.h"

enum { POOL_SHOWN = 64, POOL_COLUMNS = 8 };

// A run while it is judged.
typedef struct run_judging {
    const nca_judge_criteria *criteria;
    nca_study_run *run;
    nca_model model;
    nca_run_task judged;
    nca_error *error;
} run_judging;

static nca_status draw(nca_paint paint, const float *state, const nca_grid *grid, int channels,
                       nca_study_picture *out, nca_error *error)
{
    uint8_t *rgb = malloc((size_t)grid->height * (size_t)grid->width * 3);
    if (!rgb)
        return nca_fail(error, NCA_MEMORY, "a picture of %dx%d: no memory", grid->height,
                        grid->width);
    paint(state, grid->height, grid->width, channels, rgb);
    free(out->rgb);
    *out = (nca_study_picture){.rgb = rgb, .height = grid->height, .width = grid->width};
    return NCA_OK;
}

static nca_status draw_target(const run_judging *judging, nca_study_picture *out)
{
    const nca_run_task *judged = &judging->judged;
    const nca_image *picture =
        judged->task->picture ? judged->task->picture(judged->content.data) : NULL;
    return picture ? draw(nca_image_on_white, picture->pixels, &judged->content.grid, NCA_VISIBLE,
                          out, judging->error)
                   : NCA_OK;
}

// -- Pool -----------------------------------------------------------------------------------------

// The first slots, side by side; without memory for them there is no picture.
static void draw_pool(run_judging *judging, const float *pool, int slots)
{
    const int height = judging->judged.content.grid.height;
    const int width = judging->judged.content.grid.width;
    const int shown = slots < POOL_SHOWN ? slots : POOL_SHOWN;
    const int columns = shown < POOL_COLUMNS ? shown : POOL_COLUMNS;
    const int rows = (shown + columns - 1) / columns;
    const size_t state =
        nca_state_size(1, (size_t)height, (size_t)width, (size_t)judging->model.spec.channels);
    const size_t line = (size_t)width * 3, sheet_line = line * (size_t)columns;
    uint8_t *sheet = malloc((size_t)rows * (size_t)height * sheet_line);
    uint8_t *tile = malloc((size_t)height * line);
    if (sheet && tile) {
        memset(sheet, 255, (size_t)rows * (size_t)height * sheet_line);
        for (int i = 0; i < shown; i++) {
            judging->judged.task->paint(pool + (size_t)i * state, height, width,
                                        judging->model.spec.channels, tile);
            for (int y = 0; y < height; y++)
                memcpy(sheet + (size_t)(i / columns * height + y) * sheet_line +
                           (size_t)(i % columns) * line,
                       tile + (size_t)y * line, line);
        }
        judging->run->pool =
            (nca_study_picture){.rgb = sheet, .height = rows * height, .width = columns * width};
    } else {
        free(sheet);
    }
    free(tile);
}

// Pool and rule are those of the last update in the metrics, unless the process ended between them.
static nca_status check_update(const run_judging *judging, const nca_tensors *tensors)
{
    const int64_t any[] = {-1};
    const nca_tensor *counters;
    NCA_TRY(nca_tensors_require(tensors, "counters", NCA_I64, 1, any, &counters, judging->error));
    const int64_t saved = counters->elements > 0 ? ((const int64_t *)counters->data)[0] : -1;
    if (saved == judging->run->updates)
        return NCA_OK;
    return nca_fail(judging->error, NCA_FORMAT,
                    "%s: the checkpoint is of update %lld, the metrics end with %lld; go on with: "
                    "nca train --resume %s",
                    judging->run->folder, (long long)saved, (long long)judging->run->updates,
                    NCA_SHELL_WORD(judging->run->folder));
}

// Every cell of the pool, [N,H,W,C]; the caller frees it.
static nca_status read_pool(const run_judging *judging, const nca_tensors *tensors,
                            const nca_shape *shape, float **out)
{
    const size_t state = nca_state_size(1, (size_t)shape->height, (size_t)shape->width,
                                        (size_t)shape->spec.channels);
    nca_packed_pool packed;
    NCA_TRY(nca_pool_find(tensors, shape, &packed, judging->error));
    float *pool = malloc(((size_t)shape->pool * state + 1) * sizeof *pool);
    if (!pool)
        return nca_fail(judging->error, NCA_MEMORY, "%s: no memory for its pool",
                        judging->run->folder);
    for (int row = 0; row < shape->pool; row++)
        nca_pool_unpack(&packed, pool + (size_t)row * state);
    *out = pool;
    return NCA_OK;
}

static nca_status judge_pool(run_judging *judging)
{
    char path[NCA_PATH_BYTES + 32];
    const nca_grid *grid = &judging->judged.content.grid;
    nca_tensors tensors;
    const nca_tensor *items = NULL;
    float *pool = NULL;
    const nca_shape shape = {.pool = (int)judging->run->config.pool,
                             .height = grid->height,
                             .width = grid->width,
                             .spec = judging->model.spec};
    const int64_t rows[] = {shape.pool};
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", judging->run->folder);
    NCA_TRY(nca_tensors_read(path, &tensors, judging->error));
    nca_status status;
    NCA_GO(check_update(judging, &tensors));
    NCA_GO(read_pool(judging, &tensors, &shape, &pool));
    if (nca_tensors_find(&tensors, "items"))
        NCA_GO(nca_tensors_require(&tensors, "items", NCA_I64, 1, rows, &items, judging->error));
    const nca_judged_pool judged = {
        .states = pool, .items = items ? items->data : NULL, .slots = shape.pool, .grid = *grid};
    NCA_GO(nca_judge_pool(judging->judged.task, judging->judged.content.data, &judging->model.spec,
                          &judged, &judging->run->judgement.pool, judging->error));
    if (shape.pool > 0)
        draw_pool(judging, pool, shape.pool);
cleanup:
    free(pool);
    nca_tensors_free(&tensors);
    return status;
}

// -- Rule -----------------------------------------------------------------------------------------

static void look(void *context, nca_evaluate_moment moment, int number, const float *state)
{
    run_judging *judging = context;
    const nca_judge_criteria *criteria = judging->criteria;
    int picture = -1;
    if (moment == NCA_EVALUATED_STEP && number == criteria->grown_at)
        picture = NCA_STUDY_GROWN;
    else if (moment == NCA_EVALUATED_STEP && number == criteria->held_at[NCA_JUDGE_HOLDS - 1])
        picture = NCA_STUDY_HELD;
    else if (moment == NCA_EVALUATED_WHOLE)
        picture = NCA_STUDY_WHOLE;
    else if (moment == NCA_EVALUATED_CUT)
        picture = NCA_STUDY_CUT + number;
    if (picture >= 0)
        (void)draw(judging->judged.task->paint, state, &judging->judged.content.grid,
                   judging->model.spec.channels, &judging->run->picture[picture],
                   NULL);   // no memory: no picture, as of the pool
}

static nca_status judge_rule(run_judging *judging, const nca_compute *compute,
                             const nca_study_watch *watch)
{
    nca_evaluate_options options = nca_judge_evaluation(judging->criteria, &judging->model);
    options.grid = judging->judged.content.grid;
    options.stop = &nca_stop_signal;
    options.look = look;
    options.look_context = judging;
    options.progress = watch->judged;
    options.context = watch->context;
    const nca_status status =
        nca_evaluate(&judging->model, judging->judged.task, judging->judged.content.data, &options,
                     compute, &judging->run->judgement.evaluation, judging->error);
    if (options.progress)
        options.progress(options.context, 1);   // whatever became of it, its line goes
    return status;
}

// -- Run ------------------------------------------------------------------------------------------

static nca_status read_rule(run_judging *judging)
{
    const nca_target_arguments target = NCA_TARGET_NOT_GIVEN;
    NCA_TRY(nca_model_load(judging->run->folder, &judging->model, judging->error));
    return nca_run_task_load(&target, judging->run->folder, &judging->model, &judging->judged,
                             judging->error);
}

static void free_rule(run_judging *judging)
{
    nca_model_free(&judging->model);
    nca_run_task_free(&judging->judged);
}

// What is quick: all that the folder holds, and what the pool is like.
static nca_status read_run(nca_study *study, nca_study_run *run, nca_error *error)
{
    run_judging judging = {.criteria = &study->criteria, .run = run, .error = error};
    char path[NCA_PATH_BYTES + 32];
    snprintf(path, sizeof path, "%s/metrics.jsonl", run->folder);
    nca_status status;
    NCA_GO(nca_history_read(path, &run->history, error));
    NCA_GO(nca_run_folder_machine(run->folder, &run->machine_json, error));
    NCA_GO(read_rule(&judging));
    NCA_GO(judge_pool(&judging));
cleanup:
    free_rule(&judging);
    if (status != NCA_FILE && status != NCA_FORMAT)
        return status;
    const nca_error found = *error;
    return nca_fail(error, status,
                    "%s: %s; to train it anew, remove %s and give the same command again",
                    run->name, found.message, run->folder);
}

static nca_status judge_run(nca_study *study, nca_study_run *run, const nca_compute *compute,
                            const nca_study_watch *watch, nca_error *error)
{
    run_judging judging = {.criteria = &study->criteria, .run = run, .error = error};
    nca_status status;
    NCA_GO(read_rule(&judging));
    NCA_GO(judge_rule(&judging, compute, watch));
    nca_judge_verdict(&study->criteria, &run->history, &run->judgement);
    run->is_judged = true;
    if (!study->target.rgb)
        NCA_GO(draw_target(&judging, &study->target));
cleanup:
    free_rule(&judging);
    return status;
}

nca_status nca_study_judge(nca_study *study, const nca_compute *compute,
                           const nca_study_watch *watch, nca_error *error)
{
    // First what is quick, for all runs: a damaged one is reported before hours go into others.
    for (int i = 0; i < study->count; i++) {
        nca_study_run *run = &study->runs[i];
        NCA_TRY(nca_config_to_json(&run->config, &run->config_json, error));
        if (run->progress == NCA_STUDY_COMPLETE)
            NCA_TRY(read_run(study, run, error));
    }
    for (int i = 0; i < study->count; i++) {
        nca_study_run *run = &study->runs[i];
        if (run->progress != NCA_STUDY_COMPLETE)
            continue;
        char line[256];
        snprintf(line, sizeof line, "judging %s", run->name);
        if (watch->say)
            watch->say(watch->context, line);
        NCA_TRY(judge_run(study, run, compute, watch, error));
    }
    return NCA_OK;
}
