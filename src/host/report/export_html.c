// Rules as a page in which they live: one file that asks for nothing.
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "model/zoo.h"
#include "report/export.h"
#include "report/html.h"
#include "report/rule_json.h"

enum { TITLE_BYTES = 512 };

// The target is known where a run folder or the zoo keeps it, or where it is given.
static bool knows_target(const nca_export *what, const nca_export_rule *rule, const nca_task *task)
{
    return task->picture &&
           (what->given->target || nca_is_folder(rule->path) || nca_zoo_is_name(rule->path));
}

// What the page calls a rule: the last part of its path, without what says the format.
static void name_rule(const char *path, char name[NCA_PATH_BYTES])
{
    size_t end = strlen(path);
    while (end > 1 && path[end - 1] == '/')
        end--;
    size_t start = end;
    while (start > 0 && path[start - 1] != '/' && path[start - 1] != ':')
        start--;
    static const char usual[] = ".safetensors";
    const size_t length = sizeof usual - 1;
    if (end - start > length && memcmp(path + end - length, usual, length) == 0)
        end -= length;
    snprintf(name, NCA_PATH_BYTES, "%.*s", (int)(end - start), path + start);
}

static nca_status add_rule(const nca_export *what, const nca_export_rule *rule, json_t *list,
                           nca_error *error)
{
    char name[NCA_PATH_BYTES];
    nca_run_task loaded = {0};
    json_t *object = NULL;
    name_rule(rule->path, name);
    NCA_TRY(nca_run_task_find(what->given, rule->path, &rule->model, &loaded, error));
    if (knows_target(what, rule, loaded.task))
        NCA_TRY(nca_run_task_load(what->given, rule->path, &rule->model, &loaded, error));
    else if (what->target_option)
        return nca_fail(error, NCA_ARGUMENT, "--%s: no target of %s is shown; %s",
                        what->target_option, rule->path,
                        loaded.task->picture ? "give --target as well, or leave it out"
                                             : "leave it out");
    const nca_status status =
        nca_page_rule_json(name, &rule->model, loaded.task, loaded.content.data, &object, error);
    nca_run_task_free(&loaded);
    NCA_TRY(status);
    if (json_array_append_new(list, object) != 0)
        return nca_fail(error, NCA_MEMORY, "%.200s: no memory for its page", rule->path);
    return NCA_OK;
}

// "lizard, fish", as much of it as a title has room for.
static void write_title(const nca_export *what, char title[TITLE_BYTES])
{
    char name[NCA_PATH_BYTES];
    size_t used = 0;
    for (int i = 0; i < what->count && used + 1 < TITLE_BYTES; i++) {
        name_rule(what->rules[i].path, name);
        used += (size_t)snprintf(title + used, TITLE_BYTES - used, "%s%s", i > 0 ? ", " : "", name);
    }
}

static nca_status write_html(const nca_export *what, const char *place, nca_error *error)
{
    char title[TITLE_BYTES];
    json_t *list = json_array(), *data = json_pack("{s:o}", "rules", list);
    nca_status status = data ? NCA_OK : nca_fail(error, NCA_MEMORY, "a page: no memory");
    for (int i = 0; i < what->count && status == NCA_OK; i++)
        status = add_rule(what, &what->rules[i], list, error);
    write_title(what, title);
    if (status == NCA_OK)
        status = nca_html_write(place, NCA_PAGE_OF_RULES, title, data, error);
    json_decref(data);
    return status;
}

const nca_exporter nca_exporter_html = {
    .extension = ".html",
    .description = "a page in which the rules live, to wound and watch heal",
    .rules_max = 64,
    .shows_target = true,
    .has_grid = true,
    .numbers = {NCA_FLOAT32, NCA_NUMBERS},
    .write = write_html,
};
