// Whole files out: written beside their place, synced and renamed.
#define _GNU_SOURCE   // O_CLOEXEC, mkostemps
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/files.h"
#include "base/output_place.h"

struct nca_output {
    char *path;
    char *temporary;
    int file;
    bool is_standard;       // its bytes go to standard output in the end
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

// To rename over a device or a pipe would replace it by a file; where a link in a run folder leads
// is not for the folder to say.
static nca_status check_place(const char *path, nca_error *error)
{
    struct stat about;
    if (!*path)
        return nca_fail(error, NCA_FILE, "\"\": not the name of a file");
    if (lstat(path, &about) != 0)
        return NCA_OK;
    if (S_ISLNK(about.st_mode))
        return nca_fail(error, NCA_FILE,
                        "%s: a link, and nothing is written through it; put the file itself there",
                        path);
    if (S_ISDIR(about.st_mode))
        return nca_fail(error, NCA_FILE, "%s: a folder; give the name of a file", path);
    if (!S_ISREG(about.st_mode))
        return nca_fail(error, NCA_FILE, "%s: exists and is not a file; choose another name", path);
    return NCA_OK;
}

nca_status nca_output_open(const char *path, nca_output **out, nca_error *error)
{
    const bool is_standard = nca_is_standard_output(path);
    NCA_TRY(is_standard ? nca_standard_output_check(error) : check_place(path, error));
    nca_output *output = calloc(1, sizeof *output);
    if (output) {
        output->is_standard = is_standard;
        output->path = strdup(is_standard ? "standard output" : path);
        output->temporary = nca_temporary_name(path);
    }
    if (!output || !output->path || !output->temporary) {
        if (output)
            free_output(output);
        return nca_fail(error, NCA_MEMORY, "%s: no memory to write it", path);
    }
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

static nca_status put_in_place(nca_output *output, nca_error *error)
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
    return status;
}

// Nothing of it stays on the disk, whatever ends the program meanwhile.
static nca_status send_to_standard(nca_output *output, nca_error *error)
{
    unlink(output->temporary);
    const nca_status status = nca_standard_output_send(output->file, error);
    close(output->file);
    return status;
}

nca_status nca_output_commit(nca_output *output, nca_error *error)
{
    const nca_status status =
        output->is_standard ? send_to_standard(output, error) : put_in_place(output, error);
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
