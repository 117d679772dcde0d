// A run as JSON: what it was, how training went, what its rule does.
#include "report/page_json.h"

#include <math.h>
#include <stdlib.h>

#include "base/text.h"
#include "report/rule_json.h"
#include "task/subject.h"

static nca_status fail_memory(const nca_page_run *run, nca_error *error)
{
    return nca_fail(error, NCA_MEMORY, "%s: no memory for its page", run->name);
}

static json_t *curves_of(const nca_history *history)
{
    json_t *update = json_array(), *loss = json_array(), *low = json_array(), *high = json_array(),
           *gradient = json_array(), *active = json_array();
    for (size_t i = 0; i < history->count; i++) {
        const nca_history_point *point = &history->point[i];
        json_array_append_new(update, json_integer(point->update));
        json_array_append_new(loss, nca_json_number(point->loss));
        json_array_append_new(low, nca_json_number(point->loss_low));
        json_array_append_new(high, nca_json_number(point->loss_high));
        json_array_append_new(gradient, nca_json_number(point->gradient_norm));
        json_array_append_new(active, nca_json_number(point->active_fraction));
    }
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "update", update, "loss", loss, "low",
                     low, "high", high, "gradient", gradient, "active", active, "updates_a_point",
                     (json_int_t)history->updates_a_point);
}

json_t *nca_page_events(const nca_history *history, size_t most)
{
    json_t *list = json_array();
    for (size_t i = 0; i < history->events && i < most; i++)
        json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "update",
                                              (json_int_t)history->event[i].update, "name",
                                              nca_json_text(history->event[i].name), "text",
                                              nca_json_text(history->event[i].text)));
    return list;
}

static json_t *model_of(const nca_page_run *run)
{
    const nca_model *model = run->model;
    const nca_layout layout = nca_layout_of(&model->spec);
    return json_pack(
        "{s:o, s:i, s:i, s:I, s:f, s:f, s:f, s:i, s:s, s:s}", "name", nca_json_text(model->name),
        "channels", model->spec.channels, "hidden", model->spec.hidden[0], "parameters",
        (json_int_t)layout.total, "fire_rate", model->fire_rate, "angle", model->angle, "step_size",
        model->step_size, "hidden2", model->spec.hidden[1], "perception",
        nca_perception_words[model->spec.perception], "alive", nca_alive_words[model->spec.alive]);
}

// What channels hold, by their numbers: the first ones as the task says, and those of classes.
static json_t *channel_names(const nca_task *task, const nca_shape *shape)
{
    const char *const *name = task->channels;
    const nca_task *speaking = task->victim && !task->classes ? task->victim : task;
    const int classes = nca_task_classes(speaking), first = shape->objective.first;
    json_t *names = json_array();
    for (; name && *name; name++)
        json_array_append_new(names, json_string(*name));
    for (int k = (int)json_array_size(names); classes > 0 && k < first; k++)
        json_array_append_new(names, json_null());
    for (int i = 0; i < classes; i++)
        json_array_append_new(names, json_sprintf("says %s", speaking->classes[i]));
    return names;
}

// What the task is, in the words that the page needs, and the picture that it is about.
static nca_status add_task(const nca_page_run *run, json_t *object, nca_error *error)
{
    const nca_image *target = run->task->picture ? run->task->picture(run->content) : NULL;
    const nca_shape shape = nca_judging_shape(run->task, run->observed->config, &run->model->spec,
                                              1, &run->observed->grid);
    json_t *picture = NULL;
    json_t *task =
        json_pack("{s:s, s:s, s:s?, s:o, s:o, s:s, s:b, s:b, s:b}", "name", run->task->name,
                  "beginning", run->task->beginning_words, "loss",
                  run->task->loss_words ? run->task->loss_words(&shape) : NULL, "channels",
                  channel_names(run->task, &shape), "grades", nca_grades_json(run->task), "samples",
                  nca_task_judging_of(run->task)->samples_words, "data", run->task->reads_data,
                  "has_place", run->task->place != NULL, "has_others", run->task->others != NULL);
    if (!nca_json_set(object, "task", task))
        return fail_memory(run, error);
    if (!target)
        return NCA_OK;
    uint8_t *rgb = malloc((size_t)target->height * (size_t)target->width * 3);
    if (!rgb)
        return fail_memory(run, error);
    nca_image_on_white(target->pixels, target->height, target->width, NCA_VISIBLE, rgb);
    const nca_status status = nca_page_picture(rgb, target->height, target->width, &picture, error);
    free(rgb);
    NCA_TRY(status);
    return nca_json_set(object, "target", picture) ? NCA_OK : fail_memory(run, error);
}

// A value for each step.
static json_t *series_of(const double *values, int steps)
{
    json_t *list = json_array();
    for (int step = 0; step <= steps; step++)
        json_array_append_new(list, nca_json_number(values[step]));
    return list;
}

// The figures of a rollout, by their words; NULL where the task has none.
static json_t *figures_of(const nca_page_run *run, int rollout)
{
    const nca_observation *observation = run->observation;
    const size_t moments = (size_t)observation->steps + 1;
    json_t *object = observation->figures > 0 ? json_object() : NULL;
    for (int k = 0; k < observation->figures; k++)
        json_object_set_new(
            object, run->task->figures[k].words,
            series_of(observation->figure +
                          ((size_t)k * NCA_OBSERVED_ROLLOUTS + (size_t)rollout) * moments,
                      observation->steps));
    return object;
}

