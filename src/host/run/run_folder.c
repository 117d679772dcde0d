// Names and contents of run folders.
#include "run/run_folder.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checksum.h"
#include "base/files.h"
#include "base/text.h"
#include "config/config_json.h"
#include "config/presets.h"
#include "media/emoji_names.h"
#include "nca/image.h"
#include "nca/nca.h"
#include "nca/task.h"

enum {
    CONFIG_LIMIT_BYTES = 1 << 20,
    MACHINE_LIMIT_BYTES = 1 << 16,
    MACHINE_BYTES = 4096,
    NUMBER_MAX = 10000
};

// "lizard" of "pictures/lizard.png" and of 🦎.
static void name_target(const char *target, char *name, size_t size)
{
    const char *slash = strrchr(target, '/'), *start = slash ? slash + 1 : target;
    size_t used = 0;
    if (!nca_target_is_file(target) && nca_emoji_name(target, name, size))
        return;
    for (const char *c = start; *c && *c != '.' && used + 3 < size; c++) {
        const bool is_plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                              (*c >= '0' && *c <= '9') || *c == '-' || *c == '_';
        if (is_plain)
            name[used++] = *c;
        else
            used += (size_t)snprintf(name + used, size - used, "%02x", (unsigned char)*c);
    }
    name[used] = 0;
    if (used == 0)
        snprintf(name, size, "run");
}

bool nca_run_folder_name(const nca_config *config, int number, char path[NCA_PATH_BYTES])
{
    char name[64], ending[16] = "";
    name_target(nca_task_source(config), name, sizeof name);
    if (number > 1)
        snprintf(ending, sizeof ending, "-%d", number);
    snprintf(path, NCA_PATH_BYTES, "runs/%s-%.40s%s", name, config->preset, ending);
    return number < NUMBER_MAX;
}

// The grid that the settings of a folder's config.json ask for.
static nca_status find_grid(const char *path, const nca_config *config, nca_grid *out,
                            nca_error *error)
{
    const nca_task *task;
    nca_plan plan;
    nca_error why;
    if (nca_task_find(config->task, &task, &why) != NCA_OK ||
        nca_task_plan(task, config, &plan, &why) != NCA_OK)
        return nca_fail(error, NCA_FORMAT,
                        "%s: its %s; correct it there, or put a whole copy in its place", path,
                        why.message);
    *out = plan.grid;
    return NCA_OK;
}

nca_status nca_run_folder_config(const char *folder, nca_config *config, nca_grid *grid,
                                 nca_error *error)
{
    char path[NCA_PATH_BYTES];
    if (!nca_is_folder(folder))
        return nca_fail(error, NCA_FILE, "%s: no such run folder; give one that nca train has made",
                        folder);
    NCA_TRY(nca_path_join(folder, "config.json", path, error));
    nca_config named = *config;
    NCA_TRY(nca_config_read(path, &named, error));
    // A setting younger than the folder is what the folder's preset says, not today's default.
    if (nca_preset_apply(named.preset, config, NULL) != NCA_OK)
        *config = named;
    // Before these were settings, no preset had them.
    snprintf(config->seed_at, sizeof config->seed_at, "middle");
    config->damage_centred = 0;
    config->average = 0;
    NCA_TRY(nca_config_read(path, config, error));
    nca_grid found;
    NCA_TRY(find_grid(path, config, &found, error));
    if (grid)
        *grid = found;
    return NCA_OK;
}

static void make_whole(char path[NCA_TEXT_BYTES])
{
    char *whole = *path ? realpath(path, NULL) : NULL;
    if (whole && strlen(whole) < NCA_TEXT_BYTES)
        snprintf(path, NCA_TEXT_BYTES, "%s", whole);
    free(whole);
}

void nca_run_folder_keep_paths(nca_config *config)
{
    make_whole(config->font);
    make_whole(config->data);
    make_whole(config->victim);
    make_whole(config->adversary);
}

nca_status nca_run_folder_set_config(const char *folder, const nca_config *config, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    NCA_TRY(nca_path_join(folder, "config.json", path, error));
    return nca_config_write(path, config, error);
}

