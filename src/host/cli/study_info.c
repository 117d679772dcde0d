// What nca info says of a folder of nca study: from study.json, where it is, and from its runs.
#include "cli/study_info.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "base/json_values.h"
#include "config/config_json.h"

static bool has_file(const char *folder, const char *name)
{
    char path[NCA_PATH_BYTES];
    return nca_path_join(folder, name, path, NULL) == NCA_OK && access(path, F_OK) == 0;
}

// Called for the folder of every run, in the order of their names; goes on while it returns true.
typedef bool visit(void *context, const char *folder, const char *name);

static void for_each_run(const char *folder, visit *visit_run, void *context)
{
    struct dirent **entry = NULL;
    const int count = scandir(folder, &entry, NULL, alphasort);
    bool goes_on = true;
    for (int i = 0; i < count; i++) {
        char path[NCA_PATH_BYTES];
        if (goes_on && *entry[i]->d_name != '.' &&
            nca_path_join(folder, entry[i]->d_name, path, NULL) == NCA_OK &&
            has_file(path, "config.json"))
            goes_on = visit_run(context, path, entry[i]->d_name);
        free(entry[i]);
    }
    free(entry);
}

static bool note_that_there_is_one(void *context, const char *folder, const char *name)
{
    (void)folder, (void)name;
    *(bool *)context = true;
    return false;
}

bool nca_is_study(const char *folder)
{
    bool has_run = false;
    if (has_file(folder, "config.json"))
        return false;
    for_each_run(folder, note_that_there_is_one, &has_run);
    return has_run || has_file(folder, "study.json");
}

static long long count_lines(const char *path)
{
    uint8_t *text;
    size_t size_bytes;
    long long lines = 0;
    if (nca_text_read(path, (size_t)4 << 30, &text, &size_bytes, NULL) != NCA_OK)
        return 0;
    for (size_t i = 0; i < size_bytes; i++)
        lines += text[i] == '\n';
    free(text);
    return lines;
}

// "1200 of 5000 updates"
static bool describe_run(void *context, const char *folder, const char *name)
{
    char path[NCA_PATH_BYTES], words[256];
    nca_config config = nca_config_default();
    nca_error why;
    nca_status status = nca_path_join(folder, "config.json", path, &why);
    if (status == NCA_OK)
        status = nca_config_read(path, &config, &why);
    if (status == NCA_OK)
        status = nca_path_join(folder, "metrics.jsonl", path, &why);
    if (status == NCA_OK)
        snprintf(words, sizeof words, "%lld of %lld updates", count_lines(path),
                 (long long)config.updates);
    else
        snprintf(words, sizeof words, "not readable: %.200s", why.message);
    json_object_set_new(context, name, nca_json_text(words));
    return true;
}

// "2 of 3", of {"count": 2, "of": 3}.
static void put_count(json_t *into, const char *words, const json_t *setting, const char *name)
{
    const json_t *found = json_object_get(setting, name);
    if (json_is_object(found))
        json_object_set_new(into, words,
                            json_sprintf("%lld of %lld",
                                         json_integer_value(json_object_get(found, "count")),
                                         json_integer_value(json_object_get(found, "of"))));
}

static json_t *describe_settings(const json_t *settings)
{
    json_t *all = json_object();
    size_t i;
    json_t *setting;
    json_array_foreach(settings, i, setting)
    {
        const char *name = json_string_value(json_object_get(setting, "name"));
        json_t *about = json_object();
        put_count(about, "exploded", setting, "exploded");
        put_count(about, "grows", setting, "grows");
        put_count(about, "holds", setting, "holds");
        put_count(about, "heals_all_cuts", setting, "heals_all");
        put_count(about, "circles_healed", setting, "circles");
        json_object_set_new(all, name ? name : "", about);
    }
    return all;
}

// What study.json says; NCA_OK and nothing added where there is none yet.
static nca_status add_judged(const char *folder, json_t *about, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    uint8_t *text;
    size_t size_bytes;
    if (!has_file(folder, "study.json"))
        return NCA_OK;
    NCA_TRY(nca_path_join(folder, "study.json", path, error));
    NCA_TRY(nca_text_read(path, (size_t)1 << 30, &text, &size_bytes, error));
    json_t *found = json_loadb((char *)text, size_bytes, 0, NULL);
    free(text);
    if (!found)
        return nca_fail(error, NCA_FORMAT, "%s: not JSON; nca study --judge writes it anew", path);
    json_object_set(about, "name", json_object_get(found, "study"));
    json_object_set(about, "command", json_object_get(found, "command"));
    json_object_set_new(about, "settings", describe_settings(json_object_get(found, "settings")));
    json_decref(found);
    return NCA_OK;
}

nca_status nca_study_describe(const char *folder, json_t **out, nca_error *error)
{
    json_t *about = json_pack("{s:o}", "study", nca_json_text(folder));
    json_t *runs = json_object();
    const nca_status status = add_judged(folder, about, error);
    if (status != NCA_OK) {
        json_decref(runs);
        json_decref(about);
        return status;
    }
    for_each_run(folder, describe_run, runs);
    json_object_set_new(about, "runs", runs);
    *out = about;
    return NCA_OK;
}
