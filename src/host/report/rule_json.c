// A rule as JSON.
#include "report/rule_json.h"

#include <stdlib.h>

#include "eval/evaluate.h"
#include "report/page_json.h"

static nca_status fail_memory(const char *name, nca_error *error)
{
    return nca_fail(error, NCA_MEMORY, "%.200s: no memory for its page", name);
}

static json_t *spec_of(const nca_spec *spec)
{
    return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "channels", spec->channels,
                     "perception", (int)spec->perception, "hidden", spec->hidden[0], "hidden2",
                     spec->hidden[1], "frozen", spec->frozen, "alive", (int)spec->alive,
                     "alive_channel", spec->alive_channel);
}

static uint8_t to_byte(float value)
{
    return (uint8_t)(value <= 0 ? 0 : value >= 1 ? 255 : value * 255 + 0.5f);
}

// The target as one opaque picture, twice as high as the grid: its premultiplied colours, and below
// them alpha as grey. A browser gives back the pixels of an opaque picture as they were.
static nca_status add_target(const char *name, const nca_image *target, json_t *object,
                             nca_error *error)
{
    const size_t cells = (size_t)target->height * (size_t)target->width;
    uint8_t *rgb = malloc(2 * cells * 3);
    json_t *picture = NULL;
    if (!rgb)
        return fail_memory(name, error);
    for (size_t i = 0; i < cells * 3; i++) {
        const float *pixel = target->pixels + i / 3 * NCA_VISIBLE;
        rgb[i] = to_byte(pixel[i % 3]);
        rgb[cells * 3 + i] = to_byte(pixel[NCA_ALPHA]);
    }
    const nca_status status =
        nca_page_picture(rgb, 2 * target->height, target->width, &picture, error);
    free(rgb);
    NCA_TRY(status);
    return nca_json_set(object, "target", picture) ? NCA_OK : fail_memory(name, error);
}

static json_t *names_of(const char *const *names)
{
    json_t *list = json_array();
    for (; names && *names; names++)
        json_array_append_new(list, json_string(*names));
    return list;
}

nca_status nca_page_rule_json(const char *name, const nca_model *model, const nca_task *task,
                              const void *content, json_t **out, nca_error *error)
{
    const nca_layout layout = nca_layout_of(&model->spec);
    const nca_image *target = content && task->picture ? task->picture(content) : NULL;
    // As bytes, for decimal digits would round them.
    const double exact[] = {model->fire_rate, model->angle, model->step_size, model->spec.noise};
    json_t *rule = json_pack(
        "{s:o, s:s, s:o, s:o, s:o, s:[ii], s:[ii], s:o, s:o, s:f, s:f}", "name",
        nca_json_text(name), "task", task->name, "spec", spec_of(&model->spec), "parameters",
        nca_page_bytes(model->parameters, layout.total * sizeof *model->parameters), "exact",
        nca_page_bytes(exact, sizeof exact), "grid", model->grid_height, model->grid_width, "seed",
        model->seed[0], model->seed[1], "classes", names_of(task->classes), "channel_names",
        names_of(task->channels), "good_loss", task->good_loss, "healed_within", NCA_HEALED_WITHIN);
    nca_status status = rule ? NCA_OK : fail_memory(name, error);
    if (rule && target)
        status = add_target(name, target, rule, error);
    if (status == NCA_OK)
        *out = rule;
    else
        json_decref(rule);
    return status;
}
