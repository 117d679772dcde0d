// The copy of a target in its run folder.
#include "task/kept_target.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nca/image.h"

enum { TARGET_LIMIT_BYTES = 1 << 28, EXTENSION_MAX = 8 };

// "target" with the extension of the user's file, where that is a usual one.
static void name_copy(const char *target, char name[32])
{
    const char *slash = strrchr(target, '/'), *dot = strrchr(slash ? slash : target, '.');
    bool is_usual = dot && strlen(dot) <= EXTENSION_MAX;
    for (const char *c = is_usual ? dot + 1 : ""; *c; c++)
        is_usual &= isalnum((unsigned char)*c) != 0;
    snprintf(name, 32, "target%s", is_usual ? dot : "");
}

nca_status nca_kept_target_write(const char *folder, const char *target, nca_error *error)
{
    char name[32], path[NCA_PATH_BYTES];
    uint8_t *bytes;
    size_t size_bytes;
    if (!nca_target_is_file(target))
        return NCA_OK;
    name_copy(target, name);
    NCA_TRY(nca_path_join(folder, name, path, error));
    NCA_TRY(nca_file_read(target, TARGET_LIMIT_BYTES, &bytes, &size_bytes, error));
    const nca_status status = nca_file_write(path, bytes, size_bytes, error);
    free(bytes);
    return status;
}

const char *nca_kept_target_find(const char *folder, const char *target, char path[NCA_PATH_BYTES])
{
    char name[32];
    name_copy(target, name);
    if (nca_path_join(folder, name, path, NULL) == NCA_OK && access(path, F_OK) == 0)
        return path;
    return target;
}
