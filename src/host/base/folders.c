// Folders: made with their parents, and removed again while they are empty.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/files.h"

nca_status nca_path_join(const char *folder, const char *name, char path[NCA_PATH_BYTES],
                         nca_error *error)
{
    if (snprintf(path, NCA_PATH_BYTES, "%s/%s", folder, name) < NCA_PATH_BYTES)
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT, "%.60s...: too long for a path", folder);
}

bool nca_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

// Slashes at the end and doubled ones say nothing.
static char *tidy(const char *path)
{
    char *copy = malloc(strlen(path) + 1), *to = copy;
    for (const char *from = path; copy && *from; from++)
        if (*from != '/' || to == copy || to[-1] != '/')
            *to++ = *from;
    while (copy && to > copy + 1 && to[-1] == '/')
        to--;
    if (copy)
        *to = 0;
    return copy;
}

// Takes the last name off a path; false where there is no more.
static bool go_up(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return false;
    *slash = 0;
    return true;
}

static void unmake(char *path, int made)
{
    for (bool is_left = true; is_left && made > 0; made--) {
        rmdir(path);
        is_left = go_up(path);
    }
}

void nca_folder_unmake(const char *path, int made)
{
    char *copy = tidy(path);
    if (copy)
        unmake(copy, made);
    free(copy);
}

// Every folder on the way, then the last one. Spoils `path` where it fails.
static nca_status make_folders(char *path, int *made, nca_error *error)
{
    for (char *end = path + 1;; end++) {
        const char kept = *end;
        if (kept && kept != '/')
            continue;
        *end = 0;
        if (mkdir(path, 0777) == 0) {
            *made += 1;
        } else if (errno != EEXIST) {
            nca_fail(error, NCA_FILE, "%s: cannot be made: %s", path, strerror(errno));
            if (go_up(path))
                unmake(path, *made);
            return NCA_FILE;
        }
        *end = kept;
        if (!kept)
            return NCA_OK;
    }
}

bool nca_folder_is_empty(const char *path)
{
    DIR *folder = opendir(path);
    int entries = 0;
    while (folder && entries <= 2 && readdir(folder))
        entries++;   // "." and ".." are always there
    if (folder)
        closedir(folder);
    return folder && entries <= 2;
}

nca_status nca_folder_create(const char *path, int *made, nca_error *error)
{
    int folders = 0;
    char *copy = tidy(path);
    if (!copy || !*copy) {
        free(copy);
        return nca_fail(error, NCA_FILE, "\"%s\": not the name of a folder", path);
    }
    nca_status status = make_folders(copy, &folders, error);
    if (status == NCA_OK && !nca_is_folder(copy))
        status =
            nca_fail(error, NCA_FILE, "%s: exists and is no folder; choose another name", path);
    else if (status == NCA_OK && !nca_folder_is_empty(copy))
        status =
            nca_fail(error, NCA_FILE, "%s: exists and is not empty; choose another name", path);
    free(copy);
    if (status == NCA_OK && made)
        *made = folders;
    return status;
}

nca_status nca_folder_check_links(const char *path, nca_error *error)
{
    DIR *folder = opendir(path);
    struct stat about;
    nca_status status = NCA_OK;
    for (const struct dirent *entry; folder && status == NCA_OK && (entry = readdir(folder));)
        if (fstatat(dirfd(folder), entry->d_name, &about, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(about.st_mode))
            status = nca_fail(error, NCA_FILE,
                              "%s/%s: a link, and nothing is written through it; put the file "
                              "itself there",
                              path, entry->d_name);
    if (folder)
        closedir(folder);
    return status;
}
