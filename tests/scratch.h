// A folder of a test's own, made by scratch_setup and removed with all that is in it by
// scratch_teardown (both are cmocka group fixtures).
#ifndef NCA_TESTS_SCRATCH_H
#define NCA_TESTS_SCRATCH_H

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char scratch_folder[256];

static int scratch_setup(void **state)
{
    const char *root = getenv("TMPDIR");
    (void)state;
    snprintf(scratch_folder, sizeof scratch_folder, "%s/nca-test-XXXXXX",
             root && *root ? root : "/tmp");
    return mkdtemp(scratch_folder) ? 0 : -1;
}

static int scratch_remove(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

static int scratch_teardown(void **state)
{
    (void)state;
    return nftw(scratch_folder, scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}

// The path of a name in it; the next sixteen calls leave it as it is.
static inline const char *scratch(const char *name)
{
    static char paths[16][1024];
    static unsigned next;
    char *path = paths[next++ % 16];
    snprintf(path, sizeof paths[0], "%s/%s", scratch_folder, name);
    return path;
}

static inline const char *scratch_write(const char *name, const void *bytes, size_t size)
{
    const char *path = scratch(name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    return path;
}

// Reads it all, whatever it is; the caller frees it.
static inline unsigned char *scratch_read(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    unsigned char *bytes = malloc(*size + 1);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    bytes[*size] = 0;
    fclose(file);
    return bytes;
}

// Entries of a folder.
static inline int scratch_count(const char *path)
{
    DIR *folder = opendir(path);
    int count = -2;   // "." and ".."
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

#endif
