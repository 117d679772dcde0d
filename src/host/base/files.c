// Files read whole or in parts.
#define _GNU_SOURCE   // O_CLOEXEC
#include "base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"

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

// Editors on Windows put a mark in front of text, which is no part of it.
nca_status nca_text_read(const char *path, size_t limit_bytes, uint8_t **text, size_t *size_bytes,
                         nca_error *error)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    NCA_TRY(nca_file_read(path, limit_bytes, &bytes, &size, error));
    if (size >= 2 && (memcmp(bytes, "\xff\xfe", 2) == 0 || memcmp(bytes, "\xfe\xff", 2) == 0)) {
        free(bytes);
        return nca_fail(error, NCA_FORMAT, "%s: text in UTF-16; save it as UTF-8", path);
    }
    const size_t mark = nca_text_mark((const char *)bytes);
    memmove(bytes, bytes + mark, size - mark + 1);
    *text = bytes;
    *size_bytes = size - mark;
    return NCA_OK;
}
