// Files of a run: what a killed process left of them, and whether there are any.
#define _GNU_SOURCE   // dirfd, fstatat, unlinkat
#include "run/run_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

// The files of a run; in pictures/ also batch-UPDATE.png and pool-UPDATE.png.
static const char *const run_files[] = {"config.json",       "machine.json", "target.safetensors",
                                        "model.safetensors", "loss.png",     "growth.webp",
                                        "healing.webp",      "target.png",   "from.safetensors"};
static const char *const run_beginnings[] = {"checkpoint", "batch-", "pool-"};

// NAME.XXXXXX.part, as nca_output_open names a file of a run on its way.
static bool is_leftover(const char *name)
{
    const size_t length = strlen(name), tail = sizeof ".XXXXXX.part" - 1;
    const size_t stem = length > tail ? length - tail : 0;
    if (stem == 0 || name[stem] != '.' || strcmp(name + length - 5, ".part") != 0)
        return false;
    for (size_t i = 0; i < sizeof run_files / sizeof *run_files; i++)
        if (strlen(run_files[i]) == stem && strncmp(name, run_files[i], stem) == 0)
            return true;
    for (size_t i = 0; i < sizeof run_beginnings / sizeof *run_beginnings; i++)
        if (strncmp(name, run_beginnings[i], strlen(run_beginnings[i])) == 0)
            return true;
    return false;
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

bool nca_run_files_exist(const char *folder)
{
    return !is_missing(folder) && !nca_folder_is_empty(folder) &&
           !nca_run_files_are_abandoned(folder);
}
