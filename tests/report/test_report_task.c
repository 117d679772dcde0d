// A task of its own on the page and among the pictures of a training: what it paints, its figures,
// films and channels are there, and nothing that only a task with a picture has.
#define _GNU_SOURCE   // nftw, memmem
#include "tasks.h"

#include <unistd.h>

#include "config/config_json.h"
#include "report/page_json.h"
#include "run/train_pictures.h"
#include "scratch.h"

enum { CUT_AT = 6, STEPS = 10 };

static nca_config make_config(void)
{
    nca_config config = nca_config_default();
    snprintf(config.grid, sizeof config.grid, "%d", SIDE);
    config.channels = 8, config.hidden = 8;
    config.batch = BATCH, config.pool = ROWS;
    config.steps_min = config.steps_max = 4;
    config.updates = 2;
    return config;
}

// Two updates with all their pictures, as nca train makes them.
static void train(const nca_config *config, const pictures *content, const nca_compute *on,
                  nca_run_log *log, nca_model *model)
{
    nca_plan plan;
    nca_trainer *trainer;
    assert_ok(nca_task_plan(&mean_task, config, &plan, error));
    assert_ok(nca_trainer_create(config, &plan, &mean_task, content, on, &trainer, error));
    nca_train_pictures shown = {.config = config,
                                .trainer = trainer,
                                .content = content,
                                .log = log,
                                .compute = on,
                                .height = SIDE,
                                .width = SIDE};
    assert_ok(nca_train_pictures_target(&shown, error));
    for (int i = 0; i < 2; i++) {
        nca_update_result result;
        nca_trainer_keep_before(trainer, true);
        assert_ok(nca_trainer_update(trainer, &result, error));
        assert_ok(nca_run_log_add(log, &result, error));
    }
    assert_ok(nca_train_pictures_write(&shown, error));
    assert_ok(nca_trainer_model(trainer, model, error));
    assert_ok(nca_train_pictures_finish(&shown, error));
    assert_false(shown.is_dead);
    nca_trainer_free(trainer);
}

static bool is_there(const char *folder, const char *name)
{
    char path[NCA_PATH_BYTES];
    return nca_path_join(folder, name, path, NULL) == NCA_OK && access(path, R_OK) == 0;
}

static void check_pictures(const char *folder)
{
    assert_true(is_there(folder, "pictures/batch-000002.png"));
    assert_true(is_there(folder, "pictures/pool-000002.png"));
    assert_true(is_there(folder, "agreement.webp"));
    assert_false(is_there(folder, "pictures/target.png"));
    assert_false(is_there(folder, "growth.webp"));
}

static size_t length_of(const json_t *object, const char *key)
{
    return json_array_size(json_object_get(object, key));
}

static void check_page(const json_t *run)
{
    const json_t *task = json_object_get(run, "task");
    assert_string_equal(json_string_value(json_object_get(task, "name")), "mean");
    assert_string_equal(json_string_value(json_object_get(task, "beginning")), "an empty grid");
    assert_true(json_is_null(json_object_get(task, "loss")));
    assert_int_equal(length_of(task, "channels"), 2);
    assert_null(json_object_get(run, "target"));
    assert_non_null(json_object_get(run, "live"));
    const json_t *rollouts = json_object_get(run, "rollouts");
    assert_int_equal(json_array_size(rollouts), NCA_OBSERVED_ROLLOUTS);
    for (size_t i = 0; i < json_array_size(rollouts); i++) {
        const json_t *figures = json_object_get(json_array_get(rollouts, i), "figures");
        assert_int_equal(length_of(figures, "cells near"), STEPS + 1);
        assert_int_equal(length_of(figures, "spread"), STEPS + 1);
    }
    // All cells live, and see their neighbours as they are.
    const json_t *moment = json_array_get(json_object_get(run, "moments"), 0);
    const json_t *fire = json_array_get(json_object_get(moment, "fire"), 0);
    assert_int_equal(json_integer_value(json_object_get(fire, "living")), CELLS);
    assert_non_null(json_object_get(moment, "visible"));
    assert_null(json_object_get(moment, "sobel_x"));
    assert_null(json_object_get(moment, "kinds"));
}

