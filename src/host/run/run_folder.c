// Names and contents of run folders.
#include "run/run_folder.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/files.h"
#include "config/config_json.h"
#include "config/presets.h"
#include "nca/nca.h"
#include "nca/task.h"

enum { MACHINE_LIMIT_BYTES = 1 << 16 };

// "lizard" of "pictures/lizard.png"; "f09fa68e" of an emoji.
static void name_target(const char *target, char *name, size_t size)
{
    const char *slash = strrchr(target, '/'), *start = slash ? slash + 1 : target;
    size_t used = 0;
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

void nca_run_folder_choose(const nca_config *config, char path[NCA_PATH_BYTES])
{
    char name[64];
    name_target(nca_task_source(config), name, sizeof name);
    for (int i = 1; i < 10000; i++) {
        char number[16] = "";
        if (i > 1)
            snprintf(number, sizeof number, "-%d", i);
        snprintf(path, NCA_PATH_BYTES, "runs/%s-%.40s%s", name, config->preset, number);
        if (access(path, F_OK) != 0)
            return;
    }
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
        return nca_fail(error, NCA_FORMAT, "%s: its %s", path, why.message);
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
    char path[NCA_PATH_BYTES], *text;
    NCA_TRY(nca_path_join(folder, "machine.json", path, error));
    NCA_TRY(nca_machine_to_json(compute, &text, error));
    const nca_status status = nca_file_write(path, text, strlen(text), error);
    free(text);
    return status;
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
    const bool is_object = json_is_object(machine);
    json_decref(machine);
    if (!is_object) {
        free(text);
        return nca_fail(error, NCA_FORMAT,
                        "%s: not a JSON object; put a whole copy in its place, or delete it: only "
                        "the name of the machine is lost",
                        path);
    }
    *json = (char *)text;
    return NCA_OK;
}