nca_status nca_machine_to_json(const nca_compute *compute, char **json, nca_error *error)
{
    nca_device_info info;
    compute->backend->info(compute->device, &info);
    json_t *machine = json_pack("{s:s, s:s, s:s, s:i, s:s}", "device", info.name, "backend",
                                compute->backend->name, "variant", info.variant, "threads",
                                info.threads, "nca", NCA_VERSION);
    if (info.threads == 0)   // a GPU is not counted in them
        json_object_del(machine, "threads");
    char *text = json_dumps(machine, JSON_INDENT(2));
    json_decref(machine);
    if (!text)
        return nca_fail(error, NCA_MEMORY, "machine.json: no memory to write it");
    *json = text;
    return NCA_OK;
}

nca_status nca_run_folder_set_machine(const char *folder, const nca_compute *compute,
                                      nca_error *error)
{
    char path[NCA_PATH_BYTES], *text, checksum[NCA_CHECKSUM_BYTES], whole[MACHINE_BYTES];
    NCA_TRY(nca_path_join(folder, "machine.json", path, error));
    NCA_TRY(nca_machine_to_json(compute, &text, error));
    const size_t length = strlen(text) - strlen("\n}");
    nca_checksum(&(nca_bytes){text, length}, 1, checksum);
    snprintf(whole, sizeof whole, "%.*s" NCA_CHECKSUM_LINE_END, (int)length, text, checksum);
    free(text);
    return nca_file_write(path, whole, strlen(whole), error);
}

nca_status nca_run_folder_machine(const char *folder, char **json, nca_error *error)
{
    char path[NCA_PATH_BYTES];
    uint8_t *text;
    size_t size_bytes;
    NCA_TRY(nca_path_join(folder, "machine.json", path, error));
    if (access(path, F_OK) != 0) {
        *json = NULL;
        return NCA_OK;
    }
    NCA_TRY(nca_text_read(path, MACHINE_LIMIT_BYTES, &text, &size_bytes, error));
    json_t *machine = json_loadb((const char *)text, size_bytes, 0, NULL);
    const size_t end = size_bytes > 0 && text[size_bytes - 1] == '\n' ? size_bytes - 1 : size_bytes;
    const bool is_object = json_is_object(machine);
    json_decref(machine);
    if (!is_object || !nca_checksum_line_holds((const char *)text, end)) {
        free(text);
        return nca_fail(error, NCA_FORMAT,
                        "%s: not a JSON object, or not as it was written; put a whole copy in its "
                        "place, or delete it: only the name of the machine is lost",
                        path);
    }
    *json = (char *)text;
    return NCA_OK;
}

nca_status nca_run_folder_checksum(const char *folder, char checksum[NCA_CHECKSUM_BYTES],
                                   nca_error *error)
{
    char path[NCA_PATH_BYTES];
    uint8_t *text;
    size_t size_bytes;
    NCA_TRY(nca_path_join(folder, "config.json", path, error));
    NCA_TRY(nca_file_read(path, CONFIG_LIMIT_BYTES, &text, &size_bytes, error));
    const size_t mark = nca_text_mark((const char *)text);   // an editor's
    nca_checksum(&(nca_bytes){text + mark, size_bytes - mark}, 1, checksum);
    free(text);
    return NCA_OK;
}

nca_status nca_run_folder_check_config(const char *folder, const nca_model *model, nca_error *error)
{
    char checksum[NCA_CHECKSUM_BYTES];
    if (!*model->config_json)   // of version 0.1.0, or imported
        return NCA_OK;
    NCA_TRY(nca_run_folder_checksum(folder, checksum, error));
    if (strcmp(checksum, model->config_json) == 0)
        return NCA_OK;
    return nca_fail(error, NCA_FORMAT,
                    "%s/config.json: not as it was when the rule was saved: damaged, or changed. "
                    "nca train --resume %s says which setting differs, and goes on",
                    folder, NCA_SHELL_WORD(folder));
}
