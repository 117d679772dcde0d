// Where an output goes.
#define _GNU_SOURCE   // readlink
#include "base/output_place.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char tail[] = ".XXXXXX.part";

// A link says where it leads to from its own folder, or from the root.
static bool step(char place[NCA_PATH_BYTES], const char *link)
{
    char next[NCA_PATH_BYTES];
    const char *slash = *link == '/' ? NULL : strrchr(place, '/');
    const int kept = slash ? (int)(slash - place) + 1 : 0;
    if (snprintf(next, sizeof next, "%.*s%s", kept, place, link) >= (int)sizeof next)
        return false;
    memcpy(place, next, strlen(next) + 1);
    return true;
}

nca_status nca_output_follow(const char *path, char place[NCA_PATH_BYTES], nca_error *error)
{
    enum { LINKS_MAX = 40 };
    char link[NCA_PATH_BYTES];
    ssize_t length;
    if (snprintf(place, NCA_PATH_BYTES, "%s", path) >= NCA_PATH_BYTES)
        return nca_fail(error, NCA_ARGUMENT, "%.60s...: too long for a path", path);
    if (nca_is_standard_output(path))
        return NCA_OK;
    for (int i = 0; (length = readlink(place, link, sizeof link - 1)) > 0; i++) {
        link[length] = 0;
        if (i == LINKS_MAX || !step(place, link))
            return nca_fail(error, NCA_FILE, "%s: a link that leads nowhere; choose another name",
                            path);
    }
    return NCA_OK;
}

// The folder of a place; "." where it names none.
static void folder_of(const char *place, char folder[NCA_PATH_BYTES])
{
    const char *slash = strrchr(place, '/');
    if (slash)
        snprintf(folder, NCA_PATH_BYTES, "%.*s", slash == place ? 1 : (int)(slash - place), place);
    else
        snprintf(folder, NCA_PATH_BYTES, ".");
}

nca_status nca_output_folder_check(const char *option, const char *place, nca_error *error)
{
    char folder[NCA_PATH_BYTES];
    struct stat about;
    folder_of(place, folder);
    if (stat(folder, &about) != 0 || !S_ISDIR(about.st_mode))
        return nca_fail(error, NCA_FILE, "--%s %s: there is no folder %s; make it first", option,
                        place, folder);
    if (access(folder, W_OK) != 0)
        return nca_fail(error, NCA_FILE,
                        "--%s %s: nothing can be written into the folder %s: %s; choose another",
                        option, place, folder, strerror(errno));
    return NCA_OK;
}

static bool are_one_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static const char *name_in(const char *place)
{
    const char *slash = strrchr(place, '/');
    return slash ? slash + 1 : place;
}

bool nca_output_is_same(const char *place, const char *other)
{
    char a[NCA_PATH_BYTES], b[NCA_PATH_BYTES];
    if (are_one_file(place, other))
        return true;
    folder_of(place, a);
    folder_of(other, b);
    return strcmp(name_in(place), name_in(other)) == 0 && are_one_file(a, b);
}

// Some file systems take no more than 143 bytes, and none takes more than 255: a long name loses
// characters at its end.
char *nca_temporary_name(const char *path)
{
    enum { SAFE_BYTES = 143 };
    const char *folder = getenv("TMPDIR");
    char *name = NULL;
    if (nca_is_standard_output(path)) {
        const int made = asprintf(&name, "%s/nca%s", folder && *folder ? folder : "/tmp", tail);
        return made < 0 ? NULL : name;
    }
    const char *slash = strrchr(path, '/');
    const size_t start = slash ? (size_t)(slash - path) + 1 : 0, length = strlen(path);
    size_t kept = length;
    if (length - start + sizeof tail - 1 > SAFE_BYTES && length - start > sizeof tail) {
        kept = length - (sizeof tail - 1);
        while (kept > start && (path[kept] & 0xc0) == 0x80)   // not within a character
            kept--;
    }
    return asprintf(&name, "%.*s%s", (int)kept, path, tail) < 0 ? NULL : name;
}

bool nca_is_standard_output(const char *path)
{
    return strcmp(path, "-") == 0;
}

nca_status nca_standard_output_check(nca_error *error)
{
    if (!isatty(STDOUT_FILENO))
        return NCA_OK;
    return nca_fail(error, NCA_ARGUMENT,
                    "--output -: standard output is a terminal; send it to a file or a program, as "
                    "with > NAME");
}

nca_status nca_standard_output_fail(nca_error *error)
{
    if (errno == EBADF)
        return nca_fail(error, NCA_FILE,
                        "standard output: closed, so that nothing was printed; send it to a file "
                        "or a program, as with > NAME");
    return nca_fail(error, NCA_FILE, "standard output: cannot be written: %s", strerror(errno));
}

nca_status nca_standard_output_send(int file, nca_error *error)
{
    char bytes[1 << 16];
    ssize_t got;
    if (lseek(file, 0, SEEK_SET) < 0)
        return nca_fail(error, NCA_FILE, "standard output: %s", strerror(errno));
    while ((got = read(file, bytes, sizeof bytes)) != 0) {
        for (ssize_t sent = 0, now; sent < got; sent += now) {
            now = write(STDOUT_FILENO, bytes + sent, (size_t)(got - sent));
            if (now < 0 && errno == EINTR)
                now = 0;
            if (now < 0)
                return nca_standard_output_fail(error);
        }
        if (got < 0 && errno != EINTR)
            return nca_fail(error, NCA_FILE, "standard output: %s", strerror(errno));
    }
    return NCA_OK;
}