// Losses of every rollout, and its frames.
static nca_status add_rollouts(const nca_page_run *run, json_t *object, nca_error *error)
{
    const nca_observation *observation = run->observation;
    json_t *list = json_array(), *growth = NULL;
    if (!nca_json_set(object, "rollouts", list))
        return fail_memory(run, error);
    NCA_TRY(nca_page_frames(&observation->growth, observation->cut_at, observation->picture_height,
                            observation->picture_width, &growth, error));
    bool is_set = nca_json_set(object, "growth", growth);
    for (int i = 0; i < observation->rollouts; i++) {
        const double *losses = observation->loss + (size_t)i * ((size_t)observation->steps + 1);
        json_t *frames = NULL;
        NCA_TRY(nca_page_frames(&observation->healing[i], observation->steps,
                                observation->picture_height, observation->picture_width, &frames,
                                error));
        json_t *rollout = json_pack("{s:s, s:o, s:o, s:o*}", "name", observation->name[i], "loss",
                                    series_of(losses, observation->steps), "frames", frames,
                                    "figures", figures_of(run, i));
        is_set &= json_array_append_new(list, rollout) == 0;
    }
    return is_set ? NCA_OK : fail_memory(run, error);
}

// The rule itself, which lives in the page: what attacks another one does not live by itself.
static nca_status add_live(const nca_page_run *run, json_t *object, nca_error *error)
{
    json_t *rule = NULL;
    if (run->task->victim)
        return NCA_OK;
    NCA_TRY(nca_page_rule_json(run->name, run->model, run->task, run->content, &rule, error));
    return nca_json_set(object, "live", rule) ? NCA_OK : fail_memory(run, error);
}

static nca_status add_steps(const nca_page_run *run, json_t *object, nca_error *error)
{
    const nca_observation *observation = run->observation;
    json_t *young = NULL, *grown = NULL, *list = json_array();
    if (!nca_json_set(object, "moments", list))
        return fail_memory(run, error);
    NCA_TRY(nca_page_step(run, observation->young, observation->young_step, &young, error));
    json_array_append_new(list, young);
    NCA_TRY(nca_page_step(run, observation->grown, observation->cut_at, &grown, error));
    json_array_append_new(list, grown);
    return NCA_OK;
}

static json_t *verdict_of(const nca_page_run *run)
{
    char line[NCA_VERDICT_LINES][NCA_VERDICT_BYTES];
    const int lines = nca_verdict_write(run->verdict, line);
    json_t *list = json_array();
    for (int i = 0; i < lines; i++)
        json_array_append_new(list, json_string(line[i]));
    return json_pack("{s:i, s:o}", "seeds", run->verdict->seeds, "lines", list);
}

static nca_status add_facts(const nca_page_run *run, json_t *object, nca_error *error)
{
    const nca_history *history = run->history;
    const nca_observation *observation = run->observation;
    const bool is_set =
        nca_json_set(object, "name", nca_json_text(run->name)) &&
        nca_json_set(object, "config", nca_json_parsed(run->config_json)) &&
        nca_json_set(object, "machine", nca_json_parsed(run->machine_json)) &&
        nca_json_set(object, "model", model_of(run)) &&
        nca_json_set(object, "updates", json_integer(history->updates)) &&
        nca_json_set(object, "seconds", nca_json_number(history->seconds)) &&
        nca_json_set(object, "verdict", verdict_of(run)) &&
        nca_json_set(object, "gave_up", json_boolean(history->gave_up)) &&
        nca_json_set(object, "history", curves_of(history)) &&
        nca_json_set(object, "events", nca_page_events(history, NCA_HISTORY_EVENTS)) &&
        nca_json_set(object, "events_in_all", json_integer((json_int_t)history->events)) &&
        nca_json_set(object, "grid", json_pack("[i,i]", observation->height, observation->width)) &&
        nca_json_set(object, "steps", json_integer(observation->steps)) &&
        nca_json_set(object, "cut_at", json_integer(observation->cut_at)) &&
        nca_json_set(object, "traced", json_string(observation->name[run->observed->traced])) &&
        nca_json_set(object, "is_exchange", json_boolean(observation->is_exchange)) &&
        nca_json_set(object, "seed", json_integer((json_int_t)run->observed->seed));
    return is_set ? NCA_OK : fail_memory(run, error);
}

static nca_status add_heal_map(const nca_page_run *run, json_t *object, nca_error *error)
{
    json_t *map = NULL;
    NCA_TRY(nca_page_heal_map(run, &map, error));
    return nca_json_set(object, "heal_map", map) ? NCA_OK : fail_memory(run, error);
}

static nca_status add_folder_pictures(const nca_page_run *run, json_t *object, nca_error *error)
{
    json_t *pictures = NULL;
    NCA_TRY(nca_page_folder_pictures(run->folder, &pictures, error));
    return nca_json_set(object, "pictures", pictures) ? NCA_OK : fail_memory(run, error);
}

nca_status nca_page_run_json(const nca_page_run *run, json_t **out, nca_error *error)
{
    json_t *object = json_object();
    nca_status status;
    if (!object)
        return fail_memory(run, error);
    NCA_GO(add_facts(run, object, error));
    NCA_GO(add_task(run, object, error));
    NCA_GO(nca_page_judged(run, object, error));
    NCA_GO(add_folder_pictures(run, object, error));
    NCA_GO(add_rollouts(run, object, error));
    NCA_GO(add_heal_map(run, object, error));
    NCA_GO(nca_page_channels(run->observation, object, error));
    NCA_GO(add_steps(run, object, error));
    NCA_GO(add_live(run, object, error));
    *out = object;
    return NCA_OK;
cleanup:
    json_decref(object);
    return status;
}
