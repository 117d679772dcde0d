// Whole files in and out: read at once; written beside, synced and renamed.
#define _GNU_SOURCE   // O_CLOEXEC, mkostemp
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"

// What the system says, and what to look at.
static nca_status fail_open(const char *path, nca_error *error)
{
    const char *look = errno == ENOENT || errno == ENOTDIR ? "; check the name"
                       : errno == EACCES || errno == EPERM ? "; check who may read it"
                                                           : "";
    return nca_fail(error, NCA_FILE, "%s: %s%s", path, strerror(errno), look);
}

nca_status nca_input_open(const char *path, nca_input *out, nca_error *error)
{
    struct stat about;
    // Without O_NONBLOCK a named pipe would be waited for.
    const int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return fail_open(path, error);
    if (fstat(file, &about) != 0 || !S_ISREG(about.st_mode)) {
        close(file);
        return nca_fail(error, NCA_FILE, "%s: not a file; it is a folder, a device or a pipe",
                        path);
    }
    *out = (nca_input){.path = path, .file = file, .size_bytes = (uint64_t)about.st_size};
    return NCA_OK;
}

nca_status nca_input_read(const nca_input *input, uint64_t offset, void *bytes, size_t size_bytes,
                          nca_error *error)
{
    uint8_t *to = bytes;
    while (size_bytes > 0) {
        const ssize_t got = pread(input->file, to, size_bytes, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return nca_fail(error, NCA_FILE, "%s: %s", input->path, strerror(errno));
        if (got == 0)
            return nca_fail(error, NCA_FILE, "%s: became shorter while it was read", input->path);
        to += got;
        offset += (uint64_t)got;
        size_bytes -= (size_t)got;
    }
    return NCA_OK;
}

void nca_input_close(nca_input *input)
{
    close(input->file);
    *input = (nca_input){.file = -1};
}

static nca_status read_all(const nca_input *input, size_t limit_bytes, uint8_t **bytes,
                           nca_error *error)
{
    if (input->size_bytes > limit_bytes)
        return nca_fail(error, NCA_FORMAT,
                        "%s: %" PRIu64 " bytes, and such a file has at most %zu; is it the right "
                        "one?",
                        input->path, input->size_bytes, limit_bytes);
    NCA_TRY(nca_memory_check(input->size_bytes, error, "%.200s", input->path));
    uint8_t *buffer = malloc((size_t)input->size_bytes + 1);
    if (!buffer)
        return nca_fail(error, NCA_MEMORY, "%s: no memory for its %" PRIu64 " bytes", input->path,
                        input->size_bytes);
    const nca_status status = nca_input_read(input, 0, buffer, (size_t)input->size_bytes, error);
    if (status == NCA_OK) {
        buffer[input->size_bytes] = 0;
        *bytes = buffer;
    } else {
        free(buffer);
    }
    return status;
}

nca_status nca_file_read(const char *path, size_t limit_bytes, uint8_t **bytes, size_t *size_bytes,
                         nca_error *error)
{
    nca_input input = {0};
    NCA_TRY(nca_input_open(path, &input, error));
    const nca_status status = read_all(&input, limit_bytes, bytes, error);
    if (status == NCA_OK)
        *size_bytes = (size_t)input.size_bytes;
    nca_input_close(&input);
    return status;
}

struct nca_output {
    char *path;
    char *temporary;
    int file;
    volatile pid_t child;   // that writes it; 0: none
};

// Those that are open. Where there are more than places, the last ones are not removed.
static nca_output *volatile outputs_open[8];

// A signal handler may look at any moment: what it finds is whole.
static void replace_open(const nca_output *old, nca_output *by)
{
    for (size_t i = 0; i < sizeof outputs_open / sizeof *outputs_open; i++)
        if (outputs_open[i] == old) {
            outputs_open[i] = by;
            return;
        }
}

void nca_outputs_remove(void)
{
    for (size_t i = 0; i < sizeof outputs_open / sizeof *outputs_open; i++) {
        const nca_output *output = outputs_open[i];
        if (output && output->child > 0) {   // it may be about to make the file
            kill(output->child, SIGKILL);
            waitpid(output->child, NULL, 0);
        }
        if (output)
            unlink(output->temporary);
    }
}

void nca_output_set_child(nca_output *output, pid_t child)
{
    output->child = child;
}

static void free_output(nca_output *output)
{
    replace_open(output, NULL);
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
    struct stat about;
    if (!*path)
        return nca_fail(error, NCA_FILE, "\"\": not the name of a file");
    if (nca_is_folder(path))
        return nca_fail(error, NCA_FILE, "%s: a folder; give the name of a file", path);
    // To rename over a device or a pipe would replace it by a file.
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode))
        return nca_fail(error, NCA_FILE, "%s: exists and is not a file; choose another name", path);
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
    replace_open(NULL, output);
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
