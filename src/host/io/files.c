// Whole files in and out: read at once; written beside, synced and renamed.
#define _GNU_SOURCE   // O_CLOEXEC, mkostemp
#include "io/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static nca_status read_all(int file, const char *path, size_t limit_bytes, size_t expected_bytes,
                           uint8_t **bytes, size_t *size_bytes, nca_error *error)
{
    size_t room = expected_bytes + 1, used = 0;
    uint8_t *buffer = malloc(room);
    while (buffer) {
        const ssize_t got = read(file, buffer + used, room - used);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            free(buffer);
            return nca_fail(error, NCA_FILE, "%s: %s", path, strerror(errno));
        }
        used += (size_t)got;
        if (used > limit_bytes) {
            free(buffer);
            return nca_fail(error, NCA_FORMAT,
                            "%s: larger than %zu bytes, which is more than such "
                            "a file can be",
                            path, limit_bytes);
        }
        if (got == 0) {
            buffer[used] = 0;   // room is always one byte more than was used
            *bytes = buffer;
            *size_bytes = used;
            return NCA_OK;
        }
        if (used == room) {
            uint8_t *grown = realloc(buffer, room * 2);
            if (!grown)
                break;
            buffer = grown;
            room *= 2;
        }
    }
    free(buffer);
    return nca_fail(error, NCA_MEMORY, "%s: no memory for its %zu bytes", path, room);
}

nca_status nca_file_read(const char *path, size_t limit_bytes, uint8_t **bytes, size_t *size_bytes,
                         nca_error *error)
{
    struct stat about;
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return nca_fail(error, NCA_FILE, "%s: %s", path, strerror(errno));
    nca_status status = NCA_OK;
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode))
        status = nca_fail(error, NCA_FILE, "%s: not a file", path);
    else if ((uintmax_t)about.st_size > limit_bytes)
        status = nca_fail(error, NCA_FORMAT,
                          "%s: %jd bytes, and such a file has at most %zu; is it the right one?",
                          path, (intmax_t)about.st_size, limit_bytes);
    else
        status = read_all(file, path, limit_bytes, (size_t)about.st_size, bytes, size_bytes, error);
    close(file);
    return status;
}

struct nca_output {
    char *path;
    char *temporary;
    int file;
};

static void free_output(nca_output *output)
{
    free(output->path);
    free(output->temporary);
    free(output);
}

static nca_status fail_output(const nca_output *output, const char *what, nca_error *error)
{
    return nca_fail(error, NCA_FILE, "%s: cannot be %s: %s", output->path, what, strerror(errno));
}

nca_status nca_output_open(const char *path, nca_output **out, nca_error *error)
{
    if (nca_is_folder(path))
        return nca_fail(error, NCA_FILE, "%s: a folder; give the name of a file", path);
    nca_output *output = calloc(1, sizeof *output);
    const size_t size = strlen(path) + sizeof ".XXXXXX.part";
    if (output) {
        output->path = strdup(path);
        output->temporary = malloc(size);
    }
    if (!output || !output->path || !output->temporary) {
        if (output)
            free_output(output);
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    }
    snprintf(output->temporary, size, "%s.XXXXXX.part", path);
    output->file = mkostemps(output->temporary, (int)strlen(".part"), O_CLOEXEC);
    if (output->file < 0) {
        const nca_status status = fail_output(output, "written", error);
        free_output(output);
        return status;
    }
    // Readable by whom a file made the usual way is.
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(output->file, 0666 & ~mask);
    *out = output;
    return NCA_OK;
}

nca_status nca_output_write(nca_output *output, const void *bytes, size_t size_bytes,
                            nca_error *error)
{
    const uint8_t *from = bytes;
    while (size_bytes > 0) {
        const ssize_t written = write(output->file, from, size_bytes);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return fail_output(output, "written", error);
        from += written;
        size_bytes -= (size_t)written;
    }
    return NCA_OK;
}

// The folder's entry is on the disk too, where the file system can say so.
static void sync_folder_of(const char *path)
{
    char *folder = strdup(path);
    if (!folder)
        return;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = 0;
    const int file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file >= 0) {
        fsync(file);
        close(file);
    }
    free(folder);
}

nca_status nca_output_commit(nca_output *output, nca_error *error)
{
    nca_status status = NCA_OK;
    if (fsync(output->file) != 0 && errno != EINVAL && errno != EROFS)
        status = fail_output(output, "written", error);
    if (close(output->file) != 0 && status == NCA_OK)
        status = fail_output(output, "written", error);
    if (status == NCA_OK && rename(output->temporary, output->path) != 0)
        status = fail_output(output, "put in place", error);
    if (status == NCA_OK)
        sync_folder_of(output->path);
    else
        unlink(output->temporary);
    free_output(output);
    return status;
}

void nca_output_abandon(nca_output *output)
{
    if (!output)
        return;
    close(output->file);
    unlink(output->temporary);
    free_output(output);
}

const char *nca_output_temporary(const nca_output *output)
{
    return output->temporary;
}

nca_status nca_file_write(const char *path, const void *bytes, size_t size_bytes, nca_error *error)
{
    nca_output *output;
    NCA_TRY(nca_output_open(path, &output, error));
    const nca_status status = nca_output_write(output, bytes, size_bytes, error);
    if (status == NCA_OK)
        return nca_output_commit(output, error);
    nca_output_abandon(output);
    return status;
}

bool nca_is_folder(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

// Every folder on the way, then the last one.
static nca_status make_folders(char *path, nca_error *error)
{
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        const bool made = mkdir(path, 0777) == 0 || errno == EEXIST;
        *slash = '/';
        if (!made)
            return nca_fail(error, NCA_FILE, "%s: cannot be made: %s", path, strerror(errno));
    }
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return nca_fail(error, NCA_FILE, "%s: cannot be made: %s", path, strerror(errno));
    return NCA_OK;
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    int entries = 0;
    while (folder && entries <= 2 && readdir(folder))
        entries++;   // "." and ".." are always there
    if (folder)
        closedir(folder);
    return folder && entries <= 2;
}

nca_status nca_folder_create(const char *path, nca_error *error)
{
    char *copy = strdup(path);
    if (!copy || !*copy) {
        free(copy);
        return nca_fail(error, NCA_FILE, "\"%s\": not the name of a folder", path);
    }
    for (size_t end = strlen(copy); end > 1 && copy[end - 1] == '/'; end--)
        copy[end - 1] = 0;
    nca_status status = make_folders(copy, error);
    if (status == NCA_OK && !nca_is_folder(copy))
        status =
            nca_fail(error, NCA_FILE, "%s: exists and is no folder; choose another name", path);
    else if (status == NCA_OK && !is_empty(copy))
        status =
            nca_fail(error, NCA_FILE, "%s: exists and is not empty; choose another name", path);
    free(copy);
    return status;
}