// A state of the item, half of whose cells are cut away: what the figures say of it.
static void check_figures(const nca_observation *seen, const nca_task_update *update)
{
    const double *spread = seen->figure + (size_t)NCA_OBSERVED_ROLLOUTS * (STEPS + 1);
    assert_int_equal(seen->figures, 2);
    assert_true(spread[NCA_CUT_COUNT * (STEPS + 1)] == 0);   // it begins with zeros
    float mean[CELLS];
    const nca_sample sample = mean_task.draw(update, 0);
    mean_of(update->content, update->shape, sample.item, mean);
    for (int i = 0; i < NCA_OBSERVED_ROLLOUTS; i++)
        assert_true(seen->figure[i * (STEPS + 1)] == (mean[0] < 0.1f));
}

// What attacks another rule does not live on the page by itself. Its classes are the victim's.
static void check_attacker(const nca_page_run *run)
{
    static const char *const classes[] = {"one", "two", NULL};
    nca_task victim = mean_task, attacker = mean_task;
    nca_page_run attack = *run;
    json_t *json;
    victim.classes = classes;
    attacker.victim = &victim;
    attack.task = &attacker;
    assert_ok(nca_page_run_json(&attack, &json, error));
    const json_t *names = json_object_get(json_object_get(json, "task"), "channels");
    const char *last = json_string_value(json_array_get(names, json_array_size(names) - 1));
    assert_null(json_object_get(json, "live"));
    assert_string_equal(last, "says two");
    json_decref(json);
}

static void check_report(const nca_model *model, const pictures *content, const nca_compute *on,
                         const char *folder, const char *config_json)
{
    char path[NCA_PATH_BYTES];
    nca_history history;
    nca_observation seen;
    nca_observe_options options = {.grid = {SIDE, SIDE},
                                   .seed = 4,
                                   .cut_at = CUT_AT,
                                   .heal_steps = STEPS - CUT_AT,
                                   .traced = NCA_CUT_LEFT};
    nca_observe_choose_cells(&mean_task, content, &model->spec, &options);
    assert_true(options.cell[0][1] == SIDE / 2 && options.cell[2][1] == 0);
    assert_ok(nca_path_join(folder, "metrics.jsonl", path, error));
    assert_ok(nca_history_read(path, &history, error));
    assert_ok(nca_observe(model, &mean_task, content, &options, on, &seen, error));
    const nca_verdict verdict = {.task = &mean_task, .seeds = 8, .grown = -1};
    const nca_page_run run = {.name = "mean",
                              .folder = folder,
                              .config_json = config_json,
                              .model = model,
                              .task = &mean_task,
                              .content = content,
                              .verdict = &verdict,
                              .history = &history,
                              .observation = &seen,
                              .observed = &options};
    json_t *json;
    assert_ok(nca_page_run_json(&run, &json, error));
    check_page(json);
    json_decref(json);
    const nca_shape shape = {.batch = 1, .height = SIDE, .width = SIDE, .spec = model->spec};
    const nca_task_update update = {.shape = &shape, .content = content, .key = {.seed = 4}};
    check_figures(&seen, &update);
    check_attacker(&run);
    assert_ok(nca_page_write(scratch("page.html"), &run, 1, error));
    nca_observation_free(&seen);
    nca_history_free(&history);
}

static void test_a_task_of_its_own_has_its_pictures_and_page(void **state)
{
    (void)state;
    static char folder[NCA_PATH_BYTES];
    const pictures content = draw_noise();
    const nca_config config = make_config();
    nca_run_log log;
    nca_model model;
    nca_compute on;
    char *json;
    snprintf(folder, sizeof folder, "%s", scratch("run"));
    assert_ok(nca_config_to_json(&config, &json, error));
    assert_ok(nca_compute_open("cpu", NULL, &on, error));
    assert_ok(nca_run_log_create(folder, json, &log, error));
    train(&config, &content, &on, &log, &model);
    nca_run_log_close(&log);
    check_pictures(folder);
    check_report(&model, &content, &on, folder, json);
    nca_model_free(&model);
    nca_compute_close(&on);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_task_of_its_own_has_its_pictures_and_page)};
    return cmocka_run_group_tests(tests, scratch_setup, scratch_teardown);
}
