// Every kernel that the .cu files launch, by name.
#ifndef NCA_TESTS_CUDA_LAUNCHES_H
#define NCA_TESTS_CUDA_LAUNCHES_H

#include "device_under_test.h"

#include <dirent.h>

// What is done with every kernel: `number` counts them, in an order that stays.
typedef void visit_kernel(const char *path, const char *kernel, int number, void *context);

static inline int visit_file(const char *path, int number, visit_kernel *visit, void *context)
{
    static const char macro[] = "NCA_LAUNCH";
    char line[512], kernel[64];
    const int first = number;
    FILE *const file = fopen(path, "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        const char *at = strstr(line, macro);
        at = at ? strchr(at, '(') : NULL;
        if (at && sscanf(at + strspn(at, "("), "%63[a-z_0-9]", kernel) == 1)
            visit(path, kernel, number++, context);
    }
    fclose(file);
    if (number == first)
        fail_msg("%s: launches nothing that this test could find", path);
    return number;
}

// Returns how many there are.
static inline int visit_kernels(visit_kernel *visit, void *context)
{
    static const char folder[] = "src/kernels/cuda";
    DIR *const files = opendir(folder);
    int found = 0;
    assert_non_null(files);
    for (const struct dirent *entry; (entry = readdir(files));) {
        char path[512];
        const size_t length = strlen(entry->d_name);
        if (length < 4 || strcmp(entry->d_name + length - 3, ".cu"))
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        found = visit_file(path, found, visit, context);
    }
    closedir(files);
    return found;
}

#endif
