// Trained rules that come with the program: the files of one folder, and no list beside them.
#include "model/zoo.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/nearest.h"

#define EXTENSION ".safetensors"

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void add_file(const char *file, nca_zoo *zoo)
{
    const size_t length = strlen(file), ending = strlen(EXTENSION);
    if (length <= ending || strcmp(file + length - ending, EXTENSION) != 0 ||
        length - ending >= NCA_ZOO_NAME_BYTES || zoo->count == NCA_ZOO_MAX)
        return;
    snprintf(zoo->name[zoo->count++], NCA_ZOO_NAME_BYTES, "%.*s", (int)(length - ending), file);
}

void nca_zoo_list(nca_zoo *out)
{
    static const char *const folders[] = {NCA_ZOO_DIR, NCA_ZOO_OF_CHECKOUT};
    *out = (nca_zoo){0};
    for (size_t i = 0; i < sizeof folders / sizeof *folders && out->count == 0; i++) {
        DIR *folder = opendir(folders[i]);
        snprintf(out->folder, sizeof out->folder, "%s", folders[i]);
        for (const struct dirent *entry = NULL; folder && (entry = readdir(folder));)
            add_file(entry->d_name, out);
        if (folder)
            closedir(folder);
    }
    qsort(out->name, (size_t)out->count, sizeof *out->name, compare_names);
}

bool nca_zoo_is_name(const char *rule)
{
    return strncmp(rule, NCA_ZOO_PREFIX, strlen(NCA_ZOO_PREFIX)) == 0;
}

static nca_status fail_name(const char *rule, const nca_zoo *zoo, nca_error *error)
{
    const char *names[NCA_ZOO_MAX], *nearest;
    char known[512] = "";
    for (int i = 0; i < zoo->count; i++) {
        const size_t used = strlen(known);
        names[i] = zoo->name[i];
        snprintf(known + used, sizeof known - used, "%s%s", used > 0 ? ", " : "", names[i]);
    }
    nearest = nca_nearest(rule + strlen(NCA_ZOO_PREFIX), names, (size_t)zoo->count);
    if (zoo->count == 0)
        return nca_fail(error, NCA_FILE,
                        "%.80s: no trained rules here: %s is empty or missing; install nca again, "
                        "or give a file",
                        rule, NCA_ZOO_DIR);
    if (nearest)
        return nca_fail(error, NCA_FILE, "%.80s: no such rule; did you mean " NCA_ZOO_PREFIX "%s?",
                        rule, nearest);
    return nca_fail(error, NCA_FILE, "%.80s: no such rule; the zoo has %s", rule, known);
}

static nca_status find_file(const char *rule, const char *extension, char path[NCA_PATH_BYTES],
                            nca_error *error)
{
    char file[NCA_ZOO_NAME_BYTES + sizeof EXTENSION];
    nca_zoo zoo;
    nca_zoo_list(&zoo);
    for (int i = 0; i < zoo.count; i++)
        if (strcmp(zoo.name[i], rule + strlen(NCA_ZOO_PREFIX)) == 0) {
            snprintf(file, sizeof file, "%s%s", zoo.name[i], extension);
            return nca_path_join(zoo.folder, file, path, error);
        }
    return fail_name(rule, &zoo, error);
}

nca_status nca_zoo_find(const char *rule, char path[NCA_PATH_BYTES], nca_error *error)
{
    return find_file(rule, EXTENSION, path, error);
}

nca_status nca_zoo_target(const char *rule, char path[NCA_PATH_BYTES], nca_error *error)
{
    return find_file(rule, ".png", path, error);
}
