// Files of a run: what they are called, what a killed process left of them, whether there are any.
#define _GNU_SOURCE   // dirfd, fstatat, unlinkat
#include "run/run_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"
#include "nca/task.h"

// The files of a run. Its films are called as its task has it; in pictures/ there are also
// batch-UPDATE.png and pool-UPDATE.png.
static const char *const run_files[] = {
    "config.json",           "machine.json",       "target.safetensors",
    "model.safetensors",     "loss.png",           "pictures/target.png",
    "from.safetensors",      "victim.safetensors", "adversary.safetensors",
    "checkpoint.safetensors"};
static const char *const run_beginnings[] = {"checkpoint", "batch-", "pool-"};

// The files above, then the films of all tasks, then NULL.
static const char *find_file(size_t index)
{
    const size_t count = sizeof run_files / sizeof *run_files;
    if (index < count)
        return run_files[index];
    index -= count;
    for (const nca_task *const *task = nca_tasks(); *task; task++)
        for (const nca_task_film *film = (*task)->films; film && film->file; film++)
            if (index-- == 0)
                return film->file;
    return NULL;
}

// Without its folder.
static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

// Whether the first `length` bytes of a name are that of a file of a run, in whichever folder.
static bool is_run_name(const char *name, size_t length)
{
    for (size_t i = 0; find_file(i); i++) {
        const char *known = name_of(find_file(i));
        if (strlen(known) == length && strncmp(name, known, length) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof run_beginnings / sizeof *run_beginnings; i++)
        if (strncmp(name, run_beginnings[i], strlen(run_beginnings[i])) == 0)
            return true;
    return false;
}

// NAME.XXXXXX.part, as nca_output_open names a file of a run on its way.
static bool is_leftover(const char *name)
{
    const size_t length = strlen(name), tail = sizeof ".XXXXXX.part" - 1;
    const size_t stem = length > tail ? length - tail : 0;
    return stem > 0 && name[stem] == '.' && strcmp(name + length - 5, ".part") == 0 &&
           is_run_name(name, stem);
}

static int64_t remove_leftovers(const char *path)
{
    DIR *folder = opendir(path);
    int64_t size_bytes = 0;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat about;
        if (is_leftover(entry->d_name) &&
            fstatat(dirfd(folder), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            unlinkat(dirfd(folder), entry->d_name, 0) == 0)
            size_bytes += about.st_size;
    }
    if (folder)
        closedir(folder);
    return size_bytes;
}

int64_t nca_run_files_tidy(const char *folder)
{
    char path[NCA_PATH_BYTES];
    int64_t size_bytes = remove_leftovers(folder);
    if (nca_path_join(folder, "pictures", path, NULL) == NCA_OK)
        size_bytes += remove_leftovers(path);
    return size_bytes;
}

void nca_run_files_remove(const char *folder)
{
    char path[NCA_PATH_BYTES];
    for (size_t i = 0; find_file(i); i++)
        if (nca_path_join(folder, find_file(i), path, NULL) == NCA_OK)
            unlink(path);
    if (nca_path_join(folder, "pictures", path, NULL) == NCA_OK)
        rmdir(path);
}

bool nca_run_files_are_abandoned(const char *path)
{
    DIR *folder = opendir(path);
    bool has_metrics = false, has_others = !folder;
    for (const struct dirent *entry; folder && (entry = readdir(folder));) {
        struct stat about;
        const bool is_metrics = strcmp(entry->d_name, "metrics.jsonl") == 0;
        has_metrics |= is_metrics;
        if (is_metrics)
            has_others |= fstatat(dirfd(folder), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0 ||
                          !S_ISREG(about.st_mode) || about.st_size > 0;
        else if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            has_others |= !is_leftover(entry->d_name);
    }
    if (folder)
        closedir(folder);
    return has_metrics && !has_others;
}

static bool is_missing(const char *path)
{
    struct stat about;
    return lstat(path, &about) != 0 && errno == ENOENT;
}

static bool is_run_folder(const char *folder)
{
    char path[NCA_PATH_BYTES];
    return nca_path_join(folder, "metrics.jsonl", path, NULL) == NCA_OK && access(path, F_OK) == 0;
}

bool nca_run_files_have(const char *place)
{
    char folder[NCA_PATH_BYTES];
    const char *name = name_of(place);
    if (!is_run_name(name, strlen(name)) && strcmp(name, "metrics.jsonl") != 0)
        return false;
    snprintf(folder, sizeof folder, "%.*s.", (int)(name - place), place);
    char *whole = realpath(folder, NULL);   // of "." it has the name
    bool is_of_run = whole && is_run_folder(whole);
    if (whole && !is_of_run && strcmp(name_of(whole), "pictures") == 0) {
        whole[strlen(whole) - strlen("/pictures")] = 0;
        is_of_run = is_run_folder(whole);
    }
    free(whole);
    return is_of_run;
}

bool nca_run_files_exist(const char *folder)
{
    return !is_missing(folder) && !nca_folder_is_empty(folder) &&
           !nca_run_files_are_abandoned(folder);
}
